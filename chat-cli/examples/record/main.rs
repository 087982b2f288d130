//! Records the animated image of the README: a script plays two members of a room on two
//! terminals with the real program. It needs tmux and port 4001 on loopback.
//!
//! `cargo run -p multichat --example record [FILE]`

mod film;
mod terminal;

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use self::film::Film;
use self::terminal::Terminals;

/// Characters that appear together while a line is typed.
const TYPED_LETTERS: usize = 3;
/// How long each frame is shown while a line is typed.
const TYPING_MS: u64 = 110;
/// The time in which the program certainly draws after a key.
const DRAWN: Duration = Duration::from_millis(120);
/// The time to read a line.
const READING_MS: u64 = 1_600;

fn main() -> Result<(), Box<dyn Error>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo.svg");
    let file = env::args_os().nth(1).map_or(beside, PathBuf::from);
    let mut play = Simulation::new()?;
    play.one_writes_alone()?;
    play.the_other_comes()?;
    play.both_write()?;
    play.one_is_away()?;
    play.and_comes_back()?;
    std::fs::write(file, play.film.svg())?;
    Ok(())
}

/// Builds the program and returns its folder.
fn programs() -> Result<PathBuf, Box<dyn Error>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let made = Command::new(cargo).args(["build", "-q", "-p", "multichat"]).status()?;
    if !made.success() {
        return Err("the program cannot be made".into());
    }
    let here = env::current_exe()?;
    let folder = here.parent().and_then(Path::parent).ok_or("no folder")?;
    // `cargo run` may use another profile than `cargo build`.
    let debug = folder.with_file_name("debug");
    Ok(debug)
}

const ALICE: &str = "alice";
const BOB: &str = "bob";

struct Simulation {
    terminals: Terminals,
    film: Film,
    invite: String,
}

impl Simulation {
    fn new() -> Result<Self, Box<dyn Error>> {
        let (terminals, programs) = (Terminals::new()?, programs()?);
        for who in [ALICE, BOB] {
            terminals.open(who, &programs)?;
        }
        Ok(Self { terminals, film: Film::new(vec![ALICE, BOB]), invite: String::new() })
    }

    /// Shows the current screens for a while.
    fn show(&mut self, hold_ms: u64) -> Result<(), Box<dyn Error>> {
        sleep(DRAWN);
        let shots = [self.terminals.screen(ALICE)?, self.terminals.screen(BOB)?];
        self.film.shoot(&shots, hold_ms);
        Ok(())
    }

    /// Types a line character by character.
    fn say(&mut self, who: &str, line: &str) -> Result<(), Box<dyn Error>> {
        let letters: Vec<char> = line.chars().collect();
        for some in letters.chunks(TYPED_LETTERS) {
            self.terminals.keys(who, &some.iter().collect::<String>())?;
            self.show(TYPING_MS)?;
        }
        self.show(3 * TYPING_MS)?;
        self.terminals.key(who, "Enter")
    }

    fn one_writes_alone(&mut self) -> Result<(), Box<dyn Error>> {
        self.show(800)?;
        self.say(ALICE, "multichat --listen 127.0.0.1:4001 new kitchen")?;
        self.terminals.wait(ALICE, "[alice]")?;
        self.show(READING_MS)?;
        self.terminals.key(ALICE, "Enter")?;
        self.terminals.wait(ALICE, "Welcome")?;
        self.show(READING_MS)?;
        self.say(ALICE, "soup at noon! Who joins?")?;
        self.terminals.wait(ALICE, "◌")?;
        self.show(READING_MS)?;
        self.say(ALICE, "/invite")?;
        self.terminals.wait(ALICE, "mfchat:")?;
        let screen = self.terminals.text(ALICE)?;
        let lines = screen.lines().skip_while(|line| !line.starts_with("mfchat:"));
        self.invite = lines.take_while(|line| !line.starts_with("anyone")).map(str::trim).collect();
        self.show(2 * READING_MS)?;
        self.terminals.key(ALICE, "Escape")?;
        self.terminals.wait(ALICE, "soup at noon")?;
        self.show(600)
    }

    fn the_other_comes(&mut self) -> Result<(), Box<dyn Error>> {
        for part in ["multichat ", "join "] {
            self.terminals.keys(BOB, part)?;
            self.show(2 * TYPING_MS)?;
        }
        // An invite is pasted, not typed.
        self.terminals.keys(BOB, &self.invite)?;
        self.show(READING_MS)?;
        self.terminals.key(BOB, "Enter")?;
        self.terminals.wait(BOB, "[bob]")?;
        self.show(900)?;
        self.terminals.key(BOB, "Enter")?;
        self.terminals.wait(BOB, "soup at noon")?;
        self.has_got_there(ALICE, "soup at noon")?;
        self.show(READING_MS)
    }

    fn both_write(&mut self) -> Result<(), Box<dyn Error>> {
        self.say(BOB, "yes! I bring bread")?;
        self.terminals.wait(ALICE, "I bring bread")?;
        self.has_got_there(BOB, "I bring bread")?;
        self.show(READING_MS)?;
        self.say(ALICE, "/me sets the table")?;
        self.terminals.wait(BOB, "sets the table")?;
        self.has_got_there(ALICE, "sets the table")?;
        self.show(READING_MS)
    }

    fn one_is_away(&mut self) -> Result<(), Box<dyn Error>> {
        self.say(BOB, "/quit")?;
        self.terminals.wait(BOB, "$")?;
        self.terminals.wait(ALICE, "disconnected")?;
        self.show(1_000)?;
        for line in ["@bob we are out of salt", "can you get some?"] {
            self.say(ALICE, line)?;
            self.terminals.wait_until(ALICE, "◌", |screen| mark(screen, line) == "◌")?;
        }
        self.show(READING_MS)
    }

    fn and_comes_back(&mut self) -> Result<(), Box<dyn Error>> {
        self.say(BOB, "multichat")?;
        self.terminals.wait(BOB, "can you get some?")?;
        self.has_got_there(ALICE, "can you get some?")?;
        self.show(READING_MS)?;
        self.say(BOB, "on my way")?;
        self.terminals.wait(ALICE, "on my way")?;
        self.has_got_there(BOB, "on my way")?;
        self.show(4_000)
    }

    /// Waits until the other member has stored a message.
    fn has_got_there(&self, who: &str, text: &str) -> Result<(), Box<dyn Error>> {
        self.terminals.wait_until(who, "●", |screen| mark(screen, text) == "●")
    }
}

/// Returns the mark at the end of a message's line.
fn mark<'a>(screen: &'a str, text: &str) -> &'a str {
    let line = screen.lines().find(|line| line.contains(text)).unwrap_or_default();
    let behind = line.split(text).last().unwrap_or_default();
    behind.split_whitespace().last().unwrap_or_default()
}
