//! Screens that follow live while others press: whether each hears of every press, and how soon.
//!
//! An event tells how an item stands after any number of presses, and by how much these changed it. So all has been
//! heard if what the events of an item say adds up to what its presses were acknowledged with, as long as nobody else
//! presses. How soon is measured for each press at each stream: from when it was sent to the first event of its item
//! that goes as far, by the postings' numbers, which grow with each of an item.

mod hearing;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde::Serialize;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use self::hearing::Hearing;
use crate::ask::{Ask, Path};
use crate::lane::Route;
use crate::press::Posted;
use crate::replica::Replica;
use crate::report::Quantiles;
use crate::tally::{Latencies, latencies};

/// What happened last is heard of within this, or missed.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(5);
/// How often is looked whether all has been heard.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often is looked whether somebody was dropped.
const SPEAK_EVERY: Duration = Duration::from_millis(500);

/// Streams that are open.
pub(crate) struct Streams {
    tasks: JoinSet<()>,
    following: Vec<Arc<Mutex<Hearing>>>,
    stalled: usize,
    dropped_after: Arc<Mutex<Vec<Duration>>>,
}

/// Where to open streams, and how many.
pub(crate) struct Opening<'a> {
    pub(crate) route: &'a Route,
    pub(crate) replica: &'a Replica,
    /// Streams that read what they are told.
    pub(crate) streams: usize,
    /// Streams that never read.
    pub(crate) stalled: usize,
    /// Whose streams they are, in turn.
    pub(crate) sessions: &'a [HeaderValue],
}

/// A press that was answered: when it was sent, and with what it was answered.
pub(crate) type Acknowledged = (Instant, Posted);

/// What the streams have heard.
#[derive(Debug, Serialize)]
pub(crate) struct StreamsReport {
    /// Streams that read what they were told.
    pub(crate) streams: usize,
    /// From when a press was sent until a stream heard of it.
    pub(crate) latency_us: Quantiles,
    /// How many times that was measured: each press at each stream.
    pub(crate) heard: u64,
    /// How often a stream did not hear of all that moved of an item.
    pub(crate) missed: u64,
    /// How often a stream was told to look at everything.
    pub(crate) resyncs: u64,
    /// Streams that ended before their time.
    pub(crate) ended: u64,
    /// Streams that never read.
    pub(crate) stalled: usize,
    /// How many of these were dropped.
    pub(crate) dropped: usize,
    /// When the last of them was, in seconds after it had been opened.
    pub(crate) dropped_after_s: Option<f64>,
}

impl StreamsReport {
    /// Whether everybody heard everything as it happened, and whoever did not read was dropped.
    pub(crate) fn is_complete(&self) -> bool {
        let is_heard = self.missed == 0 && self.resyncs == 0 && self.ended == 0;
        is_heard && self.dropped == self.stalled
    }
}

impl Streams {
    /// Opens them all.
    ///
    /// # Errors
    /// When one is refused.
    pub(crate) async fn open(opening: Opening<'_>) -> anyhow::Result<Self> {
        let mut this = Self {
            tasks: JoinSet::new(),
            following: Vec::new(),
            stalled: opening.stalled,
            dropped_after: Arc::default(),
        };
        let mut sessions = opening.sessions.iter().cycle();
        let mut session = || sessions.next().context("a stream needs a session");
        if opening.streams > 0 {
            let after = this.position(&opening, session()?).await?;
            for _ in 0..opening.streams {
                let ask = Ask::live(session()?, &after);
                let body = this.ask(&opening, &ask).await?;
                let hearing = Arc::new(Mutex::new(Hearing::default()));
                this.following.push(Arc::clone(&hearing));
                this.tasks.spawn(follow(body, hearing));
            }
        }
        for _ in 0..opening.stalled {
            let stream = stall(opening.replica, session()?).await?;
            let dropped_after = Arc::clone(&this.dropped_after);
            this.tasks.spawn(until_dropped(stream, dropped_after));
        }
        Ok(this)
    }

    /// Where a page says that streams are to begin.
    async fn position(
        &mut self,
        opening: &Opening<'_>,
        session: &HeaderValue,
    ) -> anyhow::Result<String> {
        let page = Ask::page(&Path::Inventory, Some(session));
        let page = self.ask(opening, &page).await?.collect().await?.to_bytes();
        let page = str::from_utf8(&page).context("the page is no text")?;
        let place = page.split_once("data-live=\"");
        let place = place.and_then(|(_, rest)| rest.split_once('"'));
        let (place, _) = place.context("the page does not say from where to follow")?;
        Ok(place.to_owned())
    }

