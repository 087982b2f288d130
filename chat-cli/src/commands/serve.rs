//! Stays online and serves a room to others until it is told to end.

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

/// At most four lines of progress in a second.
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

/// Who may read the metrics. An address that others reach has to be meant.
fn audience(more: &Serve) -> Result<Audience, Failure> {
    match more.metrics {
        _ if more.metrics_public => Ok(Audience::Public),
        Some(addr) if !addr.ip().is_loopback() => {
            let message = format!("other machines could read the metrics at {addr}");
            let (here, port) = (std::net::Ipv4Addr::LOCALHOST, addr.port());
            Err(Failure::new(ExitCode::Usage, "metrics.public", message)
                .help("if that is meant, say so:  --metrics-public")
                .help(format!("for programs of this machine:  --metrics {here}:{port}")))
        }
        _ => Ok(Audience::Local),
    }
}

/// The page of metrics, if one is wanted, and says where it is.
async fn metrics(
    output: &Output,
    session: &Session,
    addr: Option<SocketAddr>,
    audience: Audience,
) -> Result<Option<Metrics>, Failure> {
    let Some(addr) = addr else { return Ok(None) };
    let metrics = Metrics::open(addr, audience, session.node().clone(), session.quota()).await;
    let metrics = metrics.map_err(|error| {
        let message = format!("the metrics cannot be given at {addr}: {error}");
        Failure::new(ExitCode::Network, "metrics.listen", message)
            .help("take another port, or 0 for any:  --metrics 0")
    })?;
    let (addr, public) = (metrics.addr(), audience == Audience::Public);
    if public {
        let message = format!("whoever reaches {addr} can read how much is kept here");
        output.report(&Report::new(Level::Warning, "metrics.public", message))?;
    }
    match output.format {
        Format::Json => output.json(&Line::from(Event::Metrics { addr, public }))?,
        Format::Text => output.say(&format!("metrics at http://{addr}/metrics"))?,
    }
    Ok(Some(metrics))
}

/// Ends with a signal, or with what went wrong.
async fn serve(
    global: &Global,
    output: &Output,
    session: &mut Session,
    metrics: Option<Metrics>,
    signals: &mut Signals,
) -> Result<(), Failure> {
    if !session.has_network(global) {
        return Err(Failure::new(ExitCode::Usage, "usage", "nobody could come in here")
            .help("say where to let others in:  multichat --listen 0.0.0.0:4977 serve")
            .help("or whom to go to:  multichat --peer HOST:PORT serve"));
    }
    session.go_online(global, output).await?;
    let socket = host::socket(global)?;
    // Where there can be no socket nobody comes.
    let host = socket.and_then(|path| Host::open(&path).ok());
    let (mut host, mut submissions) = (host.unwrap_or_else(Host::closed), Submissions::default());
    let mut shown = None;
    let mut due = Instant::now();
    let mut grown = true;
    loop {
        if grown && Instant::now() >= due {
            grown = false;
            due = Instant::now() + PROGRESS_INTERVAL;
            // What is sent here names what is here; where nothing can be, the room is not read.
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
