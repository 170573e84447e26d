//! What is kept beside items and levels: always what these would give.

use ticker_domain::ledger::Line;
use ticker_domain::search::KEPT_LETTERS_MIN;
use ticker_postgres::migrations::migrate;
use ticker_postgres::{Access as _, Database};
use ticker_testkit::TestDatabase;

/// What is kept and should not be, and what should be and is not.
async fn differences(db: &TestDatabase) -> Vec<String> {
    let mut found = Vec::new();
    for (kept, should) in [
        (
            "select item_id, archived, status, total, changed_at from stock_positions",
            "select id, archived_at is not null, status, total, changed_at from items",
        ),
        (
            "select item_id, location_id, has_level, archived, category_id, status, name from stock_places",
            "select id, 0, false, archived_at is not null, category_id, status, name from items
             union all
             select id, location_id, bool_or(has_level), archived_at is not null, category_id, status, name
             from items join (select item_id, location_id, true as has_level from levels
                              union all select id, home_location_id, false from items) places on item_id = id
             group by id, location_id",
        ),
        (
            "select category_id, archived, status, sum(items)::bigint from stock_counts
             group by 1, 2, 3 having sum(items) <> 0",
            "select category_id, archived_at is not null, status, count(*) from items
             group by grouping sets ((category_id, archived_at is not null, status), (archived_at is not null, status))",
        ),
        (
            "select word, sum(items)::bigint from search_word_uses group by word having sum(items) <> 0",
            "select word, count(*) from (
                 select distinct id, word from items, regexp_split_to_table(search_text, '[^[:alpha:]]+') word
                 where archived_at is null and char_length(word) >= {KEPT_LETTERS_MIN}) worded
             group by word",
        ),
        (
            // Names that were there before may lie beyond those that are.
            "select word from (
                 select word, min(name) as first, max(name) as last
                 from items, regexp_split_to_table(search_text, '[^[:alpha:]]+') word
                 where archived_at is null and char_length(word) >= {KEPT_LETTERS_MIN} group by word) occurring
             where first >= (select min(first_name) from search_word_uses used where used.word = occurring.word)
               and last <= (select max(last_name) from search_word_uses used where used.word = occurring.word)",
            "select distinct word from items, regexp_split_to_table(search_text, '[^[:alpha:]]+') word
             where archived_at is null and char_length(word) >= {KEPT_LETTERS_MIN}",
        ),
        (
            // Words stay when the last item goes that has them.
            "select word from search_words where word in (
                 select regexp_split_to_table(search_text, '[^[:alpha:]]+') from items)",
            "select distinct word from items, regexp_split_to_table(search_text, '[^[:alpha:]]+') word
             where char_length(word) >= {KEPT_LETTERS_MIN}",
        ),
    ] {
        for (one, other, what) in [(kept, should, "too much"), (should, kept, "missing")] {
            let sql = format!("select format('{what}: %s', row) from (({one}) except all ({other})) row")
                .replace("{KEPT_LETTERS_MIN}", &KEPT_LETTERS_MIN.to_string());
            let rows = db.texts(&sql).await;
            found.extend(rows);
        }
    }
    found
}

const NONE: [&str; 0] = [];

