//! What goes in and out: bodies that arrive whole, in time and not too many at once; answers whose streams end.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use axum::response::Response;
use futures::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::limits::Place;
use crate::refusal::Refusal;

/// Largest request body: room for a file of source code and for prices given inline.
pub(crate) const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// How long a body may take to arrive, the wait for room included.
const BODY_PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of all bodies held at the same time. Parsed, one may take ten times its room.
const ROOM_BYTES: usize = 32 * 1024 * 1024;
/// The same for those whose credentials may be made up: they take no room from anybody else.
const STRANGERS_ROOM_BYTES: usize = 8 * 1024 * 1024;
/// The room is counted in pieces of so many bytes.
const PIECE_BYTES: usize = 1024;

/// The room for bodies.
pub(crate) struct Bodies {
    known: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
}

/// The room a body takes, given back when dropped.
pub(crate) type Room = OwnedSemaphorePermit;

impl Default for Bodies {
    fn default() -> Self {
        let room = |bytes: usize| Arc::new(Semaphore::new(bytes / PIECE_BYTES));
        Bodies { known: room(ROOM_BYTES), strangers: room(STRANGERS_ROOM_BYTES) }
    }
}

impl Bodies {
    /// The request with its body at hand: a sender who dawdles holds up nobody else. The body takes room as it comes in
    /// and keeps it until the request is answered.
    pub(crate) async fn whole(&self, request: Request, is_stranger: bool) -> Result<(Request, Option<Room>), Refusal> {
        let announced =
            request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| MAX_BODY_BYTES as u64 <= length.saturating_sub(1)) {
            return Err(Refusal::Large);
        }
        let until = Instant::now() + BODY_PATIENCE;
        let all = if is_stranger { &self.strangers } else { &self.known };
        let (parts, body) = request.into_parts();
        let (mut stream, mut bytes, mut room) = (body.into_data_stream(), Vec::new(), None::<Room>);
        while let Some(chunk) = timeout_at(until, stream.next()).await.map_err(|_| Refusal::Body)? {
            let chunk = chunk.map_err(|_| Refusal::Body)?;
            if MAX_BODY_BYTES < bytes.len() + chunk.len() {
                return Err(Refusal::Large);
            }
            let held = room.as_ref().map_or(0, Room::num_permits);
            let pieces = (bytes.len() + chunk.len()).div_ceil(PIECE_BYTES).saturating_sub(held);
            let pieces = u32::try_from(pieces).unwrap_or(u32::MAX);
            let more = timeout_at(until, Arc::clone(all).acquire_many_owned(pieces)).await;
            let more = more.ok().and_then(Result::ok).ok_or(Refusal::Body)?;
            match &mut room {
                Some(room) => room.merge(more),
                None => room = Some(more),
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok((Request::from_parts(parts, Body::from(bytes)), room))
    }
}

/// The response, with its places held until its last byte; a stream ends when its time is up.
pub(crate) fn bounded(response: Response, until: Instant, places: (Place, Place)) -> Response {
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    let (parts, body) = response.into_parts();
    let stream = body.into_data_stream().take_until(sleep_until(until)).map(move |chunk| {
        let _held = &places;
        chunk
    });
    Response::from_parts(parts, Body::from_stream(stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: Body, length: Option<usize>) -> Request {
        let request = axum::http::Request::post("/mcp");
        match length {
            Some(length) => request.header(CONTENT_LENGTH, length).body(body).unwrap(),
            None => request.body(body).unwrap(),
        }
    }

    #[tokio::test]
    async fn all_bodies_together_have_so_much_room_and_give_it_back() {
        for (is_stranger, room) in [(false, ROOM_BYTES), (true, STRANGERS_ROOM_BYTES)] {
            let bodies = Bodies::default();
            let mut held = Vec::new();
            for _ in 0..room / MAX_BODY_BYTES {
                let full = request(Body::from(vec![b' '; MAX_BODY_BYTES]), Some(MAX_BODY_BYTES));
                held.push(bodies.whole(full, is_stranger).await.unwrap());
            }
            let next = bodies.whole(request(Body::from("a"), Some(1)), is_stranger);
            assert!(tokio::time::timeout(Duration::from_millis(50), next).await.is_err(), "there is no room");
            assert!(bodies.whole(request(Body::from("a"), Some(1)), !is_stranger).await.is_ok(), "others have theirs");
            held.pop();
            assert!(bodies.whole(request(Body::from("a"), Some(1)), is_stranger).await.is_ok());
            held.clear();
            assert_eq!(bodies.known.available_permits() * PIECE_BYTES, ROOM_BYTES);
            assert_eq!(bodies.strangers.available_permits() * PIECE_BYTES, STRANGERS_ROOM_BYTES);
        }
    }

    #[tokio::test]
    async fn a_body_takes_room_as_it_comes_and_not_as_it_is_announced() {
        let bodies = Bodies::default();
        let chunks = [Ok::<_, std::io::Error>("{"), Ok("}")];
        let whole =
            bodies.whole(request(Body::from_stream(futures::stream::iter(chunks)), Some(MAX_BODY_BYTES)), false);
        let (request, room) = whole.await.unwrap();
        assert_eq!(room.unwrap().num_permits(), 1);
        assert_eq!(axum::body::to_bytes(request.into_body(), 10).await.unwrap(), "{}");
    }

    #[tokio::test]
    async fn a_body_that_is_too_long_is_refused_announced_or_not() {
        let bodies = Bodies::default();
        let long = MAX_BODY_BYTES + 1;
        for length in [Some(long), None] {
            let refused = bodies.whole(request(Body::from(vec![b' '; long]), length), false).await;
            assert_eq!(refused.err(), Some(Refusal::Large));
        }
    }
}
