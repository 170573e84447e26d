//! What is done now and then, by one replica of however many there are.

use std::time::{Duration, Instant};

use ticker_auth::Anyone;
use ticker_postgres::Access as _;
use ticker_postgres::invariants::RecentProgress;
use ticker_postgres::jobs::Claim;
use ticker_postgres::sessions::SessionLifetime;
use tokio_util::sync::CancellationToken;

use super::metrics;
use crate::App;
use crate::error::Failure;

/// Something that is done now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Forgets idempotency keys that nobody sends again.
    PrunePostingKeys,
    /// Checks what has moved in the ledger since the last time.
    VerifyLedger,
    /// Forgets sessions that have ended.
    ForgetSessions,
    /// Counts how stock stands over all.
    SurveyStock,
    /// Forgets changes of items that every screen has heard of.
    PruneItemChanges,
    /// Forgets the forms of bulk changes that nobody looks at again.
    ForgetBulkForms,
}

/// What an installation decides about jobs.
#[derive(Clone, Copy, Debug)]
pub struct JobSettings {
    /// How long sessions live.
    pub sessions: SessionLifetime,
    /// For how many days an idempotency key is kept, at least 7: for as long it has one effect.
    pub posting_key_days: u32,
}

/// How a job ended that was this process's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobOutcome {
    /// It was done.
    Succeeded,
    /// It was not; it will be tried again soon.
    Failed,
    /// It took so long between two steps that another process may have it now.
    Lost,
    /// This process stops; another may go on.
    Stopped,
}

/// A job that failed is tried again after this.
const RETRY_AFTER: Duration = Duration::from_mins(1);
/// Keys that are forgotten in one transaction.
const KEYS_A_STEP: u32 = 5_000;
/// Changes of items that are forgotten in one transaction.
const CHANGES_A_STEP: u32 = 5_000;
/// Forms that are forgotten in one transaction, each of up to 64 KiB.
const FORMS_A_STEP: u32 = 500;
/// How much longer a job rests after a step than the step took: presses come first.
const PAUSES_PER_STEP: u32 = 3;

impl Job {
    /// Every job.
    pub const ALL: [Self; 6] = [
        Self::PrunePostingKeys,
        Self::VerifyLedger,
        Self::ForgetSessions,
        Self::SurveyStock,
        Self::PruneItemChanges,
        Self::ForgetBulkForms,
    ];

    /// Its name in the database and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PrunePostingKeys => "prune_posting_keys",
            Self::VerifyLedger => "verify_ledger",
            Self::ForgetSessions => "forget_sessions",
            Self::SurveyStock => "survey_stock",
            Self::PruneItemChanges => "prune_item_changes",
            Self::ForgetBulkForms => "forget_bulk_forms",
        }
    }

    fn interval(self) -> Duration {
        match self {
            Self::VerifyLedger | Self::SurveyStock => Duration::from_mins(1),
            Self::PrunePostingKeys
            | Self::ForgetSessions
            | Self::PruneItemChanges
            | Self::ForgetBulkForms => Duration::from_hours(1),
        }
    }
}

impl JobOutcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Succeeded, Self::Failed, Self::Lost, Self::Stopped];

    /// Its name in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Lost => "lost",
            Self::Stopped => "stopped",
        }
    }
}

impl App {
    /// Does a job if it is due and no other replica has it; `None` if there was nothing to do. A long job
    /// ends between two of its steps when `stop` is cancelled.
    ///
    /// # Errors
    /// [`Failure`] if nobody could be asked whether it is due.
    pub async fn run_job(
        &self,
        _by: Anyone,
        job: Job,
        settings: JobSettings,
        stop: &CancellationToken,
    ) -> Result<Option<JobOutcome>, Failure> {
        let (app, stop) = (self.clone(), stop.clone());
        self.run(async move { app.try_run_job(job, settings, stop).await })
            .await
    }

    async fn try_run_job(
        &self,
        job: Job,
        settings: JobSettings,
        stop: CancellationToken,
    ) -> Result<Option<JobOutcome>, Failure> {
        let claimed = self
            .database
            .connect()
            .await?
            .jobs()
            .claim(job.as_str(), job.interval())
            .await?;
        let Some(claim) = claimed else {
            return Ok(None);
        };
        let mut turn = Turn {
            app: self,
            claim,
            stop,
            step_began: Instant::now(),
        };
        let worked = match job {
            Job::PrunePostingKeys => turn.prune_posting_keys(settings.posting_key_days).await,
            Job::VerifyLedger => turn.verify_ledger().await,
            Job::ForgetSessions => turn.forget_sessions(settings.sessions).await,
            Job::SurveyStock => turn.survey_stock().await,
            Job::PruneItemChanges => turn.prune_item_changes().await,
            Job::ForgetBulkForms => turn.forget_bulk_forms().await,
        };
        let outcome = match worked {
            Ok(()) => JobOutcome::Succeeded,
            Err(Ended::Early(outcome)) => outcome,
            Err(Ended::Failed(error)) => {
                tracing::warn!(%error, job = job.as_str(), "a job failed and is tried again in a minute");
                JobOutcome::Failed
            }
        };
        metrics::count_job(job, outcome);
        self.conclude_job(claim, outcome).await?;
        Ok(Some(outcome))
    }

