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

mod agenda;
mod disk;
mod fault;
mod law;
mod liar;
mod link;
mod node;
mod options;
#[cfg(test)]
mod planted;
mod rule;
pub mod scenario;
mod trace;
mod world;

pub use fault::{Fault, FaultCounts};
pub use law::{Broken, CROSSINGS, Cost, Law};
pub use link::LinkId;
pub use node::{EVENTS_KEPT_MAX, NodeId};
pub use options::{DiskOptions, LinkOptions, NodeOptions, Pieces, Replies, Security};
pub use rule::{Crossing, Verdict};
pub use world::{Crash, Difference, Ending, Holding, World};
