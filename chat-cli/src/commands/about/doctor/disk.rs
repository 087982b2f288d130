//! Checks the files on disk: the profile, its rooms with their indexes, and crash reports.

use crate::args::Global;
use crate::crash;
use crate::health::{check, clock, failed_check, store_usage};
use crate::lines::{Check, Outcome};
use crate::profile::Profile;
use crate::session::Session;
use crate::transcript::plural;

/// Whether the index of each room is rebuilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Indexes {
    /// They are rebuilt from the feeds.
    Rebuild,
    /// They stay as they are.
    Keep,
}

/// Checks the profile and each of its rooms.
pub(super) async fn check_rooms(global: &Global, indexes: Indexes) -> Vec<Check> {
    let help = "nothing was changed: restore a good copy, or use another  --profile NAME";
    let mut profile = match Profile::open(global) {
        Ok(profile) => profile,
        Err(failure) => return vec![failed_check("profile", &failure, help)],
    };
    let rooms = match profile.rooms() {
        Ok(rooms) => rooms,
        Err(failure) => return vec![failed_check("profile", &failure, help)],
    };
    let found = plural(rooms.rooms.len() as u64, "room");
    let mut checks = vec![check("profile", Outcome::Ok, found)];
    checks.extend(rooms.damaged.iter().map(|failure| failed_check("room", failure, help)));
    for room in rooms.rooms {
        let session = match Session::open(global, profile, room).await {
            Ok(session) => session,
            Err(failure) => {
                checks.push(failed_check("store", &failure, help));
                return checks;
            }
        };
        if indexes == Indexes::Rebuild {
            checks.push(check_index(&session).await);
        }
        checks.push(check_store(&session).await);
        if let Ok(clock) = clock(&session).await {
            checks.push(clock);
        }
        profile = session.close().await;
    }
    checks
}

async fn check_index(session: &Session) -> Check {
    match session.rebuild_index().await {
        Ok(()) => check("index", Outcome::Ok, "rebuilt".into()),
        Err(failure) => {
            failed_check("index", &failure, "check each feed:  multichat inspect feed KEY")
        }
    }
}

pub(super) fn check_crashes(global: &Global) -> Check {
    match Profile::crash_folder(global).map_or(0, |folder| crash::count(&folder)) {
        0 => check("crash", Outcome::Ok, "no crash reports".into()),
        count => Check {
            name: "crash",
            outcome: Outcome::Warn,
            found: format!(
                "{}, without keys, names and texts",
                plural(count as u64, "crash report")
            ),
            help: Some("report and delete them: they are in the folder crash, beside the log"),
        },
    }
}

/// Reads all messages. The store verifies each block against the author's signature.
async fn check_store(session: &Session) -> Check {
    if let Err(failure) = session.check_signed().await {
        return failed_check("store", &failure, "get your messages back:  multichat sync");
    }
    let read = match session.verify_feeds().await {
        Ok(()) => session.catch_up().await,
        failed => failed,
    };
    match read {
        Ok(()) => store_usage(session).await,
        Err(failure) => {
            failed_check("store", &failure, "check each feed:  multichat inspect feed KEY")
        }
    }
}
