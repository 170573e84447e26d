//! What an installation decides: read once at the start, from variables.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::{Display, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use crate::duration;
use crate::exchange::Peer;

const PREFIX: &str = "TICKER_AUTOSCALER_";
/// How often it may look: what Prometheus knows changes every few seconds.
const INTERVAL_MIN: Duration = Duration::from_millis(100);
const INTERVAL_MAX: Duration = Duration::from_mins(5);

/// Name behind the prefix, default, meaning.
type Setting = (&'static str, &'static str, &'static str);

const DOCKER: Setting = (
    "DOCKER",
    "tcp://docker-api:2375",
    "Docker API of a manager: tcp://HOST:PORT or unix:///PATH",
);
const PROMETHEUS: Setting = (
    "PROMETHEUS",
    "http://prometheus:9090",
    "Prometheus: http://HOST:PORT",
);
const STACK: Setting = (
    "STACK",
    "ticker",
    "Name of the stack whose services are watched",
);
const LISTEN: Setting = (
    "LISTEN",
    "127.0.0.1:9092",
    "IP address and port for /metrics and /healthz",
);
const INTERVAL: Setting = (
    "INTERVAL",
    "10s",
    "Time from one look to the next, 100ms to 5m",
);
const DRY_RUN: Setting = (
    "DRY_RUN",
    "false",
    "true: say and count what would be done, and do nothing",
);
const LOG: Setting = (
    "LOG",
    "info",
    "What is logged: off, error, warn, info, debug or trace",
);

const SETTINGS: [Setting; 7] = [DOCKER, PROMETHEUS, STACK, LISTEN, INTERVAL, DRY_RUN, LOG];

/// What the program reads.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) docker: Peer,
    pub(crate) prometheus: Peer,
    pub(crate) stack: String,
    pub(crate) listen: SocketAddr,
    pub(crate) interval: Duration,
    pub(crate) is_dry_run: bool,
    pub(crate) log: LevelFilter,
}

/// Settings that cannot be used: a line each, at least one.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub(crate) struct Problems(Vec<String>);

/// The variables that are meant for this program, by what stands behind the prefix.
pub(crate) struct Environment(BTreeMap<String, OsString>);

impl FromIterator<(OsString, OsString)> for Environment {
    fn from_iter<I: IntoIterator<Item = (OsString, OsString)>>(variables: I) -> Self {
        let ours = |(name, value): (OsString, OsString)| {
            Some((name.to_str()?.strip_prefix(PREFIX)?.to_owned(), value))
        };
        Self(variables.into_iter().filter_map(ours).collect())
    }
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// [`Problems`] with everything that is wrong.
    pub(crate) fn read(environment: &Environment) -> Result<Self, Problems> {
        let mut reader = Reader::new(environment);
        let docker = reader.read(DOCKER, Peer::docker);
        let prometheus = reader.read(PROMETHEUS, Peer::http);
        let stack = reader.read(STACK, parse_stack);
        let listen = reader.read(LISTEN, parse_listen);
        let interval = reader.read(INTERVAL, parse_interval);
        let is_dry_run = reader.read(DRY_RUN, parse_bool);
        let log = reader.read(LOG, parse_level);
        let settings = (|| {
            Some(Self {
                docker: docker?,
                prometheus: prometheus?,
                stack: stack?,
                listen: listen?,
                interval: interval?,
                is_dry_run: is_dry_run?,
                log: log?,
            })
        })();
        reader.finish(settings)
    }

    /// The address that the health check asks: nothing else has to be right for that.
    ///
    /// # Errors
    /// [`Problems`] if it is wrong.
    pub(crate) fn read_listen(environment: &Environment) -> Result<SocketAddr, Problems> {
        let mut reader = Reader::new(environment);
        let listen = reader.read(LISTEN, parse_listen);
        reader.finish(listen)
    }
}

/// The settings as the end of `--help`.
pub(crate) fn help() -> String {
    let mut help = String::from("Settings come from the environment:\n");
    for (name, default, meaning) in SETTINGS {
        // Writing to a String cannot fail.
        let _ = write!(help, "\n  {PREFIX}{name} [{default}]\n      {meaning}");
    }
    help
}

/// Reads one setting after the other and remembers what is wrong with each.
struct Reader<'e> {
    environment: &'e Environment,
    problems: Vec<String>,
}

impl<'e> Reader<'e> {
    /// Begins with the variables that nothing reads: typing mistakes.
    fn new(environment: &'e Environment) -> Self {
        let known = |name: &&String| SETTINGS.iter().any(|setting| setting.0 == *name);
        let unknown = environment.0.keys().filter(|name| !known(name));
        let problems = unknown
            .map(|name| {
                format!("{PREFIX}{name}: is no setting: `ticker-autoscaler --help` lists all")
            })
            .collect();
        Self {
            environment,
            problems,
        }
    }

