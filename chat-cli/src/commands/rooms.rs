//! Creates, joins and lists rooms, and prints invites.

use jiff::Timestamp;

use super::onboarding;
use super::secret_input;
use super::window::chat;
use crate::args::{Global, Join};
use crate::envelope;
use crate::exit::ExitCode;
use crate::ids::hex;
use crate::invite::fix::Fix;
use crate::invite::hints::Hints;
use crate::invite::{Invite, Right};
use crate::lines::{Event, Line};
use crate::output::{Format, Output};
use crate::profile::Profile;
use crate::profile::access::Access;
use crate::profile::invites::{InviteHints, invite_text};
use crate::profile::room::{ROOM_NAME_COLUMNS_MAX, Room};
use crate::qr;
use crate::report::{Failure, Level, Report};
use crate::sanitize;

/// The name of a room that is created without one.
const ROOM_NAME_DEFAULT: &str = "room";
/// The note on a relay invite.
const SEEDER_NOTICE: &str = "anyone with this invite can run a relay: it stores and forwards the \
                             room, sees who writes when and how much, and cannot read";

/// Whether a new room is opened at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// It is opened.
    Now,
    /// The command ends without opening it.
    Later,
}

pub(super) fn new(
    global: &Global,
    name: Option<String>,
    opening: Opening,
    output: &Output,
) -> Result<(), Failure> {
    let mut profile = Profile::open(global)?;
    onboarding::name(global, &mut profile, output)?;
    let name = match name {
        Some(name) => Some(name),
        None => onboarding::room_name(ROOM_NAME_DEFAULT, output)?,
    };
    create_room(global, profile, name.as_deref(), opening, output)
}

/// Creates a room in a profile.
pub(super) fn create_room(
    global: &Global,
    mut profile: Profile,
    name: Option<&str>,
    opening: Opening,
    output: &Output,
) -> Result<(), Failure> {
    let name = name.unwrap_or(ROOM_NAME_DEFAULT);
    let room = Room::create(name, Timestamp::now())?;
    note_same_name(&profile, &room, output)?;
    let room = profile.add(room)?;
    profile.set_last_room(room.id())?;
    output.say(&format!("created room \"{}\" ({})", room.name(), room.id()))?;
    let options = InviteOptions { right: Right::Member, qr: false, hints: InviteHints::Included };
    show_invite(global, &profile, &room, &options, output)?;
    match opening {
        Opening::Now => chat(&with_room(global, &room), profile, output),
        Opening::Later => Ok(()),
    }
}

/// Notes that another room has the same name, and how to tell them apart.
fn note_same_name(profile: &Profile, room: &Room, output: &Output) -> Result<(), Failure> {
    let rooms = profile.rooms()?.rooms;
    let is_same = |other: &&Room| other.id() != room.id() && other.name() == room.name();
    let Some(other) = rooms.iter().find(is_same) else { return Ok(()) };
    let (name, ours, theirs) = (room.name(), room.id(), other.id());
    let message =
        format!("two rooms are called \"{name}\": this one is {ours}, the other {theirs}");
    output.report(
        &Report::new(Level::Note, "room.same-name", message)
            .help(format!("rename one of them:  multichat rename --room {ours} NAME")),
    )
}

/// Joins with an invite and opens the room.
pub(super) fn join_with_invite(
    global: &Global,
    invite: String,
    output: &Output,
) -> Result<(), Failure> {
    let invite = vec![invite];
    let given = Join { invite, name: None, repair: false, no_open: false, open: None };
    join(global, &given, output)
}

