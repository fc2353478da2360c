//! The server's key and what is made with it: keyed hashes that only this server, or its copies with the same key, can
//! make. Keys for different uses are derived apart, so that a hash made for one use means nothing in another.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The bytes of a key and of a hash.
const BYTES: usize = 32;

/// A key. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; BYTES]>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(***)")
    }
}

impl Key {
    /// The key that a secret of any length stands for.
    pub fn of_secret(secret: &[u8]) -> Key {
        Key(Zeroizing::new(Sha256::digest(secret).into()))
    }

    /// A fresh key; `None` if the system has no randomness.
    pub(crate) fn random() -> Option<Key> {
        let mut bytes = Zeroizing::new([0_u8; BYTES]);
        getrandom::fill(&mut *bytes).ok()?;
        Some(Key(bytes))
    }

    /// Its bytes as text, for the one file that keeps it.
    pub(crate) fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(*self.0))
    }

    /// A key for one use.
    pub(crate) fn derive(&self, purpose: &str) -> Key {
        Key(Zeroizing::new(self.hash(&[b"derive", purpose.as_bytes()])))
    }

    /// The keyed hash of these parts, each with its length, so that no two lists of parts look alike.
    pub(crate) fn hash(&self, parts: &[&[u8]]) -> [u8; BYTES] {
        // A key of 32 bytes is never refused.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&*self.0) else { return [0; BYTES] };
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Whether `hash` (or its beginning, 16 bytes at least) is that of the parts; takes the same time whatever differs.
    pub(crate) fn verifies(&self, parts: &[&[u8]], hash: &[u8]) -> bool {
        let own = self.hash(parts);
        let Some(own) = own.get(..hash.len()).filter(|own| BYTES / 2 <= own.len()) else { return false };
        own.iter().zip(hash).fold(0_u8, |differs, (a, b)| differs | (a ^ b)) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_differ_by_key_use_and_parts() {
        let key = Key::of_secret(b"secret");
        let other = Key::of_secret(b"secret2");
        let all = [
            key.hash(&[b"ab", b"c"]),
            key.hash(&[b"a", b"bc"]),
            key.hash(&[b"abc"]),
            other.hash(&[b"ab", b"c"]),
            key.derive("x").hash(&[b"ab", b"c"]),
            key.derive("y").hash(&[b"ab", b"c"]),
        ];
        let mut distinct = all.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), all.len());
        assert!(!format!("{key:?}").contains(&hex::encode(*key.0)));
    }

    #[test]
    fn only_the_right_hash_verifies_and_half_of_it_is_the_least() {
        let key = Key::random().unwrap();
        let hash = key.hash(&[b"a"]);
        assert!(key.verifies(&[b"a"], &hash) && key.verifies(&[b"a"], &hash[..16]));
        assert!(!key.verifies(&[b"b"], &hash) && !key.verifies(&[b"a"], &hash[..15]) && !key.verifies(&[b"a"], &[]));
        let mut wrong = hash;
        wrong[31] ^= 1;
        assert!(!key.verifies(&[b"a"], &wrong));
    }
}
