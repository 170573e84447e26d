//! What stands before the replicas, as the proxy does in production: people reach one address, and each
//! request goes to whichever replica has its turn.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use hyper::body::Incoming;
use hyper::client::conn::http1 as client;
use hyper::header::CONNECTION;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Passes requests on, one to the first replica and the next to the other, while it is open.
pub(crate) struct Front {
    /// `http://127.0.0.1:PORT`
    pub(crate) origin: String,
    is_shut: watch::Sender<bool>,
    is_silent: watch::Sender<bool>,
    book: Arc<Book>,
    /// Taken when it starts to serve.
    listener: Mutex<Option<TcpListener>>,
}

/// Whose turn it is, and who had it.
#[derive(Default)]
struct Book {
    turn: AtomicUsize,
    asked: Mutex<Vec<(usize, String)>>,
}

impl Front {
    /// Takes a port, on which nobody is served yet: the replicas have to know the address before they start.
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        Self {
            origin: format!("http://{address}"),
            is_shut: watch::Sender::new(false),
            is_silent: watch::Sender::new(false),
            book: Arc::default(),
            listener: Mutex::new(Some(listener)),
        }
    }

    /// Serves from now on, until the test's process ends.
    pub(crate) fn serve(&self, replicas: Vec<SocketAddr>) {
        let listener = self
            .listener
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let listener = listener.expect("it serves once");
        listener.set_nonblocking(true).expect("a socket of our own");
        let passing = Arc::new(Passing {
            replicas,
            book: Arc::clone(&self.book),
            connections: Mutex::default(),
        });
        let (is_shut, is_silent) = (self.is_shut.subscribe(), self.is_silent.subscribe());
        // A thread of its own: a story that keeps its runtime busy must not hold up the pages.
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime
                .expect("a runtime")
                .block_on(listen(listener, passing, is_shut, is_silent));
        });
    }

    /// The network between people and site is gone: whatever is open ends, and nobody is let in.
    pub(crate) fn shut(&self) {
        self.is_shut.send_replace(true);
    }

    /// Lets people in again.
    pub(crate) fn open(&self) {
        self.is_shut.send_replace(false);
    }

    /// Nothing comes through any more, though whatever is open stays so: a line that died without a word.
    pub(crate) fn fall_silent(&self) {
        self.is_silent.send_replace(true);
    }

    /// What was held up comes through.
    pub(crate) fn speak(&self) {
        self.is_silent.send_replace(false);
    }

    /// What each replica was asked so far, as `GET /path`, in the order of arrival.
    pub(crate) fn asked(&self) -> Vec<(usize, String)> {
        self.book
            .asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

struct Passing {
    replicas: Vec<SocketAddr>,
    book: Arc<Book>,
    /// The connections to the replicas, one a request.
    connections: Mutex<JoinSet<()>>,
}

async fn listen(
    listener: TcpListener,
    passing: Arc<Passing>,
    is_shut: watch::Receiver<bool>,
    is_silent: watch::Receiver<bool>,
) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("within a runtime");
    let mut arrived = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        if *is_shut.borrow() {
            continue;
        }
        while arrived.try_join_next().is_some() {}
        let passing = Arc::clone(&passing);
        let (mut is_shut, mut is_silent) = (is_shut.clone(), is_silent.clone());
        arrived.spawn(async move {
            let answer = service_fn(|request| passing.pass(request));
            let serving = server::Builder::new().serve_connection(TokioIo::new(stream), answer);
            let mut serving = pin!(serving);
            loop {
                let is_held = *is_silent.borrow_and_update();
                tokio::select! {
                    _ended = &mut serving, if !is_held => break,
                    _shut = is_shut.wait_for(|is_shut| *is_shut) => break,
                    _turned = is_silent.changed() => (),
                }
            }
        });
    }
}

impl Passing {
    /// Passes a request on and its answer back, as far as it has come.
    async fn pass(&self, mut request: Request<Incoming>) -> io::Result<Response<Incoming>> {
        let (replica, stream) = self.next_replica().await?;
        self.book.write(replica, &request);
        request.headers_mut().remove(CONNECTION);
        let (mut sender, connection) = client::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        self.keep(connection);
        sender.send_request(request).await.map_err(io::Error::other)
    }

    /// A connection to the replica whose turn it is, or, where that one is gone, to the other.
    async fn next_replica(&self) -> io::Result<(usize, TcpStream)> {
        let mut gone = None;
        for _ in &self.replicas {
            let replica = self.book.turn.fetch_add(1, Ordering::Relaxed) % self.replicas.len();
            match TcpStream::connect(self.replicas[replica]).await {
                Ok(stream) => return Ok((replica, stream)),
                Err(error) => gone = Some(error),
            }
        }
        Err(gone.unwrap_or_else(|| io::Error::other("no replica")))
    }

    fn keep(&self, connection: client::Connection<TokioIo<TcpStream>, Incoming>) {
        let mut connections = self
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while connections.try_join_next().is_some() {}
        connections.spawn(async move {
            // It ends with its request, in whichever way that ends.
            let _ended = connection.await;
        });
    }
}

impl Book {
    fn write(&self, replica: usize, request: &Request<Incoming>) {
        let line = format!("{} {}", request.method(), request.uri());
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((replica, line));
    }
}
