//! What an open room can tell of how well it works.
//!
//! Rule: a line holds no key, no name and no text of anybody, so that it can be shown to others.

use jiff::Timestamp;

use crate::lines::{Check, Outcome};
use crate::quota::Quota;
use crate::report::Failure;
use crate::session::Session;
use crate::transcript::plural;

/// Messages whose times are looked at.
const CLOCK_MESSAGES: usize = 100;
/// Clocks may differ by so much.
const CLOCK_SECS_MAX: i64 = 60;

/// What a room that is open can tell of itself, for people.
///
/// # Errors
/// If the store does not give back what it holds.
pub async fn health(session: &Session) -> Result<Vec<String>, Failure> {
    // Not the whole store: what a window has not shown yet would never come to it.
    let checks = [store_usage(session).await, clock(session).await?, peers(session)];
    let rest = "the rest, when this room is closed:  multichat doctor";
    Ok(checks.iter().flat_map(rows).chain([rest.to_string()]).collect())
}

/// The lines of one finding, for people.
pub fn rows(check: &Check) -> Vec<String> {
    let row = format!("{:8} {:5} {}", check.name, check.outcome, check.found);
    let help = check.help.map(|help| format!("{:14} {help}", ""));
    std::iter::once(row).chain(help).collect()
}

/// A finding that needs no help.
pub fn check(name: &'static str, outcome: Outcome, found: String) -> Check {
    Check { name, outcome, found, help: None }
}

/// A finding that is a failure.
pub fn failed_check(name: &'static str, failure: &Failure, help: &'static str) -> Check {
    // The message of the failure may hold a path; its code says as much and names nobody.
    let code = failure.report().map_or("ended", |report| report.code());
    Check { name, outcome: Outcome::Fail, found: code.to_string(), help: Some(help) }
}

/// How much the store holds.
pub async fn store_usage(session: &Session) -> Check {
    let Ok(status) = session.node().sync_status().await else {
        return check("store", Outcome::Fail, "it has stopped working".into());
    };
    let Ok(all) = session.node().feeds().await else {
        return check("store", Outcome::Fail, "it has stopped working".into());
    };
    let (feeds, blocks) = (plural(status.feeds as u64, "feed"), plural(status.have, "message"));
    let mebibytes = |bytes: u64| bytes.div_ceil(1 << 20);
    let store_usage = all.iter().map(|feed| feed.bytes_counted);
    let (sum, most) =
        (store_usage.clone().fold(0, u64::saturating_add), store_usage.max().unwrap_or(0));
    let Quota { author_mib, room_mib } = session.quota();
    let found = format!(
        "{feeds}, {blocks}; {} of {room_mib} MiB, of one author {} of {author_mib}",
        mebibytes(sum),
        mebibytes(most)
    );
    let forked = all.iter().filter(|feed| feed.is_forked).count();
    let full = all.iter().filter(|feed| feed.is_full).count();
    if forked + full > 0 {
        let found = format!("{found}; {forked} with two histories, {full} full");
        let help = Some("no more of these is taken; more room:  multichat config edit");
        return Check { name: "store", outcome: Outcome::Warn, found, help };
    }
    check("store", Outcome::Ok, found)
}

/// A message that is dated later than now says that a clock is wrong, and not whose. One that is
/// dated earlier says nothing: it may have come late.
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
            found: format!("a message of somebody else is dated {ahead} s later than now"),
            help: Some("one of the two clocks is wrong; the order of messages does not suffer"),
        }
    } else {
        check("clock", Outcome::Ok, "no message of others is dated later than now".into())
    })
}

/// Who is connected.
pub fn peers(session: &Session) -> Check {
    let (online, missed) =
        (session.connections().online().len(), session.connections().out_of_sync().count());
    let peers = plural(online as u64, "peer");
    let found = match missed {
        0 => format!("{peers} here"),
        missed => format!("{peers} here; not in sync with {missed} of those who were named"),
    };
    let outcome = if online > 0 { Outcome::Ok } else { Outcome::Warn };
    check("peers", outcome, found)
}
