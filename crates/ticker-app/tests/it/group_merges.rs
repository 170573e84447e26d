//! Merging a location or a category into another.

use ticker_app::group::{ManageGroupError, MergeGroupError};
use ticker_app::{ErrorKind, Failure};
use ticker_auth::Operator;
use ticker_domain::group::{GroupId, GroupKind};
use ticker_domain::ledger::{LevelId, Line};
use ticker_domain::permission::GroupManage;
use ticker_domain::stock_list::ItemCount;
use ticker_domain::user::Role;
use ticker_postgres::Access as _;
use ticker_testkit::{TestDatabase, key};

use crate::groups::{events, location, name};
use crate::power;

/// What is where: item, home, category, and what is on hand at each location.
async fn shop(db: &TestDatabase) -> Vec<String> {
    let sql = "select concat_ws(' ', i.name, 'at', h.name, 'in', c.name, i.archived_at is not null,
                   (select string_agg(l.name || ' ' || v.on_hand, ', ' order by l.name) from levels v
                    join locations l on l.id = v.location_id where v.item_id = i.id))
               from items i join locations h on h.id = i.home_location_id
               join categories c on c.id = i.category_id order by i.id";
    db.texts(sql).await
}

/// That many items at home at the location, each with 2 on hand there.
async fn fill(db: &TestDatabase, shed: GroupId, items: usize) {
    db.category("Things").await;
    db.sql(&format!(
        "insert into items (name, name_key, sku, sku_key, unit, category_id, home_location_id,
                            search_text, changed_at, created_at, creation_key)
         select 'Thing ' || n, 'thing ' || n, 'T-' || n, 't-' || n, 'pcs', 1, {}, 'thing ' || n,
                now(), now(), gen_random_uuid()
         from generate_series(1, {items}) n",
        shed.number()
    ))
    .await;
    let levels: Vec<LevelId> = db
        .texts("select id from items order by id")
        .await
        .iter()
        .map(|id| LevelId {
            item: id.parse().unwrap(),
            location: ticker_domain::id::LocationId(shed.number()),
        })
        .collect();
    for chunk in levels.chunks(500) {
        let lines = chunk
            .iter()
            .map(|level| Line::change(*level, 2).unwrap())
            .collect();
        let posting = db.posting(db.storekeeper().await, lines);
        db.post(&[posting]).await;
    }
}

