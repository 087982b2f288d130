//! Stores a message, and waits until it is as far as was asked for.
//!
//! Rule: what the exit code says of the message is true. 0, 7 and 8 are given only after it is
//! durable here, and every other code before an append was begun or after it failed.

use std::collections::BTreeSet;
use std::io::Read;
use std::time::Duration;

use multifeed_core::PublicKey;
use tokio::time::{Instant, sleep_until};

use crate::args::{AnyChannel, Global, Wait};
use crate::exit::ExitCode;
use crate::lines::{Event, Line, MessageId};
use crate::logging;
use crate::message::{self, TEXT_BYTES_MAX};
use crate::output::{Format, Output};
use crate::profile::Profile;
use crate::report::Failure;
use crate::sanitize::Clean;
use crate::session::Session;
use crate::signals::Signals;
use crate::transcript::counted;

/// The text of the command line, or of standard input.
pub(super) fn text_of(words: &[String]) -> Result<String, Failure> {
    let from_input = words.is_empty() || words == ["-"];
    let text = if from_input { read_input()? } else { words.join(" ") };
    message::check(&text)?;
    Ok(text)
}

fn read_input() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    // One more than fits, so that too much is seen, and not much more, so that it is no burden.
    let mut input = std::io::stdin().lock().take(TEXT_BYTES_MAX as u64 + 3);
    input.read_to_end(&mut bytes).map_err(|error| {
        let message = format!("cannot read the message: {error}");
        Failure::new(ExitCode::Failed, "message.read", message)
    })?;
    let text = String::from_utf8(bytes).map_err(|_| {
        Failure::new(ExitCode::BadInput, "message.utf8", "the message is not UTF-8")
            .help("messages are text: convert it first, as with  iconv -t utf-8")
    })?;
    // What a shell puts at the end is not meant as part of the message.
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_string())
}

/// What to send, and how far it has to get in which time.
pub(super) struct Wanted {
    pub(super) channel: Clean,
    pub(super) text: String,
    pub(super) wait: Option<Wait>,
    pub(super) timeout: Duration,
}

pub(super) async fn run(global: &Global, output: &Output, wanted: &Wanted) -> Result<(), Failure> {
    let mut signals = Signals::take()?;
    let profile = Profile::open(global)?;
    logging::start(global, logging::Place::Stderr, &profile)?;
    let room = profile.find(global.room.as_deref())?;
    let mut session = Session::open(global, profile, room).await?;
    let done = deliver(global, output, &mut session, &mut signals, wanted).await;
    session.close().await;
    done
}

async fn deliver(
    global: &Global,
    output: &Output,
    session: &mut Session,
    signals: &mut Signals,
    wanted: &Wanted,
) -> Result<(), Failure> {
    let network = session.has_network(global);
    let wait = wanted.wait.unwrap_or(if network { Wait::Peers(1) } else { Wait::Stored });
    let online = network && wait != Wait::Stored;
    if online {
        // Before the append: if this fails, the message was not stored, and the code says so.
        session.go_online(global, output).await?;
    }
    // What is here is what the message answers.
    session.history(0, None, &AnyChannel::default()).await?;
    let id = session.append(wanted.channel.as_str(), &wanted.text).await?;
    if output.format == Format::Json {
        let ack = Event::Ack { reference: None, id: id.clone(), state: "stored" };
        output.json(&Line::from(ack))?;
    }
    if wait == Wait::Stored {
        return output.say("stored here; it goes out when you are online:  multichat serve");
    }
    if !online {
        return Err(nobody(session));
    }
    let deadline = Instant::now() + wanted.timeout;
    let mut spread = Spread { id, holders: BTreeSet::new() };
    loop {
        spread.look(session).await?;
        if spread.is_enough(session, wait) {
            return spread.tell(session, output);
        }
        tokio::select! {
            next = session.next() => {
                let (_, change) = next.ok_or_else(|| session.ended())?;
                if let Some(change) = change {
                    output.say(&change.text())?;
                }
            }
            () = sleep_until(deadline) => return Err(spread.too_few(session, wait)),
            code = signals.next() => {
                output.say("it is stored and goes out later; do not send it again")?;
                return Err(Failure::quiet(code));
            }
        }
    }
}

/// How far a message has got.
struct Spread {
    id: MessageId,
    holders: BTreeSet<PublicKey>,
}

impl Spread {
    /// Asks who has it. Whoever had it once still has it after it went.
    async fn look(&mut self, session: &Session) -> Result<(), Failure> {
        let holders = session.node().holders(session.feed()).await;
        for (connection, length) in holders.map_err(|error| session.failed(error))? {
            if length > self.id.index
                && let Some((remote, _)) = session.links().peer(connection)
            {
                self.holders.insert(remote);
            }
        }
        Ok(())
    }

    fn is_enough(&self, session: &Session, wait: Wait) -> bool {
        let here = session.links().here();
        match wait {
            Wait::Stored => true,
            Wait::Peers(peers) => self.holders.len() >= peers.into(),
            Wait::All => {
                let tried = session.links().all_reached();
                !self.holders.is_empty() && tried && here.is_subset(&self.holders)
            }
        }
    }

    /// How many peers it could have got to.
    fn of(&self, session: &Session) -> usize {
        let links = session.links();
        self.holders.union(&links.here()).count().max(links.targets().len())
    }

    fn tell(&self, session: &Session, output: &Output) -> Result<(), Failure> {
        let (holders, of) = (self.holders.len(), self.of(session));
        if output.format == Format::Json {
            let (id, holders, of) = (self.id.clone(), holders as u64, of as u64);
            return output.json(&Line::from(Event::Sent { id, holders, of }));
        }
        output.say(&match (holders, of) {
            (holders, of) if holders == of => {
                format!("stored, on {}", counted(holders as u64, "peer"))
            }
            (holders, of) => format!("stored, on {holders} of {of} peers"),
        })
    }

    fn too_few(&self, session: &Session, wait: Wait) -> Failure {
        if self.holders.is_empty() {
            return nobody(session);
        }
        let wanted = match wait {
            Wait::Peers(peers) => usize::from(peers).max(self.of(session)),
            Wait::All | Wait::Stored => self.of(session),
        };
        let message = format!("stored, on {} of {wanted} peers", self.holders.len());
        let failure = Failure::note(ExitCode::FewPeers, "net.few", message)
            .help("the others get it later: do not resend it");
        with_troubles(failure, session)
    }
}

/// Nobody was met: the message waits here.
fn nobody(session: &Session) -> Failure {
    let name = session.room().name();
    let message = format!(
        "nobody else is online in \"{name}\". Your message is stored and will go out by itself"
    );
    let failure = Failure::note(ExitCode::NoPeer, "net.nobody", message)
        .help("do not resend it: the next  multichat sync  or  serve  hands it over");
    with_troubles(failure, session)
}

/// Adds why each peer was not reached.
fn with_troubles(failure: Failure, session: &Session) -> Failure {
    let targets = session.links().targets().iter();
    targets.fold(failure, |failure, target| match target.trouble() {
        Some(why) => failure.help(format!("{}: {why}", target.name())),
        None => failure,
    })
}
