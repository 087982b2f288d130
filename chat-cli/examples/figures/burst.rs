//! Measures a burst: many messages arrive from another member while the user types.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use multichat::invite::Right;
use multichat::invite::hints::Hints;
use multichat::output::{Format, Output, Verbosity};
use multichat::profile::Profile;
use multichat::profile::room::Room;
use multichat::tui::model::ModelEvent;
use tokio::sync::oneshot;

use crate::fill::{fill, flags, open};
use crate::screen::Screen;
use crate::{Done, failed};

/// The interval between keys. Chosen: 20 keys a second, faster than people type.
const KEY_EVERY: Duration = Duration::from_millis(50);
/// The interval between frames, as in the program. Input is drawn at once.
const FRAME_INTERVAL: Duration = Duration::from_millis(33);
/// The time limit; a longer run means that something is broken.
const LIMIT: Duration = Duration::from_secs(120);

/// The results.
pub(crate) struct Burst {
    pub(crate) time: Duration,
    pub(crate) typed: usize,
    pub(crate) seen: usize,
    pub(crate) echoes_input: Vec<Duration>,
}

fn quiet() -> Output {
    Output { verbosity: Verbosity::Quiet, ..Output::plain(Format::Text) }
}

/// Serves all messages on its own thread until `end` is signalled.
fn serve(
    folder: PathBuf,
    address_sender: mpsc::Sender<SocketAddr>,
    end: oneshot::Receiver<()>,
) -> Done<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let global = flags(&folder, &["--listen", "127.0.0.1:0"])?;
        let mut session = open(&global, "burst").await?;
        session.go_online(&global, &quiet()).await.map_err(failed)?;
        address_sender.send(session.listening().ok_or("no address")?)?;
        tokio::pin!(end);
        loop {
            tokio::select! {
                _ = &mut end => break,
                next = session.next() => if next.is_none() { break },
            }
        }
        session.close().await;
        Ok(())
    })
}

pub(crate) async fn run(folder: &Path, messages: u64) -> Done<Burst> {
    let (there, here) = (folder.join("there"), folder.join("here"));
    fill(&there, "burst", messages).await?;
    let invite = {
        let profile = Profile::open(&flags(&there, &[])?).map_err(failed)?;
        let room = profile.find(Some("burst")).map_err(failed)?;
        room.invite(Right::Member, Hints::default()).ok_or("an open room")?
    };
    let mut profile = Profile::open(&flags(&here, &[])?).map_err(failed)?;
    let room = Room::from_invite(&invite, Some("burst"), jiff::Timestamp::now()).map_err(failed)?;
    profile.add(room).map_err(failed)?;
    drop(profile);

    let (address_sender, address) = mpsc::channel();
    let (end, ended) = oneshot::channel();
    let other = thread::spawn(move || {
        serve(there, address_sender, ended).map_err(|error| error.to_string())
    });
    let peer = address.recv()?.to_string();
    let burst = watch(&here, &peer, messages).await;
    let _ = end.send(());
    other.join().map_err(|_| "the other member crashed")??;
    burst
}

/// Does what the program's shell does, without a terminal: keys first, then events of the node,
/// then some of the new messages.
async fn watch(folder: &Path, peer: &str, messages: u64) -> Done<Burst> {
    let global = flags(folder, &["--peer", peer])?;
    let mut session = open(&global, "burst").await?;
    let mut screen = Screen::new(&session).await?;
    session.go_online(&global, &quiet()).await.map_err(failed)?;
    let start = Instant::now();
    let mut burst = Burst { time: Duration::ZERO, typed: 0, seen: 0, echoes_input: Vec::new() };
    let (mut due, mut frame, mut is_behind) = (start + KEY_EVERY, start, false);
    while session.timeline().index().count()? < messages {
        if start.elapsed() > LIMIT {
            return Err("it takes too long".into());
        }
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(due.into()) => {
                screen.key()?;
                burst.echoes_input.push(due.elapsed());
                burst.typed += 1;
                due += KEY_EVERY;
            }
            next = session.next() => {
                next.ok_or("the node ended")?;
                is_behind = true;
            }
            () = std::future::ready(()), if is_behind => {
                let step = session.step().await.map_err(failed)?;
                is_behind = step.more;
                screen.model.update(ModelEvent::NewMessages(step.entries));
                if Instant::now() >= frame {
                    screen.draw()?;
                    frame = Instant::now() + FRAME_INTERVAL;
                }
            }
        }
    }
    burst.time = start.elapsed();
    burst.seen = screen.model.input_line.text().chars().filter(|c| *c == 'x').count();
    session.close().await;
    Ok(burst)
}
