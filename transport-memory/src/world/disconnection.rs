//! Record of a closed connection.

use multifeed_core::{CloseReason, Instant};

use crate::link::LinkId;
use crate::node::NodeId;

/// A connection that one end closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Disconnection {
    /// The link.
    pub link: LinkId,
    /// The end that closed it.
    pub node: NodeId,
    /// Why.
    pub reason: CloseReason,
    /// When.
    pub at: Instant,
}
