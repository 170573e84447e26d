//! Numbers and times as people read them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A point in time, for `<time>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// RFC 3339, in UTC.
    pub(crate) iso: String,
    /// To the minute.
    pub(crate) text: String,
    /// In full, to the second.
    pub(crate) full: String,
}

/// Writes `at` for readers at `now`, in UTC; the year only when it is another one.
pub(crate) fn moment(at: Timestamp, now: Timestamp) -> Moment {
    let zoned = at.to_zoned(TimeZone::UTC);
    let same_year = now.to_zoned(TimeZone::UTC).year() == zoned.year();
    let pattern = if same_year {
        "%-d %b, %H:%M"
    } else {
        "%-d %b %Y, %H:%M"
    };
    Moment {
        iso: zoned.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        text: zoned.strftime(pattern).to_string(),
        full: zoned.strftime("%-d %B %Y, %H:%M:%S UTC").to_string(),
    }
}

/// A number with a comma between thousands and a true minus sign: `−1,284`.
pub(crate) fn number(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 3);
    if value < 0 {
        text.push('−');
    }
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A change with its sign: `+3`, `−2`, `±0`.
pub(crate) fn change(delta: i64) -> String {
    match delta {
        0 => "±0".to_owned(),
        1.. => format!("+{}", number(delta)),
        _ => number(delta),
    }
}

/// Why a typed number is none. The message completes a sentence that begins with the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotANumber {
    /// Nothing was typed.
    #[error("is required")]
    Missing,
    /// Not a whole number, or one beyond all bounds.
    #[error("must be a whole number")]
    NotWhole,
}

/// Reads a whole number as people type it: with either minus sign, and commas or spaces in between.
///
/// # Errors
/// [`NotANumber`] if it is none.
pub(crate) fn read_number(text: &str) -> Result<i64, NotANumber> {
    let digits: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != ',')
        .map(|c| if c == '−' { '-' } else { c })
        .collect();
    if digits.is_empty() {
        return Err(NotANumber::Missing);
    }
    digits.parse().map_err(|_| NotANumber::NotWhole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas_and_signs() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(-1_284), "−1,284");
        assert_eq!(number(i64::MIN), "−9,223,372,036,854,775,808");
        assert_eq!(change(3), "+3");
        assert_eq!(change(-2_000), "−2,000");
        assert_eq!(change(0), "±0");
    }

    #[test]
    fn a_moment_names_the_year_only_when_it_is_another() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let at: Timestamp = "2026-03-04T05:06:07.89+02:00".parse().unwrap();
        assert_eq!(
            moment(at, now),
            Moment {
                iso: "2026-03-04T03:06:07Z".into(),
                text: "4 Mar, 03:06".into(),
                full: "4 March 2026, 03:06:07 UTC".into(),
            }
        );
        let old: Timestamp = "2025-03-04T05:06:07Z".parse().unwrap();
        assert_eq!(moment(old, now).text, "4 Mar 2025, 05:06");
    }

    #[test]
    fn numbers_are_read_as_people_type_them() {
        for (text, number) in [
            ("12", 12),
            (" +1,284 ", 1284),
            ("−3", -3),
            ("-0", 0),
            ("1 000", 1000),
        ] {
            assert_eq!(read_number(text), Ok(number), "{text:?}");
        }
        assert_eq!(read_number(" "), Err(NotANumber::Missing));
        for text in ["x", "1.5", "--1", "9223372036854775808", "1e3", "+", "٣"] {
            assert_eq!(read_number(text), Err(NotANumber::NotWhole), "{text:?}");
        }
    }
}
