//! All messages of a room in a form that other programs read.

mod html;

use jiff::tz::TimeZone;

use crate::args::channel::ChannelFilter;
use crate::args::history::ExportFormat;
use crate::lines::Arrival;
use crate::output::{Format, Output};
use crate::printer::Printer;
use crate::report::Failure;
use crate::sanitize;
use crate::session::Session;
use crate::timeline::Entry;

/// Messages that are read at once.
const PAGE_ENTRIES: usize = 256;

/// Gives all messages that were read so far in a form, line by line, and their number. It reads no
/// further: what a window has not shown yet would never come to it.
///
/// # Errors
/// If the store does not give back what it holds, or a line is not taken.
pub async fn export(
    session: &Session,
    format: ExportFormat,
    channel: &ChannelFilter,
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
        last = Some(end.position());
        for entry in page.iter().filter(|entry| channel.matches(&entry.content.channel())) {
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

/// A heading, and the text as a block in which nothing has a meaning.
fn markdown(entry: &Entry) -> Vec<String> {
    let chat = entry.content.chat();
    let nick = chat.and_then(|chat| chat.nickname.as_deref()).unwrap_or_default();
    let time = chat.and_then(|chat| chat.time);
    let author = sanitize::author(nick, &entry.id.feed);
    let time = time.map_or("no time".into(), |time| {
        time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
    });
    let kind_symbol = match entry.content.kind_symbol() {
        ' ' => String::new(),
        kind_symbol => format!("{kind_symbol} "),
    };
    // A name could hold what Markdown takes for its own.
    let heading = format!("### {kind_symbol}`{}` {time}\n", author.as_str().replace('`', "'"));
    let text = entry.content.lines().into_iter().map(|line| format!("    {line}"));
    std::iter::once(heading).chain(text).chain([String::new()]).collect()
}
