//! The command line.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand};
use ticker_domain::user::{Role, UnknownRole};

/// Keeps stock: who has how much of what, where, and who changed it.
#[derive(Debug, Parser)]
#[command(name = "ticker", version, after_long_help = crate::settings::help())]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve pages and metrics until SIGTERM or Ctrl-C
    Serve,
    /// Bring the schema up to date; waits up to 90 seconds for the database
    Migrate,
    /// Check the ledger's invariants; ends with 1 if one is broken
    Verify {
        /// Check only what has moved since this was last done, or was broken then, instead of everything
        #[arg(long)]
        since_last: bool,
    },
    /// Ask the server on this machine whether it is alive, for containers
    Healthcheck,
    /// Load the demo shop into an empty inventory
    Demo,
    /// List and administer those who may sign in
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
}

/// What to do with users.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Let somebody sign in
    Create {
        /// What they sign in with
        name: String,
        /// What they are here for
        #[arg(long, value_parser = role())]
        role: Role,
        /// What they are called on the pages [default: the name]
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
        #[command(flatten)]
        password: PasswordArguments,
    },
    /// List everybody, by name
    List,
    /// Give somebody another role; their sessions end
    SetRole {
        /// What they sign in with
        name: String,
        /// What they are here for from now on
        #[arg(value_parser = role())]
        role: Role,
    },
    /// Do not let somebody sign in any more; their sessions end
    Disable {
        /// What they sign in with
        name: String,
    },
    /// Let somebody who was disabled sign in again
    Enable {
        /// What they sign in with
        name: String,
    },
    /// Give somebody another password; their sessions end
    ResetPassword {
        /// What they sign in with
        name: String,
        #[command(flatten)]
        password: PasswordArguments,
    },
}

/// Where a password comes from and for how long it holds.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct PasswordArguments {
    /// Read the password from the first line of standard input instead of generating and printing one
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Do not ask for another password at the first sign-in
    #[arg(long)]
    pub(crate) keep_password: bool,
}

fn role() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(Role::as_str))
        .try_map(|word| -> Result<Role, UnknownRole> { word.parse() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
