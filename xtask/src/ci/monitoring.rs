//! The checks of what watches Ticker: alerts, and dashboards.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Verdict;
use super::checks::finish;
use crate::interrupt::Interrupted;
use crate::packaged::{self, AMTOOL, BLACKBOX_EXPORTER, PROMTOOL};
use crate::process;
use crate::version::Version;
use crate::workspace::Workspace;

/// Whoever gets an alert reads there what it means and what to do.
const RUNBOOKS: &str = "docs/monitoring.md";
const SEVERITIES: [&str; 3] = ["critical", "warning", "none"];
/// It is silent only when everything is broken.
const ALWAYS_FIRES: &str = "TickerHeartbeat";
/// The first release of the alertmanager that reads the address of a webhook from a file.
const READS_ADDRESSES_FROM_FILES: &str = "0.26";

/// The configurations are valid, every alert is told of, and every alert's test passes.
pub(super) fn alerts(workspace: &Workspace) -> Result<Verdict> {
    let root = &workspace.root;
    let mut problems = Vec::new();
    for rules in files(&root.join("prometheus/rules"), "yml")? {
        let tests = root
            .join("prometheus/tests")
            .join(rules.file_name().unwrap_or_default());
        let context = || format!("{} has no tests", rules.display());
        problems.extend(untold(
            &fs::read_to_string(&rules)?,
            &fs::read_to_string(&tests).with_context(context)?,
            &fs::read_to_string(root.join(RUNBOOKS))?,
        ));
    }
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    let (promtool, amtool, blackbox) = match programs() {
        Ok(programs) => programs,
        Err(error) if error.is::<Interrupted>() => return Err(error),
        Err(error) => return Ok(Verdict::Impossible(format!("{error:#}"))),
    };
    let config = ["check", "config", "prometheus/prometheus.yml"];
    finish(workspace, Command::new(&promtool).args(config))?;
    let tests = files(&root.join("prometheus/tests"), "yml")?;
    let mut promtool = Command::new(&promtool);
    finish(workspace, promtool.args(["test", "rules"]).args(tests))?;
    let mut blackbox = Command::new(&blackbox);
    blackbox.args(["--config.check", "--config.file=blackbox/blackbox.yml"]);
    finish(workspace, &mut blackbox)?;
    alertmanager(workspace, &amtool)
}

fn programs() -> Result<(PathBuf, PathBuf, PathBuf)> {
    Ok((
        PROMTOOL.ensure()?,
        AMTOOL.ensure()?,
        BLACKBOX_EXPORTER.ensure()?,
    ))
}

/// An older `amtool` than the stack's gets the configuration with an address in the place of the file's name.
fn alertmanager(workspace: &Workspace, amtool: &Path) -> Result<Verdict> {
    let own = workspace.root.join("alertmanager/alertmanager.yml");
    let config = if packaged::version_of(amtool) < Version::find(READS_ADDRESSES_FROM_FILES) {
        let copy = workspace.target.join("alertmanager.yml");
        fs::create_dir_all(&workspace.target)?;
        fs::write(&copy, with_addresses(&fs::read_to_string(&own)?))?;
        copy
    } else {
        own
    };
    finish(
        workspace,
        Command::new(amtool).arg("check-config").arg(config),
    )
}

fn with_addresses(config: &str) -> String {
    let line = |line: &str| match line.split_once("url_file: ") {
        Some((before, file)) => format!("{before}url: http://localhost{file}\n"),
        None => format!("{line}\n"),
    };
    config.lines().map(line).collect()
}

/// What an alert's rule says of it.
#[derive(Default)]
struct Alert<'t> {
    severity: Option<&'t str>,
    runbook: Option<&'t str>,
}

