//! Checks the health of an open room.
//!
//! Rule: no line contains a key, a name or a message, so the output can be shared.

use jiff::Timestamp;

use crate::lines::{Check, Outcome};
use crate::quota::Quota;
use crate::report::Failure;
use crate::session::Session;
use crate::transcript::plural;

/// Messages whose dates are checked. Chosen: enough to find a member whose clock is
/// wrong.
const CLOCK_MESSAGES: usize = 100;
/// The accepted difference between clocks. Chosen: synchronised clocks differ by less than a
/// second, and a minute is not noticed in a chat.
const CLOCK_SECS_MAX: i64 = 60;

/// Returns the health of an open room, for people.
///
/// # Errors
/// Fails if the store cannot read its data.
pub async fn health(session: &Session) -> Result<Vec<String>, Failure> {
    // Not the whole store: messages that are read here would never reach the window.
    let checks = [store_usage(session).await, clock(session).await?, peers(session)];
    let rest = "close this room for the other checks:  multichat doctor";
    Ok(checks.iter().flat_map(rows).chain([rest.to_string()]).collect())
}

/// Returns the lines of a result, for people.
pub fn rows(check: &Check) -> Vec<String> {
    let row = format!("{:8} {:5} {}", check.name, check.outcome, check.found);
    let help = check.help.map(|help| format!("{:14} {help}", ""));
    std::iter::once(row).chain(help).collect()
}

/// Creates a result without help.
pub fn check(name: &'static str, outcome: Outcome, found: String) -> Check {
    Check { name, outcome, found, help: None }
}

/// Creates the result of a failed check.
pub fn failed_check(name: &'static str, failure: &Failure, help: &'static str) -> Check {
    // The message of a failure may contain a path. Its code describes the failure without names.
    let code = failure.report().map_or("ended", |report| report.code());
    Check { name, outcome: Outcome::Fail, found: code.to_string(), help: Some(help) }
}

/// Checks how much the store holds.
pub async fn store_usage(session: &Session) -> Check {
    let Ok(status) = session.node().sync_status().await else {
        return check("store", Outcome::Fail, "the store has stopped working".into());
    };
    let Ok(all) = session.node().feeds().await else {
        return check("store", Outcome::Fail, "the store has stopped working".into());
    };
    let (feeds, blocks) = (plural(status.feeds as u64, "feed"), plural(status.have, "message"));
    let mebibytes = |bytes: u64| bytes.div_ceil(1 << 20);
    let store_usage = all.iter().map(|feed| feed.bytes_counted);
    let (sum, most) =
        (store_usage.clone().fold(0, u64::saturating_add), store_usage.max().unwrap_or(0));
    let Quota { author_mib, room_mib } = session.quota();
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
pub async fn clock(session: &Session) -> Result<Check, Failure> {
    let mut latest = None;
    for entry in session.page(None, CLOCK_MESSAGES).await? {
        if let (Some(chat), true) = (entry.content.chat(), entry.id.feed != session.key().0) {
            latest = latest.max(chat.time);
        }
    }
    let ahead = latest.map_or(0, |time| time.duration_since(Timestamp::now()).as_secs());
    Ok(if ahead > CLOCK_SECS_MAX {
        Check {
            name: "clock",
            outcome: Outcome::Warn,
            found: format!("a message of another member is dated {ahead} s in the future"),
            help: Some(
                "your clock or theirs is wrong; the order of messages does not depend on it",
            ),
        }
    } else {
        check("clock", Outcome::Ok, "no message is dated in the future".into())
    })
}

/// Checks which peers are connected.
pub fn peers(session: &Session) -> Check {
    let (online, missed) =
        (session.connections().online().len(), session.connections().out_of_sync().count());
    let peers = plural(online as u64, "peer");
    let found = match missed {
        0 => format!("{peers} here"),
        missed => format!("{peers} here; not in sync with {missed} of the named peers"),
    };
    let outcome = if online > 0 { Outcome::Ok } else { Outcome::Warn };
    check("peers", outcome, found)
}
