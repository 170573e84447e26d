//! Settings that are missing or wrong: exit code 2, and a line that names the variable.

use ticker_postgres::DatabaseSettings;

use crate::program::{Program, file};

/// Settings that nothing is wrong with, on a database that nobody has.
fn valid() -> Program {
    let settings = |login: &str| DatabaseSettings {
        url: format!("postgres://{login}@127.0.0.1:1/ticker"),
        password: Some("a password of a test".to_owned()),
        connections_max: 1,
    };
    Program::on(&settings("ticker_app_1"), &settings("ticker_owner_1"))
}

#[test]
fn each_wrong_setting_is_named_in_one_line() {
    let short = file("short");
    let empty = file(" \n");
    let two_lines = file("a password on\ntwo lines");
    let no_such = "/nonexistent/file";
    for (name, value, said) in [
        ("TICKER_ORIGIN", "stock.example.com", "is not an origin"),
        ("TICKER_ORIGIN", "http://127.0.0.1:5000/", "without a slash"),
        (
            "TICKER_ORIGIN",
            "http://127.0.0.1:5000,",
            "is not an origin",
        ),
        ("TICKER_LISTEN", "5000", "must be an IP address and a port"),
        (
            "TICKER_LISTEN",
            "localhost:5000",
            "must be an IP address and a port",
        ),
        (
            "TICKER_METRICS_LISTEN",
            "127.0.0.1:65536",
            "must be an IP address and a port",
        ),
        ("TICKER_PLAIN_HTTP", "yes", "must be true or false"),
        (
            "TICKER_TRUSTED_PROXIES",
            "proxy",
            "neither an address nor a network",
        ),
        ("TICKER_TRUSTED_PROXIES", "10.0.0.0/33", "0 to 32"),
        (
            "TICKER_DATABASE_URL",
            "mysql://a@db/ticker",
            "postgres://LOGIN@HOST:PORT/DATABASE",
        ),
        (
            "TICKER_DATABASE_URL",
            "postgres://a@db:port/ticker",
            "is not a postgres:// URL",
        ),
        (
            "TICKER_DATABASE_URL",
            "postgres://a:hunter2hunter2@db/ticker",
            "must not hold a password",
        ),
        (
            "TICKER_DATABASE_PASSWORD",
            "a password of a test",
            "TICKER_DATABASE_PASSWORD_FILE",
        ),
        ("TICKER_DATABASE_PASSWORD_FILE", no_such, "cannot be read"),
        ("TICKER_DATABASE_PASSWORD_FILE", "/", "cannot be read"),
        (
            "TICKER_DATABASE_PASSWORD_FILE",
            short.to_str().expect("UTF-8"),
            "at least 12",
        ),
        (
            "TICKER_DATABASE_PASSWORD_FILE",
            empty.to_str().expect("UTF-8"),
            "is empty",
        ),
        (
            "TICKER_DATABASE_PASSWORD_FILE",
            two_lines.to_str().expect("UTF-8"),
            "more than one line",
        ),
        ("TICKER_DATABASE_CONNECTIONS_MAX", "2", "from 3 to 100"),
        ("TICKER_DATABASE_CONNECTIONS_MAX", "many", "from 3 to 100"),
        ("TICKER_SESSION_IDLE_HOURS", "0", "from 1 to 720"),
        ("TICKER_SESSION_IDLE_HOURS", "1.5", "from 1 to 720"),
        (
            "TICKER_SESSION_ABSOLUTE_HOURS",
            "11",
            "TICKER_SESSION_IDLE_HOURS",
        ),
        ("TICKER_PASSWORD_LENGTH_MIN", "7", "from 8 to 128"),
        (
            "TICKER_LOG",
            "inof",
            "must be off, error, warn, info, debug or trace",
        ),
        ("TICKER_LOG_FORMAT", "xml", "must be json or text"),
        ("TICKER_LOG_FORMAT", " ", "is empty"),
        ("TICKER_LISTN", "127.0.0.1:5000", "is TICKER_LISTEN meant?"),
        ("TICKER_LISTEN_FILE", no_such, "so is TICKER_LISTEN_FILE"),
    ] {
        let ended = valid().set(name, value).run(&["serve"]);
        // Of a variable and its file, either is named.
        let shown_name = name.strip_suffix("_FILE").unwrap_or(name);
        ended.refused(2, &[shown_name, said]);
        assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
        assert!(!ended.stderr.contains("a password of a test"), "{ended:?}");
    }
}

