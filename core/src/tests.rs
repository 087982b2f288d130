//! The number of cases of long tests.

/// Returns `few`, or `all` where `MULTIFEED_THOROUGH` is set: `.ci/run thorough`.
///
/// In unoptimised builds these tests would take most of the time of `cargo test`.
pub(crate) fn cases<T>(few: T, all: T) -> T {
    if std::env::var_os("MULTIFEED_THOROUGH").is_some() { all } else { few }
}
