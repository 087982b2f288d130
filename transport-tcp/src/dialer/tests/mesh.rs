//! Whole meshes of dialers and admissions, in virtual time and without sockets.

use std::collections::{BTreeMap, BTreeSet};

use multifeed_core::{ConnectionId, Role};
use proptest::prelude::*;

use super::*;
use crate::admission::{Admission, Verdict};
use crate::options::ConnectionLimits;

/// One node as its driver would drive it.
struct Member {
    key: PublicKey,
    dialer: Dialer,
    admission: Admission,
    is_up: bool,
}

/// A stream between two members: who dialled, who was dialled.
#[derive(Clone, Copy)]
struct Stream {
    ends: [usize; 2],
    opens: Option<Instant>,
}

/// Members that know each other's addresses, and a network that takes its time.
struct Mesh {
    now: Instant,
    members: Vec<Member>,
    streams: BTreeMap<ConnectionId, Stream>,
    streams_ever: u64,
    dials: usize,
    limits: ConnectionLimits,
}

const ROUND_TRIP: Duration = Duration::from_millis(40);
const TICK: Duration = Duration::from_millis(40);

impl Mesh {
    fn new(count: usize, limits: ConnectionLimits, seed: u64) -> Self {
        let mut chance = Chance(seed);
        let members = (0..count).map(|_| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&chance.next().to_be_bytes());
            let key = PublicKey(key);
            let dialer = Dialer::new(key, limits.peers, chance.next());
            let admission = Admission::new(key, limits.clone());
            Member { key, dialer, admission, is_up: true }
        });
        let members = members.collect();
        let (streams, now) = (BTreeMap::new(), at(0));
        Self { now, members, streams, streams_ever: 0, dials: 0, limits }
    }

    /// Each finds all others by one source, at once.
    fn all_find_all(&mut self, origin: Origin) {
        let keys: Vec<_> = self.members.iter().map(|member| member.key).collect();
        for member in &mut self.members {
            for (n, key) in keys.iter().enumerate() {
                member.dialer.found(self.now, origin, Some(*key), &[addr_of(n)]);
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
            let standing = |remote: &PublicKey| match admission.connected(remote) {
                true => Standing::Connected,
                false => Standing::Free,
            };
            let Some(due) = dialer.due(self.now, admission.room(), standing) else { return };
            self.dials += 1;
            let to = usize::from(due.addr.port());
            let there = &self.members[to];
            if !there.is_up || there.admission.admit(addr_of(from)) == Verdict::Refuse {
                failed(&mut self.members[from].dialer, self.now, due.addr);
                continue;
            }
            if let Verdict::Replace(oldest) = there.admission.admit(addr_of(from)) {
                self.drop_stream(oldest, Outcome::Lost);
            }
            let id = ConnectionId(self.streams_ever);
            self.streams_ever += 1;
            self.members[from].admission.insert(id, addr_of(to), Role::Initiator);
            self.members[to].admission.insert(id, addr_of(from), Role::Responder);
            let opens = Some(self.now + ROUND_TRIP);
            self.streams.insert(id, Stream { ends: [from, to], opens });
        }
    }

    /// Proves the streams whose handshake has had its time, and ends those that are one too many.
    fn open(&mut self) {
        let is_due = |stream: &Stream| stream.opens.is_some_and(|opens| opens <= self.now);
        let due: Vec<_> =
            self.streams.iter().filter(|(_, s)| is_due(s)).map(|(id, _)| *id).collect();
        for id in due {
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            stream.opens = None;
            let ends = stream.ends;
            let remote = self.members[ends[1]].key;
            self.members[ends[0]].dialer.opened(self.now, addr_of(ends[1]), remote);
            let losers = [(ends[0], ends[1]), (ends[1], ends[0])].map(|(at, other)| {
                let remote = self.members[other].key;
                self.members[at].admission.opened(id, remote)
            });
            for loser in losers.into_iter().flatten() {
                self.drop_stream(loser, Outcome::Reached);
            }
        }
    }

    fn drop_stream(&mut self, id: ConnectionId, outcome: Outcome) {
        let Some(Stream { ends: [from, to], .. }) = self.streams.remove(&id) else { return };
        for n in [from, to] {
            self.members[n].admission.remove(id);
        }
        ended(&mut self.members[from].dialer, self.now, addr_of(to), outcome);
        for (at, other) in [(from, to), (to, from)] {
            let remote = self.members[other].key;
            let Member { admission, dialer, .. } = &mut self.members[at];
            if !admission.connected(&remote) {
                dialer.released(self.now, remote);
            }
        }
    }

    fn kill(&mut self, n: usize) {
        let theirs = self.streams.iter().filter(|(_, stream)| stream.ends.contains(&n));
        for id in theirs.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.drop_stream(id, Outcome::Lost);
        }
        self.members[n].is_up = false;
    }

    /// What must hold at each moment.
    fn check(&self) {
        for n in 0..self.members.len() {
            let streams = self.streams.values().filter(|stream| stream.ends.contains(&n)).count();
            assert!(streams <= self.limits.connections, "{streams} connections");
            assert!(self.members[n].dialer.addresses(self.now).len() <= self.limits.peers);
        }
    }

    /// Pairs that are connected; each must be so once.
    fn pairs(&self) -> BTreeSet<[usize; 2]> {
        let mut pairs = BTreeSet::new();
        for stream in self.streams.values().filter(|stream| stream.opens.is_none()) {
            let mut pair = stream.ends;
            pair.sort_unstable();
            assert!(pairs.insert(pair), "two connections of {pair:?}");
        }
        pairs
    }

    /// Whether news of one member would reach all.
    fn is_whole(&self) -> bool {
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

/// Each member has an address of its own, and its number is the port.
fn addr_of(n: usize) -> SocketAddr {
    let n = u16::try_from(n).expect("few");
    let [high, low] = n.to_be_bytes();
    (Ipv4Addr::new(10, 0, high, low), n).into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn all_who_find_all_mesh_fully_with_one_connection_a_pair(
        count in 2_usize..=9,
        seed: u64,
        far: bool,
    ) {
        let mut mesh = Mesh::new(count, ConnectionLimits::default(), seed);
        mesh.all_find_all(if far { Origin::Dht } else { Origin::Lan });
        mesh.run(Duration::from_secs(10));
        prop_assert_eq!(mesh.pairs().len(), count * (count - 1) / 2);
        // The larger key dials first, and the smaller one sees that it is there.
        prop_assert_eq!(mesh.dials, count * (count - 1) / 2);
    }

    #[test]
    fn whoever_comes_back_is_met_again(seed: u64, away_s in 1_u64..600) {
        let mut mesh = Mesh::new(5, ConnectionLimits::default(), seed);
        mesh.all_find_all(Origin::Lan);
        mesh.run(Duration::from_secs(10));
        mesh.kill(0);
        mesh.run(Duration::from_secs(away_s));
        prop_assert_eq!(mesh.pairs().len(), 6);
        mesh.members[0].is_up = true;
        // The longest step, with its jitter.
        mesh.run(Duration::from_secs(80));
        prop_assert_eq!(mesh.pairs().len(), 10);
    }
}

#[test]
fn a_hundred_stay_within_their_limits_and_hang_together() {
    for (seed, connections) in [(1, 64), (2, 8)] {
        let found = connections / 2;
        let limits = ConnectionLimits { connections, found, ..ConnectionLimits::default() };
        let mut mesh = Mesh::new(100, limits, seed);
        mesh.all_find_all(Origin::Dht);
        mesh.run(Duration::from_secs(8));
        assert!(mesh.is_whole());
        let pairs = mesh.pairs();
        for n in 0..100 {
            let own = pairs.iter().filter(|pair| pair.contains(&n)).count();
            assert!(own >= found, "member {n} has {own} of {found} connections");
        }
    }
}