#[tokio::test]
async fn what_is_kept_follows_every_change() {
    let db = TestDatabase::new().await;
    let bolt = db.item("Hex bolt").thresholds(5, 20, 5).stock(9).await;
    let nut = db.item("Wing nut").home("Back room").await;
    db.item("Washers").category("Small parts").archived().await;
    assert_eq!(differences(&db).await, NONE, "new items");

    let shed = db.location("Shed").await;
    let lines = vec![
        Line::change(bolt.level(), -4).unwrap(),
        Line::change(bolt.level_at(shed), 2).unwrap(),
        Line::change(nut.level(), 3).unwrap(),
    ];
    db.post(&[db.posting(db.storekeeper().await, lines)]).await;
    assert_eq!(differences(&db).await, NONE, "a posting over a threshold");
    db.stock(bolt.level_at(shed), -2).await;
    assert_eq!(differences(&db).await, NONE, "a level that is empty now");

    for (sql, what) in [
        ("update items set name = 'Hexagon bolt', search_text = 'hexagon bolt' where id = 1", "a new name"),
        ("update items set name = 'aardvark and hexagon bolt' where id = 1", "a name that comes before, alone"),
        ("update items set name = case id when 1 then 'Zebra' else 'apple' end, search_text = 'striped' where id in (1, 2)",
         "two names in a statement, in the list's order"),
        ("update items set home_location_id = (select id from locations where name = 'Shed') where id = 2", "a home without a level"),
        ("update items set home_location_id = (select id from locations where name = 'Shed') where id = 1", "a home with a level"),
        ("update items set home_location_id = (select id from locations where name = 'Back room') where id = 2", "a home that was one"),
        ("update items set category_id = (select id from categories where name = 'Small parts')", "all moved to a category"),
        ("update items set minimum = 100, target = null where id = 1", "a threshold"),
        ("update items set archived_at = now() where id = 2", "archived"),
        ("update items set archived_at = null, changed_at = now()", "restored"),
        ("update items set total = total, changed_at = changed_at", "nothing"),
        ("insert into items (name, name_key, sku, sku_key, unit, category_id, home_location_id, search_text, total,
                             changed_at, creation_key, created_at)
          select 'Thing ' || n, 'thing ' || n, n, n, 'pcs', 1, 1, 'things called ' || n, n % 3, now(),
                 gen_random_uuid(), now() from generate_series(1, 300) n", "many at once"),
        ("update items set total = total + 1, minimum = id % 5 where id % 2 = 0", "half of them at once"),
    ] {
        db.sql(sql).await;
        assert_eq!(differences(&db).await, NONE, "{what}");
    }

    let rows = [
        "select items from stock_counts",
        "select items from search_word_uses",
    ];
    let kept = async || [db.texts(rows[0]).await.len(), db.texts(rows[1]).await.len()];
    let before = kept().await;
    db.connect().await.stock_surveys().survey().await.unwrap();
    assert_eq!(differences(&db).await, NONE, "numbers that were folded");
    let folded = kept().await;
    assert!(
        folded[0] < before[0] && folded[1] < before[1],
        "{before:?} rows, then {folded:?}"
    );
    db.connect().await.stock_surveys().survey().await.unwrap();
    assert_eq!(kept().await, folded);
}

#[tokio::test]
async fn numbers_that_change_while_they_are_folded_are_not_lost() {
    let db = TestDatabase::new().await;
    for number in 0..5 {
        db.item(&format!("Item {number}")).await;
    }
    // Somebody else folds, and has not committed.
    let mut other = db.replica(1).begin().await.unwrap();
    other.stock_surveys().survey().await.unwrap();
    db.item("Item added meanwhile").await;
    let fold = async || db.connect().await.stock_surveys().survey().await.unwrap();
    let commit = async {
        db.until_blocked(1).await;
        other.commit().await.unwrap();
    };
    tokio::join!(fold(), commit);
    assert_eq!(differences(&db).await, NONE);
}

/// As if all that there is had been there before anything was kept of it: the files that enter it run again.
async fn forget_all(db: &TestDatabase) -> Database {
    db.sql(
        "truncate stock_positions, stock_places, stock_counts, search_words, search_word_uses;
         delete from _sqlx_migrations
         where description in ('fill stock positions', 'fill search words')",
    )
    .await;
    Database::lazy_for_migrations(&db.owner_settings()).unwrap()
}

