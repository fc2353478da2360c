//! Tokens of a configured issuer (JWT): signed with an asymmetric key of the issuer's published set, made for this
//! server, and valid now. Addresses of keys inside a token are never looked at, and the token goes nowhere else.

use std::time::Instant;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use qc_mcp_tools::settings::Issuer;
use serde::Deserialize;

use crate::jwks::{Keys, NoKey};

/// What a token may be signed with: no secret that both sides know, and never nothing.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// How far the clocks of issuer and server may differ.
const LEEWAY_SECONDS: u64 = 60;

/// The largest token that is looked at.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// What a valid token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) subject: String,
    pub(crate) scopes: Vec<String>,
    /// Seconds since 1970.
    pub(crate) expires: u64,
}

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unbelieved {
    /// Because of what it is, in words for the log; none of them quotes the token.
    Token(&'static str),
    /// The issuer's keys are not at hand, so nobody knows.
    NoKeys,
}

/// Checks tokens.
pub(crate) struct Verifier {
    issuer: Issuer,
    keys: Keys,
}

#[derive(Deserialize)]
struct Raw {
    iss: String,
    sub: String,
    exp: f64,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    scp: Option<Scopes>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scopes {
    One(String),
    Many(Vec<String>),
}

impl Verifier {
    /// A verifier that fetches the issuer's keys with the first token.
    pub(crate) fn new(issuer: Issuer) -> Self {
        Self { keys: Keys::of(&issuer), issuer }
    }

    /// What the token says, if it is to be believed.
    pub(crate) async fn verify(&self, token: &str) -> Result<Claims, Unbelieved> {
        self.verify_at(token, Instant::now()).await
    }

    async fn verify_at(&self, token: &str, now: Instant) -> Result<Claims, Unbelieved> {
        let no = Unbelieved::Token;
        if MAX_TOKEN_BYTES < token.len() {
            return Err(no("it is too long"));
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| no("its header cannot be read"))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(no("its algorithm is not asymmetric"));
        }
        if names_what_must_be_understood(token) {
            return Err(no("its header names extensions that must be understood"));
        }
        let key = self.keys.find(header.kid.as_deref(), header.alg, now).await.map_err(|none| match none {
            NoKey::Unknown => no("its key is not among the issuer's"),
            NoKey::Unusable => no("the issuer's key cannot be used"),
            NoKey::NotAtHand => Unbelieved::NoKeys,
        })?;
        let mut rules = Validation::new(header.alg);
        rules.leeway = LEEWAY_SECONDS;
        rules.validate_nbf = true;
        rules.set_issuer(&[&self.issuer.issuer]);
        rules.set_audience(&[&self.issuer.audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let raw = jsonwebtoken::decode::<Raw>(token, &key, &rules).map_err(|error| no(in_words(error.kind())))?.claims;
        if raw.iss != self.issuer.issuer || raw.sub.is_empty() {
            return Err(no("its issuer or subject is not exact"));
        }
        let mut scopes: Vec<String> = raw.scope.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        match raw.scp {
            Some(Scopes::One(text)) => scopes.extend(text.split_whitespace().map(str::to_owned)),
            Some(Scopes::Many(list)) => scopes.extend(list),
            None => {}
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates, which is what a far end means
        let expires = raw.exp as u64;
        Ok(Claims { subject: raw.sub, scopes, expires })
    }
}

/// What is wrong with a token, in words that hold nothing of it.
fn in_words(error: &ErrorKind) -> &'static str {
    match error {
        ErrorKind::InvalidSignature => "its signature is wrong",
        ErrorKind::ExpiredSignature => "it has expired",
        ErrorKind::ImmatureSignature => "it is not valid yet",
        ErrorKind::InvalidIssuer => "it is of another issuer",
        ErrorKind::InvalidAudience => "it is for another audience",
        ErrorKind::MissingRequiredClaim(_) => "a claim is missing",
        _ => "it cannot be read",
    }
}

/// Whether the header has `crit`: whoever does not understand what it names must not believe the token.
fn names_what_must_be_understood(token: &str) -> bool {
    let header = token.split('.').next().and_then(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok());
    let header = header.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    header.is_none_or(|header| header.get("crit").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwks::Fetch;
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::{Value, json};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    /// Keys made for these tests; they open nothing.
    const KEYS: &str = include_str!("../../../tests/e2e/keys.json");

    fn keys() -> Value {
        serde_json::from_str(KEYS).unwrap()
    }

    fn issuer() -> Issuer {
        Issuer {
            issuer: "https://id.example.com".into(),
            audience: "https://qc.example.com/mcp".into(),
            jwks_url: "https://id.example.com/keys".into(),
            loopback: false,
        }
    }

    fn now() -> u64 {
        jsonwebtoken::get_current_timestamp()
    }

    fn claims() -> Value {
        json!({"iss": "https://id.example.com", "sub": "ann", "aud": "https://qc.example.com/mcp",
            "exp": now() + 600, "scope": "a quantconnect:delete"})
    }

    fn signed_by(name: &str, header: Header, claims: &Value) -> String {
        let der = BASE64_URL_SAFE_NO_PAD.decode(keys()[name]["pkcs8"].as_str().unwrap()).unwrap();
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ec_der(&der)).unwrap()
    }

    fn header(kid: &str) -> Header {
        Header { kid: Some(kid.into()), ..Header::new(Algorithm::ES256) }
    }

    fn good(claims: &Value) -> String {
        signed_by("ours", header("ours"), claims)
    }

    fn verifier() -> (Verifier, Arc<AtomicUsize>) {
        let fetched = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&fetched);
        let fetch: Fetch = Box::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
            let mut odd = keys()["ours"]["jwk"].clone();
            odd["kty"] = json!("unheard-of");
            let secret = json!({"kty": "oct", "kid": "secret", "k": "c2VjcmV0", "alg": "HS256"});
            let set = json!({"keys": [odd, secret, keys()["ours"]["jwk"]]});
            Box::pin(async move { Ok(set.to_string().into_bytes()) })
        });
        (Verifier { issuer: issuer(), keys: Keys::with(fetch) }, fetched)
    }

    #[tokio::test]
    async fn a_good_token_says_who_and_what_for() {
        let said = verifier().0.verify(&good(&claims())).await.unwrap();
        assert_eq!((said.subject.as_str(), said.scopes.len()), ("ann", 2));
        let mut several = claims();
        several["aud"] = json!(["https://other.example.com", "https://qc.example.com/mcp"]);
        several["scp"] = json!(["quantconnect:live"]);
        assert!(verifier().0.verify(&good(&several)).await.unwrap().scopes.contains(&"quantconnect:live".to_owned()));
    }

    #[tokio::test]
    async fn wrong_claims_are_not_believed() {
        for (claim, value) in [
            ("iss", json!("https://id.example.com/")),
            ("iss", json!(["https://id.example.com"])),
            ("iss", Value::Null),
            ("aud", json!("https://other.example.com/mcp")),
            ("aud", Value::Null),
            ("sub", Value::Null),
            ("sub", json!("")),
            ("exp", json!(now() - 61)),
            ("exp", Value::Null),
            ("nbf", json!(now() + 120)),
        ] {
            let mut wrong = claims();
            wrong[claim] = value.clone();
            if value.is_null() {
                wrong.as_object_mut().unwrap().remove(claim);
            }
            assert!(verifier().0.verify(&good(&wrong)).await.is_err(), "{claim} = {value}");
        }
        let mut late = claims();
        late["exp"] = json!(now() - 30);
        late["nbf"] = json!(now() + 30);
        assert!(verifier().0.verify(&good(&late)).await.is_ok(), "a minute of difference between clocks is allowed");
    }

    #[tokio::test]
    async fn foreign_keys_and_shared_secrets_are_not_believed() {
        let (verifier, _) = verifier();
        let foreign = signed_by("foreign", header("ours"), &claims());
        assert!(verifier.verify(&foreign).await.is_err());
        // The public key as a shared secret: the classic confusion.
        let point = keys()["ours"]["jwk"]["x"].as_str().unwrap().to_owned();
        for secret in [point.as_bytes(), b"secret"] {
            let header = Header { kid: Some("secret".into()), ..Header::new(Algorithm::HS256) };
            let shared = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap();
            assert!(verifier.verify(&shared).await.is_err());
        }
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let none = format!("{}.{}.", part(&json!({"alg": "none", "kid": "ours"})), part(&claims()));
        assert!(verifier.verify(&none).await.is_err());
        let token = good(&claims());
        let mut parts = token.split('.');
        let (head, tail) = (parts.next().unwrap(), parts.nth(1).unwrap());
        let mut other = claims();
        other["sub"] = json!("bob");
        assert!(verifier.verify(&format!("{head}.{}.{tail}", part(&other))).await.is_err());
        for broken in ["", "a", "a.b.c", &token[..token.len() - 4], &"x".repeat(MAX_TOKEN_BYTES + 1)] {
            assert!(verifier.verify(broken).await.is_err(), "{broken}");
        }
    }

    #[tokio::test]
    async fn keys_inside_a_token_are_ignored() {
        let (verifier, fetched) = verifier();
        let mut inside = header("foreign");
        inside.jku = Some("https://evil.example.com/keys".into());
        inside.x5u = Some("https://evil.example.com/cert".into());
        inside.jwk = serde_json::from_value(keys()["foreign"]["jwk"].clone()).ok();
        assert!(verifier.verify(&signed_by("foreign", inside.clone(), &claims())).await.is_err());
        inside.kid = Some("ours".into());
        assert!(verifier.verify(&signed_by("foreign", inside.clone(), &claims())).await.is_err());
        assert!(verifier.verify(&signed_by("ours", inside, &claims())).await.is_ok(), "they change nothing either");
        assert_eq!(fetched.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn an_unknown_key_is_asked_for_once_a_minute() {
        let (verifier, fetched) = verifier();
        let begun = Instant::now();
        let unknown = signed_by("foreign", header("unknown"), &claims());
        for second in [0, 1, 30, 59] {
            let at = begun + Duration::from_secs(second);
            assert!(verifier.verify_at(&unknown, at).await.is_err());
            assert!(verifier.verify_at(&good(&claims()), at).await.is_ok());
        }
        assert_eq!(fetched.load(Ordering::SeqCst), 1);
        assert!(verifier.verify_at(&unknown, begun + Duration::from_secs(61)).await.is_err());
        assert_eq!(fetched.load(Ordering::SeqCst), 2);
        assert!(verifier.verify_at(&good(&claims()), begun + Duration::from_secs(61 + 3601)).await.is_ok());
        assert_eq!(fetched.load(Ordering::SeqCst), 3, "old keys are asked for again");
    }

    #[tokio::test]
    async fn extensions_that_must_be_understood_are_not_believed() {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(&json!({"alg": "ES256", "kid": "ours", "crit": ["x"], "x": 1}));
        let token = format!("{head}.{}.AAAA", part(&claims()));
        let why = verifier().0.verify(&token).await.unwrap_err();
        assert_eq!(why, Unbelieved::Token("its header names extensions that must be understood"));
    }

    #[tokio::test]
    async fn why_a_token_is_not_believed_quotes_nothing_of_it() {
        for (claim, value) in [("exp", json!("planted")), ("scope", json!({"planted": 1})), ("sub", json!(["planted"]))]
        {
            let mut odd = claims();
            odd[claim] = value;
            let why = verifier().0.verify(&good(&odd)).await.unwrap_err();
            assert!(!format!("{why:?}").contains("planted"), "{why:?}");
        }
    }
}
