//! Texts in files that people open with a spreadsheet, which runs what looks like a formula.

use std::borrow::Cow;

/// What a formula begins with, to one spreadsheet or another (OWASP, "CSV Injection").
const FORMULA_BEGINS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The text, with an apostrophe before it if a spreadsheet would run it, so that it is shown instead.
///
/// A text that looks so only behind apostrophes gets one more, so that [`restore`] finds every text again.
/// This is for texts that people have written. Numbers are numbers, and stay what they are: `-3`.
#[must_use]
pub fn defuse(text: &str) -> Cow<'_, str> {
    if is_formula(text.trim_start_matches('\'')) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The text that [`defuse`] made this of.
#[must_use]
pub fn restore(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if is_formula(rest.trim_start_matches('\'')) => rest,
        _ => text,
    }
}

fn is_formula(text: &str) -> bool {
    text.starts_with(FORMULA_BEGINS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_would_run_is_changed() {
        for (text, defused) in [
            ("=1+1", "'=1+1"),
            ("+44 20", "'+44 20"),
            ("-3", "'-3"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("'=1", "''=1"),
            ("", ""),
            ("AA batteries", "AA batteries"),
            ("M4 = 4 mm", "M4 = 4 mm"),
            ("'round the corner", "'round the corner"),
        ] {
            assert_eq!(defuse(text), defused);
            assert_eq!(restore(defused), text);
        }
    }

    fn holds(text: &str) -> bool {
        let defused = defuse(text);
        !defused.starts_with(FORMULA_BEGINS) && restore(&defused) == text
    }

    /// All 111,111 texts of up to five of the characters that the rule is about and some that it is not.
    #[test]
    fn every_short_text_is_found_again_and_none_runs() {
        let mut texts = vec![String::new()];
        for _ in 0..5 {
            let longer = |text: &String| {
                "'=+-@\t\ra1 "
                    .chars()
                    .map(move |c| format!("{text}{c}"))
                    .collect()
            };
            let longest: Vec<Vec<String>> = texts.iter().map(longer).collect();
            assert!(texts.iter().all(|text| holds(text)));
            texts = longest.concat();
        }
        assert_eq!(texts.len(), 100_000);
        for text in texts {
            assert!(holds(&text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_found_again_and_none_runs(text in "['=+\\-@\t\r]{0,3}\\PC{0,20}") {
            prop_assert!(holds(&text));
        }
    }
}
