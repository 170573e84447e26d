//! What an installation decides about HTTP.

use tower_http::csrf::{ConfigError, CsrfLayer};

use crate::client_address::TrustedProxies;

/// What an installation decides about HTTP.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    pub(crate) origins: Vec<Origin>,
    pub(crate) csrf: CsrfLayer,
    pub(crate) plain_http: bool,
    pub(crate) trusted_proxies: TrustedProxies,
}

/// Why the settings contradict one another.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HttpSettingsError {
    /// There is no origin.
    #[error("at least one origin is needed")]
    NoOrigin,
    /// Plain HTTP was asked for beside an `https` origin.
    #[error("plain HTTP goes with http origins only, and {0} is none")]
    NotPlain(Origin),
    /// An `http` origin without asking for plain HTTP.
    #[error(
        "{0} is plain HTTP: without encryption nobody's password is safe outside of one's own machine"
    )]
    Plain(Origin),
    /// An origin that protection against forged requests does not take.
    #[error(transparent)]
    Csrf(#[from] ConfigError),
}

impl HttpSettings {
    /// Puts settings together. `origins` are those under which browsers see this service. `plain_http`
    /// serves them without encryption, for development on one's own machine: the session cookie then
    /// goes without `Secure` and without the `__Host-` prefix, as browsers would not keep it otherwise.
    ///
    /// # Errors
    /// [`HttpSettingsError`] if they contradict one another.
    pub fn new(
        origins: Vec<Origin>,
        plain_http: bool,
        trusted_proxies: TrustedProxies,
    ) -> Result<Self, HttpSettingsError> {
        if origins.is_empty() {
            return Err(HttpSettingsError::NoOrigin);
        }
        match origins
            .iter()
            .find(|origin| origin.is_plain() != plain_http)
        {
            Some(origin) if plain_http => Err(HttpSettingsError::NotPlain(origin.clone())),
            Some(origin) => Err(HttpSettingsError::Plain(origin.clone())),
            None => {
                let csrf = origins.iter().try_fold(CsrfLayer::new(), |layer, origin| {
                    layer.add_trusted_origin(origin.as_str())
                })?;
                Ok(Self {
                    origins,
                    csrf,
                    plain_http,
                    trusted_proxies,
                })
            }
        }
    }
}

/// An origin as browsers send it: `https://stock.example.com`, with the port only where it is not the
/// scheme's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

/// The text is not an origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} {fault}")]
pub struct BadOrigin {
    text: String,
    fault: OriginFault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum OriginFault {
    #[error("is not an origin such as https://stock.example.com")]
    Unreadable,
    #[error("must end after the host and the port, without a slash")]
    Path,
    #[error("must have its host in lower-case ASCII, as browsers send it (other letters as xn--…)")]
    Host,
    #[error("must not name a user")]
    User,
    #[error("must leave out port {0}, as browsers do")]
    DefaultPort(u16),
}

impl Origin {
    /// Reads an origin. What browsers would write otherwise is refused, as it would never match.
    ///
    /// # Errors
    /// [`BadOrigin`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BadOrigin> {
        match fault_of(text) {
            None => Ok(Self(text.to_owned())),
            Some(fault) => Err(BadOrigin {
                text: text.to_owned(),
                fault,
            }),
        }
    }

    /// The origin.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is reached without encryption.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.0.starts_with("http://")
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn fault_of(text: &str) -> Option<OriginFault> {
    // What the layer would not take is not an origin.
    if let Err(error) = CsrfLayer::new().add_trusted_origin(text) {
        return Some(match error {
            ConfigError::InvalidOriginUrlComponents { .. } => OriginFault::Path,
            ConfigError::NonAsciiHostname { .. } => OriginFault::Host,
            _ => OriginFault::Unreadable,
        });
    }
    let (scheme, authority) = text.split_once("://").unwrap_or_default();
    let default_port = if scheme == "https" { 443 } else { 80 };
    let port = authority
        .rsplit_once(':')
        .map(|(_, port)| port.parse::<u16>());
    match port {
        _ if text.bytes().any(|byte| byte.is_ascii_uppercase()) => Some(OriginFault::Host),
        _ if authority.contains('@') => Some(OriginFault::User),
        Some(Ok(port)) if port == default_port => Some(OriginFault::DefaultPort(port)),
        // An IPv6 address ends with its bracket, not with a port.
        Some(Err(_)) if !authority.ends_with(']') => Some(OriginFault::Unreadable),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_what_browsers_send() {
        for good in [
            "https://stock.example.com",
            "https://stock.example.com:8443",
            "http://127.0.0.1:5000",
            "http://[::1]:5000",
            "https://[2001:db8::1]",
            "https://xn--lger-0ra.example",
        ] {
            assert_eq!(
                Origin::parse(good).map(|origin| origin.0),
                Ok(good.to_owned())
            );
        }
        for (bad, fault) in [
            ("", OriginFault::Unreadable),
            ("stock.example.com", OriginFault::Unreadable),
            ("ftp://stock.example.com", OriginFault::Unreadable),
            ("https://", OriginFault::Unreadable),
            ("https://a b", OriginFault::Unreadable),
            ("https://a:b", OriginFault::Unreadable),
            ("https://a:", OriginFault::Unreadable),
            ("https://a:99999", OriginFault::Unreadable),
            ("https://a/", OriginFault::Path),
            ("https://a/path", OriginFault::Path),
            ("https://a?q", OriginFault::Path),
            ("https://a#f", OriginFault::Path),
            ("https://läger.example", OriginFault::Host),
            ("https://Stock.example", OriginFault::Host),
            ("HTTPS://stock.example", OriginFault::Host),
            ("https://ana@stock.example", OriginFault::User),
            ("https://stock.example:443", OriginFault::DefaultPort(443)),
            ("http://127.0.0.1:80", OriginFault::DefaultPort(80)),
        ] {
            assert_eq!(
                Origin::parse(bad).map_err(|error| error.fault),
                Err(fault),
                "{bad:?}"
            );
        }
        let error = Origin::parse("https://a/").unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"https://a/\" must end after the host and the port, without a slash"
        );
    }

    #[test]
    fn plain_http_is_asked_for_and_goes_with_nothing_else() {
        let origins = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| Origin::parse(text).unwrap())
                .collect()
        };
        let settings = |texts: &[&str], plain| {
            HttpSettings::new(origins(texts), plain, TrustedProxies::default()).map(drop)
        };
        let (tls, plain) = ("https://a.example", "http://127.0.0.1:5000");
        assert_eq!(settings(&[tls], false), Ok(()));
        assert_eq!(settings(&[plain], true), Ok(()));
        assert_eq!(settings(&[], false), Err(HttpSettingsError::NoOrigin));
        let (tls_origin, plain_origin) = (Origin(tls.into()), Origin(plain.into()));
        assert_eq!(
            settings(&[plain, tls], true),
            Err(HttpSettingsError::NotPlain(tls_origin))
        );
        assert_eq!(
            settings(&[tls, plain], false),
            Err(HttpSettingsError::Plain(plain_origin))
        );
    }
}
