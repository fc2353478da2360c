//! The issuer's published keys: fetched with the first token, again when they are old or a token names an unknown one,
//! and only from the address of the settings. However many tokens come in, they are asked for once a minute at most,
//! and who has a key at hand does not wait for newer ones.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use qc_mcp_tools::settings::Issuer;
use tokio::sync::{Mutex, Semaphore};
use tracing::warn;

/// The largest set of keys that is read.
const MAX_KEYS_BYTES: u64 = 1024 * 1024;

/// The keys are asked for at most this often, whatever tokens come in.
const PAUSE: Duration = Duration::from_secs(60);

/// Keys older than this are asked for again, so that a withdrawn key stops working.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// Where the issuer cannot be reached, keys older than this are no longer believed.
const MAX_STALE: Duration = Duration::from_secs(24 * 3600);

/// So many requests wait for keys at most; with a slow issuer, made-up tokens would fill all places otherwise.
const MOST_WAITING: usize = 64;

/// How the keys are fetched.
pub(crate) type Fetch = Box<dyn Fn() -> BoxFuture<'static, Result<Vec<u8>, String>> + Send + Sync>;

/// Why there is no key to check a token with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// The issuer has none of that name and kind.
    Unknown,
    /// The issuer's key is of a kind that cannot be used.
    Unusable,
    /// The issuer cannot be asked at the moment.
    NotAtHand,
}

/// The keys of one issuer.
pub(crate) struct Keys {
    kept: RwLock<Kept>,
    /// When they were last asked for.
    asked: Mutex<Option<Instant>>,
    waiting: Semaphore,
    fetch: Fetch,
}

#[derive(Default, Clone)]
struct Kept {
    keys: Arc<Vec<Jwk>>,
    came: Option<Instant>,
}

impl Kept {
    fn is_younger_than(&self, age: Duration, now: Instant) -> bool {
        self.came.is_some_and(|came| now.saturating_duration_since(came) < age)
    }

    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&Jwk> {
        let mut fitting = self.keys.iter().filter(|key| fits(key, algorithm));
        match kid {
            Some(kid) => fitting.find(|key| key.common.key_id.as_deref() == Some(kid)),
            // Without a name only a set with one such key leaves no doubt.
            None => fitting.next().filter(|_| fitting.next().is_none()),
        }
    }
}

impl Keys {
    /// The keys at the issuer's address; nothing is fetched yet.
    pub(crate) fn of(issuer: &Issuer) -> Self {
        let issuer = issuer.clone();
        Self::with(Box::new(move || {
            let issuer = issuer.clone();
            Box::pin(async move { qc_mcp_tools::fetch_keys(&issuer, MAX_KEYS_BYTES).await })
        }))
    }

    pub(crate) fn with(fetch: Fetch) -> Self {
        Self { kept: RwLock::default(), asked: Mutex::default(), waiting: Semaphore::new(MOST_WAITING), fetch }
    }

    /// The issuer's key of that name and kind.
    ///
    /// # Errors
    /// [`NoKey`], also when too many wait for the issuer already.
    pub(crate) async fn find(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        now: Instant,
    ) -> Result<DecodingKey, NoKey> {
        let kept = self.kept();
        let found = kept.find(kid, algorithm);
        match found {
            Some(key) if kept.is_younger_than(MAX_AGE, now) => return usable_key(key),
            // Old but good: one request asks for newer ones, and nobody else waits for it.
            Some(_) if kept.is_younger_than(MAX_STALE, now) => {
                if let Ok(mut asked) = self.asked.try_lock() {
                    self.refresh(&mut asked, now).await;
                }
            }
            _ => {
                let _place = self.waiting.try_acquire().map_err(|_| NoKey::NotAtHand)?;
                self.refresh(&mut *self.asked.lock().await, now).await;
            }
        }
        let kept = self.kept();
        if !kept.is_younger_than(MAX_STALE, now) {
            return Err(NoKey::NotAtHand);
        }
        kept.find(kid, algorithm).map_or(Err(NoKey::Unknown), usable_key)
    }

