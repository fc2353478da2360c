//! How many may be connected at the same time. A connection costs memory and a file handle before its first request is
//! read, so those who come when there is no place are hung up on at once.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::warn;

/// Connections beyond those whose requests can be served: they are idle, or listen.
const SPARE: usize = 256;

/// The places for connections. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    places: Arc<Semaphore>,
    full: Arc<AtomicBool>,
}

impl Connections {
    /// Places for so many requests at the same time, and some more.
    pub(crate) fn for_requests(at_once: u32) -> Self {
        Connections { places: Arc::new(Semaphore::new(at_once as usize + SPARE)), full: Arc::default() }
    }
}

impl<S> Accept<TcpStream, S> for Connections {
    type Stream = Held;
    type Service = S;
    type Future = Ready<io::Result<(Held, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            // Said once until there is room again, or the log would be the next thing to fill.
            if !self.full.swap(true, Ordering::Relaxed) {
                warn!("too many connections; new ones are hung up on");
            }
            return ready(Err(io::Error::other("too many connections")));
        };
        self.full.store(false, Ordering::Relaxed);
        // Answers are two small writes; waiting to join them costs 40 ms each.
        ready(stream.set_nodelay(true).map(|()| (Held { stream, _place: place }, service)))
    }
}

/// A connection and its place.
#[derive(Debug)]
pub(crate) struct Held {
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
}

impl AsyncRead for Held {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Held {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
