//! Signing in and staying signed in, against a real Postgres of the test's own.

mod grants;
mod sessions;
mod sign_in;
