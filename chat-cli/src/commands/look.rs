//! Prints the stored state of a room, without a network.

use jiff::tz::TimeZone;

use crate::args::Global;
use crate::lines::{Event, Line, hex};
use crate::message::{CHANNEL, channel_name};
use crate::output::{Format, Output};
use crate::profile::{Profile, ROOM_NAME_COLUMNS_MAX};
use crate::report::Failure;
use crate::sanitize;
use crate::session::{Channel, Session};
use crate::transcript::counted;

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
                let messages = counted(feed.length, "message");
                let bytes = counted(feed.byte_length, "byte");
                output.data(&format!("{key}  {messages}, {bytes}{mark}"))?;
            }
        }
    }
    session.close().await;
    Ok(())
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
                let (messages, time) = (counted(messages, "message"), time.unwrap_or_default());
                let topic = topic.map_or(String::new(), |topic| format!("  ─ {topic}"));
                output.data(&format!("#{name:24} {messages}{time}{topic}"))?;
            }
        }
    }
    session.close().await;
    Ok(())
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
            let (messages, members) = (counted(have, "message"), counted(feeds, "member"));
            output.data(&format!("\"{room}\": {messages} of {members} stored; offline"))
        }
    };
    session.close().await;
    done
}
