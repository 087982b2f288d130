//! A running multifeed: [`Node`] stores a group's feeds and syncs them with peers over TCP.
//!
//! Rule: all I/O happens around the core. One task, the driver, owns the
//! [`Multifeed`](multifeed_core::Multifeed) and waits only for its next input.
//!
//! ```text
//!  Node (handles) ──commands──▶ ┌────────┐ ──requests──▶ store thread
//!        ▲                      │ driver │ ◀──replies───
//!        └──replies, events──── │  owns  │
//!                               │  the   │ ◀──chunks──── reader ┐
//!  listeners ──streams────────▶ │ Multi- │                      ├ one connection
//!  dials ─────streams─────────▶ │ feed   │ ──one chunk─▶ writer ┘
//!  sources ───addresses───────▶ └────────┘
//! ```
//!
//! Every arrow is a bounded queue:
//!
//! - While the driver is busy, readers wait, so TCP slows the peers down.
//! - A peer that does not read costs one chunk, and what the core's `Limits` allow.
//! - A subscriber that falls behind loses the oldest events and learns how many.
//!
//! Runtimes are features: `tokio` (default), `async-std` and `smol`. Any other runtime implements
//! [`Runtime`](runtime::Runtime). Streams use the traits of `futures-io`.
//!
//! # Example
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
//!     if let NodeEvent::Multifeed(Event::Extended { feed, start, end, .. }) = event {
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
//! # Logging
//!
//! The crate logs with [`tracing`](https://docs.rs/tracing). The names of its spans are stable:
//! `node` (everything the driver does), `connection` (fields `id`, `addr`, `role`), `dial` (`addr`,
//! `attempt`), `source` (`origin`) and `store`. Logs never contain keys or contents of blocks.

mod admission;
mod bans;
mod command;
mod connection;
mod dialer;
mod driver;
mod error;
mod events;
mod feed_info;
mod listener;
mod node;
mod options;
mod recorder;
mod store_queue;
mod task_event;
mod tasks;

pub mod discovery;
pub mod runtime;

pub use dialer::target::{Address, AddressState, ConnectError};
pub use error::NodeError;
pub use events::{DialFailure, DisconnectReason, Events, NodeEvent};
pub use feed_info::{Appended, FeedInfo};
pub use node::Node;
pub use options::{ConnectionLimits, NodeOptions, Storage};
