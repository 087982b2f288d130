//! Async runtimes on which a node runs.
//!
//! Rule: each runtime has one small file, and no other file names it.

#[cfg(feature = "async-std")]
mod async_std;
#[cfg(feature = "smol")]
mod smol;
#[cfg(feature = "tokio")]
mod tokio;
pub(crate) mod traits;

#[cfg(feature = "async-std")]
pub use self::async_std::AsyncStd;
#[cfg(feature = "smol")]
pub use self::smol::Smol;
#[cfg(feature = "tokio")]
pub use self::tokio::Tokio;
pub use self::traits::{BoxFuture, ByteStream, Listener, Runtime};
