//! An open room: its feeds in the store and its peers on the network.
//!
//! Rule: a node is opened only here, and only under the profile's lock, so two processes never
//! write the same feed.

mod arrivals;
pub mod authors;
pub mod channels;
pub mod discovery;
pub mod events;
pub mod failure;
pub mod members;
pub mod moderation;
pub mod search;
mod signed;
pub mod topics;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use jiff::Timestamp;
use multifeed_core::{FeedId, FeedKey, KeyPair, Misuse, PublicKey};
use multifeed_tcp::runtime::Tokio;
use multifeed_tcp::{Events, Node, NodeError, NodeOptions, Storage};
use tokio::net::lookup_host;

use self::failure::node_failure;
use crate::appearance::Appearance;
use crate::args::Global;
use crate::args::channel::ChannelFilter;
use crate::connections::{Connections, DialTarget};
use crate::exit::ExitCode;
use crate::ids::{MessageId, hex};
use crate::lines;
use crate::message::{Draft, Kind};
use crate::output::{Format, Output, Terminals};
use crate::profile::Profile;
use crate::profile::room::Room;
use crate::profile::signed::SignedMark;
use crate::quota::Quota;
use crate::report::{Failure, Level, Report};
use crate::sanitize::Clean;
use crate::timeline::index::tables::IndexError;
use crate::timeline::index::{LocalState, MissingMessages};
use crate::timeline::key::TimelineKey;
use crate::timeline::{Entry, Step, Timeline, TimelineError};

/// The local name of the user's feed, as in the Kappa workshop's multichat.
const WRITER: &str = "local";

/// Blocks verified at once. Chosen: bounds memory to 4 MiB, as a message has at most 64 KiB.
const VERIFY_BLOCKS: u64 = 64;

/// An open room, offline until [`go_online`](Self::go_online).
pub struct Session {
    node: Node,
    events: Events,
    connections: Connections,
    room: Room,
    profile: Profile,
    nick: Clean,
    feed: FeedId,
    key: FeedKey,
    timeline: Timeline,
    /// The peers that do not accept our feed.
    refusers: BTreeSet<PublicKey>,
    listening: Option<SocketAddr>,
    /// Whether to report every discovery step, not only changes.
    reports_every_stage: bool,
    appearance: Appearance,
    quota: Quota,
    /// How much of the feed the user has signed.
    signed: SignedMark,
    /// Whether no message of others was stored when the room was opened.
    was_empty: bool,
}

impl Session {
    /// Opens a room of a profile. A store that has lost messages of the user opens, so that it can
    /// be synced; see [`check_signed`](Self::check_signed).
    ///
    /// # Errors
    /// Fails if the store cannot be opened; exit 6 if it is damaged, or if another identity has
    /// signed the user's messages in the room.
    pub async fn open(global: &Global, mut profile: Profile, room: Room) -> Result<Self, Failure> {
        let system = std::env::var("USER").ok();
        let nick = profile.nick(global.nick.as_deref(), system.as_deref())?;
        let group = room.group();
        let feeds = profile.feeds_path(room.id());
        let failed = |error| node_failure(error, feeds.as_deref());
        // Before the node, so that a failure here leaves nothing open.
        let key = profile.identity().feed_key(&group);
        let signed = profile.signed_mark(&room)?;
        // Encrypted messages that cannot be read get an order in memory only. The stored index
        // would have a different order if the room became readable here later.
        let index = if room.is_sealed() { None } else { profile.index_file(room.id())? };
        let timeline = Timeline::open(index, room.envelope(), key.0);
        let mut timeline = timeline.map_err(|error| index_failure(&error))?;
        if timeline.index().is_rebuilt() {
            report_rebuilt(global, &room)?;
        }
        timeline.hide(room.hidden().clone());
        let runtime = Tokio::current().map_err(|error| failure::no_runtime(&error))?;
        let mut options = NodeOptions::new(group.clone(), runtime);
        options.storage = storage(feeds.as_deref(), profile.is_read_only());
        global.quota.apply_to(&mut options.limits);
        options.record.clone_from(&global.record);
        options.identity = Some(profile.identity().connection_key(&group));
        let node = Node::open(options).await.map_err(failed)?;
        let events = node.subscribe();
        let writer = || -> KeyPair { profile.identity().writer(&group) };
        let mut opened = node.writer(WRITER, writer()).await;
        if let Err(NodeError::Misuse(Misuse::NameTaken)) = opened {
            // The store comes from a backup: there, this name belongs to the author who made the
            // backup.
            opened = node.writer(&hex(&key.0), writer()).await;
        }
        let feed = match opened {
            Ok(feed) => feed,
            Err(error) => {
                node.close().await;
                return Err(failed(error));
            }
        };
        let was_empty = match node.feeds().await {
            Ok(feeds) => feeds.iter().all(|held| held.length == 0 || held.key == key),
            Err(error) => return Err(failed(error)),
        };
        let (connections, listening) = (Connections::default(), None);
        let reports_every_stage = false;
        let session = Self {
            node,
            events,
            connections,
            room,
            profile,
            nick,
            feed,
            key,
            timeline,
            refusers: BTreeSet::new(),
            listening,
            reports_every_stage,
            appearance: global.appearance,
            quota: global.quota,
            signed,
            was_empty,
        };
        // Notes a length that an earlier version signed. A command reports what is missing.
        let _ = session.check_signed().await;
        Ok(session)
    }

