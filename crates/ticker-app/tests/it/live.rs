//! Following live: what a stream is told, from where on, for how long, and how many there are.

use std::time::{Duration, Instant};

use ticker_app::live::{LiveStream, Over, Position, Told};
use ticker_app::{App, ErrorKind};
use ticker_auth::{Anyone, Operator};
use ticker_domain::id::ItemId;
use ticker_domain::permission::StockView;
use ticker_domain::user::Role;
use ticker_postgres::Access as _;
use ticker_testkit::{TestDatabase, TestUser};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tower_sessions::SessionStore as _;

use crate::stock::{app_of_its_own, change};

/// Longer than anything here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// Within this a stream ends when its session does.
const ENDED_WITHIN: Duration = Duration::from_secs(2);

/// A shop with somebody who follows and somebody who presses.
struct Shop {
    db: TestDatabase,
    app: App,
    ana: TestUser,
    ben: TestUser,
}

impl Shop {
    async fn new() -> Self {
        let db = TestDatabase::new().await;
        Self {
            app: db.app(),
            ana: db.user(Role::Staff).await,
            ben: db.user(Role::Staff).await,
            db,
        }
    }

    /// A stream of Ana's with a session of its own.
    async fn open(&self, after: Option<Position>) -> LiveStream {
        let (session, _) = self.db.session_of(&self.ana).await;
        self.app
            .open_stream(&self.ana.grant(), session, after)
            .unwrap()
    }

    async fn position(&self) -> Position {
        let by = self.ana.grant::<StockView>();
        self.app.live_position(&by).await.unwrap()
    }

    /// Where the ledger ends, whatever this process has read of it.
    async fn position_now(&self) -> Position {
        let mut connection = self.db.connect().await;
        connection.live().position().await.unwrap()
    }

    /// A stream that is told what moves from now on.
    async fn follow(&self) -> LiveStream {
        let position = self.position().await;
        self.open(Some(position)).await
    }

    async fn press(&self, item: &ticker_testkit::TestItem, delta: i64) {
        let adjust = change(item.level(), delta);
        self.app
            .adjust_stock(&self.ben.grant(), adjust)
            .await
            .unwrap();
    }
}

async fn next(stream: &mut LiveStream) -> Option<Told> {
    let told = timeout(PATIENCE, stream.next()).await;
    told.expect("something is told in time")
}

/// The items of the next batch and by how much they moved, and where it ends.
async fn next_deltas(stream: &mut LiveStream) -> (Vec<(ItemId, i64)>, Position) {
    match next(stream).await {
        Some(Told::Batch(batch)) => {
            let moved = batch.moved().iter();
            let deltas = moved.map(|item| (item.item, item.delta)).collect();
            (deltas, batch.position().clone())
        }
        other => panic!("{other:?}"),
    }
}

async fn next_is_resync(stream: &mut LiveStream) -> Position {
    match next(stream).await {
        Some(Told::Resync(position)) => position,
        other => panic!("{other:?}"),
    }
}

async fn next_is_over(stream: &mut LiveStream, expected: Over) {
    match next(stream).await {
        Some(Told::Over(over)) => assert_eq!(over, expected),
        other => panic!("{other:?}"),
    }
    assert!(next(stream).await.is_none(), "and nothing more");
}

#[tokio::test]
async fn what_is_pressed_in_one_process_is_told_in_all() {
    let shop = Shop::new().await;
    let item = shop.db.item("AA batteries").stock(40).await;
    let there = shop.db.app();
    let listening = TaskTracker::new();
    let listener = there.clone();
    listening.spawn(async move { listener.listen(Anyone).await });
    let idle = "select pid from pg_stat_activity
                where datname = current_database() and query like 'LISTEN%' and state = 'idle'";
    shop.db.until(idle, 1).await;
    let mut here = shop.follow().await;
    let (session, _) = shop.db.session_of(&shop.ana).await;
    let mut elsewhere = there
        .open_stream(&shop.ana.grant(), session, Some(shop.position().await))
        .unwrap();
    for delta in [-1, -2, -3] {
        shop.press(&item, delta).await;
        for stream in [&mut here, &mut elsewhere] {
            let (deltas, _) = next_deltas(stream).await;
            assert_eq!(deltas, [(item.id, delta)]);
        }
    }
}

