//! `ticker user …`: administers those who may sign in, for whoever is at the machine.

use std::io::{self, Read as _};
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use secrecy::{ExposeSecret as _, SecretString};
use ticker_app::App;
use ticker_app::user::{Enrollment, User};
use ticker_auth::Operator;
use ticker_domain::user::{DisplayName, Role, Username};

use crate::cli::{PasswordArguments, UserCommand};

/// A password on standard input is far shorter than this.
const STDIN_BYTES_MAX: u64 = 4096;

/// Does what the command line says.
///
/// # Errors
/// When it was not done, saying why.
pub(crate) async fn run(app: &App, command: UserCommand) -> anyhow::Result<ExitCode> {
    match command {
        UserCommand::Create {
            name,
            role,
            display_name,
            password,
        } => {
            create(app, &name, role, display_name.as_deref(), password).await?;
        }
        UserCommand::List => print_list(&app.list_users(&Operator).await?),
        UserCommand::SetRole { name, role } => {
            app.set_role(&Operator, &name, role).await?;
            eprintln!("{name} is {role} now; their sessions have ended.");
        }
        UserCommand::Disable { name } => {
            app.set_disabled(&Operator, &name, true).await?;
            eprintln!("{name} cannot sign in any more; their sessions have ended.");
        }
        UserCommand::Enable { name } => {
            app.set_disabled(&Operator, &name, false).await?;
            eprintln!("{name} can sign in again.");
        }
        UserCommand::ResetPassword { name, password } => {
            reset_password(app, &name, password).await?;
        }
    }
    app.shut_down().await;
    Ok(ExitCode::SUCCESS)
}

async fn create(
    app: &App,
    name: &str,
    role: Role,
    display_name: Option<&str>,
    arguments: PasswordArguments,
) -> anyhow::Result<()> {
    let username =
        Username::parse(name).map_err(|error| anyhow::anyhow!("the username {error}"))?;
    let display_name = DisplayName::parse(display_name.unwrap_or(username.as_str()))
        .map_err(|error| anyhow::anyhow!("the display name {error}"))?;
    let password = password(app, arguments)?;
    let enrollment = Enrollment {
        key: None,
        username: username.clone(),
        display_name,
        role,
        password: password.clone(),
        must_change_password: !arguments.keep_password,
    };
    app.enroll_user(&Operator, enrollment)
        .await
        .with_context(|| format!("{} was not created", username.as_str()))?;
    eprintln!("{} can sign in as {role}.", username.as_str());
    hand_over(&password, arguments);
    Ok(())
}

async fn reset_password(app: &App, name: &str, arguments: PasswordArguments) -> anyhow::Result<()> {
    let password = password(app, arguments)?;
    app.reset_password(&Operator, name, &password, !arguments.keep_password)
        .await?;
    eprintln!("{name} has a new password; their sessions have ended.");
    hand_over(&password, arguments);
    Ok(())
}

/// A generated password, or the first line of standard input.
fn password(app: &App, arguments: PasswordArguments) -> anyhow::Result<SecretString> {
    if !arguments.password_stdin {
        return Ok(app.generate_password(&Operator));
    }
    let mut bytes = Vec::new();
    let read = io::stdin()
        .take(STDIN_BYTES_MAX + 1)
        .read_to_end(&mut bytes);
    read.context("standard input cannot be read")?;
    ensure!(
        bytes.len() as u64 <= STDIN_BYTES_MAX,
        "standard input is too long for a password"
    );
    let text = String::from_utf8(bytes)
        .ok()
        .context("the password is not UTF-8")?;
    // Only the line's end is not part of it: spaces are characters like any other.
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        bail!("there is no password on standard input");
    }
    Ok(line.to_owned().into())
}

/// A generated password is printed this once, alone on standard output.
fn hand_over(password: &SecretString, arguments: PasswordArguments) {
    if !arguments.password_stdin {
        eprintln!("The password, which is shown only this once:");
        println!("{}", password.expose_secret());
    }
    if !arguments.keep_password {
        eprintln!("It must be changed at the first sign-in.");
    }
}

/// A line a user, in columns; the name comes first.
fn print_list(users: &[User]) {
    if users.is_empty() {
        eprintln!(
            "There are no users yet: `ticker user create NAME --role admin` makes the first."
        );
        return;
    }
    let header = ["NAME", "ROLE", "STATUS", "LAST SEEN", "DISPLAY NAME"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(header)
        .chain(users.iter().map(row))
        .collect();
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths = [0, 1, 2, 3].map(width);
    for row in &rows {
        let [name, role, status, seen, display_name] = row;
        let [name_width, role_width, status_width, seen_width] = widths;
        println!(
            "{name:name_width$}  {role:role_width$}  {status:status_width$}  {seen:seen_width$}  \
             {display_name}"
        );
    }
}

fn row(user: &User) -> [String; 5] {
    let status = match (user.disabled_at, user.must_change_password) {
        (Some(_), _) => "disabled",
        (None, true) => "new password due",
        (None, false) => "active",
    };
    let seen = user.last_seen_at.map_or_else(
        || "never".to_owned(),
        |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    );
    [
        user.username.clone(),
        user.role.to_string(),
        status.to_owned(),
        seen,
        user.display_name.clone(),
    ]
}
