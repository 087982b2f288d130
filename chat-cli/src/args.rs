//! Parses the command line into values.
//!
//! Rule: nothing is executed here. [`parse`] turns arguments into an [`Invocation`], help to
//! print, or a failure that shows a valid command line.

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

/// Text for a start without arguments while the profile has no room.
pub const WELCOME: [&str; 2] = [
    "There is no room here yet. Make one:  multichat new kitchen   or join:  multichat join INVITE",
    "To try it without a network and without files:  multichat demo",
];

#[derive(Debug, Parser)]
#[command(
    name = "multichat",
    version,
    about = "Chat without a server: every member owns one signed feed",
    after_help = "Without arguments, multichat opens the last room.",
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

/// The global flags, accepted before or after the command name.
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
    /// Your name, as others see it
    #[arg(long, global = true, value_name = "NAME", env = "MULTICHAT_NICK")]
    pub nick: Option<String>,
    /// Store everything in this folder
    #[arg(long, global = true, value_name = "DIR", env = "MULTICHAT_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Read the settings from this file
    #[arg(long, global = true, value_name = "FILE", env = "MULTICHAT_CONFIG")]
    pub config: Option<PathBuf>,
    /// Dial this peer; repeatable
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
    /// How to find peers.
    #[command(flatten)]
    pub discovery: Discovery,
    /// Record the session to this new file
    ///
    /// The recording contains the session's secrets. `simulate replay-session` replays it.
    #[arg(long, global = true, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Store nothing on disk
    #[arg(long, global = true)]
    pub ephemeral: bool,
    /// How to show a room [default: tui on a terminal]
    #[arg(long, global = true, value_name = "HOW", env = "MULTICHAT_UI")]
    pub ui: Option<Ui>,
    /// JSON lines on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// More detail; -vv for everything
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Show errors only
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// What to log, such as  multifeed=debug
    #[arg(long, global = true, value_name = "FILTER", env = "MULTICHAT_LOG")]
    pub log: Option<String>,
    /// How a room looks, from the settings.
    #[arg(skip)]
    pub appearance: Appearance,
    /// Storage limits, from the settings.
    #[arg(skip)]
    pub quota: Quota,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// When the output is a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Decides by the usual conventions, in this order: the flag, `NO_COLOR` (no-color.org),
    /// `CLICOLOR_FORCE` (bixense.com/clicolors), `TERM`.
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
    /// Returns the output streams that these flags ask for.
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

