//! The table of settings: what `ticker --help` and docs/operating.md list, and what is read.

/// One setting. It comes from the variable of its name, or from the file that the variable `…_FILE`
/// names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// The variable.
    pub(crate) name: &'static str,
    /// What holds when it is not set.
    pub(crate) fallback: Fallback,
    /// Which commands read it.
    pub(crate) commands: &'static str,
    /// What it says, and in which form.
    pub(crate) meaning: &'static str,
}

/// What holds when a setting is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fallback {
    /// Nothing does: the command refuses to start.
    Required,
    /// As `Required`, and only a file can set it.
    RequiredFile,
    /// This value, in the same form.
    Default(&'static str),
    /// There is none, and that is fine.
    Nothing,
}

impl Setting {
    /// The variable that names a file with the value.
    pub(crate) fn file_name(&self) -> String {
        format!("{}_FILE", self.name)
    }

    /// Whether the value must not stand in the environment.
    pub(crate) fn is_secret(&self) -> bool {
        self.fallback == Fallback::RequiredFile
    }

    /// The variable that people set: of a secret, the one that names its file.
    pub(crate) fn shown_name(&self) -> String {
        if self.is_secret() {
            self.file_name()
        } else {
            self.name.to_owned()
        }
    }

    /// The default as people read it.
    pub(crate) fn shown_fallback(&self) -> &'static str {
        match self.fallback {
            Fallback::Required | Fallback::RequiredFile => "required",
            Fallback::Default(value) => value,
            Fallback::Nothing => "none",
        }
    }
}

macro_rules! settings {
    ($($id:ident: $name:literal, $fallback:expr, $commands:literal, $meaning:literal;)+) => {
        $(pub(crate) const $id: Setting =
            Setting { name: $name, fallback: $fallback, commands: $commands, meaning: $meaning };)+

        /// Every setting, in the order in which they are listed.
        pub(crate) const SETTINGS: &[Setting] = &[$($id),+];
    };
}

settings! {
    ORIGIN: "TICKER_ORIGIN", Fallback::Required, "serve",
        "Where people reach Ticker, as scheme://host[:port]; several are separated by commas. Requests \
         that change something are accepted from pages of these origins only";
    LISTEN: "TICKER_LISTEN", Fallback::Default("127.0.0.1:5000"), "serve, healthcheck",
        "IP address and port for pages and the API";
    METRICS_LISTEN: "TICKER_METRICS_LISTEN", Fallback::Default("127.0.0.1:9091"), "serve",
        "IP address and port for /metrics, which is never on the other one";
    PLAIN_HTTP: "TICKER_PLAIN_HTTP", Fallback::Default("false"), "serve",
        "true: no TLS in front, for localhost only. Every origin is then http://localhost, \
         http://127.x.x.x or http://[::1], and listening on a public address is refused";
    TRUSTED_PROXIES: "TICKER_TRUSTED_PROXIES", Fallback::Nothing, "serve",
        "Networks in CIDR form, separated by commas, whose X-Forwarded-For is believed";
    DATABASE_URL: "TICKER_DATABASE_URL", Fallback::Required, "serve, verify, demo, user",
        "The application's login and database: postgres://LOGIN@HOST:PORT/DATABASE, without a password";
    DATABASE_PASSWORD: "TICKER_DATABASE_PASSWORD", Fallback::RequiredFile, "serve, verify, demo, user",
        "File with that login's password, at least 12 characters";
    DATABASE_CONNECTIONS_MAX: "TICKER_DATABASE_CONNECTIONS_MAX", Fallback::Default("10"), "serve",
        "The most connections to the database that the process holds, 3 to 100, beside one that batches of \
         postings go through (three when it hangs); one of them listens";
    OWNER_DATABASE_URL: "TICKER_OWNER_DATABASE_URL", Fallback::Required, "migrate",
        "The schema owner's login and database, in the form of TICKER_DATABASE_URL";
    OWNER_DATABASE_PASSWORD: "TICKER_OWNER_DATABASE_PASSWORD", Fallback::RequiredFile, "migrate",
        "File with that login's password, at least 12 characters";
    SESSION_IDLE_HOURS: "TICKER_SESSION_IDLE_HOURS", Fallback::Default("12"), "serve",
        "Hours without a request after which a session ends, 1 to 720";
    SESSION_ABSOLUTE_HOURS: "TICKER_SESSION_ABSOLUTE_HOURS", Fallback::Default("168"), "serve",
        "Hours after sign-in after which a session ends in any case, 1 to 720, not less than the idle ones";
    POSTING_KEY_DAYS: "TICKER_POSTING_KEY_DAYS", Fallback::Default("7"), "serve",
        "Days for which an idempotency key is kept, 7 to 365: a change that is sent again within them \
         gets its first answer";
    STREAMS_MAX: "TICKER_STREAMS_MAX", Fallback::Default("2000"), "serve",
        "The most screens that follow live at once, 1 to 8000; further ones are told to come back";
    PASSWORD_LENGTH_MIN: "TICKER_PASSWORD_LENGTH_MIN", Fallback::Default("12"), "serve, verify, demo, user",
        "The least number of characters of a new password, 8 to 128";
    LOG: "TICKER_LOG", Fallback::Default("info"), "all but healthcheck",
        "What is logged: off, error, warn, info, debug or trace, and by part, such as \
         info,ticker_app=debug";
    LOG_FORMAT: "TICKER_LOG_FORMAT", Fallback::Default("json"), "all but healthcheck",
        "json: an object a line; text: for reading";
}

/// The settings as the end of `ticker --help`.
pub(crate) fn help() -> String {
    use std::fmt::Write as _;

    let mut help = String::from(
        "Settings come from the environment. Each VAR can also be given as VAR_FILE, the path of a \
         file\nthat holds the value; secrets in this way only.\n",
    );
    for setting in SETTINGS {
        let (name, fallback) = (setting.shown_name(), setting.shown_fallback());
        // Writing to a String cannot fail.
        let _ = write!(
            help,
            "\n  {name} [{fallback}]\n      {}. Read by: {}.\n",
            setting.meaning, setting.commands
        );
    }
    help
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table between the two marks of docs/operating.md is this one.
    #[test]
    fn the_manual_lists_every_setting() {
        let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operating.md");
        let manual = std::fs::read_to_string(manual).expect("the manual is there");
        let (_, rest) = manual
            .split_once("<!-- settings: begin -->\n")
            .expect("the first mark");
        let (listed, _) = rest
            .split_once("<!-- settings: end -->")
            .expect("the second mark");
        let row = |setting: &Setting| {
            let (name, fallback) = (setting.shown_name(), setting.shown_fallback());
            let fallback = match setting.fallback {
                Fallback::Default(_) => format!("`{fallback}`"),
                _ => fallback.to_owned(),
            };
            format!(
                "| `{name}` | {fallback} | {} | {} |\n",
                setting.commands, setting.meaning
            )
        };
        let mut expected =
            String::from("| Variable | Default | Read by | Meaning |\n|---|---|---|---|\n");
        expected.extend(SETTINGS.iter().map(row));
        assert_eq!(
            listed, expected,
            "copy the right side into docs/operating.md:\n{expected}"
        );
    }

    #[test]
    fn help_lists_every_setting() {
        let help = help();
        for setting in SETTINGS {
            assert!(help.contains(&setting.shown_name()), "{}", setting.name);
        }
    }
}
