//! What the errors of a node mean to the user, and what he can do about each.

use std::error::Error;
use std::io;
use std::path::Path;

use multifeed_core::{Misuse, StoreFailure};
use multifeed_store::{self as store, FailureKind};
use multifeed_tcp::NodeError;

use crate::exit::ExitCode;
use crate::message::TEXT_BYTES_MAX;
use crate::report::Failure;

/// The failure of a command whose node failed; `feeds` is where the room's feeds are stored.
pub fn node_failure(error: NodeError, feeds: Option<&Path>) -> Failure {
    match &error {
        NodeError::AddrInUse { addr, .. } => {
            let message = format!("cannot listen on {addr}: another program does");
            Failure::new(ExitCode::Network, "net.in-use", message)
                .help(format!("take any free port:  --listen {}:0", shown_ip(*addr)))
                .help(format!("or see who has it:  ss -ltnp 'sport = :{}'", addr.port()))
        }
        NodeError::Permission { addr, .. } => {
            let message = format!("cannot listen on {addr}: the system does not permit it");
            Failure::new(ExitCode::Network, "net.permission", message)
                .help("ports from 1024 on need no permission:  --listen ADDR:4977")
        }
        NodeError::Listen { addr, source } => {
            let message = format!("cannot listen on {addr}: {source}");
            Failure::new(ExitCode::Network, "net.listen", message)
                .help("use an address of this machine; 0.0.0.0 stands for all of them")
        }
        NodeError::TooMany => {
            Failure::new(ExitCode::Network, "net.many", "too many addresses to dial or listen on")
                .help("name fewer with  --peer")
        }
        NodeError::Random(source) => {
            let message = format!("the system gives no random bytes: {source}");
            Failure::new(ExitCode::Failed, "identity.random", message)
        }
        NodeError::Record { path, source } => {
            let message = format!("cannot write down the session in {}: {source}", path.display());
            Failure::new(ExitCode::Failed, "record.file", message)
                .help("name a file that is not there yet, in a folder that is")
        }
        NodeError::Failed(failure) => store_failure(*failure, "", feeds),
        NodeError::Store(source) => store_opening(source, feeds),
        NodeError::Misuse(Misuse::BlockTooLarge | Misuse::AppendTooLarge) => {
            let message = format!("a message has {TEXT_BYTES_MAX} bytes at most");
            Failure::new(ExitCode::BadInput, "message.long", message)
        }
        NodeError::Misuse(Misuse::FeedForked) => {
            let message = "two copies of this profile have written different messages";
            Failure::new(ExitCode::Damaged, "feed.forked", message)
                .help("nothing more can be sent from here: end the other copy")
                .help("and be somebody new:  multichat --profile NAME join INVITE")
        }
        NodeError::Misuse(Misuse::FeedBehind) => {
            let message = "the others have messages of yours that are not here yet";
            Failure::new(ExitCode::Failed, "feed.behind", message)
                .help("an old copy of this profile came back: get them first with  multichat sync")
        }
        NodeError::Misuse(Misuse::FeedFull) => {
            let message = "you have written as much as is kept of one author";
            Failure::new(ExitCode::Failed, "feed.full", message)
                .help("raise  author-mib  in  multichat config edit , and have the others do so")
                .help("or go on as somebody new:  multichat --profile NAME join INVITE")
        }
        NodeError::Misuse(Misuse::FeedBroken) => store_failure(StoreFailure::Damaged, "", feeds),
        _ => Failure::new(ExitCode::Failed, "node.failed", words(&error)),
    }
}

/// There is always a runtime around a session; if there is not, that is our fault.
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
        .help("go on there, or end that one first")
}

fn store_failure(failure: StoreFailure, words: &str, feeds: Option<&Path>) -> Failure {
    let place = at(feeds);
    match failure {
        StoreFailure::Full => {
            let message = format!("the disk of the store{place} is full");
            Failure::new(ExitCode::Failed, "store.full", message)
                .help("what was stored before is safe: make room, then go on")
        }
        StoreFailure::Damaged => {
            let message = format!("the store{place} is damaged");
            Failure::new(ExitCode::Damaged, "store.damaged", message)
                // With an empty or an older store and the old key the user would write a part of
                // his feed a second time, and the others would see a fork.
                .help("nothing was changed: put a good copy of it there, and sync before you write")
                .help("or be somebody new, and get the history from the others:")
                .help("multichat --profile NAME join INVITE")
        }
        StoreFailure::WrongGroup => {
            let message = format!("the store{place} belongs to another room");
            Failure::new(ExitCode::Damaged, "store.group", message)
                .help("nothing was changed: put the folders of the rooms back in their places")
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
                .help("what was said to be stored is safe: look after the disk, then start again")
                .help("use another folder:  --data-dir DIR   or keep nothing:  --ephemeral")
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

/// An error with its causes, each said once.
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
