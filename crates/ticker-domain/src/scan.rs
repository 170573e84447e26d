//! Scanning: the code that stands on something, and the ways in which it may be stored.

use crate::item::BARCODE_CHARS_MAX;
use crate::text::{self, TextError};

/// What a scanner read or a person typed in its place: a barcode, or a SKU where no code is printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code(String);

impl Code {
    /// Accepts a code as it came: 1 to [`BARCODE_CHARS_MAX`] printable characters without spaces.
    ///
    /// # Errors
    /// [`TextError`] says which rule was broken.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        text::parse_word(text, BARCODE_CHARS_MAX).map(Self)
    }

    /// The code as shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The code as compared with barcodes and SKUs.
    #[must_use]
    pub fn key(&self) -> String {
        text::fold(&self.0)
    }

    /// The key of the same number as other scanners report it: a UPC-A code of 12 digits is the EAN-13
    /// that has a 0 before it (GS1 General Specifications, section 1.3.1).
    #[must_use]
    pub fn twin_key(&self) -> Option<String> {
        let key = self.key();
        if !key.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        match key.len() {
            12 => Some(format!("0{key}")),
            13 => key.strip_prefix('0').map(str::to_owned),
            _ => None,
        }
    }
}

/// What carries a code. An item may have as its SKU what another has as its barcode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carrier<T> {
    /// Nothing.
    Nobody,
    /// One item.
    One(T),
    /// Several items, of which a person has to choose.
    Several(Vec<T>),
}

impl<T> Carrier<T> {
    /// Who is meant among all that carry a code: what is archived only when nothing else does.
    #[must_use]
    pub fn among(found: Vec<T>, is_archived: impl Fn(&T) -> bool) -> Self {
        let (archived, mut in_use): (Vec<T>, Vec<T>) = found.into_iter().partition(is_archived);
        if in_use.is_empty() {
            in_use = archived;
        }
        match in_use.len() {
            0 | 1 => in_use.pop().map_or(Self::Nobody, Self::One),
            _ => Self::Several(in_use),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twin(code: &str) -> Option<String> {
        Code::parse(code).unwrap().twin_key()
    }

    #[test]
    fn a_number_of_goods_is_the_same_with_twelve_digits_and_thirteen() {
        assert_eq!(twin("012345678905").as_deref(), Some("0012345678905"));
        assert_eq!(twin("0012345678905").as_deref(), Some("012345678905"));
        // Full-width digits are the same digits.
        assert_eq!(twin("０12345678905").as_deref(), Some("0012345678905"));
        for other in ["4006381333931", "12345678", "BAT-AA-00001", "01234567890X"] {
            assert_eq!(twin(other), None, "{other}");
        }
    }

    #[test]
    fn a_code_is_one_printable_word() {
        assert_eq!(Code::parse(" Bat-AA\r\n").unwrap().as_str(), "Bat-AA");
        assert_eq!(Code::parse("BAT-aa").unwrap().key(), "bat-aa");
        assert_eq!(Code::parse("AA batteries"), Err(TextError::Space));
        assert_eq!(Code::parse(""), Err(TextError::Empty));
        assert!(Code::parse(&"1".repeat(65)).is_err());
    }

    #[test]
    fn archived_items_stand_back() {
        let among = |found: &[(i32, bool)]| Carrier::among(found.to_vec(), |one| one.1);
        assert_eq!(among(&[]), Carrier::Nobody);
        assert_eq!(among(&[(1, true), (2, false)]), Carrier::One((2, false)));
        assert_eq!(among(&[(1, true)]), Carrier::One((1, true)));
        let both = vec![(1, false), (2, false)];
        assert_eq!(among(&both), Carrier::Several(both));
    }
}
