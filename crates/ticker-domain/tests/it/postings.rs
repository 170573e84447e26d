//! Random grounds and postings: few items, locations, keys and people, so that they get in each
//! other's way all the time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;
use ticker_domain::id::{ItemId, LocationId, PostingId, UserId};
use ticker_domain::ledger::{
    Actor, Change, DELTA_MAX, Ground, Hash, IdempotencyKey, Level, LevelId, Line, Note,
    ON_HAND_MAX, Posted, Posting, Reason, Shelf, Source, Transfer,
};
use uuid::Uuid;

/// Items 1 to 3 are in use, 4 is archived, 5 does not exist.
const ITEMS: i64 = 5;
/// Locations 1 and 2 are in use, 3 is not.
const LOCATIONS: i64 = 3;
const KEYS: u128 = 12;

pub(crate) fn at() -> Timestamp {
    "2026-03-01T12:00:00.123456Z".parse().unwrap()
}

pub(crate) fn level_id(item: i64, location: i64) -> LevelId {
    LevelId {
        item: ItemId(item),
        location: LocationId(location),
    }
}

/// Nobody but users 1 (at epoch 1) and 2 (at epoch 3) may act.
pub(crate) fn ground() -> impl Strategy<Value = Ground> {
    prop::collection::vec(level(), 6).prop_map(|levels| {
        let mut shelves = BTreeMap::new();
        let mut levels = levels.into_iter();
        for item in 1..=3 {
            for location in 1..=2 {
                let level = levels.next().expect("six levels");
                shelves.insert(level_id(item, location), Shelf::Open(level));
            }
            shelves.insert(level_id(item, 3), Shelf::LocationUnknown);
        }
        for location in 1..=LOCATIONS {
            shelves.insert(level_id(4, location), Shelf::ItemArchived);
        }
        Ground {
            epochs: BTreeMap::from([(UserId(1), 1), (UserId(2), 3)]),
            shelves,
            ..Ground::default()
        }
    })
}

fn level() -> impl Strategy<Value = Level> {
    let on_hand = prop_oneof![6 => 0..12_i64, 1 => ON_HAND_MAX - 5..=ON_HAND_MAX];
    prop_oneof![
        1 => Just(Level::EMPTY),
        3 => (on_hand, 1..4_i64, any::<[u8; 32]>())
            .prop_map(|(on_hand, version, hash)| Level { on_hand, version, hash: Hash(hash) }),
    ]
}

pub(crate) fn batch() -> impl Strategy<Value = Vec<Posting>> {
    // Now and then one is sent again, right after or much later, as it was or with a small difference.
    let again = (any::<prop::sample::Index>(), 0..6_u8);
    let drawn = (posting(), prop::option::weighted(0.4, again));
    prop::collection::vec(drawn, 0..30).prop_map(|drawn| {
        let mut postings: Vec<Posting> = Vec::new();
        for (posting, again) in drawn {
            let posting = match again {
                Some((index, difference)) if !postings.is_empty() => {
                    sent_again(index.get(&postings), difference)
                }
                _ => posting,
            };
            postings.push(posting);
        }
        postings
    })
}

/// The same key once more: with the same content, or with one part of it changed.
fn sent_again(first: &Posting, difference: u8) -> Posting {
    if difference > 3 {
        return first.clone();
    }
    let (mut reason, mut note, mut source) =
        (first.reason(), first.note().cloned(), first.source());
    let mut lines = first.lines().to_vec();
    match difference {
        0 => {
            reason = if reason == Reason::Sold {
                Reason::Used
            } else {
                Reason::Sold
            }
        }
        1 => note = note.xor(Some(Note::parse("again").unwrap())),
        2 => {
            source = if source == Source::Api {
                Source::Page
            } else {
                Source::Api
            }
        }
        3 => {
            let last = lines.pop().expect("a posting has a line");
            let delta = if last.wanted() == Change::By(5) { 6 } else { 5 };
            lines.push(Line::change(last.level(), delta).unwrap());
        }
        _ => {}
    }
    Posting::new(first.key(), first.actor(), reason, note, source, lines).unwrap()
}

pub(crate) fn posting() -> impl Strategy<Value = Posting> {
    prop_oneof![6 => change(), 2 => undo(), 1 => transfer()]
}

/// Takes one of a few postings back, so that two want the same one now and then.
fn undo() -> impl Strategy<Value = Posting> {
    let delta = (1..=3_i64, 1..=3_i64, -4..=4_i64)
        .prop_map(|(item, location, delta)| (level_id(item, location), delta));
    let deltas = prop::collection::vec(delta, 1..4);
    let reason = prop::sample::select(Reason::ALL);
    let drawn = (0..KEYS, actor(), 1..4_i64, reason, deltas);
    drawn.prop_filter_map("takes nothing back", |(key, actor, id, reason, deltas)| {
        let id = PostingId(id);
        let posted = Posted { id, reason, deltas };
        let key = IdempotencyKey(Uuid::from_u128(key));
        Posting::undo(key, actor, Source::Page, &posted).ok()
    })
}

fn transfer() -> impl Strategy<Value = Posting> {
    let drawn = (
        0..KEYS,
        actor(),
        1..=3_i64,
        1..=LOCATIONS,
        1..LOCATIONS,
        1..9_i64,
    );
    drawn.prop_map(|(key, actor, item, from, further, quantity)| {
        let to = (from + further - 1) % LOCATIONS + 1;
        let transfer = Transfer::new(ItemId(item), LocationId(from), LocationId(to), quantity);
        let key = IdempotencyKey(Uuid::from_u128(key));
        Posting::transfer(key, actor, None, Source::Page, &transfer.unwrap()).unwrap()
    })
}

fn change() -> impl Strategy<Value = Posting> {
    let note = prop::option::of("[a-z]{1,5}");
    let reason = prop::sample::select(Reason::ALL);
    let source = prop::sample::select(Source::ALL);
    (
        0..KEYS,
        actor(),
        reason,
        note,
        source,
        prop::collection::vec(line(), 1..4),
    )
        .prop_map(|(key, actor, reason, note, source, lines)| {
            let key = IdempotencyKey(Uuid::from_u128(key));
            let note = note.map(|text| Note::parse(&text).unwrap());
            Posting::new(key, actor, reason, note, source, lines).unwrap()
        })
}

/// Mostly somebody who may act.
fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        4 => Just(Actor { user: UserId(1), epoch: 1 }),
        4 => Just(Actor { user: UserId(2), epoch: 3 }),
        1 => (1..4_i64, 0..5_i64).prop_map(|(user, epoch)| Actor { user: UserId(user), epoch }),
    ]
}

fn line() -> impl Strategy<Value = Line> {
    let level = prop_oneof![
        8 => (1..=3_i64, 1..=2_i64),
        1 => (1..=ITEMS, 1..=LOCATIONS),
    ];
    let delta = prop_oneof![
        5 => -8..=-1_i64,
        5 => 1..=8_i64,
        1 => prop::sample::select(&[-DELTA_MAX, DELTA_MAX][..]),
    ];
    let change = (level.clone(), delta).prop_map(|((item, location), delta)| {
        Line::change(level_id(item, location), delta).unwrap()
    });
    let counted = prop_oneof![9 => 0..12_i64, 1 => Just(ON_HAND_MAX)];
    let count = (level, counted, 0..6_i64).prop_map(|((item, location), counted, version)| {
        Line::count(level_id(item, location), counted, version).unwrap()
    });
    prop_oneof![3 => change, 1 => count]
}
