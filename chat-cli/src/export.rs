//! Exports all messages of a room in a format for other programs.

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

/// Messages read at once. Chosen: bounds memory, and the cost per page is small.
const PAGE_ENTRIES: usize = 256;

/// Writes all messages read so far in a format, line by line, and returns their number. It reads
/// no further: messages that are read here would never reach the window.
///
/// # Errors
/// Fails if the store cannot read its data, or a line cannot be written.
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
    let mut printer = Printer::for_file(session, &output);
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

/// Formats a message as a heading and an indented block, in which no markup applies.
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
    // A name could contain Markdown.
    let heading = format!("### {kind_symbol}`{}` {time}\n", author.as_str().replace('`', "'"));
    let text = entry.content.exact();
    let text = text.split('\n').map(|line| format!("    {line}"));
    std::iter::once(heading).chain(text).chain([String::new()]).collect()
}
