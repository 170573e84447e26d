//! Workloads that were written down.

use std::fmt::Write as _;

use http::StatusCode;

use crate::fake::{Fake, Faults};
use crate::program::{Folder, loadgen};

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_keeps_each_users_order_and_is_posted_once() {
    let (fake, folder) = (Fake::start(Faults::default()).await, Folder::new());
    let mut workload = String::from("user,transaction,item,location,delta\n");
    for number in 1..=40 {
        let (user, item) = if number % 3 == 0 {
            ("ben", 2)
        } else {
            ("ana", 1)
        };
        writeln!(workload, "{user},{number},{item},1,{number}").unwrap();
    }
    folder.write("week.csv", &workload);
    let settings = format!(
        "--scenario replay --name week --cut 0.3 --check --workload {}",
        folder.path("week.csv")
    );
    for (outcome, other) in [("posted", "replayed"), ("replayed", "posted")] {
        let said = loadgen(&fake, &folder, "run", &settings).await;
        assert_eq!(said.code, 0, "{said:?}");
        let outcomes = folder.result()["outcomes"].clone();
        let all =
            outcomes["posted"].as_u64().unwrap_or(0) + outcomes["replayed"].as_u64().unwrap_or(0);
        assert_eq!(all, 40);
        // A cut answer makes the first run's press a replay as well.
        assert!(
            outcomes[outcome].as_u64() > outcomes[other].as_u64(),
            "{outcomes}"
        );
    }
    let ledger = fake.ledger();
    let deltas = |item: i64| {
        let rows = ledger.rows.iter().filter(move |row| row.item == item);
        rows.map(|row| row.delta).collect::<Vec<_>>()
    };
    assert_eq!(ledger.rows.len(), 40);
    assert!(deltas(1).is_sorted() && deltas(2).is_sorted());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whose_press_is_not_answered_goes_no_further() {
    let faults = Faults {
        answers: Some(StatusCode::SERVICE_UNAVAILABLE),
        ..Faults::default()
    };
    let (fake, folder) = (Fake::start(faults).await, Folder::new());
    let workload = "user,transaction,item,location,delta\nana,1,1,1,1\nana,2,1,1,1\nben,1,2,1,1\n";
    folder.write("week.csv", workload);
    let settings = format!(
        "--scenario replay --name week --give-up 300ms --workload {}",
        folder.path("week.csv")
    );
    let said = loadgen(&fake, &folder, "run", &settings).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(folder.result()["outcomes"]["gave_up"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_an_account_is_misuse() {
    let (fake, folder) = (Fake::start(Faults::default()).await, Folder::new());
    folder.write(
        "week.csv",
        "user,transaction,item,location,delta\ncleo,1,1,1,1\n",
    );
    let settings = format!(
        "--scenario replay --name week --workload {}",
        folder.path("week.csv")
    );
    let said = loadgen(&fake, &folder, "run", &settings).await;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.err.contains("the workload's user cleo has no account"),
        "{said:?}"
    );
}
