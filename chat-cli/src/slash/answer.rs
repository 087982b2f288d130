//! Answers slash commands about a room with lines of text, in every kind of window.
//!
//! Rule: an answer is our own text with sanitised names in it; a window only shows it.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::query::Query;
use crate::args::Global;
use crate::args::channel::ChannelFilter;
use crate::args::history::ExportFormat;
use crate::config;
use crate::config::file::KeyChange;
use crate::config::key::Key;
use crate::exit::ExitCode;
use crate::export::export;
use crate::health::health;
use crate::ids::hex;
use crate::profile::room::ROOM_NAME_COLUMNS_MAX;
use crate::report::{Failure, LINE_COLUMNS_MAX};
use crate::sanitize::{self, Clean};
use crate::session::Session;
use crate::transcript::plural;

/// The most authors that are listed. Chosen: bounds the answer, as anyone can create feeds for
/// free.
const AUTHORS_MAX: usize = 50;

/// Runs the command and returns the answer. Errors that the user can correct are answers too.
///
/// # Errors
/// Fails if the store cannot read its data.
pub async fn answer(
    session: &mut Session,
    global: &Global,
    query: &Query,
) -> Result<Vec<String>, Failure> {
    let result = match query {
        Query::Who => who(session).await,
        Query::Whois(who) => whois(session, who).await,
        Query::Rooms => rooms(session),
        Query::Doctor => health(session).await,
        Query::Export(file) => export_to_file(session, Path::new(file)).await,
        Query::Topic(channel, None) => topic(session, channel).await,
        Query::Topic(channel, Some(text)) => {
            // The topic is shown as a message with its author.
            session.set_topic(channel.as_str(), text).await.map(|_| Vec::new())
        }
        Query::Set(key, value) => set(session, global, key, value),
    };
    match result {
        Err(failure) if is_query_error(&failure) => Ok(failure_lines(&failure)),
        result => result,
    }
}

/// Returns whether the command is at fault, and not the room.
fn is_query_error(failure: &Failure) -> bool {
    let of_a_file = ["export.file", "config.io", "config.home"].contains(&failure.code());
    of_a_file || matches!(failure.exit(), ExitCode::BadInput | ExitCode::NotFound)
}

fn failure_lines(failure: &Failure) -> Vec<String> {
    let Some(report) = failure.report() else { return Vec::new() };
    let help = report.help_lines().iter().map(ToString::to_string);
    std::iter::once(report.message().to_string()).chain(help).collect()
}

async fn who(session: &Session) -> Result<Vec<String>, Failure> {
    let (members, all) = session.writers(AUTHORS_MAX).await?;
    let line = |member: &crate::session::members::Member| {
        let name = sanitize::author(member.author.nick.as_str(), &member.author.key.0);
        let you = if member.author.key == session.key() { " (you)" } else { "" };
        format!("{name}{you}: {}", plural(member.length, "message"))
    };
    let mut lines: Vec<_> = members.iter().map(line).collect();
    match all - members.len() {
        0 => {}
        more => lines.push(format!("and {more} more:  multichat feeds")),
    }
    if lines.is_empty() {
        lines.push("no messages yet".into());
    }
    Ok(lines)
}

async fn whois(session: &Session, who: &str) -> Result<Vec<String>, Failure> {
    let member = session.member(who).await?;
    let name = sanitize::author(member.author.nick.as_str(), &member.author.key.0);
    let you = if member.author.key == session.key() { " (you)" } else { "" };
    let messages = plural(member.length, "message");
    let peers = session.connections().online().len();
    let held = match (peers, member.length) {
        (0, _) => "no other member is online".to_string(),
        (_, 0) => "no copy is known".to_string(),
        (peers, _) => {
            let holders = session.holders(member.author.key, member.length).await?;
            format!("{holders} of {} have all of them", plural(peers as u64, "peer"))
        }
    };
    let mut lines = vec![
        format!("{name}{you}"),
        format!("key {}", hex(&member.author.key.0)),
        format!("{messages} stored, {}; {held}", plural(member.bytes, "byte")),
    ];
    if session.room().hidden().contains(&member.author.key.0) {
        lines.push("you have hidden or blocked them:  /unhide or /unblock".into());
    }
    Ok(lines)
}

