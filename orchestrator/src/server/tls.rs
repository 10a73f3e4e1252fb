//! TLS: the chain of certificates and its key, as they stand in files.

use std::{
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem},
    },
    server::TlsStream,
};

use super::listen::ListenError;

/// The keys of TLS.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// Reads a chain of certificates and its key, both PEM. A key that others may read is no secret, and is refused.
    pub fn read(certificates: &Path, key: &Path) -> Result<Self, ListenError> {
        let chain: Vec<_> = CertificateDer::pem_file_iter(certificates)
            .and_then(Iterator::collect)
            .map_err(|error| unusable(certificates, &error, CHAIN))?;
        if chain.is_empty() {
            return Err(bad(certificates, "it holds no certificate", CHAIN));
        }
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error, KEY))?;
        let mode =
            std::fs::metadata(key).map_err(|error| bad(key, &error.to_string(), KEY))?.permissions().mode();
        if mode & 0o007 != 0 {
            let reason = format!("everyone on this machine may use it (mode {:o})", mode & 0o777);
            return Err(bad(key, &reason, "`chmod 600` lets nobody but its owner read it"));
        }
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, private);
        let config = config.map_err(|error| bad(certificates, &error.to_string(), PAIR))?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Agrees on keys with a client.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.0.accept(stream).await
    }
}

/// What a file of certificates is.
const CHAIN: &str =
    "give the certificate and those that signed it as PEM: `-----BEGIN CERTIFICATE-----` and so on";

/// What a file of a key is.
const KEY: &str =
    "give the certificate's own key as PEM, without a passphrase: `-----BEGIN PRIVATE KEY-----` and so on";

/// What the two are to each other.
const PAIR: &str = "give the key that the first certificate was made for";

fn bad(path: &Path, reason: &str, hint: &'static str) -> ListenError {
    ListenError::Certificate { path: PathBuf::from(path), reason: reason.to_owned(), hint }
}

fn unusable(path: &Path, error: &pem::Error, hint: &'static str) -> ListenError {
    let reason = match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "nothing of that kind is in it".into(),
        pem::Error::MissingSectionEnd { .. } => "it ends in the middle".into(),
        other => other.to_string(),
    };
    bad(path, &reason, hint)
}
