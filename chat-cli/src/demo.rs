//! Simulates a room in one process: members chat over links that fail and recover, in virtual
//! time.
//!
//! Rule: the seed determines everything. It is the same multifeed as on a network; only clock,
//! randomness, disks and links come from [`World`].

mod display;
pub mod options;
mod words;

use std::time::Duration;

use jiff::Timestamp;
use multifeed_core::{FeedKey, Group};
use multifeed_memory::{LinkId, LinkOptions, NodeId, NodeOptions, Security, World};

use self::display::Display;
use self::options::DemoOptions;
use crate::envelope::Envelope;
use crate::exit::ExitCode;
use crate::ids::hex;
use crate::lines::{Demo, Event, Line};
use crate::message::Draft;
use crate::output::{Format, Output};
use crate::report::Failure;

/// The time at which the simulation starts.
const BEGIN: Timestamp = Timestamp::constant(1_795_334_400, 0);
/// The longest pause between two messages. Chosen: the pace of a lively chat.
const PAUSE_MS_MAX: u64 = 400;
/// The longest virtual time until all members are in sync after the last message. Chosen: far
/// longer than any recovery takes.
const CONVERGENCE_TIMEOUT: Duration = Duration::from_secs(3_600);
/// Rooms with more members than this get extra links across the ring, which shorten the paths.
/// Chosen: at most four hops.
const RING_ONLY_MAX: u16 = 8;
/// How often missing messages are reported during a run. Chosen: eight reports show each phase.
const REPORTS: u64 = 8;

/// Runs the simulation and shows it.
///
/// # Errors
/// Fails if the members end with different messages; that is a bug in multifeed.
pub fn run(size: DemoOptions, output: &Output) -> Result<(), Failure> {
    let mut display = Display::new(size, output);
    let mut simulation = Simulation::new(size)?;
    display.open(&simulation.world)?;
    simulation.run(&mut display)?;
    let end = simulation.end();
    match output.format {
        Format::Json => output.json(&Line::from(Event::Demo(end.clone())))?,
        Format::Text => display.close(&end)?,
    }
    if end.converged {
        return Ok(());
    }
    let message = format!("the {} members do not hold the same messages", size.peers);
    Err(Failure::new(ExitCode::Failed, "demo.diverged", message)
        .help(format!("this is a bug: please report it with the seed {}", size.seed)))
}

/// The simulated world and the remaining messages.
struct Simulation {
    size: DemoOptions,
    world: World,
    members: Vec<Member>,
    /// The links of the ring: the link at an index leads from that member to the next.
    ring: Vec<LinkId>,
    /// The extra links of a large room.
    chords: Vec<LinkId>,
    sent: u64,
}

struct Member {
    node: NodeId,
    feed: FeedKey,
    left: u32,
}

/// A network failure: when links are cut and healed, counted in messages.
struct Partition {
    cut: u64,
    heal: u64,
    links: Vec<LinkId>,
    what: String,
}

impl Simulation {
    fn new(size: DemoOptions) -> Result<Self, Failure> {
        let mut world = World::new(size.seed);
        let group = Group::open("multichat demo");
        let mut members = Vec::new();
        for _ in 0..size.peers {
            let node = world.add_node(NodeOptions::new(group.clone()));
            let feed = world.writer(node, "local").map_err(|misuse| defect(&misuse))?;
            members.push(Member { node, feed, left: size.messages });
        }
        let options = LinkOptions::default().security(Security::Noise);
        let count = members.len();
        let next = |at: usize| members[(at + 1) % count].node;
        // Two members have one link between them, not one in each direction.
        let pipes = if count == 2 { 1 } else { count };
        let ring = (0..pipes)
            .map(|at| world.connect(members[at].node, next(at), options.clone()))
            .collect();
        let mut chords = Vec::new();
        if size.peers > RING_ONLY_MAX {
            for at in 0..count {
                let across = world.below(count as u64 - 3) as usize + 2;
                let other = members[(at + across) % count].node;
                chords.push(world.connect(members[at].node, other, options.clone()));
            }
        }
        Ok(Self { size, world, members, ring, chords, sent: 0 })
    }

    fn total(&self) -> u64 {
        u64::from(self.size.peers) * u64::from(self.size.messages)
    }

