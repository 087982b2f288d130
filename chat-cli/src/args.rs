//! The command line: what the user asked for, as values.
//!
//! Rule: nothing is done here. [`parse`] turns words into an [`Invocation`], or into help to
//! print, or into a failure that shows the right words.

mod about;
mod channel;
mod configure;
mod discovery;
mod help;
mod keep;
mod moderate;
mod serve;
mod suggest;
mod ui;
mod values;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{ArgAction, Args, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::config::{Bounds, Look};
use crate::exit::ExitCode;
use crate::output::{Format, Output, Talk, Terminals};
use crate::report::{Failure, Paint};
use crate::ticket::looks_like_ticket;

pub use self::about::{About, Part};
pub use self::channel::{AnyChannel, Channel};
pub use self::configure::Configure;
pub(crate) use self::discovery::entry;
pub use self::discovery::{Discovery, Entry, Transport};
pub use self::help::{command, flags};
pub use self::keep::{ExportFormat, Inspected, Keep};
pub use self::moderate::Moderate;
pub use self::serve::Serve;
pub use self::suggest::{nearest, nearest_command};
pub use self::ui::Ui;
pub use self::values::{PeerAddress, Until, Wait, duration, profile_name};

/// Said when multichat is started with nothing and there is no room yet.
pub const WELCOME: [&str; 2] = [
    "There is no room here yet. Make one:  multichat new kitchen   or join:  multichat join TICKET",
    "To see how it works, with no network and nothing on disk:  multichat demo",
];

#[derive(Debug, Parser)]
#[command(
    name = "multichat",
    version,
    about = "Chat without a server: every member owns one signed feed",
    after_help = "With nothing else, multichat opens the last room.",
    disable_help_subcommand = true,
    infer_long_args = false
)]
struct Line {
    #[command(flatten)]
    global: Global,
    /// A room to open, or an invite to join
    #[arg(value_name = "ROOM|TICKET")]
    words: Vec<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What every command understands, before or behind its name.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Identity and rooms to use
    #[arg(
        short, long, global = true, value_name = "NAME", env = "MULTICHAT_PROFILE",
        default_value = "default", value_parser = profile_name
    )]
    pub profile: String,
    /// Room for this command [default: the last one]
    #[arg(short, long, global = true, value_name = "NAME", env = "MULTICHAT_ROOM")]
    pub room: Option<String>,
    /// How the others see you
    #[arg(long, global = true, value_name = "NAME", env = "MULTICHAT_NICK")]
    pub nick: Option<String>,
    /// Keep everything in this folder
    #[arg(long, global = true, value_name = "DIR", env = "MULTICHAT_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Take the settings from this file
    #[arg(long, global = true, value_name = "FILE", env = "MULTICHAT_CONFIG")]
    pub config: Option<PathBuf>,
    /// Dial this peer; may be given often
    #[arg(
        long = "peer",
        global = true,
        value_name = "HOST:PORT",
        env = "MULTICHAT_PEERS",
        value_delimiter = ','
    )]
    pub peers: Vec<PeerAddress>,
    /// Accept connections here
    #[arg(long, global = true, value_name = "ADDR:PORT", env = "MULTICHAT_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// How others are found.
    #[command(flatten)]
    pub discovery: Discovery,
    /// Write down the session in this new file
    ///
    /// It holds the secrets of the session, and `simulate replay-session` does it again.
    #[arg(long, global = true, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Keep nothing on disk
    #[arg(long, global = true)]
    pub ephemeral: bool,
    /// How a room is shown [default: tui on a terminal]
    #[arg(long, global = true, value_name = "HOW", env = "MULTICHAT_UI")]
    pub ui: Option<Ui>,
    /// JSON lines on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Tell more; twice for all
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Tell only what went wrong
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// What to log, such as  multifeed=debug
    #[arg(long, global = true, value_name = "FILTER", env = "MULTICHAT_LOG")]
    pub log: Option<String>,
    /// What the settings say of the look of a room.
    #[arg(skip)]
    pub look: Look,
    /// What they say of how much is kept.
    #[arg(skip)]
    pub bounds: Bounds,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// Where a person reads.
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

