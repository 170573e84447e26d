//! Locations and categories as what is managed.

use sqlx::Connection as _;
use ticker_domain::group::{GroupId, GroupKind, GroupName};
use ticker_domain::id::LocationId;
use ticker_postgres::Access as _;
use ticker_postgres::groups::{COUNTED_MAX, GroupAction, StoreGroupError};
use ticker_testkit::TestDatabase;

fn name(text: &str) -> GroupName {
    GroupName::parse(text).unwrap()
}

#[tokio::test]
async fn a_name_is_one_groups_only() {
    let db = TestDatabase::new().await;
    let mut connection = db.connect().await;
    let mut groups = connection.groups();
    for kind in GroupKind::ALL {
        groups.insert(kind, &name("Shed")).await.unwrap();
        let other = groups.insert(kind, &name("Attic")).await.unwrap();
        let taken = groups.insert(kind, &name("SHED")).await.unwrap_err();
        assert!(matches!(taken, StoreGroupError::NameTaken), "{taken:?}");
        let taken = groups.rename(other, &name("sheD")).await.unwrap_err();
        assert!(matches!(taken, StoreGroupError::NameTaken), "{taken:?}");
        groups.rename(other, &name("Loft")).await.unwrap();
        let found = groups.find_by_name(kind, &name("LOFT")).await.unwrap();
        assert_eq!(found.map(|group| group.id), Some(other));
    }
}

#[tokio::test]
async fn a_name_that_is_given_up_just_now_is_made_anew() {
    let db = TestDatabase::new().await;
    let shed = db.location("Shed").await;
    db.sql(
        "create function wait() returns trigger language plpgsql as
            $$ begin perform pg_advisory_xact_lock_shared(42); return null; end $$;
         create trigger wait after insert on locations for each statement execute function wait();",
    )
    .await;
    let mut holder = db.superuser().await;
    let hold = "select pg_advisory_lock(42)";
    sqlx::raw_sql(hold).execute(&mut holder).await.unwrap();
    let mut tx = db.database().begin().await.unwrap();
    let named = async {
        let kind = GroupKind::Location;
        tx.groups().hold_or_insert(kind, &name("Shed")).await
    };
    let renamed = async {
        db.until_blocked(1).await;
        let mut connection = db.connect().await;
        let id = GroupId::Location(shed);
        connection.groups().rename(id, &name("Barn")).await.unwrap();
        holder.close().await.unwrap();
    };
    let (named, ()) = tokio::join!(named, renamed);
    let named = named.unwrap();
    assert!(named.made, "{named:?}");
    assert_ne!(named.id, GroupId::Location(shed));
}

#[tokio::test]
async fn what_a_form_names_is_made_once_and_said_to_be_archived() {
    let db = TestDatabase::new().await;
    let mut tx = db.database().begin().await.unwrap();
    let made = tx
        .groups()
        .hold_or_insert(GroupKind::Location, &name("Shed"))
        .await
        .unwrap();
    assert!(made.made && !made.archived);
    let now = db.clock().timestamp();
    tx.groups()
        .set_archived(made.id, Some(now), None)
        .await
        .unwrap();
    let found = tx
        .groups()
        .hold_or_insert(GroupKind::Location, &name("SHED"))
        .await
        .unwrap();
    assert_eq!(
        (found.id, found.made, found.archived),
        (made.id, false, true)
    );
    tx.commit().await.unwrap();
    let row = db.connect().await.groups().find(made.id).await.unwrap();
    assert_eq!(row.unwrap().group.archived_at, Some(now));
}

#[tokio::test]
async fn figures_of_a_full_group_say_that_there_is_more() {
    let db = TestDatabase::new().await;
    let shed = db.location("Shed").await;
    db.category("Things").await;
    let fill = |from: i64, to: i64| {
        format!(
            "insert into items (name, name_key, sku, sku_key, unit, category_id, home_location_id,
                                search_text, changed_at, created_at, creation_key)
             select 'Thing ' || n, 'thing ' || n, 'T-' || n, 't-' || n, 'pcs', 1, {shed}, 'thing ' || n,
                    now(), now(), gen_random_uuid()
             from generate_series({from}, {to}) n"
        )
    };
    let usage = async || {
        let mut connection = db.connect().await;
        let row = connection.groups().find(GroupId::Location(shed)).await;
        row.unwrap().unwrap().usage
    };
    db.sql(&fill(1, COUNTED_MAX)).await;
    assert_eq!(
        (usage().await.items, usage().await.more),
        (COUNTED_MAX, false)
    );
    db.sql(&fill(COUNTED_MAX + 1, COUNTED_MAX + 50)).await;
    assert_eq!(
        (usage().await.items, usage().await.more),
        (COUNTED_MAX + 1, true)
    );
}

