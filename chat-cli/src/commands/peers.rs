//! Lists the peers online now: those named by flags and those discovered meanwhile.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::args::Global;
use crate::connections::peer_name;
use crate::exit::ExitCode;
use crate::ids::hex;
use crate::lines::{Event, Line, PeerState};
use crate::logging;
use crate::output::{Format, Output, Verbosity};
use crate::profile::Profile;
use crate::report::{Failure, LINE_COLUMNS_MAX, Level, Report};
use crate::sanitize;
use crate::session::Session;
use crate::signals::Signals;

pub(super) async fn run(
    global: &Global,
    output: &Output,
    timeout: Duration,
) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let profile = match Profile::open(global) {
        Err(failure) if failure.exit() == ExitCode::InUse => {
            return Err(failure.help("the open room lists its peers with  /peers"));
        }
        opened => opened?,
    };
    logging::start(global, logging::LogTarget::Stderr, &profile)?;
    let room = profile.find(global.room.as_deref())?;
    let mut session = Session::open(global, profile, room).await?;
    let done = match wait_for_peers(global, output, &mut session, &mut signals, timeout).await {
        Ok(()) => print_peers(output, &session).await,
        Err(failure) => Err(failure),
    };
    session.close().await;
    done
}

/// Waits until all named peers were tried. With discovery on, it waits the whole time.
async fn wait_for_peers(
    global: &Global,
    output: &Output,
    session: &mut Session,
    signals: &mut Signals,
    timeout: Duration,
) -> Result<(), Failure> {
    if !session.has_network(global) {
        return Ok(());
    }
    // Only the final result is printed.
    let quiet = Output { verbosity: Verbosity::Quiet, format: Format::Text, ..*output };
    session.go_online(global, &quiet).await?;
    let is_open = session.listening().is_some();
    let until = Instant::now() + timeout;
    while is_open || !session.connections().all_tried() {
        tokio::select! {
            next = session.next() => {
                next.ok_or_else(|| session.stopped_failure())?;
            }
            () = sleep_until(until) => break,
            code = signals.next() => return Err(Failure::quiet(code)),
        }
    }
    Ok(())
}

async fn print_peers(output: &Output, session: &Session) -> Result<(), Failure> {
    let peers = session.node().peers().await.map_err(|error| session.failed(error))?;
    let online = session.connections().online();
    for key in &online {
        let is_synced = peers.iter().any(|peer| peer.remote == *key && peer.is_synced);
        let addr = peers
            .iter()
            .filter(|peer| peer.remote == *key)
            .find_map(|peer| session.connections().peer(peer.connection));
        let addr = addr.map_or(String::new(), |(_, addr)| format!(" ({addr})"));
        match output.format {
            Format::Json => output.json(&Line::from(Event::Peer {
                state: PeerState::Up,
                key: hex(&key.0),
                via: "tcp",
                rtt_ms: None,
            }))?,
            Format::Text => {
                let synced = if is_synced { "in sync" } else { "not in sync yet" };
                output.data(&format!("{}{addr}  {synced}", peer_name(key)))?;
            }
        }
    }
    let targets = session.connections().targets();
    for target in targets.iter().filter_map(|target| Some((target.name(), target.error()?))) {
        let line = sanitize::line(&format!("{}: {}", target.0, target.1), LINE_COLUMNS_MAX);
        output.report(&Report::new(Level::Note, "net.unreachable", line.as_str()))?;
    }
    if online.is_empty() { output.report(&no_peer_note()) } else { Ok(()) }
}

fn no_peer_note() -> Report {
    Report::new(Level::Note, "net.nobody", "no other member is online now")
        .help("dial a peer:  --peer HOST:PORT   or accept connections:  --listen ADDR:PORT")
}
