//! Arranging locations and categories.

use ticker_app::ErrorKind;
use ticker_app::group::{GROUPS_PAGE_SIZE, GroupUsage, ManageGroupError};
use ticker_app::item::{AddItemError, EditItemError, ItemForm};
use ticker_app::stock::AdjustStockError;
use ticker_domain::category::CategoryName;
use ticker_domain::group::{GroupId, GroupKind, GroupName};
use ticker_domain::id::LocationId;
use ticker_domain::ledger::Refusal;
use ticker_domain::location::LocationName;
use ticker_domain::permission::{GroupManage, ItemCreate, ItemEdit, StockAdjust};
use ticker_domain::user::Role;
use ticker_postgres::Access as _;
use ticker_testkit::{TestDatabase, key};

use crate::items::{form, new};
use crate::stock::change;

pub(crate) fn name(text: &str) -> GroupName {
    GroupName::parse(text).unwrap()
}

pub(crate) async fn location(db: &TestDatabase, name: &str) -> GroupId {
    GroupId::Location(db.location(name).await)
}

async fn category(db: &TestDatabase, name: &str) -> GroupId {
    GroupId::Category(db.category(name).await)
}

/// What was done to groups: the action, the kind, the name before and after.
pub(crate) async fn events(db: &TestDatabase) -> Vec<String> {
    let sql = "select concat_ws(' ', actor_id, action, kind, name_before || ' →', name_after)
               from group_events order by id";
    db.texts(sql).await
}

#[tokio::test]
async fn groups_are_added_and_renamed_and_it_is_known_by_whom() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by = vera.grant::<GroupManage>();
    for kind in GroupKind::ALL {
        let id = app.add_group(&by, kind, name("Shelf 1")).await.unwrap();
        assert_eq!(id.kind(), kind);
        let taken = app.add_group(&by, kind, name("SHELF  1")).await;
        let Err(ManageGroupError::NameTaken(other)) = taken else {
            panic!("{taken:?}")
        };
        assert_eq!(other.id, id);

        app.rename_group(&by, id, name("Shelf One")).await.unwrap();
        // Its own name in another spelling is not taken, and the same one is no change.
        app.rename_group(&by, id, name("SHELF one")).await.unwrap();
        app.rename_group(&by, id, name("SHELF one")).await.unwrap();
        let view = app.show_group(&by, id).await.unwrap().unwrap();
        assert_eq!(view.row.group.name, "SHELF one");

        let second = app.add_group(&by, kind, name("Shelf 2")).await.unwrap();
        let taken = app.rename_group(&by, second, name("shelf ONE")).await;
        let error = taken.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(
            matches!(&error, ManageGroupError::NameTaken(other) if other.id == id),
            "{error:?}"
        );
        let nobody = GroupId::new(kind, 99);
        let missing = app.rename_group(&by, nobody, name("X")).await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        assert!(app.show_group(&by, nobody).await.unwrap().is_none());
    }
    let vera = vera.id;
    let of = |kind: &str| {
        [
            format!("{vera} added {kind} Shelf 1"),
            format!("{vera} renamed {kind} Shelf 1 → Shelf One"),
            format!("{vera} renamed {kind} Shelf One → SHELF one"),
            format!("{vera} added {kind} Shelf 2"),
        ]
    };
    assert_eq!(events(&db).await, [of("location"), of("category")].concat());
}

#[tokio::test]
async fn what_an_items_form_makes_is_known_by_whom_as_well() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by = vera.grant::<ItemCreate>();
    for sku in ["BAT-AA", "BAT-C"] {
        app.add_item(&by, new(key(), form(sku, sku), 0))
            .await
            .unwrap();
    }
    let vera = vera.id;
    assert_eq!(
        events(&db).await,
        [
            format!("{vera} added category Batteries"),
            format!("{vera} added location Shop floor")
        ]
    );
}

