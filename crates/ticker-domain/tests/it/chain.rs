//! The hash chain: every part of a movement is covered, and each link hangs on the one before it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;
use ticker_domain::id::UserId;
use ticker_domain::ledger::{
    Actor, Answer, Ground, Hash, IdempotencyKey, Level, LevelId, Line, Note, Outcome, Posting,
    Reason, Shelf, Source, decide,
};
use uuid::Uuid;

use crate::postings::{at, level_id};

/// Everything that a link says.
#[derive(Clone, Debug)]
struct Link {
    previous: [u8; 32],
    level: LevelId,
    version: i64,
    before: i64,
    delta: i64,
    actor: Actor,
    at: Timestamp,
    key: u128,
    reason: Reason,
    source: Source,
    note: Option<&'static str>,
}

fn link() -> Link {
    Link {
        previous: [7; 32],
        level: level_id(1, 2),
        version: 3,
        before: 40,
        delta: -2,
        actor: Actor {
            user: UserId(1),
            epoch: 1,
        },
        at: at(),
        key: 9,
        reason: Reason::Sold,
        source: Source::Page,
        note: Some("counter"),
    }
}

fn hash(link: &Link) -> Hash {
    let level = Level {
        on_hand: link.before,
        version: link.version,
        hash: Hash(link.previous),
    };
    let mut ground = Ground {
        epochs: BTreeMap::from([(link.actor.user, link.actor.epoch)]),
        shelves: BTreeMap::from([(link.level, Shelf::Open(level))]),
        ..Ground::default()
    };
    let posting = Posting::new(
        IdempotencyKey(Uuid::from_u128(link.key)),
        link.actor,
        link.reason,
        link.note.map(|text| Note::parse(text).unwrap()),
        link.source,
        vec![Line::change(link.level, link.delta).unwrap()],
    )
    .unwrap();
    match decide(&mut ground, &[posting], link.at).remove(0) {
        Outcome::Answered(Answer::Posted(movements)) => movements[0].hash,
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn a_change_of_any_part_changes_the_hash() {
    let base = link();
    let mut other = [7; 32];
    other[31] ^= 1;
    let variants = [
        Link {
            previous: other,
            ..base.clone()
        },
        Link {
            level: level_id(2, 2),
            ..base.clone()
        },
        Link {
            level: level_id(1, 1),
            ..base.clone()
        },
        Link {
            level: level_id(2, 1),
            ..base.clone()
        },
        Link {
            version: 4,
            ..base.clone()
        },
        Link {
            before: 41,
            ..base.clone()
        },
        Link {
            delta: -3,
            ..base.clone()
        },
        Link {
            actor: Actor {
                user: UserId(2),
                epoch: 1,
            },
            ..base.clone()
        },
        Link {
            at: Timestamp::from_microsecond(at().as_microsecond() + 1).unwrap(),
            ..base.clone()
        },
        Link {
            key: 10,
            ..base.clone()
        },
        Link {
            reason: Reason::Used,
            ..base.clone()
        },
        Link {
            source: Source::Api,
            ..base.clone()
        },
        Link {
            note: Some("counte"),
            ..base.clone()
        },
        Link {
            note: None,
            ..base.clone()
        },
    ];
    let hashes: Vec<Hash> = variants.iter().chain([&base]).map(hash).collect();
    for (index, hash) in hashes.iter().enumerate() {
        assert!(!hashes[..index].contains(hash), "{:?}", variants.get(index));
    }
}

#[test]
fn the_encoding_never_changes() {
    // Hashes that are stored could not be verified any more.
    let pinned = Uuid::parse_str("26d3799074e1ca98a8d21ca990f595bd").unwrap();
    assert_eq!(hash(&link()).0[..16], *pinned.as_bytes());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn links_hang_on_the_one_before(length in 2..8_usize, changed in any::<prop::sample::Index>()) {
        let changed = changed.index(length);
        // A change that no number shows: only the hash before it carries it on.
        let (one, other) = (chain(length, None), chain(length, Some(changed)));
        prop_assert_eq!(&one[..changed], &other[..changed]);
        for place in changed..length {
            prop_assert_ne!(one[place], other[place], "{} is forgotten by {}", changed, place);
        }
    }
}

/// The hashes of a level's movements, one of which may carry another note.
fn chain(length: usize, noted: Option<usize>) -> Vec<Hash> {
    let mut level = Level::EMPTY;
    let mut hashes = Vec::new();
    for place in 0..length {
        let link = Link {
            previous: level.hash.0,
            version: level.version,
            before: level.on_hand,
            delta: 2,
            key: place as u128,
            note: (noted == Some(place)).then_some("forged"),
            ..link()
        };
        let hash = hash(&link);
        level = Level {
            on_hand: level.on_hand + 2,
            version: level.version + 1,
            hash,
        };
        hashes.push(hash);
    }
    hashes
}