#[tokio::test]
async fn one_location_in_use_is_known_as_such() {
    let db = TestDatabase::new().await;
    let is_one = async || db.connect().await.groups().is_one_location().await.unwrap();
    assert!(is_one().await);
    db.location("Shed").await;
    assert!(is_one().await);
    let attic = db.location("Attic").await;
    assert!(!is_one().await);
    let now = db.clock().timestamp();
    let mut connection = db.connect().await;
    connection
        .groups()
        .set_archived(GroupId::Location(attic), Some(now), None)
        .await
        .unwrap();
    assert!(is_one().await);
}

#[tokio::test]
async fn a_group_is_in_use_by_the_last_piece_there() {
    let db = TestDatabase::new().await;
    let item = db.item("AA batteries").stock_at("Shed", 1).await;
    let shed = db.location("Shed").await;
    let in_use = async |id| db.connect().await.groups().is_in_use(id).await.unwrap();
    assert!(in_use(GroupId::Location(item.home)).await);
    assert!(in_use(GroupId::Location(shed)).await);
    assert!(in_use(GroupId::Category(db.category("Things").await)).await);
    db.stock(item.level_at(shed), -1).await;
    assert!(!in_use(GroupId::Location(shed)).await);
}

#[tokio::test]
async fn a_merge_that_has_not_ended_is_the_only_one_of_its_source() {
    let db = TestDatabase::new().await;
    let vera = db.storekeeper().await.id;
    let [a, b] = [1, 2].map(|id| GroupId::Location(LocationId(id)));
    let now = db.clock().timestamp();
    let mut connection = db.connect().await;
    let mut merges = connection.group_merges();
    let key = ticker_testkit::key().0;
    let first = merges
        .insert(key, (a, b), vera, Some(0), now)
        .await
        .unwrap();
    assert_eq!(merges.find_by_key(key).await.unwrap(), Some(first.clone()));
    for about in [a, b] {
        let found = merges.unended_about(&[about]).await.unwrap();
        assert_eq!(found, Some(first.clone()));
    }
    let category = GroupId::new(GroupKind::Category, 1);
    assert_eq!(merges.unended_about(&[category]).await.unwrap(), None);
    let second = ticker_testkit::key().0;
    let error = merges
        .insert(second, (a, b), vera, Some(0), now)
        .await
        .unwrap_err();
    assert_eq!(error.constraint(), Some("group_merges_unended_key"));
    merges.end(first.id, now).await.unwrap();
    merges
        .insert(second, (a, b), vera, Some(0), now)
        .await
        .unwrap();
    assert_eq!(
        merges.last_of(a).await.unwrap().map(|merge| merge.key),
        Some(second)
    );
    let error = merges
        .insert(second, (b, a), vera, Some(0), now)
        .await
        .unwrap_err();
    assert_eq!(error.constraint(), Some("group_merges_key_key"));
}

#[tokio::test]
async fn what_was_done_to_a_group_stays_written() {
    let db = TestDatabase::new().await;
    let vera = db.storekeeper().await.id;
    let shed = GroupId::Location(db.location("Shed").await);
    let now = db.clock().timestamp();
    for action in [
        GroupAction::Added,
        GroupAction::Renamed,
        GroupAction::Archived,
        GroupAction::Restored,
        GroupAction::Merged,
    ] {
        let before = (action == GroupAction::Renamed).then_some("Hut");
        let mut connection = db.connect().await;
        connection
            .groups()
            .insert_event(vera, action, shed, before, now)
            .await
            .unwrap();
    }
    let written = "select concat_ws(' ', action, kind, name_before, name_after) from group_events order by id";
    assert_eq!(
        db.texts(written).await,
        [
            "added location Shed",
            "renamed location Hut Shed",
            "archived location Shed",
            "restored location Shed",
            "merged location Shed",
        ]
    );
}
