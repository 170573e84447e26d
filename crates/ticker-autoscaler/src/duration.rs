//! Lengths of time as people write them: `500ms`, `15s`, `5m`, `1h`.

use std::time::Duration;

/// Why a text is no length of time. The message completes a sentence that begins with its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number with ms, s, m or h, such as 15s or 5m")]
pub(crate) struct BadDuration;

/// Reads one.
pub(crate) fn parse(text: &str) -> Result<Duration, BadDuration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(BadDuration),
    };
    let number: u64 = number.parse().map_err(|_| BadDuration)?;
    number
        .checked_mul(unit_ms)
        .map(Duration::from_millis)
        .ok_or(BadDuration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_required_and_known() {
        for (text, ms) in [
            ("0s", 0),
            ("500ms", 500),
            ("15s", 15_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in [
            "",
            "s",
            "15",
            "1.5s",
            "-1s",
            "+1s",
            "15 s",
            "1d",
            "1h30m",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert_eq!(parse(text), Err(BadDuration), "{text}");
        }
    }
}
