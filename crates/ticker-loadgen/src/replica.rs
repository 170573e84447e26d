//! Where a Ticker listens.

use std::fmt;
use std::str::FromStr;

use http::uri::Scheme;
use http::{HeaderValue, Uri};
use serde::Serialize;
use tokio_rustls::rustls::pki_types::ServerName;

/// One listener, given as an `http` or `https` address without a path.
#[derive(Clone, Debug)]
pub(crate) struct Replica {
    /// Host and port, to connect to.
    pub(crate) address: String,
    /// What `Host` says.
    pub(crate) host: HeaderValue,
    /// Its address as an origin: `http://127.0.0.1:5000`.
    pub(crate) origin: HeaderValue,
    /// Whose certificate it must have, with `https`.
    pub(crate) server_name: Option<ServerName<'static>>,
}

/// The text is no such address.
#[derive(Debug)]
pub(crate) struct NotAReplica;

impl fmt::Display for NotAReplica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a replica is given as http://HOST:PORT or https://HOST:PORT, without a path")
    }
}

impl std::error::Error for NotAReplica {}

impl FromStr for Replica {
    type Err = NotAReplica;

    fn from_str(text: &str) -> Result<Self, NotAReplica> {
        let uri: Uri = text.parse().map_err(|_| NotAReplica)?;
        let authority = uri.authority().ok_or(NotAReplica)?;
        let bare = uri.path() == "/" && uri.query().is_none() && !authority.as_str().contains('@');
        let is_encrypted = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(NotAReplica),
        };
        if !bare {
            return Err(NotAReplica);
        }
        let (scheme, port) = if is_encrypted {
            ("https", 443)
        } else {
            ("http", 80)
        };
        let host = authority.host();
        let server_name = is_encrypted.then(|| {
            // A certificate names an IPv6 address without its brackets.
            let name = host.trim_matches(['[', ']']).to_owned();
            ServerName::try_from(name).map_err(|_| NotAReplica)
        });
        let server_name = server_name.transpose()?;
        let address = format!("{host}:{}", authority.port_u16().unwrap_or(port));
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| NotAReplica)?;
        let origin =
            HeaderValue::from_str(&format!("{scheme}://{authority}")).map_err(|_| NotAReplica)?;
        Ok(Self {
            address,
            host,
            origin,
            server_name,
        })
    }
}

impl Replica {
    /// Whether it speaks TLS.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.server_name.is_some()
    }
}

impl Serialize for Replica {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let scheme = if self.is_encrypted() { "https" } else { "http" };
        serializer.collect_str(&format_args!("{scheme}://{}", self.address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_what_headers_say() {
        let replica: Replica = "http://localhost:5001/".parse().unwrap();
        assert_eq!(replica.address, "localhost:5001");
        assert_eq!(replica.host, "localhost:5001");
        assert_eq!(replica.origin, "http://localhost:5001");
        assert_eq!(
            "http://ticker".parse::<Replica>().unwrap().address,
            "ticker:80"
        );
        assert!(!replica.is_encrypted());
    }

    #[test]
    fn an_encrypted_one_says_whose_certificate_it_needs() {
        let replica: Replica = "https://ticker.lab".parse().unwrap();
        assert_eq!(replica.address, "ticker.lab:443");
        assert_eq!(replica.host, "ticker.lab");
        assert_eq!(replica.origin, "https://ticker.lab");
        assert_eq!(replica.server_name.unwrap().to_str(), "ticker.lab");
        let by_number: Replica = "https://[::1]:10443".parse().unwrap();
        assert_eq!(by_number.address, "[::1]:10443");
        assert_eq!(by_number.server_name.unwrap().to_str(), "::1");
    }

    #[test]
    fn anything_else_is_refused() {
        for wrong in [
            "",
            "localhost:5000",
            "ftp://x",
            "http://x/y",
            "http://a@x",
            "http://x/?q",
        ] {
            assert!(wrong.parse::<Replica>().is_err(), "{wrong}");
        }
    }
}
