//! What works here, one line for each thing, with what to do where it does not.
//!
//! Rule: a line holds no key, no name and no text of anybody, so that it can be shown to others.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use multifeed_core::{Group, KeyPair};
use multifeed_tcp::runtime::Tokio;
use multifeed_tcp::{Node, NodeError, NodeOptions};
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

use crate::args::Global;
use crate::config;
use crate::config::key::Key;
use crate::exit::ExitCode;
use crate::lines::{Check, Event, Line, Outcome};
use crate::message::Content;
use crate::output::{Format, Output, json_line};
use crate::profile::Profile;
use crate::report::Failure;
use crate::session::Session;
use crate::transcript::counted;

/// How many messages the test of the loop sends.
const LOOP_BLOCKS: u64 = 100;
/// Messages whose times are looked at.
const CLOCK_MESSAGES: usize = 100;
/// Clocks may differ by so much.
const CLOCK_SECS_MAX: i64 = 60;
/// How long it may take, on a very slow machine.
const LOOP_TIMEOUT: Duration = Duration::from_secs(20);

pub(super) async fn run(
    global: &Global,
    output: &Output,
    bundle: Option<&Path>,
) -> Result<(), Failure> {
    let mut global = global.clone();
    let mut checks = vec![terminal(output), settings(&mut global)];
    let global = &global;
    checks.extend(stores(global).await);
    checks.push(listen(global).await);
    checks.push(round().await);
    for check in &checks {
        match output.format {
            Format::Json => output.json(&Line::from(Event::Check(check.clone())))?,
            Format::Text => {
                rows(check).iter().try_for_each(|row| output.data(row))?;
            }
        }
    }
    if let Some(path) = bundle {
        write(path, &checks)?;
        output.say(&format!("written to {}; it holds no keys, names or texts", path.display()))?;
    }
    match checks.iter().all(|check| check.outcome != Outcome::Fail) {
        true => Ok(()),
        false => Err(Failure::quiet(ExitCode::Failed)),
    }
}

/// What a room that is open can tell of itself, for people.
///
/// # Errors
/// If the store does not give back what it holds.
pub(crate) async fn health(session: &Session) -> Result<Vec<String>, Failure> {
    let checks = [store(session).await, clock(session).await?, peers(session)];
    let rest = "the rest, when this room is closed:  multichat doctor";
    Ok(checks.iter().flat_map(rows).chain([rest.to_string()]).collect())
}

fn rows(check: &Check) -> Vec<String> {
    let row = format!("{:8} {:5} {}", check.name, check.outcome, check.found);
    let help = check.help.map(|help| format!("{:14} {help}", ""));
    std::iter::once(row).chain(help).collect()
}

fn check(name: &'static str, outcome: Outcome, found: String) -> Check {
    Check { name, outcome, found, help: None }
}

fn failing(name: &'static str, failure: &Failure, help: &'static str) -> Check {
    // The message of the failure may hold a path; its code says as much and names nobody.
    let code = failure.report().map_or("ended", |report| report.code());
    Check { name, outcome: Outcome::Fail, found: code.to_string(), help: Some(help) }
}

fn terminal(output: &Output) -> Check {
    let variable = |name: &str| std::env::var(name).ok();
    let term = variable("TERM").filter(|term| term.chars().all(|c| c.is_ascii_graphic()));
    let all = output.terminals.input && output.terminals.data;
    let size = ratatui::crossterm::terminal::size().ok().filter(|_| all);
    let size = size.map_or("no terminal".into(), |(width, height)| format!("{width}x{height}"));
    let kind = term.unwrap_or_else(|| "unknown".into());
    check("term", Outcome::Ok, format!("{kind}, {size}"))
}

/// The settings hold for what is looked at then.
fn settings(global: &mut Global) -> Check {
    match config::load(global) {
        Ok(settings) => {
            let count = Key::ALL.into_iter().filter(|key| settings.get(*key).is_some()).count();
            settings.under(global);
            check("config", Outcome::Ok, counted(count as u64, "setting"))
        }
        Err(failure) => failing("config", &failure, "put it right:  multichat config edit"),
    }
}

/// The profile, and each of its rooms by number.
async fn stores(global: &Global) -> Vec<Check> {
    let help = "nothing was changed: put a good copy there, or use another  --profile NAME";
    let mut profile = match Profile::open(global) {
        Ok(profile) => profile,
        Err(failure) => return vec![failing("profile", &failure, help)],
    };
    let rooms = match profile.rooms() {
        Ok(rooms) => rooms,
        Err(failure) => return vec![failing("profile", &failure, help)],
    };
    let found = counted(rooms.rooms.len() as u64, "room");
    let mut checks = vec![check("profile", Outcome::Ok, found)];
    checks.extend(rooms.damaged.iter().map(|failure| failing("room", failure, help)));
    for room in rooms.rooms {
        let session = match Session::open(global, profile, room).await {
            Ok(session) => session,
            Err(failure) => {
                checks.push(failing("store", &failure, help));
                return checks;
            }
        };
        checks.push(store(&session).await);
        if let Ok(clock) = clock(&session).await {
            checks.push(clock);
        }
        profile = session.close().await;
    }
    checks
}

