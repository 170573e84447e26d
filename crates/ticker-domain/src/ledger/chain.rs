//! The hash chain that makes a level's history tamper-evident.
//!
//! Each movement's hash covers the one before it on the same level and everything that the movement
//! says. The encoding is fixed (integers as 64-bit big-endian, texts with their length in bytes as
//! 32-bit big-endian before them, the time as microseconds since 1970) so that the database can
//! recompute it in plain SQL: `ticker verify` does.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::Posting;
use super::posting::{LevelId, Note, update_with_text};

/// A link of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What the first movement of a level is chained to.
    pub const ORIGIN: Self = Self([0; 32]);
}

/// What a link covers of the movement itself; the posting gives the rest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) level: LevelId,
    pub(super) number: i64,
    pub(super) delta: i64,
    pub(super) before: i64,
    pub(super) after: i64,
}

/// The hash of a movement that follows `previous` on its level.
pub(super) fn extend(previous: Hash, link: &Link, posting: &Posting, at: Timestamp) -> Hash {
    let mut digest = Sha256::new();
    digest.update(previous.0);
    for integer in [
        link.level.item.0,
        link.level.location.0,
        link.number,
        link.delta,
        link.before,
        link.after,
        posting.actor().user.0,
        at.as_microsecond(),
    ] {
        digest.update(integer.to_be_bytes());
    }
    digest.update(posting.key().0.as_bytes());
    update_with_text(&mut digest, posting.reason().as_str());
    update_with_text(&mut digest, posting.source().as_str());
    update_with_text(&mut digest, posting.note().map_or("", Note::as_str));
    Hash(digest.finalize().into())
}
