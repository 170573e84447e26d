//! The one reader of the ledger in a process, and everybody who follows it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ticker_postgres::live::LiveReading;
use ticker_postgres::{Access as _, Connection, Database, DatabaseError};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::batches::{Batch, Batches, Next};
use super::stream::{Beginning, LiveStream};
use super::{LiveNews, Position};

/// From one reading to the next, at least: what moves meanwhile is read together.
const PAUSE: Duration = Duration::from_millis(25);
/// When no hint comes, the ledger is looked at all the same.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A reading that is not through after this is given up: the network may be gone without a word.
const READ_WITHIN: Duration = Duration::from_secs(6);
/// A position that was asked for is good enough for pages for so long.
const POSITION_AGE_MAX: Duration = Duration::from_secs(1);

/// The hub of a process. Clones are handles to the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hub {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Something moved, or somebody waits.
    woken: Notify,
    /// Told whenever a stream should look at the state again.
    changed: watch::Sender<()>,
    stop: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    /// What was read lately; `None` while nobody follows, and until the first reading.
    batches: Option<Batches>,
    /// The number of the first batch to come when reading begins anew.
    number: u64,
    streams: usize,
    /// Who waits to hear where to begin.
    waiting: Vec<Waiting>,
    /// Where the ledger ended when somebody last asked the database.
    asked: Option<(Instant, Position)>,
}

/// A stream that has not begun.
#[derive(Debug)]
struct Waiting {
    after: Option<Position>,
    answer: oneshot::Sender<Beginning>,
}

impl Hub {
    /// Reads while somebody follows, until it is told to stop.
    pub(crate) async fn run(self, database: Database) {
        let stop = self.shared.stop.clone();
        let reading = async {
            loop {
                self.until_wanted().await;
                let gone_on = timeout(READ_WITHIN, self.go_on(&database)).await;
                if let Err(error) = gone_on.unwrap_or(Err(DatabaseError::NoAnswer)) {
                    // Whoever watches the database says that it is away.
                    tracing::debug!(%error, "the ledger is not followed: next try in a second");
                    sleep(LOOK_EVERY).await;
                }
                sleep(PAUSE).await;
            }
        };
        stop.run_until_cancelled(reading).await;
    }

    /// Something may have moved.
    pub(crate) fn wake(&self) {
        self.shared.woken.notify_one();
    }

    /// Ends all streams.
    pub(super) fn stop(&self) {
        self.shared.stop.cancel();
        self.shared.changed.send_replace(());
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.shared.stop.is_cancelled()
    }

    /// How far everybody who follows has been told; `None` if that is not known or not new.
    pub(super) fn position(&self) -> Option<Position> {
        let state = self.lock();
        if let Some(batches) = &state.batches {
            return Some(batches.end().clone());
        }
        let fresh = state
            .asked
            .as_ref()
            .filter(|(at, _)| at.elapsed() < POSITION_AGE_MAX);
        fresh.map(|(_, position)| position.clone())
    }

    /// Remembers what the database has just said.
    pub(super) fn learn_position(&self, position: Position) {
        self.lock().asked = Some((Instant::now(), position));
    }

    pub(super) fn open(&self, after: Option<Position>) -> LiveStream {
        let (answer, beginning) = oneshot::channel();
        let mut state = self.lock();
        state.streams += 1;
        state.waiting.push(Waiting { after, answer });
        drop(state);
        self.wake();
        let changed = self.shared.changed.subscribe();
        LiveStream::new(self.clone(), changed, beginning)
    }

