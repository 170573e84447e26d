//! The checker: `ticker-loadgen check` over the log of a run, and `ticker verify`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::load::Gave;
use super::stage::Stage;
use super::verdict::{Verdict, float};
use crate::process;

/// The check of the acknowledgements: how many are not borne out by the history, exactly once.
pub(crate) const UNTRUE: &str = "answers not borne out";

/// What `ticker-loadgen check` found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Presses.
    pub(crate) keys: u64,
    /// Those answered as posted.
    pub(crate) posted: u64,
    /// Those without an answer that the history has.
    pub(crate) open_found: u64,
    /// Rules that are broken.
    pub(crate) violations: u64,
    /// The first hundred, in words.
    pub(crate) told: Vec<String>,
}

/// Compares what was answered with the ledger, and adds what is found to the verdict.
///
/// # Errors
/// When it cannot be compared.
pub(super) fn judge(
    verdict: &mut Verdict,
    stage: &Stage,
    url: &str,
    gave: &[Gave],
) -> Result<Findings> {
    let logs: Vec<PathBuf> = gave.iter().map(|gave| gave.log.clone()).collect();
    let findings = find(stage, url, &logs)?;
    verdict.tell("acknowledged writes", float(findings.posted), "");
    verdict.never(UNTRUE, findings.violations);
    let verified = stage.ground.run(&["verify"], "");
    verdict.never("ledger not sound", u64::from(verified.is_err()));
    if let Some(example) = findings.told.first() {
        verdict.remark(format!("such as: {example}"));
    }
    verdict.detail(json!({
        "violations": findings.told,
        "verify": verified.unwrap_or_else(|error| format!("{error:#}")),
        "load": gave.iter().map(|gave| gave.result.clone()).collect::<Vec<Value>>(),
    }));
    Ok(findings)
}

/// Runs the checker over logs.
///
/// # Errors
/// When it cannot read the history to its end.
pub(super) fn find(stage: &Stage, url: &str, logs: &[PathBuf]) -> Result<Findings> {
    let mut command = Command::new(&stage.ground.programs.loadgen);
    command.args(["check", "--url", url, "--accounts"]);
    command.arg(stage.ground.accounts());
    for log in logs {
        command.arg("--log").arg(log);
    }
    of(&mut command)
}

/// Runs the checker as it is told.
///
/// # Errors
/// When it cannot read the history to its end.
pub(crate) fn of(command: &mut Command) -> Result<Findings> {
    let done = process::capture(command, "")?;
    let Some(findings) = read(&done.stdout) else {
        bail!("the checker did not come to an end:\n{}", done.text());
    };
    if done.status.success() != (findings.violations == 0) {
        bail!("the checker contradicts itself:\n{}", done.text());
    }
    Ok(findings)
}

/// Reads `check: NOT SOUND, 2 violations: 7 keys: 5 posted, 1 refused, 1 without an answer (1 of them posted);
/// 9 movements in the history` and the violations before it.
fn read(said: &str) -> Option<Findings> {
    let told = said
        .lines()
        .filter_map(|line| line.strip_prefix("VIOLATED  "));
    let line = said.lines().find_map(|line| line.strip_prefix("check: "))?;
    let (verdict, counts) = line.split_once(": ")?;
    let violations = match verdict {
        "sound" => 0,
        _ => number_before(verdict, " violations")?,
    };
    Some(Findings {
        keys: number_before(counts, " keys")?,
        posted: number_before(counts, " posted,")?,
        open_found: number_before(counts, " of them")?,
        violations,
        told: told.map(str::to_owned).collect(),
    })
}

fn number_before(text: &str, label: &str) -> Option<u64> {
    let (before, _) = text.split_once(label)?;
    let digits = before.rsplit(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkers_words_are_understood() {
        let said = "VIOLATED  a: lost\nVIOLATED  b: lost\ncheck: NOT SOUND, 2 violations: 70 keys: 50 posted, \
                    19 refused, 1 without an answer (1 of them posted); 900 movements in the history\n";
        let findings = read(said).expect("findings");
        let expected = Findings {
            keys: 70,
            posted: 50,
            open_found: 1,
            violations: 2,
            told: vec!["a: lost".to_owned(), "b: lost".to_owned()],
        };
        assert_eq!(findings, expected);
        let sound = "check: sound: 7 keys: 7 posted, 0 refused, 0 without an answer (0 of them posted); 7 \
                     movements in the history\n";
        assert_eq!(read(sound).expect("findings").violations, 0);
        assert_eq!(read("ticker-loadgen: the history could not be read"), None);
    }
}
