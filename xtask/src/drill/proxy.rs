//! A TCP proxy that can be told to cut, to stall, and to change what it passes on.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result};

/// A proxy on a free port of 127.0.0.1. Dropping it cuts everything.
pub(super) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Passes everything on.
    Open,
    /// Passes nothing on, as a network that drops packets; what came meanwhile is passed on later.
    Stalled,
    /// Has cut every connection, and cuts new ones.
    Cut,
    /// Is no more.
    Gone,
}

/// Bytes that are replaced on the way to the server by as many others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rewrite {
    pub(super) from: &'static [u8],
    pub(super) to: &'static [u8],
    /// Only each time of so many.
    pub(super) every: u32,
}

struct Shared {
    /// Where it leads, on 127.0.0.1.
    port: u16,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    mode: Mode,
    rewrite: Option<Rewrite>,
    /// How often what is to be replaced has been met.
    met: u32,
    /// Both ends of each connection, as far as they are not closed.
    ends: Vec<TcpStream>,
}

impl Proxy {
    /// A proxy to a port of 127.0.0.1.
    ///
    /// # Errors
    /// When there is no free port.
    pub(super) fn to(port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
        let state = State {
            mode: Mode::Open,
            rewrite: None,
            met: 0,
            ends: Vec::new(),
        };
        let shared = Arc::new(Shared {
            port,
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let proxy = Self {
            port: listener.local_addr()?.port(),
            shared: Arc::clone(&shared),
        };
        thread::spawn(move || accept(&listener, &shared));
        Ok(proxy)
    }

    /// Where it listens.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// From now on does this.
    pub(super) fn set(&self, mode: Mode) {
        let mut state = self.shared.lock();
        state.mode = mode;
        if matches!(mode, Mode::Cut | Mode::Gone) {
            for end in state.ends.drain(..) {
                // Closed by itself in the meantime is as good.
                let _ = end.shutdown(Shutdown::Both);
            }
        }
        self.shared.changed.notify_all();
    }

    /// From now on replaces this.
    pub(super) fn rewrite(&self, rewrite: Rewrite) {
        self.shared.lock().rewrite = Some(rewrite);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.set(Mode::Gone);
        // It waits for somebody to come.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while the proxy is stalled; whether it is open then.
    fn passes(&self) -> bool {
        let mut state = self.lock();
        while state.mode == Mode::Stalled {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.mode == Mode::Open
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        let mode = shared.lock().mode;
        if mode == Mode::Gone {
            return;
        }
        // Whoever cannot be served is cut, which clients can bear: that is what this is for.
        if mode != Mode::Cut
            && let Ok(client) = client
        {
            let _ = join(client, shared);
        }
    }
}

/// Connects a client with the server.
fn join(client: TcpStream, shared: &Arc<Shared>) -> std::io::Result<()> {
    let server = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, shared.port)))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let back = (server.try_clone()?, client.try_clone()?);
    {
        let mut state = shared.lock();
        state.ends.retain(|end| end.peer_addr().is_ok());
        state
            .ends
            .extend([client.try_clone()?, server.try_clone()?]);
    }
    let (there_shared, back_shared) = (Arc::clone(shared), Arc::clone(shared));
    thread::spawn(move || pass(client, server, &there_shared, true));
    thread::spawn(move || pass(back.0, back.1, &back_shared, false));
    Ok(())
}

/// Passes on what comes until one side ends, and then ends both.
fn pass(mut from: TcpStream, mut to: TcpStream, shared: &Shared, is_to_server: bool) {
    let mut buffer = vec![0; 64 * 1_024];
    while let Ok(length) = from.read(&mut buffer) {
        if length == 0 || !shared.passes() {
            break;
        }
        let bytes = &mut buffer[..length];
        if is_to_server {
            shared.lock().replace(bytes);
        }
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

impl State {
    fn replace(&mut self, bytes: &mut [u8]) {
        let Some(Rewrite { from, to, every }) = self.rewrite else {
            return;
        };
        let mut at = 0;
        while let Some(place) = bytes[at..]
            .windows(from.len())
            .position(|found| found == from)
        {
            let (begin, end) = (at + place, at + place + from.len());
            self.met += 1;
            if self.met.is_multiple_of(every) {
                bytes[begin..end].copy_from_slice(to);
            }
            at = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A connection through a proxy, the proxy, and the server's end.
    fn connected() -> (TcpStream, Proxy, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bound");
        let proxy = Proxy::to(listener.local_addr().expect("bound").port()).expect("proxy");
        let client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).expect("connected");
        let (server, _) = listener.accept().expect("accepted");
        (client, proxy, server)
    }

    #[test]
    fn it_stalls_and_goes_on() {
        let (mut client, proxy, mut server) = connected();
        proxy.set(Mode::Stalled);
        client.write_all(b"hello").expect("written");
        let mut heard = [0; 5];
        server
            .set_read_timeout(Some(Duration::from_millis(50)))
            .expect("set");
        assert!(server.read(&mut heard).is_err(), "nothing gets through");
        proxy.set(Mode::Open);
        server.set_read_timeout(None).expect("set");
        server.read_exact(&mut heard).expect("read");
        assert_eq!(&heard, b"hello");
    }

    #[test]
    fn it_cuts_what_is_there_and_what_comes() {
        let (mut client, proxy, mut server) = connected();
        proxy.set(Mode::Cut);
        assert!(!matches!(client.read(&mut [0]), Ok(1..)));
        assert!(!matches!(server.read(&mut [0]), Ok(1..)));
        let mut late = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).expect("connected");
        assert!(!matches!(late.read(&mut [0]), Ok(1..)));
    }

    #[test]
    fn it_lies_as_often_as_it_is_told_to() {
        let (mut client, proxy, mut server) = connected();
        proxy.rewrite(Rewrite {
            from: b"COMMIT",
            to: b"ABORT ",
            every: 2,
        });
        client.write_all(b"COMMIT;COMMIT;COMMIT").expect("written");
        let mut heard = [0; 20];
        server.read_exact(&mut heard).expect("read");
        assert_eq!(&heard, b"COMMIT;ABORT ;COMMIT");
    }
}
