//! What is on the disk: the profile, its rooms with their indexes, and what was written of crashes.

use crate::args::Global;
use crate::crash;
use crate::health::{check, clock, failed_check, store_usage};
use crate::lines::{Check, Outcome};
use crate::profile::Profile;
use crate::session::Session;
use crate::transcript::plural;

/// The profile, and each of its rooms by number.
pub(super) async fn stores(global: &Global, fix: bool) -> Vec<Check> {
    let help = "nothing was changed: put a good copy there, or use another  --profile NAME";
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
    match session.rebuild_index().await {
        Ok(()) => check("index", Outcome::Ok, "made anew".into()),
        Err(failure) => failed_check("index", &failure, "see:  multichat inspect feed KEY"),
    }
}

pub(super) fn crashes(global: &Global) -> Check {
    match Profile::crash_folder(global).map_or(0, |folder| crash::count(&folder)) {
        0 => check("crash", Outcome::Ok, "none is written down".into()),
        count => Check {
            name: "crash",
            outcome: Outcome::Warn,
            found: format!("{count} written down, without keys, names and texts"),
            help: Some("report them, and delete them:  the folder crash, beside the log"),
        },
    }
}

/// Reads all messages that the index has not: each is proved on its way out of the store.
async fn store(session: &Session) -> Check {
    match session.catch_up().await {
        Ok(()) => store_usage(session).await,
        Err(failure) => failed_check("store", &failure, "see:  multichat inspect feed KEY"),
    }
}
