//! Identifiers. Each kind is a type of its own, so that an item can never stand in for a location.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

identifiers! {
    /// An item, archived or not.
    ItemId,
    /// A place where stock is kept.
    LocationId,
    /// A group of items.
    CategoryId,
    /// A person who can sign in, disabled or not.
    UserId,
    /// A posting in the ledger.
    PostingId,
    /// A movement in the ledger.
    MovementId,
}
