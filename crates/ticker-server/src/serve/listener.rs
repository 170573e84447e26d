//! Accepting connections and speaking HTTP on them, until told to stop.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use hyper::body::{Body, Incoming};
use hyper::service::{Service as _, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rustix::net::sockopt::set_tcp_user_timeout;
use ticker_http::PeerAddress;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::settings::Setting;

/// A request's headers arrive within this, counted from the connection's beginning or from the answer
/// before; a connection on which nothing is asked for so long is closed.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(5);
/// Whoever takes in nothing of what is sent to them for so long is cut off (tcp(7), `TCP_USER_TIMEOUT`): it may be
/// gone without a word, or never read what it asked for. The kernel counts from when its window is full, however
/// much of the answer still waits here.
const WRITE_STALL_MS: u32 = 10_000;
/// An HTTP/2 connection whose other end does not answer pings for so long is closed.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// The most requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 100;
/// When accepting fails, for want of file descriptors for instance, trying again at once would fail too.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// A bound address.
pub(crate) struct Listener {
    socket: TcpListener,
    connections_max: usize,
}

/// What all connections share.
#[derive(Clone)]
pub(crate) struct Connections {
    tasks: TaskTracker,
    /// Finish what is in flight and close.
    stop: CancellationToken,
    /// Close whatever is in flight.
    cut: CancellationToken,
}

impl Listener {
    /// Binds the address of a setting.
    ///
    /// # Errors
    /// When somebody else listens there, or the address is not this machine's.
    pub(crate) async fn bind(
        setting: &Setting,
        address: SocketAddr,
        connections_max: usize,
    ) -> anyhow::Result<Self> {
        let bound = TcpListener::bind(address).await;
        let socket =
            bound.with_context(|| format!("cannot listen on {address} ({})", setting.name))?;
        Ok(Self {
            socket,
            connections_max,
        })
    }

    /// Where it listens: of port 0, the port that the system chose.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Accepts connections until `connections` are told to stop.
    pub(crate) async fn serve<S, B>(self, service: S, connections: Connections)
    where
        S: tower::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn Error + Send + Sync>> + Send,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let free = Arc::new(Semaphore::new(self.connections_max));
        loop {
            let next = async {
                let place = Arc::clone(&free).acquire_owned().await;
                (place, self.socket.accept().await)
            };
            let (place, accepted) = tokio::select! {
                () = connections.stop.cancelled() => return,
                next = next => next,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let connection = attend(stream, peer, service.clone(), connections.clone());
                    connections.tasks.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

impl Connections {
    /// None yet.
    pub(crate) fn new() -> Self {
        let (tasks, stop, cut) = (
            TaskTracker::new(),
            CancellationToken::new(),
            CancellationToken::new(),
        );
        Self { tasks, stop, cut }
    }

    /// How many there are, and on HTTP/2 how many requests on these.
    pub(crate) fn count(&self) -> usize {
        self.tasks.len()
    }

    /// Accepts no more, waits until what is in flight is answered, and closes. At `deadline` whatever is
    /// still in flight is cut off; how many connections these were is returned.
    pub(crate) async fn finish(&self, deadline: Instant) -> usize {
        self.stop.cancel();
        self.tasks.close();
        tokio::select! {
            () = self.tasks.wait() => 0,
            () = sleep_until(deadline) => {
                let late = self.tasks.len();
                self.cut.cancel();
                self.tasks.wait().await;
                late
            }
        }
    }
}

/// Speaks HTTP on a connection until either side is through with it.
async fn attend<S, B>(stream: TcpStream, peer: SocketAddr, service: S, connections: Connections)
where
    S: tower::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>> + Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    // Answers are written whole; waiting for more to send along would only delay them.
    let prepared = stream
        .set_nodelay(true)
        .and_then(|()| Ok(set_tcp_user_timeout(&stream, WRITE_STALL_MS)?));
    if let Err(error) = prepared {
        tracing::debug!(%error, %peer, "a connection was gone before it began");
        return;
    }
    let asked = Arc::new(AtomicBool::new(false));
    let service = {
        let (asked, service) = (Arc::clone(&asked), TowerToHyperService::new(service));
        service_fn(move |mut request: Request<Incoming>| {
            asked.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(PeerAddress(peer));
            service.call(request)
        })
    };
    let builder = builder(&connections);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // hyper's own limit on headers does not hold while it waits to see which version is spoken.
    let mut first_headers = pin!(sleep(HEADERS_TIMEOUT));
    let (mut is_stopping, mut is_timed) = (false, true);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(error, %peer, "a connection ended early");
                }
                return;
            }
            () = connections.cut.cancelled() => return,
            () = connections.stop.cancelled(), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = first_headers.as_mut(), if is_timed => {
                if !asked.load(Ordering::Relaxed) {
                    return;
                }
                is_timed = false;
            }
        }
    }
}

fn builder(connections: &Connections) -> auto::Builder<Tracked> {
    let mut builder = auto::Builder::new(Tracked(connections.clone()));
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_concurrent_streams(STREAMS_MAX);
    builder
}

/// Runs the requests of HTTP/2 connections where they are waited for, and cut off with their connection.
#[derive(Clone)]
struct Tracked(Connections);

impl<F> hyper::rt::Executor<F> for Tracked
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, request: F) {
        let cut = self.0.cut.clone();
        self.0
            .tasks
            .spawn(async move { cut.run_until_cancelled(request).await.is_some() });
    }
}
