//! The demo shop: as large as promised, sound, and all or nothing.

use ticker_app::demo::{DemoShop, LoadDemoError};
use ticker_app::{Clock as _, ErrorKind, Failure};
use ticker_auth::Operator;
use ticker_domain::permission::ItemCreate;
use ticker_domain::user::Role;
use ticker_testkit::TestDatabase;

async fn staffed() -> TestDatabase {
    let db = TestDatabase::new().await;
    db.user_named("mia", "Mia Stone", Role::Staff).await;
    db.user_named("jon", "Jon Weaver", Role::Staff).await;
    db.user_named("vera", "Vera Lang", Role::Manager).await;
    db
}

async fn count(db: &TestDatabase, what: &str) -> i64 {
    db.texts(&format!("select count(*) from {what}")).await[0]
        .parse()
        .unwrap()
}

#[tokio::test]
async fn it_is_the_sound_and_lively_shop_that_was_promised() {
    let db = staffed().await;
    let begun = std::time::Instant::now();
    let shop = db.app().load_demo(&Operator).await.unwrap();
    println!("{shop:?} took {:?}", begun.elapsed());
    assert_eq!(db.violations().await, Vec::<String>::new());
    check_size(&db, shop).await;
    check_statuses(&db).await;
    check_times(&db).await;
    check_kinds(&db).await;
}

async fn check_size(db: &TestDatabase, shop: DemoShop) {
    assert_eq!(shop.items, 240);
    assert_eq!(count(db, "items").await, 240);
    assert_eq!(
        count(db, "(select distinct category_id from items) c").await,
        12
    );
    assert_eq!(
        count(db, "(select distinct home_location_id from items) l").await,
        3
    );
    assert_eq!(
        count(db, "movements").await,
        i64::try_from(shop.movements).unwrap()
    );
    assert!((2_000..8_000).contains(&shop.movements), "{shop:?}");
}

async fn check_statuses(db: &TestDatabase) {
    let items = |status: &str| format!("items where status = '{status}'");
    assert_eq!(count(db, &items("out")).await, 6);
    assert_eq!(count(db, &items("low")).await, 20);
    assert_eq!(count(db, &items("over")).await, 4);
    let unset = count(db, "items where minimum is null").await;
    assert!((5..30).contains(&unset), "{unset} without thresholds");
}

async fn check_times(db: &TestDatabase) {
    let span = db
        .texts("select extract(day from max(moved_at) - min(moved_at)) from movements")
        .await;
    assert!(["28", "29", "30"].contains(&span[0].as_str()), "{span:?}");
    let now = db.clock().now();
    assert_eq!(
        count(db, &format!("movements where moved_at >= '{now}'")).await,
        0
    );
    let closed = "movements where (extract(isodow from moved_at) = 7 or extract(hour from moved_at)
                  not between 6 and 18) and number > 1";
    assert_eq!(count(db, closed).await, 0);
    assert_eq!(count(db, "items where created_at > changed_at").await, 0);
    // Along every level time goes forward.
    let backwards =
        "(select moved_at < lag(moved_at) over (partition by item_id, location_id order by number)
                      as b from movements) m where b";
    assert_eq!(count(db, backwards).await, 0);
}

async fn check_kinds(db: &TestDatabase) {
    let reasons = db
        .texts("select distinct reason from postings order by 1")
        .await;
    for reason in [
        "adjusted", "counted", "damaged", "opening", "received", "returned", "sold", "used",
    ] {
        assert!(
            reasons.iter().any(|known| known == reason),
            "{reason} is not among {reasons:?}"
        );
    }
    assert_eq!(
        count(db, "(select distinct actor_id from postings) a").await,
        3
    );
    assert!(count(db, "postings where line_count > 1").await > 100);
    assert!(count(db, "postings where reason = 'damaged' and note is null").await == 0);
    assert!(
        count(
            db,
            "movements join postings p on p.id = posting_id where reason = 'counted' and delta <> 0"
        )
        .await
            > 3
    );
}

#[tokio::test]
async fn it_is_the_same_shop_every_time() {
    let shop = async || {
        let db = staffed().await;
        db.app().load_demo(&Operator).await.unwrap();
        db.texts(
            "select concat_ws('|', i.sku, i.barcode, i.total, i.status, count(m.id), max(m.moved_at))
             from items i join movements m on m.item_id = i.id group by i.id order by i.id",
        )
        .await
    };
    let (one, other) = tokio::join!(shop(), shop());
    assert_eq!(one, other);
}

#[tokio::test]
async fn it_goes_into_an_empty_inventory_only() {
    let db = staffed().await;
    db.item("AA batteries").archived().await;
    let refused = db.app().load_demo(&Operator).await.unwrap_err();
    assert!(matches!(refused, LoadDemoError::NotEmpty), "{refused:?}");
    assert_eq!(count(&db, "items").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_once_load_one_shop() {
    let db = staffed().await;
    let (one, other) = (db.app(), db.app());
    let (first, second) = tokio::join!(one.load_demo(&Operator), other.load_demo(&Operator));
    let (loaded, refused) = if first.is_ok() {
        (first, second)
    } else {
        (second, first)
    };
    assert_eq!(loaded.unwrap().items, 240);
    assert!(
        matches!(refused, Err(LoadDemoError::NotEmpty)),
        "{refused:?}"
    );
    assert_eq!(count(&db, "items").await, 240);
    assert_eq!(db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn without_anybody_there_is_no_shop() {
    let db = TestDatabase::new().await;
    let refused = db.app().load_demo(&Operator).await.unwrap_err();
    assert!(matches!(refused, LoadDemoError::NoUsers), "{refused:?}");

    db.user_named("gone", "Long Gone", Role::Staff).await;
    db.sql("update users set disabled_at = now()").await;
    let refused = db.app().load_demo(&Operator).await.unwrap_err();
    assert!(matches!(refused, LoadDemoError::NoUsers), "{refused:?}");
    assert_eq!(
        count(&db, "items").await + count(&db, "categories").await,
        0
    );
}

#[tokio::test]
async fn nobody_loads_it_whose_rights_have_changed() {
    let db = TestDatabase::new().await;
    let manager = db.user(Role::Manager).await;
    let by = manager.grant::<ItemCreate>();
    db.app()
        .set_role(&Operator, &manager.username, Role::Staff)
        .await
        .unwrap();
    let refused = db.app().load_demo(&by).await.unwrap_err();
    let LoadDemoError::Failure(failure @ Failure::RightsChanged) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(failure.kind(), ErrorKind::RightsChanged);
    assert_eq!(count(&db, "items").await, 0);
}
