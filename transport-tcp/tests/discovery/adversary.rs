//! An adversarial DHT node.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use peeroxide_dht::messages::{
    Ipv4Peer, Message, Request, Response, decode_message, encode_response_to_bytes,
};
use peeroxide_dht::peer::peer_id;

use crate::network::loopback;

/// A DHT node with forged replies. Runs until the test process ends.
pub(crate) struct Adversary {
    pub(crate) addr: SocketAddr,
    /// Number of HyperDHT requests that got a forged reply.
    forged: Arc<AtomicUsize>,
}

impl Adversary {
    /// Starts a node that answers HyperDHT's requests with `answer`, and the requests of the
    /// underlying dht-rpc correctly.
    pub(crate) fn new(mut answer: impl FnMut(&Request) -> Vec<u8> + Send + 'static) -> Self {
        let socket = UdpSocket::bind(loopback()).expect("binds");
        let addr = socket.local_addr().expect("bound");
        let forged = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&forged);
        std::thread::spawn(move || {
            let mut buffer = [0; 65_536];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let Ok(Message::Request(request)) = decode_message(&buffer[..length]) else {
                    continue;
                };
                let value = (!request.internal).then(|| answer(&request));
                count.fetch_add(usize::from(value.is_some()), Ordering::Relaxed);
                let response = respond(&request, Ends { own: addr, from }, value);
                // Fails if the reply does not fit in a packet.
                let _ = socket.send_to(&response, from);
            }
        });
        Self { addr, forged }
    }

    pub(crate) fn has_forged(&self) -> bool {
        self.forged.load(Ordering::Relaxed) > 0
    }
}

/// The addresses of a request: where it arrived, and where it came from.
struct Ends {
    own: SocketAddr,
    from: SocketAddr,
}

fn respond(request: &Request, Ends { own, from }: Ends, value: Option<Vec<u8>>) -> Vec<u8> {
    let to = Ipv4Peer { host: from.ip().to_string(), port: from.port() };
    // No node listens there.
    let absent = Ipv4Peer { host: "127.0.0.1".into(), port: 1 };
    let response = Response {
        tid: request.tid,
        to,
        id: Some(peer_id(&own.ip().to_string(), own.port())),
        token: Some([7; 32]),
        closer_nodes: vec![absent],
        error: 0,
        value,
    };
    encode_response_to_bytes(&response).expect("encodes")
}
