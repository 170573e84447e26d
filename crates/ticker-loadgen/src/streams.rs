//! Screens that follow live while others press: whether each hears of every press, and how soon.
//!
//! An event tells how an item stands after any number of presses, so what must be heard is the version that the
//! last press was answered with. How soon is measured from when the press was sent, at each stream that hears of
//! that very posting.

mod hearing;

use std::collections::{BTreeMap, HashMap};
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

use self::hearing::{Heard, Hearing};
use crate::ask::Ask;
use crate::lane::Route;
use crate::press::Posted;
use crate::replica::Replica;
use crate::report::Quantiles;
use crate::tally::latencies;

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
    /// How many times that was measured.
    pub(crate) heard: u64,
    /// How often a stream did not hear of an item's last version.
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
    /// Whether everybody heard everything, and whoever did not read was dropped.
    pub(crate) fn is_complete(&self) -> bool {
        self.missed == 0 && self.ended == 0 && self.dropped == self.stalled
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
        for _ in 0..opening.streams {
            let body = this.begin(&opening, session()?).await?;
            let hearing = Arc::new(Mutex::new(Hearing::default()));
            this.following.push(Arc::clone(&hearing));
            this.tasks.spawn(follow(body, hearing));
        }
        for _ in 0..opening.stalled {
            let stream = stall(opening.replica, session()?).await?;
            let dropped_after = Arc::clone(&this.dropped_after);
            this.tasks.spawn(until_dropped(stream, dropped_after));
        }
        Ok(this)
    }

    async fn begin(
        &mut self,
        opening: &Opening<'_>,
        session: &HeaderValue,
    ) -> anyhow::Result<Incoming> {
        let Opening { route, replica, .. } = opening;
        let connection = route.way.open(replica).await;
        let connection = connection.map_err(|broken| anyhow::anyhow!(broken.words))?;
        let request = Ask::live(session).request(replica, route.origin.as_ref());
        let answer = connection.stream(request, &mut self.tasks).await?;
        if answer.status() != StatusCode::OK {
            bail!("a stream was answered {}", answer.status());
        }
        Ok(answer.into_body())
    }

    /// Waits until everything that was acknowledged has been heard, or should have been, and tells.
    pub(crate) async fn finish(mut self, acknowledged: &[Acknowledged]) -> StreamsReport {
        let mut last: BTreeMap<i64, i64> = BTreeMap::new();
        for (_, posted) in acknowledged {
            let version = last.entry(posted.item).or_default();
            *version = posted.version.max(*version);
        }
        let give_up_at = Instant::now() + LAST_WORDS_WITHIN;
        while self.missed(&last) > 0 && Instant::now() < give_up_at {
            sleep(LOOK_EVERY).await;
        }
        let missed = self.missed(&last);
        // Whoever does not read is given up before long.
        let stalled_until = Instant::now() + Duration::from_secs(15);
        while lock(&self.dropped_after).len() < self.stalled && Instant::now() < stalled_until {
            sleep(LOOK_EVERY).await;
        }
        self.tasks.abort_all();
        let sent: HashMap<i64, Instant> = acknowledged
            .iter()
            .map(|(sent, posted)| (posted.posting, *sent))
            .collect();
        let mut all = latencies();
        let (mut resyncs, mut ended) = (0, 0);
        for hearing in &self.following {
            let hearing = lock(hearing);
            resyncs += hearing.resyncs;
            ended += u64::from(hearing.has_ended);
            for Heard { posting, at } in &hearing.heard {
                if let Some(sent) = sent.get(posting) {
                    let us = at.saturating_duration_since(*sent).as_micros();
                    all.saturating_record(u64::try_from(us).unwrap_or(u64::MAX));
                }
            }
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

    /// How often a stream has not heard of the last version of an item.
    fn missed(&self, last: &BTreeMap<i64, i64>) -> u64 {
        let missed_by = |hearing: &Arc<Mutex<Hearing>>| {
            let hearing = lock(hearing);
            last.iter()
                .filter(|(item, version)| !hearing.knows(**item, **version))
                .count() as u64
        };
        self.following.iter().map(missed_by).sum()
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
