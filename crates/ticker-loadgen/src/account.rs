//! Who the clients sign in as.

use std::fmt;
use std::path::Path;

use crate::misused::Misused;

/// A user and the password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Account {
    /// What they sign in with.
    pub(crate) name: String,
    /// In the clear: it is sent so.
    pub(crate) password: String,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Reads lines `name:password`; empty ones are skipped.
///
/// # Errors
/// When the file cannot be read, holds no account, or a line has no colon.
pub(crate) fn read(path: &Path) -> Result<Vec<Account>, Misused> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Misused(format!("cannot read {}: {error}", path.display())))?;
    let accounts = parse(&text).map_err(|number| {
        Misused(format!(
            "{}: line {number} is not `name:password`",
            path.display()
        ))
    })?;
    if accounts.is_empty() {
        return Err(Misused(format!("{}: no account is in it", path.display())));
    }
    Ok(accounts)
}

/// The accounts, or the number of the first line that is none.
fn parse(text: &str) -> Result<Vec<Account>, usize> {
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty());
    lines
        .map(|(index, line)| {
            let (name, password) = line.split_once(':').ok_or(index + 1)?;
            Ok(Account {
                name: name.to_owned(),
                password: password.to_owned(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_may_hold_colons() {
        let accounts = parse("ana:a:b\n\nben:c\n").unwrap();
        assert_eq!(accounts.len(), 2);
        assert_eq!(
            (accounts[0].name.as_str(), accounts[0].password.as_str()),
            ("ana", "a:b")
        );
        assert!(!format!("{:?}", accounts[0]).contains("a:b"));
    }

    #[test]
    fn the_wrong_line_is_named() {
        assert_eq!(parse("ana:x\n\nben\n").unwrap_err(), 3);
    }
}
