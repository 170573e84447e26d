//! A stream that breaks off where it is told to.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Stream;

/// Where to cut: once the request is written and so many bytes of the answer are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// At most [`Cut::BYTES_MAX`].
    pub(crate) after_bytes: u8,
}

impl Cut {
    /// The latest cut: an answer's head is longer.
    pub(crate) const BYTES_MAX: u8 = 128;
}

/// Tells the [`Scissors`] where the next answer is to break off.
#[derive(Clone, Debug)]
pub(crate) struct Trigger(Arc<AtomicU32>);

const WHOLE: u32 = u32::MAX;

impl Default for Trigger {
    fn default() -> Self {
        Self(Arc::new(AtomicU32::new(WHOLE)))
    }
}

impl Trigger {
    /// Sets the cut of the next answer, or none.
    pub(crate) fn set(&self, cut: Option<Cut>) {
        let left = cut.map_or(WHOLE, |cut| u32::from(cut.after_bytes.min(Cut::BYTES_MAX)));
        self.0.store(left, Ordering::Relaxed);
    }

    /// Whether no byte of the answer may be read any more.
    pub(crate) fn has_cut(&self) -> bool {
        self.left() == Some(0)
    }

    /// How many bytes may still be read.
    fn left(&self) -> Option<u32> {
        Some(self.0.load(Ordering::Relaxed)).filter(|left| *left != WHOLE)
    }
}

/// A stream and its trigger.
pub(crate) struct Scissors {
    stream: Stream,
    trigger: Trigger,
    /// Something was written since the trigger was set: the request is on its way.
    is_asked: bool,
}

impl Scissors {
    /// Cuts `stream` when `trigger` says so.
    pub(crate) fn new(stream: Stream, trigger: Trigger) -> Self {
        Self {
            stream,
            trigger,
            is_asked: false,
        }
    }

    /// Reads `left` bytes at most, and breaks off when none are left.
    fn poll_cut(
        &mut self,
        left: u32,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if left == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let mut bytes = [0; Cut::BYTES_MAX as usize];
        let room = buffer.remaining().min(left as usize).min(bytes.len());
        let mut part = ReadBuf::new(&mut bytes[..room]);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
        let read = part.filled();
        buffer.put_slice(read);
        let read = u32::try_from(read.len()).unwrap_or(left);
        self.trigger.0.store(left - read, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Scissors {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.trigger.left() {
            Some(left) if self.is_asked => self.poll_cut(left, context, buffer),
            _ => Pin::new(&mut self.stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Scissors {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        self.is_asked = self.trigger.left().is_some();
        Poll::Ready(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, parts));
        self.is_asked = self.trigger.left().is_some();
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
