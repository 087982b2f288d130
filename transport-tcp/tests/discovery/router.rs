//! Routers that let others in, that cannot, and that say anything.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use multifeed_tcp::NodeEvent;
use multifeed_tcp::discovery::{SourceFailure, Step};

use crate::network::{Network, event, open, options};

/// The port on which routers are asked (RFC 6887, section 19).
const ROUTER_PORT: u16 = 5_351;
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(9, 9, 9, 9);
/// The port outside. The other one is that of the listener.
const PORT: u16 = 4_321;

/// A router on the loopback network, on the port that both protocols have.
struct Router {
    addr: Ipv4Addr,
    asked: Arc<Mutex<Vec<Vec<u8>>>>,
    ended: Arc<AtomicBool>,
}

impl Router {
    /// One at an address of its own.
    fn at(last: u8, answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> Self {
        let addr = Ipv4Addr::new(127, 83, 0, last);
        let socket = UdpSocket::bind((addr, ROUTER_PORT)).expect("a port that nobody has");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a time");
        let router = Self { addr, asked: Arc::default(), ended: Arc::default() };
        let (asked, ended) = (Arc::clone(&router.asked), Arc::clone(&router.ended));
        thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let mut packet = [0; 1_500];
                let Ok((count, from)) = socket.recv_from(&mut packet) else { continue };
                let _ = socket.send_to(&answer(&packet[..count]), from);
                asked.lock().expect("nobody panics").push(packet[..count].to_vec());
            }
        });
        router
    }

    /// Whether it was asked to let nobody in any more: for a lifetime of 0 s.
    fn was_left(&self) -> bool {
        let asked = self.asked.lock().expect("nobody panics");
        asked.iter().any(|packet| match packet[..] {
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

/// The Port Control Protocol (RFC 6887, section 11): the packet that asked, with the answer in it.
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

/// NAT-PMP (RFC 6886, section 3), and no more than that.
fn nat_pmp(outside: Ipv4Addr) -> impl Fn(&[u8]) -> Vec<u8> + Send + 'static {
    move |packet| match packet {
        [0, 0] => [&[0, 128, 0, 0, 0, 0, 0, 1][..], &outside.octets()].concat(),
        [0, 2, _, _, inside @ ..] if inside.len() == 8 => {
            let port = if inside[4..] == [0; 4] { 0 } else { PORT };
            let head = [0, 130, 0, 0, 0, 0, 0, 1];
            [&head[..], &inside[..2], &port.to_be_bytes(), &inside[4..]].concat()
        }
        // A version that it does not know.
        _ => vec![0, 128, 0, 1, 0, 0, 0, 1],
    }
}

/// What becomes of a node that asks this router: where it says that others find it, or why not.
async fn ask(router: &Router) -> Result<Vec<SocketAddr>, SourceFailure> {
    let dht = Network::of(2).await;
    let any = options().listen((Ipv4Addr::UNSPECIFIED, 0).into());
    let source = dht.source().ask_router(router.addr.into());
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
async fn a_router_that_lets_others_in_is_told_of_and_left() {
    let routers = [Router::at(1, pcp), Router::at(2, nat_pmp(OUTSIDE))];
    for router in routers {
        let told = ask(&router).await.expect("it lets others in");
        assert!(told.contains(&(OUTSIDE, PORT).into()), "{told:?}");
        assert!(router.was_left());
    }
}

#[tokio::test]
async fn a_router_behind_another_is_not_told_of() {
    let router = Router::at(3, nat_pmp(Ipv4Addr::new(100, 64, 0, 7)));
    let failure = ask(&router).await.expect_err("nobody comes in there");
    assert!(matches!(failure, SourceFailure::NotForwarded(_)), "{failure}");
}

#[tokio::test]
async fn a_router_that_says_anything_or_nothing_does_no_harm() {
    for (last, length) in [(4, 0), (5, 1), (6, 60), (7, 1_100)] {
        let router = Router::at(last, move |_| vec![0xff; length]);
        let failure = ask(&router).await.expect_err("that is no answer");
        assert!(matches!(failure, SourceFailure::NotForwarded(_)), "{failure}");
    }
}
