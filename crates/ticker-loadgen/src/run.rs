//! `ticker-loadgen run`: signs the clients in, lets them go, and says what it gave.

mod log;
mod prepare;

pub(crate) use self::prepare::route;

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use tokio::task::JoinSet;

use self::log::Log;
use self::prepare::{Party, Prepared};
use crate::check::{self, Findings};
use crate::cli::RunArguments;
use crate::client::Client;
use crate::journal::Journal;
use crate::pace::Pace;
use crate::progress;
use crate::report::Report;
use crate::scenario::{Plan, Scenario};
use crate::streams::StreamsReport;
use crate::tally::{Outcome, Tally};

/// Runs the scenario and prints the result; whether every answer, and the ledger if it was checked, is as
/// it should be.
///
/// # Errors
/// When the settings contradict each other, a client cannot sign in, or a file cannot be written.
pub(crate) async fn run(arguments: RunArguments) -> anyhow::Result<bool> {
    let mut log = Log::new(&arguments);
    let journal = log
        .as_ref()
        .map(|log| Journal::open(log.path()))
        .transpose();
    let journal = journal.context("cannot open the log")?.map(Arc::new);
    let mut prepared = prepare::prepare(&arguments, journal.clone()).await?;
    let tally = prepared.tally.clone();
    let streams = prepared.streams.take();
    if let Some(log) = &mut log {
        log.set_evidence(true);
    }
    let measured = measure(&arguments, prepared, streams.is_some()).await;
    if let Some(journal) = journal {
        journal.flush().context("cannot write the log")?;
    }
    let scheduled = measured?;
    let streams = match streams {
        Some(streams) => {
            let acknowledged = tally.lock().acknowledged.take().unwrap_or_default();
            Some(streams.finish(&acknowledged).await)
        }
        None => None,
    };
    let findings = match &log {
        Some(log) if arguments.check => {
            let logs = [log.path().to_owned()];
            Some(check::prove(&arguments.target, &logs).await?)
        }
        _ => None,
    };
    let tally = tally.lock();
    let is_available = !arguments.fail_on_error || tally.attempts.failed() == 0;
    let is_true = tally.is_clean()
        && findings.as_ref().is_none_or(Findings::is_sound)
        && streams.as_ref().is_none_or(StreamsReport::is_complete);
    let report = Report::new(&arguments, &tally, scheduled, streams, findings);
    print!("{report}");
    if let Some(path) = &arguments.json {
        report.write(path)?;
    }
    if let Some(log) = &mut log {
        log.set_evidence(!is_true);
    }
    Ok(is_true && is_available)
}

/// How long to measure, if no number of operations is given.
const TIME: Duration = Duration::from_secs(10);
/// How long to run before.
const WARM_UP: Duration = Duration::from_secs(2);

/// Lets the clients work until all is done, or Ctrl-C says that nothing new is to be begun. Gives how
/// many arrivals the schedule held, if there was one.
async fn measure(
    arguments: &RunArguments,
    prepared: Prepared,
    is_followed: bool,
) -> anyhow::Result<Option<u64>> {
    let is_bounded = arguments.presses.is_some() || arguments.scenario == Scenario::Replay;
    let time = arguments.duration.or((!is_bounded).then_some(TIME));
    let warm_up = arguments
        .warm_up
        .or(time.map(|_| WARM_UP))
        .unwrap_or_default();
    let start = Instant::now();
    let pace = Pace::new(
        start,
        time.map(|time| warm_up + time),
        arguments.presses,
        arguments.rate,
    );
    let meanwhile = Arc::new(Pace::new(start, None, None, None));
    let pace = Arc::new(pace);
    {
        let mut tally = prepared.tally.lock();
        *tally = Tally::new(start + warm_up);
        tally.acknowledged = is_followed.then(Vec::new);
    }
    let mut workers = spawn(prepared.workers, &pace);
    let mut companions = spawn(prepared.companions, &meanwhile);
    let mut showing = pin!(progress::show(prepared.tally.clone()));
    let mut working = pin!(finish(&mut workers));
    let finished = tokio::select! {
        finished = &mut working => finished,
        () = &mut showing => unreachable!("it goes on for ever"),
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.context("cannot wait for Ctrl-C")?;
            pace.stop();
            tokio::select! {
                finished = working => finished,
                _ = tokio::signal::ctrl_c() => Err(anyhow!("interrupted while answers were awaited")),
            }
        }
    };
    meanwhile.stop();
    progress::clear();
    finished.and(finish(&mut companions).await)?;
    Ok(pace.scheduled())
}

fn spawn(party: Party, pace: &Arc<Pace>) -> JoinSet<anyhow::Result<()>> {
    let mut clients = JoinSet::new();
    for (client, plan) in party {
        clients.spawn(work(client, plan, Arc::clone(pace)));
    }
    clients
}

/// Waits for all; the first failure ends the others.
async fn finish(clients: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    while let Some(done) = clients.join_next().await {
        done.context("a client panicked")??;
    }
    Ok(())
}

async fn work(mut client: Client, mut plan: Plan, pace: Arc<Pace>) -> anyhow::Result<()> {
    while let Some(operation) = plan.next() {
        let Some(due) = pace.next().await else {
            break;
        };
        let outcome = client.carry_out(operation, due).await?;
        if outcome == Outcome::GaveUp && plan.keeps_order() {
            break;
        }
    }
    Ok(())
}
