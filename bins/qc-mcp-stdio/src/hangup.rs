//! Notices that the client has closed its end, so that a long call cannot keep the process alive after it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::sync::CancellationToken;

/// A reader that cancels `gone` when it reaches its end or fails.
#[derive(Debug)]
pub(crate) struct Watched<R> {
    inner: R,
    gone: CancellationToken,
}

impl<R> Watched<R> {
    pub(crate) fn new(inner: R, gone: CancellationToken) -> Watched<R> {
        Watched { inner, gone }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let outcome = ready!(Pin::new(&mut this.inner).poll_read(context, buffer));
        if outcome.is_err() || (buffer.filled().len() == before && 0 < buffer.capacity()) {
            this.gone.cancel();
        }
        Poll::Ready(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn the_end_is_noticed_when_it_is_read_and_not_before() {
        let gone = CancellationToken::new();
        let mut reader = Watched::new(&b"line\n"[..], gone.clone());
        let mut buffer = [0; 16];
        assert_eq!(reader.read(&mut buffer).await.unwrap(), 5);
        assert!(!gone.is_cancelled());
        assert_eq!(reader.read(&mut buffer).await.unwrap(), 0);
        assert!(gone.is_cancelled());
    }
}
