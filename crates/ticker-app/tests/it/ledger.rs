//! The poster: who shares a transaction, who fails, and who waits.

use std::time::{Duration, Instant};

use ticker_app::ledger::{BATCH_POSTINGS_MAX, QUEUE_POSTINGS_MAX};
use ticker_app::stock::{AdjustStock, AdjustStockError, Adjusted};
use ticker_app::{App, ErrorKind};
use ticker_domain::ledger::{Line, Note};
use ticker_domain::user::Role;
use ticker_postgres::{Access as _, Transaction};
use ticker_testkit::{TestDatabase, TestItem, TestUser};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::stock::{app_of_its_own, change};

type Pressed = JoinHandle<Result<Adjusted, AdjustStockError>>;

/// A shop where many press at once.
struct Shop {
    db: TestDatabase,
    app: App,
    ana: TestUser,
    batteries: TestItem,
    people: TaskTracker,
}

impl Shop {
    async fn new() -> Self {
        let db = TestDatabase::new().await;
        let ana = db.user(Role::Staff).await;
        let batteries = db.item("AA batteries").stock(100_000).await;
        Self {
            app: app_of_its_own(&db),
            db,
            ana,
            batteries,
            people: TaskTracker::new(),
        }
    }

    fn press(&self, adjust: AdjustStock) -> Pressed {
        let (app, by) = (self.app.clone(), self.ana.grant());
        self.people
            .spawn(async move { app.adjust_stock(&by, adjust).await })
    }

    /// A press that takes one battery.
    fn take_one(&self) -> AdjustStock {
        change(self.batteries.level(), -1)
    }

    /// Presses that wait together behind one that waits for the batteries; that one comes first.
    async fn press_behind_one(&self, others: Vec<AdjustStock>) -> Vec<Pressed> {
        let mut pressed = vec![self.press(self.take_one())];
        self.db.until_blocked(1).await;
        pressed.extend(others.into_iter().map(|adjust| self.press(adjust)));
        // On the test's one thread each now runs as far as it can: into the queue.
        for _ in 0..pressed.len() {
            tokio::task::yield_now().await;
        }
        pressed
    }

    /// Somebody else's transaction, which holds the item until it ends.
    async fn hold(&self, item: &TestItem) -> Transaction {
        let other = self.db.user(Role::Staff).await;
        let lines = vec![Line::change(item.level(), 1).unwrap()];
        let posting = self.db.posting(&other, lines);
        let mut tx = self.db.database().begin().await.unwrap();
        let at = self.db.clock().timestamp();
        tx.ledger().post(&[posting], at).await.unwrap();
        tx
    }

    /// How many transactions Ana's movements were made in.
    async fn transactions(&self) -> String {
        let sql = format!(
            "select count(distinct m.xid) from movements m join postings p on p.id = m.posting_id
             where p.actor_id = {}",
            self.ana.id
        );
        self.db.texts(&sql).await.remove(0)
    }

