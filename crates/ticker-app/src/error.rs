//! What can go wrong, as far as callers answer the cases differently.

use std::sync::Arc;
use std::time::Duration;

use ticker_auth::{CheckError, PasswordsError, SignInError};
use ticker_postgres::items::StoreItemError;
use ticker_postgres::ledger::PostError;
use ticker_postgres::users::StoreUserError;
use ticker_postgres::{DatabaseError, DatabaseErrorKind};

/// What a caller answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// What was asked makes no sense as it stands: the caller can correct it.
    Invalid,
    /// There is no such thing.
    NotFound,
    /// It contradicts how things stand: the caller can look again and decide anew.
    Conflict,
    /// The caller's rights have changed since the request was admitted.
    RightsChanged,
    /// Not now: try again after a while.
    Unavailable {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// A defect of the program.
    Defect,
}

/// What can keep any operation from happening, whatever it is.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The database fails.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The batch that a posting was part of could not be committed.
    #[error("the batch could not be committed: {0}")]
    Batch(Arc<PostError>),
    /// More is waiting to be done than is taken on, or what it needs is held.
    #[error("too much is waiting already, or somebody holds what it needs")]
    Busy {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// It is taking too long to wait for: it may still happen, and the same key tells.
    #[error("nobody knows yet whether it happens")]
    Undecided {
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// Passwords cannot be hashed or checked now.
    #[error(transparent)]
    Passwords(#[from] PasswordsError),
    /// The caller's rights have changed since the request was admitted.
    #[error("the rights of the user have changed")]
    RightsChanged,
    /// The task that did the work ended without an answer.
    #[error("the operation was lost: {0}")]
    Lost(#[from] tokio::task::JoinError),
    /// Something that cannot be has been.
    #[error("defect: {0}")]
    Defect(&'static str),
}

/// Callers are asked to come back after this when the database is out of reach.
const RETRY_AFTER: Duration = Duration::from_secs(2);

impl Failure {
    /// What a caller answers.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Database(error) => kind_of(error),
            Self::Batch(error) => match &**error {
                PostError::KeyRace => ErrorKind::Defect,
                PostError::Database(error) => kind_of(error),
            },
            Self::Busy { retry_after }
            | Self::Undecided { retry_after }
            | Self::Passwords(PasswordsError::Busy { retry_after }) => ErrorKind::Unavailable {
                retry_after: *retry_after,
            },
            Self::RightsChanged => ErrorKind::RightsChanged,
            Self::Passwords(PasswordsError::Argon2(_)) | Self::Lost(_) | Self::Defect(_) => {
                ErrorKind::Defect
            }
        }
    }
}

fn kind_of(error: &DatabaseError) -> ErrorKind {
    match error.kind() {
        DatabaseErrorKind::Unavailable | DatabaseErrorKind::Locked | DatabaseErrorKind::Retry => {
            ErrorKind::Unavailable {
                retry_after: RETRY_AFTER,
            }
        }
        DatabaseErrorKind::Defect => ErrorKind::Defect,
    }
}

/// Whether running the same transaction again, from its start, may end otherwise.
pub(crate) trait Retriable {
    fn is_retriable(&self) -> bool;
}

impl Retriable for DatabaseError {
    fn is_retriable(&self) -> bool {
        self.kind() == DatabaseErrorKind::Retry
    }
}

impl Retriable for Failure {
    fn is_retriable(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_retriable())
    }
}

impl Retriable for PostError {
    fn is_retriable(&self) -> bool {
        match self {
            Self::KeyRace => true,
            Self::Database(error) => error.is_retriable(),
        }
    }
}

impl Retriable for StoreItemError {
    fn is_retriable(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_retriable())
    }
}

impl Retriable for StoreUserError {
    fn is_retriable(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_retriable())
    }
}

impl From<PostError> for Failure {
    fn from(error: PostError) -> Self {
        match error {
            PostError::KeyRace => Self::Defect("a key raced more often than is tried again"),
            PostError::Database(error) => Self::Database(error),
        }
    }
}

impl From<CheckError> for Failure {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Passwords(error) => error.into(),
            CheckError::Database(error) => error.into(),
        }
    }
}

impl From<CheckError> for crate::user::ChangePasswordError {
    fn from(error: CheckError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<SignInError> for crate::user::SignInRefused {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Refused => Self::Refused,
            SignInError::Passwords(error) => Self::Failure(error.into()),
            SignInError::Database(error) => Self::Failure(error.into()),
        }
    }
}
