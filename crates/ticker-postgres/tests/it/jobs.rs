//! Jobs: one replica at a time, again after the interval, and by another one when its holder died.

use std::time::Duration;

use ticker_postgres::jobs::Claim;
use ticker_postgres::{Access as _, Database};
use ticker_testkit::TestDatabase;

const HOURLY: Duration = Duration::from_hours(1);

async fn claim(database: &Database) -> Option<Claim> {
    let mut connection = database.connect().await.unwrap();
    connection.jobs().claim("sweep", HOURLY).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_replicas_one_gets_the_job_each_time_that_it_is_due() {
    let db = TestDatabase::new().await;
    let replicas: Vec<Database> = (0..8).map(|_| db.replica(1)).collect();
    for run in 1..=20 {
        let claims = futures(&replicas).await;
        let [claimed] = claims[..] else {
            panic!("run {run}: {claims:?}");
        };
        db.connect().await.jobs().finish(claimed).await.unwrap();
        assert_eq!(futures(&replicas).await, [], "it is done for this hour");
        db.sql("update jobs set due_at = now() - interval '1 second'")
            .await;
    }
    assert_eq!(db.texts("select run from jobs").await, ["20"]);
}

/// What eight replicas get that claim at once.
async fn futures(replicas: &[Database]) -> Vec<Claim> {
    let mut tasks = tokio::task::JoinSet::new();
    for replica in replicas {
        let replica = replica.clone();
        tasks.spawn(async move { claim(&replica).await });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

#[tokio::test]
async fn who_dies_with_a_job_leaves_it_to_the_next_when_the_lease_ends() {
    let db = TestDatabase::new().await;
    let dead = claim(db.database()).await.unwrap();
    db.sql("update jobs set due_at = now() - interval '1 second'")
        .await;
    assert_eq!(claim(db.database()).await, None, "its holder may live");
    db.sql("update jobs set lease_until = now() - interval '1 millisecond', due_at = now() + interval '1 hour'")
        .await;
    let heir = claim(db.database()).await.unwrap();
    let mut connection = db.connect().await;
    let mut jobs = connection.jobs();
    assert!(!jobs.renew(dead).await.unwrap(), "the lease is another's");
    jobs.finish(dead).await.unwrap();
    assert_eq!(
        jobs.successes().await.unwrap(),
        [],
        "who lost a job cannot end it"
    );
    assert!(jobs.renew(heir).await.unwrap());
    jobs.finish(heir).await.unwrap();
    assert_eq!(jobs.successes().await.unwrap().len(), 1);
    assert!(!jobs.renew(heir).await.unwrap(), "it is over");
}

#[tokio::test]
async fn a_job_that_was_given_back_is_due_again_after_the_pause_and_counts_as_no_success() {
    let db = TestDatabase::new().await;
    let due = "select round(extract(epoch from due_at - now()) / 60) from jobs";
    let claimed = claim(db.database()).await.unwrap();
    assert_eq!(db.texts(due).await, ["60"]);
    let mut connection = db.connect().await;
    let mut jobs = connection.jobs();
    jobs.give_back(claimed, Duration::from_mins(5))
        .await
        .unwrap();
    assert_eq!(db.texts(due).await, ["5"]);
    assert_eq!(jobs.claim("sweep", HOURLY).await.unwrap(), None);
    assert_eq!(jobs.successes().await.unwrap(), []);
    db.sql("update jobs set due_at = now()").await;
    let claimed = jobs.claim("sweep", HOURLY).await.unwrap().unwrap();
    jobs.give_back(claimed, Duration::ZERO).await.unwrap();
    assert!(claim(db.database()).await.is_some());
}
