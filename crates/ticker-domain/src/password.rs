//! The password policy: length by characters and a refusal of what guessers try first; any character
//! may stand anywhere (NIST SP 800-63B-4, section 3.1.1.2).

use unicode_normalization::UnicodeNormalization;

use crate::text;

/// The most characters that a password can have.
pub const PASSWORD_CHARS_MAX: usize = 128;
/// The least that the minimum can be set to.
pub const PASSWORD_CHARS_MIN_LEAST: usize = 8;
/// The minimum unless it is set.
pub const PASSWORD_CHARS_MIN_DEFAULT: usize = 12;

/// Why a password was not accepted. The message completes a sentence that begins with the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer characters than the policy asks for.
    #[error("must be at least {chars_min} characters long")]
    TooShort {
        /// The policy's minimum.
        chars_min: usize,
    },
    /// More than [`PASSWORD_CHARS_MAX`] characters.
    #[error("must be at most {PASSWORD_CHARS_MAX} characters long")]
    TooLong,
    /// One of the passwords that guessers try first.
    #[error("is one of the most common passwords")]
    Common,
    /// Little more than a word that is known here: the product, the username, the display name.
    #[error("must not be built from your name or this program's")]
    ContextWord,
    /// One character or a short run, repeated.
    #[error("must not repeat one short run of characters")]
    Repetitive,
}

/// The form in which a password is hashed and compared: NFKC, nothing trimmed or cut.
#[must_use]
pub fn normalise(password: &str) -> String {
    password.nfkc().collect()
}

/// The policy with the settings of this installation.
#[derive(Clone, Copy, Debug)]
pub struct PasswordPolicy<'a> {
    /// The least number of characters.
    pub chars_min: usize,
    /// Whether a case-folded password is among the common ones.
    pub is_common: fn(&str) -> bool,
    /// Words that a password must not be built from: the username, the display name.
    pub context: &'a [&'a str],
}

impl PasswordPolicy<'_> {
    /// Checks a password that somebody wants to use from now on.
    ///
    /// # Errors
    /// [`PasswordError`] says which rule was broken.
    pub fn check(&self, password: &str) -> Result<(), PasswordError> {
        let normal = normalise(password);
        let chars = normal.chars().count();
        if chars < self.chars_min {
            return Err(PasswordError::TooShort {
                chars_min: self.chars_min,
            });
        }
        if chars > PASSWORD_CHARS_MAX {
            return Err(PasswordError::TooLong);
        }
        let folded = text::fold(&normal);
        if (self.is_common)(&folded) {
            return Err(PasswordError::Common);
        }
        if is_repetitive(&folded) {
            return Err(PasswordError::Repetitive);
        }
        if self.is_built_from_context(&folded) {
            return Err(PasswordError::ContextWord);
        }
        Ok(())
    }

    /// True when fewer than half the minimum of characters remain once the known words are out.
    fn is_built_from_context(&self, folded: &str) -> bool {
        let mut rest = folded.to_owned();
        let words = self.context.iter().flat_map(|text| text.split_whitespace());
        for word in words.chain(["ticker", "inventory", "password"]) {
            let word = text::fold(word);
            if word.chars().count() >= 3 {
                rest = rest.replace(&word, "");
            }
        }
        rest.len() < folded.len() && rest.chars().count() < self.chars_min / 2
    }
}

/// Whether the text is a run of at most four characters, over and over.
fn is_repetitive(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (1..=4).any(|period| {
        chars.len() > period * 2 && chars.iter().zip(&chars[period..]).all(|(a, b)| a == b)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: PasswordPolicy<'static> = PasswordPolicy {
        chars_min: 12,
        is_common: |folded| folded == "correcthorsebatterystaple",
        context: &["ana.b", "Ana Bell"],
    };

    #[test]
    fn each_broken_rule_is_named() {
        for (password, error) in [
            ("elevenchars", PasswordError::TooShort { chars_min: 12 }),
            ("CorrectHorseBatteryStaple", PasswordError::Common),
            ("aaaaaaaaaaaaa", PasswordError::Repetitive),
            ("abcabcabcabcab", PasswordError::Repetitive),
            ("AnaBell12345", PasswordError::ContextWord),
            ("ticker-ticker-1", PasswordError::ContextWord),
        ] {
            assert_eq!(POLICY.check(password), Err(error), "{password}");
        }
        assert_eq!(
            POLICY.check(&"aBcDeFgH1".repeat(15)),
            Err(PasswordError::TooLong)
        );
    }

    #[test]
    fn any_character_is_welcome() {
        for password in [
            "  spaces count  ",
            "пароль из слов",
            "🦊🦊🐔🐔🐸🐸🦊🐔🐸🐙🐌🐝",
            "nuts & <bolts> 9",
        ] {
            assert_eq!(POLICY.check(password), Ok(()), "{password}");
        }
    }

    proptest! {
        #[test]
        fn length_is_counted_in_normalised_characters(password in "\\PC{0,140}") {
            let chars = normalise(&password).chars().count();
            match POLICY.check(&password) {
                Err(PasswordError::TooShort { .. }) => prop_assert!(chars < 12),
                Err(PasswordError::TooLong) => prop_assert!(chars > 128),
                _ => prop_assert!((12..=128).contains(&chars)),
            }
        }

        #[test]
        fn normalising_twice_changes_nothing(password in "\\PC{0,140}") {
            prop_assert_eq!(normalise(&normalise(&password)), normalise(&password));
        }
    }
}
