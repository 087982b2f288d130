//! Synchronises with the peers, shows the progress, and exits.

use std::time::Duration;

use multifeed_core::SyncStatus;
use tokio::time::{Instant, sleep_until};

use crate::args::Global;
use crate::args::values::Until;
use crate::connections::DialTarget;
use crate::exit::ExitCode;
use crate::lines::{Event, Line};
use crate::logging;
use crate::output::{Format, Output};
use crate::profile::Profile;
use crate::profile::room::ROOM_NAME_COLUMNS_MAX;
use crate::report::Failure;
use crate::sanitize::{self, Clean};
use crate::session::Session;
use crate::signals::Signals;
use crate::transcript::plural;

/// How long a sync without a user timeout continues without progress. Chosen: three times the 10
/// s default of the other timeouts.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The interval between progress updates. Chosen: at most four a second can be read.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// How often to look whether the last blocks are stored. Derivation: ten seconds, more than a
/// window of blocks takes on a slow disk.
const STORE_CHECKS_MAX: u32 = 40;
/// Without a terminal, a line per this share of the work. Chosen: ten lines for a whole sync.
const STEP_PERCENT: u64 = 10;
/// The width of the bar in columns. Chosen: the line fits in 80 columns with its numbers.
const BAR_COLUMNS: u64 = 20;

pub(super) async fn run(
    global: &Global,
    output: &Output,
    until: Until,
    timeout: Option<Duration>,
) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let profile = Profile::open(global)?;
    logging::start(global, logging::LogTarget::Stderr, &profile)?;
    let room = profile.find(global.room.as_deref())?;
    let mut session = Session::open(global, profile, room).await?;
    let mut progress = Progress::new(output, &session);
    let caught_up = catch_up(global, &mut session, &mut signals, &mut progress, until, timeout);
    let done = match caught_up.await {
        Ok(()) => report_outcome(&mut session, &mut progress).await,
        Err(failure) => progress.clear().and(Err(failure)),
    };
    session.close().await;
    done
}

/// Synchronises until the requested state or the timeout.
async fn catch_up(
    global: &Global,
    session: &mut Session,
    signals: &mut Signals,
    progress: &mut Progress,
    until: Until,
    timeout: Option<Duration>,
) -> Result<(), Failure> {
    if !session.has_network(global) {
        return Err(Failure::note(ExitCode::NoPeer, "net.nobody", "there is no peer to sync with")
            .help("dial a peer:  --peer HOST:PORT   or accept connections:  --listen ADDR:PORT"));
    }
    session.go_online(global, &progress.output).await?;
    let latest = timeout.map(|timeout| Instant::now() + timeout);
    let mut stalled_at = Instant::now() + STALL_TIMEOUT;
    let mut before = None;
    loop {
        session.check_store()?;
        let status = session.node().sync_status().await;
        let status = status.map_err(|error| session.failed(error))?;
        let now = (status.have, status.synced, session.connections().peer_counts());
        if before.replace(now) != Some(now) {
            stalled_at = Instant::now() + STALL_TIMEOUT;
        }
        if is_done(session, until, timeout, &status) {
            return Ok(());
        }
        let due = progress.show(&status, "syncing")?;
        tokio::select! {
            next = session.next() => {
                let (_, notice) = next.ok_or_else(|| session.stopped_failure())?;
                if let Some(notice) = notice {
                    progress.clear()?;
                    progress.print_notice(&notice)?;
                }
            }
            () = sleep_until(latest.unwrap_or(stalled_at)) => return Ok(()),
            () = sleep_until(due), if progress.is_behind(&status) => {}
            code = signals.next() => return Err(Failure::quiet(code)),
        }
    }
}

/// Returns whether the requested state is reached. With a timeout of the user, dialling goes on
/// until a peer is reached.
fn is_done(
    session: &Session,
    until: Until,
    timeout: Option<Duration>,
    status: &SyncStatus,
) -> bool {
    let connections = session.connections();
    let all_in_sync = status.synced == status.peers;
    let met = connections.peer_counts().synced > 0;
    match until {
        Until::All => met && all_in_sync && connections.out_of_sync().next().is_none(),
        Until::Idle => {
            let tried = connections.all_tried() && all_in_sync;
            tried
                && (met
                    || (timeout.is_none()
                        && !connections.targets().is_empty()
                        && connections.peer_counts().connected == 0))
        }
    }
}

