//! A node of the DHT that answers what it likes.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use peeroxide_dht::messages::{
    Ipv4Peer, Message, Request, Response, decode_message, encode_response_to_bytes,
};
use peeroxide_dht::peer::peer_id;

use crate::network::loopback;

/// Runs until the test's process ends.
pub(crate) struct Liar {
    pub(crate) addr: SocketAddr,
    /// Questions of HyperDHT's own that were answered with a lie.
    lies: Arc<AtomicUsize>,
}

impl Liar {
    /// Answers each question of HyperDHT's own as `answer` says, and all others as a node does.
    pub(crate) fn new(mut answer: impl FnMut(&Request) -> Vec<u8> + Send + 'static) -> Self {
        let socket = UdpSocket::bind(loopback()).expect("binds");
        let addr = socket.local_addr().expect("bound");
        let lies = Arc::<AtomicUsize>::default();
        let told = Arc::clone(&lies);
        std::thread::spawn(move || {
            let mut buffer = [0; 65_536];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let Ok(Message::Request(request)) = decode_message(&buffer[..length]) else {
                    continue;
                };
                let value = (!request.internal).then(|| answer(&request));
                told.fetch_add(usize::from(value.is_some()), Ordering::Relaxed);
                let response = respond(&request, (addr, from), value);
                // A lie that does not fit in a packet is not told.
                let _ = socket.send_to(&response, from);
            }
        });
        Self { addr, lies }
    }

    pub(crate) fn has_lied(&self) -> bool {
        self.lies.load(Ordering::Relaxed) > 0
    }
}

fn respond(
    request: &Request,
    (own, from): (SocketAddr, SocketAddr),
    value: Option<Vec<u8>>,
) -> Vec<u8> {
    let to = Ipv4Peer { host: from.ip().to_string(), port: from.port() };
    // Nobody is there.
    let nobody = Ipv4Peer { host: "127.0.0.1".into(), port: 1 };
    let response = Response {
        tid: request.tid,
        to,
        id: Some(peer_id(&own.ip().to_string(), own.port())),
        token: Some([7; 32]),
        closer_nodes: vec![nobody],
        error: 0,
        value,
    };
    encode_response_to_bytes(&response).expect("encodes")
}
