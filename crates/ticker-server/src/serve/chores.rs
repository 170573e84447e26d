//! What is done now and then while serving, by this process or by another replica.

use std::time::Duration;

use ticker_app::App;
use ticker_app::operation::{Job, JobSettings};
use ticker_auth::Anyone;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often each process asks whether a job is due, and shows how all of them stand.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Begins to do jobs, each in a task of its own: a long one does not hold up the others.
pub(super) fn spawn(
    tasks: &TaskTracker,
    app: &App,
    settings: JobSettings,
    stop: &CancellationToken,
) {
    for job in Job::ALL {
        tasks.spawn(run(app.clone(), job, settings, stop.clone()));
    }
    tasks.spawn(report(app.clone(), stop.clone()));
}

async fn run(app: App, job: Job, settings: JobSettings, stop: CancellationToken) {
    let mut looks = Looks::new(stop.clone());
    while looks.next(&app).await {
        if let Err(error) = app.run_job(Anyone, job, settings, &stop).await {
            tracing::warn!(%error, job = job.as_str(), "nobody can say whether a job is due");
        }
    }
}

async fn report(app: App, stop: CancellationToken) {
    let mut looks = Looks::new(stop);
    while looks.next(&app).await {
        if let Err(error) = app.report_jobs(Anyone).await {
            tracing::warn!(%error, "nobody can say how the jobs stand");
        }
    }
}

/// The moments at which to look: now and then, while the database is there with the schema that is needed.
/// Whoever watches that says so when it is not.
struct Looks {
    ticks: Interval,
    stop: CancellationToken,
}

impl Looks {
    fn new(stop: CancellationToken) -> Self {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks, stop }
    }

    /// Waits for the next one; false when there is none any more.
    async fn next(&mut self, app: &App) -> bool {
        while self
            .stop
            .run_until_cancelled(self.ticks.tick())
            .await
            .is_some()
        {
            if app.check_ready(Anyone).await.is_ok() {
                return true;
            }
        }
        false
    }
}
