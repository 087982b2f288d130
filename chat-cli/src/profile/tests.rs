use std::fs;
#[cfg(unix)]
use std::os::unix::fs::{PermissionsExt, symlink};

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::invite::hints::Hints;
use crate::invite::{Invite, Right};
use crate::report::ColourMode;

fn open(folder: &Path) -> Result<Profile, Failure> {
    Profile::open_in(folder, folder, "default".into())
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn now() -> Timestamp {
    "2026-11-22T08:26:14.138Z".parse().unwrap()
}

fn text(failure: &Failure) -> String {
    failure.report().unwrap().text(ColourMode::Plain)
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Returns every file and folder below, with its relative path.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(walk(&path));
        }
        all.push(path);
    }
    all
}

#[test]
fn profile_keys_are_stable_and_differ_per_group() {
    let dir = folder();
    let (writer, noise) = {
        let profile = open(dir.path()).unwrap();
        (profile.identity().writer_seed(&[1; 32]), profile.identity().noise_seed(&[1; 32]))
    };
    let profile = open(dir.path()).unwrap();
    assert_eq!(profile.identity().writer_seed(&[1; 32]), writer);
    assert_eq!(profile.identity().noise_seed(&[1; 32]), noise);
    let seed = fs::read(dir.path().join("default/identity.key")).unwrap();
    let other = [9; 32];
    let derived = [
        writer,
        noise,
        profile.identity().writer_seed(&other),
        profile.identity().noise_seed(&other),
    ];
    for (at, key) in derived.iter().enumerate() {
        assert_ne!(&key[..], &seed[..]);
        assert!(derived[at + 1..].iter().all(|other| other != key));
    }
    assert_ne!(
        open(folder().path()).unwrap().identity().noise_seed(&[1; 32]),
        profile.identity().noise_seed(&[1; 32])
    );
}

