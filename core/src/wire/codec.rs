//! stand-in
/// Does not parse.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Malformed {
    /// Short.
    Truncated,
}
