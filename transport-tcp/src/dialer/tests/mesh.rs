//! Meshes of dialers and admissions, in virtual time and without sockets.

use std::collections::{BTreeMap, BTreeSet};

use multifeed_core::{ConnectionId, Role};
use proptest::prelude::*;

use super::*;
use crate::admission::{Admission, PeerTrust, Verdict};
use crate::options::ConnectionLimits;

/// One node, driven as its driver would do.
struct Member {
    key: PublicKey,
    dialer: Dialer,
    admission: Admission,
    is_up: bool,
}

/// A connection between two members: the one that dialled, and the other.
#[derive(Clone, Copy)]
struct Stream {
    ends: [usize; 2],
    opens: Option<Instant>,
}

/// Members that know each other's addresses, and a network with delay.
struct Mesh {
    now: Instant,
    members: Vec<Member>,
    streams: BTreeMap<ConnectionId, Stream>,
    next_stream: u64,
    dials: usize,
    limits: ConnectionLimits,
}

const ROUND_TRIP: Duration = Duration::from_millis(40);
const TICK: Duration = Duration::from_millis(40);

impl Mesh {
    fn new(count: usize, limits: ConnectionLimits, seed: u64) -> Self {
        let mut jitter = Jitter(seed);
        let members = (0..count).map(|_| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&jitter.next().to_be_bytes());
            let key = PublicKey(key);
            let dialer = Dialer::new(key, limits.addresses, jitter.next());
            let admission = Admission::new(key, limits.clone());
            Member { key, dialer, admission, is_up: true }
        });
        let members = members.collect();
        let (streams, now) = (BTreeMap::new(), at(0));
        Self { now, members, streams, next_stream: 0, dials: 0, limits }
    }

    /// Every member discovers all others at the same time.
    fn discover_all(&mut self, origin: Origin) {
        let keys: Vec<_> = self.members.iter().map(|member| member.key).collect();
        for member in &mut self.members {
            for (n, key) in keys.iter().enumerate() {
                member.dialer.add_discovered(self.now, origin, Some(*key), &[addr_of(n)]);
            }
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            for n in 0..self.members.len() {
                self.dial(n);
            }
            self.open();
            self.now = self.now + TICK;
            self.check();
        }
    }

    fn dial(&mut self, from: usize) {
        while self.members[from].is_up {
            let Member { dialer, admission, .. } = &mut self.members[from];
            let peer_state = |remote: &PublicKey| {
                if admission.is_connected(remote) { PeerState::Connected } else { PeerState::Free }
            };
            let Some(due) = dialer.next_due(self.now, admission.dial_budget(), peer_state) else {
                return;
            };
            self.dials += 1;
            let to = usize::from(due.addr.port());
            let target = &self.members[to];
            if !target.is_up || target.admission.admit(addr_of(from)) == Verdict::Refuse {
                failed(&mut self.members[from].dialer, self.now, due.addr);
                continue;
            }
            if let Verdict::Replace(oldest) = target.admission.admit(addr_of(from)) {
                self.drop_stream(oldest, StreamOutcome::Lost);
            }
            let id = ConnectionId(self.next_stream);
            self.next_stream += 1;
            self.members[from].admission.insert(
                id,
                addr_of(to),
                Role::Initiator,
                PeerTrust::Unknown,
            );
            self.members[to].admission.insert(
                id,
                addr_of(from),
                Role::Responder,
                PeerTrust::Unknown,
            );
            let opens = Some(self.now + ROUND_TRIP);
            self.streams.insert(id, Stream { ends: [from, to], opens });
        }
    }

    /// Completes the handshakes that are due, and closes duplicate connections.
    fn open(&mut self) {
        let is_due = |stream: &Stream| stream.opens.is_some_and(|opens| opens <= self.now);
        let due: Vec<_> =
            self.streams.iter().filter(|(_, s)| is_due(s)).map(|(id, _)| *id).collect();
        for id in due {
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            stream.opens = None;
            let ends = stream.ends;
            let remote = self.members[ends[1]].key;
            self.members[ends[0]].dialer.on_peer_answered(addr_of(ends[1]), remote);
            if self.members[ends[0]].admission.is_connected(&remote) {
                self.drop_stream(id, StreamOutcome::ConnectedElsewhere);
                continue;
            }
            self.members[ends[0]].dialer.on_peer_opened(self.now, addr_of(ends[1]), remote);
            let duplicates = [(ends[0], ends[1]), (ends[1], ends[0])].map(|(at, other)| {
                let remote = self.members[other].key;
                self.members[at].admission.on_peer_opened(id, remote)
            });
            for duplicate in duplicates.into_iter().flatten() {
                self.drop_stream(duplicate, StreamOutcome::ConnectedElsewhere);
            }
            for end in ends {
                if let Some(excess) = self.members[end].admission.excess(id) {
                    self.drop_stream(excess, StreamOutcome::Closed);
                }
            }
        }
    }

    fn drop_stream(&mut self, id: ConnectionId, outcome: StreamOutcome) {
        let Some(Stream { ends: [from, to], .. }) = self.streams.remove(&id) else { return };
        for n in [from, to] {
            self.members[n].admission.remove(id);
        }
        ended(&mut self.members[from].dialer, self.now, addr_of(to), outcome);
        for (at, other) in [(from, to), (to, from)] {
            let remote = self.members[other].key;
            let Member { admission, dialer, .. } = &mut self.members[at];
            if !admission.is_connected(&remote) {
                dialer.on_peer_lost(self.now, remote);
            }
        }
    }

    fn kill(&mut self, n: usize) {
        let theirs = self.streams.iter().filter(|(_, stream)| stream.ends.contains(&n));
        for id in theirs.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.drop_stream(id, StreamOutcome::Lost);
        }
        self.members[n].is_up = false;
    }

    /// Checks the limits.
    fn check(&self) {
        for n in 0..self.members.len() {
            let streams = self.streams.values().filter(|stream| stream.ends.contains(&n)).count();
            let half_open = 2 * self.limits.half_open;
            assert!(streams <= self.limits.connections + half_open, "{streams} connections");
            assert!(self.members[n].dialer.addresses(self.now).len() <= self.limits.addresses);
        }
    }

    /// Returns the connected pairs, and asserts that each has one connection.
    fn pairs(&self) -> BTreeSet<[usize; 2]> {
        let mut pairs = BTreeSet::new();
        for stream in self.streams.values().filter(|stream| stream.opens.is_none()) {
            let mut pair = stream.ends;
            pair.sort_unstable();
            assert!(pairs.insert(pair), "two connections of {pair:?}");
        }
        pairs
    }

    /// Returns whether the mesh is connected as a graph.
    fn is_connected(&self) -> bool {
        let pairs = self.pairs();
        let (mut reached, mut next) = (BTreeSet::from([0]), vec![0]);
        while let Some(n) = next.pop() {
            for other in pairs.iter().filter(|pair| pair.contains(&n)).flatten() {
                if reached.insert(*other) {
                    next.push(*other);
                }
            }
        }
        reached.len() == self.members.len()
    }
}