#[tokio::test]
async fn a_merged_location_leaves_its_stock_and_its_items_to_the_other() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by = vera.grant::<GroupManage>();
    let (shed, shop_floor) = (
        location(&db, "Shed").await,
        location(&db, "Shop floor").await,
    );
    db.item("AA batteries").stock(4).stock_at("Shed", 3).await;
    db.item("C batteries")
        .home("Shed")
        .stock(7)
        .archived()
        .await;
    db.item("D batteries").home("Shed").await;
    db.item("E batteries")
        .home("Shed")
        .stock_at("Attic", 1)
        .await;
    let archived_at = "select archived_at from items where archived_at is not null";
    let archived_before = db.texts(archived_at).await;

    let extent = app.merge_extent(&by, shed).await.unwrap();
    let (items, stocked) = (ItemCount::Exactly(4), ItemCount::Exactly(2));
    assert_eq!(
        (extent.items, extent.stocked_items, extent.on_hand),
        (items, stocked, 10)
    );
    let once = key();
    let merge = app.merge_group(&by, once, shed, shop_floor).await.unwrap();
    assert!(merge.ended_at.is_some());
    assert_eq!((merge.items_total, merge.items_moved), (Some(4), 4));
    assert_eq!(
        shop(&db).await,
        [
            "AA batteries at Shop floor in Things f Shed 0, Shop floor 7",
            "C batteries at Shop floor in Things t Shed 0, Shop floor 7",
            "D batteries at Shop floor in Things f",
            "E batteries at Shop floor in Things f Attic 1",
        ]
    );
    assert_eq!(db.texts(archived_at).await, archived_before);
    let view = app.show_group(&by, shed).await.unwrap().unwrap();
    assert!(view.row.group.archived_at.is_some());
    assert_eq!(view.merged_into.map(|into| into.id), Some(shop_floor));
    let postings =
        "select concat_ws(' ', actor_id, note, line_count) from postings where note is not null";
    assert_eq!(
        db.texts(postings).await,
        [format!("{} Merged Shed into Shop floor 4", vera.id)]
    );
    assert_eq!(
        events(&db).await,
        [format!("{} merged location Shed", vera.id)]
    );

    // The same form again, and another one about what is not there any more.
    let again = app.merge_group(&by, once, shed, shop_floor).await.unwrap();
    assert_eq!(again, merge);
    let other = app.merge_group(&by, key(), shed, shop_floor).await;
    assert!(
        matches!(&other, Err(MergeGroupError::Archived(name)) if name == "Shed"),
        "{other:?}"
    );
    let attic = location(&db, "Attic").await;
    let reused = app.merge_group(&by, once, attic, shop_floor).await;
    assert!(
        matches!(reused, Err(MergeGroupError::KeyReused)),
        "{reused:?}"
    );
    assert_eq!(db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_merged_category_leaves_its_items_to_the_other() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by = vera.grant::<GroupManage>();
    db.item("Nuts").category("Nuts").stock(4).await;
    db.item("Bolts").category("Bolts").archived().await;
    let kind = GroupKind::Category;
    let bolts = GroupId::Category(db.category("Bolts").await);
    let nuts = GroupId::Category(db.category("Nuts").await);
    let merge = app.merge_group(&by, key(), nuts, bolts).await.unwrap();
    assert!(merge.ended_at.is_some());
    assert_eq!(
        shop(&db).await,
        [
            "Nuts at Shop floor in Bolts f Shop floor 4",
            "Bolts at Shop floor in Bolts t"
        ]
    );
    let versions = "select version from items order by id";
    assert_eq!(db.texts(versions).await, ["2", "1"], "a move is an edit");
    // Restored, it is empty.
    app.restore_group(&by, nuts).await.unwrap();
    app.archive_group(&by, nuts).await.unwrap();
    let archived = app.list_groups(&by, kind, true, None).await.unwrap();
    assert_eq!(archived.rows.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_merged_is_refused_before_anything_moves() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by = vera.grant::<GroupManage>();
    let (shed, attic) = (location(&db, "Shed").await, location(&db, "Attic").await);
    let things = GroupId::Category(db.category("Things").await);
    let kind = async |source, target| {
        let error = app.merge_group(&by, key(), source, target).await;
        error.unwrap_err().kind()
    };
    assert_eq!(kind(shed, shed).await, ErrorKind::Invalid);
    assert_eq!(kind(shed, things).await, ErrorKind::Invalid);
    let nothing = GroupId::new(GroupKind::Location, 99);
    assert_eq!(kind(shed, nothing).await, ErrorKind::NotFound);
    assert_eq!(kind(nothing, shed).await, ErrorKind::NotFound);
    app.archive_group(&by, attic).await.unwrap();
    assert_eq!(kind(shed, attic).await, ErrorKind::Conflict);
    assert_eq!(kind(attic, shed).await, ErrorKind::Conflict);
    assert_eq!(db.texts("select count(*) from group_merges").await, ["0"]);
}

/// Counting takes a second for a million items, and whoever posts at the two does not wait for it.
#[tokio::test]
async fn what_a_merge_is_about_is_counted_before_anything_is_locked() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by = vera.grant::<GroupManage>();
    let (shed, floor) = (
        location(&db, "Shed").await,
        location(&db, "Shop floor").await,
    );
    db.item("AA batteries").home("Shed").stock(4).await;
    db.sql("create table free (locations bigint)").await;
    let slow = db.sql(
        "do $$ begin
             lock table levels in access exclusive mode;
             for _ in 1..1000 loop
                 exit when exists (select from pg_locks where not granted and relation = 'levels'::regclass);
                 perform pg_sleep(0.01);
             end loop;
             insert into free select count(*) from (select from locations for key share skip locked) l;
         end $$",
    );
    let merging = async {
        let is_slow = "select pid from pg_locks where granted and mode = 'AccessExclusiveLock'
                           and relation = 'levels'::regclass";
        db.until(is_slow, 1).await;
        app.merge_group(&by, key(), shed, floor).await
    };
    let (merge, ()) = tokio::join!(merging, slow);
    assert_eq!(db.texts("select locations from free").await, ["2"]);
    let merge = merge.unwrap();
    assert_eq!((merge.items_total, merge.items_moved), (Some(1), 1));
}

#[tokio::test]
async fn a_merge_that_failed_half_way_goes_on_where_it_stopped() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by = vera.grant::<GroupManage>();
    let (shed, floor) = (
        location(&db, "Shed").await,
        location(&db, "Shop floor").await,
    );
    fill(&db, shed, 2_000).await;
    power::goes_out(&db, "group_merges", "new.items_moved > 600").await;
    // On a slow machine it is answered before it has failed, and whoever presses again hears of it.
    let failed = loop {
        let answer = app.merge_group(&by, key(), shed, floor).await;
        if answer.is_err() {
            break answer;
        }
    };
    assert!(
        matches!(&failed, Err(MergeGroupError::Failure(Failure::Database(_)))),
        "{failed:?}"
    );
    let moved = "select concat_ws(' ', count(*) filter (where home_location_id = 2),
                        (select sum(on_hand) from levels where location_id = 2)) from items";
    assert_eq!(db.texts(moved).await, ["500 1000"]);
    assert_eq!(db.violations().await, Vec::<String>::new());

    // Meanwhile neither of the two can be archived or merged elsewhere.
    for group in [shed, floor] {
        let archived = app.archive_group(&by, group).await;
        assert!(
            matches!(archived, Err(ManageGroupError::Merging)),
            "{archived:?}"
        );
    }
    let attic = location(&db, "Attic").await;
    for (source, target) in [(floor, attic), (attic, shed), (shed, attic)] {
        let refused = app.merge_group(&by, key(), source, target).await;
        assert!(
            matches!(refused, Err(MergeGroupError::Merging)),
            "{refused:?}"
        );
    }

    // Somebody else presses again, with a form and a key of their own.
    power::comes_back(&db, "group_merges").await;
    let other = db.user(Role::Manager).await;
    let other_replica = db.app();
    let mut merge = other_replica
        .merge_group(&other.grant(), key(), shed, floor)
        .await
        .unwrap();
    while merge.ended_at.is_none() {
        merge = other_replica
            .merge_group(&other.grant(), key(), shed, floor)
            .await
            .unwrap();
    }
    assert_eq!((merge.items_total, merge.items_moved), (None, 2_000));
    assert_eq!(db.texts(moved).await, ["2000 4000"]);
    let doubled =
        "select item_id from movements where location_id = 2 group by item_id having count(*) <> 1";
    assert_eq!(db.texts(doubled).await, Vec::<String>::new());
    assert_eq!(db.violations().await, Vec::<String>::new());
    app.shut_down().await;
}

