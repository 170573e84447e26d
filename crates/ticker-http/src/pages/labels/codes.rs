//! Codes as paths of SVG: a dark module is a unit wide.

use std::fmt::Write as _;

use barcoders::sym::code128::Code128;
use barcoders::sym::ean13::EAN13;
use qrcode::{Color, QrCode};

/// A code to draw, with the quiet zone that scanners want around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    /// Of the box that it is drawn in, in modules.
    pub(crate) width: usize,
    /// The same.
    pub(crate) height: usize,
    /// SVG's `d`.
    pub(crate) path: String,
}

/// Modules that stay white beside bars, and around a square (ISO/IEC 15417 and 18004).
const BARS_QUIET: usize = 10;
const SQUARE_QUIET: usize = 4;
/// Bars are drawn into a box this high, which the page stretches.
const BARS_HEIGHT: usize = 40;
/// Longer ones would be wider than any label.
const BARS_CHARS_MAX: usize = 32;

/// EAN-13 for a text that is one, else Code 128; `None` where neither can say it.
pub(super) fn bars(text: &str) -> Option<Code> {
    let modules = match ean13(text) {
        Some(code) => code.encode(),
        None => code128(text)?.encode(),
    };
    let mut path = String::new();
    let mut place = BARS_QUIET;
    for run in modules.chunk_by(|one, other| one == other) {
        if run[0] == 1 {
            let width = run.len();
            // Writing to a String cannot fail.
            let _ = write!(path, "M{place} 0h{width}v{BARS_HEIGHT}h-{width}z");
        }
        place += run.len();
    }
    Some(Code {
        width: place + BARS_QUIET,
        height: BARS_HEIGHT,
        path,
    })
}

/// Thirteen digits of which the last one is the check digit of the others.
fn ean13(text: &str) -> Option<EAN13> {
    const DIGITS: usize = 13;
    let is_one = text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    is_one.then(|| EAN13::new(text).ok()).flatten()
}

fn code128(text: &str) -> Option<Code128> {
    /// Chooses the character set with capitals and small letters.
    const SET_B: char = 'Ɓ';
    let is_plain = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    let fits = (1..=BARS_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_plain);
    fits.then(|| Code128::new(format!("{SET_B}{text}")).ok())
        .flatten()
}

/// A QR code; `None` if the text is too long for one.
pub(super) fn square(text: &str) -> Option<Code> {
    let code = QrCode::new(text).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (row, modules) in code.to_colors().chunks(width).enumerate() {
        let mut place = SQUARE_QUIET;
        for run in modules.chunk_by(|one, other| one == other) {
            if run[0] == Color::Dark {
                let (y, length) = (row + SQUARE_QUIET, run.len());
                let _ = write!(path, "M{place} {y}h{length}v1h-{length}z");
            }
            place += run.len();
        }
    }
    Some(Code {
        width: width + 2 * SQUARE_QUIET,
        height: width + 2 * SQUARE_QUIET,
        path,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without the quiet zones, an EAN-13 is 95 modules wide, and Code 128 eleven a character and 35 more.
    #[test]
    fn digits_with_their_check_digit_are_ean_13_and_the_rest_code_128() {
        let width = |text: &str| bars(text).map(|code| code.width - 2 * BARS_QUIET);
        assert_eq!(width("4006381333931"), Some(95));
        assert_eq!(width("4006381333930"), Some(13 * 11 + 35));
        assert_eq!(width("BAT-AA-4"), Some(8 * 11 + 35));
        assert_eq!(width("Größe-4"), None);
        assert_eq!(width(""), None);
        assert_eq!(width(&"x".repeat(BARS_CHARS_MAX + 1)), None);
    }

    #[test]
    fn bars_are_those_of_the_standard() {
        // The start character B (211214), "A" (111323), its checksum 34 (131123), and the end (2331112).
        let drawn = bars("A").unwrap();
        let mut widths = Vec::new();
        let mut end = BARS_QUIET;
        for bar in drawn.path.split('M').skip(1) {
            let (place, rest) = bar.split_once(' ').unwrap();
            let place: usize = place.parse().unwrap();
            let width: usize = rest[2..].split('v').next().unwrap().parse().unwrap();
            if place > end {
                widths.push(place - end);
            }
            widths.push(width);
            end = place + width;
        }
        let digits: String = widths.iter().map(usize::to_string).collect();
        assert_eq!(digits, "2112141113231311232331112");
    }

    #[test]
    fn a_square_has_its_corners_and_room_around() {
        let code = square("BAT-AA-4").unwrap();
        assert_eq!((code.width, code.height), (21 + 8, 21 + 8));
        assert!(code.path.starts_with("M4 4h7v1h-7z"), "{}", code.path);
        assert!(square(&"x".repeat(3_000)).is_none());
    }
}
