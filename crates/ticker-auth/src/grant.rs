//! Proofs of what the caller may do.

use std::marker::PhantomData;

use ticker_domain::id::UserId;
use ticker_domain::ledger::Actor;
use ticker_domain::permission::{Permission, Permit};

use crate::session::SignedIn;

/// Proof that a signed-in user had permission `P` when the request was admitted.
///
/// What must be exact checks [`Grant::actor`]'s epoch again in its own transaction: rights may have
/// changed since.
#[derive(Clone, Debug)]
pub struct Grant<P: Permit> {
    user: SignedIn,
    permission: PhantomData<fn() -> P>,
}

impl<P: Permit> Grant<P> {
    /// Who it was granted to.
    #[must_use]
    pub fn user(&self) -> &SignedIn {
        &self.user
    }

    /// Who acts, and under which epoch.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor {
            user: self.user.id,
            epoch: self.user.auth_epoch,
        }
    }
}

/// Why a signed-in user is not granted a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// Their role does not have it.
    #[error("needs the role {}", .0.least_role())]
    Forbidden(Permission),
    /// They must choose a password of their own first.
    #[error("the password must be changed first")]
    PasswordChangeDue,
}

impl SignedIn {
    /// Grants `P` if the user's role has it.
    ///
    /// # Errors
    /// [`GrantError`] says why not.
    pub fn grant<P: Permit>(&self) -> Result<Grant<P>, GrantError> {
        if self.must_change_password && P::PERMISSION != Permission::PasswordChange {
            return Err(GrantError::PasswordChangeDue);
        }
        if !self.role.may(P::PERMISSION) {
            return Err(GrantError::Forbidden(P::PERMISSION));
        }
        Ok(Grant {
            user: self.clone(),
            permission: PhantomData,
        })
    }
}

/// Stands where an operation needs no proof: whoever reaches it may call it.
#[derive(Clone, Copy, Debug)]
pub struct Anyone;

/// Stands for whoever runs `ticker` at the machine itself, who holds the database's credentials anyway.
/// Nothing that serves requests makes one.
#[derive(Clone, Copy, Debug)]
pub struct Operator;

/// Who acts, for operations that users and operators share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acting {
    /// A signed-in user, under an epoch.
    User(Actor),
    /// Whoever is at the machine.
    Operator,
}

impl Acting {
    /// The user, if it is one.
    #[must_use]
    pub fn user(self) -> Option<UserId> {
        match self {
            Self::User(actor) => Some(actor.user),
            Self::Operator => None,
        }
    }
}

/// A proof that covers permission `P`: a user's grant, or being the operator.
pub trait Authority<P: Permit>: sealed::Sealed + Send + Sync {
    /// Who acts.
    fn acting(&self) -> Acting;
}

mod sealed {
    pub trait Sealed {}
    impl<P: super::Permit> Sealed for super::Grant<P> {}
    impl Sealed for super::Operator {}
}

impl<P: Permit> Authority<P> for Grant<P> {
    fn acting(&self) -> Acting {
        Acting::User(self.actor())
    }
}

impl<P: Permit> Authority<P> for Operator {
    fn acting(&self) -> Acting {
        Acting::Operator
    }
}
