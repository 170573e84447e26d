//! `ticker demo`: loads the demo shop.

use std::process::ExitCode;

use anyhow::Context as _;
use ticker_app::App;
use ticker_auth::Operator;

/// Fills an empty inventory, and prints with how much.
///
/// # Errors
/// When there are items already, or nobody who could have moved them.
pub(crate) async fn run(app: &App) -> anyhow::Result<ExitCode> {
    let shop = app
        .load_demo(&Operator)
        .await
        .context("the demo shop was not loaded")?;
    println!(
        "The demo shop is loaded: {} items, {} movements.",
        shop.items, shop.movements
    );
    app.shut_down().await;
    Ok(ExitCode::SUCCESS)
}
