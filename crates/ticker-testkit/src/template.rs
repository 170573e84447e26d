//! The migrated database that every test's own is copied from.

use std::fmt::Write as _;
use std::str::FromStr as _;

use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};
use ticker_postgres::{Database, DatabaseSettings, migrations};

/// Where the superuser's URL of the tests' cluster stands.
const URL_VARIABLE: &str = "TICKER_TEST_DATABASE_URL";
/// The roles that hold Ticker's rights, as everywhere.
const ROLES: &str = include_str!("../../../migrations/roles/roles.sql");
/// The logins of the tests, as in production members of these roles.
pub(crate) const OWNER_LOGIN: &str = "ticker_test_owner";
pub(crate) const APP_LOGIN: &str = "ticker_test_app";

/// The cluster that the tests run on.
#[derive(Clone)]
pub(crate) struct Cluster {
    options: PgConnectOptions,
    /// Of both logins; follows from the superuser's URL, so that every process of a run knows it.
    pub(crate) login_password: String,
}

impl Cluster {
    /// The cluster that `cargo xtask test` has started.
    pub(crate) fn from_environment() -> Self {
        let url = std::env::var(URL_VARIABLE).unwrap_or_else(|_| {
            panic!(
                "{URL_VARIABLE} is not set: run these tests with `cargo xtask test` (for one crate: \
                 `cargo xtask test -p CRATE`), which starts a PostgreSQL for them"
            )
        });
        let options = PgConnectOptions::from_str(&url)
            .unwrap_or_else(|error| panic!("{URL_VARIABLE} is not a postgres:// URL: {error}"));
        Self {
            options,
            login_password: hex(Sha256::digest(url)),
        }
    }

    /// A superuser's connection to a database.
    pub(crate) async fn superuser(&self, database: &str) -> PgConnection {
        let options = self.options.clone().database(database);
        options.connect().await.unwrap_or_else(|error| {
            panic!("the PostgreSQL of {URL_VARIABLE} does not answer for {database}: {error}")
        })
    }

    /// The URL of a login on a database, without its password.
    pub(crate) fn url(&self, login: &str, database: &str) -> String {
        let (host, port) = (self.options.get_host(), self.options.get_port());
        format!("postgres://{login}@{host}:{port}/{database}")
    }

    /// What a pool of a login on a database needs.
    pub(crate) fn settings(
        &self,
        login: &str,
        database: &str,
        connections_max: u32,
    ) -> DatabaseSettings {
        DatabaseSettings {
            url: self.url(login, database),
            password: Some(self.login_password.clone()),
            connections_max,
        }
    }

    /// The template's name, after making the template if this is the first test that needs it.
    pub(crate) async fn template(&self) -> String {
        let name = template_name();
        let mut connection = self.superuser("postgres").await;
        if exists(&mut connection, &name).await {
            return name;
        }
        run(
            &mut connection,
            "select pg_advisory_lock(hashtext('ticker_testkit'))",
        )
        .await;
        if !exists(&mut connection, &name).await {
            self.make_template(&mut connection, &name).await;
        }
        // Ending the connection ends the lock.
        connection.close().await.expect("the connection ends");
        name
    }

    /// Makes the template under another name first: one that carries its name is complete.
    async fn make_template(&self, connection: &mut PgConnection, name: &str) {
        let raw = format!("{name}_raw");
        run(connection, ROLES).await;
        for (login, role) in [(OWNER_LOGIN, "ticker_owner"), (APP_LOGIN, "ticker_app")] {
            let password = &self.login_password;
            // Another template may have made it.
            let sql = format!(
                "do $$ begin create role {login} in role {role};
                 exception when duplicate_object then null; end $$;
                 alter role {login} login password '{password}'"
            );
            run(connection, &sql).await;
        }
        run(
            connection,
            &format!("alter role {OWNER_LOGIN} set role = 'ticker_owner'"),
        )
        .await;
        run(
            connection,
            &format!("drop database if exists {raw} with (force)"),
        )
        .await;
        run(
            connection,
            &format!("create database {raw} owner ticker_owner"),
        )
        .await;
        let owner = Database::lazy_for_migrations(&self.settings(OWNER_LOGIN, &raw, 1))
            .expect("the cluster's URL names a login");
        migrations::migrate(&owner)
            .await
            .expect("the migrations run");
        owner.close().await;
        run(
            connection,
            &format!("alter database {raw} rename to {name}"),
        )
        .await;
    }
}

/// Runs statements that a test cannot go on without.
pub(crate) async fn run(connection: &mut PgConnection, sql: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await;
    done.unwrap_or_else(|error| panic!("{sql}\n{error}"));
}

async fn exists(connection: &mut PgConnection, database: &str) -> bool {
    sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(database)
        .fetch_one(connection)
        .await
        .expect("a superuser can read pg_database")
}

/// Other migrations or roles make another template.
fn template_name() -> String {
    let mut digest = Sha256::new();
    digest.update(ROLES);
    for migration in sqlx::migrate!("../../migrations").iter() {
        digest.update(migration.version.to_be_bytes());
        digest.update(&*migration.checksum);
    }
    let hash = hex(digest.finalize());
    format!("ticker_template_{}", &hash[..16])
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
