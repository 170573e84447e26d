//! What can go wrong with a request, and the one place that says how it is answered.
//!
//! A handler or a layer answers with an [`HttpError`]; as a response it is only a mark. The middleware
//! [`answer_errors`] finds the mark, and knows what a handler does not: the request's id, who is
//! signed in, and whether a person, htmx or a program reads the answer. Layers of other crates do not
//! make marks; their bare responses are taken for what their status says.

mod answer;

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use ticker_app::stock::{AdjustStockError, UndoPostingError};
use ticker_app::{ErrorKind, Failure};
use ticker_auth::GrantError;
use ticker_domain::ledger::Refusal;
use ticker_domain::permission::Permission;
use tower_sessions::session_store;

pub(crate) use self::answer::{OwnWords, answer_errors};

/// What a page's handler answers.
pub(crate) type PageResult = Result<Response, HttpError>;

/// What can go wrong with a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// An operation of the application was not carried out.
    #[error(transparent)]
    Operation(Box<OperationError>),
    /// The request makes no sense; the sentence says what about it.
    #[error("{0}")]
    BadRequest(Cow<'static, str>),
    /// A program's form makes no sense; the sentence says what about it.
    #[error("{0}")]
    Unprocessable(String),
    /// The request contradicts how things stand; the sentence says what does.
    #[error("{0}")]
    Conflict(Cow<'static, str>),
    /// There is nothing under the address.
    #[error("nothing is there")]
    NotFound,
    /// There is something under the address, but not for the method.
    #[error("the method is not for this address")]
    MethodNotAllowed,
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    SignInNeeded,
    /// The user's role does not have the permission.
    #[error("needs the role {}", .0.least_role())]
    Forbidden(Permission),
    /// The user must choose a password first.
    #[error("the password must be changed first")]
    PasswordChangeDue,
    /// A page of another origin sent the request, or it does not say which.
    #[error("sent from another origin, or from none that is known")]
    ForeignOrigin,
    /// The body is longer than any form is.
    #[error("the body is too long")]
    BodyTooLarge,
    /// The body did not come in time.
    #[error("the body did not come in time")]
    BodyTimeout,
    /// The body is of a type that is not read here.
    #[error("the body is of another type")]
    UnsupportedMediaType,
    /// The body is compressed.
    #[error("the body is encoded")]
    EncodedBody,
    /// The handler took too long.
    #[error("the handler took too long")]
    HandlerTimeout,
    /// The session could not be kept, which is the database's failure.
    #[error("the session could not be kept")]
    SessionNotKept,
    /// The session could not be read.
    #[error("session: {0}")]
    Session(tower_sessions::session::Error),
    /// A page could not be rendered.
    #[error("template: {0}")]
    Template(#[from] askama::Error),
    /// The handler panicked.
    #[error("panicked: {0}")]
    Panicked(String),
    /// A layer answered with nothing but this status.
    #[error("answered {0} by a layer")]
    Bare(StatusCode),
    /// Something that cannot be has been.
    #[error("defect: {0}")]
    Defect(&'static str),
}

/// An operation of the application was not carried out.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub(crate) struct OperationError {
    kind: ErrorKind,
    source: Box<dyn Error + Send + Sync>,
}

impl HttpError {
    /// The request makes no sense; `sentence` says what about it.
    pub(crate) fn bad_request(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::BadRequest(sentence.into())
    }

    /// The request contradicts how things stand; `sentence` says what does.
    pub(crate) fn conflict(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::Conflict(sentence.into())
    }

    /// What the ledger refused, and why.
    fn refusal(&self) -> Option<&Refusal> {
        let Self::Operation(error) = self else {
            return None;
        };
        match error.source.downcast_ref()? {
            AdjustStockError::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    fn operation(kind: ErrorKind, source: impl Error + Send + Sync + 'static) -> Self {
        Self::Operation(Box::new(OperationError {
            kind,
            source: Box::new(source),
        }))
    }

    /// What a layer of another crate means by a response without a word.
    fn from_bare(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::REQUEST_TIMEOUT => Self::BodyTimeout,
            StatusCode::PAYLOAD_TOO_LARGE => Self::BodyTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            StatusCode::SERVICE_UNAVAILABLE => Self::HandlerTimeout,
            StatusCode::INTERNAL_SERVER_ERROR => Self::Defect("a layer failed"),
            other => Self::Bare(other),
        }
    }
}

/// How an error is answered.
struct Words {
    status: StatusCode,
    title: &'static str,
    sentence: Cow<'static, str>,
    retry_after: Option<Duration>,
}

const RETRY_AFTER: Duration = Duration::from_secs(2);

impl HttpError {
    /// The one place that turns what went wrong into a status, and into words that tell a person what
    /// happened and what to do about it.
    fn words(&self) -> Words {
        let (status, title, sentence): (_, _, Cow<'static, str>) = match self {
            Self::Operation(error) => return error.words(),
            Self::Session(tower_sessions::session::Error::Store(
                session_store::Error::Backend(_),
            ))
            | Self::SessionNotKept => return unavailable(RETRY_AFTER),
            Self::HandlerTimeout => (
                StatusCode::SERVICE_UNAVAILABLE,
                "That took too long",
                "Ticker gave up waiting. What you sent may still be carried out: look before you \
                 send it again."
                    .into(),
            ),
            Self::BadRequest(sentence) => (
                StatusCode::BAD_REQUEST,
                "That address or form is wrong",
                sentence.clone(),
            ),
            Self::Unprocessable(sentence) => return unprocessable(sentence.clone().into()),
            Self::Conflict(sentence) => (
                StatusCode::CONFLICT,
                "Things have changed",
                sentence.clone(),
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "Nothing here",
                "There is no page or item at this address. Items are never deleted: look for it \
                 among the archived ones."
                    .into(),
            ),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "That does not work here",
                "This address cannot be asked that way.".into(),
            ),
            // Whether the same was carried out when it was sent before, nobody knows here.
            Self::SignInNeeded => (
                StatusCode::UNAUTHORIZED,
                "Please sign in",
                "You are not signed in, or not any more. This request was not carried out.".into(),
            ),
            Self::Forbidden(permission) => (
                StatusCode::FORBIDDEN,
                "Not for your role",
                format!(
                    "This needs the role {}. Ask an admin if you should have it.",
                    permission.least_role().label()
                )
                .into(),
            ),
            Self::PasswordChangeDue => (
                StatusCode::FORBIDDEN,
                "Choose your own password first",
                "Your password was given to you. Change it, and everything else opens up.".into(),
            ),
            Self::ForeignOrigin => (
                StatusCode::FORBIDDEN,
                "That came from elsewhere",
                "Ticker takes changes only from its own pages, under its own address. Nothing was \
                 changed."
                    .into(),
            ),
            Self::BodyTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "That is too much",
                "A form holds at most 64 KiB. Nothing was changed.".into(),
            ),
            Self::BodyTimeout => (
                StatusCode::REQUEST_TIMEOUT,
                "That did not arrive",
                "The form did not arrive in time. Nothing was changed: send it again.".into(),
            ),
            Self::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "That is no form",
                "Only forms are read here. Nothing was changed.".into(),
            ),
            Self::EncodedBody => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "That is compressed",
                "Compressed forms are not read. Nothing was changed.".into(),
            ),
            Self::Bare(status) => (
                *status,
                status.canonical_reason().unwrap_or("That did not work"),
                "Ticker could not answer that.".into(),
            ),
            Self::Session(_) | Self::Template(_) | Self::Panicked(_) | Self::Defect(_) => {
                return defect();
            }
        };
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER);
        Words {
            status,
            title,
            sentence,
            retry_after,
        }
    }
}

