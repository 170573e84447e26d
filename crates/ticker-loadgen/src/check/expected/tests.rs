use super::*;
use crate::journal::Acknowledged;

const CHANGE: Change = Change {
    item: 5,
    location: 1,
    delta: 1,
};

fn intent(key: u128) -> Event {
    Event::Intent(Press {
        key: Uuid::from_u128(key),
        item: CHANGE.item,
        location: CHANGE.location,
        delta: CHANGE.delta,
    })
}

fn posted(key: u128, posting: i64, on_hand: i64) -> Event {
    Event::Posted(Acknowledged {
        key: Uuid::from_u128(key),
        posting,
        on_hand,
    })
}

fn refused(key: u128, status: u16) -> Event {
    Event::Refused {
        key: Uuid::from_u128(key),
        status,
    }
}

fn movement(key: u128, posting: i64, after: i64) -> Movement<'static> {
    Movement {
        key: Uuid::from_u128(key),
        posting,
        change: CHANGE,
        after,
        sku: b"A-5",
    }
}

/// Key 1 posted as 10 with 42 on hand, 2 refused, 3 without an answer.
fn log() -> Vec<Event> {
    vec![
        intent(1),
        posted(1, 10, 42),
        intent(2),
        refused(2, 409),
        intent(3),
    ]
}

fn judged(log: &[Event], history: &[Movement<'_>]) -> Findings {
    let mut expected = Expected::default();
    for event in log {
        expected.learn(event);
    }
    for movement in history {
        expected.find(movement);
    }
    expected.conclude()
}

/// The one violation.
fn said(log: &[Event], history: &[Movement<'_>]) -> String {
    let findings = judged(log, history);
    assert_eq!(findings.violations, 1, "{:?}", findings.told);
    findings.told.concat()
}

#[test]
fn a_true_history_is_sound() {
    for open in [&[][..], &[movement(3, 11, 43)]] {
        let findings = judged(
            &log(),
            &[&[movement(1, 10, 42), movement(9, 9, 9)], open].concat(),
        );
        assert!(findings.is_sound(), "{:?}", findings.told);
        assert_eq!(
            (
                findings.keys,
                findings.posted,
                findings.refused,
                findings.open
            ),
            (3, 1, 1, 1)
        );
        assert_eq!(findings.open_found, open.len() as u64);
    }
}

#[test]
fn a_lost_acknowledgement_is_seen() {
    assert!(said(&log(), &[]).contains("is not in the history"));
}

#[test]
fn a_doubled_key_is_seen() {
    let doubled = [movement(1, 10, 42), movement(1, 10, 42)];
    assert!(said(&log(), &doubled).contains("stands there 2 times"));
    let open = [
        movement(1, 10, 42),
        movement(3, 11, 43),
        movement(3, 12, 44),
    ];
    assert!(said(&log(), &open).contains("stands there 2 times"));
}

#[test]
fn another_change_is_seen() {
    for change in [
        Change { delta: 2, ..CHANGE },
        Change { item: 6, ..CHANGE },
        Change {
            location: 2,
            ..CHANGE
        },
    ] {
        let other = Movement {
            change,
            ..movement(1, 10, 42)
        };
        assert!(said(&log(), &[other]).contains("posted as"));
        let open = [
            movement(1, 10, 42),
            Movement {
                change,
                ..movement(3, 11, 43)
            },
        ];
        assert!(said(&log(), &open).contains("posted as"));
    }
}

#[test]
fn another_quantity_or_posting_is_seen() {
    assert!(said(&log(), &[movement(1, 10, 41)]).contains("41 on hand"));
    assert!(said(&log(), &[movement(1, 11, 42)]).contains("posting 11"));
}

#[test]
fn a_refused_press_that_happened_is_seen() {
    assert!(said(&log(), &[movement(1, 10, 42), movement(2, 11, 43)]).contains("as refused (409)"));
}

#[test]
fn answers_that_contradict_each_other_are_seen() {
    let history = [movement(1, 10, 42)];
    assert!(
        said(&[log(), vec![posted(1, 11, 42)]].concat(), &history).contains("and as posting 11")
    );
    assert!(said(&[log(), vec![refused(1, 409)]].concat(), &history).contains("and as refused"));
    assert!(said(&[log(), vec![posted(7, 1, 1)]].concat(), &history).contains("no log says"));
}

#[test]
fn a_key_that_was_turned_away_may_be_used_again_but_a_refused_one_not() {
    let history = [movement(1, 10, 42)];
    let away = [intent(1), refused(1, 403), intent(1), posted(1, 10, 42)];
    assert!(judged(&away, &history).is_sound());
    let refused = [intent(1), refused(1, 409), intent(1), posted(1, 10, 42)];
    assert!(!judged(&refused, &history).is_sound());
}

/// Key 1 added as item 5, key 2 without an answer.
fn additions() -> Vec<Event> {
    let adding = |key, sku: &str| {
        let (key, sku) = (Uuid::from_u128(key), sku.to_owned());
        Event::Adding(Addition { key, sku })
    };
    let (key, item) = (Uuid::from_u128(1), 5);
    vec![
        adding(1, "A-5"),
        Event::Added { key, item },
        adding(2, "A-5"),
    ]
}

#[test]
fn an_added_item_begins_with_its_posting() {
    let findings = judged(&additions(), &[movement(1, 10, 1)]);
    assert!(findings.is_sound(), "{findings}");
    assert_eq!((findings.keys, findings.posted, findings.open), (2, 1, 1));
    let both = judged(&additions(), &[movement(1, 10, 1), movement(2, 11, 1)]);
    assert!(both.is_sound() && both.open_found == 1, "{both}");
}

#[test]
fn an_added_item_that_is_lost_doubled_or_another_is_seen() {
    let lost = judged(&additions(), &[]);
    assert!(lost.told[0].contains("as item 5"), "{lost}");
    let doubled = judged(&additions(), &[movement(1, 10, 1), movement(1, 11, 1)]);
    assert!(
        doubled.told[0].contains("stands there 2 times"),
        "{doubled}"
    );
    let other_item = Change { item: 6, ..CHANGE };
    for wrong in [
        Movement {
            sku: b"B",
            ..movement(1, 10, 1)
        },
        Movement {
            change: other_item,
            ..movement(1, 10, 1)
        },
        movement(1, 10, 2),
    ] {
        let findings = judged(&additions(), &[wrong]);
        assert_eq!(findings.violations, 1, "{wrong:?}");
    }
    let (key, item) = (Uuid::from_u128(7), 5);
    assert!(!judged(&[Event::Added { key, item }], &[]).is_sound());
}