/// What is missing about the alerts of a file: a severity, a runbook, a test that sees it fire, and one that
/// sees it not fire.
fn untold(rules: &str, tests: &str, runbooks: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let alerts = alerts_in(rules);
    let tested = tested_in(tests);
    let headings: Vec<&str> = runbooks
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .collect();
    for (name, alert) in &alerts {
        let mut say = |what: &str| problems.push(format!("{name} {what}"));
        if !alert
            .severity
            .is_some_and(|word| SEVERITIES.contains(&word))
        {
            say("has no severity, or one that nobody knows");
        }
        let runbook = format!("{RUNBOOKS}#{}", name.to_lowercase());
        if alert.runbook != Some(&runbook) {
            say(&format!("does not have {runbook} as its runbook"));
        }
        if !headings.contains(name) {
            say(&format!("has no runbook in {RUNBOOKS}"));
        }
        let fires = |wanted: bool| tested.contains(&(*name, wanted));
        if !fires(true) {
            say("is never seen to fire in its tests");
        }
        if !fires(false) && *name != ALWAYS_FIRES {
            say("is never seen not to fire in its tests");
        }
    }
    problems
}

fn alerts_in(rules: &str) -> BTreeMap<&str, Alert<'_>> {
    let mut alerts: BTreeMap<&str, Alert<'_>> = BTreeMap::new();
    let mut current = None;
    for line in rules.lines().map(str::trim_start) {
        if let Some(name) = line.strip_prefix("- alert: ") {
            current = Some(alerts.entry(name).or_default());
        } else if let (Some(severity), Some(alert)) =
            (line.strip_prefix("severity: "), current.as_mut())
        {
            alert.severity = Some(severity);
        } else if let (Some(runbook), Some(alert)) =
            (line.strip_prefix("runbook_url: "), current.as_mut())
        {
            alert.runbook = Some(runbook);
        }
    }
    alerts
}

/// The alerts that a file of tests asks about, each with whether it is expected to fire. One that is not
/// stands in a line of its own, without anything expected.
fn tested_in(tests: &str) -> Vec<(&str, bool)> {
    tests.lines().filter_map(tested).collect()
}

fn tested(line: &str) -> Option<(&str, bool)> {
    let line = line.trim_start().strip_prefix("- ")?;
    match line.strip_prefix("{ alertname: ") {
        Some(quiet) => quiet.split_once(',').map(|(name, _)| (name, false)),
        None => line.strip_prefix("alertname: ").map(|name| (name, true)),
    }
}

/// Every dashboard is what Grafana's own types say that a dashboard is.
pub(super) fn dashboards(workspace: &Workspace) -> Result<Verdict> {
    let Some(npm) = process::find_on_path("npm") else {
        return Ok(Verdict::Impossible("npm is not installed".to_owned()));
    };
    let types = workspace.root.join("grafana/schema");
    let package = fs::read_to_string(types.join("package.json"))?;
    let stack = fs::read_to_string(workspace.root.join("stack_prod.yaml"))?;
    same_release(&package, &stack)?;

    let folder = workspace.target.join("grafana-schema");
    if !is_installed(&folder, &package) {
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("package.json"), &package)?;
        let mut install = Command::new(npm);
        install.args(["install", "--ignore-scripts", "--no-package-lock"]);
        install.args(["--no-audit", "--no-fund"]);
        let done = process::capture(install.current_dir(&folder), "")?;
        if !done.status.success() {
            let reason = process::last_lines(&done.text(), 3);
            let reason = format!("Grafana's types cannot be fetched:\n{reason}");
            return Ok(Verdict::Unreachable(reason));
        }
        fs::write(folder.join(INSTALLED), &package)?;
    }
    fs::copy(types.join("dashboard.ts"), folder.join("dashboard.ts"))?;
    fs::write(folder.join("tsconfig.json"), COMPILER_SETTINGS)?;
    let checked = folder.join("checked");
    if checked.exists() {
        fs::remove_dir_all(&checked)?;
    }
    fs::create_dir(&checked)?;
    for file in files(&workspace.root.join("grafana/dashboards"), "json")? {
        let name = file.file_stem().unwrap_or_default();
        let json = fs::read_to_string(&file)?;
        fs::write(
            checked.join(name).with_extension("ts"),
            typed(json.trim_end()),
        )?;
    }
    let mut compiler = Command::new(folder.join("node_modules/.bin/tsc"));
    finish(workspace, compiler.arg("--project").arg(&folder))
}