    /// Returns whether flags or room give addresses to dial, a listen address, or discovery.
    pub fn has_network(&self, global: &Global) -> bool {
        let named = !global.peers.is_empty() || global.listen.is_some();
        let named = named || !self.room.hints().is_empty();
        (named || global.discovery.uses_discovery()) && !global.discovery.is_offline()
    }

    /// Listens and dials as the flags say, and reports the listen address.
    ///
    /// # Errors
    /// Exit 9 if it cannot listen on an address.
    pub async fn go_online(&mut self, global: &Global, output: &Output) -> Result<(), Failure> {
        if global.discovery.is_offline() {
            return Ok(());
        }
        self.check_writable()?;
        let listen =
            global.listen.or(global.discovery.uses_discovery().then_some(discovery::LISTEN));
        if let Some(addr) = listen {
            let addr = self.node.listen(addr).await.map_err(|error| self.failed(error))?;
            self.listening = Some(addr);
            match output.format {
                Format::Json => {
                    output.json(&lines::Line::from(lines::Event::Listening { addr }))?
                }
                Format::Text => output.say(&format!("listening on {addr}"))?,
            }
        }
        let mut targets = Vec::new();
        for peer in &global.peers {
            let found = lookup_host((peer.host(), peer.port())).await;
            targets.push(match found.map(Iterator::collect::<Vec<_>>) {
                Ok(addresses) if !addresses.is_empty() => {
                    DialTarget::new(peer.to_string(), addresses)
                }
                Ok(_) => {
                    DialTarget::unresolved(peer.to_string(), "the host name has no address".into())
                }
                Err(error) => DialTarget::unresolved(peer.to_string(), error.to_string()),
            });
        }
        let named =
            |addr: &SocketAddr| targets.iter().any(|t: &DialTarget| t.addresses().contains(addr));
        let hints: Vec<DialTarget> = (self.room.hints().iter().filter(|addr| !named(addr)))
            .map(|addr| DialTarget::new(addr.to_string(), vec![*addr]))
            .collect();
        targets.extend(hints);
        self.connections = Connections::new(targets);
        for target in self.connections.targets() {
            for addr in target.addresses() {
                self.node.dial(*addr).await.map_err(|error| self.failed(error))?;
            }
        }
        if global.discovery.uses_discovery() {
            self.connections.report_discovery();
            self.reports_every_stage = output.format == Format::Json;
        }
        discovery::start(&self.node, &global.discovery, |error| self.failed(error)).await
    }

    /// Stores a message durably and returns its id. The message refers to all messages read
    /// before.
    ///
    /// # Errors
    /// If this fails, the message was not stored and must be sent again.
    pub async fn append(&self, channel: &str, text: &str) -> Result<MessageId, Failure> {
        self.write(Kind::Message, channel, text).await
    }

    async fn write(&self, kind: Kind, channel: &str, text: &str) -> Result<MessageId, Failure> {
        self.check_writable()?;
        self.check_signed().await?;
        let seen = self.timeline.seen().map_err(|error| index_failure(&error))?;
        let draft = Draft { kind, nickname: self.nick.as_str(), text, channel, seen: &seen };
        let block = self.timeline.envelope().encode(&self.key.0, &draft, Timestamp::now())?;
        let appended = self.node.append(self.feed, vec![block]).await;
        let appended = appended.map_err(|error| self.append_failure(error))?;
        self.note_signed(appended.end);
        Ok(MessageId { feed: self.key.0, index: appended.start })
    }

