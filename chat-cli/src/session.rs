//! An open room: its feeds in the store, its peers on the network.
//!
//! Rule: a node is opened here alone, and only under the lock of its profile, so that no feed is
//! ever written by two processes.

pub mod authors;
pub mod channels;
pub mod discovery;
pub mod events;
pub mod failure;
pub mod members;
pub mod moderation;
pub mod search;
pub mod topics;

use std::net::SocketAddr;

use jiff::Timestamp;
use multifeed_core::{FeedId, FeedKey, KeyPair, Misuse};
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
use crate::output::{Format, Output};
use crate::profile::Profile;
use crate::profile::room::Room;
use crate::quota::Quota;
use crate::report::Failure;
use crate::sanitize::Clean;
use crate::timeline::index::LocalState;
use crate::timeline::index::tables::IndexError;
use crate::timeline::key::TimelineKey;
use crate::timeline::{Entry, Step, Timeline, TimelineError};

/// The local name of the feed that this user writes, as in the workshop's program.
const WRITER: &str = "local";

/// A room that is open, offline until [`go_online`](Self::go_online).
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
    listening: Option<SocketAddr>,
    /// Whether each rung of the search for others is told, and not only what is new.
    reports_every_stage: bool,
    appearance: Appearance,
    quota: Quota,
}

impl Session {
    /// Opens a room of a profile.
    ///
    /// # Errors
    /// If the store cannot be opened: exit 6 if it is damaged.
    pub async fn open(global: &Global, mut profile: Profile, room: Room) -> Result<Self, Failure> {
        let system = std::env::var("USER").ok();
        let nick = profile.nick(global.nick.as_deref(), system.as_deref())?;
        let group = room.group();
        let feeds = profile.feeds_path(room.id());
        let failed = |error| node_failure(error, feeds.as_deref());
        // Before the node: what fails here leaves nothing open.
        let key = profile.identity().feed_key(&group);
        // What cannot be read has an order in memory alone: it is another one than that which the
        // messages will have, should the room be read here some day.
        let index = if room.is_sealed() { None } else { profile.index_file(room.id())? };
        let timeline = Timeline::open(index, room.envelope(), key.0);
        let mut timeline = timeline.map_err(|error| index_failure(&error))?;
        timeline.hide(room.hidden().clone());
        let runtime = Tokio::current().map_err(|error| failure::no_runtime(&error))?;
        let mut options = NodeOptions::new(group.clone(), runtime);
        if let Some(folder) = &feeds {
            options.storage = Storage::Folder(folder.clone());
        }
        global.quota.apply_to(&mut options.limits);
        options.record.clone_from(&global.record);
        options.identity = Some(profile.identity().connection_key(&group));
        let node = Node::open(options).await.map_err(failed)?;
        let events = node.subscribe();
        let writer = || -> KeyPair { profile.identity().writer(&group) };
        let mut opened = node.writer(WRITER, writer()).await;
        if let Err(NodeError::Misuse(Misuse::NameTaken)) = opened {
            // The store came from a backup: there the name is that of the author who made it.
            opened = node.writer(&hex(&key.0), writer()).await;
        }
        let feed = match opened {
            Ok(feed) => feed,
            Err(error) => {
                node.close().await;
                return Err(failed(error));
            }
        };
        let (connections, listening) = (Connections::default(), None);
        let reports_every_stage = false;
        Ok(Self {
            node,
            events,
            connections,
            room,
            profile,
            nick,
            feed,
            key,
            timeline,
            listening,
            reports_every_stage,
            appearance: global.appearance,
            quota: global.quota,
        })
    }

    /// Whether the flags or the room name anybody to be reached, or let somebody in.
    pub fn has_network(&self, global: &Global) -> bool {
        let named = !global.peers.is_empty() || global.listen.is_some();
        let named = named || !self.room.hints().is_empty();
        (named || global.discovery.uses_discovery()) && !global.discovery.is_offline()
    }

