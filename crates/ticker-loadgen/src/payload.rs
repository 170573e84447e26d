//! The body of a request, which may make a pause in the middle.

use std::convert::Infallible;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::Sleep;

/// A body in one piece or two.
pub(crate) struct Payload {
    /// What is sent at once.
    now: Bytes,
    /// What is sent after the pause; may be empty.
    later: Bytes,
    length: Duration,
    /// Since the first piece was taken.
    pause: Option<Pin<Box<Sleep>>>,
}

impl Payload {
    /// Without a pause.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self {
            now: bytes,
            later: Bytes::new(),
            length: Duration::ZERO,
            pause: None,
        }
    }

    /// With a pause of that length in the middle.
    pub(crate) fn halves(mut bytes: Bytes, length: Duration) -> Self {
        let later = bytes.split_off(bytes.len() / 2);
        Self {
            now: bytes,
            later,
            length,
            pause: None,
        }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.now.is_empty() {
            if !self.later.is_empty() {
                self.pause = Some(Box::pin(tokio::time::sleep(self.length)));
            }
            return Poll::Ready(Some(Ok(Frame::data(mem::take(&mut self.now)))));
        }
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        let later = mem::take(&mut self.later);
        Poll::Ready((!later.is_empty()).then(|| Ok(Frame::data(later))))
    }

    fn is_end_stream(&self) -> bool {
        self.now.is_empty() && self.later.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.now.len() + self.later.len();
        SizeHint::with_exact(u64::try_from(left).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn halves_are_the_whole_with_a_pause() {
        let pause = Duration::from_millis(50);
        let mut body = Payload::halves(Bytes::from_static(b"abcde"), pause);
        assert_eq!(body.size_hint().exact(), Some(5));
        let start = Instant::now();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(start.elapsed() < pause && !body.is_end_stream());
        let second = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(start.elapsed() >= pause && body.is_end_stream());
        assert_eq!((&first[..], &second[..]), (&b"ab"[..], &b"cde"[..]));
        assert!(body.frame().await.is_none());
    }
}
