//! What a history can be narrowed to.

use std::str::FromStr;

use jiff::Timestamp;

use crate::id::{LocationId, UserId};
use crate::ledger::Reason;

/// Which movements are wanted; by default all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Only what this person posted.
    pub actor: Option<UserId>,
    /// Only those at this location.
    pub location: Option<LocationId>,
    /// Only those that are this.
    pub what: Option<What>,
    /// Only those in this direction.
    pub flow: Option<Flow>,
    /// Only those of this time or later.
    pub from: Option<Timestamp>,
    /// Only those before this time.
    pub until: Option<Timestamp>,
}

impl HistoryFilter {
    /// Whether all are wanted.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

/// What a movement is: why it was made, or what kind of posting it belongs to where that says more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// An ordinary change with this reason.
    Reason(Reason),
    /// A line of a transfer.
    Transfer,
    /// A line of what takes another posting back.
    Undo,
}

/// The word is none of what a movement can be, or of where it can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of the choices")]
pub struct UnknownChoice;

impl What {
    /// Everything, in the order in which lists offer it.
    pub fn all() -> impl Iterator<Item = Self> {
        let reasons = Reason::ALL.iter().copied().map(Self::Reason);
        reasons.chain([Self::Transfer, Self::Undo])
    }

    /// The word that stands in addresses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reason(reason) => reason.as_str(),
            Self::Transfer => "transfer",
            Self::Undo => "undo",
        }
    }

    /// The reason that is stored, or else the kind.
    #[must_use]
    pub fn stored(self) -> (Option<&'static str>, Option<&'static str>) {
        match self {
            Self::Reason(reason) => (Some(reason.as_str()), None),
            Self::Transfer | Self::Undo => (None, Some(self.as_str())),
        }
    }

    /// The word that people read.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Reason(reason) => reason.label(),
            Self::Transfer => "Transferred",
            Self::Undo => "Undone",
        }
    }
}

impl FromStr for What {
    type Err = UnknownChoice;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::all()
            .find(|what| what.as_str() == text)
            .ok_or(UnknownChoice)
    }
}

/// Which way goods went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// There were more afterwards.
    In,
    /// There were fewer afterwards.
    Out,
}

impl Flow {
    /// Both.
    pub const ALL: [Self; 2] = [Self::In, Self::Out];

    /// The word that stands in addresses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }

    /// The sign of its changes.
    #[must_use]
    pub fn sign(self) -> i64 {
        match self {
            Self::In => 1,
            Self::Out => -1,
        }
    }
}

impl FromStr for Flow {
    type Err = UnknownChoice;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|flow| flow.as_str() == text)
            .ok_or(UnknownChoice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_reads_back() {
        for what in What::all() {
            assert_eq!(what.as_str().parse(), Ok(what));
        }
        for flow in Flow::ALL {
            assert_eq!(flow.as_str().parse(), Ok(flow));
        }
        assert_eq!("stolen".parse::<What>(), Err(UnknownChoice));
        assert_eq!("up".parse::<Flow>(), Err(UnknownChoice));
    }
}
