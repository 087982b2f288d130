//! The command line: what the user asked for, as values.
//!
//! Rule: nothing is done here. [`parse`] turns words into an [`Invocation`], or into help to
//! print, or into a failure that shows the right words.

pub mod about;
pub mod channel;
pub mod configure;
pub mod discovery;
pub mod help;
pub mod history;
pub mod moderate;
pub mod parse;
pub mod serve;
pub mod suggest;
pub mod ui;
pub mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::appearance::Appearance;
use crate::output::{Format, Output, Terminals, Verbosity};
use crate::quota::Quota;
use crate::report::ColourMode;

use self::about::About;
use self::channel::{ChannelArg, ChannelFilter};
use self::configure::Configure;
use self::discovery::Discovery;
use self::history::HistoryCommand;
use self::moderate::Moderate;
use self::serve::Serve;
use self::ui::Ui;
use self::values::{PeerAddress, Until, Wait, duration, profile_name};

/// Said when multichat is started with nothing and there is no room yet.
pub const WELCOME: [&str; 2] = [
    "There is no room here yet. Make one:  multichat new kitchen   or join:  multichat join INVITE",
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
struct CommandLine {
    #[command(flatten)]
    global: Global,
    /// A room to open, or an invite to join
    #[arg(value_name = "ROOM|INVITE")]
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
    pub appearance: Appearance,
    /// What they say of how much is kept.
    #[arg(skip)]
    pub quota: Quota,
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
    pub fn resolve(self, variable: impl Fn(&str) -> Option<String>, terminal: bool) -> ColourMode {
        let set = |name| variable(name).is_some_and(|value| !value.is_empty());
        let forced = || variable("CLICOLOR_FORCE").is_some_and(|v| !v.is_empty() && v != "0");
        let colour = match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if set("NO_COLOR") => false,
            Self::Auto if forced() => true,
            Self::Auto => terminal && variable("TERM").is_none_or(|term| term != "dumb"),
        };
        if colour { ColourMode::Colour } else { ColourMode::Plain }
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
            stderr_colour: self.color.resolve(&variable, terminals.stderr),
            stdout_colour: self.color.resolve(&variable, terminals.stdout),
            verbosity: if self.quiet { Verbosity::Quiet } else { Verbosity::Normal },
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
        channel: ChannelArg,
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
        channel: ChannelFilter,
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
    HistoryCommand(HistoryCommand),
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
    pub invite: Vec<String>,
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
    pub fn invite(&self) -> String {
        self.invite.join(" ")
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
        invite: String,
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

#[cfg(test)]
mod tests;