pub(super) fn join(global: &Global, join: &Join, output: &Output) -> Result<(), Failure> {
    let now = Timestamp::now();
    let name = join.name.as_deref();
    let mut hints = Hints::default();
    let room = match &join.open {
        Some(open) => Room::open(open, name, now)?,
        None => {
            let invite = read_invite(join, output)?;
            hints = invite.hints().clone();
            Room::from_invite(&invite, name, now)?
        }
    };
    let mut profile = Profile::open(global)?;
    if !room.is_sealed() {
        // A relay writes nothing and needs no name.
        onboarding::name(global, &mut profile, output)?;
    }
    note_same_name(&profile, &room, output)?;
    let mut room = profile.add(room)?;
    if hints.addresses().iter().any(|addr| !room.hints().contains(addr)) {
        // The room was joined before; save the new addresses of its members.
        room.add_hints(hints.addresses());
        profile.update(&room)?;
    }
    profile.set_last_room(room.id())?;
    output.say(&format!("joined room \"{}\" ({})", room.name(), room.id()))?;
    if output.format == Format::Json {
        output.json(&Line::from(room_event(&room, None)))?;
    }
    if room.is_sealed() {
        output.say(
            "this is a relay: it stores and forwards, and cannot read; next:  multichat serve",
        )?;
        return output.say("  for example  multichat --listen 0.0.0.0:4977 serve");
    }
    if join.no_open { Ok(()) } else { chat(&with_room(global, &room), profile, output) }
}

/// Returns the flags with the room that was just created or joined.
fn with_room(global: &Global, room: &Room) -> Global {
    Global { room: Some(room.id().to_string()), ..global.clone() }
}

/// Parses the invite, and uses the repaired one if requested.
fn read_invite(join: &Join, output: &Output) -> Result<Invite, Failure> {
    let given = match join.invite() {
        dash if dash == "-" => secret_input::read(output)?,
        given => given,
    };
    let input = onboarding::whole_invite(given, output)?;
    let error = match Invite::parse(&input) {
        Ok(invite) => return Ok(invite),
        Err(error) => error,
    };
    let Some(repair) = error.repair().filter(|_| join.repair) else {
        return Err(error.into_failure(&input));
    };
    let done = match repair.fix {
        Fix::Replace { position, found, right } => {
            format!("character {position}: replaced '{found}' by '{right}'")
        }
        Fix::Swap { position, second } => {
            format!("characters {position} and {second}: swapped")
        }
    };
    output.report(&Report::new(Level::Note, "ticket.repaired", done))?;
    Ok(repair.invite.clone())
}

/// How to show an invite.
pub(super) struct InviteOptions {
    /// What the invite allows.
    pub(super) right: Right,
    /// Whether to show a QR code.
    pub(super) qr: bool,
    /// Whether to include hints.
    pub(super) hints: InviteHints,
}

pub(super) fn invite(
    global: &Global,
    room: Option<String>,
    options: InviteOptions,
    output: &Output,
) -> Result<(), Failure> {
    let profile = Profile::open(global)?;
    let room = profile.find(room.as_deref().or(global.room.as_deref()))?;
    match (options.right, room.access()) {
        (Right::Member, Access::Seed(_)) => return Err(envelope::sealed_room_failure()),
        (Right::Seeder, Access::Open { name }) => return Err(needs_no_seeder(name)),
        _ => {}
    }
    show_invite(global, &profile, &room, &options, output)?;
    if !options.qr || output.format == Format::Json {
        return Ok(());
    }
    let invite = invite_text(&profile, &room, global.listen, options.right, options.hints);
    let render = invite.and_then(|text| qr::render(&text));
    render.unwrap_or_default().iter().try_for_each(|line| output.data(line))
}

/// Returns the failure of a relay invite for an open room: anyone who knows its name can read it.
fn needs_no_seeder(name: &str) -> Failure {
    let name = sanitize::line(name, ROOM_NAME_COLUMNS_MAX);
    let message = "an open room has no relay invite: anyone who knows its name can read it";
    Failure::new(ExitCode::BadInput, "room.open", message)
        .help(format!("to relay it:  multichat join --open {name}   and then:  multichat serve"))
        .help("for a room that relays cannot read:  multichat new NAME")
}

