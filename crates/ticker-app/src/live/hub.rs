//! The one reader of the ledger in a process, and everybody who follows it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ticker_auth::SessionHandle;
use ticker_domain::id::UserId;
use ticker_postgres::live::LiveReading;
use ticker_postgres::{Access as _, Connection, Database, DatabaseError};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::batches::{Batch, Batches, Next};
use super::stream::{Beginning, LiveStream, Over};
use super::{LiveNews, Position, STREAMS_MAX_DEFAULT};
use crate::clock::Clock;
use crate::metrics;

/// From one reading to the next, at least: what moves meanwhile is read together.
const PAUSE: Duration = Duration::from_millis(25);
/// So much more for each stream that is told, while there is always something to tell: each reading wakes them
/// all, and a thousand told forty times a second leave little for the presses that they hear of.
const PAUSE_A_STREAM: Duration = Duration::from_micros(100);
/// Woken more often than this there is always something to tell. A replica hears twice of its own presses.
const BUSY_EVERY: Duration = Duration::from_micros(12_500);
/// The most streams of one person: what is open in ten tabs and on ten devices is rarely looked at.
const STREAMS_OF_A_USER_MAX: usize = 10;
/// When no hint comes, the ledger is looked at all the same.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A reading that is not through after this is given up: the network may be gone without a word.
const READ_WITHIN: Duration = Duration::from_secs(6);
/// A position that was asked for is good enough for pages for so long.
const POSITION_AGE_MAX: Duration = Duration::from_secs(1);

/// The hub of a process. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub(crate) struct Hub {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Something moved, or somebody waits.
    woken: Notify,
    /// How often, since the reading before.
    woken_times: AtomicU32,
    /// Somebody follows who did not before.
    opened: Notify,
    /// Told whenever a stream should look at the state again.
    changed: watch::Sender<()>,
    stop: CancellationToken,
}

/// Names a stream of this process; later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StreamId(u64);

#[derive(Debug)]
struct State {
    /// What was read lately; `None` while nobody follows, and until the first reading.
    batches: Option<Batches>,
    /// The number of the first batch to come when reading begins anew.
    number: u64,
    streams: BTreeMap<StreamId, Open>,
    opened: u64,
    streams_max: usize,
    /// Who waits to hear where to begin.
    waiting: Vec<Waiting>,
    /// Where the ledger ended when somebody last asked the database.
    asked: Option<(Instant, Position)>,
}

/// A stream that is open.
#[derive(Debug)]
struct Open {
    user: UserId,
    session: SessionHandle,
    over: Option<Over>,
}

/// A stream that has not begun.
#[derive(Debug)]
struct Waiting {
    id: StreamId,
    after: Option<Position>,
    answer: oneshot::Sender<Beginning>,
}

/// A stream that has to be told what is not kept any more, and where it stopped.
type Late = (Position, Waiting);

