//! Converts errors of a node to failures for the user, each with a remedy.

use std::error::Error;
use std::io;
use std::path::Path;

use multifeed_core::{Misuse, StoreFailure};
use multifeed_store::{self as store, FailureKind};
use multifeed_tcp::NodeError;

use crate::exit::ExitCode;
use crate::message::TEXT_BYTES_MAX;
use crate::report::Failure;

/// Converts an error of a node. `feeds` is the folder of the room's feeds.
pub fn node_failure(error: NodeError, feeds: Option<&Path>) -> Failure {
    match &error {
        NodeError::AddrInUse { addr, .. } => {
            let message = format!("cannot listen on {addr}: another program uses that port");
            Failure::new(ExitCode::Network, "net.in-use", message)
                .help(format!("use any free port:  --listen {}:0", shown_ip(*addr)))
                .help(format!("or find that program:  ss -ltnp 'sport = :{}'", addr.port()))
        }
        NodeError::Permission { addr, .. } => {
            let message = format!("cannot listen on {addr}: permission denied");
            Failure::new(ExitCode::Network, "net.permission", message)
                .help("use a port from 1024 up:  --listen ADDR:4977")
        }
        NodeError::Listen { addr, source } => {
            let message = format!("cannot listen on {addr}: {source}");
            Failure::new(ExitCode::Network, "net.listen", message)
                .help("use an address of this machine, or 0.0.0.0 for all of its addresses")
        }
        NodeError::TooMany => {
            Failure::new(ExitCode::Network, "net.many", "too many addresses to dial or listen on")
                .help("give fewer addresses with  --peer")
        }
        NodeError::Random(source) => {
            let message = format!("cannot get random bytes from the system: {source}");
            Failure::new(ExitCode::Failed, "identity.random", message)
        }
        NodeError::Record { path, source } => {
            let message = format!("cannot record the session to {}: {source}", path.display());
            Failure::new(ExitCode::Failed, "record.file", message)
                .help("name a new file in an existing folder:  --record FILE")
        }
        NodeError::Failed(failure) => store_failure(*failure, "", feeds),
        NodeError::Store(source) => store_opening(source, feeds),
        NodeError::Misuse(Misuse::BlockTooLarge | Misuse::AppendTooLarge) => {
            let message = format!("a message can have at most {TEXT_BYTES_MAX} bytes");
            Failure::new(ExitCode::BadInput, "message.long", message)
        }
        NodeError::Misuse(Misuse::FeedForked) => forked_failure(),
        NodeError::Misuse(Misuse::FeedBehind) => {
            let message = "the peers have messages of yours that are not stored here";
            Failure::new(ExitCode::Failed, "feed.behind", message)
                .help("an old copy of this profile was restored: run  multichat sync  first")
        }
        NodeError::Misuse(Misuse::FeedFull) => {
            let message = "you have reached the storage limit per author";
            Failure::new(ExitCode::Failed, "feed.full", message)
                .help("raise  author-mib  here and on the other members:  multichat config edit")
                .help("or create a new profile:  multichat --profile NAME join INVITE")
        }
        NodeError::Misuse(Misuse::FeedBroken) => store_failure(StoreFailure::Damaged, "", feeds),
        _ => Failure::new(ExitCode::Failed, "node.failed", words(&error)),
    }
}

/// Returns the failure of every append to our own feed once it has two histories.
pub fn forked_failure() -> Failure {
    let message = "two copies of this profile have written different messages";
    Failure::new(ExitCode::Damaged, "feed.forked", message)
        .help("nothing more can be sent from here: stop the other copy,")
        .help("then create a new profile:  multichat --profile NAME join INVITE")
}

/// Returns whether a failed append refuses one message, so that the session can go on: the user can
/// correct the input, or the session waits for the user's own messages.
pub fn refuses_one_message(failure: &Failure) -> bool {
    failure.exit() == ExitCode::BadInput || matches!(failure.code(), "feed.behind" | "feed.lost")
}

/// Converts a missing runtime. A session always runs inside one, so this is a bug.
pub(super) fn no_runtime(error: &io::Error) -> Failure {
    Failure::new(ExitCode::Failed, "node.runtime", format!("cannot start: {error}"))
}

fn store_opening(failure: &store::Failure, feeds: Option<&Path>) -> Failure {
    match failure.kind() {
        FailureKind::Locked => locked(feeds),
        kind => {
            let because = failure.source().map(words).unwrap_or_default();
            store_failure(kind.into(), &because, feeds)
        }
    }
}

fn locked(feeds: Option<&Path>) -> Failure {
    let message = format!("the store{} is open in another process", at(feeds));
    Failure::new(ExitCode::InUse, "store.locked", message)
        .help("use that window, close it, or pick another  --profile NAME")
}

fn store_failure(failure: StoreFailure, words: &str, feeds: Option<&Path>) -> Failure {
    let place = at(feeds);
    match failure {
        StoreFailure::Full => {
            let message = format!("the disk of the store{place} is full");
            Failure::new(ExitCode::Failed, "store.full", message)
                .help("what was stored before is safe: free some space, then start again")
        }
        StoreFailure::Damaged => {
            let message = format!("the store{place} is damaged");
            Failure::new(ExitCode::Damaged, "store.damaged", message)
                // With an empty or older store and the old key, the user would write part of the
                // feed a second time, and the peers would see a fork.
                .help("nothing was changed: restore a good copy of it, and sync before you write,")
                .help("or create a new profile and get the history from the peers:")
                .help("multichat --profile NAME join INVITE")
        }
        StoreFailure::WrongGroup => {
            let message = format!("the store{place} belongs to another room");
            Failure::new(ExitCode::Damaged, "store.group", message)
                .help("nothing was changed: move the folders of the rooms back to their places")
        }
        StoreFailure::TooNew => {
            let message = format!("the store{place} was written by a newer multichat");
            Failure::new(ExitCode::Failed, "store.newer", message)
                .help("use that version, or another  --profile NAME")
        }
        _ => {
            let because = if words.is_empty() { String::new() } else { format!(": {words}") };
            let message = format!("cannot read or write the store{place}{because}");
            Failure::new(ExitCode::Failed, "store.io", message)
                .help("everything reported as stored is safe: check the disk, then start again")
                .help("use another folder:  --data-dir DIR   or store nothing:  --ephemeral")
        }
    }
}

fn at(feeds: Option<&Path>) -> String {
    feeds.map(|path| format!(" {}", path.display())).unwrap_or_default()
}

fn shown_ip(addr: std::net::SocketAddr) -> String {
    match addr.ip() {
        std::net::IpAddr::V4(ip) => ip.to_string(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Formats an error with its causes, without repetition.
fn words(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_words = cause.to_string();
        if !words.contains(&cause_words) {
            words.push_str(": ");
            words.push_str(&cause_words);
        }
        next = cause.source();
    }
    words
}

#[cfg(test)]
mod tests;