fn rooms(session: &Session) -> Result<Vec<String>, Failure> {
    let rooms = session.profile().rooms()?.rooms;
    let line = |(number, room): (usize, &crate::profile::room::Room)| {
        let name = sanitize::line(room.name(), ROOM_NAME_COLUMNS_MAX);
        let suffix = if room.id() == session.room().id() {
            "  (open)"
        } else if room.is_sealed() {
            "  (relay)"
        } else {
            ""
        };
        format!("{}  {name}  {}{suffix}", number + 1, room.id())
    };
    Ok(rooms.iter().enumerate().map(line).collect())
}

async fn topic(session: &Session, channel: &Clean) -> Result<Vec<String>, Failure> {
    Ok(vec![match session.topic(channel).await? {
        Some(topic) => format!("#{channel} ─ {} (set by {})", topic.text, topic.author),
        None => format!("#{channel} has no topic; to set one for everyone:  /topic TEXT"),
    }])
}

/// Writes all messages to a new file that only its owner can read.
async fn export_to_file(session: &Session, path: &Path) -> Result<Vec<String>, Failure> {
    let failed = |error: std::io::Error| {
        let message = format!("cannot write {}: {error}", path.display());
        let failure = Failure::new(ExitCode::Failed, "export.file", message);
        failure.help("name a new file, such as  /export kitchen.md")
    };
    let format = match path.extension().and_then(|end| end.to_str()) {
        Some("md") => ExportFormat::Md,
        Some("html" | "htm") => ExportFormat::Html,
        Some("jsonl") => ExportFormat::Jsonl,
        _ => ExportFormat::Txt,
    };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = BufWriter::new(options.open(path).map_err(failed)?);
    let mut put = |line: &str| writeln!(file, "{line}").map_err(failed);
    let count = export(session, format, &ChannelFilter::default(), &mut put).await?;
    file.flush().map_err(failed)?;
    let path = std::fs::canonicalize(path).map_err(failed)?;
    let path = sanitize::line(&path.display().to_string(), LINE_COLUMNS_MAX);
    Ok(vec![format!("{} written to {path}", plural(count, "message"))])
}

/// Returns the text after a change of name. If the settings have a name, that one applies at the
/// next start.
pub fn rename_notice(session: &Session, global: &Global) -> String {
    let nick = session.nick();
    let kept = config::file::load(global).ok();
    let kept = kept.as_ref().and_then(|config| config.get(Key::Nick)?.first());
    match kept.map(|kept| sanitize::nick(kept)) {
        Some(kept) if kept != *nick => {
            format!("you are {nick} until you quit; to keep it:  /set nick {nick}")
        }
        _ => format!("you are {nick} from now on"),
    }
}

fn set(
    session: &mut Session,
    global: &Global,
    name: &str,
    value: &str,
) -> Result<Vec<String>, Failure> {
    let key = config::key_named(name)?;
    let path = config::file::path(global)?;
    let words = match key.shape() {
        config::key::Shape::One => vec![value.to_string()],
        config::key::Shape::Many => {
            let is_end = |letter: char| letter == ',' || letter.is_whitespace();
            value.split(is_end).filter(|word| !word.is_empty()).map(str::to_string).collect()
        }
    };
    let draft = KeyChange::new(&path, key, words)?;
    config::file::write(&path, &draft.text)?;
    let appearance = draft.config.appearance();
    match key {
        Key::Nick => session.set_nick(value)?,
        Key::Theme | Key::Notify | Key::Timestamps => session.set_appearance(appearance),
        _ => return Ok(vec![format!("{name} is saved and applies from the next start")]),
    }
    Ok(vec![format!("{name} is {} from now on", sanitize::line(value, ROOM_NAME_COLUMNS_MAX))])
}