impl Hub {
    /// A hub that nobody follows yet.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let state = State {
            batches: None,
            number: 0,
            streams: BTreeMap::new(),
            opened: 0,
            streams_max: STREAMS_MAX_DEFAULT,
            waiting: Vec::new(),
            asked: None,
        };
        Self {
            shared: Arc::new(Shared {
                clock,
                state: Mutex::new(state),
                woken: Notify::new(),
                woken_times: AtomicU32::new(0),
                opened: Notify::new(),
                changed: watch::Sender::default(),
                stop: CancellationToken::new(),
            }),
        }
    }

    /// Reads while somebody follows, until it is told to stop.
    pub(crate) async fn run(self, database: Database) {
        let stop = self.shared.stop.clone();
        let reading = async {
            let mut counted = Instant::now();
            loop {
                self.until_wanted().await;
                let woken = self.shared.woken_times.swap(0, Ordering::Relaxed);
                let is_busy = BUSY_EVERY.saturating_mul(woken) > counted.elapsed();
                counted = Instant::now();
                let gone_on = timeout(READ_WITHIN, self.go_on(&database)).await;
                if let Err(error) = gone_on.unwrap_or(Err(DatabaseError::NoAnswer)) {
                    // Whoever watches the database says that it is away.
                    tracing::debug!(%error, "the ledger is not followed: next try in a second");
                    sleep(LOOK_EVERY).await;
                }
                sleep(pause(self.streams().0, is_busy)).await;
            }
        };
        stop.run_until_cancelled(reading).await;
    }

    /// Something may have moved.
    pub(crate) fn wake(&self) {
        self.shared.woken_times.fetch_add(1, Ordering::Relaxed);
        self.shared.woken.notify_one();
    }

    /// Ends all streams.
    pub(super) fn stop(&self) {
        self.shared.stop.cancel();
        self.shared.changed.send_replace(());
    }

    pub(super) fn stopping(&self) -> CancellationToken {
        self.shared.stop.clone()
    }

    pub(super) fn set_streams_max(&self, streams: usize) {
        self.lock().streams_max = streams;
    }

    /// How many streams are open, and how many may be.
    pub(crate) fn streams(&self) -> (usize, usize) {
        let state = self.lock();
        (state.streams.len(), state.streams_max)
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

    /// Opens a stream; `None` if as many are open as may be, those among them that are over and not gone yet.
    /// Of a person who has more than one person may have, the oldest makes room.
    pub(super) fn open(
        &self,
        user: UserId,
        session: SessionHandle,
        after: Option<Position>,
    ) -> Option<LiveStream> {
        let (answer, beginning) = oneshot::channel();
        let changed = self.shared.changed.subscribe();
        let mut state = self.lock();
        let own = state.streams.values().filter(|open| open.user == user);
        let lingering = own.filter(|open| open.over.is_some()).count();
        if state.streams.len() >= state.streams_max || lingering >= STREAMS_OF_A_USER_MAX {
            return None;
        }
        let is_replacing = state.make_room(user);
        state.opened += 1;
        let id = StreamId(state.opened);
        let open = Open {
            user,
            session,
            over: None,
        };
        state.streams.insert(id, open);
        state.waiting.push(Waiting { id, after, answer });
        drop(state);
        if is_replacing {
            self.shared.changed.send_replace(());
        }
        self.shared.opened.notify_one();
        self.wake();
        Some(LiveStream::new(self.clone(), id, changed, beginning))
    }

    /// A stream is gone.
    pub(super) fn close(&self, id: StreamId) {
        let mut state = self.lock();
        state.streams.remove(&id);
        if state.streams.is_empty() {
            state.rest();
        }
    }

    /// Whether a stream is told nothing more.
    pub(super) fn over(&self, id: StreamId) -> Option<Over> {
        if self.shared.stop.is_cancelled() {
            return Some(Over::Stopping);
        }
        self.lock().streams.get(&id).and_then(|open| open.over)
    }

    /// What a stream that has been told everything below `number` is to be told next.
    pub(super) fn next(&self, id: StreamId, number: u64) -> Next {
        if let Some(over) = self.over(id) {
            return Next::Over(over);
        }
        let state = self.lock();
        let batches = state.batches.as_ref();
        batches.map_or(Next::Nothing, |batches| batches.next(number))
    }

    /// The sessions of all streams that are not over.
    pub(super) fn sessions(&self) -> Vec<(StreamId, SessionHandle)> {
        let state = self.lock();
        let open = state.streams.iter();
        open.filter(|(_, open)| open.over.is_none())
            .map(|(id, open)| (*id, open.session.clone()))
            .collect()
    }

    /// The sessions of these streams have ended.
    pub(super) fn end_sessions_of(&self, streams: impl Iterator<Item = StreamId>) {
        let mut state = self.lock();
        for id in streams {
            if let Some(open) = state.streams.get_mut(&id) {
                open.over = Some(Over::SessionEnded);
            }
        }
        drop(state);
        self.shared.changed.send_replace(());
    }

    /// Waits until somebody follows.
    pub(super) async fn until_followed(&self) {
        while self.lock().streams.is_empty() {
            self.shared.opened.notified().await;
        }
    }

    /// Waits until there is somebody to read for and a reason to.
    async fn until_wanted(&self) {
        loop {
            let woken = self.shared.woken.notified();
            if self.lock().streams.is_empty() {
                woken.await;
            } else {
                // However it ends, it is time to look.
                let _ = timeout(LOOK_EVERY, woken).await;
            }
            if !self.lock().streams.is_empty() {
                return;
            }
        }
    }

    /// Reads on and tells, and has those begin who wait.
    async fn go_on(&self, database: &Database) -> Result<(), DatabaseError> {
        let mut connection = database.connect().await?;
        let (end, opened) = {
            let state = self.lock();
            (state.end(), StreamId(state.opened))
        };
        let reading = match &end {
            Some(end) => connection.live().read(end, None).await?,
            None => LiveReading {
                position: connection.live().position().await?,
                news: LiveNews::NONE,
            },
        };
        let late = self.publish(reading, opened);
        if late.is_empty() {
            return Ok(());
        }
        self.catch_up(&mut connection, late).await
    }

    /// Keeps what was read and tells it. Of those who wait, up to `opened` begin: whoever came while it was
    /// being read may know more than it says. Returns who has to be told more than is kept, the first to have
    /// stopped first.
    fn publish(&self, reading: LiveReading, opened: StreamId) -> Vec<Late> {
        let LiveReading { position, news } = reading;
        if let LiveNews::Told { moved, .. } = &news {
            metrics::record_live_lag(self.shared.clock.now(), moved);
        }
        let mut state = self.lock();
        if state.streams.is_empty() {
            state.rest();
            return Vec::new();
        }
        let (waiting, later): (Vec<_>, Vec<_>) = std::mem::take(&mut state.waiting)
            .into_iter()
            .partition(|waiting| waiting.id <= opened);
        state.waiting = later;
        let number = state.number;
        let batches = state
            .batches
            .get_or_insert_with(|| Batches::new(position.clone(), number));
        let is_told = batches.push(position, news);
        let mut late = Vec::new();
        for waiting in waiting {
            // Whoever knows nothing, or of a time that is still to come, has to look at everything.
            let after = waiting.after.clone();
            let after = after.filter(|after| batches.end().covers(after));
            let known = after.as_ref().and_then(|after| batches.number_after(after));
            let beginning = match (after, known) {
                (_, Some(number)) => Beginning::At(number),
                (None, _) => batches.anew(),
                (Some(after), None) => {
                    late.push((after, waiting));
                    continue;
                }
            };
            // Whoever is gone does not begin.
            let _ = waiting.answer.send(beginning);
        }
        drop(state);
        if is_told {
            self.shared.changed.send_replace(());
        }
        late.sort_by(|(a, _), (b, _)| a.by_age(b));
        late
    }

    /// Tells those who have to be told more than is kept what has happened up to where everybody else is: in
    /// one reading from where the first of them stopped, or else the first for whom that is not too much. Only
    /// those before look at everything, and whoever handed in a place that cannot be compared with that one.
    async fn catch_up(
        &self,
        connection: &mut Connection,
        late: Vec<Late>,
    ) -> Result<(), DatabaseError> {
        // Without batches all of them have left meanwhile.
        let Some(end) = self.lock().end() else {
            return Ok(());
        };
        let read = read_missed(connection, &late, &end).await;
        let mut state = self.lock();
        let read = match read {
            Ok(read) => read,
            Err(error) => {
                let waiting = late.into_iter().map(|(_, waiting)| waiting);
                state.waiting.extend(waiting);
                return Err(error);
            }
        };
        let Some(batches) = &state.batches else {
            return Ok(());
        };
        let from = read.as_ref().map(|(first, _)| late[*first].0.clone());
        for (place, (after, waiting)) in late.into_iter().enumerate() {
            let is_told = from.as_ref().is_some_and(|from| after.covers(from));
            let missed = read
                .as_ref()
                .filter(|(first, _)| is_told && *first <= place);
            let number = batches.next_number();
            let _ = waiting.answer.send(match missed {
                None => batches.anew(),
                Some((_, None)) => Beginning::At(number),
                Some((_, Some(batch))) => Beginning::With(Arc::clone(batch), number),
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

/// The first of those who are late for whom it is not too much to be told what has happened up to `end`, and
/// what that is, `None` if nothing. For whoever stopped later it is not too much either, so that few readings
/// find the first.
async fn read_missed(
    connection: &mut Connection,
    late: &[Late],
    end: &Position,
) -> Result<Option<(usize, Option<Arc<Batch>>)>, DatabaseError> {
    let (mut found, mut too_much, mut next) = (None, 0, 0);
    while next < late.len() {
        let reading = connection.live().read(&late[next].0, Some(end)).await?;
        let end_of_search = match reading.news {
            LiveNews::TooMuch => {
                too_much = next + 1;
                found.as_ref().map_or(late.len(), |(first, _)| *first)
            }
            LiveNews::Told { moved, changed } => {
                let is_something = !moved.is_empty() || !changed.is_empty();
                let batch = is_something.then(|| Batch::new(end.clone(), moved, changed));
                found = Some((next, batch.map(Arc::new)));
                next
            }
        };
        if too_much >= end_of_search {
            break;
        }
        next = usize::midpoint(too_much, end_of_search);
    }
    Ok(found)
}

impl State {
    /// Where everybody who follows is.
    fn end(&self) -> Option<Position> {
        self.batches.as_ref().map(|batches| batches.end().clone())
    }

    /// If a person has as many streams as one person may have, the oldest is over.
    fn make_room(&mut self, user: UserId) -> bool {
        let mut own = self
            .streams
            .values_mut()
            .filter(|open| open.user == user && open.over.is_none());
        let oldest = own.next();
        if own.count() + 1 < STREAMS_OF_A_USER_MAX {
            return false;
        }
        if let Some(oldest) = oldest {
            oldest.over = Some(Over::Replaced);
        }
        true
    }

    /// Nobody follows any more: nothing is kept.
    fn rest(&mut self) {
        self.waiting.clear();
        if let Some(batches) = self.batches.take() {
            self.number = batches.next_number();
        }
    }
}

/// How long to rest after a reading that so many streams are told.
fn pause(streams: usize, is_busy: bool) -> Duration {
    let streams = u32::try_from(streams).unwrap_or(u32::MAX);
    if is_busy {
        PAUSE + PAUSE_A_STREAM.saturating_mul(streams)
    } else {
        PAUSE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_streams_are_told_less_often_while_there_is_always_something_to_tell() {
        assert_eq!(pause(1_000, false), PAUSE);
        assert_eq!(pause(1_000, true), Duration::from_millis(125));
        assert!(pause(10, true) < PAUSE * 2);
    }
}