#[tokio::test]
async fn a_group_says_what_is_in_it() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by = vera.grant::<GroupManage>();
    let shop = location(&db, "Shop floor").await;
    db.item("AA batteries").stock(4).stock_at("Shed", 3).await;
    db.item("C batteries").stock(5).archived().await;
    db.item("D batteries").home("Shed").await;
    let usage = async |id| app.show_group(&by, id).await.unwrap().unwrap().row.usage;
    assert_eq!(
        usage(shop).await,
        GroupUsage {
            items: 2,
            archived_items: 1,
            stocked_items: 2,
            on_hand: 9,
            more: false
        }
    );
    assert_eq!(
        usage(location(&db, "Shed").await).await,
        GroupUsage {
            items: 1,
            stocked_items: 1,
            on_hand: 3,
            ..GroupUsage::default()
        }
    );
    assert_eq!(
        usage(category(&db, "Things").await).await,
        GroupUsage {
            items: 3,
            archived_items: 1,
            on_hand: 12,
            ..GroupUsage::default()
        }
    );
}

#[tokio::test]
async fn groups_are_listed_page_by_page_by_name() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by = vera.grant::<GroupManage>();
    let size = usize::from(GROUPS_PAGE_SIZE);
    db.sql(&format!(
        "insert into locations (name, name_key)
         select 'Shelf ' || n, 'shelf ' || n from generate_series(1, {size} + 2) n"
    ))
    .await;
    let kind = GroupKind::Location;
    let first = app.list_groups(&by, kind, false, None).await.unwrap();
    assert_eq!((first.rows.len(), first.has_after), (size, true));
    let last = first.rows.last().map(|row| row.group.clone()).unwrap();
    assert_eq!(last.name, format!("Shelf {size}"));
    app.archive_group(&by, first.rows[0].group.id)
        .await
        .unwrap();
    let second = app.list_groups(&by, kind, false, Some(last.id)).await;
    let second = second.unwrap();
    assert_eq!((second.rows.len(), second.has_after), (2, false));
    let archived = app.list_groups(&by, kind, true, None).await.unwrap();
    let names: Vec<_> = archived.rows.iter().map(|row| &row.group.name).collect();
    assert_eq!(names, ["Shelf 1"]);
}

#[tokio::test]
async fn only_an_empty_group_is_archived_and_then_nothing_gets_into_it() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by = vera.grant::<GroupManage>();
    let shed = location(&db, "Shed").await;
    let item = db
        .item("AA batteries")
        .sku("BAT-AA")
        .stock_at("Shed", 3)
        .await;
    db.item("C batteries").archived().await;
    let refused = async |id| app.archive_group(&by, id).await.unwrap_err();

    let in_stock = refused(shed).await;
    assert_eq!(in_stock.kind(), ErrorKind::Conflict);
    assert!(
        matches!(&in_stock, ManageGroupError::InUse(usage) if usage.stocked_items == 1 && usage.items == 0),
        "{in_stock:?}"
    );
    let at_home = refused(location(&db, "Shop floor").await).await;
    assert!(
        matches!(&at_home, ManageGroupError::InUse(usage) if usage.items == 2 && usage.archived_items == 1),
        "{at_home:?}"
    );
    let in_category = refused(category(&db, "Things").await).await;
    assert!(
        matches!(&in_category, ManageGroupError::InUse(usage) if usage.items == 2),
        "{in_category:?}"
    );
    let nothing = refused(GroupId::Location(LocationId(99))).await;
    assert_eq!(nothing.kind(), ErrorKind::NotFound);

    let GroupId::Location(place) = shed else {
        panic!("{shed:?}")
    };
    db.stock(item.level_at(place), -3).await;
    app.archive_group(&by, shed).await.unwrap();
    app.archive_group(&by, shed).await.unwrap();
    let staff = db.user(Role::Staff).await;
    let press = change(item.level_at(place), 1);
    let pressed = app
        .adjust_stock(&staff.grant::<StockAdjust>(), press.clone())
        .await;
    assert!(
        matches!(
            pressed,
            Err(AdjustStockError::Refused(Refusal::UnknownLocation { .. }))
        ),
        "{pressed:?}"
    );
    let moving = ItemForm {
        home_location: LocationName::parse("shed").unwrap(),
        ..form("AA batteries", "BAT-AA")
    };
    let edited = app
        .edit_item(&vera.grant::<ItemEdit>(), item.id, 1, moving.clone())
        .await;
    assert!(
        matches!(
            edited,
            Err(EditItemError::GroupArchived(GroupKind::Location))
        ),
        "{edited:?}"
    );
    let spare = category(&db, "Spare").await;
    app.archive_group(&by, spare).await.unwrap();
    let spare_part = ItemForm {
        category: CategoryName::parse("Spare").unwrap(),
        ..form("Knob", "KNOB")
    };
    let added = app
        .add_item(&vera.grant::<ItemCreate>(), new(key(), spare_part, 0))
        .await;
    assert!(
        matches!(added, Err(AddItemError::GroupArchived(GroupKind::Category))),
        "{added:?}"
    );
    let choices = app.item_choices(&vera.grant()).await.unwrap();
    let offered: Vec<_> = choices.locations.iter().map(|one| &one.name).collect();
    assert_eq!(offered, ["Shop floor"]);
    let offered: Vec<_> = choices.categories.iter().map(|one| &one.name).collect();
    assert_eq!(offered, ["Things"]);

    app.restore_group(&by, shed).await.unwrap();
    app.restore_group(&by, shed).await.unwrap();
    app.edit_item(&vera.grant::<ItemEdit>(), item.id, 1, moving)
        .await
        .unwrap();
    let vera = vera.id;
    let done = events(&db).await;
    assert!(done.contains(&format!("{vera} archived location Shed")));
    assert_eq!(
        done.iter()
            .filter(|event| event.contains("restored"))
            .count(),
        1
    );
}

