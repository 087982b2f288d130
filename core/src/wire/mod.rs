//! Bytes and values, without state.
