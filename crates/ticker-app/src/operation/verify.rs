//! Whether the ledger is sound.

use ticker_auth::Operator;
use ticker_postgres::Access as _;
use ticker_postgres::invariants::{INVARIANTS, Invariant, RecentProgress, Slice, Violation};

use crate::App;
use crate::app::retrying;
use crate::error::Failure;

/// An invariant, and where it is broken.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was checked.
    pub invariant: Invariant,
    /// Where it does not hold, [`VIOLATIONS_MAX`] places at most; empty when it does.
    pub violations: Vec<String>,
    /// In how many places it does not hold.
    pub count: usize,
}

/// How many places of one invariant a check names at most.
pub const VIOLATIONS_MAX: usize = 100;

/// How far a check has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyProgress {
    /// What is being checked, such as `movements`.
    pub noun: &'static str,
    /// How many of them were.
    pub checked: u64,
}

impl App {
    /// Checks every invariant of the whole ledger, and tells `progress` how far it has come. It reads a
    /// slice at a time, so that writers go on beside it and no old snapshot holds back vacuum.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    pub async fn verify_ledger(
        &self,
        _by: Operator,
        mut progress: impl FnMut(VerifyProgress),
    ) -> Result<Vec<Finding>, Failure> {
        let mut findings = Findings::default();
        let mut next = Some(Slice::FIRST);
        let mut done = VerifyProgress {
            noun: "",
            checked: 0,
        };
        while let Some(slice) = next {
            let mut tx = self.database.begin().await?;
            tx.invariants().begin_reading().await?;
            let checked = tx.invariants().check_slice(slice).await?;
            if done.noun != slice.noun() {
                (done.noun, done.checked) = (slice.noun(), 0);
            }
            done.checked += checked.rows as u64;
            progress(done);
            findings.add(checked.violations);
            next = checked.next;
        }
        Ok(findings.0)
    }

    /// Checks what has moved since the last such check, and what was broken then.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    pub async fn verify_ledger_since_last(
        &self,
        _by: Operator,
        mut progress: impl FnMut(VerifyProgress),
    ) -> Result<Vec<Finding>, Failure> {
        let mut checked = 0;
        loop {
            let app = self.clone();
            let step = self.run(async move { app.check_recent().await }).await?;
            let (RecentProgress::More { movements } | RecentProgress::Done { movements }) = step
            else {
                break;
            };
            checked += movements.unsigned_abs();
            progress(VerifyProgress {
                noun: "movements",
                checked,
            });
            if let RecentProgress::Done { .. } = step {
                break;
            }
        }
        let mut findings = Findings::default();
        let mut connection = self.database.connect().await?;
        findings.add(connection.invariants().kept_violations().await?);
        Ok(findings.0)
    }

    /// A step of the check that goes along with the ledger; to be run in a task that nobody cancels.
    pub(super) async fn check_recent(&self) -> Result<RecentProgress, Failure> {
        retrying!(async {
            let mut tx = self.database.begin().await?;
            let progress = tx.invariants().check_recent().await?;
            tx.commit().await?;
            Ok::<_, Failure>(progress)
        })
    }
}

struct Findings(Vec<Finding>);

impl Default for Findings {
    fn default() -> Self {
        let sound = |invariant| Finding {
            invariant,
            violations: Vec::new(),
            count: 0,
        };
        Self(INVARIANTS.into_iter().map(sound).collect())
    }
}

impl Findings {
    fn add(&mut self, violations: Vec<Violation>) {
        for violation in violations {
            let named = |finding: &&mut Finding| finding.invariant.name == violation.invariant;
            let Some(finding) = self.0.iter_mut().find(named) else {
                continue;
            };
            finding.count += 1;
            if finding.violations.len() < VIOLATIONS_MAX {
                finding.violations.push(violation.place);
            }
        }
    }
}
