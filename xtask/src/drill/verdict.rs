//! What a drill found.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::machine;
use crate::progress;

/// What a drill found.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// What was done, in words.
    done: String,
    checks: Vec<Check>,
    /// What a reader of the figures has to know.
    remarks: Vec<String>,
    /// Everything else that was said, for the file.
    details: Vec<Value>,
    /// Whether it could not be done at all.
    is_not_run: bool,
}

/// Something that has to be so.
#[derive(Debug)]
struct Check {
    name: &'static str,
    /// What was found.
    found: f64,
    unit: &'static str,
    /// The most that it may be; `None` for what is only told.
    most: Option<f64>,
}

/// The head of the table that [`Verdict::row`] gives rows of.
pub(crate) const HEAD: &str =
    "| Drill | What was run | What was found | Verdict |\n|---|---|---|---|\n";

impl Verdict {
    /// That something was done, and nothing found yet.
    pub(crate) fn of(done: String) -> Self {
        Self {
            done,
            ..Self::default()
        }
    }

    /// That it could not be done here, and why; said aloud, and nothing that fails.
    pub(crate) fn not_run(reason: &str) -> Self {
        progress::say(&format!("  NOT RUN: {reason}"));
        Self {
            remarks: vec![reason.to_owned()],
            is_not_run: true,
            ..Self::default()
        }
    }

    /// Takes in a figure that may be at most so much.
    pub(crate) fn at_most(
        &mut self,
        name: &'static str,
        found: f64,
        unit: &'static str,
        most: f64,
    ) {
        let most = Some(most);
        self.checks.push(Check {
            name,
            found,
            unit,
            most,
        });
    }

    /// Takes in how often something happened that must not happen.
    pub(crate) fn never(&mut self, name: &'static str, count: u64) {
        self.at_most(name, float(count), "", 0.0);
    }

    /// Takes in a figure that is only told.
    pub(crate) fn tell(&mut self, name: &'static str, found: f64, unit: &'static str) {
        let most = None;
        self.checks.push(Check {
            name,
            found,
            unit,
            most,
        });
    }

    /// Adds what a reader of the figures has to know.
    pub(crate) fn remark(&mut self, remark: impl Into<String>) {
        self.remarks.push(remark.into());
    }

    /// Adds something for the file.
    pub(crate) fn detail(&mut self, detail: Value) {
        self.details.push(detail);
    }

    /// Whether everything is as it has to be; where something was broken on purpose, whether the check that
    /// has to notice did; a figure that nobody could take notices nothing.
    pub(crate) fn is_well(&self, broken: Option<(&str, &str)>) -> bool {
        if self.is_not_run {
            return true;
        }
        match broken {
            None => self.checks.iter().all(Check::holds),
            Some((_, notices)) => {
                let mut guards = self.checks.iter().filter(|check| check.name == notices);
                guards.any(|check| !check.holds() && !check.found.is_nan())
            }
        }
    }

    /// A row of the table, in Markdown.
    pub(crate) fn row(&self, name: &str, broken: Option<(&str, &str)>) -> String {
        let checks: Vec<String> = self.checks.iter().map(Check::words).collect();
        let found = [checks, self.remarks.clone()].concat().join("; ");
        let (option, what, [well, ill]) = match broken {
            None => ("", self.done.clone(), ["holds", "**does not hold**"]),
            Some((control, _)) => (
                " --control",
                format!("{control}: {}", self.done),
                ["noticed", "**not noticed**"],
            ),
        };
        let verdict = match self.is_well(broken) {
            _ if self.is_not_run => "**not run**",
            true => well,
            false => ill,
        };
        format!("| `{name}{option}` | {what} | {found} | {verdict} |\n")
    }

    /// Writes everything to `<folder>/<name>-<time>.json`; `about` says what was run, and of which commit it is.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn save(
        &self,
        folder: &Path,
        name: &str,
        broken: Option<(&str, &str)>,
        about: &Value,
    ) -> Result<PathBuf> {
        let ended = machine::now()?;
        let content = json!({
            "drill": name,
            "ended": ended,
            "about": about,
            "machine": machine::describe(),
            "broken_on_purpose": broken.map(|(control, _)| control),
            "is_not_run": self.is_not_run,
            "is_well": self.is_well(broken),
            "done": self.done,
            "checks": self.checks.iter().map(Check::to_json).collect::<Vec<_>>(),
            "remarks": self.remarks,
            "details": self.details,
        });
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let file = folder.join(format!("{name}-{ended}.json"));
        let text = serde_json::to_string_pretty(&content)? + "\n";
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(file)
    }
}

impl Check {
    /// A figure that nobody could take (NaN) holds nothing.
    fn holds(&self) -> bool {
        self.most.is_none_or(|most| self.found <= most)
    }

    fn words(&self) -> String {
        let found = with_unit(self.found, self.unit);
        match self.most {
            None => format!("{} {found}", self.name),
            Some(most) => {
                let sign = if self.holds() { "≤" } else { "**not ≤**" };
                format!(
                    "{} {found} ({sign} {})",
                    self.name,
                    with_unit(most, self.unit)
                )
            }
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "found": self.found,
            "unit": self.unit,
            "most": self.most,
            "holds": self.holds(),
        })
    }
}

/// Counts stay far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

fn with_unit(number: f64, unit: &str) -> String {
    match unit {
        "" => format!("{number:.0}"),
        _ => format!("{number:.2} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lost: u64, outage_s: f64) -> Verdict {
        let mut verdict = Verdict::of("2 kills".to_owned());
        verdict.never("lost", lost);
        verdict.at_most("outage", outage_s, "s", 8.0);
        verdict.tell("writes", 100.0, "");
        verdict
    }

    #[test]
    fn a_control_is_well_when_the_guard_fails_and_only_then() {
        let control = Some(("a lie", "lost"));
        assert!(found(0, 1.0).is_well(None) && !found(0, 1.0).is_well(control));
        assert!(!found(1, 1.0).is_well(None) && found(1, 1.0).is_well(control));
        assert!(!found(0, 9.0).is_well(None));
        assert!(
            !found(0, 9.0).is_well(control),
            "another check is no notice"
        );
        assert!(
            !found(0, f64::NAN).is_well(None),
            "nothing measured holds nothing"
        );
        assert!(!found(1, 1.0).is_well(Some(("a lie", "absent"))));
        let unmeasured = found(0, f64::NAN).is_well(Some(("a lie", "outage")));
        assert!(!unmeasured, "nor does it notice anything");
    }

    #[test]
    fn a_row_says_what_does_not_hold() {
        assert_eq!(
            found(3, 1.0).row("kill", None),
            "| `kill` | 2 kills | lost 3 (**not ≤** 0); outage 1.00 s (≤ 8.00 s); writes 100 | \
             **does not hold** |\n"
        );
        assert!(
            found(3, 1.0)
                .row("kill", Some(("a lie", "lost")))
                .ends_with("| noticed |\n")
        );
    }
}
