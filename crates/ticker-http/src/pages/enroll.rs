//! Enrolling people.

pub(crate) mod view;

use axum::extract::State;
use axum::http::StatusCode;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use ticker_app::user::{EnrollUserError, Enrollment};
use ticker_auth::Grant;
use ticker_domain::permission::UserEnroll;
use ticker_domain::user::{DisplayName, Role, Username};
use uuid::Uuid;

use self::view::{EnrollPage, EnrolledPage, RoleChoice};
use super::fields::{Field, Problems, secret};
use super::layout::{Layout, Section};
use super::{KEY_LOST, KEY_REUSED, left_toast, new_key, page};
use crate::access::May;
use crate::error::PageResult;
use crate::flash::Flash;
use crate::form::Form;
use crate::state::Web;

/// The form as typed.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Input {
    key: String,
    username: String,
    display_name: String,
    role: String,
    password_choice: String,
    #[serde(deserialize_with = "secret")]
    generated_password: SecretString,
    #[serde(deserialize_with = "secret")]
    password: SecretString,
    must_change_password: String,
}

impl Input {
    fn is_typed(&self) -> bool {
        self.password_choice == "typed"
    }

    fn chosen_password(&self) -> &SecretString {
        if self.is_typed() {
            &self.password
        } else {
            &self.generated_password
        }
    }
}

/// Shows the form, with a password made for it.
pub(crate) async fn show(
    State(web): State<Web>,
    May(by): May<UserEnroll>,
    flash: Flash,
) -> PageResult {
    let layout = Layout::of(by.user(), Section::Enroll).with(left_toast(&flash));
    let input = Input {
        must_change_password: "true".to_owned(),
        ..Input::default()
    };
    page(StatusCode::OK, &form(&web, &by, layout, &input))
}

/// Enrolls somebody, and shows once what they sign in with.
pub(crate) async fn enroll(
    State(web): State<Web>,
    May(by): May<UserEnroll>,
    Form(input): Form<Input>,
) -> PageResult {
    let layout = Layout::of(by.user(), Section::Enroll);
    let mut template = form(&web, &by, layout, &input);
    let Some(enrollment) = read(&input, &mut template) else {
        return page(StatusCode::UNPROCESSABLE_ENTITY, &template);
    };
    let enrolled = EnrolledPage {
        layout: template.layout.clone(),
        display_name: enrollment.display_name.as_str().to_owned(),
        username: enrollment.username.as_str().to_owned(),
        role: enrollment.role.label(),
        must_change_password: enrollment.must_change_password,
        generated: (!input.is_typed()).then(|| input.generated_password.expose_secret().to_owned()),
    };
    let EnrollPage {
        problems,
        username,
        password,
        ..
    } = &mut template;
    let status = match web.app.enroll_user(&by, enrollment).await {
        Ok(_) => return page(StatusCode::OK, &enrolled),
        Err(EnrollUserError::Password(error)) if input.is_typed() => {
            problems.refuse(password, "password", "Password", error);
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(EnrollUserError::Password(_)) => {
            problems.add("The password made for them was not accepted. Here is another one.");
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(EnrollUserError::UsernameTaken) => {
            problems.refuse(
                username,
                "username",
                "Username",
                "is taken by somebody else",
            );
            StatusCode::CONFLICT
        }
        Err(EnrollUserError::UsernameLooksTaken) => {
            problems.refuse(
                username,
                "username",
                "Username",
                "looks like somebody else's",
            );
            StatusCode::CONFLICT
        }
        Err(EnrollUserError::KeyReused) => {
            problems.add(KEY_REUSED);
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(EnrollUserError::Failure(failure)) => return Err(failure.into()),
    };
    page(status, &template)
}

fn form(web: &Web, by: &Grant<UserEnroll>, layout: Layout, input: &Input) -> EnrollPage {
    let roles = Role::ALL.map(|role| RoleChoice {
        value: role.as_str(),
        label: role.label(),
        sentence: role.description(),
    });
    let role = if input.role.is_empty() {
        Role::Staff.as_str()
    } else {
        &input.role
    };
    EnrollPage {
        layout,
        problems: Problems::default(),
        username: Field::new(&input.username),
        display_name: Field::new(&input.display_name),
        role: Field::new(role),
        roles: roles.into(),
        password_choice: input.password_choice.clone(),
        generated_password: web.app.generate_password(by).expose_secret().to_owned(),
        password: Field::default(),
        password_hint: format!("At least {} characters.", web.settings.password_chars_min),
        must_change_password: !input.must_change_password.is_empty(),
        key: new_key(),
    }
}

fn read(input: &Input, template: &mut EnrollPage) -> Option<Enrollment> {
    let EnrollPage {
        problems,
        username,
        display_name,
        role,
        password,
        ..
    } = template;
    let key: Option<Uuid> = input.key.parse().ok();
    if key.is_none() {
        problems.add(KEY_LOST);
    }
    let parsed = Username::parse(&input.username);
    let parsed_username = problems.keep(username, "username", "Username", parsed);
    let parsed = DisplayName::parse(&input.display_name);
    let parsed_name = problems.keep(display_name, "display_name", "Display name", parsed);
    let parsed_role: Option<Role> = problems.keep(role, "role", "Role", input.role.parse());
    let chosen = input.chosen_password();
    if input.is_typed() && chosen.expose_secret().is_empty() {
        problems.refuse(password, "password", "Password", "is required");
        return None;
    }
    if !input.is_typed() && !input.password.expose_secret().is_empty() {
        let error = "was typed, while the one made for them is chosen: choose one of the two";
        problems.refuse(password, "password", "Password", error);
        return None;
    }
    Some(Enrollment {
        key: Some(key?),
        username: parsed_username?,
        display_name: parsed_name?,
        role: parsed_role?,
        password: chosen.clone(),
        must_change_password: !input.must_change_password.is_empty(),
    })
}
