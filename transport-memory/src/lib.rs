//! A deterministic simulator: any number of multifeeds in one process, in virtual time, from one
//! seed.
//!
//! A [`World`] consists of nodes and links. Each node runs the real `multifeed-core` over a store
//! whose commits take time. Each link is a byte pipe with delay, jitter, bandwidth and buffers, cut
//! into pieces wherever the seed decides. Nothing here reads a clock or uses other randomness: the
//! same seed and the same calls give the same [`World::trace`] on any machine.
//!
//! ```text
//!      append, read, crash …                       ┌─────────── event queue ───────────┐
//!            │                                     │ pieces · replies · timers · dials │
//!            ▼                                     └───────┬───────────────▲───────────┘
//!   ┌─────────────────┐   pieces    ┌──────┐    next event │               │ later
//!   │ node: Multifeed │ ──────────▶ │ link │ ───────────▶ another node ────┘
//!   │       disk      │ ◀────────── │      │
//!   └─────────────────┘             └──────┘
//! ```
//!
//! ```
//! use multifeed_core::Group;
//! use multifeed_memory::{LinkOptions, NodeOptions, World};
//!
//! # fn main() -> Result<(), multifeed_core::Misuse> {
//! let mut world = World::new(7);
//! let group = Group::keyed([1; 32]);
//! let [a, b, c] = [0; 3].map(|_| world.add_node(NodeOptions::new(group.clone())));
//! world.connect(a, b, LinkOptions::default());
//! let link = world.connect(b, c, LinkOptions::default());
//!
//! let feed = world.writer(a, "chat")?;
//! world.append(a, &feed, &[b"hello", b"world"])?;
//! world.run_until_idle();
//! assert!(world.is_converged());
//! assert_eq!(world.blocks(c, &feed), [&b"hello"[..], b"world"]);
//!
//! world.cut(link);
//! world.append(a, &feed, &[b"offline"])?;
//! world.run_until_idle();
//! assert_eq!(world.blocks(c, &feed).len(), 2);
//! world.heal(link);
//! world.run_until_idle();
//! assert_eq!(world.blocks(c, &feed).len(), 3);
//! # Ok(())
//! # }
//! ```
//!
//! # Faults, adversaries and laws
//!
//! Links break, stall and damage bytes, as [rules](World::rule) and methods say; disks fail; clocks
//! jump; and a node may be an [adversary](World::make_adversary) of any kind. The [laws](Law) must
//! hold anyway, and report which node broke one, when and how:
//!
//! ```
//! use multifeed_core::{Duration, Group, Timing};
//! use multifeed_memory::{Crash, Fault, LinkOptions, NodeOptions, Verdict, World};
//!
//! # fn main() -> Result<(), multifeed_core::Misuse> {
//! let mut world = World::new(7);
//! world.watch_laws();
//! let mut timing = Timing::default();
//! timing.request = Some(Duration::from_millis(200));
//! let options = NodeOptions::new(Group::keyed([1; 32])).timing(timing);
//! let [author, reader, adversary] = [0; 3].map(|_| world.add_node(options.clone()));
//! world.make_adversary(adversary, Fault::Garbage);
//! for [a, b] in [[author, adversary], [adversary, reader], [reader, author]] {
//!     world.connect(a, b, LinkOptions::default());
//! }
//! // One piece in ten from the author is late.
//! world.rule(move |piece, randomness| {
//!     let is_late = piece.from == author && randomness.below(10) == 0;
//!     is_late.then_some(Verdict::Delay(Duration::from_millis(300)))
//! });
//!
//! let feed = world.writer(author, "log")?;
//! world.append(author, &feed, &[b"one", b"two"])?;
//! world.run_for(Duration::from_millis(100));
//! world.crash(reader, Crash::Power);
//! world.append(author, &feed, &[b"three"])?;
//! world.restart(reader);
//! world.run_until_idle();
//! world.check_at_rest();
//! assert_eq!(world.violations(), []);
//! assert_eq!(world.blocks(reader, &feed).len(), 3);
//! assert!(world.faults().of(Fault::Garbage) > 0);
//! # Ok(())
//! # }
//! ```
//!
//! A [scenario] describes the same in a file, for any number of seeds.

mod adversary;
mod disk;
mod event_queue;
mod fault;
mod law;
mod link;
mod node;
mod options;
mod rule;
pub mod scenario;
#[cfg(test)]
mod tests;
mod trace;
mod world;

pub use fault::{Fault, FaultCounts};
pub use law::{CROSSINGS, Cost, Law, LawViolation};
pub use link::LinkId;
pub use node::NodeId;
pub use options::{
    DiskOptions, EVENTS_KEPT_MAX, LinkOptions, NodeOptions, Pieces, Replies, Security,
};
pub use rule::{Crossing, Verdict};
pub use world::{Crash, Difference, Disconnection, Holding, World};
