//! A running multifeed: [`Node`] keeps a group's feeds in a store and in sync with peers over TCP.
//!
//! ```text
//!  Node (handles) ──commands──▶ ┌────────┐ ──requests──▶ store thread
//!        ▲                      │ driver │ ◀──answers───
//!        └──answers, Events──── │  owns  │
//!                               │  the   │ ◀──chunks──── reader ┐
//!  listeners ──streams────────▶ │ Multi- │                      ├ one connection
//!  dials ─────streams─────────▶ │ feed   │ ──a chunk───▶ writer ┘
//!  sources ───addresses───────▶ └────────┘
//! ```
//!
//! One task, the driver, owns the [`Multifeed`](multifeed_core::Multifeed). It waits for nothing
//! but its next input, and every arrow in the picture is a bounded queue:
//!
//! - A driver that is busy lets readers wait, and so TCP slows the peers.
//! - A peer that does not read keeps one chunk and what the core's `Limits` allow.
//! - A subscriber that does not keep up loses the oldest events and is told how many.
//!
//! Runtimes are features: `tokio` (default), `async-std`, `smol`; any other one implements
//! [`Runtime`](runtime::Runtime). Streams cross as the traits of `futures-io`.
//!
//! # A whole exchange
//!
//! ```
//! # #[cfg(feature = "tokio")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use multifeed_core::{Event, Group, KeyPair};
//! use multifeed_tcp::{Node, NodeEvent, NodeOptions, runtime::Tokio};
//!
//! let group = Group::open("a room");
//! let loopback = ([127, 0, 0, 1], 0).into();
//! let options = NodeOptions::new(group.clone(), Tokio::current()?).listen(loopback);
//! let ada = Node::open(options).await?;
//! let feed = ada.writer("ada", KeyPair::from_seed(&[1; 32])).await?;
//! ada.append(feed, vec![b"hello".to_vec()]).await?;
//!
//! let bob = Node::open(NodeOptions::new(group, Tokio::current()?)).await?;
//! let mut events = bob.subscribe();
//! bob.dial(ada.local_addrs().await?[0]).await?;
//! while let Some(event) = events.next().await {
//!     if let NodeEvent::Multifeed(Event::Extended { feed, start, end }) = event {
//!         assert_eq!(bob.read(feed, start..end).await?, ["hello"]);
//!         break;
//!     }
//! }
//! bob.close().await;
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "tokio"))]
//! # fn main() {}
//! ```
//!
//! # What is logged
//!
//! With [`tracing`](https://docs.rs/tracing), in spans of these names, which stay: `node` (all that
//! the driver does), `connection` (fields `id`, `addr`, `role`), `dial` (`addr`, `attempt`),
//! `source` (`origin`) and `store`. Neither keys nor contents of blocks are ever in them.

mod admission;
mod bans;
mod command;
mod connection;
mod dialer;
mod driver;
mod error;
mod events;
mod listener;
mod node;
mod options;
mod recorder;
mod store;
mod tasks;

pub mod discovery;
pub mod runtime;

pub use dialer::{Address, AddressState, Trouble};
pub use error::NodeError;
pub use events::{DialFailure, Ending, Events, NodeEvent};
pub use node::{Appended, FeedInfo, Node};
pub use options::{ConnectionLimits, NodeOptions, Storage};
