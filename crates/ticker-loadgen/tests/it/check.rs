//! The proof must fail when the history is not what was answered.

use crate::fake::{Fake, Faults, Row};
use crate::program::{Folder, Said, loadgen};

/// Presses and then checks against a history that `doctor` changed.
async fn checked(doctor: impl FnOnce(&mut Vec<Row>)) -> Said {
    let (fake, folder) = (Fake::start(Faults::default()).await, Folder::new());
    let log = folder.path("log");
    let settings = format!("--scenario spread --presses 50 --removals 0.6 --log {log}");
    let said = loadgen(&fake, &folder, "run", &settings).await;
    assert_eq!(said.code, 0, "{said:?}");
    doctor(&mut fake.ledger().rows);
    loadgen(&fake, &folder, "check", &format!("--log {log}")).await
}

/// It fails, and says so.
fn assert_violated(said: &Said, words: &str) {
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains(words), "{said:?}");
    assert!(said.out.contains("NOT SOUND, 1 violations"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_true_history_is_sound() {
    let said = checked(|_| ()).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("check: sound: 50 keys"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn others_movements_are_no_matter() {
    let said = checked(|rows| {
        let key = uuid::Uuid::new_v4();
        rows.push(Row {
            key,
            ..rows[0].clone()
        });
    })
    .await;
    assert_eq!(said.code, 0, "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_acknowledgement_is_seen() {
    let said = checked(|rows| rows.truncate(rows.len() - 1)).await;
    assert_violated(&said, "is not in the history");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubled_key_is_seen() {
    let said = checked(|rows| rows.push(rows[0].clone())).await;
    assert_violated(&said, "stands there 2 times");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_change_is_seen() {
    let said = checked(|rows| rows[0].delta = 7).await;
    assert_violated(&said, "posted as +7 of item");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_quantity_is_seen() {
    let said = checked(|rows| rows[0].after = 7_000).await;
    assert_violated(&said, "with 7000 on hand");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_posting_is_seen() {
    let said = checked(|rows| rows[0].posting = 7_000).await;
    assert_violated(&said, "stands there as posting 7000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_press_that_happened_is_seen() {
    let (fake, folder) = (Fake::start(Faults::default()).await, Folder::new());
    let log = folder.path("log");
    let settings = format!("--scenario hot --presses 3 --clients 1 --removals 1 --log {log}");
    assert_eq!(loadgen(&fake, &folder, "run", &settings).await.code, 0);
    let entries = std::fs::read_to_string(&log).unwrap();
    let refused = entries
        .lines()
        .find(|line| line.contains("refused"))
        .unwrap();
    let refused: serde_json::Value = serde_json::from_str(refused).unwrap();
    let key = refused["refused"]["key"].as_str().unwrap().parse().unwrap();
    let happened = Row {
        key,
        ..fake.ledger().rows[0].clone()
    };
    fake.ledger().rows.push(happened);
    let said = loadgen(&fake, &folder, "check", &format!("--log {log}")).await;
    assert_violated(&said, "answered as refused (409), but stands there");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_breaks_off_proves_nothing() {
    // At the end of the header, where what is left is well-formed.
    let header_bytes = crate::fake::Ledger::default().csv().len();
    for bytes in [header_bytes, header_bytes + 20] {
        let faults = Faults {
            export_bytes: Some(bytes),
            ..Faults::default()
        };
        let (fake, folder) = (Fake::start(faults).await, Folder::new());
        let log = folder.path("log");
        // Nothing is acknowledged, so that nothing but the cut can be wrong.
        folder.write("log", "");
        fake.ledger()
            .post(uuid::Uuid::new_v4(), 1, 1, 1, false)
            .1
            .clear();
        let said = loadgen(&fake, &folder, "check", &format!("--log {log}")).await;
        assert_eq!(said.code, 1, "{said:?}");
        assert!(
            said.err.contains("could not be read to its end"),
            "{said:?}"
        );
        assert!(!said.out.contains("sound"), "{said:?}");
    }
}
