//! Where to go on to: paths of this very server and nothing else.

use std::fmt::Write as _;

/// A path of this server, with its query, as it can stand in a `Location` header. Whatever else is
/// given becomes `/`, so that no link to the sign-in page can send people to a foreign one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LocalPath(String);

/// Longer ones are not followed: the address of every page is shorter.
const LENGTH_MAX: usize = 2_048;

impl LocalPath {
    /// Reads a path as it was given.
    pub(crate) fn parse(text: &str) -> Self {
        if is_local(text) {
            Self(encode(text, is_plain))
        } else {
            Self::default()
        }
    }

    /// The path, in printable ASCII.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Where to sign in and come back here.
    pub(crate) fn sign_in_first(&self) -> String {
        let is_unreserved = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/')
        };
        format!("/login?next={}", encode(&self.0, is_unreserved))
    }
}

impl Default for LocalPath {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

/// Browsers read `\` as `/`, drop tabs and line breaks, and take what follows `//` for a host.
fn is_local(text: &str) -> bool {
    text.len() <= LENGTH_MAX
        && text.starts_with('/')
        && !text.starts_with("//")
        && !text.contains(|c: char| c == '\\' || c.is_control())
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'`')
}

/// Percent-encodes every byte that is not `allowed`.
fn encode(text: &str, allowed: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if allowed(byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_comes_back_as_it_can_stand_in_a_header() {
        for (given, kept) in [
            ("/", "/"),
            ("/items/3?tab=details#x", "/items/3?tab=details#x"),
            ("/?q=schräg auf", "/?q=schr%C3%A4g%20auf"),
            ("/?q=100%25", "/?q=100%25"),
        ] {
            assert_eq!(LocalPath::parse(given).as_str(), kept);
        }
        let path = LocalPath::parse("/?q=a&status=low");
        assert_eq!(path.sign_in_first(), "/login?next=/%3Fq%3Da%26status%3Dlow");
    }
}