/// Reports the result to the user and returns the exit code. It is 0 only if everything that the
/// peers offered is held.
async fn report_outcome(session: &mut Session, progress: &mut Progress) -> Result<(), Failure> {
    let status = stored_status(session).await?;
    let connections = session.connections();
    let missed: Vec<_> = connections.out_of_sync().collect();
    let synced = connections.peer_counts().synced;
    let done = match unreached(session, synced, &missed) {
        Ok(()) => check_complete(session, synced, &status).await,
        failed => failed,
    };
    let state = if done.is_ok() { "synced" } else { "incomplete" };
    progress.finish(&status, synced, state)?;
    done
}

/// Returns the status once received blocks are stored. With everything that was offered they are;
/// what a peer cannot give does not wait for the others.
async fn stored_status(session: &mut Session) -> Result<SyncStatus, Failure> {
    let mut before = None;
    for _ in 0..STORE_CHECKS_MAX {
        let status = session.node().sync_status().await;
        let status = status.map_err(|error| session.failed(error))?;
        let is_complete = status.have >= status.want && !session.connections().has_full();
        if is_complete || before.replace(status) == Some(status) {
            return Ok(status);
        }
        let due = Instant::now() + PROGRESS_INTERVAL;
        loop {
            tokio::select! {
                next = session.next() => {
                    next.ok_or_else(|| session.stopped_failure())?;
                }
                () = sleep_until(due) => break,
            }
        }
        session.check_store()?;
    }
    session.node().sync_status().await.map_err(|error| session.failed(error))
}

/// Checks that all peers to reach were in sync.
fn unreached(session: &Session, synced: usize, missed: &[&DialTarget]) -> Result<(), Failure> {
    if missed.is_empty() && synced > 0 {
        return Ok(());
    }
    let failure = if synced == 0 {
        let message = format!("no member of \"{}\" was reached", session.room().name());
        Failure::note(ExitCode::NoPeer, "net.nobody", message)
            .help("no message is lost: yours are sent when a peer is reached")
    } else {
        let message = format!(
            "in sync with {}, but not with {} more",
            plural(synced as u64, "peer"),
            missed.len()
        );
        Failure::note(ExitCode::FewPeers, "net.few", message)
    };
    Err(missed.iter().fold(failure, |failure, target| {
        let why = target.error().unwrap_or("not in sync in time");
        failure.help(format!("{}: {why}", target.name()))
    }))
}

/// Checks that everything that the peers offered is held, and that the user's own messages are.
async fn check_complete(
    session: &Session,
    synced: usize,
    status: &SyncStatus,
) -> Result<(), Failure> {
    session.check_signed().await?;
    let feeds = session.node().feeds().await.map_err(|error| session.failed(error))?;
    let forked = status.forked + status.contested;
    let full = feeds.iter().filter(|feed| feed.is_full).count();
    let is_forked = forked > 0 || session.connections().has_forks();
    let is_full = full > 0 || session.connections().has_full();
    let missing = status.want.saturating_sub(status.have);
    let peers = plural(synced as u64, "peer");
    let messages = plural(status.have, "message");
    let so_far = format!("{messages} of {}", plural(status.feeds as u64, "member"));
    if is_forked || is_full {
        let stopped = plural((forked + full).max(1) as u64, "stopped author");
        let message = format!("in sync with {peers}, except {stopped}: {so_far}");
        let failure = if is_forked {
            Failure::note(ExitCode::Damaged, "feed.forked", message)
                .help("an author signed two histories: the peers have different messages of them")
        } else {
            Failure::note(ExitCode::Failed, "feed.full", message)
                .help("a storage limit is reached; to receive the rest, raise it:")
                .help("author-mib or room-mib in  multichat config edit")
        };
        return Err(failure.help("which authors these are:  multichat doctor store"));
    }
    if missing > 0 {
        let message = format!(
            "{} of {} messages: {peers} offered the others and could not give them",
            status.have, status.want
        );
        return Err(Failure::note(ExitCode::FewPeers, "sync.incomplete", message)
            .help("sync with a member who has all messages:  multichat --peer HOST:PORT sync"));
    }
    Ok(())
}

