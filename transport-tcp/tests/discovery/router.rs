//! Routers that forward a port, that cannot, and that answer garbage.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use multifeed_tcp::NodeEvent;
use multifeed_tcp::discovery::{SourceFailure, Step};

use crate::network::{Network, event, open, options};

/// The port of PCP and NAT-PMP (RFC 6887, section 19).
const ROUTER_PORT: u16 = 5_351;
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(9, 9, 9, 9);
/// The outside port; it differs from that of the listener.
const PORT: u16 = 4_321;

/// A router on the loopback network.
struct Router {
    addr: Ipv4Addr,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
    ended: Arc<AtomicBool>,
}

impl Router {
    /// Starts a router at the loopback address with this last byte.
    fn start(last: u8, answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> Self {
        let addr = Ipv4Addr::new(127, 83, 0, last);
        let socket = UdpSocket::bind((addr, ROUTER_PORT)).expect("the port is free");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a time");
        let router = Self { addr, requests: Arc::default(), ended: Arc::default() };
        let (requests, ended) = (Arc::clone(&router.requests), Arc::clone(&router.ended));
        thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let mut packet = [0; 1_500];
                let Ok((count, from)) = socket.recv_from(&mut packet) else { continue };
                let _ = socket.send_to(&answer(&packet[..count]), from);
                requests.lock().expect("not poisoned").push(packet[..count].to_vec());
            }
        });
        router
    }

    /// Returns whether a request ended the mapping, by a lifetime of 0 s.
    fn has_been_unmapped(&self) -> bool {
        let requests = self.requests.lock().expect("not poisoned");
        requests.iter().any(|packet| match packet[..] {
            [2, _, _, _, 0, 0, 0, 0, ..] => true,
            [0, 2, .., a, b, c, d] => [a, b, c, d] == [0; 4],
            _ => false,
        })
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

/// Answers by the Port Control Protocol (RFC 6887, section 11): the request, with the result filled
/// in.
fn pcp(packet: &[u8]) -> Vec<u8> {
    let mut answer = packet.to_vec();
    if packet.len() < 60 {
        return answer;
    }
    answer[1] |= 0x80;
    answer[2..4].fill(0);
    answer[8..24].fill(0);
    answer[42..44].copy_from_slice(&PORT.to_be_bytes());
    answer[44..60].copy_from_slice(&OUTSIDE.to_ipv6_mapped().octets());
    answer
}

/// Answers by NAT-PMP (RFC 6886, section 3) only.
fn nat_pmp(outside: Ipv4Addr) -> impl Fn(&[u8]) -> Vec<u8> + Send + 'static {
    move |packet| match packet {
        [0, 0] => [&[0, 128, 0, 0, 0, 0, 0, 1][..], &outside.octets()].concat(),
        [0, 2, _, _, inside @ ..] if inside.len() == 8 => {
            let port = if inside[4..] == [0; 4] { 0 } else { PORT };
            let head = [0, 130, 0, 0, 0, 0, 0, 1];
            [&head[..], &inside[..2], &port.to_be_bytes(), &inside[4..]].concat()
        }
        // Unsupported version.
        _ => vec![0, 128, 0, 1, 0, 0, 0, 1],
    }
}

/// Opens a node that asks this router. Returns the addresses that it announces, or its failure.
async fn announce_with(router: &Router) -> Result<Vec<SocketAddr>, SourceFailure> {
    let dht = Network::new(2).await;
    let any = options().listen((Ipv4Addr::UNSPECIFIED, 0).into());
    let source = dht.source().forward_port(router.addr.into());
    let (node, mut events) = open(any, source).await;
    let outcome = event(&mut events, |event| match event {
        NodeEvent::Discovery { step: Step::Announced { addresses }, .. } => {
            addresses.iter().any(|addr| addr.ip() == OUTSIDE).then_some(Ok(addresses))
        }
        NodeEvent::Discovery { step: Step::Failed(failure), .. } => Some(Err(failure)),
        _ => None,
    });
    let outcome = outcome.await;
    node.close().await;
    outcome
}

#[tokio::test]
async fn a_forwarded_port_is_announced_and_unmapped_on_close() {
    let routers = [Router::start(1, pcp), Router::start(2, nat_pmp(OUTSIDE))];
    for router in routers {
        let announced = announce_with(&router).await.expect("forwarded");
        assert!(announced.contains(&(OUTSIDE, PORT).into()), "{announced:?}");
        assert!(router.has_been_unmapped());
    }
}

#[tokio::test]
async fn a_router_without_a_public_address_is_reported() {
    let router = Router::start(3, nat_pmp(Ipv4Addr::new(100, 64, 0, 7)));
    let failure = announce_with(&router).await.expect_err("not reachable");
    assert!(matches!(failure, SourceFailure::NotForwarded(_)), "{failure}");
}

#[tokio::test]
async fn garbage_from_a_router_is_harmless() {
    for (last, length) in [(4, 0), (5, 1), (6, 60), (7, 1_100)] {
        let router = Router::start(last, move |_| vec![0xff; length]);
        let failure = announce_with(&router).await.expect_err("not a valid answer");
        assert!(matches!(failure, SourceFailure::NotForwarded(_)), "{failure}");
    }
}
