//! Stays online and serves a room to others until it is told to end.

use std::time::Duration;

use multifeed_core::SyncStatus;
use tokio::time::{Instant, sleep_until};

use super::tail::grows;
use crate::args::Global;
use crate::attach::{self, Host, Refusal, Sends, Tell};
use crate::exit::ExitCode;
use crate::lines::{Event, Line};
use crate::logging;
use crate::output::{Format, Output};
use crate::profile::{Profile, ROOM_NAME_COLUMNS_MAX};
use crate::report::Failure;
use crate::sanitize;
use crate::session::Session;
use crate::signals::Signals;
use crate::transcript::counted;

/// At most four lines of progress in a second.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

pub(super) async fn run(global: &Global, output: &Output) -> Result<(), Failure> {
    let mut signals = Signals::take()?;
    let profile = Profile::open(global)?;
    logging::start(global, logging::Place::Stderr, &profile)?;
    let room = profile.find(global.room.as_deref())?;
    let mut session = Session::open(global, profile, room).await?;
    let done = serve(global, output, &mut session, &mut signals).await;
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

/// Ends with a signal, or with what went wrong.
async fn serve(
    global: &Global,
    output: &Output,
    session: &mut Session,
    signals: &mut Signals,
) -> Result<(), Failure> {
    if !session.has_network(global) {
        return Err(Failure::new(ExitCode::Usage, "usage", "nobody could come in here")
            .help("say where to let others in:  multichat --listen 0.0.0.0:4977 serve")
            .help("or whom to go to:  multichat --peer HOST:PORT serve"));
    }
    session.go_online(global, output).await?;
    let socket = attach::socket(global)?;
    // Where there can be no socket nobody comes.
    let host = socket.and_then(|path| Host::open(&path).ok());
    let (mut host, mut sends) = (host.unwrap_or_else(Host::closed), Sends::default());
    let mut shown = None;
    let mut due = Instant::now();
    let mut grown = true;
    loop {
        if grown && Instant::now() >= due {
            grown = false;
            due = Instant::now() + PROGRESS_EVERY;
            // What is sent here names what is here; where nothing can be, the room is not read.
            if !session.room().is_sealed() {
                session.catch_up().await?;
            }
            sends.look(session).await?;
            let status = session.node().sync_status().await;
            let status = status.map_err(|error| session.failed(error))?;
            if shown.replace(status) != Some(status) {
                tell(output, session, &status)?;
            }
        }
        tokio::select! {
            next = session.next() => {
                let (event, change) = next.ok_or_else(|| session.ended())?;
                grown |= grows(&event) || change.is_some();
                let Some(change) = change else { continue };
                match (output.format, change.line()) {
                    (Format::Json, Some(line)) => output.json(&line)?,
                    (Format::Json, None) => {}
                    (Format::Text, _) => output.say(&change.text())?,
                }
            }
            said = host.next() => {
                grown = true;
                if let Some((_, tells)) = sends.take(session, said).await? {
                    let is_sealed = session.room().is_sealed();
                    let why = if is_sealed { Refusal::Sealed } else { Refusal::NoScreen };
                    let _ = tells.try_send(Tell::Refused(why));
                }
            }
            () = sleep_until(due), if grown => {}
            code = signals.next() => return Err(Failure::quiet(code)),
        }
    }
}

fn tell(output: &Output, session: &Session, status: &SyncStatus) -> Result<(), Failure> {
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
            let (messages, here) = (counted(have, "message"), counted(peers as u64, "peer"));
            let members = counted(feeds as u64, "member");
            output.say(&format!("\"{room}\": {messages} of {members} · {here}"))
        }
    }
}
