//! The invariants: silent on a sound ledger, and each of them speaks when its own thing is broken.

use std::collections::BTreeSet;

use ticker_domain::ledger::{Line, Note, Posting, Reason, Source};
use ticker_domain::user::Role;
use ticker_postgres::Access as _;
use ticker_postgres::invariants::{INVARIANTS, Slice};
use ticker_testkit::{TestDatabase, key};

/// Two items, three levels, postings of one line and of two, with a note and without, a refusal.
pub(crate) async fn ledger() -> TestDatabase {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let one = db
        .item("AA batteries")
        .stock(10)
        .stock_at("Back room", 20)
        .await;
    let other = db.item("C batteries").stock(5).await;
    let back_room = db.location("Back room").await;
    let line = |level, delta| Line::change(level, delta).unwrap();
    let transfer = vec![line(one.level_at(back_room), -4), line(one.level(), 4)];
    let note = Note::parse("Grüße — “quoted”").unwrap();
    let noted = Posting::new(
        key(),
        ana.actor(),
        Reason::Sold,
        Some(note),
        Source::Api,
        vec![line(other.level(), -2)],
    );
    let count = Line::count(other.level(), 3, 2).unwrap();
    let refused = db.posting(&ana, vec![line(other.level(), -100)]);
    let postings = [
        db.posting(&ana, transfer),
        noted.unwrap(),
        db.posting(&ana, vec![count]),
        refused,
    ];
    db.post(&postings).await;
    db
}

/// What the whole check finds, each place with its invariant before it.
async fn whole(db: &TestDatabase) -> Vec<String> {
    let mut found = Vec::new();
    let mut next = Some(Slice::FIRST);
    while let Some(slice) = next {
        let mut tx = db.database().begin().await.unwrap();
        tx.invariants().begin_reading().await.unwrap();
        let checked = tx.invariants().check_slice(slice).await.unwrap();
        let broken = checked.violations.iter();
        found.extend(broken.map(|one| format!("{}: {}", one.invariant, one.place)));
        next = checked.next;
    }
    found
}

