//! Any number of multifeeds in one process, in virtual time, under one seed.
//!
//! A [`World`] is nodes and links. Each node runs the real `multifeed-core` over a store whose
//! commits take time; each link is a byte pipe with a delay, jitter, a bandwidth and buffers, cut
//! into pieces wherever the seed says. Nothing in it reads a clock or draws chance of its own:
//! the same seed and the same calls give the same [`World::trace`], on any machine.
//!
//! ```text
//!      append, read, crash …                       ┌──────────── agenda ────────────┐
//!            │                                     │ pieces · replies · timers · dials │
//!            ▼                                     └───────┬───────────────▲────────┘
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
//! world.append(a, &feed, &[b"unheard"])?;
//! world.run_until_idle();
//! assert_eq!(world.blocks(c, &feed).len(), 2);
//! world.heal(link);
//! world.run_until_idle();
//! assert_eq!(world.blocks(c, &feed).len(), 3);
//! # Ok(())
//! # }
//! ```
//!
//! # Faults, liars and laws
//!
//! Links break, stall and damage bytes, as [rules](World::rule) and verbs say; disks fail; clocks
//! jump; and a node may be a [liar](World::make_liar) of any kind. [Laws](Law) hold all the same,
//! and say which node broke one, when and how:
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
//! let [author, reader, liar] = [0; 3].map(|_| world.add_node(options.clone()));
//! world.make_liar(liar, Fault::Garbage);
//! for [a, b] in [[author, liar], [liar, reader], [reader, author]] {
//!     world.connect(a, b, LinkOptions::default());
//! }
//! // One piece in ten from the author comes late.
//! world.rule(move |piece, chance| {
//!     let is_late = piece.from == author && chance.below(10) == 0;
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
//! assert_eq!(world.broken(), []);
//! assert_eq!(world.blocks(reader, &feed).len(), 3);
//! assert!(world.faults().of(Fault::Garbage) > 0);
//! # Ok(())
//! # }
//! ```
//!
//! [Scenarios](scenario) say the same in a file, for any number of seeds.

mod agenda;
mod disk;
mod fault;
mod law;
mod liar;
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
pub use law::{Broken, CROSSINGS, Cost, Law};
pub use link::LinkId;
pub use node::{EVENTS_KEPT_MAX, NodeId};
pub use options::{DiskOptions, LinkOptions, NodeOptions, Pieces, Replies, Security};
pub use rule::{Crossing, Verdict};
pub use world::{Crash, Difference, Ending, Holding, World};