#[cfg(unix)]
#[test]
fn files_are_private_even_in_a_public_folder() {
    let dir = folder();
    let base = dir.path().join("a/b");
    fs::create_dir_all(base.join("default")).unwrap();
    fs::set_permissions(base.join("default"), fs::Permissions::from_mode(0o777)).unwrap();
    let mut profile = open(&base).unwrap();
    let room = profile.add(Room::create("kitchen", now()).unwrap()).unwrap();
    profile.set_last_room(room.id()).unwrap();
    assert_eq!(mode(&base.join("default")), 0o700);
    let all = walk(&base.join("default"));
    assert_eq!(all.len(), 7, "{all:?}");
    for path in all {
        assert_eq!(mode(&path), if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
}

#[cfg(unix)]
#[test]
fn exposed_key_is_refused_with_help() {
    let dir = folder();
    drop(open(dir.path()).unwrap());
    let key = dir.path().join("default/identity.key");
    for open_mode in [0o640, 0o604, 0o620, 0o601] {
        fs::set_permissions(&key, fs::Permissions::from_mode(open_mode)).unwrap();
        let failure = open(dir.path()).unwrap_err();
        assert_eq!((failure.exit(), failure.code()), (ExitCode::Damaged, "identity.exposed"));
        assert!(text(&failure).contains("chmod 600"), "{failure:?}");
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    open(dir.path()).unwrap();
}

#[cfg(unix)]
#[test]
fn symlinks_are_not_followed() {
    let dir = folder();
    let elsewhere = dir.path().join("elsewhere");
    fs::write(&elsewhere, [7; 32]).unwrap();
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o600)).unwrap();
    drop(open(dir.path()).unwrap());
    for name in ["identity.key", "LOCK"] {
        let path = dir.path().join("default").join(name);
        fs::remove_file(&path).unwrap();
        symlink(&elsewhere, &path).unwrap();
        assert_eq!(open(dir.path()).unwrap_err().code(), "profile.io", "{name}");
        fs::remove_file(&path).unwrap();
    }
    symlink(&elsewhere, dir.path().join("default/.identity.key.new")).unwrap();
    open(dir.path()).unwrap();
    assert_eq!(fs::read(&elsewhere).unwrap(), [7; 32]);
}

#[test]
fn damaged_key_is_kept_and_reported() {
    let dir = folder();
    drop(open(dir.path()).unwrap());
    let key = dir.path().join("default/identity.key");
    // A power cut can leave a file of zeros: everybody knows that key.
    for bytes in [&b""[..], &[1; 31], &[1; 33], &[0; 32]] {
        fs::write(&key, bytes).unwrap();
        let failure = open(dir.path()).unwrap_err();
        assert_eq!((failure.exit(), failure.code()), (ExitCode::Damaged, "identity.damaged"));
        assert_eq!(fs::read(&key).unwrap(), bytes);
    }
    fs::write(&key, vec![0; 5 << 20]).unwrap();
    assert_eq!(open(dir.path()).unwrap_err().code(), "file.size");
}

#[test]
fn missing_key_is_not_replaced_while_rooms_exist() {
    let dir = folder();
    let key = dir.path().join("default/identity.key");
    drop(open(dir.path()).unwrap());
    fs::remove_file(&key).unwrap();
    open(dir.path()).unwrap().add(Room::create("kitchen", now()).unwrap()).unwrap();
    fs::remove_file(&key).unwrap();
    assert_eq!(open(dir.path()).unwrap_err().code(), "identity.missing");
    assert!(!key.exists());
}

#[test]
fn other_key_is_refused_and_a_damaged_public_key_is_replaced() {
    let dir = folder();
    drop(open(dir.path()).unwrap());
    let at = |name: &str| dir.path().join("default").join(name);
    let (key, public) =
        (fs::read(at("identity.key")).unwrap(), fs::read(at("identity.pub")).unwrap());
    for byte in 0..32 {
        let mut flipped = key.clone();
        flipped[byte] ^= 1;
        fs::write(at("identity.key"), &flipped).unwrap();
        let failure = open(dir.path()).unwrap_err();
        assert_eq!((failure.exit(), failure.code()), (ExitCode::Damaged, "identity.changed"));
        assert_eq!(fs::read(at("identity.key")).unwrap(), flipped);
    }
    fs::write(at("identity.key"), &key).unwrap();
    for damaged in [vec![], vec![0; public.len()], public[..20].to_vec()] {
        fs::write(at("identity.pub"), damaged).unwrap();
        open(dir.path()).unwrap();
        assert_eq!(fs::read(at("identity.pub")).unwrap(), public);
    }
    fs::remove_file(at("identity.pub")).unwrap();
    open(dir.path()).unwrap();
    assert_eq!(fs::read(at("identity.pub")).unwrap(), public);
}

#[test]
fn key_with_signed_messages_is_not_replaced_after_the_rooms_are_gone() {
    let dir = folder();
    let room = Room::create("kitchen", now()).unwrap();
    open(dir.path()).unwrap().signed_mark(&room).unwrap().raise(3).unwrap();
    let key = dir.path().join("default/identity.key");
    fs::remove_file(&key).unwrap();
    assert_eq!(open(dir.path()).unwrap_err().code(), "identity.missing");
    // The public key of another identity alone does not help.
    fs::write(&key, [5; 32]).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(dir.path().join("default/identity.pub")).unwrap();
    let failure = open(dir.path()).unwrap().signed_mark(&room).unwrap_err();
    assert_eq!((failure.exit(), failure.code()), (ExitCode::Damaged, "identity.changed"));
}

#[test]
fn room_without_its_description_is_reported_and_can_be_joined_again() {
    let dir = folder();
    let room = Room::create("kitchen", now()).unwrap();
    let mut profile = open(dir.path()).unwrap();
    profile.add(room.clone()).unwrap();
    let folder = dir.path().join("default/rooms").join(room.id().as_str());
    fs::create_dir(folder.join("feeds")).unwrap();
    fs::remove_file(folder.join("room.toml")).unwrap();
    assert_eq!(profile.rooms().unwrap().damaged[0].code(), "room.missing");
    assert_eq!(profile.last().unwrap_err().exit(), ExitCode::Damaged);
    profile.add(room).unwrap();
    assert_eq!(profile.rooms().unwrap().damaged, []);
}

#[test]
fn second_start_names_the_lock_holder() {
    let dir = folder();
    let first = open(dir.path()).unwrap();
    let failure = open(dir.path()).unwrap_err();
    assert_eq!((failure.exit(), failure.code()), (ExitCode::InUse, "store.locked"));
    let pid = std::process::id();
    assert!(text(&failure).contains(&format!("is already open (pid {pid}, since ")), "{failure:?}");
    Profile::open_in(dir.path(), dir.path(), "other".into()).unwrap();
    drop(first);
    open(dir.path()).unwrap();
}

#[test]
fn invalid_lock_file_content_is_ignored() {
    let dir = folder();
    let _first = open(dir.path()).unwrap();
    fs::write(dir.path().join("default/LOCK"), b"pid \x1b[2J\nstarted never\n\xff").unwrap();
    let shown = text(&open(dir.path()).unwrap_err());
    assert!(
        shown.starts_with("error[store.locked]: profile \"default\" is already open\n"),
        "{shown}"
    );
}

#[test]
fn stored_room_is_loaded_unchanged() {
    let dir = folder();
    let hints = Hints::default()
        .with_name("soup\u{202e}")
        .with_address("127.0.0.1:4977".parse().unwrap())
        .with_address("[::1]:1".parse().unwrap());
    let rooms = [
        Room::create("kitchen", now()).unwrap(),
        Room::from_invite(&Invite::new([3; 32], hints), None, now()).unwrap(),
        Room::from_invite(&seeder([4; 32]), Some("kept"), now()).unwrap(),
        Room::open("foobar-123", None, now()).unwrap(),
        Room::open("foobar-123 ", Some("other"), now()).unwrap(),
    ];
    assert_eq!(rooms[1].name(), "soup\\u{202e}");
    assert_eq!(rooms[1].hints().len(), 2);
    let mut profile = open(dir.path()).unwrap();
    for room in &rooms {
        profile.add(room.clone()).unwrap();
    }
    drop(profile);
    let profile = open(dir.path()).unwrap();
    for room in &rooms {
        assert_eq!(&profile.find(Some(room.id().as_str())).unwrap(), room);
    }
    assert_eq!(profile.rooms().unwrap().rooms.len(), 5);
}

#[test]
fn room_id_depends_only_on_key_or_name() {
    let invite = |name| Invite::new([3; 32], Hints::default().with_name(name));
    let a = Room::from_invite(&invite("a"), None, now()).unwrap();
    let b = Room::from_invite(&invite("b"), Some("c"), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(a.id(), b.id());
    assert_eq!(b.name(), "c");
    let open = Room::open("a", None, now()).unwrap();
    assert_ne!(open.id(), Room::open("b", None, now()).unwrap().id());
    assert_ne!(open.id(), a.id());
    assert_eq!(a.id().as_str().len(), 8);
    for wrong in ["", "../../..", "ybndrfg", "ybndrfg88", "YBNDRFG8", "ybndrfgl"] {
        assert_eq!(RoomId::parse(wrong), None, "{wrong}");
    }
}

fn seeder(group_key: [u8; 32]) -> Invite {
    Invite::of(Right::Seeder, group_key, Hints::default())
}

#[test]
fn room_file_has_the_documented_fields() {
    let dir = folder();
    let mut profile = open(dir.path()).unwrap();
    let member = Room::create("soup", now()).unwrap();
    let invite = member.invite(Right::Seeder, Hints::default()).unwrap();
    assert_eq!(invite.hints().name(), None, "a seeder is not told what the room is called");
    assert_eq!(invite.key(), member.group().key());
    let (group, kept) = (crate::invite::encode_symbols(invite.key()), [4; 32]);
    let seeder = Room::from_invite(&seeder(kept), Some("kept"), now()).unwrap();
    let text = |room: Room| {
        let room = profile.add(room).unwrap();
        let folder = dir.path().join("default/rooms").join(room.id().as_str());
        fs::read_to_string(folder.join("room.toml")).unwrap()
    };
    let [member, seeder] = [member, seeder].map(text);
    assert!(member.contains("secret = \"") && !member.contains("group_key"), "{member}");
    // It can be derived from the secret; a second copy could only be wrong.
    assert!(!member.contains(&group), "{member}");
    let kept = format!("group_key = \"{}\"", crate::invite::encode_symbols(&kept));
    assert!(seeder.contains(&kept) && !seeder.contains("secret"), "{seeder}");
}

#[test]
fn member_invite_unlocks_a_seeded_room_in_place() {
    let dir = folder();
    for ephemeral in [false, true] {
        let mut profile = if ephemeral {
            let words = ["multichat", "--ephemeral", "status"];
            let global = crate::args::parse::parse(words.map(Into::into)).unwrap().global;
            Profile::open(&global).unwrap()
        } else {
            open(dir.path()).unwrap()
        };
        let theirs = Room::create("soup", now()).unwrap();
        let seed = theirs.invite_without_hints(Right::Seeder).unwrap();
        let full = theirs.invite_without_hints(Right::Member).unwrap();
        let mut kept = profile.add(Room::from_invite(&seed, None, now()).unwrap()).unwrap();
        kept.add_hints(&["127.0.0.1:1".parse().unwrap()]);
        profile.update(&kept).unwrap();
        assert!(kept.is_sealed() && kept.id() == theirs.id());
        let find = |profile: &Profile| profile.find_readable(Some(theirs.id().as_str()));
        let failure = find(&profile).unwrap_err();
        assert_eq!((failure.exit(), failure.code()), (ExitCode::Refused, "room.sealed"));
        assert!(text(&failure).contains("multichat serve"), "{}", text(&failure));
        assert_eq!(kept.invite_without_hints(Right::Member), None);
        assert_eq!(kept.invite_without_hints(Right::Seeder), Some(seed.clone()));

        let again = Room::from_invite(&full, Some("other"), Timestamp::UNIX_EPOCH).unwrap();
        let opened = profile.add(again).unwrap();
        assert_eq!((opened.id(), opened.name()), (kept.id(), kept.name()));
        assert_eq!((opened.created(), opened.hints()), (kept.created(), kept.hints()));
        assert_eq!(opened.invite_without_hints(Right::Member), Some(full));
        assert_eq!(find(&profile), Ok(opened.clone()));
        // A readable room stays readable.
        let seed = Room::from_invite(&seed, None, now()).unwrap();
        assert_eq!(profile.add(seed).unwrap(), opened);
    }
}

#[test]
fn joining_again_keeps_the_room() {
    let dir = folder();
    let mut profile = open(dir.path()).unwrap();
    let invite = Invite::new([3; 32], Hints::default());
    let first = Room::from_invite(&invite, Some("mine"), now()).unwrap();
    profile.add(first.clone()).unwrap();
    let again = Room::from_invite(&invite, Some("other"), now()).unwrap();
    assert_eq!(profile.add(again).unwrap(), first);
}

#[test]
fn damaged_room_is_reported_hides_no_other_and_is_not_overwritten() {
    let dir = folder();
    let mut profile = open(dir.path()).unwrap();
    let invite = Invite::new([3; 32], Hints::default());
    let room = profile.add(Room::from_invite(&invite, Some("soup"), now()).unwrap()).unwrap();
    profile.add(Room::create("kitchen", now()).unwrap()).unwrap();
    let path = dir.path().join("default/rooms").join(room.id().as_str()).join("room.toml");
    let good = fs::read_to_string(&path).unwrap();
    let key = encode_key(&good);
    let other = crate::invite::encode_symbols(&[4; 32]);
    for bad in [
        String::new(),
        "version = 1\n".into(),
        good.replace(&key, &other),
        good.replace(&key, &key[1..]),
        good.replace("created = \"", "created = \"x"),
        good.replace("name = \"soup\"", "name = \" \""),
        good.replace("secret = \"", "secret = \"\u{1b}"),
        // The same key with another right.
        good.replace("secret = \"", "group_key = \""),
        format!("group_key = \"{other}\"\n{good}"),
        format!("{good}open_name = \"x\"\n"),
        good[..good.len() / 2].to_string(),
    ] {
        fs::write(&path, &bad).unwrap();
        let failure = profile.find(Some("soup")).unwrap_err();
        assert_eq!((failure.exit(), failure.code()), (ExitCode::Damaged, "room.damaged"), "{bad}");
        assert!(!text(&failure).contains(&key[4..]), "the key is shown: {}", text(&failure));
        assert_eq!(profile.add(room.clone()).unwrap_err().code(), "room.damaged");
        assert_eq!(profile.update(&room).unwrap_err().code(), "room.damaged");
        assert_eq!(fs::read_to_string(&path).unwrap(), bad);
        assert_eq!(profile.find(Some("kitchen")).unwrap().name(), "kitchen");
        assert_eq!(profile.rooms().unwrap().damaged.len(), 1);
    }
    fs::write(&path, good.replace("version = 1", "version = 2")).unwrap();
    assert_eq!(profile.find(Some("soup")).unwrap_err().code(), "room.newer");
}

fn encode_key(file: &str) -> String {
    let (_, rest) = file.split_once("secret = \"").unwrap();
    rest.split_once('"').unwrap().0.to_string()
}

#[test]
fn unknown_fields_survive_an_update() {
    let dir = folder();
    let mut profile = open(dir.path()).unwrap();
    let mut room = profile.add(Room::create("soup", now()).unwrap()).unwrap();
    let path = dir.path().join("default/rooms").join(room.id().as_str()).join("room.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("muted = true\n{text}\n[theme]\ncolour = \"red\"\n")).unwrap();
    room = profile.find(Some("soup")).unwrap();
    room.add_hints(&["127.0.0.1:1".parse().unwrap()]);
    profile.update(&room).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("muted = true") && text.contains("colour = \"red\""), "{text}");
    assert!(text.contains("127.0.0.1:1"), "{text}");
    assert_eq!(profile.find(Some("soup")).unwrap(), room);
}