/// Two replicas at it, while somebody sells from the location that is emptied.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_who_merge_at_once_and_somebody_who_sells_lose_nothing() {
    let db = TestDatabase::new().await;
    let (one, other, till) = (db.app(), db.app(), db.app());
    let (vera, staff) = (db.user(Role::Manager).await, db.user(Role::Staff).await);
    let by = vera.grant::<GroupManage>();
    let (shed, floor) = (
        location(&db, "Shed").await,
        location(&db, "Shop floor").await,
    );
    fill(&db, shed, 700).await;
    let merging = async |app: &ticker_app::App| {
        loop {
            match app.merge_group(&by, key(), shed, floor).await {
                Ok(merge) if merge.ended_at.is_some() => return,
                Ok(_) => {}
                Err(MergeGroupError::Archived(_)) => return,
                Err(error) => panic!("{error:?}"),
            }
        }
    };
    let selling = async {
        let mut sold = 0;
        for item in 1..=60 {
            let level = LevelId {
                item: ticker_domain::id::ItemId(item * 11),
                location: ticker_domain::id::LocationId(shed.number()),
            };
            let press = crate::stock::change(level, -1);
            sold += i64::from(till.adjust_stock(&staff.grant(), press).await.is_ok());
        }
        sold
    };
    let ((), (), sold) = tokio::join!(merging(&one), merging(&other), selling);
    assert_eq!(
        db.texts("select concat_ws(' ', sum(total), count(*) filter (where home_location_id = 2)) from items")
            .await,
        [format!("{} 700", 1_400 - sold)]
    );
    let left = "select sum(on_hand) from levels where location_id = 1";
    assert_eq!(db.texts(left).await, ["0"]);
    assert_eq!(events(&db).await.len(), 1);
    assert_eq!(db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn whoever_lost_the_right_stops_merging() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user_named("vera", "Vera", Role::Manager).await);
    let by = vera.grant::<GroupManage>();
    let (shed, floor) = (
        location(&db, "Shed").await,
        location(&db, "Shop floor").await,
    );
    db.item("AA batteries").home("Shed").stock(4).await;
    app.set_role(&Operator, "vera", Role::Staff).await.unwrap();
    let before = shop(&db).await;
    let kinds = [
        app.merge_group(&by, key(), shed, floor)
            .await
            .unwrap_err()
            .kind(),
        app.archive_group(&by, floor).await.unwrap_err().kind(),
        app.restore_group(&by, floor).await.unwrap_err().kind(),
        app.rename_group(&by, shed, name("Hut"))
            .await
            .unwrap_err()
            .kind(),
        app.add_group(&by, GroupKind::Category, name("Huts"))
            .await
            .unwrap_err()
            .kind(),
    ];
    assert_eq!(kinds, [ErrorKind::RightsChanged; 5]);
    assert_eq!(shop(&db).await, before);
    assert_eq!(events(&db).await, Vec::<String>::new());
    let mut connection = db.connect().await;
    assert_eq!(connection.group_merges().last_of(shed).await.unwrap(), None);
}

/// What a merge is about is shown before it begins, however much it is.
#[tokio::test]
async fn what_a_merge_is_about_is_not_counted_to_its_end() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by = vera.grant::<GroupManage>();
    let shed = location(&db, "Shed").await;
    fill(&db, shed, 1_000).await;
    let extent = app.merge_extent(&by, shed).await.unwrap();
    assert_eq!(
        (extent.items, extent.stocked_items, extent.on_hand),
        (ItemCount::Exactly(1_000), ItemCount::Exactly(1_000), 2_000)
    );
    db.item("Nuts").home("Shed").stock(1).await;
    let extent = app.merge_extent(&by, shed).await.unwrap();
    let more = ItemCount::MoreThan(1_000);
    assert_eq!((extent.items, extent.stocked_items), (more, more));
    // The number that is kept of a category.
    let things = GroupId::Category(db.category("Things").await);
    let extent = app.merge_extent(&by, things).await.unwrap();
    assert_eq!(extent.items, ItemCount::Exactly(1_001));
    db.sql("update stock_counts set items = items + 9 where category_id is not null")
        .await;
    let extent = app.merge_extent(&by, things).await.unwrap();
    assert!(extent.items.at_least() > 1_001, "{extent:?}");
}
