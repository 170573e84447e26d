//! A proxy that speaks TLS as `ticker.lab`, passes on what it hears, and breaks the connections it is told to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::program::Folder;

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is passed on.
    Passed,
    /// It is passed on, and for this long nobody listens any more.
    PassedAsTheLast(Duration),
    /// It is answered in the clear.
    InTheClear,
    /// Nothing is said.
    Ignored,
    /// The request is read, and nothing said.
    Unanswered,
    /// The request is read and the connection closed.
    Closed,
    /// The request is read and the connection thrown away.
    Reset,
    /// The answer stops in its middle.
    Half,
    /// The request is answered so.
    Answered(u16),
}

/// A running front; it ends when dropped.
pub(crate) struct Front {
    address: SocketAddr,
    _listener: JoinSet<()>,
}

impl Front {
    /// Starts one before the replica at `url`, and writes its certificate to the folder's `ca.pem`. The
    /// connections have `fates`, and then all are passed on.
    pub(crate) async fn start(url: &str, folder: &Folder, fates: &[Fate]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let own = rcgen::generate_simple_self_signed(["ticker.lab".to_owned()]).unwrap();
        folder.write("ca.pem", &own.cert.pem());
        let key = PrivateKeyDer::Pkcs8(own.signing_key.serialize_der().into());
        let settings = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .unwrap();
        let front = Serving {
            behind: url.trim_start_matches("http://").to_owned(),
            tls: TlsAcceptor::from(Arc::new(settings)),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(listen(listener, Arc::new(front), fates.to_vec().into()));
        Self {
            address,
            _listener: tasks,
        }
    }

    /// The arguments that lead here.
    pub(crate) fn arguments(&self, folder: &Folder) -> String {
        let (address, ca) = (self.address, folder.path("ca.pem"));
        format!("--url https://ticker.lab --connect {address} --ca {ca}")
    }
}

struct Serving {
    behind: String,
    tls: TlsAcceptor,
}

async fn listen(mut listener: TcpListener, front: Arc<Serving>, mut fates: VecDeque<Fate>) {
    let address = listener.local_addr().unwrap();
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let fate = fates.pop_front().unwrap_or(Fate::Passed);
        let front = Arc::clone(&front);
        if let Fate::PassedAsTheLast(time) = fate {
            drop(listener);
            connections.spawn(async move { front.serve(stream, Fate::Passed).await });
            tokio::time::sleep(time).await;
            listener = TcpListener::bind(address).await.unwrap();
        } else {
            connections.spawn(async move { front.serve(stream, fate).await });
        }
    }
}

impl Serving {
    async fn serve(&self, mut stream: TcpStream, fate: Fate) {
        match fate {
            Fate::InTheClear => {
                let _gone = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
                return;
            }
            Fate::Ignored => std::future::pending().await,
            _ => (),
        }
        // The client may not trust us, and says so by going away.
        let Ok(mut tls) = self.tls.accept(stream).await else {
            return;
        };
        if fate == Fate::Passed {
            let mut behind = TcpStream::connect(&self.behind).await.unwrap();
            let _ended = copy_bidirectional(&mut tls, &mut behind).await;
            return;
        }
        let read = tls.read(&mut [0; 4_096]).await.unwrap();
        assert!(read > 0, "a request was to come");
        let answer = match fate {
            Fate::Unanswered => std::future::pending().await,
            Fate::Reset => return tls.get_ref().0.set_zero_linger().unwrap(),
            Fate::Half => "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_owned(),
            Fate::Answered(status) => format!("HTTP/1.1 {status} So\r\ncontent-length: 0\r\n\r\n"),
            _ => String::new(),
        };
        let _gone = tls.write_all(answer.as_bytes()).await;
        let _gone = tls.shutdown().await;
    }
}
