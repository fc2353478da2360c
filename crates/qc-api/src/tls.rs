//! TLS that works on a desktop and in a container without certificates.
//!
//! The system's own roots are used; where there are none (a bare container), Mozilla's list that is compiled in.
//! Nothing is installed process-wide, and nothing here can turn certificate checks off.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// A configuration that trusts the system's roots.
pub(crate) fn with_system_roots() -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    let (usable, _unusable) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if usable == 0 {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    with_roots(roots)
}

/// A configuration that trusts nobody, for clients that only speak http on loopback.
pub(crate) fn without_roots() -> Result<ClientConfig, String> {
    with_roots(RootCertStore::empty())
}

/// A configuration that trusts these roots.
pub(crate) fn with_roots(roots: RootCertStore) -> Result<ClientConfig, String> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_in_roots_are_there() {
        assert!(100 < webpki_roots::TLS_SERVER_ROOTS.len());
        assert!(with_system_roots().is_ok());
    }

    #[test]
    fn http_2_is_offered_first() {
        for config in [with_system_roots().unwrap(), without_roots().unwrap()] {
            assert_eq!(config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
        }
    }
}