/// A command with its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Create a room, print its invite, open it
    #[command(visible_alias = "n")]
    New {
        /// Name of the room
        name: Option<String>,
        /// Create it without opening it
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
        /// Invite for a relay: stores and forwards, cannot read
        #[arg(long)]
        seed: bool,
        /// Show it as a QR code
        #[arg(long)]
        qr: bool,
        /// Leave your name and address out
        #[arg(long)]
        no_hints: bool,
    },
    /// Store a message and send it
    #[command(visible_alias = "s")]
    Send {
        /// The channel to send to.
        #[command(flatten)]
        channel: ChannelArg,
        /// The message; - or no text reads it from standard input
        #[arg(value_name = "TEXT|-")]
        text: Vec<String>,
        /// Delivery to wait for: stored, peer, peers=N or all [default: peer if a peer is
        /// configured, else stored]. Peers are keys that say they store it; a key costs nothing to
        /// create, so N keys may be one person
        #[arg(long, value_name = "WHERE")]
        wait: Option<Wait>,
        /// How long to wait for it
        #[arg(long, default_value = "10s", value_name = "TIME", value_parser = duration)]
        timeout: Duration,
    },
    /// Print messages
    #[command(visible_alias = "t")]
    Tail {
        /// The channel to show.
        #[command(flatten)]
        channel: ChannelFilter,
        /// Number of messages, counted from the last
        #[arg(short = 'n', long = "lines", default_value_t = 50, value_name = "COUNT")]
        lines: usize,
        /// Keep printing new messages
        #[arg(short, long)]
        follow: bool,
        /// Print new messages only
        #[arg(long)]
        no_backfill: bool,
        /// Print messages of this recent period only, such as 2h
        #[arg(long, value_name = "TIME", value_parser = duration)]
        since: Option<Duration>,
    },
    /// Synchronise with the peers, then exit
    Sync {
        /// When to stop: idle or all
        #[arg(long, default_value = "idle", value_name = "WHEN")]
        until: Until,
        /// When to give up [default: after 30s without progress]
        #[arg(long, value_name = "TIME", value_parser = duration)]
        timeout: Option<Duration>,
    },
    /// Stay online and serve the room to others
    Serve(Serve),
    /// Run a node of your own DHT; --listen sets its address
    Dht,
    /// Open a room in line mode
    Chat,
    /// Open a second window on the running room
    Attach,
    /// Exchange JSON lines on standard input and output, for bots
    Pipe {
        /// Number of earlier messages to print first
        #[arg(short = 'n', long = "lines", default_value_t = 0, value_name = "COUNT")]
        lines: usize,
        /// After the end of the input, how long to stay for undelivered messages
        #[arg(long, default_value = "10s", value_name = "TIME", value_parser = duration)]
        linger: Duration,
    },
    /// A command on stored messages.
    #[command(flatten)]
    HistoryCommand(HistoryCommand),
    /// Save all rooms to one file, without the signing key
    Backup {
        /// The file; it must not exist yet
        file: PathBuf,
    },
    /// Restore rooms from a backup into a new profile
    Restore {
        /// The backup
        file: PathBuf,
    },
    /// Hide or block members, only for you
    Mod {
        /// The action
        #[command(subcommand)]
        what: Moderate,
    },
    /// A command about the program.
    #[command(flatten)]
    About(About),
    /// Show and change the settings
    Config {
        /// The action
        #[command(subcommand)]
        what: Configure,
    },
    /// Give a room another name in this profile
    Rename {
        /// The new name
        #[arg(required = true, value_name = "NAME")]
        name: Vec<String>,
    },
    /// Delete a room and its messages from this machine
    Leave {
        /// Which room, by its name or id
        room: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// List the rooms
    Rooms,
    /// List the channels of a room
    Channels,
    /// List members online now
    Peers {
        /// How long to wait for them
        #[arg(long, default_value = "5s", value_name = "TIME", value_parser = duration)]
        timeout: Duration,
    },
    /// List the feeds of a room: one per member who wrote
    Feeds,
    /// Show what is stored of a room
    Status,
    /// Show your name and key in a room
    Whoami,
    /// Simulate a room in one process, without a network
    Demo {
        /// Number of members
        // `Global` has a field of the same name, so this argument needs an id of its own.
        #[arg(id = "members", long = "peers", default_value_t = 5)]
        #[arg(value_parser = clap::value_parser!(u16).range(2..=1000))]
        peers: u16,
        /// Messages that each of them writes
        #[arg(long, default_value_t = 20)]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
        messages: u32,
        /// Seed; the same seed gives the same run
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

/// The arguments of `join`: an invite, or the name of an open room.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[group(id = "join-args")]
pub struct Join {
    /// The invite; it may be split over several words
    #[arg(required_unless_present = "open", conflicts_with = "open")]
    pub invite: Vec<String>,
    /// Name of the room in this profile
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
    /// Fix one mistyped character
    #[arg(long, conflicts_with = "open")]
    pub repair: bool,
    /// Join without opening it
    #[arg(long)]
    pub no_open: bool,
    /// Join an open room: anyone who knows the name can join
    #[arg(long, value_name = "NAME")]
    pub open: Option<String>,
}

impl Join {
    /// Returns the invite as typed, with a space between words.
    pub fn invite(&self) -> String {
        self.invite.join(" ")
    }
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open the room of the global flags or the last one; without a room, print how to start.
    Open,
    /// Join with this invite and open the room.
    JoinAndOpen {
        /// The invite as typed.
        invite: String,
    },
    /// Run a command.
    Run(Command),
}

/// A parsed command line.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The global flags. A lone ROOM is in `room`.
    pub global: Global,
    /// What to do.
    pub action: Action,
}

#[cfg(test)]
mod tests;