impl Color {
    /// Decides as the conventions have it: the flag, then `NO_COLOR`, `CLICOLOR_FORCE`, `TERM`.
    pub fn paint(self, variable: impl Fn(&str) -> Option<String>, terminal: bool) -> Paint {
        let set = |name| variable(name).is_some_and(|value| !value.is_empty());
        let forced = || variable("CLICOLOR_FORCE").is_some_and(|v| !v.is_empty() && v != "0");
        let colour = match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if set("NO_COLOR") => false,
            Self::Auto if forced() => true,
            Self::Auto => terminal && variable("TERM").is_none_or(|term| term != "dumb"),
        };
        if colour { Paint::Colour } else { Paint::Plain }
    }
}

impl Global {
    /// The streams as these flags want them.
    pub fn output(
        &self,
        variable: impl Fn(&str) -> Option<String>,
        terminals: Terminals,
    ) -> Output {
        Output {
            format: if self.json { Format::Json } else { Format::Text },
            paint: self.color.paint(&variable, terminals.talk),
            data_paint: self.color.paint(&variable, terminals.data),
            talk: if self.quiet { Talk::Quiet } else { Talk::Normal },
            terminals,
        }
    }
}

/// One command with what it was given.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Make a room, print its invite, open it
    #[command(visible_alias = "n")]
    New {
        /// What to call it
        name: Option<String>,
        /// Only make it
        #[arg(long)]
        no_open: bool,
    },
    /// Join a room
    #[command(visible_alias = "j")]
    Join(Join),
    /// Print an invite
    Invite {
        /// Which room [default: the last one]
        room: Option<String>,
        /// For who keeps the room for others and cannot read it
        #[arg(long)]
        seed: bool,
        /// Show it as a picture to scan
        #[arg(long)]
        qr: bool,
        /// Say nothing in it of who invites and where
        #[arg(long)]
        no_hints: bool,
    },
    /// Store a message and send it
    #[command(visible_alias = "s")]
    Send {
        /// Where to say it
        #[command(flatten)]
        channel: Channel,
        /// The message; - or nothing reads it from standard input
        #[arg(value_name = "TEXT|-")]
        text: Vec<String>,
        /// How far it has to get: stored, peer, peers=N or all [default: peer where there is
        /// somebody to reach, else stored]
        #[arg(long, value_name = "WHERE")]
        wait: Option<Wait>,
        /// How long to wait for that
        #[arg(long, default_value = "10s", value_name = "TIME", value_parser = duration)]
        timeout: Duration,
    },
    /// Print messages
    #[command(visible_alias = "t")]
    Tail {
        /// Where to look
        #[command(flatten)]
        channel: AnyChannel,
        /// How many of the last messages
        #[arg(short = 'n', long = "lines", default_value_t = 50, value_name = "COUNT")]
        lines: usize,
        /// Go on with those that come
        #[arg(short, long)]
        follow: bool,
        /// Only those that come from now on
        #[arg(long)]
        no_backfill: bool,
        /// Only those of the last time, such as 2h
        #[arg(long, value_name = "TIME", value_parser = duration)]
        since: Option<Duration>,
    },
    /// Catch up with the others, then end
    Sync {
        /// When it is enough: idle or all
        #[arg(long, default_value = "idle", value_name = "WHEN")]
        until: Until,
        /// When to give up [default: after 30s in which nothing moved]
        #[arg(long, value_name = "TIME", value_parser = duration)]
        timeout: Option<Duration>,
    },
    /// Stay online and serve the room to others
    Serve(Serve),
    /// Run a node of a DHT of your own; --listen says where
    Dht,
    /// Open a room, line by line
    Chat,
    /// Open a second window on the room that is open already
    Attach,
    /// Talk in JSON lines on standard input and output, for bots
    Pipe {
        /// How many of the last messages to tell first
        #[arg(short = 'n', long = "lines", default_value_t = 0, value_name = "COUNT")]
        lines: usize,
        /// After the end of the input, how long to stay for messages that nobody has yet
        #[arg(long, default_value = "10s", value_name = "TIME", value_parser = duration)]
        linger: Duration,
    },
    /// Something with what is kept
    #[command(flatten)]
    Keep(Keep),
    /// Keep all rooms in one file, without the key that signs
    Backup {
        /// The file, which must not be there yet
        file: PathBuf,
    },
    /// Bring rooms back from a backup, into a new profile
    Restore {
        /// The file
        file: PathBuf,
    },
    /// Decide whom you want to read: it holds for you alone
    Mod {
        /// What to do
        #[command(subcommand)]
        what: Moderate,
    },
    /// Something about the program
    #[command(flatten)]
    About(About),
    /// See and change the settings
    Config {
        /// What to do
        #[command(subcommand)]
        what: Configure,
    },
    /// List the rooms
    Rooms,
    /// List the channels of a room
    Channels,
    /// Look who can be reached now
    Peers {
        /// How long to look
        #[arg(long, default_value = "5s", value_name = "TIME", value_parser = duration)]
        timeout: Duration,
    },
    /// List the feeds of a room: one for each member who wrote
    Feeds,
    /// Say what is here of a room
    Status,
    /// Say who you are in a room
    Whoami,
    /// A simulated room in one process, with no network
    Demo {
        /// How many members
        // The global flag has the id that the field would give this one.
        #[arg(id = "members", long = "peers", default_value_t = 5)]
        #[arg(value_parser = clap::value_parser!(u16).range(2..=1000))]
        peers: u16,
        /// How many messages each of them writes
        #[arg(long, default_value_t = 20)]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
        messages: u32,
        /// The same seed is the same run
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

/// What `join` was given: an invite or the name of an open room.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[group(id = "join-args")]
pub struct Join {
    /// The invite; it may be wrapped over several words
    #[arg(required_unless_present = "open", conflicts_with = "open")]
    pub ticket: Vec<String>,
    /// What to call the room here
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
    /// Put one wrong character right
    #[arg(long, conflicts_with = "open")]
    pub repair: bool,
    /// Only join it
    #[arg(long)]
    pub no_open: bool,
    /// An open room: whoever knows the name can join
    #[arg(long, value_name = "NAME")]
    pub open: Option<String>,
}

impl Join {
    /// The invite as it was given, spaces between the words.
    pub fn ticket(&self) -> String {
        self.ticket.join(" ")
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open the room of the global flags, or the last one, or say how to start.
    Open,
    /// Join with this invite and open the room.
    JoinAndOpen {
        /// The invite as it was given.
        ticket: String,
    },
    /// Run a command.
    Run(Command),
}

/// A command line that was understood.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// What holds for every command. A lone ROOM is in `room`.
    pub global: Global,
    /// What is to be done.
    pub action: Action,
}

/// Why there is nothing to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Help or the version: for stdout, and no error.
    Print(String),
    /// The words make no command.
    Fail(Failure),
}