    /// Listens and dials as the flags say, and tells where it listens.
    ///
    /// # Errors
    /// Exit 9 if an address cannot be listened on.
    pub async fn go_online(&mut self, global: &Global, output: &Output) -> Result<(), Failure> {
        if global.discovery.is_offline() {
            return Ok(());
        }
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
                Ok(_) => DialTarget::unresolved(peer.to_string(), "the name has no address".into()),
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

    /// Stores a message, durably, and gives its name. It names what was read here before.
    ///
    /// # Errors
    /// If it was not stored: then it has to be sent again.
    pub async fn append(&self, channel: &str, text: &str) -> Result<MessageId, Failure> {
        self.write(Kind::Message, channel, text).await
    }

    async fn write(&self, kind: Kind, channel: &str, text: &str) -> Result<MessageId, Failure> {
        let seen = self.timeline.seen().map_err(|error| index_failure(&error))?;
        let draft = Draft { kind, nickname: self.nick.as_str(), text, channel, seen: &seen };
        let block = self.timeline.envelope().encode(&self.key.0, &draft, Timestamp::now())?;
        let appended = self.node.append(self.feed, vec![block]).await;
        let appended = appended.map_err(|error| self.append_failure(error))?;
        Ok(MessageId { feed: self.key.0, index: appended.start })
    }

    /// An append that failed: after some failures of a disk nobody knows what it has kept.
    fn append_failure(&self, error: multifeed_tcp::NodeError) -> Failure {
        let refused = matches!(error, multifeed_tcp::NodeError::Misuse(_));
        let failure = self.failed(error);
        if refused {
            return failure;
        }
        failure.help("before you send it again, see whether it is there:  multichat tail -n 1")
    }

    /// What a failed call of the node means to the user.
    pub fn failed(&self, error: multifeed_tcp::NodeError) -> Failure {
        node_failure(error, self.profile.feeds_path(self.room.id()).as_deref())
    }

    /// Reads on: what came since the last time.
    ///
    /// # Errors
    /// If the store does not give back what it holds.
    pub async fn step(&self) -> Result<Step, Failure> {
        self.timeline.step(&self.node).await.map_err(|error| self.timeline_failure(error))
    }

    /// Reads all that came since the last time, and gives the last `limit` messages in a channel, of
    /// those from `since` on.
    ///
    /// # Errors
    /// If the store does not give back what it holds.
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

    /// Reads all that came since the last time.
    ///
    /// # Errors
    /// If the store does not give back what it holds.
    pub async fn catch_up(&self) -> Result<(), Failure> {
        self.timeline.catch_up(&self.node).await.map_err(|error| self.timeline_failure(error))
    }

    /// Makes the index anew, of what the feeds hold; what the user has read stays noted.
    ///
    /// # Errors
    /// If the store does not give back what it holds, or the index cannot be written.
    pub async fn rebuild_index(&self) -> Result<(), Failure> {
        self.timeline.index().clear().map_err(|error| index_failure(&error))?;
        self.catch_up().await
    }

    /// The last `count` messages before a spot, or of all.
    ///
    /// # Errors
    /// If the store does not give back what it holds.
    pub async fn page(
        &self,
        before: Option<TimelineKey>,
        count: usize,
    ) -> Result<Vec<Entry>, Failure> {
        let page = self.timeline.page(&self.node, before, count).await;
        page.map_err(|error| self.timeline_failure(error))
    }

    /// The first `count` messages behind a spot, or of all.
    ///
    /// # Errors
    /// If the store does not give back what it holds.
    pub async fn page_after(
        &self,
        after: Option<TimelineKey>,
        count: usize,
    ) -> Result<Vec<Entry>, Failure> {
        let page = self.timeline.page_after(&self.node, after, count).await;
        page.map_err(|error| self.timeline_failure(error))
    }

    /// Messages before a spot and from it on, half of `count` each.
    ///
    /// # Errors
    /// If the store does not give back what it holds.
    pub async fn around(&self, position: TimelineKey, count: usize) -> Result<Vec<Entry>, Failure> {
        let around = self.timeline.around(&self.node, position, count).await;
        around.map_err(|error| self.timeline_failure(error))
    }

    /// Feeds of which messages were named that are not here, and how many.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn missing(&self) -> Result<Vec<([u8; 32], u64)>, Failure> {
        self.timeline.index().missing().map_err(|error| index_failure(&error))
    }

    /// What was written down about this room when it was open before.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn local_state(&self) -> Result<LocalState, Failure> {
        self.timeline.index().local_state().map_err(|error| index_failure(&error))
    }

    /// Writes down up to where the user has read.
    ///
    /// # Errors
    /// If the index cannot be written.
    pub fn mark_read(&self, position: TimelineKey) -> Result<(), Failure> {
        self.timeline.index().mark_read(position).map_err(|error| index_failure(&error))
    }

    /// Writes down how many of our messages are on some other disk.
    ///
    /// # Errors
    /// If the index cannot be written.
    pub fn mark_replicated(&self, length: u64) -> Result<(), Failure> {
        self.timeline.index().mark_replicated(length).map_err(|error| index_failure(&error))
    }

    /// How many of our own messages were read.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn own_length(&self) -> Result<u64, Failure> {
        self.timeline.own_length().map_err(|error| index_failure(&error))
    }

    /// What a failure of the timeline means to the user.
    pub fn timeline_failure(&self, error: TimelineError) -> Failure {
        match error {
            TimelineError::Node(error) => self.failed(error),
            TimelineError::Index(error) => index_failure(&error),
        }
    }

    /// Lets everybody go, waits until everything is on the disk, and gives the profile back.
    pub async fn close(self) -> Profile {
        self.node.close().await;
        self.profile
    }

    /// The node.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// What was said, in its order.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The peers.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// The room.
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// The profile.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// How the user signs.
    pub fn nick(&self) -> &Clean {
        &self.nick
    }

    /// Changes how the user signs from now on.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub fn set_nick(&mut self, nick: &str) -> Result<(), Failure> {
        self.nick = self.profile.set_nick(nick)?;
        Ok(())
    }

    /// How the room is to be shown.
    pub fn appearance(&self) -> Appearance {
        self.appearance
    }

    /// How much is kept.
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// Shows it otherwise from now on.
    pub fn set_appearance(&mut self, appearance: Appearance) {
        self.appearance = appearance;
    }

    /// The feed that the user writes.
    pub fn feed(&self) -> FeedId {
        self.feed
    }

    /// The name of that feed.
    pub fn key(&self) -> FeedKey {
        self.key
    }

    /// Where others are let in.
    pub fn listening(&self) -> Option<SocketAddr> {
        self.listening
    }

    /// What to tell when the node ended by itself.
    pub fn stopped_failure(&self) -> Failure {
        Failure::new(ExitCode::Failed, "store.stopped", "the store has stopped working")
            .help("what was said to be stored is stored; start again")
    }
}

fn index_failure(error: &IndexError) -> Failure {
    Failure::new(ExitCode::Failed, "view.failed", error.to_string())
        .help("nothing that was said is lost; make it anew:  multichat doctor store --fix")
}
