//! Runs the commands that search, export and check stored messages, without a network.

use super::inspect;
use crate::args::Global;
use crate::args::channel::ChannelFilter;
use crate::args::history::{HistoryCommand, InspectTarget};
use crate::export::export;
use crate::lines::Arrival;
use crate::output::Output;
use crate::printer::Printer;
use crate::profile::Profile;
use crate::report::Failure;
use crate::runtime::block_on;
use crate::session::Session;

pub(super) fn run(
    global: &Global,
    output: &Output,
    history: HistoryCommand,
) -> Result<(), Failure> {
    block_on(async {
        let profile = Profile::open(global)?;
        let room = profile.find(global.room.as_deref())?;
        // A feed can be checked without the key that decrypts it.
        let room =
            if matches!(history, HistoryCommand::Inspect { .. }) { room } else { room.readable()? };
        let session = Session::open(global, profile, room).await?;
        let done = match history {
            HistoryCommand::Search { words, channel, lines } => {
                search(&session, output, &words.join(" "), &channel, lines).await
            }
            HistoryCommand::Export { format, channel } => {
                session.catch_up().await?;
                let mut put = |line: &str| output.data(line);
                export(&session, format, &channel, &mut put).await.map(|_| ())
            }
            HistoryCommand::Inspect { what: InspectTarget::Feed { key } } => {
                inspect::feed(&session, output, &key).await
            }
        };
        let done = match done {
            Ok(()) => session.check_signed().await,
            failed => failed,
        };
        session.close().await;
        done
    })
}

async fn search(
    session: &Session,
    output: &Output,
    words: &str,
    channel: &ChannelFilter,
    most: usize,
) -> Result<(), Failure> {
    session.catch_up().await?;
    let mut printer = Printer::new(session, output);
    for entry in session.search(words, channel, most).await? {
        printer.print(&entry, Arrival::Backfill)?;
    }
    Ok(())
}
