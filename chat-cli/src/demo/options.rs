//! How much the demo simulates.

/// How much there is to simulate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoOptions {
    /// Members.
    pub peers: u16,
    /// Messages of each.
    pub messages: u32,
    /// Where all chance comes from.
    pub seed: u64,
}