    fn kept(&self) -> Kept {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn refresh(&self, asked: &mut Option<Instant>, now: Instant) {
        if asked.is_some_and(|asked| now.saturating_duration_since(asked) < PAUSE) {
            return;
        }
        *asked = Some(now);
        match (self.fetch)().await.and_then(|bytes| for_signatures(&bytes)) {
            Ok(keys) => {
                let fresh = Kept { keys: Arc::new(keys), came: Some(now) };
                *self.kept.write().unwrap_or_else(PoisonError::into_inner) = fresh;
            }
            Err(error) => warn!(error, "the issuer's keys cannot be fetched"),
        }
    }
}

fn usable_key(key: &Jwk) -> Result<DecodingKey, NoKey> {
    DecodingKey::from_jwk(key).map_err(|_| NoKey::Unusable)
}

/// The keys of a set that can check signatures; others in it are left out, not a reason to refuse all.
fn for_signatures(bytes: &[u8]) -> Result<Vec<Jwk>, String> {
    let set: serde_json::Value = serde_json::from_slice(bytes).map_err(|_| "the set of keys is not JSON".to_owned())?;
    let keys = set.get("keys").and_then(serde_json::Value::as_array).ok_or("the set of keys has no `keys`")?;
    let keys = keys.iter().filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok());
    Ok(keys.filter(|key| key.common.public_key_use.as_ref().is_none_or(|of| *of == PublicKeyUse::Signature)).collect())
}

/// Whether a key is of the algorithm's kind, and not meant for another.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    use jsonwebtoken::jwk::EllipticCurve;
    let is_kind = match &key.algorithm {
        AlgorithmParameters::RSA(_) => matches!(
            algorithm,
            Algorithm::RS256
                | Algorithm::RS384
                | Algorithm::RS512
                | Algorithm::PS256
                | Algorithm::PS384
                | Algorithm::PS512
        ),
        AlgorithmParameters::EllipticCurve(curve) => matches!(
            (&curve.curve, algorithm),
            (EllipticCurve::P256, Algorithm::ES256) | (EllipticCurve::P384, Algorithm::ES384)
        ),
        AlgorithmParameters::OctetKeyPair(_) => algorithm == Algorithm::EdDSA,
        // A secret in a public set is nobody's secret.
        AlgorithmParameters::OctetKey(_) => false,
    };
    let named = key.common.key_algorithm.and_then(|named| named.to_string().parse::<Algorithm>().ok());
    is_kind && (key.common.key_algorithm.is_none() || named == Some(algorithm))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Notify;

    fn set() -> Vec<u8> {
        let keys: Value = serde_json::from_str(include_str!("../../../tests/e2e/keys.json")).unwrap();
        json!({"keys": [keys["ours"]["jwk"]]}).to_string().into_bytes()
    }

    /// Keys whose second fetch hangs until told to go on.
    fn hanging() -> (Arc<Keys>, Arc<Notify>) {
        let (fetched, go_on) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let wait = Arc::clone(&go_on);
        let fetch: Fetch = Box::new(move || {
            let (first, wait) = (fetched.fetch_add(1, Ordering::SeqCst) == 0, Arc::clone(&wait));
            Box::pin(async move {
                if !first {
                    wait.notified().await;
                }
                Ok(set())
            })
        });
        (Arc::new(Keys::with(fetch)), go_on)
    }

    async fn ours(keys: &Keys, at: Instant) -> Result<DecodingKey, NoKey> {
        keys.find(Some("ours"), Algorithm::ES256, at).await
    }

    #[tokio::test]
    async fn a_slow_issuer_holds_up_neither_known_keys_nor_more_than_so_many_unknown_ones() {
        let (keys, go_on) = hanging();
        let begun = Instant::now();
        assert!(ours(&keys, begun).await.is_ok());
        let later = begun + MAX_AGE + PAUSE;
        let find = |kid: &'static str| {
            let keys = Arc::clone(&keys);
            tokio::spawn(async move { keys.find(Some(kid), Algorithm::ES256, later).await.err() })
        };
        let asking = find("ours");
        tokio::task::yield_now().await;
        // The one that asks hangs; the next does not wait for it.
        let next = tokio::time::timeout(Duration::from_secs(5), ours(&keys, later)).await;
        assert!(next.expect("waits for newer keys").is_ok());
        let made_up: Vec<_> = (0..MOST_WAITING).map(|_| find("made up")).collect();
        while 0 < keys.waiting.available_permits() {
            tokio::task::yield_now().await;
        }
        assert_eq!(find("made up").await.unwrap(), Some(NoKey::NotAtHand));
        go_on.notify_one();
        assert_eq!(asking.await.unwrap(), None);
        for one in made_up {
            assert_eq!(one.await.unwrap(), Some(NoKey::Unknown));
        }
        assert_eq!(keys.waiting.available_permits(), MOST_WAITING);
    }

    #[tokio::test]
    async fn without_any_keys_nobody_is_believed_and_nobody_is_called_a_liar() {
        let keys = Keys::with(Box::new(|| Box::pin(async { Err("no route".to_owned()) })));
        assert_eq!(ours(&keys, Instant::now()).await.err(), Some(NoKey::NotAtHand));
    }
}