    /// A stream is gone.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.streams -= 1;
        if state.streams == 0 {
            state.rest();
        }
    }

    /// What a stream that has been told everything below `number` is to be told next.
    pub(super) fn next(&self, number: u64) -> Next {
        let state = self.lock();
        let batches = state.batches.as_ref();
        batches.map_or(Next::Nothing, |batches| batches.next(number))
    }

    /// Waits until there is somebody to read for and a reason to.
    async fn until_wanted(&self) {
        loop {
            let woken = self.shared.woken.notified();
            if self.lock().streams == 0 {
                woken.await;
            } else {
                // However it ends, it is time to look.
                let _ = timeout(LOOK_EVERY, woken).await;
            }
            if self.lock().streams > 0 {
                return;
            }
        }
    }

    /// Reads on and tells, and has those begin who wait.
    async fn go_on(&self, database: &Database) -> Result<(), DatabaseError> {
        let mut connection = database.connect().await?;
        let end = self
            .lock()
            .batches
            .as_ref()
            .map(|batches| batches.end().clone());
        let reading = match &end {
            Some(end) => connection.live().read(end).await?,
            None => LiveReading {
                position: connection.live().position().await?,
                news: LiveNews::Items(Vec::new()),
            },
        };
        let late = self.publish(reading);
        if late.is_empty() {
            return Ok(());
        }
        self.catch_up(&mut connection, late).await
    }

    /// Keeps what was read and tells it. Returns who has to be told more than is kept.
    fn publish(&self, reading: LiveReading) -> Vec<(Position, oneshot::Sender<Beginning>)> {
        let LiveReading { position, news } = reading;
        let mut state = self.lock();
        if state.streams == 0 {
            state.rest();
            return Vec::new();
        }
        let waiting = std::mem::take(&mut state.waiting);
        let number = state.number;
        let batches = state
            .batches
            .get_or_insert_with(|| Batches::new(position.clone(), number));
        let is_told = batches.push(position, news);
        let mut late = Vec::new();
        for Waiting { after, answer } in waiting {
            // Whoever knows nothing, or of a time that is still to come, has to look at everything.
            let after = after.filter(|after| batches.end().covers(after));
            let known = after.as_ref().and_then(|after| batches.number_after(after));
            let beginning = match (after, known) {
                (_, Some(number)) => Beginning::At(number),
                (None, _) => batches.anew(),
                (Some(after), None) => {
                    late.push((after, answer));
                    continue;
                }
            };
            // Whoever is gone does not begin.
            let _ = answer.send(beginning);
        }
        drop(state);
        if is_told {
            self.shared.changed.send_replace(());
        }
        late
    }

    /// Reads once for all who have to be told more than is kept: from where the first of them stopped.
    async fn catch_up(
        &self,
        connection: &mut Connection,
        late: Vec<(Position, oneshot::Sender<Beginning>)>,
    ) -> Result<(), DatabaseError> {
        let mut first: Option<&Position> = None;
        for (after, _) in &late {
            if first.is_none_or(|first| first.covers(after)) {
                first = Some(after);
            }
        }
        let Some(first) = first else { return Ok(()) };
        let reading = connection.live().read(first).await;
        let mut state = self.lock();
        let LiveReading { position, news } = match reading {
            Ok(reading) => reading,
            Err(error) => {
                state.wait_again(late);
                return Err(error);
            }
        };
        // Without batches all of them have left meanwhile.
        let Some(batches) = &state.batches else {
            return Ok(());
        };
        let number = batches.next_number();
        let missed = match news {
            LiveNews::Items(items) => Some(Arc::new(Batch::new(position, items))),
            LiveNews::TooMuch => None,
        };
        for (_, answer) in late {
            let _ = answer.send(match &missed {
                Some(batch) => Beginning::With(Arc::clone(batch), number),
                None => batches.anew(),
            });
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics halfway through a change.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Nobody follows any more: nothing is kept.
    fn rest(&mut self) {
        self.waiting.clear();
        if let Some(batches) = self.batches.take() {
            self.number = batches.next_number();
        }
    }

    fn wait_again(&mut self, late: Vec<(Position, oneshot::Sender<Beginning>)>) {
        self.waiting
            .extend(late.into_iter().map(|(after, answer)| Waiting {
                after: Some(after),
                answer,
            }));
    }
}