    fn read<T, E: Display>(
        &mut self,
        (name, default, _): Setting,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.environment.0.get(name);
        let value = value.map(|value| value.to_string_lossy());
        let text = value.as_deref().unwrap_or(default).trim();
        let parsed = if text.is_empty() {
            Err("is empty: give it a value or do not set it".to_owned())
        } else {
            parse(text).map_err(|error| format!("{error}, not {text:?}"))
        };
        parsed
            .map_err(|problem| self.problems.push(format!("{PREFIX}{name}: {problem}")))
            .ok()
    }

    fn finish<T>(self, settings: Option<T>) -> Result<T, Problems> {
        match settings {
            Some(settings) if self.problems.is_empty() => Ok(settings),
            _ => Err(Problems(self.problems)),
        }
    }
}

fn parse_stack(text: &str) -> Result<String, &'static str> {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if text.bytes().all(is_fine) {
        Ok(text.to_owned())
    } else {
        Err("must be the name of a stack: letters, digits, - and _")
    }
}

fn parse_listen(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "must be an IP address and a port, such as 0.0.0.0:9092")
}

fn parse_interval(text: &str) -> Result<Duration, String> {
    let interval = duration::parse(text).map_err(|error| error.to_string())?;
    if (INTERVAL_MIN..=INTERVAL_MAX).contains(&interval) {
        Ok(interval)
    } else {
        Err("must be from 100ms to 5m".to_owned())
    }
}

fn parse_bool(text: &str) -> Result<bool, &'static str> {
    text.parse().map_err(|_| "must be true or false")
}

fn parse_level(text: &str) -> Result<LevelFilter, &'static str> {
    let is_word = text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let level = text.parse().ok().filter(|_| is_word);
    level.ok_or("must be off, error, warn, info, debug or trace")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }

    #[test]
    fn the_stacks_variables_are_understood() {
        let read = Settings::read(&environment(&[
            ("TICKER_AUTOSCALER_DOCKER", "tcp://docker-api:2375"),
            ("TICKER_AUTOSCALER_PROMETHEUS", "http://prometheus:9090"),
            ("TICKER_AUTOSCALER_STACK", "ticker"),
            ("TICKER_AUTOSCALER_LISTEN", "0.0.0.0:9092"),
            ("TICKER_AUTOSCALER_DRY_RUN", "false"),
            ("TICKER_AUTOSCALER_INTERVAL", "10s"),
            ("TICKER_LISTEN", "nobody's business here"),
        ]));
        let settings = read.expect("settings");
        assert_eq!(settings.docker, Peer::Tcp("docker-api".to_owned(), 2375));
        assert_eq!(settings.interval, Duration::from_secs(10));
        assert!(!settings.is_dry_run);
        assert_eq!(settings.log, LevelFilter::INFO);
    }

    #[test]
    fn defaults_can_be_read() {
        let settings = Settings::read(&environment(&[])).expect("settings");
        assert!(settings.listen.ip().is_loopback());
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let said = Settings::read(&environment(&[
            ("TICKER_AUTOSCALER_DOCKER", "docker-api"),
            ("TICKER_AUTOSCALER_PROMETHEUS", ""),
            ("TICKER_AUTOSCALER_STACK", "a/b"),
            ("TICKER_AUTOSCALER_LISTEN", "9092"),
            ("TICKER_AUTOSCALER_DRY_RUN", "yes"),
            ("TICKER_AUTOSCALER_INTERVAL", "10"),
            ("TICKER_AUTOSCALER_LOG", "3"),
            ("TICKER_AUTOSCALER_INTERVALL", "10s"),
        ]));
        let said = said.expect_err("problems").to_string();
        assert_eq!(
            said,
            "TICKER_AUTOSCALER_INTERVALL: is no setting: `ticker-autoscaler --help` lists all\n\
             TICKER_AUTOSCALER_DOCKER: must be tcp://HOST:PORT or unix:///PATH, not \"docker-api\"\n\
             TICKER_AUTOSCALER_PROMETHEUS: is empty: give it a value or do not set it\n\
             TICKER_AUTOSCALER_STACK: must be the name of a stack: letters, digits, - and _, not \"a/b\"\n\
             TICKER_AUTOSCALER_LISTEN: must be an IP address and a port, such as 0.0.0.0:9092, not \"9092\"\n\
             TICKER_AUTOSCALER_INTERVAL: must be a whole number with ms, s, m or h, such as 15s or 5m, not \"10\"\n\
             TICKER_AUTOSCALER_DRY_RUN: must be true or false, not \"yes\"\n\
             TICKER_AUTOSCALER_LOG: must be off, error, warn, info, debug or trace, not \"3\""
        );
        let said = Settings::read(&environment(&[("TICKER_AUTOSCALER_INTERVAL", "6m")]));
        assert!(said.is_err());
    }

    #[test]
    fn the_help_names_every_setting() {
        assert_eq!(help().matches(PREFIX).count(), SETTINGS.len());
    }
}