#[test]
fn hints_are_newest_first_and_bounded() {
    let mut room = Room::create("soup", now()).unwrap();
    for port in 1..100 {
        room.add_hints(&[format!("127.0.0.1:{port}").parse().unwrap()]);
    }
    room.add_hints(&["127.0.0.1:98".parse().unwrap()]);
    assert_eq!(room.hints().len(), 16);
    let ports: Vec<u16> = room.hints()[..3].iter().map(|hint| hint.port()).collect();
    assert_eq!(ports, [98, 99, 97]);
}

#[test]
fn room_is_found_by_name_id_or_as_the_last_one() {
    let dir = folder();
    let mut profile = open(dir.path()).unwrap();
    assert_eq!(profile.find(None).unwrap_err().code(), "room.none");
    let kitchen = profile.add(Room::create("Kitchen", now()).unwrap()).unwrap();
    assert_eq!(profile.find(None).unwrap(), kitchen, "the only one");
    let twins = [(); 2].map(|()| profile.add(Room::create("soup", now()).unwrap()).unwrap());
    assert_eq!(profile.find(Some("kitchen")).unwrap(), kitchen);
    let exact = profile.add(Room::create("kitchen", now()).unwrap()).unwrap();
    assert_eq!(profile.find(Some("kitchen")).unwrap(), exact);
    let failure = profile.find(Some("soup")).unwrap_err();
    assert_eq!((failure.exit(), failure.code()), (ExitCode::NotFound, "room.ambiguous"));
    assert!(twins.iter().all(|twin| text(&failure).contains(twin.id().as_str())));
    let found = profile.find(Some(&twins[0].id().as_str()[..6].to_uppercase())).unwrap();
    assert_eq!(found, twins[0]);
    let failure = profile.find(Some("kichen")).unwrap_err();
    assert_eq!((failure.exit(), failure.code()), (ExitCode::NotFound, "room.unknown"));
    assert!(text(&failure).contains("did you mean: Kitchen, kitchen ?"), "{}", text(&failure));
    assert!(text(&profile.find(Some("invte")).unwrap_err()).contains("multichat invite"));
    assert_eq!(profile.find(None).unwrap_err().code(), "room.unnamed");
    profile.set_last_room(twins[1].id()).unwrap();
    assert_eq!(profile.find(None).unwrap(), twins[1]);
    drop(profile);
    assert_eq!(open(dir.path()).unwrap().last().unwrap().as_ref(), Some(&twins[1]));
    fs::write(dir.path().join("default/last-room"), "../../x").unwrap();
    assert_eq!(open(dir.path()).unwrap().last(), Ok(None));
}

