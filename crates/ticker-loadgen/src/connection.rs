//! One connection, which can be cut on purpose.

mod scissors;

use std::future::{Future as _, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use http::response::Parts;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) use self::scissors::Cut;
use self::scissors::{Scissors, Trigger};
use crate::failure::Broken;
use crate::payload::Payload;

type Driver = http1::Connection<TokioIo<Scissors>, Payload>;

/// Bytes both ways, encrypted or not.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Any such.
pub(crate) type Stream = Box<dyn Duplex>;

/// A connection. Whoever exchanges also drives it, so that no other task has to be woken; between
/// exchanges it stands still.
pub(crate) struct Connection {
    sender: SendRequest<Payload>,
    driver: Pin<Box<Driver>>,
    trigger: Trigger,
}

impl Connection {
    /// Speaks HTTP over `stream`.
    ///
    /// # Errors
    /// When it breaks before anything was said.
    pub(crate) async fn over(stream: Stream) -> Result<Self, Broken> {
        let trigger = Trigger::default();
        let io = TokioIo::new(Scissors::new(stream, trigger.clone()));
        let handshake = http1::handshake(io).await;
        let (sender, driver) = handshake.map_err(|error| Broken::exchanging(&error))?;
        Ok(Self {
            sender,
            driver: Box::pin(driver),
            trigger,
        })
    }

    /// Whether a request can be sent: `false` once the other side has closed.
    pub(crate) async fn is_ready(&mut self) -> bool {
        poll_fn(|context| {
            if self.driver.as_mut().poll(context).is_ready() {
                return Poll::Ready(false);
            }
            self.sender.poll_ready(context).map(|ready| ready.is_ok())
        })
        .await
    }

    /// Sends `request` and reads the whole answer, its body into `body`, whose content goes.
    ///
    /// # Errors
    /// When the connection breaks, or is cut because `cut` says so; it is of no use any more then.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Payload>,
        cut: Option<Cut>,
        body: &mut Vec<u8>,
    ) -> Result<Parts, hyper::Error> {
        self.trigger.set(cut);
        let parts = self.drive(request, body).await?;
        self.trigger.set(None);
        Ok(parts)
    }

    /// Whether it broke because it was cut on purpose.
    pub(crate) fn was_cut(&self) -> bool {
        self.trigger.has_cut()
    }

    /// The same for an answer of any length: its head now, its body as it comes, a task of the caller's
    /// driving the connection.
    ///
    /// # Errors
    /// When the connection breaks before the head is there.
    pub(crate) async fn stream(
        self,
        request: Request<Payload>,
        tasks: &mut tokio::task::JoinSet<()>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        let Self {
            mut sender, driver, ..
        } = self;
        tasks.spawn(async move {
            // What breaks the connection also ends the body, and is told there.
            let _ended = driver.await;
        });
        sender.send_request(request).await
    }

    async fn drive(
        &mut self,
        request: Request<Payload>,
        body: &mut Vec<u8>,
    ) -> Result<Parts, hyper::Error> {
        let Self { sender, driver, .. } = self;
        let mut exchange = pin!(exchange(sender, request, body));
        let mut driven = false;
        poll_fn(|context| {
            loop {
                if let Poll::Ready(answer) = exchange.as_mut().poll(context) {
                    return Poll::Ready(answer);
                }
                // When the connection has ended, the exchange knows how it ended, and says so next.
                if driven || driver.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                driven = true;
            }
        })
        .await
    }
}

async fn exchange(
    sender: &mut SendRequest<Payload>,
    request: Request<Payload>,
    body: &mut Vec<u8>,
) -> Result<Parts, hyper::Error> {
    body.clear();
    let (parts, mut incoming) = sender.send_request(request).await?.into_parts();
    while let Some(frame) = incoming.frame().await {
        if let Ok(data) = frame?.into_data() {
            body.extend_from_slice(&data);
        }
    }
    Ok(parts)
}
