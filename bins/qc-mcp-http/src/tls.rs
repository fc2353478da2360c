//! TLS by flag: certificate chain and key from files.

use std::path::Path;
use std::sync::Arc;

use axum_server::tls_rustls::RustlsConfig;
use qc_mcp_tools::Settings;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The configuration the settings ask for, if they ask for TLS.
///
/// # Errors
/// Files that cannot be read, or do not belong together; the texts name the settings, never what is in the files.
pub(crate) fn config(settings: &Settings) -> Result<Option<RustlsConfig>, String> {
    let (Some(chain), Some(key)) = (&settings.team.tls_cert, &settings.team.tls_key) else { return Ok(None) };
    let at = |path: &Path| settings.working_folder.join(path);
    let chain = CertificateDer::pem_file_iter(at(chain))
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|_| "QC_MCP_TLS_CERT cannot be read as a chain of certificates (PEM)".to_owned())?;
    let key = PrivateKeyDer::from_pem_file(at(key))
        .map_err(|_| "QC_MCP_TLS_KEY cannot be read as a private key (PEM)".to_owned())?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| format!("QC_MCP_TLS_CERT and QC_MCP_TLS_KEY do not fit: {error}"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(RustlsConfig::from_config(Arc::new(config))))
}