    async fn ask(&mut self, opening: &Opening<'_>, ask: &Ask) -> anyhow::Result<Incoming> {
        let Opening { route, replica, .. } = opening;
        let connection = route.way.open(replica).await;
        let connection = connection.map_err(|broken| anyhow::anyhow!(broken.words))?;
        let request = ask.request(replica, route.origin.as_ref());
        let answer = connection.stream(request, &mut self.tasks).await?;
        if answer.status() != StatusCode::OK {
            bail!("{ask} was answered {}", answer.status());
        }
        Ok(answer.into_body())
    }

    /// Waits until everything that was acknowledged has been heard, or should have been, and tells.
    pub(crate) async fn finish(mut self, acknowledged: &[Acknowledged]) -> StreamsReport {
        let expected = Expected::of(acknowledged);
        let give_up_at = Instant::now() + LAST_WORDS_WITHIN;
        while self.missed(&expected) > 0 && Instant::now() < give_up_at {
            sleep(LOOK_EVERY).await;
        }
        let missed = self.missed(&expected);
        // Whoever does not read is given up before long.
        let stalled_until = Instant::now() + Duration::from_secs(15);
        while lock(&self.dropped_after).len() < self.stalled && Instant::now() < stalled_until {
            sleep(LOOK_EVERY).await;
        }
        self.tasks.abort_all();
        let mut all = latencies();
        let (mut resyncs, mut ended) = (0, 0);
        for hearing in &self.following {
            let hearing = lock(hearing);
            resyncs += hearing.resyncs;
            ended += u64::from(hearing.has_ended);
            expected.record_latencies(&hearing, &mut all);
        }
        let dropped = lock(&self.dropped_after);
        StreamsReport {
            streams: self.following.len(),
            heard: all.len(),
            latency_us: Quantiles::of(&all),
            missed,
            resyncs,
            ended,
            stalled: self.stalled,
            dropped: dropped.len(),
            dropped_after_s: dropped.iter().max().map(Duration::as_secs_f64),
        }
    }

    /// How often a stream has not heard of all that moved of an item.
    fn missed(&self, expected: &Expected) -> u64 {
        let missed_by = |hearing: &Arc<Mutex<Hearing>>| expected.missed_by(&lock(hearing));
        self.following.iter().map(missed_by).sum()
    }
}

/// What is to be heard of, by the item.
#[derive(Debug, Default)]
struct Expected(BTreeMap<i64, ItemPressed>);

/// The presses on an item.
#[derive(Debug, Default)]
struct ItemPressed {
    /// By how much they changed it in all.
    delta: i64,
    /// When each was sent, by its posting.
    sent: BTreeMap<i64, Instant>,
}

impl Expected {
    fn of(acknowledged: &[Acknowledged]) -> Self {
        let mut items: BTreeMap<i64, ItemPressed> = BTreeMap::new();
        for (sent, posted) in acknowledged {
            let item = items.entry(posted.item).or_default();
            // A key that was sent twice is answered twice, and is one press.
            if item.sent.insert(posted.posting, *sent).is_none() {
                item.delta += posted.delta;
            }
        }
        Self(items)
    }

    /// Of how many items a stream has not heard all.
    fn missed_by(&self, hearing: &Hearing) -> u64 {
        let items = self.0.iter();
        let missed = items.filter(|(item, pressed)| {
            let last = pressed.sent.last_key_value();
            hearing.delta(**item) != pressed.delta
                || last.is_some_and(|(posting, _)| hearing.heard_at(**item, *posting).is_none())
        });
        missed.count() as u64
    }

    fn record_latencies(&self, hearing: &Hearing, latencies: &mut Latencies) {
        for (item, pressed) in &self.0 {
            for (posting, sent) in &pressed.sent {
                if let Some(at) = hearing.heard_at(*item, *posting) {
                    let us = at.saturating_duration_since(*sent).as_micros();
                    latencies.saturating_record(u64::try_from(us).unwrap_or(u64::MAX));
                }
            }
        }
    }
}

async fn follow(mut body: Incoming, hearing: Arc<Mutex<Hearing>>) {
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            lock(&hearing).take_in(&data, Instant::now());
        }
    }
    lock(&hearing).has_ended = true;
}

