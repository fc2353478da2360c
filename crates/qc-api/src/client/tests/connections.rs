//! Connections: kept from call to call, and one for many calls at once where the service speaks HTTP/2.

use std::sync::atomic::AtomicUsize;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

use super::*;
use crate::testing::read_request;

/// A certificate for `localhost`, signed with its own key (a CA it is not) and good from 2000 to 2126, so that no clock of
/// a machine that runs these tests stands outside it.
const CERTIFICATE: &str = "MIIBPzCB5aADAgECAgEBMAoGCCqGSM49BAMCMBQxEjAQBgNVBAMMCWxvY2FsaG9zdDAgFw0wMDAxMDEwMDAwMDBaGA8yMTI2\
    MDEwMTAwMDAwMFowFDESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEr9HvxNy0T/i1P1p/\
    NvtCa2SvhMFf6Z1X2hO+7eqUVxhGKxWI6CIEJaR/ueX9cAEE4qBGIf+h2azD3NV15scbAqMmMCQwFAYDVR0RBA0wC4IJbG9j\
    YWxob3N0MAwGA1UdEwEB/wQCMAAwCgYIKoZIzj0EAwIDSQAwRgIhAIQC5TGWKEZ/X8DKFdFs2LBwZXmsleCib4giNTlWATN+\
    AiEAvWoYbQkhyUDWNo+1TiTc2EodVXeNsR3BKDQgvk6Mr1I=";

/// Its key. It opens nothing but the servers of this file.
const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgXKMHBPj7Hc+8nFTrx098mNgySqgH9sqX/CFNkbQ4ifahRANC\
    AASv0e/E3LRP+LU/Wn82+0JrZK+EwV/pnVfaE77t6pRXGEYrFYjoIgQlpH+55f1wAQTioEYh/6HZrMPc1XXmxxsC";

/// What a server counts.
#[derive(Default)]
struct Count {
    connections: AtomicUsize,
    requests: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
}

impl Count {
    fn of(&self) -> (usize, usize) {
        (self.connections.load(Ordering::SeqCst), self.requests.load(Ordering::SeqCst))
    }
}

/// Answers every request of a connection in turn, over HTTP/1.1, and keeps it open.
async fn serve_http1(mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin, count: Arc<Count>) {
    loop {
        if read_request(&mut stream).await.head.is_empty() {
            return;
        }
        count.requests.fetch_add(1, Ordering::SeqCst);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", PROJECTS.len());
        if stream.write_all(format!("{head}{PROJECTS}").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Answers over HTTP/2: the first request at once, the others not before `together` of them are open.
async fn serve_http2(stream: tokio_rustls::server::TlsStream<TcpStream>, together: usize, count: Arc<Count>) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    let (opened, all_open) = tokio::sync::watch::channel(0_usize);
    let opened = Arc::new(opened);
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        assert_eq!(request.version(), http::Version::HTTP_2);
        assert!(request.headers()["authorization"].to_str().unwrap().starts_with("Basic "));
        let (count, opened, mut all_open) = (count.clone(), opened.clone(), all_open.clone());
        tokio::spawn(async move {
            count.requests.fetch_add(1, Ordering::SeqCst);
            let open = count.open.fetch_add(1, Ordering::SeqCst) + 1;
            count.most_open.fetch_max(open, Ordering::SeqCst);
            opened.send_modify(|opened| *opened += 1);
            drop(all_open.wait_for(|opened| *opened == 1 || together < *opened).await);
            count.open.fetch_sub(1, Ordering::SeqCst);
            let mut body = respond.send_response(http::Response::new(()), false).unwrap();
            body.send_data(PROJECTS.into(), true).unwrap();
        });
    }
}

/// A server on loopback with a certificate of its own: its address, what it counts, and whom to trust.
async fn tls_server(protocols: &[&[u8]], together: usize) -> (String, Arc<Count>, RootCertStore) {
    let decode = |text: &str| base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    let certificate = CertificateDer::from(decode(CERTIFICATE));
    let key = PrivateKeyDer::try_from(decode(KEY)).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://localhost:{}/api/v2", listener.local_addr().unwrap().port());
    let (acceptor, count) = (TlsAcceptor::from(Arc::new(config)), Arc::new(Count::default()));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            counted.connections.fetch_add(1, Ordering::SeqCst);
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                tokio::spawn(serve_http2(stream, together, counted.clone()));
            } else {
                tokio::spawn(serve_http1(stream, counted.clone()));
            }
        }
    });
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    (base, count, roots)
}

fn client_of(base: String) -> Client {
    let mut config = Config::new(Credentials::new("42", TOKEN).unwrap());
    config.base_url = base;
    config.retry.attempts = 1;
    Client::new(config).unwrap()
}

/// A clock behind or before the day these tests were written must not make them fail.
#[test]
fn the_certificate_is_good_whatever_the_clock_says() {
    let bytes = base64::engine::general_purpose::STANDARD.decode(CERTIFICATE).unwrap();
    let place = |text: &[u8]| bytes.windows(text.len()).position(|window| window == text);
    let (from, until) = (place(b"\x17\x0d000101000000Z"), place(b"\x18\x0f21260101000000Z"));
    assert_eq!(from.map(|from| from + 15), until, "2000-01-01, and right behind it 2126-01-01");
    assert!(from.is_some());
}

#[tokio::test]
async fn many_calls_at_once_share_one_connection_of_http_2() {
    const CALLS: usize = 16;
    let (base, count, roots) = tls_server(&[b"h2", b"http/1.1"], CALLS).await;
    let client = client_of(base);
    client.shared.transport.trust(roots);
    client.send(&read()).await.unwrap(); // until one stands, every call makes a connection
    let calls = (0..CALLS).map(|_| async { client.send(&read()).await });
    for reply in futures::future::join_all(calls).await {
        assert_eq!(reply.unwrap().projects[0].project_id, ProjectId(7));
    }
    // Had they come one after another, the first would have waited for ever.
    assert_eq!(count.most_open.load(Ordering::SeqCst), CALLS);
    assert_eq!(count.of(), (1, 1 + CALLS));
}

#[tokio::test]
async fn a_service_without_http_2_is_spoken_to_in_http_1() {
    let (base, count, roots) = tls_server(&[b"http/1.1"], 1).await;
    let client = client_of(base);
    client.shared.transport.trust(roots);
    for _ in 0..3 {
        client.send(&read()).await.unwrap();
    }
    assert_eq!(count.of(), (1, 3));
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let (base, count, _) = tls_server(&[b"h2"], 1).await;
    let error = client_of(base).send(&create()).await.unwrap_err();
    assert!(error.is_unreachable() && !error.may_have_created(), "{error}");
    assert_eq!(count.of(), (0, 0), "nothing signed has left");
}

#[tokio::test]
async fn calls_one_after_another_share_one_connection_of_http_1() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/api/v2", listener.local_addr().unwrap());
    let count = Arc::new(Count::default());
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.connections.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve_http1(stream, counted.clone()));
        }
    });
    let client = client_of(base);
    let twin = client.with_credentials(Credentials::new("43", TOKEN).unwrap()).unwrap();
    for at in 0..10 {
        if at % 2 == 0 {
            client.send(&read()).await.unwrap()
        } else {
            twin.send(&read()).await.unwrap()
        };
    }
    assert_eq!(count.of(), (1, 10), "also between accounts");
}
