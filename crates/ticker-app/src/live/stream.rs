//! One screen that follows.

use std::sync::Arc;

use tokio::sync::{oneshot, watch};

use super::Position;
use super::batches::{Batch, Next};
use super::hub::Hub;

/// What a screen is told, as it happens.
#[derive(Debug)]
pub struct LiveStream {
    hub: Hub,
    changed: watch::Receiver<()>,
    place: Place,
}

/// Something that a screen is told.
#[derive(Debug)]
pub enum Told {
    /// What moved.
    Batch(Arc<Batch>),
    /// Everything must be looked at again. What follows is what happens from this position on.
    Resync(Position),
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
        changed: watch::Receiver<()>,
        beginning: oneshot::Receiver<Beginning>,
    ) -> Self {
        Self {
            hub,
            changed,
            place: Place::Waiting(beginning),
        }
    }

    /// Waits for the next thing to tell; `None` when this process tells nothing any more. Giving up
    /// waiting loses nothing.
    pub async fn next(&mut self) -> Option<Told> {
        loop {
            if self.hub.is_stopped() {
                return None;
            }
            match &mut self.place {
                Place::Waiting(beginning) => {
                    let begun = tokio::select! {
                        begun = beginning => begun.ok()?,
                        changed = self.changed.changed() => {
                            changed.ok()?;
                            continue;
                        }
                    };
                    if let Some(told) = self.begin(begun) {
                        return Some(told);
                    }
                }
                Place::At(number) => match self.hub.next(*number) {
                    Next::Batch(batch) => {
                        *number += 1;
                        return Some(Told::Batch(batch));
                    }
                    Next::Gap(position, next) => {
                        *number = next;
                        return Some(Told::Resync(position));
                    }
                    Next::Nothing => self.changed.changed().await.ok()?,
                },
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
        self.hub.close();
    }
}
