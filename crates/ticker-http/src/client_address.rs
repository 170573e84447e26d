//! Where a request comes from, behind proxies or not.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, Request};

use crate::error::HttpError;
use crate::request::Facts;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The other end of the connection. Whoever serves connections puts it into each request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct PeerAddress(pub SocketAddr);

/// The address of whoever asks: the other end of the connection or, where that is a trusted proxy, the
/// nearest hop that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(Option<IpAddr>);

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("unknown"),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, HttpError> {
        Ok(Facts::of(&parts.extensions)?.client)
    }
}

/// The proxies whose word on a client's address is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

/// The text does not say which proxies to trust.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} {fault}")]
pub struct BadTrustedProxies {
    text: String,
    fault: NetworkFault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum NetworkFault {
    #[error("is neither an address nor a network such as 10.0.0.0/8 or fd00::/8")]
    Address,
    #[error("has a prefix that is no number of bits from 0 to {0}")]
    Prefix(u8),
    #[error("has bits set beyond its prefix: write {0}")]
    HostBits(Network),
}

impl TrustedProxies {
    /// The address of whoever sent the request.
    pub(crate) fn client_of<B>(&self, request: &Request<B>) -> ClientAddress {
        let peer = request.extensions().get::<PeerAddress>();
        ClientAddress(peer.map(|peer| self.client(peer.0.ip(), request.headers())))
    }

    /// Goes from the peer outwards through what each trusted hop says of the one before it. What a hop
    /// says that cannot be read leaves that hop as the nearest one known.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut nearest = peer.to_canonical();
        let values: Vec<&str> = headers
            .get_all(FORWARDED_FOR)
            .iter()
            .map(|value| value.to_str().unwrap_or_default())
            .collect();
        for hop in values.iter().rev().flat_map(|value| value.rsplit(',')) {
            if !self.trusts(nearest) {
                break;
            }
            match read_hop(hop.trim()) {
                Some(address) => nearest = address.to_canonical(),
                None => break,
            }
        }
        nearest
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

impl FromStr for TrustedProxies {
    type Err = BadTrustedProxies;

    /// Reads addresses and networks, separated by commas; an empty text trusts none.
    fn from_str(text: &str) -> Result<Self, BadTrustedProxies> {
        let read = |part: &str| {
            let bad = |fault| BadTrustedProxies {
                text: part.to_owned(),
                fault,
            };
            Network::parse(part).map_err(bad)
        };
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        parts.map(read).collect::<Result<_, _>>().map(Self)
    }
}

/// An address in `X-Forwarded-For`: some proxies add the port, and brackets.
fn read_hop(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(bracketed).or_else(with_port)
}

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

impl Network {
    fn parse(text: &str) -> Result<Self, NetworkFault> {
        let (address, prefix) = text
            .split_once('/')
            .map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| NetworkFault::Address)?;
        let bits_max = bits_of(address).1;
        let prefix_bits = match prefix {
            None => bits_max,
            Some(text) => text
                .parse()
                .ok()
                .filter(|bits| *bits <= bits_max)
                .ok_or(NetworkFault::Prefix(bits_max))?,
        };
        let network = Self {
            address: masked(address, prefix_bits),
            prefix_bits,
        };
        if network.address == address {
            Ok(network)
        } else {
            Err(NetworkFault::HostBits(network))
        }
    }

    fn contains(self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4()
            && masked(address, self.prefix_bits) == self.address
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_bits)
    }
}

/// An address's bits, and how many these are.
fn bits_of(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(v4) => (v4.to_bits().into(), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    }
}

/// The address with every bit beyond the prefix cleared.
fn masked(address: IpAddr, prefix_bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX
                .checked_shl(u32::from(32 - prefix_bits))
                .unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX
                .checked_shl(u32::from(128 - prefix_bits))
                .unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_what_begins_alike() {
        let proxies: TrustedProxies = "10.0.0.0/8, 192.0.2.7,fd00::/8 , ::1".parse().unwrap();
        for (address, trusted) in [
            ("10.255.0.1", true),
            ("11.0.0.1", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("fdab::1", true),
            ("fe80::1", false),
            ("::1", true),
            ("::2", false),
        ] {
            assert_eq!(
                proxies.trusts(address.parse().unwrap()),
                trusted,
                "{address}"
            );
        }
        let everyone: TrustedProxies = "0.0.0.0/0".parse().unwrap();
        assert!(everyone.trusts("203.0.113.9".parse().unwrap()));
        assert_eq!("".parse(), Ok(TrustedProxies::default()));
    }

    #[test]
    fn what_is_no_network_is_named() {
        for (text, message) in [
            (
                "10.0.0.0/8, proxy",
                "\"proxy\" is neither an address nor a network such as 10.0.0.0/8 or fd00::/8",
            ),
            (
                "10.0.0.0/33",
                "\"10.0.0.0/33\" has a prefix that is no number of bits from 0 to 32",
            ),
            (
                "::/x",
                "\"::/x\" has a prefix that is no number of bits from 0 to 128",
            ),
            (
                "10.1.2.3/8",
                "\"10.1.2.3/8\" has bits set beyond its prefix: write 10.0.0.0/8",
            ),
        ] {
            let error = text.parse::<TrustedProxies>().unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
