//! `/metrics` and `/healthz`, for Prometheus and the container's health check on a network of their own.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::status::Status;

/// Prometheus needs one, a health check another.
const CONNECTIONS_MAX: usize = 16;
/// A connection on which nothing is asked for so long is closed.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(30);
/// However it behaves; Prometheus connects again.
const CONNECTION_MAX: Duration = Duration::from_hours(1);
/// When accepting fails, for want of file descriptors for instance, trying again at once would fail too.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Answers. Never ends; connections end with the runtime.
pub(crate) async fn serve(listener: TcpListener, status: watch::Receiver<Status>) {
    let connections = TaskTracker::new();
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place = Arc::clone(&free).acquire_owned().await;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let status = status.clone();
        connections.spawn(async move {
            let service = service_fn(async |request: Request<Incoming>| {
                Ok::<_, Infallible>(answer(&request, &status))
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADERS_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            // How a connection ends is nobody's concern: whoever wants to know asks again.
            let _ = timeout(CONNECTION_MAX, connection).await;
            drop(place);
        });
    }
}

fn answer(request: &Request<Incoming>, status: &watch::Receiver<Status>) -> Response<Full<Bytes>> {
    let (code, kind, text) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => (
            StatusCode::OK,
            "text/plain; version=0.0.4; charset=utf-8",
            status.borrow().render(),
        ),
        (&Method::GET, "/healthz") => (StatusCode::OK, "text/plain", "ok\n".to_owned()),
        _ => (
            StatusCode::NOT_FOUND,
            "text/plain",
            "only /metrics and /healthz are here\n".to_owned(),
        ),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = code;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}