fn show_invite(
    global: &Global,
    profile: &Profile,
    room: &Room,
    options: &InviteOptions,
    output: &Output,
) -> Result<(), Failure> {
    let invite = invite_text(profile, room, global.listen, options.right, options.hints);
    if output.format == Format::Json {
        let text = invite.as_ref().map(|invite| invite.to_string());
        return output.json(&Line::from(room_event(room, text)));
    }
    match (&invite, room.access()) {
        (Some(invite), _) => {
            output.data(invite)?;
            output.say(match options.right {
                Right::Member => "anyone with this invite can read the whole history",
                Right::Seeder => SEEDER_NOTICE,
            })
        }
        (None, Access::Open { name }) => {
            let name = sanitize::line(name, ROOM_NAME_COLUMNS_MAX);
            output.say("an open room: anyone who knows its name can join and read all of it")?;
            output.data(&format!("multichat join --open {name}"))
        }
        (None, Access::Secret(_) | Access::Seed(_)) => Ok(()),
    }
}

pub(super) fn list(global: &Global, output: &Output) -> Result<(), Failure> {
    let profile = Profile::open(global)?;
    let found = profile.rooms()?;
    for room in &found.rooms {
        match output.format {
            Format::Json => output.json(&Line::from(room_event(room, None)))?,
            Format::Text => {
                let kept = if room.is_sealed() { "  (relay)" } else { "" };
                output.data(&format!("{}  {}{kept}", room.id(), room.name()))?;
            }
        }
    }
    match found.damaged.into_iter().next() {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

/// Gives a room another name in this profile. Other members do not see it.
pub(super) fn rename(global: &Global, name: &str, output: &Output) -> Result<(), Failure> {
    let mut profile = Profile::open(global)?;
    let mut room = profile.find(global.room.as_deref())?;
    let before = room.name().to_string();
    room.rename(name)?;
    profile.update(&room)?;
    output.say(&format!("\"{before}\" is now \"{}\" ({}) for you", room.name(), room.id()))?;
    match output.format {
        Format::Json => output.json(&Line::from(room_event(&room, None))),
        Format::Text => Ok(()),
    }
}

/// Deletes a room and its messages, after a question.
pub(super) fn leave(
    global: &Global,
    room: &str,
    yes: bool,
    output: &Output,
) -> Result<(), Failure> {
    let mut profile = Profile::open(global)?;
    let room = profile.find(Some(room))?;
    let shown = format!("\"{}\" ({})", room.name(), room.id());
    if !yes && !onboarding::confirm(&format!("Delete {shown} and its messages here?"), output)? {
        let message = format!("{shown} was not deleted");
        return Err(Failure::new(ExitCode::Refused, "room.kept", message)
            .help("to delete it without a question:  multichat leave ROOM --yes"));
    }
    profile.remove(room.id())?;
    output.say(&format!("left {shown}; other members keep its messages"))?;
    output.say("to come back you need an invite, or the name of an open room")
}

pub(super) fn whoami(global: &Global, output: &Output) -> Result<(), Failure> {
    let mut profile = Profile::open(global)?;
    let system = std::env::var("USER").ok();
    let nick = profile.nick(global.nick.as_deref(), system.as_deref())?;
    let room = profile.find(global.room.as_deref())?;
    let key = profile.identity().feed_key(&room.group());
    // Fails if another key has signed the messages in this room.
    profile.signed_mark(&room)?;
    match output.format {
        Format::Json => output.json(&Line::from(Event::Whoami {
            profile: profile.name().to_string(),
            nick,
            room: sanitize::line(room.name(), ROOM_NAME_COLUMNS_MAX),
            key: hex(&key.0),
        })),
        Format::Text => {
            let author = sanitize::author(nick.as_str(), &key.0);
            output.data(&format!("{author} in \"{}\"", room.name()))
        }
    }
}

fn room_event(room: &Room, invite: Option<String>) -> Event {
    let name = sanitize::line(room.name(), ROOM_NAME_COLUMNS_MAX);
    Event::Room { id: room.id().to_string(), name, invite, kept: room.is_sealed() }
}
