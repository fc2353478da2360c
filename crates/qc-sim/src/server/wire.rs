//! Connections that can be cut, or made to say everything twice, from inside a request.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// The listener whose connections can be cut from inside a request.
pub(super) struct Doors(pub(super) TcpListener);

impl Listener for Doors {
    type Io = Line;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, from) = Listener::accept(&mut self.0).await;
        // A small answer must not wait for an acknowledgement.
        stream.set_nodelay(true).ok();
        (Line { stream, wire: Wire::default(), left: Vec::new() }, from)
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// The switches of one connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Wire(Arc<Switches>);

#[derive(Debug, Default)]
struct Switches {
    /// Nothing is written any more.
    is_cut: AtomicBool,
    /// What is written next is written twice.
    echoes: AtomicBool,
}

impl Wire {
    pub(super) fn cut(&self) {
        self.0.is_cut.store(true, Ordering::Relaxed);
    }

    pub(super) fn echo(&self) {
        self.0.echoes.store(true, Ordering::Relaxed);
    }
}

impl Connected<IncomingStream<'_, Doors>> for Wire {
    fn connect_info(incoming: IncomingStream<'_, Doors>) -> Self {
        incoming.io().wire.clone()
    }
}

/// One connection.
pub(super) struct Line {
    stream: TcpStream,
    wire: Wire,
    /// The rest of an echo.
    left: Vec<u8>,
}

impl Line {
    /// Once cut, nothing is written any more: the connection ends in the middle of the exchange.
    fn checked(&self) -> std::io::Result<()> {
        if self.wire.0.is_cut.load(Ordering::Relaxed) {
            Err(std::io::ErrorKind::ConnectionReset.into())
        } else {
            Ok(())
        }
    }
}

impl Line {
    /// Writes what is left of an echo; the first copy counts as written as soon as the copies are taken over.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        while !self.left.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.left) {
                Poll::Ready(written) => drop(self.left.drain(..written?)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.checked()?;
        if self.wire.0.echoes.swap(false, Ordering::Relaxed) {
            self.left = [bytes, bytes].concat();
            // What does not go out now goes out with the next write or flush.
            return match self.poll_left(cx) {
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                _ => Poll::Ready(Ok(bytes.len())),
            };
        }
        if !self.left.is_empty() {
            std::task::ready!(self.poll_left(cx))?;
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.checked()?;
        std::task::ready!(self.poll_left(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
