//! Who you are, and proof of what you may do.
//!
//! - [`Passwords`] hashes and checks passwords, a bounded number at a time.
//! - [`SessionStore`] keeps sessions in Postgres behind `tower-sessions`; [`SignedIn`] is who a request's
//!   session belongs to.
//! - [`Grant`] is the proof that a signed-in user has a permission. Only this crate can make one, and
//!   every operation of `ticker-app` asks for one, or for the visible [`Anyone`] or [`Operator`].
//!
//! ```
//! # fn example(signed_in: &ticker_auth::SignedIn) -> Result<(), ticker_auth::GrantError> {
//! use ticker_domain::permission::StockAdjust;
//!
//! let by: ticker_auth::Grant<StockAdjust> = signed_in.grant()?;
//! # Ok(()) }
//! ```

mod common_passwords;
mod grant;
pub mod metrics;
mod passwords;
mod session;
mod session_cache;
mod sign_in;

pub use self::common_passwords::is_common;
pub use self::grant::{Acting, Anyone, Authority, Grant, GrantError, Operator};
pub use self::passwords::{PasswordHash, Passwords, PasswordsError};
pub use self::session::{SessionHandle, SessionStore, SignedIn};
pub use self::session_cache::{AGE_MAX as SESSION_CACHE_AGE_MAX, SessionCache};
pub use self::sign_in::{CheckError, SignIn, SignInError, is_password_of, sign_in};
