//! The rules that every text typed by a person passes before it becomes a name, a note or a key.
//!
//! Text is normalised on the way in (NFC, outer white space removed) and never escaped: escaping
//! belongs to whoever writes it into HTML or CSV. Two names are the same when their [`fold`]s are.

use unicode_normalization::UnicodeNormalization;

/// Why a text was not accepted. The message completes a sentence that begins with the field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but white space.
    #[error("is required")]
    Empty,
    /// Longer than the field allows.
    #[error("must be at most {max_chars} characters long, this is {chars}")]
    TooLong {
        /// How many characters were given.
        chars: usize,
        /// How many are allowed.
        max_chars: usize,
    },
    /// A control character, or one that changes the direction or joins of what stands around it.
    #[error("contains a character that cannot be shown (U+{:04X})", u32::from(*.0))]
    Unprintable(char),
    /// White space where the field is one word.
    #[error("must not contain spaces")]
    Space,
}

/// Accepts 1 to `max_chars` printable characters and returns them in NFC without outer white space.
///
/// # Errors
/// [`TextError`] says which rule was broken.
pub fn parse_line(text: &str, max_chars: usize) -> Result<String, TextError> {
    let line: String = text.trim().nfc().collect();
    if line.is_empty() {
        return Err(TextError::Empty);
    }
    let chars = line.chars().count();
    if chars > max_chars {
        return Err(TextError::TooLong { chars, max_chars });
    }
    match line.chars().find(|c| is_unprintable(*c)) {
        Some(c) => Err(TextError::Unprintable(c)),
        None => Ok(line),
    }
}

/// As [`parse_line`], and without white space inside.
///
/// # Errors
/// [`TextError`] says which rule was broken.
pub fn parse_word(text: &str, max_chars: usize) -> Result<String, TextError> {
    let word = parse_line(text, max_chars)?;
    if word.chars().any(char::is_whitespace) {
        return Err(TextError::Space);
    }
    Ok(word)
}

/// The form in which two spellings of one name are equal: compatibility-normalised and case folded
/// (Unicode Standard, section 3.13, D146), composed, white space as single spaces, since that is how
/// it is shown.
#[must_use]
pub fn fold(text: &str) -> String {
    let decomposed: String = text.nfd().collect();
    let folded: String = caseless::default_case_fold_str(&decomposed)
        .nfkd()
        .collect();
    let composed: String = caseless::default_case_fold_str(&folded).nfkc().collect();
    single_spaced(&composed)
}

fn single_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The form in which search compares: [`fold`] without accents, and × as the x that people type.
#[must_use]
pub fn fold_for_search(text: &str) -> String {
    let bare: String = fold(text)
        .nfd()
        .filter(|c| !unicode_normalization::char::is_combining_mark(*c))
        .nfc()
        .map(|c| if c == '×' { 'x' } else { c })
        .collect();
    single_spaced(&bare)
}

/// Controls, line separators, bidirectional controls, zero-width characters, tags and private use.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{00AD}'
                | '\u{061C}'
                | '\u{115F}'..='\u{1160}'
                | '\u{180E}'
                | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{3164}'
                | '\u{FE00}'..='\u{FE0E}'
                | '\u{FEFF}'
                | '\u{FFF0}'..='\u{FFFB}'
                | '\u{E000}'..='\u{F8FF}'
                | '\u{E0000}'..='\u{E0FFF}'
                | '\u{F0000}'..='\u{10FFFF}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_trimmed_and_composed() {
        assert_eq!(parse_line("  Cafe\u{301}  ", 10), Ok("Café".into()));
    }

    #[test]
    fn each_broken_rule_is_named() {
        assert_eq!(parse_line(" \t ", 10), Err(TextError::Empty));
        assert_eq!(
            parse_line("abcd", 3),
            Err(TextError::TooLong {
                chars: 4,
                max_chars: 3
            })
        );
        for hidden in [
            '\0',
            '\u{7}',
            '\u{202E}',
            '\u{200B}',
            '\u{2066}',
            '\u{FEFF}',
            '\u{E0041}',
        ] {
            assert_eq!(
                parse_line(&format!("a{hidden}b"), 10),
                Err(TextError::Unprintable(hidden))
            );
        }
        assert_eq!(parse_word("A 1", 10), Err(TextError::Space));
    }

    #[test]
    fn markup_and_ampersands_stay_as_typed() {
        assert_eq!(
            parse_line("Nuts & <b>Bolts</b>", 50),
            Ok("Nuts & <b>Bolts</b>".into())
        );
    }

    #[test]
    fn spellings_of_one_name_fold_together() {
        for (a, b) in [
            ("Straße", "STRASSE"),
            ("ﬁle", "FILE"),
            ("Ｂolts", "bolts"),
            ("Å", "A\u{30A}"),
        ] {
            assert_eq!(fold(a), fold(b), "{a} and {b}");
        }
        assert_ne!(fold("Cafe"), fold("Café"));
        assert_eq!(fold("AA\u{A0} batteries"), fold("AA batteries"));
        assert_eq!(fold_for_search("  Crème   Brûlée "), "creme brulee");
        assert_eq!(fold_for_search("M4 × 16"), "m4 x 16");
    }

    proptest! {
        #[test]
        fn folding_and_parsing_are_idempotent(text in "\\PC{0,40}") {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
            prop_assert_eq!(fold_for_search(&fold_for_search(&text)), fold_for_search(&text));
            if let Ok(line) = parse_line(&text, 200) {
                prop_assert_eq!(parse_line(&line, 200), Ok(line.clone()));
            }
        }
    }
}