#[test]
fn peer_names_are_not_part_of_paths() {
    let dir = folder();
    let base = dir.path().join("base");
    let mut profile = open(&base).unwrap();
    let names = ["../../evil", "/etc/x", "a\0b", "CON", "..", &"x".repeat(4096)];
    for (number, name) in (1..).zip(names) {
        let hints = Hints::default().with_name(name);
        profile
            .add(Room::from_invite(&Invite::new([number; 32], hints), None, now()).unwrap())
            .unwrap();
        profile.add(Room::open(name, None, now()).unwrap()).unwrap();
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    for path in fs::read_dir(base.join("default/rooms")).unwrap() {
        let name = path.unwrap().file_name().into_string().unwrap();
        assert!(RoomId::parse(&name).is_some(), "{name}");
    }
    assert_eq!(profile.rooms().unwrap().rooms.len(), 12);
    let id = profile.rooms().unwrap().rooms[0].id();
    let feeds = profile.feeds_path(id).unwrap();
    assert!(feeds.starts_with(base.join("default/rooms").join(id.as_str())));
}

#[test]
fn key_is_in_one_file_and_not_in_debug_output() {
    let dir = folder();
    let mut profile = open(dir.path()).unwrap();
    let invite = Invite::new(*b"0123456789abcdef0123456789abcdef", Hints::default());
    let room = profile.add(Room::from_invite(&invite, Some("soup"), now()).unwrap()).unwrap();
    let seed = fs::read(dir.path().join("default/identity.key")).unwrap();
    let holders = walk(dir.path())
        .into_iter()
        .filter(|path| path.is_file())
        .filter(|path| fs::read(path).unwrap().windows(32).any(|bytes| bytes == seed));
    assert_eq!(holders.count(), 1);
    let shown = format!("{profile:?} {room:?} {:?}", profile.identity());
    assert!(!shown.contains(&format!("{:?}", &seed[..4]).replace(['[', ']'], "")), "{shown}");
    assert!(!shown.contains("48, 49, 50"), "{shown}");
}

#[test]
fn ephemeral_profile_writes_nothing() {
    let dir = folder();
    let words = ["multichat", "--ephemeral", "--data-dir", dir.path().to_str().unwrap()];
    let global = crate::args::parse::parse(words.map(Into::into)).unwrap().global;
    let mut profile = Profile::open(&global).unwrap();
    let room = profile.add(Room::create("soup", now()).unwrap()).unwrap();
    profile.set_last_room(room.id()).unwrap();
    let mut changed = room.clone();
    changed.add_hints(&["127.0.0.1:1".parse().unwrap()]);
    profile.update(&changed).unwrap();
    assert_eq!(profile.find(Some("soup")).unwrap(), changed);
    assert_eq!(profile.last().unwrap(), Some(changed));
    assert_eq!(profile.feeds_path(room.id()), None);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn unusable_folder_is_an_error_with_help() {
    let dir = folder();
    fs::write(dir.path().join("file"), "").unwrap();
    let failure = open(&dir.path().join("file")).unwrap_err();
    assert_eq!((failure.exit(), failure.code()), (ExitCode::Failed, "profile.io"));
}

#[test]
fn empty_room_name_is_refused() {
    assert_eq!(Room::create(" \t", now()).unwrap_err().code(), "room.name");
    assert_eq!(Room::create("  soup ", now()).unwrap().name(), "soup");
    let invite = Invite::new([3; 32], Hints::default());
    let room = Room::from_invite(&invite, None, now()).unwrap();
    assert_eq!(room.name(), room.id().as_str());
    assert!(room.invite(Right::Member, Hints::default()).unwrap().hints().name().is_some());
    assert_eq!(Room::open("x", None, now()).unwrap().invite(Right::Member, Hints::default()), None);
}

#[test]
fn first_given_nick_is_stored() {
    let dir = folder();
    let mut profile = open(dir.path()).unwrap();
    assert_eq!(profile.nick(None, Some("root")).unwrap().as_str(), "root");
    assert_eq!(profile.nick(None, None).unwrap().as_str(), "anonymous");
    assert_eq!(profile.nick(Some("al\u{1b}ice"), None).unwrap().as_str(), "al\\u{1b}ice");
    drop(profile);
    let mut profile = open(dir.path()).unwrap();
    let kept = "al\\u{1b}ice";
    assert_eq!(profile.nick(None, Some("root")).unwrap().as_str(), kept);
    // Another name for a single command does not replace the saved one.
    assert_eq!(profile.nick(Some("bot"), None).unwrap().as_str(), "bot");
    assert_eq!(profile.nick(None, None).unwrap().as_str(), kept);
    profile.set_nick("bob").unwrap();
    assert_eq!(profile.nick(None, None).unwrap().as_str(), "bob");
}

#[test]
fn damaged_nick_file_is_ignored() {
    let dir = folder();
    let mut profile = open(dir.path()).unwrap();
    fs::write(dir.path().join("default/nick"), [0xff, 0xfe]).unwrap();
    assert_eq!(profile.nick(None, Some("root")).unwrap().as_str(), "root");
}