    /// Converts a failed append. After some disk failures it is unknown what was stored.
    fn append_failure(&self, error: multifeed_tcp::NodeError) -> Failure {
        let refused = matches!(error, multifeed_tcp::NodeError::Misuse(_));
        let failure = self.failed(error);
        if refused {
            return failure;
        }
        failure.help("before you resend it, check whether it was stored:  multichat tail -n 1")
    }

    /// Converts an error of the node to a failure for the user.
    pub fn failed(&self, error: multifeed_tcp::NodeError) -> Failure {
        node_failure(error, self.profile.feeds_path(self.room.id()).as_deref())
    }

    /// Checks that the store still works.
    ///
    /// # Errors
    /// Returns why it failed, such as a full disk. Nothing more is stored until it is opened again.
    pub fn check_store(&self) -> Result<(), Failure> {
        match self.connections.store_failure() {
            Some(failure) => Err(self.failed(NodeError::Failed(failure))),
            None => Ok(()),
        }
    }

    /// Reads the next new messages.
    ///
    /// # Errors
    /// Fails if the store cannot read its data.
    pub async fn step(&self) -> Result<Step, Failure> {
        self.timeline.step(&self.node).await.map_err(|error| self.timeline_failure(error))
    }

    /// Reads all new messages, and returns the last `limit` messages of a channel that are not
    /// older than `since`.
    ///
    /// # Errors
    /// Fails if the store cannot read its data.
    pub async fn history(
        &self,
        limit: usize,
        since: Option<Timestamp>,
        channel: &ChannelFilter,
    ) -> Result<Vec<Entry>, Failure> {
        let wanted = |entry: &Entry| channel.matches(&entry.content.channel());
        let history = self.timeline.history(&self.node, limit, since, wanted).await;
        history.map_err(|error| self.timeline_failure(error))
    }

    /// Reads all new messages.
    ///
    /// # Errors
    /// Fails if the store cannot read its data.
    pub async fn catch_up(&self) -> Result<(), Failure> {
        self.timeline.catch_up(&self.node).await.map_err(|error| self.timeline_failure(error))
    }

    /// Reads every stored message, each verified against its author's signature.
    ///
    /// # Errors
    /// Exit 6 if one is damaged.
    pub async fn verify_feeds(&self) -> Result<(), Failure> {
        for feed in self.node.feeds().await.map_err(|error| self.failed(error))? {
            let mut at = 0;
            while at < feed.length {
                let end = feed.length.min(at + VERIFY_BLOCKS);
                let read = self.node.read(feed.id, at..end).await;
                read.map_err(|error| self.failed(error))?;
                at = end;
            }
        }
        Ok(())
    }

    /// Rebuilds the index from the feeds. The read position is kept.
    ///
    /// # Errors
    /// Fails if the store cannot read its data or the index cannot be written.
    pub async fn rebuild_index(&self) -> Result<(), Failure> {
        self.timeline.index().clear().map_err(|error| index_failure(&error))?;
        self.catch_up().await
    }

    /// Returns the last `count` messages before a position, or of the whole room.
    ///
    /// # Errors
    /// Fails if the store cannot read its data.
    pub async fn page(
        &self,
        before: Option<TimelineKey>,
        count: usize,
    ) -> Result<Vec<Entry>, Failure> {
        let page = self.timeline.page(&self.node, before, count).await;
        page.map_err(|error| self.timeline_failure(error))
    }

    /// Returns the first `count` messages after a position, or of the whole room.
    ///
    /// # Errors
    /// Fails if the store cannot read its data.
    pub async fn page_after(
        &self,
        after: Option<TimelineKey>,
        count: usize,
    ) -> Result<Vec<Entry>, Failure> {
        let page = self.timeline.page_after(&self.node, after, count).await;
        page.map_err(|error| self.timeline_failure(error))
    }

    /// Returns the feeds with messages that were referred to but are missing here, with the
    /// count.
    ///
    /// # Errors
    /// Fails if the index cannot be read.
    pub fn missing(&self) -> Result<Vec<MissingMessages>, Failure> {
        self.timeline.index().missing().map_err(|error| index_failure(&error))
    }

