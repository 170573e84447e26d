//! `ticker verify`: checks the ledger's invariants.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use ticker_app::App;
use ticker_app::operation::{Finding, VerifyProgress};
use ticker_auth::Operator;

/// Prints each invariant, and where it is broken; ends with 1 if one is.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) async fn run(app: &App, since_last: bool) -> anyhow::Result<ExitCode> {
    let mut terminal = Terminal::of_process();
    let findings = if since_last {
        app.verify_ledger_since_last(Operator, |progress| terminal.show(progress))
            .await
    } else {
        app.verify_ledger(Operator, |progress| terminal.show(progress))
            .await
    };
    terminal.clear();
    let findings = findings.context("the ledger cannot be checked")?;
    app.shut_down().await;
    print(&findings);
    let broken = findings.iter().filter(|finding| finding.count > 0).count();
    if broken == 0 {
        println!("The ledger is sound.");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{broken} of {} invariants are broken.", findings.len());
    Ok(ExitCode::FAILURE)
}

fn print(findings: &[Finding]) {
    for finding in findings {
        let (name, rule) = (finding.invariant.name, finding.invariant.rule);
        if finding.count == 0 {
            println!("{name}  ok      {rule}");
            continue;
        }
        println!("{name}  BROKEN  {rule}");
        for violation in &finding.violations {
            println!("      {violation}");
        }
        let more = finding.count - finding.violations.len();
        if more > 0 {
            println!("      and {more} more");
        }
    }
}

/// One line on standard error, if somebody watches it, that says how far the check has come.
struct Terminal {
    is_watched: bool,
}

impl Terminal {
    fn of_process() -> Self {
        Self {
            is_watched: std::io::stderr().is_terminal(),
        }
    }

    fn show(&mut self, progress: VerifyProgress) {
        self.write(&format!("checked {} {}", progress.checked, progress.noun));
    }

    fn clear(&mut self) {
        self.write("");
    }

    fn write(&mut self, line: &str) {
        /// ECMA-48: erase to the end of the line.
        const ERASE: &str = "\x1b[K";
        if self.is_watched && write!(std::io::stderr(), "\r{line}{ERASE}").is_err() {
            self.is_watched = false;
        }
    }
}