    /// Plans two failures: first the room splits in two, then one member is isolated.
    fn partitions(&mut self) -> [Partition; 2] {
        let total = self.total();
        let count = self.members.len();
        let part = |eighths: u64| total * eighths / 8;
        // The first cut starts at a random member, so both parts have members.
        let from = self.world.below(count as u64) as usize;
        let until = (from + count / 2) % count;
        let isolation_text = self.world.below(count as u64) as usize;
        let first = Partition {
            cut: part(1),
            heal: part(4),
            links: self.across(|at| (at + count - from) % count < count / 2),
            what: display::partition_text(from, until, count),
        };
        let second = Partition {
            cut: part(5),
            heal: part(7),
            links: self.across(|at| at == isolation_text),
            what: display::isolation_text(isolation_text),
        };
        [first, second]
    }

    /// Returns the links between a set of members and the others.
    fn across(&self, within: impl Fn(usize) -> bool) -> Vec<LinkId> {
        let links = self.ring.iter().chain(&self.chords).copied();
        let divides = |link: &LinkId| {
            let [first, second] = self.world.ends(*link);
            within(first.index()) != within(second.index())
        };
        links.filter(divides).collect()
    }

    fn run(&mut self, display: &mut Display) -> Result<(), Failure> {
        let partitions = self.partitions();
        let total = self.total();
        // The links come up before the first message.
        self.world.run_for(Duration::from_millis(500));
        while self.sent < total {
            for partition in &partitions {
                if partition.cut == self.sent && partition.cut < partition.heal {
                    partition.links.iter().for_each(|link| self.world.cut(*link));
                    display.cut(&self.world, &partition.what, partition.links.len())?;
                }
                if partition.heal == self.sent && partition.cut < partition.heal {
                    display.missing(&self.world, &self.missing_counts())?;
                    partition.links.iter().for_each(|link| self.world.heal(*link));
                    display.healed(&self.world, partition.links.len())?;
                }
            }
            self.say(display)?;
            let pause = self.world.below(PAUSE_MS_MAX);
            self.world.run_for(Duration::from_millis(pause));
            if self.sent.is_multiple_of((total / REPORTS).max(1)) && self.sent < total {
                display.missing(&self.world, &self.missing_counts())?;
            }
        }
        // A small room can end before its links are healed.
        let links: Vec<LinkId> =
            partitions.iter().flat_map(|partition| partition.links.clone()).collect();
        links.iter().for_each(|link| self.world.heal(*link));
        display.missing(&self.world, &self.missing_counts())?;
        self.world.run_until_converged(CONVERGENCE_TIMEOUT);
        display.missing(&self.world, &self.missing_counts())
    }

    /// Lets a random member with remaining messages write one.
    fn say(&mut self, display: &mut Display) -> Result<(), Failure> {
        let able: Vec<usize> =
            (0..self.members.len()).filter(|at| self.members[*at].left > 0).collect();
        let chosen = self.world.below(able.len() as u64) as usize;
        let (at, text) = (able[chosen], words::line(self.world.below(u64::MAX)));
        let now = BEGIN + Duration::from_micros(self.world.now().as_micros());
        let (name, member) = (display::name(at), &mut self.members[at]);
        let block = Envelope::Plain.encode(&member.feed.0, &Draft::new(&name, text), now)?;
        let appended = self.world.append(member.node, &member.feed, &[&block]);
        appended.map_err(|misuse| defect(&misuse))?;
        member.left -= 1;
        self.sent += 1;
        display.message(&self.world, at, &self.members[at].feed, text, self.sent)
    }

    /// Returns how many messages each member lacks.
    fn missing_counts(&self) -> Vec<u64> {
        let held = self.members.iter().map(|member| self.world.blocks_held(member.node));
        held.map(|held| self.sent.saturating_sub(held)).collect()
    }

    fn end(&self) -> Demo {
        let total = self.total();
        let first = self.world.holdings(self.members[0].node);
        let same = self.members.iter().all(|member| self.world.holdings(member.node) == first);
        let complete =
            self.missing_counts().iter().all(|missing| *missing == 0) && self.sent == total;
        Demo {
            seed: self.size.seed,
            converged: same && complete && self.world.is_converged(),
            peers: self.size.peers.into(),
            messages: self.world.blocks_held(self.members[0].node),
            trace: hex(&self.world.trace()),
            elapsed_ms: self.world.now().as_micros() / 1_000,
            bytes: self.world.bytes_total(),
        }
    }
}

/// Converts a misuse by the demo itself.
fn defect(misuse: &multifeed_core::Misuse) -> Failure {
    Failure::new(ExitCode::Failed, "demo.defect", format!("the demo cannot continue: {misuse}"))
}

#[cfg(test)]
mod tests;
