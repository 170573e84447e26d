//! The page for whatever went wrong. Which error becomes which status and words is decided in
//! [`crate::error`], in one place.

pub(crate) mod view;

pub(crate) use self::view::ErrorPage;
