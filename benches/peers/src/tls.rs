//! The certificate that both sides show each other, as both of ours prove their keys.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// Whom the certificate is for.
pub const NAME: &str = "peer";

/// The protocol that runs above.
pub const PROTOCOL: &[u8] = b"bench";

fn identity() -> (CertificateDer<'static>, PrivatePkcs8KeyDer<'static>) {
    static PAIR: OnceLock<(CertificateDer<'static>, Vec<u8>)> = OnceLock::new();
    let (certificate, key) = PAIR.get_or_init(|| {
        let pair = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]);
        let pair = pair.expect("a certificate");
        (pair.cert.der().clone(), pair.signing_key.serialize_der())
    });
    (certificate.clone(), PrivatePkcs8KeyDer::from(key.clone()))
}

fn roots() -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(identity().0).map_err(io::Error::other)?;
    Ok(roots)
}

/// A server that asks for its clients' certificate.
pub fn server(provider: CryptoProvider) -> io::Result<ServerConfig> {
    let (certificate, key) = identity();
    let provider = Arc::new(provider);
    let roots = Arc::new(roots()?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(io::Error::other)?
        .with_client_cert_verifier(verifier.build().map_err(io::Error::other)?)
        .with_single_cert(vec![certificate], key.into())
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(config)
}

/// A client that shows its own.
pub fn client(provider: CryptoProvider) -> io::Result<ClientConfig> {
    let (certificate, key) = identity();
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13])
        .map_err(io::Error::other)?
        .with_root_certificates(roots()?)
        .with_client_auth_cert(vec![certificate], key.into())
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(config)
}