    /// Returns the positions saved when this room was last open.
    ///
    /// # Errors
    /// Fails if the index cannot be read.
    pub fn local_state(&self) -> Result<LocalState, Failure> {
        self.timeline.index().local_state().map_err(|error| index_failure(&error))
    }

    /// Saves the read position.
    ///
    /// # Errors
    /// Fails if the index cannot be written.
    pub fn mark_read(&self, position: TimelineKey) -> Result<(), Failure> {
        self.timeline.index().mark_read(position).map_err(|error| index_failure(&error))
    }

    /// Saves how many of our messages are stored on at least one other peer.
    ///
    /// # Errors
    /// Fails if the index cannot be written.
    pub fn mark_replicated(&self, length: u64) -> Result<(), Failure> {
        self.timeline.index().mark_replicated(length).map_err(|error| index_failure(&error))
    }

    /// Returns how many of our own messages were read.
    ///
    /// # Errors
    /// Fails if the index cannot be read.
    pub fn own_length(&self) -> Result<u64, Failure> {
        self.timeline.own_length().map_err(|error| index_failure(&error))
    }

    /// Converts a failure of the timeline to a failure for the user.
    pub fn timeline_failure(&self, error: TimelineError) -> Failure {
        match error {
            TimelineError::Node(error) => self.failed(error),
            TimelineError::Index(error) => index_failure(&error),
        }
    }

    /// Closes all connections, waits until all data is on disk, and returns the profile.
    pub async fn close(self) -> Profile {
        self.node.close().await;
        self.profile
    }

    /// Returns the node.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Returns the ordered messages.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Returns the connections and their targets.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Returns the room.
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// Returns the profile.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Returns the user's name.
    pub fn nick(&self) -> &Clean {
        &self.nick
    }

    /// Changes the user's name for new messages.
    ///
    /// # Errors
    /// Fails if it cannot be saved.
    pub fn set_nick(&mut self, nick: &str) -> Result<(), Failure> {
        self.nick = self.profile.set_nick(nick)?;
        Ok(())
    }

    /// Returns how the room looks.
    pub fn appearance(&self) -> Appearance {
        self.appearance
    }

    /// Returns the storage limits.
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// Changes how the room looks.
    pub fn set_appearance(&mut self, appearance: Appearance) {
        self.appearance = appearance;
    }

    /// Returns the user's feed.
    pub fn feed(&self) -> FeedId {
        self.feed
    }

    /// Returns the key of that feed.
    pub fn key(&self) -> FeedKey {
        self.key
    }

    /// Returns the listen address.
    pub fn listening(&self) -> Option<SocketAddr> {
        self.listening
    }

    /// Returns the failure to report when the node stopped by itself.
    pub fn stopped_failure(&self) -> Failure {
        Failure::new(ExitCode::Failed, "store.stopped", "the store has stopped working")
            .help("everything reported as stored is safe; start multichat again")
    }
}

/// Reports that the index of a room was damaged.
fn report_rebuilt(global: &Global, room: &Room) -> Result<(), Failure> {
    let output = global.output(|name| std::env::var(name).ok(), Terminals::of_process());
    let message = format!("the index of \"{}\" was damaged and is rebuilt", room.name());
    output.report(
        &Report::new(Level::Note, "view.rebuilt", message)
            .help("no message is lost: the index is made from the feeds"),
    )
}

/// Returns where the feeds of a room are stored.
fn storage(feeds: Option<&Path>, is_read_only: bool) -> Storage {
    match feeds {
        // A room that was joined and never opened has no feeds yet.
        Some(folder) if is_read_only && folder.is_dir() => {
            Storage::ReadOnlyFolder(folder.to_path_buf())
        }
        Some(folder) if !is_read_only => Storage::Folder(folder.to_path_buf()),
        _ => Storage::Memory,
    }
}

fn index_failure(error: &IndexError) -> Failure {
    if error.is_full() {
        let message = "the disk is full: the index of the room cannot be written";
        return Failure::new(ExitCode::Failed, "store.full", message)
            .help("what was stored before is safe: free some space, then start again");
    }
    Failure::new(ExitCode::Failed, "view.failed", error.to_string())
        .help("no message is lost; rebuild the index:  multichat doctor store --fix")
}