/// Shows the progress: a bar on a terminal, lines elsewhere, JSON for programs.
struct Progress {
    output: Output,
    room: Clean,
    /// When the next update is due.
    due: Instant,
    shown: Option<SyncStatus>,
    percent: u64,
}

impl Progress {
    fn new(output: &Output, session: &Session) -> Self {
        let room = sanitize::line(session.room().name(), ROOM_NAME_COLUMNS_MAX);
        Self { output: *output, room, due: Instant::now(), shown: None, percent: 0 }
    }

    /// Shows a state if it is new and the update is due; returns when the next update is due.
    fn show(&mut self, status: &SyncStatus, state: &'static str) -> Result<Instant, Failure> {
        if Instant::now() >= self.due && self.is_behind(status) {
            self.due = Instant::now() + PROGRESS_INTERVAL;
            self.shown = Some(*status);
            self.draw(status, state)?;
        }
        Ok(self.due)
    }

    /// Returns whether a state differs from the one shown.
    fn is_behind(&self, status: &SyncStatus) -> bool {
        self.shown != Some(*status)
    }

    fn draw(&mut self, status: &SyncStatus, state: &'static str) -> Result<(), Failure> {
        match self.output.format {
            Format::Json => self.output.json(&Line::from(Event::Sync {
                room: self.room.clone(),
                have: status.have,
                want: status.want,
                feeds: status.feeds as u64,
                peers: status.peers as u64,
                state,
            })),
            Format::Text if self.output.terminals.stderr => self.output.progress(&bar(status)),
            Format::Text => {
                let percent = percent(status);
                if status.peers == 0 || percent < self.percent + STEP_PERCENT {
                    return Ok(());
                }
                self.percent = percent - percent % STEP_PERCENT;
                self.output.say(&format!("{} of {} blocks", status.have, status.want))
            }
        }
    }

    /// Removes the bar.
    fn clear(&self) -> Result<(), Failure> {
        self.output.progress("")
    }

    fn print_notice(&self, notice: &crate::connections::Notice) -> Result<(), Failure> {
        match (self.output.format, notice.line()) {
            (Format::Json, Some(line)) => self.output.json(&line),
            (Format::Json, None) => Ok(()),
            (Format::Text, _) => self.output.say(&notice.text()),
        }
    }

    fn finish(
        &mut self,
        status: &SyncStatus,
        peers_synced: usize,
        state: &'static str,
    ) -> Result<(), Failure> {
        self.clear()?;
        match self.output.format {
            Format::Json => self.draw(status, state),
            Format::Text if state == "synced" => {
                let messages = plural(status.have, "message");
                let members = plural(status.feeds as u64, "member");
                let peers = plural(peers_synced as u64, "peer");
                self.output.say(&format!("in sync with {peers}: {messages} of {members}"))
            }
            Format::Text => Ok(()),
        }
    }
}

fn percent(status: &SyncStatus) -> u64 {
    (status.have.saturating_mul(100)).checked_div(status.want).unwrap_or(100).min(100)
}

/// Formats the progress. A peer's claim is proven only by its blocks, so the bar never exceeds
/// 100 %.
fn bar(status: &SyncStatus) -> String {
    if status.peers == 0 {
        return "searching for peers".into();
    }
    let full = percent(status) * BAR_COLUMNS / 100;
    let bar: String = (0..BAR_COLUMNS).map(|at| if at < full { '▓' } else { '░' }).collect();
    let (have, want, peers) = (status.have, status.want, status.peers);
    format!("syncing {bar} {have} of {want} messages · {peers} here")
}
