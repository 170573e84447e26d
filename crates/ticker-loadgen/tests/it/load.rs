//! Runs of presses and readers.

use std::collections::BTreeSet;
use std::time::Duration;

use http::StatusCode;

use crate::fake::{Fake, Faults};
use crate::program::{Folder, loadgen};

#[tokio::test(flavor = "multi_thread")]
async fn every_press_is_posted_once_through_copies_cuts_and_busy_servers() {
    let faults = Faults {
        busy_at_first: true,
        ..Faults::default()
    };
    let (fake, folder) = (Fake::start(faults).await, Folder::new());
    let settings = "--scenario spread --presses 300 --clients 8 --duplicate 3 --cut 0.3 --removals 0.5 --check";
    let said = loadgen(&fake, &folder, "run", settings).await;
    assert_eq!(said.code, 0, "{said:?}");
    let result = folder.result();
    let count = |name: &str| result["outcomes"][name].as_u64().unwrap_or(0);
    // Every first answer was a 503 or cut, or another copy's.
    let posted = count("posted") + count("replayed");
    assert_eq!(posted + count("refused"), 300);
    assert!(count("refused") > 0);
    assert_eq!(result["check"]["posted"], posted);
    assert_eq!(result["check"]["refused"], count("refused"));
    let again = &result["sent_again"];
    assert!(again["cut"].as_u64().unwrap() > 100, "{again}");
    assert!(again["busy"].as_u64().unwrap() > 100, "{again}");
    let ledger = fake.ledger();
    let keys: BTreeSet<_> = ledger.rows.iter().map(|row| row.key).collect();
    assert_eq!(
        (keys.len() as u64, ledger.rows.len() as u64),
        (posted, posted)
    );
    // Cuts come after the request went out: none may be lost on the way there.
    assert!(ledger.rows.iter().all(|row| ledger.tries_of(row.key) >= 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_without_an_answer_is_sent_again_under_its_key() {
    let faults = Faults {
        first_press_takes: Duration::from_mins(10),
        ..Faults::default()
    };
    let (fake, folder) = (Fake::start(faults).await, Folder::new());
    let settings = "--scenario hot --presses 5 --clients 1 --timeout 200ms --check";
    let said = loadgen(&fake, &folder, "run", settings).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(folder.result()["sent_again"]["timed_out"], 1);
    assert_eq!(folder.logs(), 0);
    assert_eq!((fake.presses(), fake.ledger().rows.len()), (6, 5));
    assert!(fake.ledger().rows.iter().all(|row| row.item == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_one_key_that_contradict_each_other_are_wrong() {
    let faults = Faults {
        forgets_keys: true,
        ..Faults::default()
    };
    let (fake, folder) = (Fake::start(faults).await, Folder::new());
    let settings = "--scenario hot --presses 10 --duplicate 2 --check";
    let said = loadgen(&fake, &folder, "run", settings).await;
    assert_eq!(said.code, 1, "{said:?}");
    let result = folder.result();
    assert_eq!(result["disagreements"], 10);
    assert!(said.out.contains("NOT SOUND"), "{said:?}");
    assert!(said.out.contains("stands there 2 times"), "{said:?}");
    assert!(said.err.contains("the log is kept"), "{said:?}");
    assert_eq!(folder.logs(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_of_a_press_are_one_press() {
    let (fake, folder) = (Fake::start(Faults::default()).await, Folder::new());
    let said = loadgen(
        &fake,
        &folder,
        "run",
        "--scenario hot --presses 20 --duplicate 3",
    )
    .await;
    assert_eq!(said.code, 0, "{said:?}");
    let result = folder.result();
    assert_eq!(result["outcomes"], serde_json::json!({"posted": 20}));
    assert_eq!((fake.presses(), fake.ledger().rows.len()), (60, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unexpected_answer_is_told_and_fails_the_run() {
    let faults = Faults {
        answers: Some(StatusCode::INTERNAL_SERVER_ERROR),
        ..Faults::default()
    };
    let (fake, folder) = (Fake::start(faults).await, Folder::new());
    let said = loadgen(&fake, &folder, "run", "--scenario hot --presses 3").await;
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(folder.result()["outcomes"]["unexpected"], 3);
    assert!(
        said.out.contains("wrong: POST /items/1/adjust: 500"),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_never_answered_gives_up() {
    let faults = Faults {
        answers: Some(StatusCode::SERVICE_UNAVAILABLE),
        ..Faults::default()
    };
    let (fake, folder) = (Fake::start(faults).await, Folder::new());
    let settings = "--scenario hot --presses 2 --give-up 300ms";
    let said = loadgen(&fake, &folder, "run", settings).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(folder.result()["outcomes"]["gave_up"], 2);
    assert!(fake.presses() > 4);
}

/// The first answer takes a second, in which 100 more requests come due. A client that measured from when
/// it sent each would call all but one of them fast.
#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_a_free_client_counts_as_latency() {
    let faults = Faults {
        first_press_takes: Duration::from_secs(1),
        ..Faults::default()
    };
    let (fake, folder) = (Fake::start(faults).await, Folder::new());
    let settings = "--scenario hot --clients 1 --rate 100 --duration 2s --warm-up 0s";
    let said = loadgen(&fake, &folder, "run", settings).await;
    assert_eq!(said.code, 0, "{said:?}");
    let press = &folder.result()["kinds"]["press"];
    let quantile_us = |name: &str| press["latency_us"][name].as_u64().unwrap();
    assert!(quantile_us("p90") > 300_000, "{press}");
    assert!(quantile_us("max") >= 1_000_000, "{press}");
    assert!(press["count"].as_u64().unwrap() > 150, "{press}");
}

#[tokio::test(flavor = "multi_thread")]
async fn arrivals_that_nobody_was_free_for_are_told() {
    let faults = Faults {
        first_press_takes: Duration::from_secs(1),
        ..Faults::default()
    };
    let (fake, folder) = (Fake::start(faults).await, Folder::new());
    let settings = "--scenario hot --clients 1 --rate 100 --duration 500ms --warm-up 0s";
    let said = loadgen(&fake, &folder, "run", settings).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(folder.result()["unsent"], 49);
}

#[tokio::test(flavor = "multi_thread")]
async fn mixed_clients_read_and_press() {
    let (fake, folder) = (Fake::start(Faults::default()).await, Folder::new());
    let said = loadgen(
        &fake,
        &folder,
        "run",
        "--scenario mixed --presses 500 --threads 2",
    )
    .await;
    assert_eq!(said.code, 0, "{said:?}");
    let kinds = folder.result()["kinds"].clone();
    for kind in ["press", "inventory", "item", "history"] {
        assert!(kinds[kind]["count"].as_u64().unwrap() > 10, "{kinds}");
    }
    assert!(said.err.is_empty(), "progress is for terminals: {said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_wrong_ends_with_2() {
    let (fake, folder) = (Fake::start(Faults::default()).await, Folder::new());
    for wrong in [
        "--scenario none",
        "--scenario hot --rate 0",
        "--scenario replay",
        "--scenario hot --item 9 --location 7 --items 1-2",
    ] {
        assert_eq!(
            loadgen(&fake, &folder, "run", wrong).await.code,
            2,
            "{wrong}"
        );
    }
    folder.write("accounts", "ana\n");
    let said = loadgen(&fake, &folder, "run", "--scenario hot").await;
    assert_eq!(said.code, 2);
    assert!(
        said.err.contains("line 1 is not `name:password`"),
        "{said:?}"
    );
}