/// Reads all messages that the index has not: each is proved on its way out of the store.
async fn store(session: &Session) -> Check {
    let status = match (session.catch_up().await, session.node().sync_status().await) {
        (Ok(()), Ok(status)) => status,
        (Err(failure), _) => return failing("store", &failure, "see:  multichat inspect feed KEY"),
        (_, Err(_)) => return check("store", Outcome::Fail, "it has stopped working".into()),
    };
    let (feeds, blocks) = (counted(status.feeds as u64, "feed"), counted(status.have, "message"));
    check("store", Outcome::Ok, format!("{feeds}, {blocks}"))
}

/// A message that is dated later than now says that a clock is wrong, and not whose. One that is
/// dated earlier says nothing: it may have come late.
async fn clock(session: &Session) -> Result<Check, Failure> {
    let mut latest = None;
    for entry in session.page(None, CLOCK_MESSAGES).await? {
        if let (Content::Chat(chat), true) = (&entry.content, entry.id.feed != session.key().0) {
            latest = latest.max(chat.time);
        }
    }
    let ahead = latest.map_or(0, |time| time.duration_since(Timestamp::now()).as_secs());
    Ok(match ahead > CLOCK_SECS_MAX {
        false => check("clock", Outcome::Ok, "no message of others is dated later than now".into()),
        true => Check {
            name: "clock",
            outcome: Outcome::Warn,
            found: format!("a message of somebody else is dated {ahead} s later than now"),
            help: Some("one of the two clocks is wrong; the order of messages does not suffer"),
        },
    })
}

/// Who is connected.
fn peers(session: &Session) -> Check {
    let (here, missed) = (session.links().here().len(), session.links().out_of_sync().count());
    let found =
        format!("{} here; {missed} of those who were named not", counted(here as u64, "peer"));
    let outcome = if here > 0 { Outcome::Ok } else { Outcome::Warn };
    check("peers", outcome, found)
}

async fn listen(global: &Global) -> Check {
    let Some(addr) = global.listen else {
        let found = "no --listen: others cannot come in, --peer goes out".to_string();
        return check("listen", Outcome::Warn, found);
    };
    match TcpListener::bind(addr).await {
        Ok(_) => check("listen", Outcome::Ok, format!("port {} can be used", addr.port())),
        Err(error) => Check {
            name: "listen",
            outcome: Outcome::Fail,
            found: format!("port {}: {}", addr.port(), error.kind()),
            help: Some("take another port, or end the program that has it:  ss -ltnp"),
        },
    }
}

/// Two members in this process, over the loopback. If this works, what is wrong is the network.
async fn round() -> Check {
    let began = Instant::now();
    match timeout(LOOP_TIMEOUT, meet()).await {
        Ok(Ok(())) => {
            let took = began.elapsed().as_millis();
            let found = format!("two members here exchanged {LOOP_BLOCKS} messages in {took} ms");
            check("loop", Outcome::Ok, found)
        }
        Ok(Err(error)) => check("loop", Outcome::Fail, error.to_string()),
        Err(_) => Check {
            name: "loop",
            outcome: Outcome::Fail,
            found: "two members here did not meet".into(),
            help: Some("a firewall on this machine may forbid 127.0.0.1"),
        },
    }
}

async fn meet() -> Result<(), NodeError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| NodeError::Random(std::io::Error::other(error.to_string())))?;
    let open = || async {
        let runtime = Tokio::current().map_err(NodeError::Random)?;
        Node::open(NodeOptions::new(Group::keyed(seed), runtime)).await
    };
    let (one, two) = (open().await?, open().await?);
    let addr = one.listen(([127, 0, 0, 1], 0).into()).await?;
    let feed = one.writer("local", KeyPair::from_seed(&seed)).await?;
    let blocks = (0..LOOP_BLOCKS).map(|n| n.to_be_bytes().to_vec()).collect();
    one.append(feed, blocks).await?;
    let mut events = two.subscribe();
    two.dial(addr).await?;
    while two.sync_status().await?.have < LOOP_BLOCKS {
        if events.next().await.is_none() {
            return Err(NodeError::Closed);
        }
    }
    two.close().await;
    one.close().await;
    Ok(())
}

fn write(path: &Path, checks: &[Check]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let message = format!("cannot write {}: {error}", path.display());
        Failure::new(ExitCode::Failed, "doctor.bundle", message)
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    let (version, system) = (env!("CARGO_PKG_VERSION"), std::env::consts::OS);
    let first = Check {
        name: "version",
        outcome: Outcome::Ok,
        found: format!("multichat {version} on {system} {}", std::env::consts::ARCH),
        help: None,
    };
    for check in std::iter::once(&first).chain(checks) {
        let line = json_line(&Line::from(Event::Check(check.clone())))?;
        writeln!(file, "{line}").map_err(failed)?;
    }
    Ok(())
}
