//! Prints the stored state of a room, without a network.

use jiff::tz::TimeZone;

use crate::args::Global;
use crate::exit::ExitCode;
use crate::ids::hex;
use crate::lines::{Event, Line};
use crate::message::Content;
use crate::message::seen;
use crate::message::{CHANNEL, channel_name};
use crate::output::{Format, Output};
use crate::profile::Profile;
use crate::profile::room::ROOM_NAME_COLUMNS_MAX;
use crate::report::Failure;
use crate::sanitize;
use crate::session::Session;
use crate::session::channels::Channel;
use crate::transcript::plural;

/// Blocks read at once. Chosen: bounds memory to 4 MiB, as a message has at most 64 KiB.
const READ_BLOCKS: u64 = 64;
/// The shortest key prefix that names a feed. Chosen: 4 hex digits, as for members.
const KEY_PREFIX_CHARS_MIN: usize = 4;

async fn open(global: &Global) -> Result<Session, Failure> {
    let profile = Profile::open(global)?;
    let room = profile.find(global.room.as_deref())?;
    Session::open(global, profile, room).await
}

pub(super) async fn feeds(global: &Global, output: &Output) -> Result<(), Failure> {
    let session = open(global).await?;
    let feeds = session.node().feeds().await.map_err(|error| session.failed(error))?;
    for feed in feeds.iter().filter(|feed| feed.length > 0) {
        let (key, own) = (hex(&feed.key.0), feed.id == session.feed());
        match output.format {
            Format::Json => output.json(&Line::from(Event::Feed {
                key,
                length: feed.length,
                bytes: feed.byte_length,
                own,
            }))?,
            Format::Text => {
                let mark = if own { "  (yours)" } else { "" };
                let messages = plural(feed.length, "message");
                let bytes = plural(feed.byte_length, "byte");
                output.data(&format!("{key}  {messages}, {bytes}{mark}"))?;
            }
        }
    }
    let signed = session.check_signed().await;
    session.close().await;
    signed
}

/// Prints the channels; the default channel comes first.
pub(super) async fn channels(global: &Global, output: &Output) -> Result<(), Failure> {
    let profile = Profile::open(global)?;
    let room = profile.find_readable(global.room.as_deref())?;
    let session = Session::open(global, profile, room).await?;
    let room = sanitize::line(session.room().name(), ROOM_NAME_COLUMNS_MAX);
    let mut channels = session.channels().await?;
    let general = channel_name(CHANNEL);
    let first = (general.clone(), channels.remove(&general).unwrap_or_default());
    for (name, channel) in std::iter::once(first).chain(channels) {
        let Channel { messages, last, topic } = channel;
        let topic = Some(topic).filter(|topic| !topic.as_str().is_empty());
        match output.format {
            Format::Json => {
                let room = room.clone();
                output.json(&Line::from(Event::Channel { room, name, messages, last, topic }))?;
            }
            Format::Text => {
                let time = last.map(|time| time.to_zoned(TimeZone::system()));
                let time = time.map(|time| time.strftime(", last %Y-%m-%d %H:%M").to_string());
                let (messages, time) = (plural(messages, "message"), time.unwrap_or_default());
                let topic = topic.map_or(String::new(), |topic| format!("  ─ {topic}"));
                output.data(&format!("#{name:24} {messages}{time}{topic}"))?;
            }
        }
    }
    let signed = session.check_signed().await;
    session.close().await;
    signed
}

pub(super) async fn status(global: &Global, output: &Output) -> Result<(), Failure> {
    let session = open(global).await?;
    let status = session.node().sync_status().await.map_err(|error| session.failed(error))?;
    let (feeds, have) = (status.feeds as u64, status.have);
    let room = sanitize::line(session.room().name(), ROOM_NAME_COLUMNS_MAX);
    let done = match output.format {
        Format::Json => output.json(&Line::from(Event::Sync {
            room,
            have,
            want: status.want,
            feeds,
            peers: 0,
            state: "offline",
        })),
        Format::Text => {
            let (messages, members) = (plural(have, "message"), plural(feeds, "member"));
            output.data(&format!("\"{room}\": {messages} of {members} stored; offline"))
        }
    };
    let signed = session.check_signed().await;
    session.close().await;
    done.and(signed)
}

/// Reads a whole feed. The store verifies each block against the author's signature.
pub(super) async fn feed(session: &Session, output: &Output, prefix: &str) -> Result<(), Failure> {
    let feeds = session.node().feeds().await.map_err(|error| session.failed(error))?;
    let prefix = prefix.to_lowercase();
    let is_long = prefix.len() >= KEY_PREFIX_CHARS_MIN;
    let mut fits = feeds.iter().filter(|feed| is_long && hex(&feed.key.0).starts_with(&prefix));
    let feed = match (fits.next(), fits.next()) {
        (Some(feed), None) => feed,
        (found, _) => {
            let what = if found.is_some() { "several feeds have" } else { "no feed has" };
            let message = format!("{what} a key that starts with \"{prefix}\"");
            let failure = Failure::new(ExitCode::NotFound, "feed.unknown", message);
            return Err(failure.help("all keys:  multichat feeds"));
        }
    };
    let (mut chain, mut unreadable, mut at) = (None, 0u64, 0);
    while at < feed.length {
        let end = feed.length.min(at + READ_BLOCKS);
        let blocks = session.node().read(feed.id, at..end).await;
        for block in blocks.map_err(|error| session.failed(error))? {
            chain = Some(seen::chain(chain, &seen::digest(&block)));
            let content = session.timeline().envelope().decode(&feed.key.0, &block);
            unreadable += u64::from(matches!(content, Content::Unreadable(_)));
        }
        at = end;
    }
    let digest = chain.map_or(String::new(), |chain| hex(&chain));
    let (length, bytes, own) = (feed.length, feed.byte_length, feed.id == session.feed());
    let key = hex(&feed.key.0);
    if output.format == Format::Json {
        let inspected = Event::Inspected { key, length, bytes, unreadable, digest, own };
        return output.json(&Line::from(inspected));
    }
    let whose = if own { "  (yours)" } else { "" };
    output.data(&format!("feed        {key}{whose}"))?;
    output.data(&format!(
        "length      {}, {}",
        plural(length, "message"),
        plural(bytes, "byte")
    ))?;
    output.data(&format!("unreadable  {unreadable}"))?;
    output.data(&format!("digest      {digest}"))?;
    output.say("all signatures are valid; members with the same digest hold the same messages")
}