#[tokio::test]
async fn what_moves_meanwhile_is_told_together() {
    let shop = Shop::new().await;
    let (one, other) = (
        shop.db.item("AA batteries").stock(40).await,
        shop.db.item("C batteries").stock(40).await,
    );
    let mut stream = shop.follow().await;
    shop.press(&one, -1).await;
    next_deltas(&mut stream).await;
    // One transaction, and so read at once.
    let line = |item: &ticker_testkit::TestItem, delta| {
        ticker_domain::ledger::Line::change(item.level(), delta).unwrap()
    };
    let postings = [
        shop.db
            .posting(&shop.ben, vec![line(&one, -2), line(&other, 4)]),
        shop.db.posting(&shop.ana, vec![line(&one, -3)]),
    ];
    shop.db.post(&postings).await;
    let (deltas, _) = next_deltas(&mut stream).await;
    assert_eq!(deltas, [(other.id, 4), (one.id, -5)]);
}

#[tokio::test]
async fn whoever_knows_nothing_looks_at_everything_and_goes_on_from_there() {
    let shop = Shop::new().await;
    let item = shop.db.item("AA batteries").stock(40).await;
    let mut stream = shop.open(None).await;
    let position = next_is_resync(&mut stream).await;
    shop.press(&item, -1).await;
    let (deltas, after) = next_deltas(&mut stream).await;
    assert_eq!(deltas, [(item.id, -1)]);
    assert!(after.covers(&position));
    // A position of another database, or of a time that this one was set back before.
    let to_come = "999999999999.999999999999".parse().unwrap();
    let mut stream = shop.open(Some(to_come)).await;
    next_is_resync(&mut stream).await;
}

#[tokio::test]
async fn whoever_comes_back_is_told_what_was_missed() {
    let shop = Shop::new().await;
    let item = shop.db.item("AA batteries").stock(40).await;
    let mut stays = shop.follow().await;
    let mut leaves = shop.follow().await;
    shop.press(&item, -1).await;
    let (_, position) = next_deltas(&mut leaves).await;
    drop(leaves);
    for delta in [-2, -3] {
        shop.press(&item, delta).await;
        while next_deltas(&mut stays).await.0 != [(item.id, delta)] {}
    }
    // From what this process keeps, batch by batch.
    let mut back = shop.open(Some(position.clone())).await;
    for delta in [-2, -3] {
        assert_eq!(next_deltas(&mut back).await.0, [(item.id, delta)]);
    }
    // At a process that was not there: from the database, all at once.
    let fresh = shop.db.app();
    let (session, _) = shop.db.session_of(&shop.ana).await;
    let mut back = fresh
        .open_stream(&shop.ana.grant(), session, Some(position))
        .unwrap();
    assert_eq!(next_deltas(&mut back).await.0, [(item.id, -5)]);
    shop.press(&item, -4).await;
    assert_eq!(next_deltas(&mut back).await.0, [(item.id, -4)]);
}

