//! Whether the world could reach an address: plain HTTP is refused there.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address by which the world could reach this process if it listens on `listen`. With the
/// unspecified address that is any of this machine's own.
///
/// # Errors
/// [`io::Error`] if the machine does not tell its addresses.
pub(crate) fn public_address(listen: IpAddr) -> io::Result<Option<IpAddr>> {
    if !listen.is_unspecified() {
        return Ok(first_public([listen]));
    }
    let interfaces = if_addrs::get_if_addrs()?;
    Ok(first_public(interfaces.iter().map(if_addrs::Interface::ip)))
}

fn first_public(addresses: impl IntoIterator<Item = IpAddr>) -> Option<IpAddr> {
    addresses.into_iter().find(|address| is_public(*address))
}

/// Everything but loopback and what is set aside for private networks (RFC 1918, 4193, 6598) and for
/// single links (RFC 3927, 4291).
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let is_shared = a == 100 && (64..128).contains(&b);
            !(v4.is_loopback() || v4.is_private() || v4.is_link_local() || is_shared)
        }
        IpAddr::V6(v6) => !(v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()),
    }
}

/// An address under which this process itself reaches `listen`.
pub(crate) fn own_address(listen: IpAddr) -> IpAddr {
    match listen {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        specific => specific,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_and_public_addresses_are_told_apart() {
        let is_public = |text: &str| text.parse().map(is_public);
        for private in [
            "127.0.0.1",
            "127.1.2.3",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.7.7",
            "169.254.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "::1",
            "fe80::1",
            "fd12::1",
            "::ffff:10.0.0.1",
        ] {
            assert_eq!(is_public(private), Ok(false), "{private}");
        }
        for public in [
            "8.8.8.8",
            "172.32.0.1",
            "192.169.0.1",
            "100.128.0.1",
            "2001:db8::1",
            "2a00::1",
            "::ffff:8.8.8.8",
        ] {
            assert_eq!(is_public(public), Ok(true), "{public}");
        }
    }

    #[test]
    fn one_public_address_among_several_is_found() {
        let first =
            |texts: &[&str]| first_public(texts.iter().filter_map(|text| text.parse().ok()));
        assert_eq!(first(&["127.0.0.1", "172.18.0.3", "fe80::1"]), None);
        assert_eq!(
            first(&["127.0.0.1", "203.0.113.7"]),
            "203.0.113.7".parse().ok()
        );
    }

    #[test]
    fn the_unspecified_address_stands_for_those_of_the_machine() {
        let own = if_addrs::get_if_addrs().expect("this machine tells its addresses");
        assert!(
            own.iter().any(|interface| interface.ip().is_loopback()),
            "{own:?}"
        );
        let expected = first_public(own.iter().map(if_addrs::Interface::ip));
        for unspecified in ["0.0.0.0", "::"] {
            let listen = unspecified.parse().expect("an address");
            assert_eq!(public_address(listen).ok(), Some(expected), "{unspecified}");
        }
    }
}