    async fn conclude_job(&self, claim: Claim, outcome: JobOutcome) -> Result<(), Failure> {
        let mut connection = self.database.connect().await?;
        let mut jobs = connection.jobs();
        match outcome {
            JobOutcome::Succeeded => jobs.finish(claim).await?,
            JobOutcome::Failed => jobs.give_back(claim, RETRY_AFTER).await?,
            JobOutcome::Stopped => jobs.give_back(claim, Duration::ZERO).await?,
            JobOutcome::Lost => {}
        }
        Ok(())
    }

    /// Reads how the jobs of all replicas stand, and shows it in this process's metrics: whichever replica
    /// is asked tells the same.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    pub async fn report_jobs(&self, _by: Anyone) -> Result<(), Failure> {
        let mut connection = self.database.connect().await?;
        let check = connection.invariants().last_check().await?;
        let successes = connection.jobs().successes().await?;
        metrics::show_ledger_check(&check);
        metrics::show_job_successes(&successes);
        let survey = connection.stock_surveys().last().await?;
        metrics::show_stock_survey(&survey);
        self.busiest_items.send_replace(survey.busiest);
        Ok(())
    }
}

/// A job while this process has it.
struct Turn<'a> {
    app: &'a App,
    claim: Claim,
    stop: CancellationToken,
    step_began: Instant,
}

/// Why a job did not come to its end.
enum Ended {
    Early(JobOutcome),
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Turn<'_> {
    async fn prune_posting_keys(&mut self, days: u32) -> Result<(), Ended> {
        let mut keys = 0;
        loop {
            let mut connection = self.app.database.connect().await?;
            let gone = connection
                .posting_keys()
                .delete_expired(days, KEYS_A_STEP)
                .await?;
            drop(connection);
            keys += gone;
            if gone < u64::from(KEYS_A_STEP) {
                break;
            }
            self.go_on().await?;
        }
        if keys > 0 {
            tracing::info!(keys, "old idempotency keys are forgotten");
        }
        Ok(())
    }

    async fn verify_ledger(&mut self) -> Result<(), Ended> {
        loop {
            match self.app.check_recent().await? {
                RecentProgress::More { .. } => self.go_on().await?,
                RecentProgress::Done { .. } => return Ok(()),
                RecentProgress::TooMuchBroken => {
                    return Err(Ended::Failed(Failure::Defect(
                        "more is broken than the recent check keeps",
                    )));
                }
            }
        }
    }

    async fn forget_sessions(&mut self, lifetime: SessionLifetime) -> Result<(), Ended> {
        let mut connection = self.app.database.connect().await?;
        let sessions = connection.sessions().delete_expired(lifetime).await?;
        if sessions > 0 {
            tracing::info!(sessions, "ended sessions are forgotten");
        }
        Ok(())
    }

    async fn survey_stock(&mut self) -> Result<(), Ended> {
        let mut connection = self.app.database.connect().await?;
        connection.stock_surveys().survey().await?;
        Ok(())
    }

    async fn prune_item_changes(&mut self) -> Result<(), Ended> {
        loop {
            let mut connection = self.app.database.connect().await?;
            let gone = connection.live().delete_old_changes(CHANGES_A_STEP).await?;
            drop(connection);
            if gone < u64::from(CHANGES_A_STEP) {
                return Ok(());
            }
            self.go_on().await?;
        }
    }

    async fn forget_bulk_forms(&mut self) -> Result<(), Ended> {
        loop {
            let mut connection = self.app.database.connect().await?;
            let gone = connection
                .bulk_changes()
                .forget_details(FORMS_A_STEP)
                .await?;
            drop(connection);
            if gone < u64::from(FORMS_A_STEP) {
                return Ok(());
            }
            self.go_on().await?;
        }
    }

    /// Before the next step: leaves the database to others for a multiple of what the last one took, and
    /// sees that the job is still this process's.
    async fn go_on(&mut self) -> Result<(), Ended> {
        let pause = tokio::time::sleep(self.step_began.elapsed() * PAUSES_PER_STEP);
        if self.stop.run_until_cancelled(pause).await.is_none() {
            return Err(Ended::Early(JobOutcome::Stopped));
        }
        let mut connection = self.app.database.connect().await?;
        if !connection.jobs().renew(self.claim).await? {
            return Err(Ended::Early(JobOutcome::Lost));
        }
        self.step_began = Instant::now();
        Ok(())
    }
}
