//! Searches, exports and checks stored messages, without a network.

mod html;

use jiff::tz::TimeZone;

use super::drive;
use super::tail::Printer;
use crate::args::{AnyChannel, ExportFormat, Global, Inspected, Keep};
use crate::exit::ExitCode;
use crate::lines::{Arrival, Event, Line, hex};
use crate::message::{self, Content};
use crate::output::{Format, Output};
use crate::profile::Profile;
use crate::report::Failure;
use crate::sanitize;
use crate::session::Session;
use crate::timeline::Entry;
use crate::transcript::counted;

/// Messages read at once. Chosen: bounds memory, and the cost per page is small.
const PAGE_ENTRIES: usize = 256;
/// Blocks read at once. Chosen: bounds memory to 4 MiB, as a message has at most 64 KiB.
const READ_BLOCKS: u64 = 64;
/// The shortest key prefix that names a feed. Chosen: 4 hex digits, as for members.
const KEY_PREFIX_CHARS_MIN: usize = 4;

pub(super) fn run(global: &Global, output: &Output, keep: Keep) -> Result<(), Failure> {
    drive(async {
        let profile = Profile::open(global)?;
        let room = profile.find(global.room.as_deref())?;
        // A feed can be checked without the key that decrypts it.
        let room = if matches!(keep, Keep::Inspect { .. }) { room } else { room.readable()? };
        let session = Session::open(global, profile, room).await?;
        let done = match keep {
            Keep::Search { words, channel, lines } => {
                search(&session, output, &words.join(" "), &channel, lines).await
            }
            Keep::Export { format, channel } => {
                session.catch_up().await?;
                let mut put = |line: &str| output.data(line);
                export(&session, format, &channel, &mut put).await.map(|_| ())
            }
            Keep::Inspect { what: Inspected::Feed { key } } => {
                inspect(&session, output, &key).await
            }
        };
        session.close().await;
        done
    })
}

async fn search(
    session: &Session,
    output: &Output,
    words: &str,
    channel: &AnyChannel,
    most: usize,
) -> Result<(), Failure> {
    session.catch_up().await?;
    let mut printer = Printer::new(session, output);
    for entry in session.search(words, channel, most).await? {
        printer.print(&entry, Arrival::Backfill)?;
    }
    Ok(())
}

/// Writes all messages read so far in a format, line by line, and returns their number. It reads
/// no further: messages that are read here would never reach the window.
///
/// # Errors
/// Fails if the store cannot read its data, or a line cannot be written.
pub(crate) async fn export(
    session: &Session,
    format: ExportFormat,
    channel: &AnyChannel,
    put: &mut dyn FnMut(&str) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let output = Output::plain(match format {
        ExportFormat::Jsonl => Format::Json,
        _ => Format::Text,
    });
    let mut printer = Printer::new(session, &output);
    let mut page_of_all = html::Page::new(session.room().name(), TimeZone::system());
    let is_page = format == ExportFormat::Html;
    if is_page {
        page_of_all.head().iter().try_for_each(|line| put(line))?;
    }
    let (mut last, mut count) = (None, 0);
    loop {
        let page = session.page_after(last, PAGE_ENTRIES).await?;
        let Some(end) = page.last() else { break };
        last = Some(end.spot());
        for entry in page.iter().filter(|entry| channel.takes(&entry.content.channel())) {
            let lines = match format {
                ExportFormat::Md => markdown(entry),
                ExportFormat::Html => page_of_all.lines(entry),
                _ => printer.lines(entry, Arrival::Backfill)?,
            };
            lines.iter().try_for_each(|line| put(line))?;
            count += 1;
        }
    }
    if is_page {
        page_of_all.tail().iter().try_for_each(|line| put(line))?;
    }
    Ok(count)
}

/// Formats a message as a heading and an indented block, in which no markup applies.
fn markdown(entry: &Entry) -> Vec<String> {
    let said = entry.content.said();
    let nick = said.and_then(|chat| chat.nickname.as_deref()).unwrap_or_default();
    let time = said.and_then(|chat| chat.time);
    let author = sanitize::author(nick, &entry.id.feed);
    let time = time.map_or("no time".into(), |time| {
        time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
    });
    let sign = match entry.content.sign() {
        ' ' => String::new(),
        sign => format!("{sign} "),
    };
    // A name could contain Markdown.
    let heading = format!("### {sign}`{}` {time}\n", author.as_str().replace('`', "'"));
    let text = entry.content.lines().into_iter().map(|line| format!("    {line}"));
    std::iter::once(heading).chain(text).chain([String::new()]).collect()
}

/// Reads a whole feed. The store verifies each block against the author's signature.
async fn inspect(session: &Session, output: &Output, prefix: &str) -> Result<(), Failure> {
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
            chain = Some(message::chain(chain, &message::digest(&block)));
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
        counted(length, "message"),
        counted(bytes, "byte")
    ))?;
    output.data(&format!("unreadable  {unreadable}"))?;
    output.data(&format!("digest      {digest}"))?;
    output.say("all signatures are valid; members with the same digest hold the same messages")
}
