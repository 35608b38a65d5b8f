//! TLS around carriers, for networks that let nothing else through.
//!
//! It hides nothing that is not sealed already and authenticates nobody: the handshake inside does,
//! by the server's own key. Its use is to look like what such networks expect, so the certificate
//! may be any that the operator has.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, ServerConfig};

/// How often the files are looked at. Certificates are renewed weeks before they expire.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// A certificate and its key, in PEM files as ACME clients write them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Certificate {
    /// The certificate, and after it those that lead to the authority.
    pub chain: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the TLS certificate {} with the key {} cannot be used: {cause}", files.chain.display(), files.key.display())]
pub struct CertificateError {
    files: Certificate,
    cause: String,
}

/// The certificate in use, which follows its files.
#[derive(Debug)]
pub(super) struct Tls {
    files: Certificate,
    acceptor: Acceptor,
    /// When the files in use were written.
    written: [Option<SystemTime>; 2],
    looked_at: Instant,
}

/// `TlsAcceptor` shows nothing of itself.
struct Acceptor(TlsAcceptor);

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("..")
    }
}

impl Tls {
    pub(super) fn load(files: Certificate, now: Instant) -> Result<Self, CertificateError> {
        let written = files.written();
        let acceptor = files.load()?;
        Ok(Self { files, acceptor, written, looked_at: now })
    }

    /// Accepts with the newest certificate. One that cannot be read does not replace one that can.
    pub(super) fn acceptor(&mut self, now: Instant) -> TlsAcceptor {
        if now.saturating_duration_since(self.looked_at) >= LOOK_AGAIN {
            self.looked_at = now;
            let written = self.files.written();
            if written != self.written {
                match self.files.load() {
                    Ok(acceptor) => {
                        (self.acceptor, self.written) = (acceptor, written);
                        tracing::info!("the TLS certificate was renewed");
                    }
                    Err(error) => tracing::warn!("{error}. The old one stays in use"),
                }
            }
        }
        self.acceptor.0.clone()
    }
}

impl Certificate {
    /// Reads the files as the server would.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] if one is missing, is no PEM, or does not belong to the other.
    pub fn check(&self) -> Result<(), CertificateError> {
        self.load().map(drop)
    }

    fn load(&self) -> Result<Acceptor, CertificateError> {
        let failed = |cause: String| CertificateError { files: self.clone(), cause };
        let chain = CertificateDer::pem_file_iter(&self.chain)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| failed(error.to_string()))?;
        let key =
            PrivateKeyDer::from_pem_file(&self.key).map_err(|error| failed(error.to_string()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| failed(error.to_string()))?;
        Ok(Acceptor(TlsAcceptor::from(Arc::new(config))))
    }

    fn written(&self) -> [Option<SystemTime>; 2] {
        [&self.chain, &self.key]
            .map(|path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a new certificate where `files` says.
    fn issue(files: &Certificate) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
        fs::write(&files.chain, made.cert.pem()).expect("written");
        fs::write(&files.key, made.signing_key.serialize_pem()).expect("written");
    }

    #[test]
    fn a_renewed_certificate_is_taken_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().expect("folder");
        let files = Certificate {
            chain: folder.path().join("chain.pem"),
            key: folder.path().join("key.pem"),
        };
        let now = Instant::now();
        let error = Tls::load(files.clone(), now).expect_err("there is none").to_string();
        assert!(error.contains("chain.pem"), "{error}");
        issue(&files);
        assert!(files.check().is_ok());
        let mut tls = Tls::load(files.clone(), now).expect("a certificate");
        let config = |tls: &mut Tls, after| Arc::clone(tls.acceptor(now + after).config());
        let first = config(&mut tls, Duration::ZERO);
        tls.written = [None, None];
        assert!(Arc::ptr_eq(&first, &config(&mut tls, LOOK_AGAIN / 2)), "not looked at yet");
        let second = config(&mut tls, LOOK_AGAIN);
        assert!(!Arc::ptr_eq(&first, &second));
        fs::write(&files.key, "no key").expect("written");
        tls.written = [None, None];
        assert!(Arc::ptr_eq(&second, &config(&mut tls, 2 * LOOK_AGAIN)));
    }
}
