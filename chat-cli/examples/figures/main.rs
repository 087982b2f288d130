//! Measures the chat: `cargo run --release -p multichat --example figures [MESSAGES]`.
//!
//! MESSAGES is the size of the largest room, which is searched. All data is in a temporary
//! folder, and the network is loopback.

mod burst;
mod fill;
mod screen;

use std::io::{self, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use multichat::args::channel::ChannelFilter;
use multichat::report::Failure;
use multichat::session::Session;
use multichat::session::search::Search;

use crate::fill::{fill, flags, open};
use crate::screen::Screen;

type Done<T> = Result<T, Box<dyn std::error::Error>>;

const LARGE: u64 = 100_000;
const ROOMS: u64 = 10;
const ROOM: u64 = 10_000;
const BURST: u64 = 10_000;
const SEARCHED: u64 = 1_000_000;
const KEYS: usize = 1_000;
/// The argument that makes this program measure its own memory.
const WEIGH: &str = "--weigh";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, folder] = &words[..]
        && word == WEIGH
    {
        return weigh(Path::new(folder)).await;
    }
    let searched = words.first().map_or(Ok(SEARCHED), |word| word.parse())?;
    let folder = tempfile::tempdir()?;
    let mut out = io::stdout().lock();
    writeln!(out, "| what | measured |\n|---|---|")?;

    let path = folder.path().join("large");
    fill(&path, "large", LARGE).await?;
    let start = Instant::now();
    shown(&path, "large").await?.0.close().await;
    writeln!(out, "| first screen of {LARGE} messages, no index yet | {} |", ms(start.elapsed()))?;
    let start = Instant::now();
    let (session, mut screen) = shown(&path, "large").await?;
    writeln!(out, "| first screen of {LARGE} messages | {} |", ms(start.elapsed()))?;
    let more = session.page(None, 1_000).await.map_err(failed)?;
    session.close().await;
    let keys = screen.keys(more, KEYS)?;
    writeln!(out, "| key press to echo, 1,000 rows | {} |", delivery(keys))?;

    let path = folder.path().join("rooms");
    for number in 0..ROOMS {
        fill(&path, &format!("room{number}"), ROOM).await?;
    }
    let weighed = Command::new(std::env::current_exe()?).arg(WEIGH).arg(&path).output()?;
    let weighed = String::from_utf8(weighed.stdout)?;
    writeln!(out, "| memory, {ROOMS} rooms of {ROOM} messages visited | {} |", weighed.trim())?;

    let burst = burst::run(folder.path(), BURST).await?;
    writeln!(out, "| {BURST} messages arrive while typing | {} |", ms(burst.time))?;
    writeln!(out, "| keys typed, keys on the screen | {}, {} |", burst.typed, burst.seen)?;
    writeln!(out, "| key press to echo meanwhile | {} |", delivery(burst.echoes_input))?;

    let path = folder.path().join("searched");
    fill(&path, "searched", searched).await?;
    let (session, _) = shown(&path, "searched").await?;
    let (time, slices) = search(&session).await?;
    writeln!(out, "| a search through {searched} messages | {} |", ms(time))?;
    writeln!(out, "| what a key waits for it | {} |", delivery(slices))?;
    session.close().await;
    Ok(())
}

/// Opens a room as the program does, up to its first frame.
async fn shown(folder: &Path, room: &str) -> Done<(Session, Screen)> {
    let session = open(&flags(folder, &[])?, room).await?;
    session.catch_up().await.map_err(failed)?;
    let mut screen = Screen::new(&session).await?;
    screen.draw()?;
    Ok((session, screen))
}

/// Runs a search without results, which reads every message.
async fn search(session: &Session) -> Done<(Duration, Vec<Duration>)> {
    let start = Instant::now();
    let mut slices = Vec::new();
    let mut search = Search::new("no such word", &ChannelFilter::default(), 50);
    while !search.is_finished() {
        let slice = Instant::now();
        session.continue_search(&mut search).await.map_err(failed)?;
        slices.push(slice.elapsed());
    }
    Ok((start.elapsed(), slices))
}

/// Opens every room in turn and prints the memory used. Runs in its own process.
async fn weigh(folder: &Path) -> Done<()> {
    for number in 0..ROOMS {
        let (session, _screen) = shown(folder, &format!("room{number}")).await?;
        session.close().await;
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map_or("?", str::trim).to_string()
    };
    writeln!(io::stdout(), "{} now, {} at most", field("VmRSS:"), field("VmHWM:"))?;
    Ok(())
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn delivery(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |part: usize| times.get((times.len() * part / 100).min(times.len() - 1)).copied();
    let shown = |part| at(part).map_or("-".into(), ms);
    format!("median {}, 99 % {}, longest {}", shown(50), shown(99), shown(100))
}

fn failed(failure: Failure) -> Box<dyn std::error::Error> {
    failure
        .report()
        .map_or("stopped".into(), |report| report.text(multichat::report::ColourMode::Plain))
        .into()
}
