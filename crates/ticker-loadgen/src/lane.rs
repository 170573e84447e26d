//! A lane: one connection to one replica at a time, and the perseverance to get an answer through it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderValue;
use http::header::CONNECTION;
use http::response::Parts;
use serde::Serialize;

use crate::answer::Answer;
use crate::ask::Ask;
use crate::attempts::Attempt;
use crate::connection::{Connection, Cut};
use crate::failure::Broken;
use crate::patience::{Backoff, Patience};
use crate::replica::Replica;
use crate::tally::{SharedTally, Trouble};
use crate::way::Way;

/// How lanes connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Connections {
    /// Each client keeps its connection for as long as it holds
    KeepAlive,
    /// A new connection for each request
    Close,
    /// Every other client keeps its connection
    Mixed,
}

impl Connections {
    /// How the lane of that number connects.
    fn of_lane(self, number: usize) -> Self {
        match self {
            Self::Mixed if number.is_multiple_of(2) => Self::KeepAlive,
            Self::Mixed => Self::Close,
            all => all,
        }
    }
}

/// Where lanes lead, and how they behave.
#[derive(Debug)]
pub(crate) struct Route {
    /// At least one.
    pub(crate) replicas: Vec<Replica>,
    /// How to get there.
    pub(crate) way: Way,
    /// How often to connect.
    pub(crate) connections: Connections,
    /// What `Origin` says instead of the replica's own address.
    pub(crate) origin: Option<HeaderValue>,
    /// How long to wait.
    pub(crate) patience: Patience,
    /// Share of the presses' connections to cut, from 0 to 1.
    pub(crate) cut: f64,
    /// Where troubles are counted.
    pub(crate) tally: SharedTally,
}

/// A request that was sent, as far as the lane knows it.
#[derive(Clone, Copy)]
struct Sent {
    at: Instant,
    tries: u32,
    is_reused: bool,
}

/// Why there is no answer.
struct Miss {
    trouble: Trouble,
    /// `None` if it was done on purpose.
    broken: Option<Broken>,
}

/// A lane.
pub(crate) struct Lane {
    route: Arc<Route>,
    /// The replica's index.
    at: usize,
    connection: Option<Connection>,
    connections: Connections,
    /// The last request that was sent.
    sent: Sent,
    /// How one failed for the last time, in words.
    last_failure: String,
    /// The body of the last answer.
    pub(crate) body: Vec<u8>,
}

impl Lane {
    /// A lane that begins at the replica of that number, counted round and round.
    pub(crate) fn new(route: Arc<Route>, number: usize) -> Self {
        let at = number % route.replicas.len();
        let connections = route.connections.of_lane(number);
        Self {
            route,
            at,
            connection: None,
            connections,
            sent: Sent {
                at: Instant::now(),
                tries: 0,
                is_reused: false,
            },
            last_failure: String::new(),
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
            let (trouble, broken, asked_pause) = match self.try_once(ask, cut, tries).await {
                Ok(answer) if answer.is_busy() => {
                    let broken = answer.failure(&self.body);
                    (Trouble::Busy, Some(broken), answer.retry_after)
                }
                Ok(answer) => return Some(answer),
                Err(miss) => (miss.trouble, miss.broken, None),
            };
            {
                let mut tally = self.route.tally.lock();
                tally.count_trouble(trouble);
                if let Some(broken) = broken {
                    self.last_failure = format!("{}: {}", broken.failure, broken.words);
                    tally.attempts.fail(self.attempt(ask), broken);
                }
            }
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

    /// How a request failed for the last time, for a person.
    pub(crate) fn last_failure(&self) -> &str {
        &self.last_failure
    }

    /// The last request, which was to carry `ask`.
    pub(crate) fn attempt(&self, ask: &Ask) -> Attempt {
        Attempt {
            kind: ask.kind(),
            connections: self.connections,
            is_reused: self.sent.is_reused,
            sent: self.sent.at,
            is_first: self.sent.tries == 1,
        }
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
    async fn try_once(&mut self, ask: &Ask, cut: Option<Cut>, tries: u32) -> Result<Answer, Miss> {
        let timeout = self.route.patience.timeout;
        self.sent = Sent {
            at: Instant::now(),
            tries,
            is_reused: false,
        };
        let result = tokio::time::timeout(timeout, self.exchange(ask, cut)).await;
        let connection = self.connection.take();
        let (trouble, broken) = match result {
            Ok(Ok(parts)) => {
                self.connection = connection.filter(|_| self.connections != Connections::Close);
                return Ok(Answer::read(&parts, tries));
            }
            Ok(Err(_)) if connection.as_ref().is_some_and(Connection::was_cut) => {
                (Trouble::Cut, None)
            }
            Ok(Err(broken)) => (Trouble::Broken, Some(broken)),
            Err(_) => {
                let broken = Broken::timed_out(connection.is_some());
                (Trouble::TimedOut, Some(broken))
            }
        };
        Err(Miss { trouble, broken })
    }

    async fn exchange(&mut self, ask: &Ask, cut: Option<Cut>) -> Result<Parts, Broken> {
        let replica = &self.route.replicas[self.at];
        let mut request = ask.request(replica, self.route.origin.as_ref());
        if self.connections == Connections::Close {
            let close = HeaderValue::from_static("close");
            request.headers_mut().insert(CONNECTION, close);
        }
        // Nothing is lost when the server closed the connection while nothing was under way.
        if let Some(connection) = &mut self.connection
            && !connection.is_ready().await
        {
            self.connection = None;
        }
        self.sent.is_reused = self.connection.is_some();
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.route.way.open(replica).await?),
        };
        let exchanged = connection.exchange(request, cut, &mut self.body).await;
        exchanged.map_err(|error| Broken::exchanging(&error))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixed_lanes_take_turns() {
        let lanes = (0..4).map(|number| Connections::Mixed.of_lane(number));
        let expected = [Connections::KeepAlive, Connections::Close].repeat(2);
        assert_eq!(lanes.collect::<Vec<_>>(), expected);
        assert_eq!(Connections::Close.of_lane(0), Connections::Close);
    }
}
