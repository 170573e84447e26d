//! The way to the replicas: by their own address or by another, in the clear or by TLS, and not off this
//! machine unless that is said.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::cli::Target;
use crate::connection::{Connection, Stream};
use crate::failure::Broken;
use crate::misused::Misused;
use crate::replica::Replica;

/// A way.
pub(crate) struct Way {
    /// Where to connect to instead of the replica's own address.
    connect: Option<SocketAddr>,
    tls: Option<TlsConnector>,
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Way")
            .field("connect", &self.connect)
            .finish_non_exhaustive()
    }
}

impl Way {
    /// The way to a target.
    ///
    /// # Errors
    /// When it leads off this machine without leave, a name or the file of certificates cannot be read, or
    /// an `https` address has nobody to vouch for it.
    pub(crate) async fn to(target: &Target) -> Result<Self, Misused> {
        if !target.allow_remote {
            stay_here(target).await?;
        }
        if target.ca.is_none() && target.replicas.iter().any(Replica::is_encrypted) {
            let words = "an https address needs --ca, the certificates to trust";
            return Err(Misused(words.to_owned()));
        }
        Ok(Self {
            connect: target.connect,
            tls: target.ca.as_deref().map(trusting).transpose()?,
        })
    }

    /// Connects to a replica.
    ///
    /// # Errors
    /// When nobody listens there, or whoever does cannot prove to be it.
    pub(crate) async fn open(&self, replica: &Replica) -> Result<Connection, Broken> {
        let stream = match self.connect {
            Some(address) => TcpStream::connect(address).await,
            None => TcpStream::connect(&replica.address).await,
        };
        let stream = stream.map_err(|error| Broken::connecting(&error))?;
        stream
            .set_nodelay(true)
            .map_err(|error| Broken::connecting(&error))?;
        let stream: Stream = match (&replica.server_name, &self.tls) {
            (Some(name), Some(tls)) => {
                let encrypted = tls.connect(name.clone(), stream).await;
                Box::new(encrypted.map_err(|error| Broken::encrypting(&error))?)
            }
            _ => Box::new(stream),
        };
        Connection::over(stream).await
    }
}

/// Load is for what runs on this machine: whatever listens elsewhere may be somebody's.
async fn stay_here(target: &Target) -> Result<(), Misused> {
    let own = target.replicas.iter().map(|replica| &replica.address);
    let addresses: Vec<String> = match target.connect {
        Some(address) => vec![address.to_string()],
        None => own.cloned().collect(),
    };
    for address in addresses {
        let found = lookup_host(&address).await;
        let mut found =
            found.map_err(|error| Misused(format!("cannot find {address}: {error}")))?;
        if let Some(remote) = found.find(|one| !one.ip().to_canonical().is_loopback()) {
            return Err(Misused(format!(
                "{address} is {}, not this machine's loopback; --allow-remote if that is meant",
                remote.ip()
            )));
        }
    }
    Ok(())
}

/// TLS that trusts the certificates in the file, and nobody else.
fn trusting(path: &Path) -> Result<TlsConnector, Misused> {
    let misused = |words: String| Misused(format!("{}: {words}", path.display()));
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path);
    for certificate in certificates.map_err(|error| misused(error.to_string()))? {
        let certificate = certificate.map_err(|error| misused(error.to_string()))?;
        let added = roots.add(certificate);
        added.map_err(|error| misused(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(misused("no certificate is in it".to_owned()));
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| misused(error.to_string()))?;
    let mut settings = builder.with_root_certificates(roots).with_no_client_auth();
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(settings)))
}
