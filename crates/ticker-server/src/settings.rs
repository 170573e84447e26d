//! What an installation decides: read once at the start, from variables and files.
//!
//! Each command reads what it needs, and refuses to begin with one line for each setting that is
//! missing or wrong.

mod environment;
mod exposure;
mod table;

use std::fmt::Display;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use ticker_app::AppSettings;
use ticker_app::operation::JobSettings;
use ticker_domain::password::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN_LEAST};
use ticker_http::{BadOrigin, HttpSettings, Origin, TrustedProxies};
use ticker_postgres::sessions::SessionLifetime;
use ticker_postgres::{Database, DatabaseSettings};

use self::environment::Reader;
pub(crate) use self::environment::{Environment, Problems};
pub(crate) use self::exposure::own_address;
pub(crate) use self::table::{LISTEN, METRICS_LISTEN, Setting, help};
use crate::logs::{LogFilter, LogFormat, LogSettings};

/// A secret shorter than this was typed, not generated.
const SECRET_CHARS_MIN: usize = 12;
/// One listens, and another alone could wait for itself.
const CONNECTIONS_MIN: u32 = 3;
const CONNECTIONS_MAX: u32 = 100;
/// The longest that a session can be set to live: 30 days.
const SESSION_HOURS_MAX: u64 = 720;
/// Within this a key has one effect, whatever is set.
const POSTING_KEY_DAYS_MIN: u32 = 7;
const POSTING_KEY_DAYS_MAX: u32 = 365;
/// Below the most connections that a process holds.
const STREAMS_MAX: usize = 8_000;
/// What a command that an operator types needs at most.
const OPERATOR_CONNECTIONS_MAX: u32 = 2;

/// What `ticker serve` reads.
#[derive(Debug)]
pub(crate) struct ServeSettings {
    pub(crate) listen: SocketAddr,
    pub(crate) metrics_listen: SocketAddr,
    pub(crate) http: HttpSettings,
    pub(crate) database: Database,
    pub(crate) sessions: SessionLifetime,
    pub(crate) jobs: JobSettings,
    pub(crate) app: AppSettings,
    pub(crate) streams_max: usize,
    pub(crate) log: LogSettings,
}

/// What the commands read that an operator types.
#[derive(Debug)]
pub(crate) struct OperatorSettings {
    pub(crate) database: Database,
    pub(crate) app: AppSettings,
    pub(crate) log: LogSettings,
}

/// What `ticker migrate` reads.
#[derive(Debug)]
pub(crate) struct MigrateSettings {
    pub(crate) database: Database,
    pub(crate) log: LogSettings,
}

impl ServeSettings {
    /// Reads them.
    ///
    /// # Errors
    /// [`Problems`] with everything that is missing or wrong.
    pub(crate) fn read(environment: &Environment) -> Result<Self, Problems> {
        let mut reader = Reader::new(environment);
        let listen = reader.read(&LISTEN, parse_address);
        let metrics_listen = reader.read(&METRICS_LISTEN, parse_address);
        if let (Some(listen), Some(metrics)) = (listen, metrics_listen)
            && listen == metrics
            && listen.port() != 0
        {
            reader.refuse(
                &METRICS_LISTEN,
                "must be another address than TICKER_LISTEN's",
            );
        }
        let http = read_http(&mut reader, listen);
        let connections_max = reader.read(&table::DATABASE_CONNECTIONS_MAX, |text| {
            parse_number(text, CONNECTIONS_MIN, CONNECTIONS_MAX)
        });
        let database = read_app_database(&mut reader, connections_max);
        let sessions = read_sessions(&mut reader);
        let posting_key_days = reader.read(&table::POSTING_KEY_DAYS, |text| {
            parse_number(text, POSTING_KEY_DAYS_MIN, POSTING_KEY_DAYS_MAX)
        });
        let app = read_app(&mut reader);
        let streams_max = reader.read(&table::STREAMS_MAX, |text| {
            parse_number(text, 1, STREAMS_MAX)
        });
        let log = read_log(&mut reader);
        let settings = (|| {
            Some(Self {
                listen: listen?,
                metrics_listen: metrics_listen?,
                http: http?,
                database: database?,
                sessions: sessions?,
                jobs: JobSettings {
                    sessions: sessions?,
                    posting_key_days: posting_key_days?,
                },
                app: app?,
                streams_max: streams_max?,
                log: log?,
            })
        })();
        reader.finish(settings)
    }
}