/// Written when everything is there, with what was asked for.
const INSTALLED: &str = "installed.json";
const COMPILER_SETTINGS: &str = r#"{
  "compilerOptions": {
    "noEmit": true, "strict": true, "skipLibCheck": true, "types": [],
    "target": "es2022", "module": "esnext", "moduleResolution": "bundler"
  },
  "include": ["checked/*.ts"]
}
"#;

fn is_installed(folder: &Path, package: &str) -> bool {
    fs::read_to_string(folder.join(INSTALLED)).is_ok_and(|installed| installed == package)
}

/// A literal in the source: the compiler then refuses fields that nobody knows, too.
fn typed(json: &str) -> String {
    format!(
        "import type {{ Dashboard }} from \"../dashboard\";\nexport const dashboard: Dashboard = {json};\n"
    )
}

/// The types are those of the Grafana that the stack runs.
fn same_release(package: &str, stack: &str) -> Result<()> {
    let after = |text: &str, beginning: &str, end: char| -> Option<String> {
        let rest = text.split_once(beginning)?.1;
        Some(rest.split(end).next()?.trim().to_owned())
    };
    let types = after(package, "\"@grafana/schema\": \"", '"');
    let image = after(stack, "image: grafana/grafana:", '\n');
    if types.is_none() || types != image {
        bail!("grafana/schema has the types of {types:?}, stack_prod.yaml runs Grafana {image:?}");
    }
    Ok(())
}

fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let context = || format!("cannot read {}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(context)? {
        let file = entry.with_context(context)?.path();
        if file.extension().is_some_and(|found| found == extension) {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "
      - alert: TickerDown
        expr: absent(up)
        labels:
          severity: critical
        annotations:
          runbook_url: docs/monitoring.md#tickerdown
";
    const TESTS: &str = "
      - { alertname: TickerDown, eval_time: 5m }
      - alertname: TickerDown
        eval_time: 6m
";
    const RUNBOOK: &str = "## Alerts\n\n### TickerDown\n";

    #[test]
    fn an_alert_needs_a_severity_a_runbook_and_tests_of_both_kinds() {
        assert_eq!(untold(RULES, TESTS, RUNBOOK), Vec::<String>::new());
        let said = |rules: &str, tests: &str, runbook: &str, what: &str| {
            let problems = untold(rules, tests, runbook);
            assert!(
                problems.len() == 1 && problems[0].contains(what),
                "{what}: {problems:?}"
            );
        };
        said(
            &RULES.replace("critical", "urgent"),
            TESTS,
            RUNBOOK,
            "severity",
        );
        said(
            &RULES.replace("#tickerdown", "#tickerup"),
            TESTS,
            RUNBOOK,
            "as its runbook",
        );
        said(RULES, TESTS, "## Alerts\n", "has no runbook in");
        said(
            RULES,
            "- { alertname: TickerDown, eval_time: 5m }",
            RUNBOOK,
            "seen to fire",
        );
        said(RULES, "- alertname: TickerDown", RUNBOOK, "not to fire");
    }

    #[test]
    fn addresses_take_the_place_of_files() {
        assert_eq!(
            with_addresses("    - url_file: /run/secrets/a\n      send_resolved: true\n"),
            "    - url: http://localhost/run/secrets/a\n      send_resolved: true\n"
        );
    }

    #[test]
    fn another_release_of_grafana_is_noticed() {
        let package = "{ \"@grafana/schema\": \"12.0.2\", }";
        assert!(same_release(package, "    image: grafana/grafana:12.0.2\n").is_ok());
        assert!(same_release(package, "    image: grafana/grafana:12.0.20\n").is_err());
        assert!(same_release("{}", "").is_err());
    }
}