/// Understands a command line; the first word is the program's name.
///
/// # Errors
/// A failure here has exit code 2, and shows words that would have been understood.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Invocation, Stop> {
    let found = help::brief().try_get_matches_from(words).map_err(stop)?;
    let line = Line::from_arg_matches(&found).map_err(stop)?;
    let Line { mut global, words, command } = line;
    let action = match (command, &words[..]) {
        (Some(command), []) => Action::Run(command),
        (None, []) => Action::Open,
        (None, words) if looks_like_ticket(&words.join(" ")) => {
            Action::JoinAndOpen { ticket: words.join(" ") }
        }
        (None, [room]) if global.room.is_none() => {
            global.room = Some(room.clone());
            Action::Open
        }
        (_, words) => return Err(Stop::Fail(suggest::unknown(words))),
    };
    Ok(Invocation { global, action })
}

/// Whether an error of [`parse`] itself has to be a JSON line.
pub fn wants_json(words: &[OsString]) -> bool {
    words.iter().take_while(|word| *word != "--").any(|word| word == "--json")
}

fn stop(error: clap::Error) -> Stop {
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Stop::Print(text.trim_end().to_string());
    }
    // clap writes paragraphs: what is wrong, tips, usage, and where to find help.
    let mut paragraphs = text.split("\n\n").map(str::trim).filter(|part| !part.is_empty());
    let what = paragraphs.next().unwrap_or_default();
    let what = what.strip_prefix("error: ").unwrap_or(what);
    let what = what.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut failure = Failure::new(ExitCode::Usage, "usage", what);
    for line in paragraphs.flat_map(str::lines) {
        if !line.trim().is_empty() && !line.starts_with("For more information") {
            failure = failure.help(line.trim().trim_start_matches("tip: "));
        }
    }
    Stop::Fail(failure.help("all commands:  multichat --help"))
}

#[cfg(test)]
mod tests;
