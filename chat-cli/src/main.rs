//! multichat.
fn main() {}
