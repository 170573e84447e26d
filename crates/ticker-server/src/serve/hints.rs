//! Hearing from other processes what has changed.

use std::time::Duration;

use ticker_app::App;
use ticker_auth::Anyone;
use tokio_util::sync::CancellationToken;

/// Nothing depends on hints, so there is no hurry.
const NEXT_TRY: Duration = Duration::from_secs(1);

/// Listens until `stop`, and again whenever the database was away.
pub(super) async fn listen(app: App, stop: CancellationToken) {
    let listening = async {
        loop {
            // Whoever watches the database says that it is away.
            let Err(error) = app.listen(Anyone).await;
            tracing::debug!(%error, "hints are not heard: next try in a second");
            tokio::time::sleep(NEXT_TRY).await;
        }
    };
    stop.run_until_cancelled(listening).await;
}
