//! Runs the commands that search, export and check stored messages, without a network.

use super::inspect;
use crate::args::Global;
use crate::args::channel::AnyChannel;
use crate::args::history::{Inspected, Keep};
use crate::export::export;
use crate::lines::Arrival;
use crate::output::Output;
use crate::printer::Printer;
use crate::profile::Profile;
use crate::report::Failure;
use crate::runtime::drive;
use crate::session::Session;

pub(super) fn run(global: &Global, output: &Output, keep: Keep) -> Result<(), Failure> {
    drive(async {
        let profile = Profile::open(global)?;
        let room = profile.find(global.room.as_deref())?;
        // A feed can be checked without the key that decrypts it.
        let room = if matches!(keep, Keep::Inspect { .. }) { room } else { room.readable()? };
        let session = Session::open(global, profile, room).await?;
        let done = match keep {
            Keep::Search { words, channel, lines } => {
                search(&session, output, &words.join(" "), &channel, lines).await
            }
            Keep::Export { format, channel } => {
                session.catch_up().await?;
                let mut put = |line: &str| output.data(line);
                export(&session, format, &channel, &mut put).await.map(|_| ())
            }
            Keep::Inspect { what: Inspected::Feed { key } } => {
                inspect::feed(&session, output, &key).await
            }
        };
        session.close().await;
        done
    })
}

async fn search(
    session: &Session,
    output: &Output,
    words: &str,
    channel: &AnyChannel,
    most: usize,
) -> Result<(), Failure> {
    session.catch_up().await?;
    let mut printer = Printer::new(session, output);
    for entry in session.search(words, channel, most).await? {
        printer.print(&entry, Arrival::Backfill)?;
    }
    Ok(())
}