impl OperatorSettings {
    /// Reads them.
    ///
    /// # Errors
    /// [`Problems`] with everything that is missing or wrong.
    pub(crate) fn read(environment: &Environment) -> Result<Self, Problems> {
        let mut reader = Reader::new(environment);
        let database = read_app_database(&mut reader, Some(OPERATOR_CONNECTIONS_MAX));
        let app = read_app(&mut reader);
        let log = read_log(&mut reader);
        let settings = (|| {
            Some(Self {
                database: database?,
                app: app?,
                log: log?,
            })
        })();
        reader.finish(settings)
    }
}

impl MigrateSettings {
    /// Reads them.
    ///
    /// # Errors
    /// [`Problems`] with everything that is missing or wrong.
    pub(crate) fn read(environment: &Environment) -> Result<Self, Problems> {
        let mut reader = Reader::new(environment);
        let (url, password) = (&table::OWNER_DATABASE_URL, &table::OWNER_DATABASE_PASSWORD);
        let database = read_database(
            &mut reader,
            url,
            password,
            Some(1),
            Database::lazy_for_migrations,
        );
        let log = read_log(&mut reader);
        let settings = (|| {
            Some(Self {
                database: database?,
                log: log?,
            })
        })();
        reader.finish(settings)
    }
}

/// The address that `ticker healthcheck` asks: nothing else has to be right for that.
///
/// # Errors
/// [`Problems`] if it is wrong.
pub(crate) fn read_listen(environment: &Environment) -> Result<SocketAddr, Problems> {
    let mut reader = Reader::new(environment);
    let listen = reader.read(&LISTEN, parse_address);
    reader.finish(listen)
}

fn read_http(reader: &mut Reader, listen: Option<SocketAddr>) -> Option<HttpSettings> {
    let origins = reader.read(&table::ORIGIN, parse_origins);
    let plain_http = reader.read(&table::PLAIN_HTTP, parse_bool);
    let proxies = reader.read(&table::TRUSTED_PROXIES, str::parse::<TrustedProxies>);
    let (origins, plain_http) = (origins?, plain_http?);
    if plain_http {
        check_plain_http(reader, &origins, listen?);
    }
    let settings = HttpSettings::new(origins, plain_http, proxies.unwrap_or_default());
    settings
        .map_err(|error| reader.refuse(&table::ORIGIN, error))
        .ok()
}

/// Plain HTTP is for this machine only.
fn check_plain_http(reader: &mut Reader, origins: &[Origin], listen: SocketAddr) {
    let elsewhere = |origin: &&Origin| origin.is_plain() && !is_localhost(origin);
    if let Some(origin) = origins.iter().find(elsewhere) {
        let problem = format_args!("is for localhost only, and TICKER_ORIGIN has {origin}");
        reader.refuse(&table::PLAIN_HTTP, problem);
    }
    match exposure::public_address(listen.ip()) {
        Ok(None) => {}
        Ok(Some(public)) => reader.refuse(
            &table::PLAIN_HTTP,
            format_args!(
                "is refused on a public address: TICKER_LISTEN is {listen}, and the world can reach \
                 {public}"
            ),
        ),
        Err(error) => reader.refuse(
            &table::PLAIN_HTTP,
            format_args!("is refused: this machine does not tell its addresses: {error}"),
        ),
    }
}

/// Whether an origin is this machine's own, so that nobody on the way can listen in.
fn is_localhost(origin: &Origin) -> bool {
    let authority = origin
        .as_str()
        .split_once("://")
        .map_or("", |(_, authority)| authority);
    if let Some(v6) = authority.strip_prefix('[') {
        let address = v6.split_once(']').map_or("", |(address, _)| address);
        return address
            .parse()
            .is_ok_and(|address: Ipv6Addr| address.is_loopback());
    }
    let host = authority
        .split_once(':')
        .map_or(authority, |(host, _)| host);
    host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: Ipv4Addr| address.is_loopback())
}

fn read_app_database(reader: &mut Reader, connections_max: Option<u32>) -> Option<Database> {
    let (url, password) = (&table::DATABASE_URL, &table::DATABASE_PASSWORD);
    read_database(reader, url, password, connections_max, Database::lazy)
}

/// A database that is not connected to yet.
fn read_database<E: Display>(
    reader: &mut Reader,
    url: &Setting,
    password: &Setting,
    connections_max: Option<u32>,
    open: impl FnOnce(&DatabaseSettings) -> Result<Database, E>,
) -> Option<Database> {
    let address = reader.read(url, parse_database_url);
    let password = reader.read(password, parse_secret);
    let (url_text, password) = (address?, Some(password?));
    let settings = DatabaseSettings {
        url: url_text,
        password,
        connections_max: connections_max?,
    };
    open(&settings)
        .map_err(|error| reader.refuse(url, error))
        .ok()
}

