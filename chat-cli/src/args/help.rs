//! Holds the texts of `--help`. Each page fits on a screen of 24 lines and has an example.
//!
//! Rule: each example is a valid command line; a test parses all of them.

use clap::{Command, CommandFactory};

use super::CommandLine;

/// The text of `multichat --help`.
const OVERVIEW: &str = "\
Chat without a server: every member owns one signed feed

  multichat                  open the last room; the first time, create one
  multichat ROOM|INVITE      open that room, or join with that invite
  multichat COMMAND --help   show the flags of a command, with an example

Rooms      new  join  invite  rooms  rename  leave  attach  chat
Messages   send  tail  search  export  pipe  backup  restore
Network    sync  serve  dht  mod
Info       status  whoami  channels  peers  feeds  inspect  doctor
Program    config  demo  completions  man  flags  version

Examples:
  multichat new kitchen
  multichat join mfchat:…
  multichat send --wait peer the build is green

Global flags (--nick, --peer, --json, …):  multichat flags";

/// One example per command.
const EXAMPLES: [(&str, &str); 33] = [
    ("new", "multichat new kitchen"),
    ("join", "multichat join mfchat:yhdo… --as kitchen"),
    ("invite", "multichat invite --qr"),
    ("send", "multichat send --wait peer --timeout 30s the build is green"),
    ("tail", "multichat tail -f --since 2h"),
    ("sync", "multichat sync --until all"),
    ("serve", "multichat serve --listen 0.0.0.0:4977 --metrics 9977"),
    ("dht", "multichat dht --listen 192.0.2.7:49737"),
    ("chat", "multichat chat --nick alice"),
    ("attach", "multichat attach"),
    ("pipe", "multichat pipe --json -n 10"),
    ("search", "multichat search -n 5 soup"),
    ("export", "multichat export --format html"),
    ("backup", "multichat backup rooms.tar"),
    ("restore", "multichat --profile new restore rooms.tar"),
    ("inspect", "multichat inspect feed 3fa9"),
    ("mod", "multichat mod block mallory"),
    ("doctor", "multichat doctor store --fix"),
    ("config", "multichat config set theme light"),
    ("completions", "multichat completions bash"),
    ("man", "multichat man /usr/local/share/man/man1"),
    ("flags", "multichat flags"),
    ("rooms", "multichat rooms --json"),
    ("rename", "multichat rename --room kitchen our kitchen"),
    ("leave", "multichat leave kitchen"),
    ("feeds", "multichat feeds"),
    ("channels", "multichat channels --room kitchen"),
    ("peers", "multichat peers --peer 192.0.2.7:4977"),
    ("version", "multichat version --json"),
    ("status", "multichat status --room kitchen"),
    ("whoami", "multichat whoami"),
    ("demo", "multichat demo --peers 8 --messages 50"),
    ("feed", "multichat inspect feed 3fa9"),
];

/// Returns the whole command line, for the manual page and the completions.
pub fn command() -> Command {
    CommandLine::command()
}

/// Returns the command line with short help: the global flags have a page of their own.
pub(super) fn command_with_short_help() -> Command {
    let command = CommandLine::command().override_help(OVERVIEW).mut_args(|arg| {
        let is_for_all = arg.is_global_set();
        arg.hide(is_for_all)
    });
    with_examples(command)
}

/// Returns the page of global flags.
pub fn flags() -> String {
    let command = CommandLine::command().disable_help_flag(true).disable_version_flag(true);
    let command = command.mut_args(|arg| {
        let is_for_all = arg.is_global_set();
        let has_value = arg.get_action().takes_values();
        arg.hide(!is_for_all).hide_env(has_value).hide_possible_values(has_value)
    });
    let text = command
        .help_template("{options}")
        .mut_subcommands(|command| command.hide(true))
        .render_help();
    format!("Global flags:\n{text}")
}

fn with_examples(command: Command) -> Command {
    command.mut_subcommands(|command| {
        let example = EXAMPLES.iter().find(|(name, _)| *name == command.get_name());
        let command = match example {
            Some((_, words)) => command.after_help(format!("Example:  {words}")),
            None => command,
        };
        with_examples(command)
    })
}

#[cfg(test)]
mod tests;
