//! How much is measured.

use crate::ground::{Inventory, Size};

/// How much is measured: enough to trust, or enough to see that the bench works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// How often each side of a comparison has its turn.
    pub(super) rounds: u32,
    /// How long each turn is measured.
    pub(super) seconds: u32,
    /// The same of pages, which come a thousand a second.
    pub(super) reading_seconds: u32,
    /// How long Ticker runs before it is measured.
    pub(super) warm_up_seconds: u32,
    /// Items in the inventory.
    pub(super) items: u32,
    /// Items of catalogues whose pages are compared, the smallest first.
    pub(super) catalogues: [u32; 3],
    /// Movements of the largest of them.
    pub(super) movements: u32,
    /// Clients that read pages of lists, and that search.
    pub(super) listing: u32,
    pub(super) searching: u32,
    /// Users who sign in; clients share them.
    pub(super) accounts: u32,
    /// Clients that press, a side each.
    pub(super) pressing: [u32; 2],
    /// Clients of the yardstick, a side each; one of them is the first of those that press.
    pub(super) measuring: [u32; 3],
    /// Clients that press where processes are compared, a pair of sides each.
    pub(super) sharing: &'static [u32],
    /// Sign-ins that come at once.
    pub(super) sign_ins: u32,
    /// Clients that read pages meanwhile.
    pub(super) readers: u32,
    /// Screens that follow live.
    pub(super) streams: u32,
    /// Screens that ask to and never read.
    pub(super) stalled: u32,
    /// How often a process is started.
    pub(super) starts: u32,
    /// Whether the figures say anything.
    pub(super) is_meaningful: bool,
}

impl Plan {
    /// What docs/performance.md is filled with.
    pub(crate) const FULL: Self = Self {
        rounds: 5,
        seconds: 10,
        reading_seconds: 5,
        warm_up_seconds: 2,
        items: 100_000,
        catalogues: [1_000, 100_000, 1_000_000],
        movements: 10_000_000,
        listing: 16,
        searching: 8,
        accounts: 32,
        pressing: [64, 256],
        measuring: [1, 16, 64],
        sharing: &[64, 256],
        sign_ins: 300,
        readers: 8,
        streams: 1_000,
        stalled: 100,
        starts: 30,
        is_meaningful: true,
    };
    /// Shows within seconds that a bench works.
    pub(crate) const SHORT: Self = Self {
        rounds: 1,
        seconds: 1,
        reading_seconds: 1,
        warm_up_seconds: 0,
        items: 1_000,
        catalogues: [100, 1_000, 5_000],
        movements: 20_000,
        listing: 2,
        searching: 2,
        accounts: 2,
        pressing: [4, 8],
        measuring: [1, 2, 4],
        sharing: &[4],
        sign_ins: 8,
        readers: 2,
        streams: 20,
        stalled: 0,
        starts: 3,
        is_meaningful: false,
    };

    /// With so many rounds.
    pub(crate) fn with_rounds(self, rounds: u32) -> Self {
        Self { rounds, ..self }
    }

    /// Items that are all alike.
    pub(super) fn shelf(&self) -> Size {
        Size {
            inventory: Inventory::Shelf { items: self.items },
            accounts: self.accounts,
        }
    }

    /// As few as a shop has, for what is not about them, and enough users to follow.
    pub(super) fn small_shelf(&self) -> Size {
        Size {
            inventory: Inventory::Shelf {
                items: self.items.min(1_000),
            },
            accounts: self.accounts.max(self.followers()),
        }
    }

    /// The largest of the catalogues.
    pub(super) fn catalogue(&self) -> Size {
        self.catalogue_of(self.catalogues[2], 0)
    }

    /// The largest of the catalogues, with as many movements as it will have in years.
    pub(super) fn moving_catalogue(&self) -> Size {
        self.catalogue_of(self.catalogues[2], self.movements)
    }

    /// A catalogue.
    pub(super) fn catalogue_of(&self, items: u32, movements: u32) -> Size {
        Size {
            inventory: Inventory::Catalogue { items, movements },
            accounts: self.accounts,
        }
    }

    /// Users who are needed for that many streams: each has ten at most.
    pub(super) fn followers(&self) -> u32 {
        (self.streams + self.stalled).div_ceil(10)
    }

    /// Where in [`Plan::measuring`] as many clients stand as press on Ticker first.
    pub(super) fn equal_clients(&self) -> usize {
        let equal = |clients: &u32| *clients == self.pressing[0];
        self.measuring.iter().position(equal).unwrap_or_default()
    }

    /// As the file of the run has it.
    pub(super) fn to_json(self) -> serde_json::Value {
        serde_json::json!({
            "rounds": self.rounds,
            "seconds": self.seconds,
            "reading_seconds": self.reading_seconds,
            "warm_up_seconds": self.warm_up_seconds,
            "items": self.items,
            "catalogues": self.catalogues,
            "movements": self.movements,
            "listing_clients": self.listing,
            "searching_clients": self.searching,
            "accounts": self.accounts,
            "clients": self.pressing,
            "yardstick_clients": self.measuring,
            "replica_clients": self.sharing,
            "sign_ins": self.sign_ins,
            "readers": self.readers,
            "streams": self.streams,
            "stalled": self.stalled,
            "starts": self.starts,
            "is_meaningful": self.is_meaningful,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_yardstick_is_taken_at_as_many_clients_as_press() {
        for plan in [Plan::FULL, Plan::SHORT] {
            assert_eq!(plan.measuring[plan.equal_clients()], plan.pressing[0]);
        }
    }
}
