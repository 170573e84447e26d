//! Texts in addresses.

use std::fmt::Write as _;

/// A text as a value in an address's query: letters, digits and `-._~` as they are, the rest percent-encoded.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_value_is_encoded() {
        assert_eq!(encoded("7.M4 & nuts, ä"), "7.M4%20%26%20nuts%2C%20%C3%A4");
        assert_eq!(
            encoded("sum(up{a=~\"b|c\"})"),
            "sum%28up%7Ba%3D~%22b%7Cc%22%7D%29"
        );
    }
}