fn read_sessions(reader: &mut Reader) -> Option<SessionLifetime> {
    let hours = |text: &str| parse_number(text, 1, SESSION_HOURS_MAX);
    let idle = reader.read(&table::SESSION_IDLE_HOURS, hours)?;
    let absolute = reader.read(&table::SESSION_ABSOLUTE_HOURS, hours)?;
    if absolute < idle {
        let problem = format_args!("must not be less than TICKER_SESSION_IDLE_HOURS, {idle}");
        reader.refuse(&table::SESSION_ABSOLUTE_HOURS, problem);
        return None;
    }
    let duration = |hours| Duration::from_secs(hours * 60 * 60);
    Some(SessionLifetime {
        idle: duration(idle),
        absolute: duration(absolute),
    })
}

fn read_app(reader: &mut Reader) -> Option<AppSettings> {
    let password_chars_min = reader.read(&table::PASSWORD_LENGTH_MIN, |text| {
        parse_number(text, PASSWORD_CHARS_MIN_LEAST, PASSWORD_CHARS_MAX)
    })?;
    Some(AppSettings { password_chars_min })
}

fn read_log(reader: &mut Reader) -> Option<LogSettings> {
    let filter = reader.read(&table::LOG, str::parse::<LogFilter>);
    let format = reader.read(&table::LOG_FORMAT, str::parse::<LogFormat>);
    Some(LogSettings {
        filter: filter?,
        format: format?,
    })
}

fn parse_address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "must be an IP address and a port, such as 127.0.0.1:5000 or [::1]:5000")
}

fn parse_bool(text: &str) -> Result<bool, &'static str> {
    text.parse().map_err(|_| "must be true or false")
}

fn parse_origins(text: &str) -> Result<Vec<Origin>, BadOrigin> {
    text.split(',')
        .map(|origin| Origin::parse(origin.trim()))
        .collect()
}

fn parse_number<T: FromStr + PartialOrd + Display + Copy>(
    text: &str,
    least: T,
    most: T,
) -> Result<T, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("must be a whole number from {least} to {most}"))
}

fn parse_secret(text: &str) -> Result<String, String> {
    if text.chars().count() < SECRET_CHARS_MIN {
        return Err(format!(
            "the secret in it must have at least {SECRET_CHARS_MIN} characters"
        ));
    }
    Ok(text.to_owned())
}

/// Checks the parts that the connection needs; the rest of the grammar is the driver's.
fn parse_database_url(text: &str) -> Result<String, &'static str> {
    const FORM: &str = "must be postgres://LOGIN@HOST:PORT/DATABASE";
    const PASSWORD: &str = "must not hold a password: that belongs into the password's own file";
    let rest = text
        .strip_prefix("postgres://")
        .or_else(|| text.strip_prefix("postgresql://"));
    let (address, query) = rest
        .map(|rest| rest.split_once('?').unwrap_or((rest, "")))
        .ok_or(FORM)?;
    let (login, place) = address.rsplit_once('@').ok_or(FORM)?;
    if login.contains(':') || query.split('&').any(|pair| pair.starts_with("password=")) {
        return Err(PASSWORD);
    }
    match place.split_once('/') {
        Some((_, database)) if !login.is_empty() && !database.is_empty() => Ok(text.to_owned()),
        _ => Err(FORM),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_url_names_login_and_database_and_no_password() {
        for good in [
            "postgres://ticker_app_1@db:5432/ticker",
            "postgresql://ticker_app_1@db/ticker?sslmode=prefer",
            "postgres://ticker_app_1@/ticker?host=/run/postgresql",
        ] {
            assert_eq!(parse_database_url(good).as_deref(), Ok(good));
        }
        for bad in [
            "mysql://a@db/ticker",
            "postgres://db/ticker",
            "postgres://@db/ticker",
            "postgres://a@db",
            "postgres://a@db/",
            "postgres://a:secret@db/ticker",
            "postgres://a@db/ticker?sslmode=prefer&password=secret",
        ] {
            assert!(parse_database_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_this_machine_is_localhost() {
        let is_local = |text: &str| Origin::parse(text).map(|origin| is_localhost(&origin));
        for local in [
            "http://localhost:5000",
            "http://127.0.0.1",
            "http://127.9.8.7:1",
            "http://[::1]:5000",
        ] {
            assert_eq!(is_local(local), Ok(true), "{local}");
        }
        for other in [
            "http://localhost.example.com",
            "http://10.0.0.1",
            "http://128.0.0.1",
            "http://[::2]",
        ] {
            assert_eq!(is_local(other), Ok(false), "{other}");
        }
    }
}