#[tokio::test]
async fn what_was_there_before_is_entered_however_it_changes_meanwhile() {
    let db = TestDatabase::new().await;
    let bolt = db.item("Hex bolt").thresholds(5, 20, 5).stock(9).await;
    let nut = db.item("Wing nut").home("Back room").await;
    db.item("Washers").category("Small parts").archived().await;
    db.sql(
        "insert into items (name, name_key, sku, sku_key, unit, category_id, home_location_id, search_text, total,
                            changed_at, creation_key, created_at)
         select 'Thing ' || n, 'thing ' || n, n, n, 'pcs', 1, 1, 'things called ' || n, n % 3, now(),
                gen_random_uuid(), now() from generate_series(1, 2500) n",
    )
    .await;
    let shed = db.location("Shed").await;
    let owner = forget_all(&db).await;

    // Between the triggers and the filling.
    db.stock(bolt.level(), -5).await;
    db.stock(bolt.level_at(shed), 1).await;
    db.stock(nut.level(), 2).await;
    db.sql(
        "update items set archived_at = null, changed_at = now() where name = 'Washers';
         update items set name = 'Wing nuts', search_text = 'wing nuts' where name = 'Wing nut';
         update items set category_id = (select id from categories where name = 'Small parts') where id % 7 = 0",
    )
    .await;
    db.item("Added meanwhile").stock(1).await;

    // While it goes on.
    let line = Line::change(nut.level(), 30).unwrap();
    let press = db.posting(db.storekeeper().await, vec![line]);
    let mut slow = db.database().begin().await.unwrap();
    let posted = slow.ledger().post(&[press], db.clock().timestamp()).await;
    assert_eq!(posted.unwrap().len(), 1);
    let meanwhile = async {
        db.until_blocked(1).await;
        // Whoever presses on another item does not wait for the one that is waited for.
        db.stock(bolt.level(), 1).await;
        slow.commit().await.unwrap();
    };
    let (migrated, ()) = tokio::join!(migrate(&owner), meanwhile);
    assert_eq!(migrated.unwrap(), 2);
    assert_eq!(differences(&db).await, NONE);
    let duplicates = "select item_id from stock_positions group by 1 having count(*) > 1";
    assert_eq!(db.texts(duplicates).await, NONE);
    let rows = "select category_id from stock_counts group by category_id, archived, status
                having count(*) > 1";
    assert_eq!(db.texts(rows).await, NONE, "numbers that were folded");
}

/// An import that has added a word, and an item with a word that comes before it.
#[tokio::test]
async fn items_are_added_while_words_are_entered() {
    let db = TestDatabase::new().await;
    db.item("Aardvark and zebra").await;
    let owner = forget_all(&db).await;
    let mut import = db.superuser().await;
    let add = "begin; insert into search_words values ('zebra')";
    sqlx::raw_sql(add).execute(&mut import).await.unwrap();
    let meanwhile = async {
        db.until_blocked(1).await;
        db.item("Aardvark").await;
        sqlx::raw_sql("commit").execute(&mut import).await.unwrap();
    };
    let (migrated, ()) = tokio::join!(migrate(&owner), meanwhile);
    assert_eq!(migrated.unwrap(), 2);
    assert_eq!(differences(&db).await, NONE);
}

/// Somebody adds items in a long transaction, with words that have not been at the list's beginning before.
#[tokio::test]
async fn whoever_adds_items_waits_for_nobody_who_does() {
    let db = TestDatabase::new().await;
    db.item("Tin of zinc and brass").await;
    let mut import = db.superuser().await;
    let add = |name: &str| {
        format!(
            "insert into items (name, name_key, sku, sku_key, unit, category_id, home_location_id, search_text, total,
                                changed_at, creation_key, created_at)
             values ('{name}', '{name}', '{name}', '{name}', 'pcs', 1, 1, lower('{name}'), 0,
                     now(), gen_random_uuid(), now())"
        )
    };
    let first = format!("begin; {}", add("Aaa zinc"));
    sqlx::raw_sql(sqlx::AssertSqlSafe(first))
        .execute(&mut import)
        .await
        .unwrap();
    db.item("Aa brass and zinc").await;
    let second = format!("{}; commit", add("Aaa brass"));
    sqlx::raw_sql(sqlx::AssertSqlSafe(second))
        .execute(&mut import)
        .await
        .unwrap();
    assert_eq!(differences(&db).await, NONE);
}
