//! Stays online and serves a room to others until a signal ends it.

use std::net::SocketAddr;
use std::time::Duration;

use multifeed_core::SyncStatus;
use tokio::time::{Instant, sleep_until};

use crate::args::Global;
use crate::args::serve::Serve;
use crate::attach::host::Host;
use crate::attach::submissions::Submissions;
use crate::attach::{Refusal, Response, host};
use crate::exit::ExitCode;
use crate::lines::{Event, Line};
use crate::logging;
use crate::metrics::{Audience, Metrics};
use crate::output::{Format, Output};
use crate::profile::Profile;
use crate::profile::room::ROOM_NAME_COLUMNS_MAX;
use crate::report::{Failure, Level, Report};
use crate::sanitize;
use crate::session::Session;
use crate::session::events::may_add_messages;
use crate::signals::Signals;
use crate::transcript::plural;

/// The interval between progress lines. Chosen: at most four lines a second can be read.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

pub(super) async fn run(global: &Global, output: &Output, more: Serve) -> Result<(), Failure> {
    let audience = audience(&more)?;
    let mut signals = Signals::listen()?;
    let profile = Profile::open(global)?;
    logging::start(global, logging::LogTarget::Stderr, &profile)?;
    let room = profile.find(global.room.as_deref())?;
    let mut session = Session::open(global, profile, room).await?;
    let done = match metrics(output, &session, more.metrics, audience).await {
        Ok(metrics) => serve(global, output, &mut session, metrics, &mut signals).await,
        Err(failure) => Err(failure),
    };
    let room = sanitize::line(session.room().name(), ROOM_NAME_COLUMNS_MAX);
    session.close().await;
    if let Err(failure) = &done
        && matches!(failure.exit(), ExitCode::Interrupted | ExitCode::Terminated)
    {
        match output.format {
            Format::Json => output.json(&Line::from(Event::Bye { reason: "signal" }))?,
            Format::Text => output.say(&format!("closed \"{room}\"; everything is stored"))?,
        }
    }
    done
}

/// Returns who may read the metrics. A public address needs an explicit flag.
fn audience(more: &Serve) -> Result<Audience, Failure> {
    match more.metrics {
        _ if more.metrics_public => Ok(Audience::Public),
        Some(addr) if !addr.ip().is_loopback() => {
            let message = format!("other machines could read the metrics at {addr}");
            let (here, port) = (std::net::Ipv4Addr::LOCALHOST, addr.port());
            Err(Failure::new(ExitCode::Usage, "metrics.public", message)
                .help("to allow that, add:  --metrics-public")
                .help(format!("for this machine only:  --metrics {here}:{port}")))
        }
        _ => Ok(Audience::Local),
    }
}

/// Opens the metrics page, if requested, and reports its address.
async fn metrics(
    output: &Output,
    session: &Session,
    addr: Option<SocketAddr>,
    audience: Audience,
) -> Result<Option<Metrics>, Failure> {
    let Some(addr) = addr else { return Ok(None) };
    let metrics = Metrics::open(addr, audience, session.node().clone(), session.quota()).await;
    let metrics = metrics.map_err(|error| {
        let message = format!("cannot serve metrics at {addr}: {error}");
        Failure::new(ExitCode::Network, "metrics.listen", message)
            .help("use another port, or 0 for any:  --metrics 0")
    })?;
    let (addr, public) = (metrics.addr(), audience == Audience::Public);
    if public {
        let message = format!("anyone who can reach {addr} can read these metrics");
        output.report(&Report::new(Level::Warning, "metrics.public", message))?;
    }
    match output.format {
        Format::Json => output.json(&Line::from(Event::Metrics { addr, public }))?,
        Format::Text => output.say(&format!("metrics at http://{addr}/metrics"))?,
    }
    Ok(Some(metrics))
}

/// Serves until a signal or a failure.
async fn serve(
    global: &Global,
    output: &Output,
    session: &mut Session,
    metrics: Option<Metrics>,
    signals: &mut Signals,
) -> Result<(), Failure> {
    if !session.has_network(global) {
        let message = "serve needs --listen, --peer, --lan or --transport dht";
        return Err(Failure::new(ExitCode::Usage, "usage", message)
            .help("to accept connections:  multichat --listen 0.0.0.0:4977 serve")
            .help("or to dial a peer:  multichat --peer HOST:PORT serve"));
    }
    if let Err(failure) = session.check_signed().await {
        output.warn(&failure)?;
    }
    session.go_online(global, output).await?;
    let socket_path = host::socket_path(global)?;
    // Without a socket, no other window or command can attach.
    let host = socket_path.and_then(|path| Host::open(&path).ok());
    let (mut host, mut submissions) = (host.unwrap_or_else(Host::closed), Submissions::default());
    let mut shown = None;
    let mut due = Instant::now();
    let mut grown = true;
    loop {
        if grown && Instant::now() >= due {
            grown = false;
            due = Instant::now() + PROGRESS_INTERVAL;
            // A message sent from here refers to all stored messages. A relay sends none and
            // reads none.
            if !session.room().is_sealed() {
                session.catch_up().await?;
            }
            submissions.update(session).await?;
            let status = session.node().sync_status().await;
            let status = status.map_err(|error| session.failed(error))?;
            if shown.replace(status) != Some(status) {
                print_status(output, session, &status)?;
            }
        }
        tokio::select! {
            next = session.next() => {
                let (event, notice) = next.ok_or_else(|| session.stopped_failure())?;
                metrics.iter().for_each(|metrics| metrics.count(&event));
                grown |= may_add_messages(&event) || notice.is_some();
                // The store takes nothing more: a service manager can start this program again.
                session.check_store()?;
                let Some(notice) = notice else { continue };
                match (output.format, notice.line()) {
                    (Format::Json, Some(line)) => output.json(&line)?,
                    (Format::Json, None) => {}
                    (Format::Text, _) => output.say(&notice.text())?,
                }
            }
            (id, event) = host.next() => {
                grown = true;
                if let Some((_, responses)) = submissions.on_event(session, id, event).await? {
                    let is_sealed = session.room().is_sealed();
                    let why = if is_sealed { Refusal::Sealed } else { Refusal::NoScreen };
                    let _ = responses.try_send(Response::Refused(why));
                }
            }
            () = sleep_until(due), if grown => {}
            code = signals.next() => return Err(Failure::quiet(code)),
        }
    }
}

fn print_status(output: &Output, session: &Session, status: &SyncStatus) -> Result<(), Failure> {
    let room = sanitize::line(session.room().name(), ROOM_NAME_COLUMNS_MAX);
    let (have, want, feeds, peers) = (status.have, status.want, status.feeds, status.peers);
    match output.format {
        Format::Json => {
            let state = match (peers, status.synced) {
                (0, _) => "idle",
                (peers, synced) if peers == synced => "synced",
                _ => "syncing",
            };
            let (feeds, peers) = (feeds as u64, peers as u64);
            output.json(&Line::from(Event::Sync { room, have, want, feeds, peers, state }))
        }
        Format::Text => {
            let (messages, here) = (plural(have, "message"), plural(peers as u64, "peer"));
            let members = plural(feeds as u64, "member");
            output.say(&format!("\"{room}\": {messages} of {members} · {here}"))
        }
    }
}
