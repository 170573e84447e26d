//! What a client does next.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::Uri;
use rand::RngExt as _;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use serde::Serialize;
use uuid::{Builder, Uuid};

use crate::addition::Addition;
use crate::ask::Path;
use crate::press::Press;
use crate::shelf::{Shelf, Shelves};

/// What the clients of a run do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scenario {
    /// All press on one item
    Hot,
    /// Each press is on another item, all as likely
    Spread,
    /// All read: the inventory, items, histories
    Browse,
    /// All read pages of the list: the addresses in a file, all as likely
    Lists,
    /// Four of five read, one presses
    Mixed,
    /// All sign in, again and again
    SignIn,
    /// Each user's transactions of a workload file, in their order
    Replay,
}

/// What a client does in one go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Changes a level.
    Press(Press),
    /// Reads a page.
    Read(Path),
    /// Begins a session.
    SignIn,
    /// Adds an item, with about such a pause in the middle of the form.
    Add(Addition, Duration),
}

/// Chooses a client's operations.
pub(crate) enum Plan {
    /// By chance.
    Chosen(Chooser),
    /// Reads one of these pages, by chance.
    Lists(Arc<[Uri]>, SmallRng),
    /// One after the other as written; it stops where one is not answered.
    Written(std::vec::IntoIter<Press>),
    /// Signs in.
    SignIn,
    /// Adds items, with about such a pause in the middle of each form.
    Slow(Duration),
}

impl Plan {
    /// The next operation; `None` when all are done.
    pub(crate) fn next(&mut self) -> Option<Operation> {
        match self {
            Self::Chosen(chooser) => Some(chooser.choose()),
            Self::Lists(addresses, rng) => addresses
                .choose(rng)
                .map(|address| Operation::Read(Path::List(address.clone()))),
            Self::Written(presses) => presses.next().map(Operation::Press),
            Self::SignIn => Some(Operation::SignIn),
            Self::Slow(pause) => Some(Operation::Add(Addition::new(), *pause)),
        }
    }

    /// Reads these pages of the list.
    pub(crate) fn lists(addresses: &Arc<[Uri]>) -> Self {
        Self::Lists(Arc::clone(addresses), rand::make_rng())
    }

    /// Whether what comes next has to wait for what came before.
    pub(crate) fn keeps_order(&self) -> bool {
        matches!(self, Self::Written(_))
    }
}

/// Chooses operations by chance.
pub(crate) struct Chooser {
    /// Share that reads, from 0 to 1.
    reads: f64,
    /// Share of the presses that take one away, from 0 to 1.
    removals: f64,
    shelves: Arc<Shelves>,
    rng: SmallRng,
}

impl Chooser {
    /// For clients that read so often; `removals` is the share of their presses that take one away.
    pub(crate) fn new(reads: f64, removals: f64, shelves: Arc<Shelves>) -> Self {
        let rng = rand::make_rng();
        Self {
            reads,
            removals,
            shelves,
            rng,
        }
    }

    fn choose(&mut self) -> Operation {
        let Shelf { item, location } = self.shelves.pick(&mut self.rng);
        if self.rng.random_bool(self.reads) {
            return Operation::Read(match self.rng.random_range(0..4) {
                0 => Path::Item(item),
                1 => Path::History(item),
                _ => Path::Inventory,
            });
        }
        let delta = if self.rng.random_bool(self.removals) {
            -1
        } else {
            1
        };
        Operation::Press(Press {
            key: self.new_key(),
            item,
            location,
            delta,
        })
    }

    /// A UUID of version 7, as pages make them.
    fn new_key(&mut self) -> Uuid {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        Builder::from_unix_timestamp_millis(millis, &self.rng.random()).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(reads: f64, removals: f64) -> Vec<Operation> {
        let shelves = Shelves::Listed(vec![Shelf {
            item: 5,
            location: 1,
        }]);
        let mut chooser = Chooser::new(reads, removals, Arc::new(shelves));
        (0..1_000).map(|_| chooser.choose()).collect()
    }

    #[test]
    fn mixed_is_mostly_reading() {
        let operations = chosen(0.8, 0.5);
        let reads = operations
            .iter()
            .filter(|one| matches!(one, Operation::Read(_)))
            .count();
        assert!((700..900).contains(&reads), "{reads}");
        let removals = operations
            .iter()
            .filter(|one| matches!(one, Operation::Press(press) if press.delta == -1));
        assert!((50..150).contains(&removals.count()));
    }

    #[test]
    fn every_address_is_read() {
        let addresses: Arc<[Uri]> = ["/", "/?sort=sku", "/?q=bolt"].map(Uri::from_static).into();
        let mut plan = Plan::lists(&addresses);
        let read: Vec<Operation> = (0..100).filter_map(|_| plan.next()).collect();
        for address in &*addresses {
            let wanted = Operation::Read(Path::List(address.clone()));
            assert!(read.contains(&wanted), "{address}");
        }
    }

    #[test]
    fn no_two_presses_share_a_key() {
        let keys: std::collections::BTreeSet<Uuid> = chosen(0.0, 0.0)
            .into_iter()
            .filter_map(|one| match one {
                Operation::Press(press) => Some(press.key),
                _ => None,
            })
            .collect();
        assert_eq!(keys.len(), 1_000);
    }
}
