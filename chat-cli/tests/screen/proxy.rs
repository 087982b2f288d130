//! Implements a cable between two programs that can be pulled and plugged in again.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Both ends of each connection through the cable.
type Ends = Arc<Mutex<Option<Vec<TcpStream>>>>;

/// Forwards connections from one port to another, unless it is pulled.
pub(crate) struct Proxy {
    port: u16,
    /// `None` while the cable is pulled: new connections are closed.
    ends: Ends,
}

impl Proxy {
    /// Creates a cable to a port.
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let from = listener.local_addr().expect("an address").port();
        let ends: Ends = Arc::new(Mutex::new(Some(Vec::new())));
        let plugged = Arc::clone(&ends);
        thread::spawn(move || {
            for near in listener.incoming() {
                let _ = near.and_then(|near| join(near, port, &plugged));
            }
        });
        Self { port: from, ends }
    }

    /// Returns the port of its near end.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Pulls the cable.
    pub(crate) fn pull(&self) {
        let ends = self.ends.lock().expect("a lock").take().unwrap_or_default();
        ends.iter().for_each(|end| _ = end.shutdown(Shutdown::Both));
    }

    /// Plugs it in again.
    pub(crate) fn plug(&self) {
        *self.ends.lock().expect("a lock") = Some(Vec::new());
    }
}

fn join(near: TcpStream, port: u16, ends: &Ends) -> io::Result<()> {
    let mut ends = ends.lock().expect("a lock");
    let Some(open) = ends.as_mut() else { return near.shutdown(Shutdown::Both) };
    let far = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port)))?;
    for (mut from, mut to) in
        [(near.try_clone()?, far.try_clone()?), (far.try_clone()?, near.try_clone()?)]
    {
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
    open.extend([near, far]);
    Ok(())
}
