//! Fills rooms with many messages.

use std::ffi::OsString;
use std::path::Path;

use jiff::{Timestamp, ToSpan};
use multichat::args::{self, Global};
use multichat::message::Draft;
use multichat::profile::Profile;
use multichat::profile::room::Room;
use multichat::quota::Quota;
use multichat::session::Session;
use multifeed_core::{FeedKey, KeyPair};

use crate::{Done, failed};

const AUTHORS: u64 = 5;
/// Messages that are appended at once.
const BATCH: u64 = 500;
/// The time of the first message.
const BEGIN: Timestamp = Timestamp::constant(1_795_334_400, 0);

/// Parses the flags of a command line.
pub(crate) fn flags(folder: &Path, more: &[&str]) -> Done<Global> {
    let mut words: Vec<OsString> =
        ["multichat", "--nick", "ada", "--data-dir"].map(Into::into).into();
    words.push(folder.into());
    words.extend(more.iter().map(OsString::from));
    words.push("status".into());
    let mut global = args::parse::parse(words).map_err(|stop| format!("{stop:?}"))?.global;
    // A million messages of five authors exceed the default limits.
    global.quota = Quota { author_mib: 1024, room_mib: 8 * 1024 };
    Ok(global)
}

/// Opens a room of a profile.
pub(crate) async fn open(global: &Global, room: &str) -> Done<Session> {
    let profile = Profile::open(global).map_err(failed)?;
    let room = profile.find(Some(room)).map_err(failed)?;
    Session::open(global, profile, room).await.map_err(failed)
}

/// Creates a room of five authors who write in turn, one minute apart.
pub(crate) async fn fill(folder: &Path, name: &str, messages: u64) -> Done<()> {
    let global = flags(folder, &[])?;
    let mut profile = Profile::open(&global).map_err(failed)?;
    profile.add(Room::create(name, BEGIN).map_err(failed)?).map_err(failed)?;
    drop(profile);
    let session = open(&global, name).await?;
    let mut writers = vec![session.feed()];
    for author in 1..AUTHORS {
        let pair = KeyPair::from_seed(&[u8::try_from(author)?; 32]);
        writers.push(session.node().writer(&format!("author {author}"), pair).await?);
    }
    let known = session.node().feeds().await?;
    let key = |feed| known.iter().find(|known| known.id == feed).map(|known| known.key);
    let feeds: Vec<_> = writers.into_iter().filter_map(|feed| Some((feed, key(feed)?))).collect();
    let mut written = 0;
    while written < messages {
        let end = messages.min(written + BATCH * AUTHORS);
        for ((feed, key), author) in feeds.iter().zip(0..) {
            let of_author = (written..end).filter(|number| number % AUTHORS == author);
            let blocks = of_author.map(|number| block(&session, key, author, number));
            let blocks: Done<Vec<_>> = blocks.collect();
            session.node().append(*feed, blocks?).await?;
        }
        written = end;
    }
    session.close().await;
    Ok(())
}

fn block(session: &Session, feed: &FeedKey, author: u64, number: u64) -> Done<Vec<u8>> {
    let nick = format!("author{author}");
    let text = format!("message {number}: shall we have soup at noon, or is it too hot for that?");
    let time = BEGIN.checked_add(i64::try_from(number)?.minutes())?;
    let envelope = session.timeline().envelope();
    envelope.encode(&feed.0, &Draft::new(&nick, &text), time).map_err(failed)
}
