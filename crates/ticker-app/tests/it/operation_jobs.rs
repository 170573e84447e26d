//! Jobs: one replica does each, once an interval, and another goes on where one died.

use std::time::Duration;

use ticker_app::App;
use ticker_app::operation::{Job, JobOutcome, JobSettings};
use ticker_auth::Anyone;
use ticker_domain::user::Role;
use ticker_postgres::Access as _;
use ticker_postgres::sessions::SessionLifetime;
use ticker_testkit::TestDatabase;
use tokio_util::sync::CancellationToken;

const SETTINGS: JobSettings = JobSettings {
    sessions: SessionLifetime {
        idle: Duration::from_hours(1),
        absolute: Duration::from_hours(24),
    },
    posting_key_days: 7,
};

async fn run(app: &App, job: Job) -> Option<JobOutcome> {
    let stop = CancellationToken::new();
    app.run_job(Anyone, job, SETTINGS, &stop).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_replicas_that_both_tick_one_does_each_job() {
    let db = TestDatabase::new().await;
    let replicas = [db.app(), db.app()];
    for job in Job::ALL {
        let mut done = Vec::new();
        for _tick in 0..5 {
            let (one, other) = tokio::join!(run(&replicas[0], job), run(&replicas[1], job));
            done.extend(one.into_iter().chain(other));
        }
        assert_eq!(done, [JobOutcome::Succeeded], "{job:?}");
    }
    assert_eq!(
        db.texts("select name || ' ' || run from jobs order by 1")
            .await,
        [
            "forget_bulk_forms 1",
            "forget_sessions 1",
            "prune_item_changes 1",
            "prune_posting_keys 1",
            "survey_stock 1",
            "verify_ledger 1"
        ]
    );
    let late = "update jobs set due_at = now() where name = 'verify_ledger'";
    db.sql(late).await;
    assert_eq!(run(&replicas[1], Job::PrunePostingKeys).await, None);
    assert_eq!(
        run(&replicas[1], Job::VerifyLedger).await,
        Some(JobOutcome::Succeeded)
    );
}

#[tokio::test]
async fn a_replica_that_dies_with_a_job_is_succeeded_when_its_lease_ends() {
    let db = TestDatabase::new().await;
    let job = Job::PrunePostingKeys;
    let mut connection = db.connect().await;
    let mut jobs = connection.jobs();
    let hourly = Duration::from_hours(1);
    jobs.claim(job.as_str(), hourly).await.unwrap().unwrap();
    let app = db.app();
    assert_eq!(run(&app, job).await, None, "it may live");
    db.sql("update jobs set lease_until = now() - interval '1 second'")
        .await;
    assert_eq!(run(&app, job).await, Some(JobOutcome::Succeeded));
    assert_eq!(run(&app, job).await, None, "done for this hour");
}

#[tokio::test]
async fn old_keys_are_pruned_in_steps_and_young_ones_are_kept() {
    let db = TestDatabase::new().await;
    let item = db.item("AA batteries").await;
    for delta in [1, 2, 3] {
        db.stock(item.level(), delta).await;
    }
    db.sql(
        "update posting_keys set answered_at = now() - case posting_id
             when 1 then interval '7 days 1 hour' else interval '6 days 23 hours' end;
         insert into posting_keys (key, fingerprint, refusal, answered_at)
         select gen_random_uuid(), decode(repeat('00', 32), 'hex'), '{}', now() - interval '8 days'
         from generate_series(1, 12000)",
    )
    .await;
    let job = Job::PrunePostingKeys;
    assert_eq!(run(&db.app(), job).await, Some(JobOutcome::Succeeded));
    let left = "select posting_id from posting_keys order by 1";
    assert_eq!(db.texts(left).await, ["2", "3"]);
}

#[tokio::test]
async fn a_job_ends_between_two_steps_when_the_process_stops_and_is_due_at_once() {
    let db = TestDatabase::new().await;
    db.sql(
        "insert into posting_keys (key, fingerprint, refusal, answered_at)
         select gen_random_uuid(), decode(repeat('00', 32), 'hex'), '{}', now() - interval '8 days'
         from generate_series(1, 12000)",
    )
    .await;
    let (app, job, stop) = (db.app(), Job::PrunePostingKeys, CancellationToken::new());
    stop.cancel();
    let stopped = app.run_job(Anyone, job, SETTINGS, &stop).await.unwrap();
    assert_eq!(stopped, Some(JobOutcome::Stopped));
    let left = "select count(*) from posting_keys";
    assert_eq!(db.texts(left).await, ["7000"]);
    assert_eq!(run(&app, job).await, Some(JobOutcome::Succeeded));
    assert_eq!(db.texts(left).await, ["0"]);
}

#[tokio::test]
async fn a_job_that_fails_is_tried_again_in_a_minute() {
    let db = TestDatabase::new().await;
    let (app, job) = (db.app(), Job::VerifyLedger);
    db.sql("revoke select on movements from ticker_app").await;
    assert_eq!(run(&app, job).await, Some(JobOutcome::Failed));
    let due = "select lease_until is null and due_at between now() + interval '50 seconds'
                      and now() + interval '1 minute' and succeeded_at is null from jobs";
    assert_eq!(db.texts(due).await, ["true"]);
}

#[tokio::test]
async fn ended_sessions_are_forgotten() {
    let db = TestDatabase::new().await;
    db.user(Role::Staff).await;
    db.user(Role::Staff).await;
    db.sql("update sessions set last_seen_at = now() - interval '2 hours' where user_id = 1")
        .await;
    let done = run(&db.app(), Job::ForgetSessions).await;
    assert_eq!(done, Some(JobOutcome::Succeeded));
    assert_eq!(db.texts("select user_id from sessions").await, ["2"]);
}

#[tokio::test]
async fn of_old_bulk_changes_only_the_numbers_are_kept() {
    let db = TestDatabase::new().await;
    db.user(Role::Manager).await;
    db.sql(
        "insert into bulk_changes (key, actor_id, form, begun_at, stepped_at, ended_at, changed, skipped, skips)
         select gen_random_uuid(), 1, 'form', now(), now(), ended_at, 5, 1, '[[1, \"Nuts\", \"is archived\"]]'
         from (values (now() - interval '31 days'), (now() - interval '29 days'), (null)) ended (ended_at)
              cross join generate_series(1, 501)",
    )
    .await;
    let done = run(&db.app(), Job::ForgetBulkForms).await;
    assert_eq!(done, Some(JobOutcome::Succeeded));
    let kept = "select concat_ws(' ', ended_at is not null, form, jsonb_array_length(skips), changed, count(*))
                from bulk_changes group by ended_at is not null, form, skips, changed order by 1";
    assert_eq!(
        db.texts(kept).await,
        ["f form 1 5 501", "t  0 5 501", "t form 1 5 501"]
    );
}
