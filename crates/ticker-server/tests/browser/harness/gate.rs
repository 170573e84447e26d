//! A gate between server and database: while it is shut, the database is gone, as for a server whose
//! network broke.

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ticker_testkit::TestDatabase;

/// Passes bytes while it is open.
pub(crate) struct Gate {
    port: u16,
    passing: Arc<Mutex<Passing>>,
}

struct Passing {
    is_shut: bool,
    streams: Vec<TcpStream>,
}

impl Gate {
    /// A gate before the database's server, open.
    pub(crate) fn before(db: &TestDatabase) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let beyond = authority(&db.settings(1).url).to_owned();
        let passing = Arc::new(Mutex::new(Passing {
            is_shut: false,
            streams: Vec::new(),
        }));
        let watched = Arc::clone(&passing);
        // Ends with the test's process.
        thread::spawn(move || {
            for arrived in listener.incoming().flatten() {
                // One that is not let through is dropped, which closes it.
                let _ = let_through(arrived, &beyond, &watched);
            }
        });
        Self { port, passing }
    }

    /// The database's URL, through the gate.
    pub(crate) fn url(&self, url: &str) -> String {
        url.replace(authority(url), &format!("127.0.0.1:{}", self.port))
    }

    /// Ends what passes and lets nothing else through.
    pub(crate) fn shut(&self) {
        let mut passing = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        passing.is_shut = true;
        for stream in passing.streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Lets through again.
    pub(crate) fn open(&self) {
        self.passing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_shut = false;
    }
}

/// `HOST:PORT` of a database URL.
fn authority(url: &str) -> &str {
    let (_, rest) = url.split_once('@').expect("a URL with a login");
    rest.split_once('/').expect("a URL with a database").0
}

fn let_through(arrived: TcpStream, beyond: &str, passing: &Mutex<Passing>) -> io::Result<()> {
    let mut passing = passing.lock().unwrap_or_else(PoisonError::into_inner);
    if passing.is_shut {
        return Ok(());
    }
    let departed = TcpStream::connect(beyond)?;
    passing
        .streams
        .extend([arrived.try_clone()?, departed.try_clone()?]);
    pass(arrived.try_clone()?, departed.try_clone()?);
    pass(departed, arrived);
    Ok(())
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
}
