//! One account for each role, with a password that is made on the first run and shown on every run.

use anyhow::Result;

use super::application::Application;
use super::state::State;
use crate::progress::Step;
use crate::secrets;

/// Somebody who can sign in.
pub(super) struct Account {
    pub(super) name: &'static str,
    pub(super) password: String,
}

/// Names are those of the roles.
const ROLES: [&str; 3] = ["staff", "manager", "admin"];

/// Makes the accounts that are missing. One whose password file got lost gets a new password.
///
/// # Errors
/// With what Ticker says.
pub(super) fn ensure(application: &Application, state: &State) -> Result<[Account; 3]> {
    let list = application.list_users()?;
    let step = Step::start("Making the demo accounts");
    let account = |name: &'static str| -> Result<Account> {
        let file = state.account_file(name);
        let (there, known) = (is_listed(&list, name), secrets::read(&file)?);
        let password = known.clone().map_or_else(secrets::password, Ok)?;
        if !there {
            application.create_user(name, &password)?;
        } else if known.is_none() {
            application.reset_password(name, &password)?;
        }
        secrets::write(&file, &password)?;
        Ok(Account { name, password })
    };
    let accounts = [account(ROLES[0])?, account(ROLES[1])?, account(ROLES[2])?];
    step.done();
    Ok(accounts)
}

/// Whether `ticker user list`, which begins each line with a name, has this one.
fn is_listed(list: &str, name: &str) -> bool {
    list.lines()
        .any(|line| line.split_whitespace().next() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_count() {
        let list = "administrator  admin  active\n  staff   staff\n";
        assert!(is_listed(list, "staff"));
        assert!(
            !is_listed(list, "admin"),
            "a role or a longer name is not the account"
        );
        assert!(!is_listed("", "staff"));
    }
}