#[test]
fn each_missing_setting_is_named_by_the_command_that_needs_it() {
    for (command, name) in [
        (&["serve"][..], "TICKER_ORIGIN"),
        (&["serve"], "TICKER_DATABASE_URL"),
        (&["serve"], "TICKER_DATABASE_PASSWORD_FILE"),
        (&["migrate"], "TICKER_OWNER_DATABASE_URL"),
        (&["migrate"], "TICKER_OWNER_DATABASE_PASSWORD_FILE"),
        (&["verify"], "TICKER_DATABASE_URL"),
        (&["demo"], "TICKER_DATABASE_PASSWORD_FILE"),
        (&["user", "list"], "TICKER_DATABASE_URL"),
    ] {
        valid()
            .unset(name)
            .run(command)
            .refused(2, &[&format!("{name}: is not set")]);
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let ended = Program::default()
        .set("TICKER_LOG", "loud")
        .set("TICKER_ORGIN", "x")
        .run(&["serve"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let named: Vec<&str> = ended
        .stderr
        .lines()
        .map(|line| line.split(':').next().unwrap_or_default())
        .collect();
    assert_eq!(
        named,
        [
            "TICKER_ORGIN",
            "TICKER_ORIGIN",
            "TICKER_DATABASE_URL",
            "TICKER_DATABASE_PASSWORD_FILE",
            "TICKER_LOG",
        ],
        "{ended:#?}"
    );
}

#[test]
fn a_setting_can_come_from_a_file() {
    let origin = file("  https://stock.example.com\n");
    let listen = file("203.0.113.7:5000");
    // The address is nobody's: getting as far as binding it shows that both files were read.
    let program = valid()
        .unset("TICKER_ORIGIN")
        .unset("TICKER_LISTEN")
        .unset("TICKER_PLAIN_HTTP")
        .set("TICKER_ORIGIN_FILE", &origin.display())
        .set("TICKER_LISTEN_FILE", &listen.display());
    program
        .run(&["serve"])
        .refused(1, &["cannot listen on 203.0.113.7:5000 (TICKER_LISTEN)"]);
}

#[test]
fn plain_http_stays_on_this_machine() {
    let plain = "TICKER_PLAIN_HTTP";
    for (origin, listen, setting, said) in [
        (
            "http://stock.example.com",
            "127.0.0.1:0",
            "TICKER_PLAIN_HTTP",
            "localhost only",
        ),
        (
            "http://192.168.1.5:5000",
            "192.168.1.5:5000",
            "TICKER_PLAIN_HTTP",
            "localhost only",
        ),
        (
            "https://stock.example.com",
            "127.0.0.1:0",
            "TICKER_ORIGIN",
            "http origins only",
        ),
        (
            "http://localhost:5000",
            "203.0.113.7:5000",
            "TICKER_PLAIN_HTTP",
            "public address",
        ),
        (
            "http://[::1]:5000",
            "[2001:db8::7]:5000",
            "TICKER_PLAIN_HTTP",
            "public address",
        ),
    ] {
        let program = valid()
            .set("TICKER_ORIGIN", origin)
            .set("TICKER_LISTEN", listen);
        program
            .clone()
            .set(plain, "true")
            .run(&["serve"])
            .refused(2, &[setting, said]);
    }
    let without = valid().set(plain, "false").run(&["serve"]);
    without.refused(2, &["TICKER_ORIGIN", "http://127.0.0.1", "plain HTTP"]);
}

#[test]
fn help_lists_the_settings_and_a_wrong_command_line_is_refused() {
    let help = Program::default().run(&["--help"]).succeeded();
    for name in [
        "TICKER_ORIGIN [required]",
        "TICKER_DATABASE_PASSWORD_FILE",
        "TICKER_LOG_FORMAT [json]",
    ] {
        assert!(help.contains(name), "{name} is not in\n{help}");
    }
    for wrong in [
        &["sreve"][..],
        &[],
        &["user", "create", "ana"],
        &["user", "set-role", "ana", "boss"],
    ] {
        assert_eq!(Program::default().run(wrong).code, Some(2), "{wrong:?}");
    }
}
