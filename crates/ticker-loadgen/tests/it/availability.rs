//! Whether the service was there, as seen through a proxy that breaks what it is told to.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fake::{Fake, Faults};
use crate::front::{Fate, Front};
use crate::program::{Folder, Said, loadgen, loadgen_at};

/// Presses once for each fate and once before, by one client that connects anew each time; sent again, a press
/// is passed on. The sign-in and the page with the items are passed on first.
async fn pressed_through(fates: &[Fate], settings: &str) -> (Said, Value) {
    let (fake, folder) = (Fake::start(Faults::default()).await, Folder::new());
    let mut script = vec![Fate::Passed; 3];
    for fate in fates {
        script.extend([*fate, Fate::Passed]);
    }
    let front = Front::start(&fake.urls[0], &folder, &script).await;
    let presses = fates.len() + 1;
    let settings = format!(
        "--scenario hot --clients 1 --presses {presses} --connections close --timeout 500ms --check \
         {settings} {}",
        front.arguments(&folder)
    );
    let said = loadgen_at(&folder, "run", &settings).await;
    let result = folder.result();
    assert_eq!(result["outcomes"], json!({"posted": presses}), "{said:?}");
    assert_eq!(result["check"]["violations"], 0, "{said:?}");
    (said, result)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_failure_is_counted_by_its_name() {
    let fates = [
        (Fate::InTheClear, "tls"),
        (Fate::Ignored, "connect_timed_out"),
        (Fate::Unanswered, "timed_out"),
        (Fate::Closed, "closed"),
        (Fate::Reset, "reset"),
        (Fate::Half, "closed"),
        (Fate::Answered(502), "502"),
        (Fate::Answered(503), "503"),
        (Fate::Answered(504), "504"),
    ];
    let (said, result) = pressed_through(&fates.map(|(fate, _)| fate), "").await;
    // All were answered when they were sent again.
    assert_eq!(said.code, 0, "{said:?}");
    let attempts = &result["first_attempts"];
    let names: Vec<&str> = attempts["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|told| told["failure"].as_str().unwrap())
        .collect();
    assert_eq!(names, fates.map(|(_, name)| name), "{said:?}");
    assert_eq!(attempts["by_failure"]["closed"], 2);
    assert_eq!(attempts["by_failure"]["reset"], 1);
    let counted = json!({"count": 10, "failed": 9});
    assert_eq!(attempts["by_method"]["POST"], counted);
    assert_eq!(attempts["by_route"]["POST /items/{id}/adjust"], counted);
    assert_eq!(attempts["by_connections"], json!({"close": counted}));
    let told = &attempts["failures"][1];
    assert_eq!(told["route"], "POST /items/{id}/adjust");
    assert!(told["took_s"].as_f64().unwrap() >= 0.5, "{told}");
    assert_eq!(told["is_reused"], false);
    let gap = &attempts["longest_without_success"]["writes"];
    assert!(gap["seconds"].as_f64().unwrap() >= 0.5, "{gap}");
    let seconds = |name: &str| attempts[name].as_f64().unwrap();
    assert!(seconds("first_failure_s") < seconds("last_failure_s"));
    assert!(seconds("last_failure_s") < seconds("recovered_s"));
    assert!(
        said.out.contains("first attempts: 9 failed of 10"),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_as_long_as_nobody_listens() {
    let outage = Duration::from_millis(400);
    // The press that is passed on as the last is answered; the next one finds nobody.
    let fates = [Fate::PassedAsTheLast(outage), Fate::Passed];
    let (said, result) = pressed_through(&fates, "--fail-on-error").await;
    assert_eq!(said.code, 1, "{said:?}");
    let attempts = &result["first_attempts"];
    assert_eq!(attempts["by_failure"], json!({"connect_refused": 1}));
    let gap = &attempts["longest_without_success"]["writes"];
    assert!(
        gap["seconds"].as_f64().unwrap() >= outage.as_secs_f64() * 0.9,
        "{gap}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_failures_all_is_well_kept_closed_and_slow() {
    let (fake, folder) = (Fake::start(Faults::default()).await, Folder::new());
    let front = Front::start(&fake.urls[0], &folder, &[]).await;
    let log = folder.path("log");
    let settings = format!(
        "--scenario mixed --clients 8 --rate 200 --duration 2s --warm-up 0s --connections mixed --slow 2 \
         --slow-pause 300ms --share-sessions --fail-on-error --log {log} {}",
        front.arguments(&folder)
    );
    let said = loadgen_at(&folder, "run", &settings).await;
    assert_eq!(said.code, 0, "{said:?}");
    let result = folder.result();
    let attempts = &result["first_attempts"];
    assert_eq!(attempts["failed"], 0);
    for way in ["keep_alive", "close"] {
        let count = &attempts["by_connections"][way]["count"];
        assert!(count.as_u64().unwrap() > 50, "{attempts}");
    }
    let slow = &result["kinds"]["slow"];
    assert!(slow["count"].as_u64().unwrap() >= 6, "{slow}");
    assert!(
        slow["latency_us"]["min"].as_u64().unwrap() >= 250_000,
        "{slow}"
    );
    assert_eq!(result["unsent"], 0);
    // One for each account, of which there are two.
    assert_eq!(fake.sign_ins(), 2);
    let check = format!("--log {log} {}", front.arguments(&folder));
    let checked = loadgen_at(&folder, "check", &check).await;
    assert_eq!(checked.code, 0, "{checked:?}");
    fake.ledger()
        .rows
        .retain(|row| !row.sku.starts_with("LOAD-"));
    let checked = loadgen_at(&folder, "check", &check).await;
    assert_eq!(checked.code, 1, "{checked:?}");
    assert!(
        checked.out.contains("answered as added as item"),
        "{checked:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_was_said_to_be_added_and_is_not_is_seen() {
    let faults = Faults {
        adds_nothing: true,
        ..Faults::default()
    };
    let (fake, folder) = (Fake::start(faults).await, Folder::new());
    let settings = "--scenario browse --presses 50 --slow 1 --slow-pause 10ms --check";
    let said = loadgen(&fake, &folder, "run", settings).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("is not in the history"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_session_is_told() {
    let faults = Faults {
        forgets_sessions_after: Some(20),
        ..Faults::default()
    };
    let (fake, folder) = (Fake::start(faults).await, Folder::new());
    let settings = "--scenario mixed --reads 0.5 --presses 200 --clients 4";
    let said = loadgen(&fake, &folder, "run", settings).await;
    assert_eq!(said.code, 1, "{said:?}");
    let result = folder.result();
    assert_eq!(result["sessions_lost"], json!({"ana": 2, "ben": 2}));
    assert!(said.out.contains("session lost: ana's"), "{said:?}");
    let attempts = &result["first_attempts"];
    let lost = attempts["by_failure"]["session_lost"].as_u64().unwrap();
    assert!(lost > 50, "{attempts}");
    for method in ["GET", "POST"] {
        assert!(attempts["by_method"][method]["failed"].as_u64() > Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_somebody_else_is_not_trusted() {
    let (fake, folder) = (Fake::start(Faults::default()).await, Folder::new());
    let front = Front::start(&fake.urls[0], &folder, &[]).await;
    let settings = format!(
        "--scenario hot --give-up 200ms {}",
        front.arguments(&folder)
    );
    let other = settings.replace("ticker.lab", "ticker.example");
    let said = loadgen_at(&folder, "run", &other).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.err.contains("sign-in of ana: tls: invalid peer"),
        "{said:?}"
    );
    // The same name, and another key.
    let _other_front = Front::start(&fake.urls[0], &folder, &[]).await;
    let said = loadgen_at(&folder, "run", &settings).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.err.contains("sign-in of ana: tls: invalid peer"),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn load_stays_on_this_machine_and_https_needs_somebody_to_trust() {
    let folder = Folder::new();
    folder.write("empty.pem", "");
    for (wrong, words) in [
        (
            "--url http://192.0.2.1:5000".to_owned(),
            "not this machine's loopback",
        ),
        (
            "--url http://127.0.0.1:5000 --connect 192.0.2.1:5000".to_owned(),
            "not this machine's loopback",
        ),
        ("--url https://127.0.0.1:5000".to_owned(), "needs --ca"),
        (
            format!(
                "--url https://127.0.0.1:5000 --ca {}",
                folder.path("empty.pem")
            ),
            "no certificate is in it",
        ),
    ] {
        for command in ["run --scenario hot", "check --log accounts"] {
            let (command, more) = command.split_once(' ').unwrap();
            folder.write("log", "");
            let more = more.replace("accounts", &folder.path("log"));
            let said = loadgen_at(&folder, command, &format!("{wrong} {more}")).await;
            assert_eq!(said.code, 2, "{said:?}");
            assert!(said.err.contains(words), "{said:?}");
        }
    }
}
