//! A lane: one connection to one replica at a time, and the perseverance to get an answer through it.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderValue;
use http::response::Parts;

use crate::answer::Answer;
use crate::ask::Ask;
use crate::connection::{Connection, Cut};
use crate::patience::{Backoff, Patience};
use crate::replica::Replica;
use crate::tally::{SharedTally, Trouble};

/// Where lanes lead, and how they behave.
#[derive(Debug)]
pub(crate) struct Route {
    /// At least one.
    pub(crate) replicas: Vec<Replica>,
    /// What `Origin` says instead of the replica's own address.
    pub(crate) origin: Option<HeaderValue>,
    /// How long to wait.
    pub(crate) patience: Patience,
    /// Share of the presses' connections to cut, from 0 to 1.
    pub(crate) cut: f64,
    /// Where troubles are counted.
    pub(crate) tally: SharedTally,
}

/// A lane.
pub(crate) struct Lane {
    route: Arc<Route>,
    /// The replica's index.
    at: usize,
    connection: Option<Connection>,
    /// The body of the last answer.
    pub(crate) body: Vec<u8>,
}

impl Lane {
    /// A lane that begins at the replica of that number, counted round and round.
    pub(crate) fn new(route: Arc<Route>, number: usize) -> Self {
        let at = number % route.replicas.len();
        Self {
            route,
            at,
            connection: None,
            body: Vec::new(),
        }
    }

    /// Sends the same request until it is answered, by whichever replica answers; `None` if none does in
    /// all the time there is. With `may_cut`, connections are cut as often as the route says.
    pub(crate) async fn ask(&mut self, ask: &Ask, may_cut: bool) -> Option<Answer> {
        let give_up_at = Instant::now() + self.route.patience.give_up;
        let mut backoff = Backoff::new();
        for tries in 1.. {
            let cut = may_cut.then(|| self.choose_cut()).flatten();
            let (trouble, asked_pause) = match self.try_once(ask, cut, tries).await {
                Ok(answer) if answer.is_busy() => (Trouble::Busy, answer.retry_after),
                Ok(answer) => return Some(answer),
                Err(trouble) => (trouble, None),
            };
            self.route.tally.lock().count_trouble(trouble);
            let pause = if trouble == Trouble::Cut {
                Duration::ZERO
            } else {
                self.move_on();
                backoff.pause(asked_pause)
            };
            if Instant::now() + pause >= give_up_at {
                break;
            }
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
        None
    }

    /// To the next replica, if there is another.
    fn move_on(&mut self) {
        let next = (self.at + 1) % self.route.replicas.len();
        if next != self.at {
            self.at = next;
            self.connection = None;
        }
    }

    /// Sends the request once; `tries` is its number.
    async fn try_once(
        &mut self,
        ask: &Ask,
        cut: Option<Cut>,
        tries: u32,
    ) -> Result<Answer, Trouble> {
        let timeout = self.route.patience.timeout;
        let result = tokio::time::timeout(timeout, self.exchange(ask, cut)).await;
        let trouble = match result {
            Ok(Ok(parts)) => return Ok(Answer::read(&parts, tries)),
            Ok(Err(_)) if self.connection.as_ref().is_some_and(Connection::was_cut) => Trouble::Cut,
            Ok(Err(_)) => Trouble::Broken,
            Err(_) => Trouble::TimedOut,
        };
        self.connection = None;
        Err(trouble)
    }

    async fn exchange(&mut self, ask: &Ask, cut: Option<Cut>) -> io::Result<Parts> {
        let replica = &self.route.replicas[self.at];
        let request = ask.request(replica, self.route.origin.as_ref());
        // Nothing is lost when the server closed the connection while nothing was under way.
        if let Some(connection) = &mut self.connection
            && !connection.is_ready().await
        {
            self.connection = None;
        }
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Connection::open(replica).await?),
        };
        let exchanged = connection.exchange(request, cut, &mut self.body).await;
        exchanged.map_err(io::Error::other)
    }

    fn choose_cut(&self) -> Option<Cut> {
        let chosen = self.route.cut > 0.0 && rand::random_bool(self.route.cut);
        chosen.then(|| Cut {
            after_bytes: if rand::random() {
                0
            } else {
                rand::random_range(1..=Cut::BYTES_MAX)
            },
        })
    }
}