#[tokio::test]
async fn an_edit_and_an_archiving_are_told_too() {
    let shop = Shop::new().await;
    let item = shop.db.item("AA batteries").stock(40).await;
    let manager = shop.db.user(Role::Manager).await;
    let mut stream = shop.follow().await;
    shop.app
        .archive_item(&manager.grant(), item.id)
        .await
        .unwrap();
    match next(&mut stream).await {
        Some(Told::Batch(batch)) => {
            assert_eq!(batch.changed(), [item.id]);
            assert!(batch.moved().is_empty());
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_session_whatever_ends_that() {
    let shop = Shop::new().await;
    let user = &shop.ana;
    let here = shop.app.clone();
    let store = shop.db.session_store_with(here.session_cache());
    let (others, _) = shop.db.session_of(&shop.ben).await;
    let mut other = here.open_stream(&shop.ben.grant(), others, None).unwrap();
    next_is_resync(&mut other).await;
    for how in ["signed out", "idle", "old", "disabled"] {
        let (session, id) = shop.db.session_of(user).await;
        let mut stream = here.open_stream(&user.grant(), session, None).unwrap();
        next_is_resync(&mut stream).await;
        let begun = Instant::now();
        match how {
            "signed out" => store.delete(&id).await.unwrap(),
            "idle" => {
                let sql = "update sessions set last_seen_at = now() - interval '13 hours'
                           where user_id = ";
                shop.db.sql(&format!("{sql}{}", user.id)).await;
            }
            "old" => {
                let sql =
                    "update sessions set created_at = now() - interval '8 days' where user_id = ";
                shop.db.sql(&format!("{sql}{}", user.id)).await;
            }
            _ => {
                let app = shop.db.app();
                app.set_disabled(&Operator, &user.username, true)
                    .await
                    .unwrap();
            }
        }
        next_is_over(&mut stream, Over::SessionEnded).await;
        let took = begun.elapsed();
        assert!(took < ENDED_WITHIN, "{how}: {took:?}");
    }
    // Everybody else stays.
    let item = shop.db.item("AA batteries").stock(1).await;
    assert_eq!(next_deltas(&mut other).await.0, [(item.id, 1)]);
}

#[tokio::test]
async fn following_does_not_keep_a_session_alive() {
    let shop = Shop::new().await;
    let (session, _) = shop.db.session_of(&shop.ana).await;
    let idle = "update sessions set last_seen_at = now() - interval '11 hours'";
    shop.db.sql(idle).await;
    let mut stream = shop
        .app
        .open_stream(&shop.ana.grant(), session, None)
        .unwrap();
    next_is_resync(&mut stream).await;
    // Another's ends, and so all have been looked up.
    let (other, id) = shop.db.session_of(&shop.ben).await;
    let mut ending = shop
        .app
        .open_stream(&shop.ben.grant(), other, None)
        .unwrap();
    let store = shop.db.session_store_with(shop.app.session_cache());
    next_is_resync(&mut ending).await;
    store.delete(&id).await.unwrap();
    next_is_over(&mut ending, Over::SessionEnded).await;
    let fresh = "select 1 from sessions where last_seen_at > now() - interval '10 hours'";
    let of_ana = format!("{fresh} and user_id = {}", shop.ana.id);
    assert_eq!(shop.db.texts(&of_ana).await, [""; 0]);
}

#[tokio::test]
async fn of_one_person_the_oldest_stream_makes_room() {
    let shop = Shop::new().await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(shop.open(None).await);
    }
    for stream in &mut streams {
        next_is_resync(stream).await;
    }
    let (others, _) = shop.db.session_of(&shop.ben).await;
    let mut other = shop
        .app
        .open_stream(&shop.ben.grant(), others, None)
        .unwrap();
    next_is_resync(&mut other).await;
    let mut eleventh = shop.open(None).await;
    next_is_resync(&mut eleventh).await;
    next_is_over(&mut streams[0], Over::Replaced).await;
    let mut twelfth = shop.open(None).await;
    next_is_over(&mut streams[1], Over::Replaced).await;
    next_is_resync(&mut twelfth).await;
    let item = shop.db.item("AA batteries").stock(1).await;
    for stream in streams
        .iter_mut()
        .skip(2)
        .chain([&mut other, &mut eleventh])
    {
        assert_eq!(next_deltas(stream).await.0, [(item.id, 1)]);
    }
}

#[tokio::test]
async fn a_process_takes_on_so_many_and_no_more() {
    let shop = Shop::new().await;
    shop.app.limit_streams(2);
    let open = [shop.open(None).await, shop.open(None).await];
    let (session, _) = shop.db.session_of(&shop.ben).await;
    let by = shop.ben.grant();
    let refused = shop.app.open_stream(&by, session.clone(), None);
    let kind = refused.map(drop).unwrap_err().kind();
    assert!(matches!(kind, ErrorKind::Unavailable { .. }), "{kind:?}");
    drop(open);
    shop.app.open_stream(&by, session, None).unwrap();
}

#[tokio::test]
async fn when_the_process_ends_so_do_its_streams() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let app = app_of_its_own(&db);
    let (session, _) = db.session_of(&ana).await;
    let mut open = app
        .open_stream(&ana.grant(), session.clone(), None)
        .unwrap();
    next_is_resync(&mut open).await;
    let mut waiting = app
        .open_stream(&ana.grant(), session.clone(), None)
        .unwrap();
    app.end_streams();
    next_is_over(&mut open, Over::Stopping).await;
    next_is_over(&mut waiting, Over::Stopping).await;
    let mut late = app.open_stream(&ana.grant(), session, None).unwrap();
    next_is_over(&mut late, Over::Stopping).await;
    timeout(PATIENCE, app.shut_down())
        .await
        .expect("nothing holds it up");
}

#[tokio::test]
async fn an_outage_of_the_database_is_a_pause_and_nothing_is_missed() {
    let shop = Shop::new().await;
    let item = shop.db.item("AA batteries").stock(40).await;
    let mut stream = shop.follow().await;
    shop.press(&item, -1).await;
    next_deltas(&mut stream).await;
    shop.db
        .sql("select pg_terminate_backend(pid) from pg_stat_activity
              where datname = current_database() and usename = 'ticker_app_1' and pid <> pg_backend_pid()")
        .await;
    shop.press(&item, -2).await;
    assert_eq!(next_deltas(&mut stream).await.0, [(item.id, -2)]);
}

#[tokio::test]
async fn with_nobody_there_nothing_is_read() {
    let db = TestDatabase::new().await;
    let app = app_of_its_own(&db);
    // From here on time passes as soon as everybody waits.
    tokio::time::pause();
    tokio::time::sleep(Duration::from_hours(1)).await;
    tokio::time::resume();
    let busy = "select pid from pg_stat_activity
                where datname = current_database() and application_name = 'ticker'";
    assert_eq!(db.texts(busy).await, [""; 0]);
    app.end_streams();
}

/// Streams at another process that was not there, all at once, as after the end of the one they had followed.
async fn come_back(shop: &Shop, after: &[Position]) -> (App, Vec<LiveStream>) {
    let mut sessions = Vec::new();
    for _ in after {
        sessions.push(shop.db.session_of(&shop.ana).await.0);
    }
    let fresh = shop.db.app();
    // Nothing is awaited between, so that they are served together.
    let streams = after.iter().zip(sessions).map(|(after, session)| {
        let by = shop.ana.grant::<StockView>();
        fresh
            .open_stream(&by, session, Some(after.clone()))
            .unwrap()
    });
    let streams = streams.collect();
    (fresh, streams)
}

#[tokio::test]
async fn whoever_missed_too_much_does_not_make_the_others_look_at_everything() {
    let shop = Shop::new().await;
    let item = shop.db.item("AA batteries").stock(40).await;
    let long_ago: Position = "0.0".parse().unwrap();
    let before = shop.position_now().await;
    // More than is told in detail.
    shop.db
        .sql("insert into item_changes (item_id) select n from generate_series(1, 1001) n")
        .await;
    let mut places = vec![long_ago, before];
    for delta in [-1, -2, -3] {
        places.push(shop.position_now().await);
        shop.press(&item, delta).await;
    }
    places.push(shop.position_now().await);
    places.reverse();
    let (_fresh, mut streams) = come_back(&shop, &places).await;
    shop.press(&item, -4).await;
    let told: Vec<i64> = {
        let mut told = Vec::new();
        for stream in &mut streams[..4] {
            told.push(next_deltas(stream).await.0[0].1);
        }
        told
    };
    // What is missed is told from where the first stopped for whom that can be told, or it is what is new.
    assert!(
        told.iter().all(|delta| [-6, -10, -4].contains(delta)),
        "{told:?}"
    );
    for stream in &mut streams[4..] {
        next_is_resync(stream).await;
    }
}

#[tokio::test]
async fn a_place_that_was_made_up_takes_nothing_from_others() {
    let shop = Shop::new().await;
    let item = shop.db.item("AA batteries").stock(40).await;
    let honest = shop.position_now().await;
    shop.press(&item, -1).await;
    let now = shop.position_now().await.to_string();
    let mut parts = now.splitn(3, '.').skip(1);
    let (end, running) = (parts.next().unwrap(), parts.next());
    let running = running.map(|running| format!(".{running}"));
    let made_up = format!("1.{end}.1{}", running.unwrap_or_default());
    let made_up: Position = made_up.parse().unwrap();
    for places in [
        [made_up.clone(), honest.clone()],
        [honest.clone(), made_up.clone()],
    ] {
        let (_fresh, mut streams) = come_back(&shop, &places).await;
        for (place, stream) in places.iter().zip(&mut streams) {
            if *place == honest {
                assert_eq!(next_deltas(stream).await.0, [(item.id, -1)]);
            } else {
                next_is_resync(stream).await;
            }
        }
    }
}

/// A page that was read at another replica may know more than the reading that is under way here.
#[tokio::test]
async fn whoever_comes_during_a_reading_is_not_judged_by_it() {
    let shop = Shop::new().await;
    let item = shop.db.item("AA batteries").stock(40).await;
    let held = shop.db.item("Held").await.id;
    shop.db
        .sql(
            "create function wait() returns boolean language plpgsql as
                $$ begin perform from items where name = 'Held' for share; return true; end $$;
             alter table item_changes enable row level security;
             create policy wait on item_changes for select using (wait());",
        )
        .await;
    let (session, _) = shop.db.session_of(&shop.ana).await;
    let mut early = shop.follow().await;
    shop.press(&item, -1).await;
    assert_eq!(next_deltas(&mut early).await.0, [(item.id, -1)]);
    let mut holder = shop.db.database().begin().await.unwrap();
    holder.bulk_changes().lock_items(&[held]).await.unwrap();
    let edit = "update items set version = version + 1 where name <> 'Held'";
    shop.db.sql(edit).await;
    shop.db.until_blocked(1).await;
    shop.db.sql("select pg_current_xact_id()").await;
    let later = shop.position_now().await;
    let by = shop.ana.grant::<StockView>();
    let mut stream = shop.app.open_stream(&by, session, Some(later)).unwrap();
    holder.commit().await.unwrap();
    shop.press(&item, -2).await;
    assert_eq!(next_deltas(&mut stream).await.0, [(item.id, -2)]);
}

#[tokio::test]
async fn whoever_replaces_their_own_streams_takes_no_more_places_for_it() {
    let shop = Shop::new().await;
    let (session, _) = shop.db.session_of(&shop.ana).await;
    let by = shop.ana.grant::<StockView>();
    let open = || shop.app.open_stream(&by, session.clone(), None);
    // None of them is dropped, as by somebody who never reads.
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(open().unwrap());
    }
    let kind = open().map(drop).unwrap_err().kind();
    assert!(matches!(kind, ErrorKind::Unavailable { .. }), "{kind:?}");
    next_is_over(&mut streams[9], Over::Replaced).await;
    next_is_resync(&mut streams[10]).await;
    streams.remove(0);
    streams.push(open().unwrap());
    // Nor beyond what this process takes on.
    streams.remove(0);
    shop.app.limit_streams(19);
    assert!(open().is_err());
    next_is_resync(&mut streams[9]).await;
}
