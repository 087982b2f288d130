//! Checks the files on disk: the profile, its rooms with their indexes, and crash reports.

use jiff::Timestamp;

use super::{check, failing};
use crate::args::Global;
use crate::config::Bounds;
use crate::crash;
use crate::exit::ExitCode;
use crate::lines::{Check, Outcome};
use crate::profile::Profile;
use crate::report::Failure;
use crate::session::Session;
use crate::transcript::counted;

/// Messages whose dates are checked. Chosen: enough to find a member whose clock is
/// wrong.
const CLOCK_MESSAGES: usize = 100;
/// The accepted difference between clocks. Chosen: synchronised clocks differ by less than a
/// second, and a minute is not noticed in a chat.

/// Checks the profile and each of its rooms.
pub(super) async fn stores(global: &Global, fix: bool) -> Vec<Check> {
    let help = "nothing was changed: restore a good copy, or use another  --profile NAME";
    let mut profile = match Profile::open(global) {
        Ok(profile) => profile,
        Err(failure) if failure.exit() == ExitCode::InUse => {
            let help = "another process uses this profile: close it, then run doctor again";
            return vec![failing("profile", &failure, help)];
        }
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
        if fix {
            checks.push(index(&session).await);
        }
        checks.push(store(&session).await);
        if let Ok(clock) = clock(&session).await {
            checks.push(clock);
        }
        profile = session.close().await;
    }
    checks
}

async fn index(session: &Session) -> Check {
    match session.index_anew().await {
        Ok(()) => check("index", Outcome::Ok, "rebuilt".into()),
        Err(failure) => failing("index", &failure, "check each feed:  multichat inspect feed KEY"),
    }
}

pub(super) fn crashes(global: &Global) -> Check {
    match Profile::crash_folder(global).map_or(0, |folder| crash::count(&folder)) {
        0 => check("crash", Outcome::Ok, "no crash reports".into()),
        count => Check {
            name: "crash",
            outcome: Outcome::Warn,
            found: format!(
                "{}, without keys, names and texts",
                counted(count as u64, "crash report")
            ),
            help: Some("report and delete them: they are in the folder crash, beside the log"),
        },
    }
}

/// Reads all messages that are not in the index. The store verifies each block.
async fn store(session: &Session) -> Check {
    match session.catch_up().await {
        Ok(()) => held(session).await,
        Err(failure) => failing("store", &failure, "check each feed:  multichat inspect feed KEY"),
    }
}

/// Checks how much the store holds.
pub(super) async fn held(session: &Session) -> Check {
    let Ok(status) = session.node().sync_status().await else {
        return check("store", Outcome::Fail, "the store has stopped working".into());
    };
    let Ok(all) = session.node().feeds().await else {
        return check("store", Outcome::Fail, "the store has stopped working".into());
    };
    let (feeds, blocks) = (counted(status.feeds as u64, "feed"), counted(status.have, "message"));
    let mebibytes = |bytes: u64| bytes.div_ceil(1 << 20);
    let held = all.iter().map(|feed| feed.bytes_counted);
    let (sum, most) = (held.clone().fold(0, u64::saturating_add), held.max().unwrap_or(0));
    let Bounds { author_mib, room_mib } = session.bounds();
    let found = format!(
        "{feeds}, {blocks}; {} of {room_mib} MiB, largest author {} of {author_mib} MiB",
        mebibytes(sum),
        mebibytes(most)
    );
    let forked = all.iter().filter(|feed| feed.is_forked).count();
    let full = all.iter().filter(|feed| feed.is_full).count();
    if forked + full > 0 {
        let found = format!("{found}; {forked} forked, {full} full");
        let help =
            Some("forked and full feeds receive nothing more; more space:  multichat config edit");
        return Check { name: "store", outcome: Outcome::Warn, found, help };
    }
    check("store", Outcome::Ok, found)
}

/// Compares the clocks. A message dated in the future shows that a clock is wrong, but not which.
/// A message dated in the past shows nothing: it may have arrived late.
pub(super) async fn clock(session: &Session) -> Result<Check, Failure> {
    let mut latest = None;
    for entry in session.page(None, CLOCK_MESSAGES).await? {
        if let (Some(chat), true) = (entry.content.said(), entry.id.feed != session.key().0) {
            latest = latest.max(chat.time);
        }
    }
    let ahead = latest.map_or(0, |time| time.duration_since(Timestamp::now()).as_secs());
    Ok(match ahead > CLOCK_SECS_MAX {
        false => check("clock", Outcome::Ok, "no message is dated in the future".into()),
        true => Check {
            name: "clock",
            outcome: Outcome::Warn,
            found: format!("a message of another member is dated {ahead} s in the future"),
            help: Some(
                "your clock or theirs is wrong; the order of messages does not depend on it",
            ),
        },
    })
}
