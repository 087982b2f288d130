//! Peer discovery: sources that report addresses to the dialer.
//!
//! Rule: a source only reports. The dialer decides whether, when and how often to dial an address,
//! and the peer there must prove that it knows the group's key. So an adversarial source costs some
//! dials and nothing else.
//!
//! [`Node::dial`](crate::Node::dial) adds addresses that the user specifies. [`Lan`] finds peers on
//! the local network (feature `lan`), [`Dht`] on the HyperDHT (feature `dht`). Any other source
//! implements [`Source`]. What a source reveals to strangers is derived from the group's topic,
//! never from its key.
//!
//! ```
//! use multifeed_tcp::discovery::{Origin, Source, SourceContext, Step};
//! use multifeed_tcp::runtime::BoxFuture;
//!
//! /// Reports one fixed address.
//! struct FixedAddress;
//!
//! impl Source for FixedAddress {
//!     fn origin(&self) -> Origin {
//!         Origin::Other
//!     }
//!
//!     fn run(self: Box<Self>, context: SourceContext) -> BoxFuture<'static, ()> {
//!         Box::pin(async move {
//!             context.report_step(Step::Searching).await;
//!             context.report_peer(None, vec![([192, 0, 2, 1], 4_977).into()]).await;
//!             context.closed().await;
//!         })
//!     }
//! }
//! ```

#[cfg(any(feature = "lan", feature = "dht"))]
mod address_policy;
#[cfg(feature = "dht")]
mod dht;
#[cfg(any(feature = "lan", feature = "dht"))]
mod endpoints;
#[cfg(feature = "lan")]
mod lan;
pub(crate) mod report;
pub(crate) mod source;

#[cfg(feature = "dht")]
pub use self::dht::Dht;
#[cfg(feature = "dht")]
pub use self::dht::client::Bootstrap;
#[cfg(feature = "dht")]
pub use self::dht::node::DhtNode;
#[cfg(feature = "lan")]
pub use self::lan::Lan;
pub use self::report::{Origin, SourceFailure, Step};
pub use self::source::{Source, SourceContext};