/// Returns the address of a member; its port is the number of the member.
fn addr_of(n: usize) -> SocketAddr {
    let n = u16::try_from(n).expect("few");
    let [high, low] = n.to_be_bytes();
    (Ipv4Addr::new(10, 0, high, low), n).into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn members_that_discover_each_other_connect_once_per_pair(
        count in 2_usize..=9,
        seed: u64,
        use_dht: bool,
    ) {
        let mut mesh = Mesh::new(count, ConnectionLimits::default(), seed);
        mesh.discover_all(if use_dht { Origin::Dht } else { Origin::Lan });
        mesh.run(Duration::from_secs(10));
        prop_assert_eq!(mesh.pairs().len(), count * (count - 1) / 2);
        // The larger key dials first. The smaller one dials once to see who answers.
        prop_assert_eq!(mesh.dials, count * (count - 1));
    }

    #[test]
    fn a_member_that_returns_is_reconnected(seed: u64, away_s in 1_u64..600) {
        let mut mesh = Mesh::new(5, ConnectionLimits::default(), seed);
        mesh.discover_all(Origin::Lan);
        mesh.run(Duration::from_secs(10));
        mesh.kill(0);
        mesh.run(Duration::from_secs(away_s));
        prop_assert_eq!(mesh.pairs().len(), 6);
        mesh.members[0].is_up = true;
        // The longest backoff with its jitter.
        mesh.run(Duration::from_secs(80));
        prop_assert_eq!(mesh.pairs().len(), 10);
    }
}

#[test]
fn a_hundred_members_stay_within_their_limits_and_connected() {
    for (seed, connections) in [(1, 64), (2, 8)] {
        let discovered = connections / 2;
        let limits = ConnectionLimits { connections, discovered, ..ConnectionLimits::default() };
        let mut mesh = Mesh::new(100, limits, seed);
        mesh.discover_all(Origin::Dht);
        mesh.run(Duration::from_secs(8));
        assert!(mesh.is_connected());
        let pairs = mesh.pairs();
        for n in 0..100 {
            let own = pairs.iter().filter(|pair| pair.contains(&n)).count();
            assert!(own >= discovered, "member {n} has {own} of {discovered} connections");
        }
    }
}
