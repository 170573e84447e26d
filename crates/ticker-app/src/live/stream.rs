//! One screen that follows.

use std::sync::Arc;

use tokio::sync::{oneshot, watch};

use super::Position;
use super::batches::{Batch, Next};
use super::hub::{Hub, StreamId};
use crate::metrics;

/// What a screen is told, as it happens.
#[derive(Debug)]
pub struct LiveStream {
    hub: Hub,
    id: StreamId,
    changed: watch::Receiver<()>,
    place: Place,
    over: Option<Over>,
}

/// Something that a screen is told.
#[derive(Debug)]
pub enum Told {
    /// What moved and changed.
    Batch(Arc<Batch>),
    /// Everything must be looked at again. What follows is what happens from this position on.
    Resync(Position),
    /// Nothing more, and why.
    Over(Over),
}

/// Why a screen is told nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The session has ended: coming back makes no sense.
    SessionEnded,
    /// The same person has opened more streams than one person may have: this was the oldest.
    Replaced,
    /// This process ends: another one goes on.
    Stopping,
}

/// How far a stream is.
#[derive(Debug)]
enum Place {
    /// It waits to hear where to begin.
    Waiting(oneshot::Receiver<Beginning>),
    /// It has been told everything below this number.
    At(u64),
}

/// Where a stream begins.
#[derive(Debug)]
pub(super) enum Beginning {
    /// With the batch of this number.
    At(u64),
    /// With what it has missed, and then the batch of this number.
    With(Arc<Batch>, u64),
    /// With looking at everything, and then the batch of this number.
    Anew(Position, u64),
}

impl LiveStream {
    pub(super) fn new(
        hub: Hub,
        id: StreamId,
        changed: watch::Receiver<()>,
        beginning: oneshot::Receiver<Beginning>,
    ) -> Self {
        Self {
            hub,
            id,
            changed,
            place: Place::Waiting(beginning),
            over: None,
        }
    }

    /// Waits for the next thing to tell; `None` after the last. Giving up waiting loses nothing.
    pub async fn next(&mut self) -> Option<Told> {
        if self.over.is_some() {
            return None;
        }
        let told = self.wait().await;
        metrics::count_told(&told);
        if let Told::Over(over) = told {
            self.over = Some(over);
        }
        Some(told)
    }

    async fn wait(&mut self) -> Told {
        loop {
            let told = match &mut self.place {
                Place::Waiting(beginning) => {
                    if let Some(over) = self.hub.over(self.id) {
                        return Told::Over(over);
                    }
                    tokio::select! {
                        begun = beginning => match begun {
                            Ok(begun) => self.begin(begun),
                            // Its reading was given up; coming back is as good as waiting on.
                            Err(_) => return Told::Over(Over::Stopping),
                        },
                        _ = self.changed.changed() => None,
                    }
                }
                Place::At(number) => match self.hub.next(self.id, *number) {
                    Next::Batch(batch) => {
                        *number += 1;
                        Some(Told::Batch(batch))
                    }
                    Next::Gap(position, next) => {
                        *number = next;
                        Some(Told::Resync(position))
                    }
                    Next::Over(over) => return Told::Over(over),
                    Next::Nothing => {
                        // The hub is held here, so its end of the channel is there.
                        let _ = self.changed.changed().await;
                        None
                    }
                },
            };
            if let Some(told) = told {
                return told;
            }
        }
    }

    fn begin(&mut self, beginning: Beginning) -> Option<Told> {
        let (number, told) = match beginning {
            Beginning::At(number) => (number, None),
            Beginning::With(batch, number) => (number, Some(Told::Batch(batch))),
            Beginning::Anew(position, number) => (number, Some(Told::Resync(position))),
        };
        self.place = Place::At(number);
        told
    }
}

impl Drop for LiveStream {
    fn drop(&mut self) {
        self.hub.close(self.id);
        metrics::count_stream_closed(self.over);
    }
}
