//! Tracks the delivery of one of our messages.
//!
//! Rule: a peer holds a message once it has said so, and still holds it after it disconnects.

use std::collections::BTreeSet;

use multifeed_core::PublicKey;
use serde::{Deserialize, Serialize};

use crate::args::values::Wait;
use crate::exit::ExitCode;
use crate::ids::MessageId;
use crate::lines::{Event, Line};
use crate::output::{Format, Output};
use crate::report::Failure;
use crate::session::Session;
use crate::session::failure::forked_failure;
use crate::transcript::plural;

/// The peers that hold a message, collected over time.
#[derive(Debug)]
pub struct Holders {
    id: MessageId,
    holders: BTreeSet<PublicKey>,
}

impl Holders {
    /// Starts with a message that was just stored.
    pub fn new(id: MessageId) -> Self {
        Self { id, holders: BTreeSet::new() }
    }

    /// Asks the node which peers hold it.
    ///
    /// # Errors
    /// Fails if the node has closed.
    pub async fn update(&mut self, session: &Session) -> Result<DeliveryReport, Failure> {
        let holders = session.node().holders(session.feed()).await;
        for (connection, length) in holders.map_err(|error| session.failed(error))? {
            if length > self.id.index
                && let Some((remote, _)) = session.connections().peer(connection)
            {
                self.holders.insert(remote);
            }
        }
        let own = session.node().feed(session.key()).await;
        let own = own.map_err(|error| session.failed(error))?;
        let (connections, online) = (session.connections(), session.connections().online());
        let of = self.holders.union(&online).count().max(connections.targets().len());
        Ok(DeliveryReport {
            holders: self.holders.len() as u64,
            of: of as u64,
            has_all: !self.holders.is_empty()
                && connections.all_reached()
                && online.is_subset(&self.holders),
            is_forked: own.is_some_and(|feed| feed.is_forked),
            ..DeliveryReport::local_only(session)
        })
    }
}

/// A target that was not reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreachableTarget {
    /// The name as typed.
    pub name: String,
    /// Why it was not reached.
    pub why: String,
}

/// How far a message was delivered, as seen by the process with the open room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryReport {
    /// The name of the room.
    pub room: String,
    /// How many peers hold it.
    pub holders: u64,
    /// How many peers could hold it.
    pub of: u64,
    /// Whether all connected peers and all targets hold it.
    pub has_all: bool,
    /// How many peers said that they do not accept it.
    #[serde(default)]
    pub refused: u64,
    /// Whether our own feed has two histories, so that the message is never sent.
    pub is_forked: bool,
    /// Targets that were not reached, and why.
    pub unreachable: Vec<UnreachableTarget>,
}

impl DeliveryReport {
    /// Returns the state of a message that is stored only here.
    pub fn local_only(session: &Session) -> Self {
        let targets = session.connections().targets().iter();
        let unreachable = |target: &crate::connections::DialTarget| {
            let (name, why) = (target.name().to_string(), target.error()?.to_string());
            Some(UnreachableTarget { name, why })
        };
        let unreachable = targets.filter_map(unreachable).collect();
        let room = session.room().name().to_string();
        let refused = session.refusers() as u64;
        let (holders, of, has_all, is_forked) = (0, 0, false, false);
        Self { room, holders, of, has_all, refused, is_forked, unreachable }
    }

    /// Checks that the message can still be sent.
    ///
    /// # Errors
    /// Exit 6 if our own feed has two histories.
    pub fn check_fork(&self) -> Result<(), Failure> {
        if !self.is_forked {
            return Ok(());
        }
        Err(forked_failure().help("the message is stored here only, and is never sent"))
    }

    /// Returns whether the requested delivery is complete.
    pub fn is_enough(&self, wait: Wait) -> bool {
        match wait {
            Wait::Stored => true,
            Wait::Peers(peers) => self.holders >= u64::from(peers),
            Wait::All => self.has_all,
        }
    }

    /// Reports the delivery.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    pub fn print(&self, id: &MessageId, output: &Output) -> Result<(), Failure> {
        let (holders, of) = (self.holders, self.of);
        if output.format == Format::Json {
            return output.json(&Line::from(Event::Sent { id: id.clone(), holders, of }));
        }
        output.say(&match (holders, of) {
            (holders, of) if holders == of => {
                format!("stored on {}", plural(holders, "peer"))
            }
            (holders, of) => format!("stored on {holders} of {of} peers"),
        })
    }

    /// Returns the failure to report when the time is over.
    pub fn too_few_peers(&self, wait: Wait) -> Failure {
        if self.holders == 0 {
            return self.no_peer();
        }
        let wanted = match wait {
            Wait::Peers(peers) => u64::from(peers).max(self.of),
            Wait::All | Wait::Stored => self.of,
        };
        let message = format!("stored on {} of {wanted} peers", self.holders);
        let failure = Failure::note(ExitCode::FewPeers, "net.few", message)
            .help("do not resend it: the other peers get it later");
        self.with_unreachable(failure)
    }

    /// Returns the failure for a message that reached no peer and is stored here.
    pub fn no_peer(&self) -> Failure {
        let room = &self.room;
        if self.refused > 0 {
            let who = plural(self.refused, "connected member");
            let message = format!(
                "{who} did not accept your message in \"{room}\": the storage limit of the room or \
                 of your messages is reached there, or you are blocked. It is stored here"
            );
            return Failure::note(ExitCode::NoPeer, "net.refused", message)
                .help("do not resend it: it is delivered once they accept it");
        }
        let message = format!(
            "no other member is online in \"{room}\". Your message is stored here, not delivered \
             yet"
        );
        let failure = Failure::note(ExitCode::NoPeer, "net.nobody", message)
            .help("do not resend it: the next  multichat sync  or  serve  delivers it");
        self.with_unreachable(failure)
    }

    fn with_unreachable(&self, failure: Failure) -> Failure {
        let unreachable = self.unreachable.iter();
        unreachable.fold(failure, |failure, UnreachableTarget { name, why }| {
            failure.help(format!("{name}: {why}"))
        })
    }
}

/// Formats a number of our messages as the start of a sentence.
pub fn your_messages(count: u64) -> String {
    match count {
        1 => "your message is".to_string(),
        count => format!("your {count} messages are"),
    }
}
