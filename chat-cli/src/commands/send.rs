//! Stores a message and waits for the requested delivery.
//!
//! Rule: the exit code is reliable. 0, 7 and 8 are returned only after the message is durable here
//! and can be sent, every other code only if no append began, it failed, or the message can never
//! be sent.

use std::io::Read;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::args::Global;
use crate::args::channel::ChannelFilter;
use crate::args::values::Wait;
use crate::attach::client::Client;
use crate::attach::{Request, Response, Submission, client};
use crate::delivery::{DeliveryReport, Holders};
use crate::exit::ExitCode;
use crate::ids::MessageId;
use crate::lines::{Event, Line};
use crate::logging;
use crate::message::{self, TEXT_BYTES_MAX};
use crate::output::{Format, Output};
use crate::profile::Profile;
use crate::report::Failure;
use crate::sanitize::Clean;
use crate::session::Session;
use crate::signals::Signals;

/// How long to wait for other `send`s that have the profile open. Chosen: six of them that each
/// wait 10 s for a peer, which is the default.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long to wait for any other process. Chosen: longer than a command takes that only reads.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);
/// The interval between attempts to open the profile. Chosen: short for a person, at little cost.
const LOCK_INTERVAL: Duration = Duration::from_millis(20);

/// Returns the text of the command line or of standard input.
pub(super) fn text_of(words: &[String]) -> Result<String, Failure> {
    let from_input = words.is_empty() || words == ["-"];
    let text = if from_input { read_input()? } else { words.join(" ") };
    message::check(&text)?;
    Ok(text)
}

fn read_input() -> Result<String, Failure> {
    let failed = |error: std::io::Error| {
        let message = format!("cannot read the message: {error}");
        Failure::new(ExitCode::Failed, "message.read", message)
    };
    let mut bytes = Vec::new();
    // Some bytes more than allowed: a text may end with a newline that is not part of it.
    let kept = TEXT_BYTES_MAX as u64 + 3;
    let mut input = std::io::stdin().lock();
    (&mut input).take(kept).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 == kept {
        // The rest is counted, not kept.
        let rest = std::io::copy(&mut input, &mut std::io::sink()).map_err(failed)?;
        return Err(message::too_long(kept + rest));
    }
    let text = String::from_utf8(bytes).map_err(|_| {
        Failure::new(ExitCode::BadInput, "message.utf8", "the message is not UTF-8")
            .help("messages are text: convert it first, for example with  iconv -t utf-8")
    })?;
    // The final newline comes from the shell and is not part of the message.
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_string())
}

/// The message, the requested delivery and the timeout.
pub(super) struct Options {
    pub(super) channel: Clean,
    pub(super) text: String,
    pub(super) wait: Option<Wait>,
    pub(super) timeout: Duration,
}

pub(super) async fn run(
    global: &Global,
    output: &Output,
    options: &Options,
) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let profile = match sender(global, &mut signals).await? {
        Sender::Ours(profile) => profile,
        Sender::Theirs(client) => {
            return hand_over(global, output, client, &mut signals, options).await;
        }
    };
    logging::start(global, logging::LogTarget::Stderr, &profile)?;
    let room = profile.find_readable(global.room.as_deref())?;
    let mut session = Session::open(global, profile, room).await?;
    let done = deliver(global, output, &mut session, &mut signals, options).await;
    session.close().await;
    done
}

/// Who sends the message.
enum Sender {
    /// This process, which has the profile open.
    Ours(Profile),
    /// The process that has the profile open.
    Theirs(Client),
}

