//! What pre-signed links point to, fetched from a server that plays a script.

use super::*;

/// The link to a file of the tiny server.
fn link(server: &Server) -> Secret {
    Secret::from(format!("{}/file.zip?signature=s3cr3t", server.base.trim_end_matches("/api/v2")).as_str())
}

#[tokio::test]
async fn a_download_carries_no_signature_and_gives_the_bytes_as_they_are() {
    let stored = gzipped(b"kept packed");
    let server = Server::play(vec![answer("200 OK", "", &stored)]).await;
    assert_eq!(client(&server).download(&link(&server)).await.unwrap(), stored);
    let seen = server.seen().remove(0);
    assert!(seen.head.starts_with("GET /file.zip?signature=s3cr3t HTTP/1.1"), "{}", seen.head);
    let names: Vec<_> =
        seen.head.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name.to_ascii_lowercase()).collect();
    for name in ["authorization", "timestamp", "referer", "cookie"] {
        assert!(!names.iter().any(|seen| seen == name), "{name} was sent: {names:?}");
    }
}

#[tokio::test]
async fn a_download_follows_no_redirect_and_tells_nothing_of_the_link() {
    let stranger = Server::play(vec![answer("200 OK", "", "x")]).await;
    let place = format!("Location: {}/elsewhere?signature=s3cr3t\r\n", stranger.base);
    for (act, holds) in [
        (answer("302 Found", &place, ""), Error::is_redirect as fn(&Error) -> bool),
        (answer("403 Forbidden", "", "<Error>expired: s3cr3t</Error>"), |error| {
            matches!(error, Error::Status { status: 403, .. })
        }),
        (answer("500 Error", "", "s3cr3t"), Error::is_server_failure),
        (answer("200 OK", "", vec![b'x'; 60_000]), Error::is_too_large),
        (Act::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec()), Error::is_unreachable),
        (Act::Drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_vec()), Error::is_timeout),
    ] {
        let server = Server::play(vec![act.clone()]).await;
        let (mut config, _) = setup(&server);
        config.max_download_bytes = 50_000;
        // What answers at once is not measured against the clock of a busy machine.
        config.timeout =
            Some(if matches!(act, Act::Drip(_)) { Duration::from_millis(200) } else { Duration::from_secs(60) });
        config.retry.attempts = 1;
        let error = Client::new(config).unwrap().download(&link(&server)).await.unwrap_err();
        assert!(holds(&error), "{act:?}: {error}");
        assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error:?}");
    }
    assert!(stranger.seen().is_empty());
}

#[tokio::test]
async fn a_download_without_a_length_is_capped_as_it_comes() {
    let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n".to_vec();
    bytes.extend(vec![b' '; 0x10000]);
    bytes.extend(b"\r\n0\r\n\r\n");
    let server = Server::play(vec![Act::Say(bytes)]).await;
    let (mut config, _) = setup(&server);
    config.max_download_bytes = 50_000;
    let error = Client::new(config).unwrap().download(&link(&server)).await.unwrap_err();
    assert_eq!(error, Error::TooLarge { endpoint: "download".into(), limit: 50_000 });
}

#[tokio::test]
async fn a_broken_download_is_begun_again() {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec();
    let server = Server::play(vec![Act::Say(cut), answer("503 Busy", "", ""), answer("200 OK", "", "whole")]).await;
    let (config, clock) = setup(&server);
    assert_eq!(Client::new(config).unwrap().download(&link(&server)).await.unwrap(), b"whole");
    assert_eq!(server.seen().len(), 3);
    assert!(Duration::from_millis(750) <= clock.elapsed(), "waits on the client's clock");
}

#[tokio::test]
async fn a_file_may_be_read_piece_by_piece() {
    let server = Server::play(vec![answer("200 OK", "", vec![7; 40_000])]).await;
    let mut download = client(&server).open(&link(&server)).await.unwrap();
    assert_eq!(download.length(), Some(40_000));
    assert!(!format!("{download:?}").contains("s3cr3t"));
    let mut bytes = 0;
    while let Some(chunk) = download.chunk().await.unwrap() {
        bytes += chunk.len();
    }
    assert_eq!(bytes, 40_000);
}

#[tokio::test]
async fn a_service_on_the_open_network_cannot_send_us_to_this_computer() {
    let server = Server::play(vec![answer("200 OK", "", "x")]).await;
    let client = Client::new(Config::new(Credentials::new("42", TOKEN).unwrap())).unwrap();
    let error = client.download(&link(&server)).await.unwrap_err();
    assert!(matches!(&error, Error::Config(words) if words.contains("this computer")), "{error}");
    assert!(server.seen().is_empty());
}
