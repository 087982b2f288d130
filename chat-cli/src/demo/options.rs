//! Defines the size of the demo.

/// The size of the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoOptions {
    /// The number of members.
    pub peers: u16,
    /// The number of messages of each member.
    pub messages: u32,
    /// The seed of all randomness.
    pub seed: u64,
}