/// Opens the profile; waits while another `send` has it open.
async fn sender(global: &Global, signals: &mut Signals) -> Result<Sender, Failure> {
    let start = Instant::now();
    loop {
        let failure = match Profile::open(global) {
            Ok(profile) => {
                profile.set_brief();
                return Ok(Sender::Ours(profile));
            }
            Err(failure) if failure.exit() == ExitCode::InUse => failure,
            Err(failure) => return Err(failure),
        };
        if let Some(client) = super::window::client(global).await? {
            return Ok(Sender::Theirs(client));
        }
        let longest = if Profile::is_held_briefly(global) { QUEUE_TIMEOUT } else { LOCK_TIMEOUT };
        if start.elapsed() > longest {
            return Err(failure);
        }
        tokio::select! {
            () = sleep(LOCK_INTERVAL) => {}
            code = signals.next() => return Err(Failure::quiet(code)),
        }
    }
}

async fn deliver(
    global: &Global,
    output: &Output,
    session: &mut Session,
    signals: &mut Signals,
    options: &Options,
) -> Result<(), Failure> {
    let network = session.has_network(global);
    let wait = options.wait.unwrap_or(if network { Wait::Peers(1) } else { Wait::Stored });
    let online = network && wait != Wait::Stored;
    if online {
        // Before the append: if this fails, the message was not stored, and the exit code says
        // so.
        session.go_online(global, output).await?;
    }
    // The message refers to all messages that are stored here.
    session.history(0, None, &ChannelFilter::default()).await?;
    let id = session.append(options.channel.as_str(), &options.text).await?;
    print_stored(&id, output)?;
    if wait == Wait::Stored {
        return output.say("stored here; it is sent when you are online:  multichat serve");
    }
    if !online {
        return Err(DeliveryReport::local_only(session).no_peer());
    }
    let deadline = Instant::now() + options.timeout;
    let mut holders = Holders::new(id.clone());
    loop {
        let report = holders.update(session).await?;
        report.check_fork()?;
        if report.is_enough(wait) {
            return report.print(&id, output);
        }
        tokio::select! {
            next = session.next() => {
                let (_, notice) = next.ok_or_else(|| session.stopped_failure())?;
                if let Some(notice) = notice {
                    output.say(&notice.text())?;
                }
            }
            () = sleep_until(deadline) => return Err(report.too_few_peers(wait)),
            code = signals.next() => return stopped(output, code),
        }
    }
}

/// Hands the message to the process that has the room open.
async fn hand_over(
    global: &Global,
    output: &Output,
    mut client: Client,
    signals: &mut Signals,
    options: &Options,
) -> Result<(), Failure> {
    let message = Submission {
        room: global.room.clone(),
        channel: options.channel.to_string(),
        text: options.text.clone(),
    };
    client.request(Request::Send(message)).await?;
    let wait = options.wait.unwrap_or(Wait::Peers(1));
    let deadline = Instant::now() + options.timeout;
    let (mut stored, mut last) = (None, None);
    loop {
        tokio::select! {
            response = client.next() => match response.ok_or_else(client::host_gone)? {
                Response::Stored { feed, index } => {
                    let id = stored.insert(MessageId { feed, index });
                    print_stored(id, output)?;
                    if wait == Wait::Stored {
                        return output.say("stored here; the running multichat sends it");
                    }
                }
                Response::Refused(refusal) => return Err(client::refusal_failure(&refusal)),
                Response::Delivery(report) => {
                    report.check_fork()?;
                    if let Some(id) = stored.as_ref().filter(|_| report.is_enough(wait)) {
                        return report.print(id, output);
                    }
                    last = Some(report);
                }
                Response::Draw(_) | Response::Stop | Response::Bye => {}
            },
            () = sleep_until(deadline) => return Err(match last {
                Some(report) => report.too_few_peers(wait),
                None => client::host_silent(),
            }),
            code = signals.next() => return stopped(output, code),
        }
    }
}

fn print_stored(id: &MessageId, output: &Output) -> Result<(), Failure> {
    if output.format == Format::Text {
        return Ok(());
    }
    output.json(&Line::from(Event::Ack { reference: None, id: id.clone(), state: "stored" }))
}

fn stopped(output: &Output, code: ExitCode) -> Result<(), Failure> {
    output.say("the message is stored and is sent later; do not resend it")?;
    Err(Failure::quiet(code))
}