async fn broken(db: &TestDatabase) -> BTreeSet<String> {
    let places = whole(db).await;
    places
        .iter()
        .map(|place| place.split(':').next().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_sound_ledger_violates_none() {
    assert_eq!(
        whole(&TestDatabase::new().await).await,
        Vec::<String>::new(),
        "an empty one"
    );
    assert_eq!(whole(&ledger().await).await, Vec::<String>::new());
}

/// What was done to the ledger, and exactly which invariants see it.
pub(crate) const TAMPERING: [(&str, &str, &str); 25] = [
    ("a level is raised, with its item", "update levels set on_hand = on_hand + 1 where (item_id, location_id) = (1, 1);
      update items set total = total + 1 where id = 1", "I1"),
    ("a level is gone", "delete from levels where item_id = 2", "I1 I3 I9"),
    ("a level is there without movements", "insert into levels select 2, max(id), 0, 1, decode(repeat('00', 32), 'hex') from locations", "I1 I3"),
    ("a movement begins elsewhere", "update movements set before = before + 1, after = after + 1
      where (item_id, location_id, number) = (2, 1, 1)", "I2 I8"),
    ("the first movement begins above zero", "update movements set before = 1, after = after + 1
      where item_id = 1 and location_id > 1 and number = 1; update movements set before = before + 1, after = after + 1
      where item_id = 1 and location_id > 1 and number = 2", "I2 I8"),
    ("a level's version runs ahead", "update levels set version = version + 1 where item_id = 2", "I3"),
    ("a number is left out", "update movements set number = 9 where (item_id, number) = (2, 3);
      update levels set version = 9 where item_id = 2", "I3 I8"),
    ("a level is negative", "alter table levels drop constraint levels_on_hand_check;
      update levels set on_hand = -1 where item_id = 2", "I1 I4 I9"),
    ("a movement ends below zero", "alter table movements drop constraint movements_after_check;
      alter table movements drop constraint movements_balance_check;
      update movements set after = -1 where (item_id, number) = (2, 3)", "I4 I8"),
    ("a total is negative", "alter table items drop constraint items_total_check;
      update items set total = -1 where id = 2", "I4 I9"),
    ("a posting had more lines", "update postings set line_count = 2 where note is not null", "I5"),
    ("a line of a posting is gone", "delete from movements where line_no = 2", "I1 I3 I5"),
    ("a posting is said to take back another", "insert into undos select min(id), max(id) from postings", "I5"),
    ("a posting is said to be taken back by none", "insert into undos select max(id), max(id) + 1 from postings", "I5"),
    ("a bulk change is said to have changed another item", "insert into bulk_changes
        (id, key, actor_id, form, begun_at, stepped_at) overriding system value
        values (1, gen_random_uuid(), 1, '', now(), now());
      insert into bulk_postings select 1, item_id + 1, posting_id from movements where line_no = 1 order by id desc limit 1",
      "I5"),
    ("a bulk change is said to take back what it does not", "insert into bulk_changes
        (id, undoes_id, key, actor_id, form, begun_at, stepped_at) overriding system value
        select n, nullif(n - 1, 0), gen_random_uuid(), 1, '', now(), now() from generate_series(1, 2) n;
      insert into bulk_postings select 2, item_id, posting_id from movements where line_no = 1 order by id desc limit 1",
      "I5"),
    ("a key has two postings", "insert into postings (key, actor_id, reason, source, line_count, posted_at)
      select key, actor_id, reason, source, 1, posted_at from postings where note is not null", "I5 I6"),
    ("a key is answered with another's posting", "update posting_keys set posting_id = 1
      where posting_id = (select max(id) from postings)", "I6"),
    ("an audit row is gone", "delete from audit_events where user_id = 1", "I7"),
    ("a note is forged", "update postings set note = 'Grüße — “forged”' where note is not null", "I8"),
    ("a note is removed", "update postings set note = null", "I8"),
    ("an actor is exchanged", "update postings set actor_id = 1 + actor_id % 2", "I8"),
    ("a time is moved", "update movements set moved_at = moved_at + interval '1 microsecond' where id = 1", "I8"),
    ("a level's hash is exchanged", "update levels set hash = decode(repeat('01', 32), 'hex') where item_id = 2", "I8"),
    ("a total is raised", "update items set total = total + 1 where id = 1", "I9"),
];

/// Keeps the ledger as it is beside itself.
pub(crate) const SAVE: &str = "create schema saved;
    create table saved.postings as table postings;
    create table saved.movements as table movements;
    create table saved.levels as table levels;
    create table saved.undos as table undos;
    create table saved.posting_keys as table posting_keys;
    create table saved.items as table items;
    create table saved.audit_events as table audit_events";

/// Puts it back; without its foreign keys, since nothing but this ledger is at stake.
pub(crate) const RESTORE: &str = "set session_replication_role = replica;
    delete from posting_keys; delete from movements; delete from postings; delete from levels; delete from undos;
    delete from bulk_postings; delete from bulk_changes; delete from audit_events;
    insert into postings overriding system value table saved.postings;
    insert into movements overriding system value table saved.movements;
    insert into levels table saved.levels;
    insert into undos table saved.undos;
    insert into posting_keys table saved.posting_keys;
    insert into audit_events overriding system value table saved.audit_events;
    update items set total = saved.total from saved.items saved where saved.id = items.id";

#[tokio::test]
async fn each_tampering_is_seen_by_the_invariants_it_breaks() {
    let db = ledger().await;
    db.sql(SAVE).await;
    let mut seen = BTreeSet::new();
    for (what, sql, expected) in TAMPERING {
        db.sql(sql).await;
        let found = broken(&db).await;
        let expected: BTreeSet<String> = expected.split(' ').map(str::to_owned).collect();
        assert_eq!(found, expected, "{what}: {:?}", whole(&db).await);
        seen.extend(found);
        db.sql(RESTORE).await;
        assert_eq!(whole(&db).await, Vec::<String>::new(), "after {what}");
    }
    let all: BTreeSet<String> = INVARIANTS.iter().map(|one| one.name.to_owned()).collect();
    assert_eq!(seen, all);
}

#[tokio::test]
async fn a_slice_reads_one_snapshot_and_no_more_places_are_named_than_asked_for() {
    let db = ledger().await;
    db.sql("update items set total = total + 1").await;
    let mut tx = db.database().begin().await.unwrap();
    tx.invariants().begin_reading().await.unwrap();
    let totals = INVARIANTS.iter().find(|one| one.name == "I9").unwrap();
    let some = tx.invariants().violations(totals, 1).await.unwrap();
    assert_eq!(some, ["item 1: total 31, levels sum up to 30"]);
    db.sql("update items set total = total - 1").await;
    let items = tx.invariants().check_slice(Slice::Items(0)).await.unwrap();
    assert_eq!(
        items.violations.len(),
        2,
        "what is repaired meanwhile belongs to the next slice"
    );
}

#[tokio::test]
async fn a_key_may_have_another_posting_after_seven_days_and_not_before() {
    let db = ledger().await;
    let again = |after: &str| {
        format!(
            "insert into postings (key, actor_id, reason, source, line_count, posted_at)
             select key, actor_id, reason, source, 1, posted_at + interval '{after}' from postings where id = 1;
             insert into movements (posting_id, line_no, item_id, location_id, number, delta, before, after, hash, moved_at)
             select max(id), 1, 9, 9, 9, 0, 0, 0, decode(repeat('00', 32), 'hex'), now() from postings"
        )
    };
    for (after, said) in [
        ("7 days", None),
        ("6 days 23:59:59", Some("postings 1 and ")),
        ("-6 days", Some(" and 1 within 7 days")),
    ] {
        db.sql(&format!(
            "set session_replication_role = replica; {}",
            again(after)
        ))
        .await;
        let found = whole(&db).await;
        let pairs: Vec<&String> = found
            .iter()
            .filter(|place| place.starts_with("I6"))
            .collect();
        assert_eq!(
            pairs.len(),
            usize::from(said.is_some()),
            "{after}: {found:?}"
        );
        assert!(
            pairs.iter().all(|place| place.contains(said.unwrap())),
            "{pairs:?}"
        );
        db.sql("delete from movements where number = 9; delete from postings where id > 6")
            .await;
    }
}

#[tokio::test]
async fn a_young_posting_has_its_key_and_an_old_one_need_not() {
    let db = ledger().await;
    db.sql("delete from posting_keys where posting_id = 1")
        .await;
    for (age, broken) in [
        ("6 days 23 hours", true),
        ("7 days 1 hour", false),
        ("0 days", true),
    ] {
        db.sql(&format!(
            "update postings set posted_at = now() - interval '{age}' where id = 1"
        ))
        .await;
        let found = whole(&db).await;
        assert_eq!(found.len(), usize::from(broken), "{age}: {found:?}");
        assert!(found.iter().all(|place| place.starts_with("I6: key ")));
    }
}

/// Further movements of item 2, whose level is then sound as far as its chain and its sums go.
const LONG_CHAIN: &str = "
    create function chain() returns void language plpgsql as $$
    declare l levels; p postings;
    begin
        select * into l from levels where item_id = 2;
        select * into p from postings where note is null order by id limit 1;
        for i in 1..20100 loop
            l.hash := sha256(l.hash || int8send(2) || int8send(l.location_id) || int8send(l.version + 1)
                || int8send(1) || int8send(l.on_hand) || int8send(l.on_hand + 1) || int8send(p.actor_id)
                || int8send((extract(epoch from p.posted_at) * 1000000)::bigint) || uuid_send(p.key)
                || int4send(octet_length(p.reason)) || convert_to(p.reason, 'UTF8')
                || int4send(octet_length(p.source)) || convert_to(p.source, 'UTF8') || int4send(0));
            insert into movements (posting_id, line_no, item_id, location_id, number, delta, before, after, hash, moved_at)
            values (p.id, i + 1, 2, l.location_id, l.version + 1, 1, l.on_hand, l.on_hand + 1, l.hash, p.posted_at);
            l.version := l.version + 1;
            l.on_hand := l.on_hand + 1;
        end loop;
        update levels set version = l.version, on_hand = l.on_hand, hash = l.hash where item_id = 2;
        update items set total = l.on_hand where id = 2;
        alter table postings drop constraint postings_line_count_check;
        update postings set line_count = 20101 where id = p.id;
    end $$;
    select chain()";

#[tokio::test]
async fn a_chain_is_checked_across_slices() {
    let db = ledger().await;
    db.sql(LONG_CHAIN).await;
    assert_eq!(whole(&db).await, Vec::<String>::new());
    let mut connection = db.connect().await;
    let first = connection.invariants().check_slice(Slice::FIRST).await;
    let Ok(Some(Slice::Movements {
        item: 2, number, ..
    })) = first.map(|first| first.next)
    else {
        panic!("the slice should end within the long chain");
    };
    for at in [number - 1, number, number + 1] {
        db.sql(&format!(
            "update movements set hash = decode(repeat('01', 32), 'hex') where (item_id, number) = (2, {at})"
        ))
        .await;
        let said = |number| {
            format!("I8: item 2 at location 1: the hash of movement {number} does not follow")
        };
        let found = whole(&db).await;
        assert!(
            found.contains(&said(at)) && found.contains(&said(at + 1)),
            "{at}: {found:?}"
        );
    }
}
