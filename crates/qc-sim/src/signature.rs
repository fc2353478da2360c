//! Checks the signature of a request for real: SHA-256 of `token:timestamp`, user id, age.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::refuse;
use crate::world::World;

/// How far ahead of the server's clock a signature may be. Nothing documents it; this much allows for a tick.
const AHEAD_SECONDS: i64 = 300;

/// What a request brings to prove who sent it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Presented {
    /// `Basic base64(user:hash)`, or the same base64 from a command link's query.
    pub(crate) authorization: Option<String>,
    pub(crate) timestamp: Option<String>,
}

/// The account that signed, or the sentence of the service.
pub(crate) fn check(presented: &Presented, world: &World, now: Timestamp, window: Duration) -> Result<i64, String> {
    let missing = || "Authorization header is missing or not valid.".to_owned();
    let encoded = presented.authorization.as_deref().ok_or_else(missing)?;
    let encoded = encoded.strip_prefix("Basic ").unwrap_or(encoded).trim();
    let decoded = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(missing)?;
    let (user, hash) = decoded.split_once(':').ok_or_else(missing)?;
    let timestamp = presented.timestamp.as_deref().unwrap_or_default();
    let account = world.account_signing_as(user).ok_or_else(|| refuse::user_not_valid(user))?;
    if hash != expected_hash(&account.token, timestamp) {
        return Err(refuse::hash_does_not_match(user, timestamp));
    }
    let window = i64::try_from(window.as_secs()).unwrap_or(i64::MAX);
    let signed: i64 = timestamp.parse().map_err(|_| refuse::hash_does_not_match(user, timestamp))?;
    let age = now.as_second().saturating_sub(signed);
    if age < -AHEAD_SECONDS || window < age {
        return Err(refuse::timestamp_too_old(timestamp, window));
    }
    Ok(account.id)
}

fn expected_hash(token: &str, timestamp: &str) -> String {
    hex::encode(Sha256::digest(format!("{token}:{timestamp}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed;

    fn presented(user: &str, token: &str, timestamp: &str) -> Presented {
        let signed = STANDARD.encode(format!("{user}:{}", expected_hash(token, timestamp)));
        Presented { authorization: Some(format!("Basic {signed}")), timestamp: Some(timestamp.to_owned()) }
    }

    fn verdict(presented: &Presented) -> Result<i64, String> {
        let now = Timestamp::from_second(1_767_000_000).unwrap();
        check(presented, &seed::world(7, crate::Tier::Team, now), now, Duration::from_secs(7200))
    }

    #[test]
    fn the_right_token_signs_in_within_its_two_hours() {
        let user = seed::USER_ID.to_string();
        assert_eq!(verdict(&presented(&user, seed::TOKEN, "1767000000")), Ok(seed::USER_ID));
        assert_eq!(verdict(&presented(&user, seed::TOKEN, "1766992800")), Ok(seed::USER_ID));
        let old = verdict(&presented(&user, seed::TOKEN, "1766992799")).unwrap_err();
        assert!(old.contains("timestamp is too old for hash"), "{old}");
    }

    #[test]
    fn another_token_or_account_is_refused_in_the_service_s_words() {
        let user = seed::USER_ID.to_string();
        let wrong = verdict(&presented(&user, "another", "1767000000")).unwrap_err();
        assert!(wrong.starts_with("Hash doesn't match."), "{wrong}");
        let stranger = verdict(&presented("1", seed::TOKEN, "1767000000")).unwrap_err();
        assert!(stranger.starts_with("UserID not valid"), "{stranger}");
        assert!(verdict(&Presented::default()).is_err());
    }
}