/// Whoever is about to put something into a location keeps it from being archived, and whoever comes
/// after it was archived is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_posting_and_an_archiving_at_the_same_moment_take_turns() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by = vera.grant::<GroupManage>();
    let item = db.item("AA batteries").stock(9).await;
    let shed = db.location("Shed").await;

    let posting = db.posting(
        db.storekeeper().await,
        vec![ticker_domain::ledger::Line::change(item.level_at(shed), 1).unwrap()],
    );
    let mut tx = db.database().begin().await.unwrap();
    let now = db.clock().timestamp();
    tx.ledger().post(&[posting], now).await.unwrap();
    let archiving = app.archive_group(&by, GroupId::Location(shed));
    let committing = async {
        db.until_blocked(1).await;
        tx.commit().await.unwrap();
    };
    let (archived, ()) = tokio::join!(archiving, committing);
    assert!(
        matches!(archived, Err(ManageGroupError::InUse(_))),
        "{archived:?}"
    );

    db.stock(item.level_at(shed), -1).await;
    let mut tx = db.database().begin().await.unwrap();
    tx.groups().lock(&[GroupId::Location(shed)]).await.unwrap();
    tx.groups()
        .set_archived(GroupId::Location(shed), Some(now), None)
        .await
        .unwrap();
    let (press, edit) = (vera.grant(), vera.grant());
    let pressing = app.adjust_stock(&press, change(item.level_at(shed), 1));
    let editing = app.edit_item(
        &edit,
        item.id,
        1,
        ItemForm {
            home_location: LocationName::parse("Shed").unwrap(),
            ..form("AA batteries", "BAT-AA")
        },
    );
    let committing = async {
        db.until_blocked(2).await;
        tx.commit().await.unwrap();
    };
    let (pressed, edited, ()) = tokio::join!(pressing, editing, committing);
    assert!(
        matches!(
            pressed,
            Err(AdjustStockError::Refused(Refusal::UnknownLocation { .. }))
        ),
        "{pressed:?}"
    );
    assert!(
        matches!(
            edited,
            Err(EditItemError::GroupArchived(GroupKind::Location))
        ),
        "{edited:?}"
    );
    assert_eq!(db.violations().await, Vec::<String>::new());
}
