//! The commands that end by themselves.

use ticker_domain::user::Role;
use ticker_testkit::TestDatabase;

use crate::program::{Program, exchange, free_port, get};

fn program(db: &TestDatabase) -> Program {
    Program::on(&db.settings(2), &db.owner_settings())
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_twice_runs_everything_once() {
    let db = TestDatabase::new().await;
    db.sql("drop schema public cascade").await;
    db.sql("create schema public authorization ticker_owner")
        .await;
    let first = program(&db).run(&["migrate"]).succeeded();
    assert!(first.contains("migration"), "{first}");
    assert!(!first.contains("nothing to run"), "{first}");
    let second = program(&db).run(&["migrate"]).succeeded();
    assert_eq!(second, "The schema is up to date: nothing to run.\n");
    program(&db).run(&["verify"]).succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_names_what_is_broken() {
    let db = TestDatabase::new().await;
    let item = db.item("AA batteries").stock(40).await;
    let sound = program(&db).run(&["verify"]).succeeded();
    assert!(
        sound.lines().filter(|line| line.contains("  ok ")).count() >= 8,
        "{sound}"
    );
    assert!(sound.ends_with("The ledger is sound.\n"), "{sound}");

    db.sql(&format!(
        "update levels set on_hand = on_hand + 1 where item_id = {}",
        item.id
    ))
    .await;
    let broken = program(&db).run(&["verify"]);
    assert_eq!(broken.code, Some(1), "{broken:?}");
    assert!(broken.stdout.contains("I1  BROKEN"), "{broken:?}");
    assert!(
        broken.stdout.contains("on hand 41, movements sum up to 40"),
        "{broken:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_password_is_alone_on_standard_output() {
    let db = TestDatabase::new().await;
    let created = program(&db).run(&["user", "create", "ana", "--role", "manager"]);
    assert!(
        created.stderr.contains("ana can sign in as manager."),
        "{created:?}"
    );
    let password = created.succeeded();
    assert_eq!(password.trim_end().len(), 23, "{password}");
    assert_eq!(password.lines().count(), 1, "{password}");
    assert_eq!(
        db.texts("select username || ' ' || role || ' ' || must_change_password from users")
            .await,
        ["ana manager true"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_made_listed_and_changed() {
    let db = TestDatabase::new().await;
    let ticker = program(&db);
    let none = ticker.run(&["user", "list"]);
    assert!(none.stderr.contains("There are no users yet"), "{none:?}");
    assert_eq!(none.succeeded(), "");

    let create = [
        "user",
        "create",
        "root",
        "--role",
        "admin",
        "--display-name",
        "Ruth Oot",
    ];
    let typed = [&create[..], &["--password-stdin", "--keep-password"]].concat();
    let created = ticker.run_with_input(&typed, "  grey herons at dawn \n");
    assert_eq!(
        created.succeeded(),
        "",
        "a password that was typed is not printed"
    );
    ticker
        .run(&["user", "create", "bo", "--role", "staff"])
        .succeeded();

    let list = ticker.run(&["user", "list"]).succeeded();
    let lines: Vec<Vec<&str>> = list
        .lines()
        .map(|line| line.split("  ").collect())
        .collect();
    let cells = |line: &[&str]| -> Vec<String> {
        let cells = line.iter().map(|cell| cell.trim().to_owned());
        cells.filter(|cell| !cell.is_empty()).collect()
    };
    assert_eq!(
        cells(&lines[1]),
        ["bo", "staff", "new password due", "never", "bo"],
        "{list}"
    );
    assert_eq!(
        cells(&lines[2]),
        ["root", "admin", "active", "never", "Ruth Oot"],
        "{list}"
    );

    for arguments in [
        &["user", "set-role", "bo", "manager"][..],
        &["user", "disable", "bo"],
        &["user", "enable", "BO"],
        &["user", "reset-password", "bo", "--keep-password"],
    ] {
        ticker.run(arguments).succeeded();
    }
    let bo = "select role || ' ' || (disabled_at is null) || ' ' || must_change_password from users \
              where username = 'bo'";
    assert_eq!(db.texts(bo).await, ["manager true false"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_to_users_is_said_in_one_line() {
    let db = TestDatabase::new().await;
    let ticker = program(&db);
    ticker
        .run(&["user", "create", "root", "--role", "admin"])
        .succeeded();
    for (arguments, input, said) in [
        (
            &["user", "create", "ROOT", "--role", "staff"][..],
            "",
            "the username is taken",
        ),
        (
            &["user", "create", "a b", "--role", "staff"],
            "",
            "the username must not contain spaces",
        ),
        (
            &[
                "user",
                "create",
                "bo",
                "--role",
                "staff",
                "--password-stdin",
            ],
            "short\n",
            "at least 12",
        ),
        (
            &[
                "user",
                "create",
                "bo",
                "--role",
                "staff",
                "--password-stdin",
            ],
            "",
            "no password",
        ),
        (
            &["user", "disable", "nobody"],
            "",
            "there is no user nobody",
        ),
        (&["user", "disable", "root"], "", "last enabled admin"),
        (
            &["user", "set-role", "root", "staff"],
            "",
            "last enabled admin",
        ),
        (
            &["user", "reset-password", "nobody"],
            "",
            "there is no user nobody",
        ),
    ] {
        ticker.run_with_input(arguments, input).refused(1, &[said]);
    }
    assert_eq!(db.texts("select count(*) from users").await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_down_is_said_in_one_line() {
    let db = TestDatabase::new().await;
    let nowhere = format!(
        "postgres://ticker_test_app@127.0.0.1:{}/ticker",
        free_port()
    );
    let ticker = program(&db).set("TICKER_DATABASE_URL", &nowhere);
    for command in [&["verify"][..], &["user", "list"], &["demo"]] {
        ticker.run(command).refused(1, &["ticker: ", "database"]);
    }
    let wrong = crate::program::file("not the right password");
    let ticker = program(&db).set("TICKER_DATABASE_PASSWORD_FILE", &wrong.display());
    ticker
        .run(&["user", "list"])
        .refused(1, &["password authentication failed"]);
}

/// In a stack the logins are made while everything starts.
#[tokio::test(flavor = "multi_thread")]
async fn migrating_waits_for_its_login() {
    let db = TestDatabase::new().await;
    let owner = db.owner_settings();
    let (scheme, rest) = owner.url.split_once("://").expect("a URL");
    let (_, place) = rest.split_once('@').expect("a login");
    let login = format!("late_{}", db.name());
    let ticker = program(&db).set(
        "TICKER_OWNER_DATABASE_URL",
        &format!("{scheme}://{login}@{place}"),
    );
    let mut migrating = ticker.start(&["migrate"], "waiting for it");
    let password = owner.password.expect("logins have passwords");
    db.sql(&format!(
        "create role {login} login password '{password}' in role ticker_owner; alter role {login} set role = 'ticker_owner'"
    ))
    .await;
    let status = migrating.wait();
    db.sql(&format!("drop role {login}")).await;
    assert_eq!(status.code(), Some(0), "{}", migrating.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_waits_for_whoever_holds_a_table() {
    let db = TestDatabase::new().await;
    // Reads nothing that others change, so it can be run again.
    db.sql("delete from _sqlx_migrations where description = 'validate posting kinds'")
        .await;
    let hold = db.sql(
        "do $$ begin
             lock table postings in access exclusive mode;
             perform pg_sleep(60);
         exception when query_canceled then null;
         end $$",
    );
    let migrate = async {
        let holder =
            "pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
        db.until(&format!("select pid from {holder}"), 1).await;
        let mut migrating = program(&db).start(&["migrate"], "somebody holds a table");
        let let_go = format!("select pg_cancel_backend(pid) from {holder}");
        assert_eq!(db.texts(&let_go).await, ["true"]);
        assert_eq!(migrating.wait().code(), Some(0), "{}", migrating.log());
    };
    tokio::join!(hold, migrate);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shop_is_loaded_once() {
    let db = TestDatabase::new().await;
    let ticker = program(&db);
    ticker
        .run(&["demo"])
        .refused(1, &["the demo shop was not loaded", "create one first"]);
    db.user(Role::Manager).await;
    let loaded = ticker.run(&["demo"]).succeeded();
    assert!(
        loaded.starts_with("The demo shop is loaded: 240 items, "),
        "{loaded}"
    );
    ticker
        .run(&["demo"])
        .refused(1, &["there are items already"]);
    ticker.run(&["verify"]).succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_check_is_red_until_ready_and_green_while_alive() {
    let db = TestDatabase::new().await;
    let nobody = program(&db).set("TICKER_LISTEN", &format!("127.0.0.1:{}", free_port()));
    nobody
        .run(&["healthcheck"])
        .refused(1, &["no answer from", "/startz"]);

    db.sql("alter table _sqlx_migrations rename to hidden")
        .await;
    let mut server = program(&db).serve();
    let check = program(&db).set("TICKER_LISTEN", &server.address());
    check
        .run(&["healthcheck"])
        .refused(1, &["/startz answers 503"]);
    assert_eq!(server.status("/healthz"), Some(200), "alive all the same");
    db.sql("alter table hidden rename to _sqlx_migrations")
        .await;
    server.wait_for("/readyz", 200);
    check.run(&["healthcheck"]).succeeded();
    db.sql("alter table _sqlx_migrations rename to hidden")
        .await;
    server.wait_for("/readyz", 503);
    check.run(&["healthcheck"]).succeeded();
    let answer = exchange(server.address(), &get("/healthz")).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
