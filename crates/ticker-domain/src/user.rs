//! Users: the people who work with the stock.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_security::{MixedScript, skeleton};

use crate::text::{self, TextError};

/// The longest username, in characters.
pub const USERNAME_CHARS_MAX: usize = 64;
/// The longest display name, in characters.
pub const DISPLAY_NAME_CHARS_MAX: usize = 100;

/// What someone signs in with: letters and digits of one script, and `.`, `-`, `_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

/// Why a username was not accepted. The message completes a sentence that begins with the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    /// A rule that holds for every text.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A character that is neither a letter, a digit, nor one of `.`, `-`, `_`.
    #[error("can have letters, digits, '.', '-' and '_', not '{0}'")]
    Character(char),
    /// Letters of several scripts, as look-alikes are made of.
    #[error("must be written in one script")]
    MixedScripts,
}

impl Username {
    /// Accepts a username as typed.
    ///
    /// # Errors
    /// [`UsernameError`] says which rule was broken.
    pub fn parse(text: &str) -> Result<Self, UsernameError> {
        let word = text::parse_word(text, USERNAME_CHARS_MAX)?;
        let stray = word
            .chars()
            .find(|c| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '_')));
        if let Some(stray) = stray {
            return Err(UsernameError::Character(stray));
        }
        if !word.as_str().is_single_script() {
            return Err(UsernameError::MixedScripts);
        }
        Ok(Self(word))
    }

    /// The username as shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The username as looked up: spellings with the same key are the same user.
    #[must_use]
    pub fn key(&self) -> String {
        username_key(&self.0)
    }

    /// What the username looks like (Unicode Technical Standard 39, section 4): two users cannot share it, so nobody can
    /// pass for another.
    #[must_use]
    pub fn skeleton(&self) -> String {
        skeleton(&self.key()).collect()
    }
}

/// The key under which a username is looked up, for any text that someone types at sign-in.
#[must_use]
pub fn username_key(text: &str) -> String {
    text::fold(text.trim())
}

/// What a user is called on the pages: 1 to 100 printable characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    /// Accepts a display name as typed.
    ///
    /// # Errors
    /// [`TextError`] says which rule was broken.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        text::parse_line(text, DISPLAY_NAME_CHARS_MAX).map(Self)
    }

    /// The name as shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a user is here for. What each may do stands in [`crate::permission`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Works with the stock.
    Staff,
    /// Decides what is stocked.
    Manager,
    /// Decides who may do what.
    Admin,
}

impl Role {
    /// Every role, from the least rights to the most.
    pub const ALL: [Self; 3] = [Self::Staff, Self::Manager, Self::Admin];

    /// The word that is stored and stands in forms.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Manager => "manager",
            Self::Admin => "admin",
        }
    }

    /// The word that people read.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Staff => "Staff",
            Self::Manager => "Manager",
            Self::Admin => "Admin",
        }
    }

    /// One sentence on what the role is for.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::Staff => "Sees stock and its history, and adjusts, counts and moves it.",
            Self::Manager => "Does what staff do, and adds, edits and archives items.",
            Self::Admin => "Does what managers do, and decides who may sign in and as what.",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word is not a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be staff, manager or admin")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_are_words_of_one_script() {
        for good in ["ana", "ana.b-c_2", "Zoë", "Ана", "山田"] {
            assert!(Username::parse(good).is_ok(), "{good}");
        }
        assert_eq!(
            Username::parse("a b"),
            Err(UsernameError::Text(TextError::Space))
        );
        assert_eq!(Username::parse("a<b"), Err(UsernameError::Character('<')));
        assert_eq!(
            Username::parse("pаypal"),
            Err(UsernameError::MixedScripts),
            "Cyrillic а"
        );
    }

    #[test]
    fn spellings_share_a_key_and_look_alikes_a_skeleton() {
        let key = |name: &str| Username::parse(name).unwrap().key();
        let looks = |name: &str| Username::parse(name).unwrap().skeleton();
        assert_eq!(key("ANA"), key("ana"));
        assert_eq!(username_key("  AnA "), key("ana"));
        assert_ne!(key("сосо"), key("coco"), "Cyrillic and Latin");
        assert_eq!(looks("сосо"), looks("coco"));
        assert_ne!(looks("ana"), looks("anna"));
    }

    #[test]
    fn every_role_reads_back() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert_eq!("owner".parse::<Role>(), Err(UnknownRole));
    }
}
