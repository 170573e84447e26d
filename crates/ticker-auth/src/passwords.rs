//! Hashing and checking passwords with Argon2id, a bounded number at a time.
//!
//! A hash takes 19 MiB and some 20 ms of a core by design, so that hashing without a bound would take
//! the machine down at the first rush of sign-ins: two run at once, 32 wait, the rest is told to come
//! back.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::{Output, PasswordHash as Phc};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use ticker_domain::password;
use tokio::sync::Semaphore;

/// Memory of a hash, in KiB; time and lanes beside it are the OWASP cheat sheet's for Argon2id.
const MEMORY_KIB: u32 = 19_456;
const ITERATIONS: u32 = 2;
const LANES: u32 = 1;

/// How many hashes run at once, and how many wait for their turn.
const RUNNING_MAX: usize = 2;
const WAITING_MAX: usize = 32;

/// Whoever is turned away may come back after this.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Hashes and checks passwords. Clones share the bounds.
#[derive(Clone, Debug)]
pub struct Passwords {
    /// One permit for whoever runs or waits.
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
    /// Checked where no user is, so that an unknown user costs what a wrong password costs.
    decoy: Arc<str>,
}

/// An Argon2id hash in PHC form, ready to be stored.
#[derive(Clone, Debug)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The PHC string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a password could be neither hashed nor checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordsError {
    /// Too many others are waiting.
    #[error("too many sign-ins at once")]
    Busy {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The stored hash cannot be read, or hashing failed: a defect.
    #[error("argon2: {0}")]
    Argon2(String),
}

/// What came of checking a password.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// It is the one that was hashed.
    Right {
        /// The same password under today's parameters, where the stored hash has weaker ones.
        rehashed: Option<PasswordHash>,
    },
    /// It is another one.
    Wrong,
}

impl Passwords {
    /// Makes a hasher.
    ///
    /// # Errors
    /// [`PasswordsError`] if Argon2 does not take its parameters.
    pub fn new() -> Result<Self, PasswordsError> {
        Ok(Self {
            admitted: Arc::new(Semaphore::new(RUNNING_MAX + WAITING_MAX)),
            running: Arc::new(Semaphore::new(RUNNING_MAX)),
            decoy: decoy_hash()?.into(),
        })
    }

    /// Hashes a password, in NFKC, with a salt of its own.
    ///
    /// # Errors
    /// [`PasswordsError::Busy`] when too many others wait.
    pub async fn hash(&self, password: &SecretString) -> Result<PasswordHash, PasswordsError> {
        let password = password.clone();
        self.run(move || hash(&password)).await
    }

    /// Checks a password against a stored hash, or against a decoy that no password fits.
    ///
    /// # Errors
    /// [`PasswordsError::Busy`] when too many others wait.
    pub(crate) async fn check(
        &self,
        password: &SecretString,
        stored: Option<&str>,
    ) -> Result<Verdict, PasswordsError> {
        let password = password.clone();
        let stored: Arc<str> = stored.map_or_else(|| self.decoy.clone(), Arc::from);
        self.run(move || check(&password, &stored)).await
    }

    /// How many run or wait right now.
    #[must_use]
    pub fn pending(&self) -> usize {
        RUNNING_MAX + WAITING_MAX - self.admitted.available_permits()
    }

    /// Runs `work` on a thread of its own as soon as there is room.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordsError> + Send + 'static,
    ) -> Result<T, PasswordsError> {
        let busy = PasswordsError::Busy {
            retry_after: RETRY_AFTER,
        };
        let admitted = self
            .admitted
            .clone()
            .try_acquire_owned()
            .map_err(|_| busy.clone())?;
        let running = self
            .running
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| busy)?;
        let worked = tokio::task::spawn_blocking(move || {
            let result = work();
            // Held to the end of the work even when the caller has gone: its memory is still in use.
            drop((running, admitted));
            result
        });
        worked
            .await
            .map_err(|error| PasswordsError::Argon2(error.to_string()))?
    }
}

