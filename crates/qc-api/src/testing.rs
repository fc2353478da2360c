//! Helpers of this crate's own tests: a virtual clock and a tiny HTTP server.

use std::sync::Mutex;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::clock::Clock;

/// A clock on which sleeping is moving on.
#[derive(Debug)]
pub(crate) struct VirtualClock {
    start: Timestamp,
    now: Mutex<Timestamp>,
}

impl Default for VirtualClock {
    fn default() -> Self {
        let start = Timestamp::from_second(1_700_000_000).unwrap();
        Self { start, now: Mutex::new(start) }
    }
}

impl VirtualClock {
    pub(crate) fn elapsed(&self) -> Duration {
        Duration::try_from(self.now().duration_since(self.start)).unwrap()
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let mut now = self.now.lock().unwrap();
        *now += jiff::SignedDuration::try_from(duration).unwrap();
        Box::pin(std::future::ready(()))
    }

    /// Nobody moves this clock while somebody else is at work.
    fn limit(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

/// What the tiny server does with one request.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Writes these bytes and closes.
    Say(Vec<u8>),
    /// Writes these bytes and then keeps the connection open without a word.
    SayAndHang(Vec<u8>),
    /// Writes the head of an answer, then a byte every few milliseconds without end.
    Drip(Vec<u8>),
    /// Closes without a word.
    Close,
}

/// An answer of status, headers and body, with its length.
pub(crate) fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Act {
    let body = body.as_ref();
    let mut bytes = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    Act::Say(bytes)
}

/// A JSON answer with status 200.
pub(crate) fn json(body: &str) -> Act {
    answer("200 OK", "Content-Type: application/json\r\n", body)
}

/// A request as the server saw it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Seen {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
            .unwrap_or_default()
    }
}

/// A server on loopback that plays a script, one act per connection; the last act is repeated.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) base: String,
    seen: std::sync::Arc<Mutex<Vec<Seen>>>,
    most: std::sync::Arc<Mutex<(usize, usize)>>,
}

impl Server {
    pub(crate) async fn play(acts: Vec<Act>) -> Self {
        Self::play_together(1, acts).await
    }

    /// As [`Server::play`], but nobody is answered before so many requests have come.
    pub(crate) async fn play_together(together: usize, acts: Vec<Act>) -> Self {
        use tokio::io::AsyncWriteExt as _;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/api/v2", listener.local_addr().unwrap());
        let seen = std::sync::Arc::new(Mutex::new(Vec::new()));
        let most = std::sync::Arc::new(Mutex::new((0, 0)));
        let (log, count) = (seen.clone(), most.clone());
        let (came, all_came) = tokio::sync::watch::channel(0_usize);
        let came = std::sync::Arc::new(came);
        tokio::spawn(async move {
            let mut turn = 0;
            while let Ok((mut stream, _)) = listener.accept().await {
                let act = acts[turn.min(acts.len() - 1)].clone();
                turn += 1;
                let (log, count) = (log.clone(), count.clone());
                let (came, mut all_came) = (came.clone(), all_came.clone());
                tokio::spawn(async move {
                    let request = read_request(&mut stream).await;
                    log.lock().unwrap().push(request);
                    came.send_modify(|came| *came += 1);
                    drop(all_came.wait_for(|came| together <= *came).await);
                    {
                        let mut count = count.lock().unwrap();
                        count.0 += 1;
                        count.1 = count.1.max(count.0);
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await; // so that requests in flight can overlap
                    match act {
                        Act::Say(bytes) => drop(stream.write_all(&bytes).await),
                        Act::SayAndHang(bytes) => {
                            drop(stream.write_all(&bytes).await);
                            std::future::pending::<()>().await;
                        }
                        Act::Drip(head) => {
                            drop(stream.write_all(&head).await);
                            while stream.write_all(b" ").await.is_ok() {
                                tokio::time::sleep(Duration::from_millis(5)).await;
                            }
                        }
                        Act::Close => {}
                    }
                    count.lock().unwrap().0 -= 1;
                });
            }
        });
        Self { base, seen, most }
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Completes once so many requests have been read.
    pub(crate) async fn has_seen(&self, requests: usize) {
        while self.seen.lock().unwrap().len() < requests {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The largest number of requests in flight at once.
    pub(crate) fn most_at_once(&self) -> usize {
        self.most.lock().unwrap().1
    }
}

/// Reads one request; an empty one when the other side has closed.
pub(crate) async fn read_request(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> Seen {
    use tokio::io::AsyncReadExt as _;
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let seen = Seen { head: head.to_owned(), body: body.to_owned() };
            if seen.header("content-length").parse().unwrap_or(0) <= body.len() {
                return seen;
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return Seen::default(),
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}
