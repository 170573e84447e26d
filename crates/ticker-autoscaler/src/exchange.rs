//! One request and its answer, over TCP or a Unix socket: all that the Docker API and Prometheus are
//! asked. A connection of its own for each, since a name may stand for another machine the next time.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// From the look-up of the name to the last byte of the answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// A swarm of a thousand tasks takes a few MiB.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Of an answer that says what went wrong, no more than this is logged.
const MESSAGE_CHARS_MAX: usize = 200;

/// Where somebody answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A name or an address, and a port.
    Tcp(String, u16),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// Why a text is no place where somebody answers. The message completes a sentence that begins with the
/// variable's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadPeer {
    /// Of the Docker API.
    #[error("must be tcp://HOST:PORT or unix:///PATH")]
    Docker,
    /// Of Prometheus.
    #[error("must be http://HOST:PORT")]
    Http,
}

impl Peer {
    /// Reads an address as Docker's own programs write it.
    pub(crate) fn docker(text: &str) -> Result<Self, BadPeer> {
        match text.strip_prefix("unix://") {
            Some(path) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            Some(_) => Err(BadPeer::Docker),
            None => host_and_port(text, "tcp").ok_or(BadPeer::Docker),
        }
    }

    /// Reads the address of an HTTP service.
    pub(crate) fn http(text: &str) -> Result<Self, BadPeer> {
        host_and_port(text, "http").ok_or(BadPeer::Http)
    }

    /// Asks, and reads the whole answer.
    ///
    /// # Errors
    /// [`Failure`] if there is none in time, or it is not a success.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path_and_query: &str,
        body: Bytes,
    ) -> Result<Bytes, Failure> {
        let asked = async {
            match self {
                Self::Tcp(host, port) => {
                    let stream = TcpStream::connect((host.as_str(), *port)).await;
                    let stream = stream.map_err(Failure::unreachable)?;
                    let host = format!("{host}:{port}");
                    exchange(stream, &host, method, path_and_query, body).await
                }
                Self::Unix(path) => {
                    let stream = UnixStream::connect(path).await;
                    let stream = stream.map_err(Failure::unreachable)?;
                    exchange(stream, "docker", method, path_and_query, body).await
                }
            }
        };
        timeout(ANSWER_TIMEOUT, asked)
            .await
            .unwrap_or(Err(Failure::Silent))
    }

    /// Asks with GET, and reads the answer's JSON.
    ///
    /// # Errors
    /// [`Failure`] if there is none in time, it is not a success, or it is something else.
    pub(crate) async fn get<T: for<'a> Deserialize<'a>>(
        &self,
        path_and_query: &str,
    ) -> Result<T, Failure> {
        let answer = self.ask(Method::GET, path_and_query, Bytes::new()).await?;
        serde_json::from_slice(&answer).map_err(Failure::Unreadable)
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// Why there is no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Nobody is there, or the connection broke.
    #[error("{0}")]
    Unreachable(String),
    /// The answer took too long.
    #[error("no answer within {} s", ANSWER_TIMEOUT.as_secs())]
    Silent,
    /// The answer says no.
    #[error("{status}: {message}")]
    Refused { status: StatusCode, message: String },
    /// The answer is not what was asked for.
    #[error("the answer cannot be read: {0}")]
    Unreadable(serde_json::Error),
}

impl Failure {
    fn unreachable(error: impl std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        Self::Unreachable(message)
    }
}

fn host_and_port(text: &str, scheme: &str) -> Option<Peer> {
    let uri = Uri::from_str(text).ok()?;
    let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
    let authority = uri.authority().filter(|_| is_bare)?;
    if uri.scheme_str() != Some(scheme) || authority.as_str().contains('@') {
        return None;
    }
    let host = authority.host().trim_matches(['[', ']']);
    Some(Peer::Tcp(host.to_owned(), authority.port_u16()?))
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    host: &str,
    method: Method,
    path_and_query: &str,
    body: Bytes,
) -> Result<Bytes, Failure> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(Failure::unreachable)?;
    let mut request = Request::builder()
        .method(method)
        .uri(path_and_query)
        .header(HOST, host);
    if !body.is_empty() {
        request = request
            .header(CONTENT_TYPE, "application/json")
            .header(CONTENT_LENGTH, body.len());
    }
    let request = request
        .body(Full::new(body))
        .map_err(Failure::unreachable)?;
    let answered = async move {
        let answer = sender
            .send_request(request)
            .await
            .map_err(Failure::unreachable)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| Failure::Unreachable(error.to_string()))?
            .to_bytes();
        if status.is_success() {
            Ok(body)
        } else {
            let message = message_in(&body);
            Err(Failure::Refused { status, message })
        }
    };
    // The connection ends when the sender is gone; what failed on it is what the request failed of.
    let (answer, _) = tokio::join!(answered, connection);
    answer
}

/// What went wrong, as Docker (`message`) and Prometheus (`error`) say it, or the answer as it stands.
fn message_in(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Said {
        #[serde(alias = "error")]
        message: String,
    }
    let text = match serde_json::from_slice::<Said>(body) {
        Ok(said) => said.message,
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").chars().take(MESSAGE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_a_host_and_a_port_or_a_socket() {
        let tcp = |host: &str, port| Ok(Peer::Tcp(host.to_owned(), port));
        assert_eq!(
            Peer::docker("tcp://docker-api:2375"),
            tcp("docker-api", 2375)
        );
        assert_eq!(Peer::docker("tcp://[::1]:2375/"), tcp("::1", 2375));
        assert_eq!(
            Peer::docker("unix:///var/run/docker.sock"),
            Ok(Peer::Unix("/var/run/docker.sock".into()))
        );
        for bad in [
            "",
            "docker-api:2375",
            "tcp://docker-api",
            "http://docker-api:2375",
            "tcp://docker-api:2375/path",
            "tcp://a@docker-api:2375",
            "unix://socket",
        ] {
            assert_eq!(Peer::docker(bad), Err(BadPeer::Docker), "{bad}");
        }
        assert_eq!(
            Peer::http("http://prometheus:9090"),
            tcp("prometheus", 9090)
        );
        for bad in [
            "prometheus:9090",
            "http://prometheus",
            "https://prometheus:9090",
            "http://prometheus:9090/graph?a=b",
        ] {
            assert_eq!(Peer::http(bad), Err(BadPeer::Http), "{bad}");
        }
    }

    #[test]
    fn what_went_wrong_is_one_short_line() {
        assert_eq!(
            message_in(br#"{"message":"no such\nservice"}"#),
            "no such service"
        );
        assert_eq!(
            message_in(br#"{"status":"error","errorType":"bad_data","error":"parse error"}"#),
            "parse error"
        );
        assert_eq!(message_in(b"<html>\r\n403"), "<html> 403");
        assert_eq!(message_in(&[b'x'; 1000]).len(), MESSAGE_CHARS_MAX);
    }
}