impl OperationError {
    fn words(&self) -> Words {
        let (status, title, sentence) = match self.kind {
            ErrorKind::Unavailable { retry_after } => return unavailable(retry_after),
            ErrorKind::Defect => return defect(),
            ErrorKind::Invalid => return unprocessable(self.sentence()),
            ErrorKind::NotFound => (StatusCode::NOT_FOUND, "Nothing here", self.sentence()),
            ErrorKind::Conflict => (StatusCode::CONFLICT, "Things have changed", self.sentence()),
            ErrorKind::RightsChanged => (
                StatusCode::UNAUTHORIZED,
                "Please sign in again",
                "What you may do has changed since you signed in. This request was not carried out."
                    .into(),
            ),
        };
        Words {
            status,
            title,
            sentence,
            retry_after: None,
        }
    }

    /// What the error says, as a sentence.
    fn sentence(&self) -> Cow<'static, str> {
        let text = self.source.to_string();
        let mut characters = text.chars();
        let first = characters.next().into_iter().flat_map(char::to_uppercase);
        first
            .chain(characters)
            .chain(['.'])
            .collect::<String>()
            .into()
    }
}

fn unprocessable(sentence: Cow<'static, str>) -> Words {
    Words {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        title: "That cannot be done",
        sentence,
        retry_after: None,
    }
}

fn unavailable(retry_after: Duration) -> Words {
    Words {
        status: StatusCode::SERVICE_UNAVAILABLE,
        title: "Not just now",
        sentence:
            "Ticker is busy, or its database is out of reach. Try again in a moment: what you \
                   send twice from the same form counts once."
                .into(),
        retry_after: Some(retry_after),
    }
}

fn defect() -> Words {
    Words {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        title: "That is our mistake",
        sentence:
            "Something in Ticker broke, and it has been written down. Whoever runs it finds it \
                   by the request below."
                .into(),
        retry_after: None,
    }
}

/// An error, what caused it, what caused that, and so on.
pub(crate) fn with_causes<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'e (dyn Error + 'static)| {
        (**error).source()
    })
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let mut response = self.words().status.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

impl From<GrantError> for HttpError {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::Forbidden(permission) => Self::Forbidden(permission),
            GrantError::PasswordChangeDue => Self::PasswordChangeDue,
        }
    }
}

impl From<UndoPostingError> for HttpError {
    fn from(error: UndoPostingError) -> Self {
        match error {
            UndoPostingError::NotFound => Self::NotFound,
            UndoPostingError::NotTheirs(error) => error.into(),
            UndoPostingError::SeveralItems(_) => Self::operation(ErrorKind::Conflict, error),
            UndoPostingError::Nothing(_) => {
                Self::conflict("That posting changed nothing: there is nothing to take back.")
            }
            UndoPostingError::Post(error) => error.into(),
        }
    }
}

impl From<tower_sessions::session::Error> for HttpError {
    fn from(error: tower_sessions::session::Error) -> Self {
        Self::Session(error)
    }
}

macro_rules! from_operations {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for HttpError {
            fn from(error: $error) -> Self {
                Self::operation(error.kind(), error)
            }
        }
    )+};
}

from_operations! {
    Failure,
    AdjustStockError,
    ticker_app::bulk::BulkError,
    ticker_app::group::ManageGroupError,
    ticker_app::group::MergeGroupError,
    ticker_app::item::AddItemError,
    ticker_app::item::EditItemError,
    ticker_app::item::ArchiveItemError,
    ticker_app::user::SignInRefused,
    ticker_app::user::EnrollUserError,
    ticker_app::user::ChangePasswordError,
}
