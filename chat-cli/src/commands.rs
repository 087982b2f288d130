//! What each command does.
//!
//! Rule: a command gets values and an [`Output`], and gives back a [`Failure`] or nothing.

use jiff::Timestamp;

use crate::args::{Action, Command, Global, Invocation, Join, WELCOME};
use crate::exit::ExitCode;
use crate::lines::{Event, Line};
use crate::output::{Format, Output};
use crate::profile::{Access, Profile, ROOM_NAME_COLUMNS_MAX, Room};
use crate::report::{Failure, Level, Report};
use crate::sanitize;
use crate::ticket::{Fix, Hints, Ticket};

/// What a room is called when its maker gives it no name.
const ROOM_NAME_DEFAULT: &str = "room";

/// Does what was asked for.
///
/// # Errors
/// What to tell, and the code to end with.
pub fn run(invocation: Invocation, output: &Output) -> Result<(), Failure> {
    let Invocation { global, action } = invocation;
    match action {
        Action::Open => open(&global, output),
        Action::JoinAndOpen { ticket } => {
            let join = Join {
                ticket: vec![ticket],
                name: None,
                repair: false,
                no_open: false,
                open: None,
            };
            self::join(&global, &join, output)
        }
        Action::Run(Command::New { name, no_open }) => new(&global, name, no_open, output),
        Action::Run(Command::Join(arguments)) => join(&global, &arguments, output),
        Action::Run(Command::Invite { room }) => invite(&global, room, output),
        Action::Run(_) => Err(offline()),
    }
}

/// The commands that go online are not in this build.
fn offline() -> Failure {
    Failure::new(ExitCode::Network, "network.absent", "this build has no network")
}

fn open(global: &Global, output: &Output) -> Result<(), Failure> {
    let profile = Profile::open(global)?;
    let room = match &global.room {
        Some(name) => Some(profile.find(Some(name))?),
        None => profile.last()?,
    };
    if room.is_some() {
        return Err(offline());
    }
    if !profile.rooms()?.rooms.is_empty() {
        // Several, and none of them was the last: the failure lists them.
        return profile.find(None).map(|_| ());
    }
    WELCOME.iter().try_for_each(|line| match output.format {
        Format::Text => output.data(line),
        Format::Json => output.tell(&Report::new(Level::Note, "room.none", line)),
    })
}

fn new(
    global: &Global,
    name: Option<String>,
    no_open: bool,
    output: &Output,
) -> Result<(), Failure> {
    let mut profile = Profile::open(global)?;
    let name = name.as_deref().unwrap_or(ROOM_NAME_DEFAULT);
    let room = profile.add(Room::create(name, Timestamp::now())?)?;
    profile.set_last(room.id())?;
    output.say(&format!("made room \"{}\" ({})", room.name(), room.id()))?;
    show_invite(global, &room, output)?;
    if no_open { Ok(()) } else { Err(offline()) }
}

fn join(global: &Global, join: &Join, output: &Output) -> Result<(), Failure> {
    let now = Timestamp::now();
    let name = join.name.as_deref();
    let room = match &join.open {
        Some(open) => Room::open(open, name, now)?,
        None => Room::of_ticket(&read_ticket(join, output)?, name, now)?,
    };
    let mut profile = Profile::open(global)?;
    let room = profile.add(room)?;
    profile.set_last(room.id())?;
    output.say(&format!("joined room \"{}\" ({})", room.name(), room.id()))?;
    if output.format == Format::Json {
        output.json(&Line::from(room_event(&room, None)))?;
    }
    if join.no_open { Ok(()) } else { Err(offline()) }
}

/// Reads the invite, and takes the repaired one where that was asked for.
fn read_ticket(join: &Join, output: &Output) -> Result<Ticket, Failure> {
    let input = join.ticket();
    let error = match Ticket::parse(&input) {
        Ok(ticket) => return Ok(ticket),
        Err(error) => error,
    };
    let Some(repair) = error.repair().filter(|_| join.repair) else {
        return Err(error.into_failure(&input));
    };
    let done = match repair.fix {
        Fix::Replace { position, found, right } => {
            format!("character {position}: read '{right}' in place of '{found}'")
        }
        Fix::Swap { position, second } => {
            format!("characters {position} and {second}: read in the other order")
        }
    };
    output.tell(&Report::new(Level::Note, "ticket.repaired", done))?;
    Ok(repair.ticket.clone())
}

fn invite(global: &Global, room: Option<String>, output: &Output) -> Result<(), Failure> {
    let profile = Profile::open(global)?;
    let room = profile.find(room.as_deref().or(global.room.as_deref()))?;
    show_invite(global, &room, output)
}

fn show_invite(global: &Global, room: &Room, output: &Output) -> Result<(), Failure> {
    // An address that means "any" or "whichever port" is of no use to somebody else.
    let dialled = global.listen.filter(|at| !at.ip().is_unspecified() && at.port() != 0);
    let hints = dialled.into_iter().fold(Hints::default(), Hints::with_address);
    let ticket = room.ticket(hints).map(|ticket| ticket.encode());
    if output.format == Format::Json {
        let text = ticket.as_ref().map(|ticket| ticket.to_string());
        return output.json(&Line::from(room_event(room, text)));
    }
    match (&ticket, room.access()) {
        (Some(ticket), _) => {
            output.data(ticket)?;
            output.say("anyone with this invite can read the whole history")
        }
        (None, Access::Open { name }) => {
            let name = sanitize::line(name, ROOM_NAME_COLUMNS_MAX);
            output.say("an open room: anyone who knows its name can join and read all of it")?;
            output.data(&format!("multichat join --open {name}"))
        }
        (None, Access::Secret(_)) => Ok(()),
    }
}

fn room_event(room: &Room, ticket: Option<String>) -> Event {
    let name = sanitize::line(room.name(), ROOM_NAME_COLUMNS_MAX);
    Event::Room { id: room.id().to_string(), name, ticket }
}