/// Asks for a stream on a connection from which nothing will be read.
async fn stall(replica: &Replica, session: &HeaderValue) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(&replica.address).await?;
    let mut request = b"GET /live HTTP/1.1\r\nHost: ".to_vec();
    request.extend_from_slice(replica.host.as_bytes());
    request.extend_from_slice(b"\r\nCookie: ");
    request.extend_from_slice(session.as_bytes());
    request.extend_from_slice(b"\r\n\r\n");
    stream.write_all(&request).await?;
    Ok(stream)
}

/// Waits until the other side has dropped a connection, without reading from it. Its kernel drops it without a
/// word, and says so only when it is spoken to: empty lines before a request mean nothing (RFC 9112, section 2.2).
async fn until_dropped(stream: TcpStream, dropped_after: Arc<Mutex<Vec<Duration>>>) {
    let opened = Instant::now();
    loop {
        sleep(SPEAK_EVERY).await;
        let is_dropped = match stream.try_write(b"\r\n") {
            Ok(_) => false,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        };
        if is_dropped {
            lock(&dropped_after).push(opened.elapsed());
            return;
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITEM: i64 = 7;

    fn event(delta: i64, posting: i64) -> String {
        format!(
            "event: stock\ndata: {{\"item\":{ITEM},\"version\":12,\"levels\":[{{\"location\":1,\"on_hand\":5,\
             \"delta\":99}}],\"delta\":{delta},\"posting\":{posting}}}\n\n"
        )
    }

    fn pressed(start: Instant, presses: &[(i64, i64)]) -> Vec<Acknowledged> {
        let posted = |(posting, delta): &(i64, i64)| Posted {
            posting: *posting,
            item: ITEM,
            location: 1,
            delta: *delta,
            on_hand: 5,
            version: 1,
            replayed: false,
        };
        presses.iter().map(|press| (start, posted(press))).collect()
    }

    fn heard(start: Instant, events: &[(u64, i64, i64)]) -> Hearing {
        let mut hearing = Hearing::default();
        for (ms, delta, posting) in events {
            let at = start + Duration::from_millis(*ms);
            hearing.take_in(event(*delta, *posting).as_bytes(), at);
        }
        hearing
    }

    #[test]
    fn an_event_that_is_lost_between_others_is_missed() {
        let start = Instant::now();
        let presses = [(10, 1), (11, -2), (12, 1)];
        let expected = Expected::of(&pressed(start, &presses));
        for (events, missed) in [
            (&[(1, 1, 10), (2, -2, 11), (3, 1, 12)][..], 0),
            (&[(1, -1, 11), (2, 1, 12)], 0),
            (&[(1, 1, 10), (2, 1, 12)], 1),
            // It adds up, and the last is not there.
            (&[(1, 0, 11)], 1),
            (&[], 1),
        ] {
            let hearing = heard(start, events);
            assert_eq!(expected.missed_by(&hearing), missed, "{events:?}");
        }
        // A key that was answered twice.
        let twice = [pressed(start, &presses), pressed(start, &presses[..1])].concat();
        let hearing = heard(start, &[(1, 0, 12)]);
        assert_eq!(Expected::of(&twice).missed_by(&hearing), 0);
    }

    #[test]
    fn each_press_is_timed_until_the_first_event_that_goes_as_far() {
        let start = Instant::now();
        let mut presses = pressed(start, &[(10, 1), (11, 1), (12, 1)]);
        presses[2].0 = start + Duration::from_millis(30);
        let hearing = heard(start, &[(40, 2, 11), (50, 1, 12), (90, 1, 13)]);
        let mut all = latencies();
        Expected::of(&presses).record_latencies(&hearing, &mut all);
        let ms = |count: u64| all.count_between(count * 1_000 - 100, count * 1_000 + 100);
        assert_eq!((all.len(), ms(40), ms(20)), (3, 2, 1));
    }

    #[test]
    fn whoever_had_to_look_at_everything_did_not_hear_everything() {
        let report = |resyncs| StreamsReport {
            streams: 1,
            latency_us: Quantiles::of(&latencies()),
            heard: 0,
            missed: 0,
            resyncs,
            ended: 0,
            stalled: 0,
            dropped: 0,
            dropped_after_s: None,
        };
        assert!(report(0).is_complete());
        assert!(!report(1).is_complete());
    }
}
