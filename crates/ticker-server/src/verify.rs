//! `ticker verify`: checks the ledger's invariants.

use std::process::ExitCode;

use anyhow::Context as _;
use ticker_app::App;
use ticker_app::operation::VIOLATIONS_MAX;
use ticker_auth::Operator;

/// Prints each invariant, and where it is broken; ends with 1 if one is.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) async fn run(app: &App) -> anyhow::Result<ExitCode> {
    let findings = app
        .verify_ledger(Operator)
        .await
        .context("the ledger cannot be checked")?;
    let mut broken = 0_usize;
    for finding in &findings {
        let (name, rule) = (finding.invariant.name, finding.invariant.rule);
        if finding.violations.is_empty() {
            println!("{name}  ok      {rule}");
            continue;
        }
        broken += 1;
        println!("{name}  BROKEN  {rule}");
        for violation in &finding.violations {
            println!("      {violation}");
        }
        if finding.violations.len() >= VIOLATIONS_MAX as usize {
            println!("      (and perhaps more: only the first {VIOLATIONS_MAX} are shown)");
        }
    }
    app.shut_down().await;
    if broken == 0 {
        println!("The ledger is sound.");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{broken} of {} invariants are broken.", findings.len());
    Ok(ExitCode::FAILURE)
}
