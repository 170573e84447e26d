//! What is done now and then while serving.

use std::time::Duration;

use ticker_app::App;
use ticker_auth::Anyone;
use ticker_postgres::sessions::SessionLifetime;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

/// Ended sessions are refused at once; their rows can stay a while. The first time comes when a start
/// beside a database that starts, too, is over.
const FORGETTING_DELAY: Duration = Duration::from_mins(5);
const FORGETTING_INTERVAL: Duration = Duration::from_hours(1);

/// Deletes the rows of ended sessions, soon after the start and then hourly.
pub(super) async fn forget_sessions(app: App, lifetime: SessionLifetime, stop: CancellationToken) {
    let mut hourly = interval_at(Instant::now() + FORGETTING_DELAY, FORGETTING_INTERVAL);
    hourly.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(hourly.tick()).await.is_some() {
        match app.forget_expired_sessions(Anyone, lifetime).await {
            Ok(0) => {}
            Ok(sessions) => tracing::info!(sessions, "ended sessions are forgotten"),
            Err(error) => {
                tracing::warn!(%error, "ended sessions are not forgotten: next try in an hour");
            }
        }
    }
}