    async fn assert_sound(&self) {
        assert_eq!(self.db.violations().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_gathers_while_a_batch_commits_is_the_next_batch() {
    let shop = Shop::new().await;
    let busy = shop.hold(&shop.batteries).await;
    let others = (0..40).map(|_| shop.take_one()).collect();
    let pressed = shop.press_behind_one(others).await;
    busy.commit().await.unwrap();

    let mut left = Vec::new();
    for press in pressed {
        left.push(press.await.unwrap().unwrap().movement.after);
    }
    let expected: Vec<i64> = (0..41).map(|press| 100_000 - press).collect();
    assert_eq!(left, expected, "in the order in which they came");
    assert_eq!(shop.transactions().await, "2");
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_posting_that_the_database_rejects_fails_alone() {
    let shop = Shop::new().await;
    shop.db
        .sql(
            "create function reject() returns trigger language plpgsql as
             $$ begin raise exception 'poisoned'; end $$;
             create trigger reject before insert on postings for each row
             when (new.note = 'poison') execute function reject()",
        )
        .await;
    let busy = shop.hold(&shop.batteries).await;
    let mut others: Vec<AdjustStock> = (0..5).map(|_| shop.take_one()).collect();
    others[2].note = Some(Note::parse("poison").unwrap());
    let pressed = shop.press_behind_one(others).await;
    busy.commit().await.unwrap();

    let mut failed = Vec::new();
    for (place, press) in pressed.into_iter().enumerate() {
        if let Err(error) = press.await.unwrap() {
            failed.push((place, error.kind()));
        }
    }
    assert_eq!(failed, [(3, ErrorKind::Defect)]);
    assert_eq!(shop.db.texts("select total from items").await, ["99996"]);
    shop.assert_sound().await;
}

#[tokio::test]
async fn an_item_that_somebody_holds_keeps_nobody_from_the_others() {
    let shop = Shop::new().await;
    let bulbs = shop.db.item("LED bulb").stock(10).await;
    let bulb = shop.db.user(Role::Staff).await;
    let busy = shop.hold(&shop.batteries).await;
    let held = shop.hold(&bulbs).await;
    let (app, by) = (shop.app.clone(), bulb.grant());
    // Ana waits for batteries; behind her are batteries again, and a bulb of somebody else.
    let mut pressed = shop
        .press_behind_one(vec![shop.take_one(), shop.take_one()])
        .await;
    let adjust = change(bulbs.level(), -1);
    let other = shop
        .people
        .spawn(async move { app.adjust_stock(&by, adjust).await });
    tokio::task::yield_now().await;
    busy.commit().await.unwrap();
    pressed.push(other);

    let begun = Instant::now();
    let mut kinds = Vec::new();
    for press in pressed {
        kinds.push(press.await.unwrap().map_err(|error| error.kind()).err());
    }
    assert!(
        matches!(
            kinds[..],
            [None, None, None, Some(ErrorKind::Unavailable { .. })]
        ),
        "{kinds:?}"
    );
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "one wait for the batch, one for the bulb"
    );
    drop(held);
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_full_queue_turns_away_and_shutting_down_answers_all_that_wait() {
    let shop = Shop::new().await;
    let busy = shop.hold(&shop.batteries).await;
    let others = (0..QUEUE_POSTINGS_MAX).map(|_| shop.take_one()).collect();
    let pressed = shop.press_behind_one(others).await;
    let too_many = shop.press(shop.take_one()).await.unwrap().unwrap_err();
    let retry_after = Duration::from_secs(1);
    assert_eq!(too_many.kind(), ErrorKind::Unavailable { retry_after });

    let app = shop.app.clone();
    let stopping = shop.people.spawn(async move { app.shut_down().await });
    tokio::task::yield_now().await;
    let too_late = shop.press(shop.take_one()).await.unwrap().unwrap_err();
    assert_eq!(too_late.kind(), ErrorKind::Unavailable { retry_after });
    busy.commit().await.unwrap();
    for press in pressed {
        press.await.unwrap().unwrap();
    }
    stopping.await.unwrap();
    let batches = 1 + QUEUE_POSTINGS_MAX / BATCH_POSTINGS_MAX;
    assert_eq!(shop.transactions().await, batches.to_string());
    shop.assert_sound().await;
}

#[tokio::test]
async fn whoever_waits_too_long_hears_so_and_the_posting_happens_all_the_same() {
    let shop = Shop::new().await;
    shop.db
        .sql(
            "create function dawdle() returns trigger language plpgsql as
             $$ begin perform pg_sleep(3); return new; end $$;
             create trigger dawdle before insert on postings for each row execute function dawdle()",
        )
        .await;
    let take = shop.take_one();
    let begun = Instant::now();
    let undecided = shop.press(take.clone()).await.unwrap().unwrap_err();
    assert!(begun.elapsed() < Duration::from_millis(2_900));
    let retry_after = Duration::from_secs(1);
    assert_eq!(undecided.kind(), ErrorKind::Unavailable { retry_after });

    let told = shop.press(take).await.unwrap().unwrap();
    assert!(told.replayed, "it had happened");
    assert_eq!(shop.db.texts("select total from items").await, ["99999"]);
    shop.assert_sound().await;
}