fn argon2() -> Result<Argon2<'static>, PasswordsError> {
    let params = Params::new(
        MEMORY_KIB,
        ITERATIONS,
        LANES,
        Some(Output::B64_MAX_LENGTH.min(32)),
    )
    .map_err(|error| PasswordsError::Argon2(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &SecretString) -> Result<PasswordHash, PasswordsError> {
    let normal = password::normalise(password.expose_secret());
    let phc: Phc = argon2()?
        .hash_password(normal.as_bytes())
        .map_err(|error| PasswordsError::Argon2(error.to_string()))?;
    Ok(PasswordHash(phc.to_string()))
}

fn check(password: &SecretString, stored: &str) -> Result<Verdict, PasswordsError> {
    let phc = Phc::new(stored).map_err(|error| PasswordsError::Argon2(error.to_string()))?;
    let normal = password::normalise(password.expose_secret());
    if Argon2::default()
        .verify_password(normal.as_bytes(), &phc)
        .is_err()
    {
        return Ok(Verdict::Wrong);
    }
    let rehashed = if is_current(&phc) {
        None
    } else {
        Some(hash(password)?)
    };
    Ok(Verdict::Right { rehashed })
}

/// Whether a hash was made with the parameters of today.
fn is_current(phc: &Phc) -> bool {
    phc.algorithm == argon2::ARGON2ID_IDENT
        && Params::try_from(phc).is_ok_and(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY_KIB, ITERATIONS, LANES)
        })
}

/// The hash of a random password that nobody knows.
fn decoy_hash() -> Result<String, PasswordsError> {
    let nobody_knows: [u8; 32] = rand::random();
    let phc: Phc = argon2()?
        .hash_password(&nobody_knows)
        .map_err(|error| PasswordsError::Argon2(error.to_string()))?;
    Ok(phc.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[tokio::test]
    async fn a_password_is_checked_by_what_it_says_not_how_it_is_spelled() {
        let passwords = Passwords::new().unwrap();
        let hash = passwords
            .hash(&secret("Cafe\u{301} ﬁnal 12"))
            .await
            .unwrap();
        assert!(
            hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash:?}"
        );
        for (typed, right) in [
            ("Café final 12", true),
            ("café final 12", false),
            ("", false),
        ] {
            let verdict = passwords
                .check(&secret(typed), Some(hash.as_str()))
                .await
                .unwrap();
            assert_eq!(
                matches!(verdict, Verdict::Right { rehashed: None }),
                right,
                "{typed}"
            );
        }
    }

    #[tokio::test]
    async fn no_user_means_no_password_fits() {
        let passwords = Passwords::new().unwrap();
        let verdict = passwords.check(&secret("anything"), None).await.unwrap();
        assert!(matches!(verdict, Verdict::Wrong));
    }

    #[tokio::test]
    async fn a_weaker_hash_is_replaced_at_sign_in() {
        let params = Params::new(8, 1, 1, Some(32)).unwrap();
        let weak: Phc = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password(b"an old password")
            .unwrap();
        let passwords = Passwords::new().unwrap();
        let verdict = passwords
            .check(&secret("an old password"), Some(&weak.to_string()))
            .await
            .unwrap();
        let Verdict::Right {
            rehashed: Some(rehashed),
        } = verdict
        else {
            panic!("{verdict:?}")
        };
        assert!(
            rehashed.as_str().contains("m=19456,t=2,p=1"),
            "{rehashed:?}"
        );
    }

    #[tokio::test]
    async fn a_rush_is_turned_away_beyond_the_queue() {
        let passwords = Passwords::new().unwrap();
        let mut rush = tokio::task::JoinSet::new();
        for _ in 0..RUNNING_MAX + WAITING_MAX + 3 {
            let passwords = passwords.clone();
            rush.spawn(async move { passwords.hash(&secret("the same for all")).await });
        }
        let busy = rush
            .join_all()
            .await
            .iter()
            .filter(|result| result.is_err())
            .count();
        assert_eq!(busy, 3);
        assert_eq!(passwords.pending(), 0);
    }
}
