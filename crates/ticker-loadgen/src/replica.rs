//! Where a Ticker listens.

use std::fmt;
use std::str::FromStr;

use http::uri::Scheme;
use http::{HeaderValue, Uri};
use serde::Serialize;

/// One listener, given as an `http` address without a path.
#[derive(Clone, Debug)]
pub(crate) struct Replica {
    /// Host and port, to connect to.
    pub(crate) address: String,
    /// What `Host` says.
    pub(crate) host: HeaderValue,
    /// Its address as an origin: `http://127.0.0.1:5000`.
    pub(crate) origin: HeaderValue,
}

/// The text is no such address.
#[derive(Debug)]
pub(crate) struct NotAReplica;

impl fmt::Display for NotAReplica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a replica is given as http://HOST:PORT, without a path")
    }
}

impl std::error::Error for NotAReplica {}

impl FromStr for Replica {
    type Err = NotAReplica;

    fn from_str(text: &str) -> Result<Self, NotAReplica> {
        let uri: Uri = text.parse().map_err(|_| NotAReplica)?;
        let authority = uri.authority().ok_or(NotAReplica)?;
        let bare = uri.path() == "/" && uri.query().is_none() && !authority.as_str().contains('@');
        if uri.scheme() != Some(&Scheme::HTTP) || !bare {
            return Err(NotAReplica);
        }
        let address = format!(
            "{}:{}",
            authority.host(),
            authority.port_u16().unwrap_or(80)
        );
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| NotAReplica)?;
        let origin =
            HeaderValue::from_str(&format!("http://{authority}")).map_err(|_| NotAReplica)?;
        Ok(Self {
            address,
            host,
            origin,
        })
    }
}

impl Serialize for Replica {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("http://{}", self.address))
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
    }

    #[test]
    fn anything_else_is_refused() {
        for wrong in [
            "",
            "localhost:5000",
            "https://x",
            "http://x/y",
            "http://a@x",
            "http://x/?q",
        ] {
            assert!(wrong.parse::<Replica>().is_err(), "{wrong}");
        }
    }
}
