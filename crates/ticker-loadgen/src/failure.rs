//! How a request fails, by name.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};

use http::StatusCode;
use serde::{Serialize, Serializer};

/// What became of a request that was not answered as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Failure {
    /// Nobody listens.
    ConnectRefused,
    /// The connection was not there in time.
    ConnectTimedOut,
    /// There is no way to there, or none is left here.
    ConnectFailed,
    /// The two sides did not agree on how to encrypt, or the certificate is not one to trust.
    Tls,
    /// The other side threw the connection away.
    Reset,
    /// The other side closed the connection before the answer was whole.
    Closed,
    /// The answer is not HTTP, or what broke is not known.
    Broken,
    /// The answer was not there in time.
    TimedOut,
    /// The answer asks for a sign-in: the session that was sent is not known any more.
    SessionLost,
    /// An answer that the request cannot have when all is well.
    Status(u16),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConnectRefused => "connect_refused",
            Self::ConnectTimedOut => "connect_timed_out",
            Self::ConnectFailed => "connect_failed",
            Self::Tls => "tls",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::Broken => "broken",
            Self::TimedOut => "timed_out",
            Self::SessionLost => "session_lost",
            // Its status says that all is well, its content does not.
            Self::Status(status @ ..400) => return write!(f, "unexpected_{status}"),
            Self::Status(status) => return status.fmt(f),
        })
    }
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A failure and what is known about it, for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// By name.
    pub(crate) failure: Failure,
    /// In words.
    pub(crate) words: String,
}

impl Broken {
    /// No connection was to be had.
    pub(crate) fn connecting(error: &io::Error) -> Self {
        let failure = match error.kind() {
            ErrorKind::ConnectionRefused => Failure::ConnectRefused,
            ErrorKind::TimedOut => Failure::ConnectTimedOut,
            _ => Failure::ConnectFailed,
        };
        Self::of(failure, error)
    }

    /// The connection could not be encrypted.
    pub(crate) fn encrypting(error: &io::Error) -> Self {
        Self::of(Failure::Tls, error)
    }

    /// The connection broke while a request was on its way.
    pub(crate) fn exchanging(error: &hyper::Error) -> Self {
        let cause = error
            .source()
            .and_then(|cause| cause.downcast_ref())
            .map(io::Error::kind);
        let failure = match cause {
            Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => Failure::Reset,
            // TLS has an end of its own, which is missing when a connection is cut.
            Some(ErrorKind::UnexpectedEof) => Failure::Closed,
            _ if error.is_incomplete_message() || error.is_closed() || error.is_canceled() => {
                Failure::Closed
            }
            _ => Failure::Broken,
        };
        Self::of(failure, error)
    }

    /// Time was up, with a connection or while one was made.
    pub(crate) fn timed_out(is_connected: bool) -> Self {
        let (failure, words) = if is_connected {
            (Failure::TimedOut, "no whole answer in time")
        } else {
            (Failure::ConnectTimedOut, "no connection in time")
        };
        Self {
            failure,
            words: words.to_owned(),
        }
    }

    /// The answer is not one to be expected.
    pub(crate) fn answered(status: StatusCode, asks_to_sign_in: bool, words: String) -> Self {
        let failure = if asks_to_sign_in {
            Failure::SessionLost
        } else {
            Failure::Status(status.as_u16())
        };
        Self { failure, words }
    }

    /// With the error and its causes, each once.
    fn of(failure: Failure, error: &dyn Error) -> Self {
        let mut words = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let more = error.to_string();
            if !words.contains(&more) {
                words.push_str(": ");
                words.push_str(&more);
            }
            cause = error.source();
        }
        Self { failure, words }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_have_names() {
        assert_eq!(Failure::Status(502).to_string(), "502");
        assert_eq!(Failure::Status(200).to_string(), "unexpected_200");
        let refused = io::Error::from(ErrorKind::ConnectionRefused);
        assert_eq!(
            Broken::connecting(&refused).failure,
            Failure::ConnectRefused
        );
        let unreachable = io::Error::from(ErrorKind::HostUnreachable);
        assert_eq!(
            Broken::connecting(&unreachable).failure,
            Failure::ConnectFailed
        );
    }
}
