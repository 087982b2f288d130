use std::ffi::OsString;

use clap::CommandFactory;

use super::parse::{ParseExit, parse, wants_json};
use super::suggest::nearest_command;
use super::*;
use crate::exit::ExitCode;
use crate::invite::Invite;
use crate::invite::hints::Hints;
use crate::report::Failure;
use crate::similar::closest;

fn run(words: &str) -> Result<Invocation, ParseExit> {
    parse(std::iter::once("multichat").chain(words.split_whitespace()).map(OsString::from))
}

fn command(words: &str) -> Command {
    match run(words).expect(words).action {
        Action::Run(command) => command,
        other => panic!("{words}: {other:?}"),
    }
}

fn failure(words: &str) -> Failure {
    match run(words) {
        Err(ParseExit::Fail(failure)) => failure,
        other => panic!("{words}: {other:?}"),
    }
}

fn help(words: &str) -> String {
    let failure = failure(words);
    assert_eq!((failure.exit(), failure.code()), (ExitCode::Usage, "usage"));
    failure.report().unwrap().text(ColourMode::Plain)
}

fn invite() -> String {
    Invite::new([5; 32], Hints::default()).encode().to_string()
}

#[test]
fn clap_definition_passes_debug_assert() {
    CommandLine::command().debug_assert();
}

#[test]
fn global_flags_are_accepted_before_and_after_the_command() {
    for words in [
        "--data-dir a --json -p work -r kitchen --peer h:1 --peer [::1]:2 -vv send hello",
        "send hello --data-dir a --json -p work -r kitchen --peer h:1,[::1]:2 -vv",
        "--data-dir a -vv send --json -p=work hello --room kitchen --peer h:1 --peer [::1]:2",
    ] {
        let Invocation { global, action } = run(words).expect(words);
        assert_eq!(global.data_dir, Some(PathBuf::from("a")), "{words}");
        assert_eq!((global.json, global.profile.as_str(), global.verbose), (true, "work", 2));
        assert_eq!(global.room.as_deref(), Some("kitchen"));
        let peers: Vec<String> = global.peers.iter().map(PeerAddress::to_string).collect();
        assert_eq!(peers, ["h:1", "[::1]:2"], "{words}");
        let Action::Run(Command::Send { text, .. }) = action else { panic!("{words}") };
        assert_eq!(text, ["hello"]);
    }
}

#[test]
fn defaults_match_the_specification() {
    let global = run("").unwrap().global;
    assert_eq!((global.profile.as_str(), global.json, global.ephemeral), ("default", false, false));
    let wait = None;
    let timeout = Duration::from_secs(10);
    assert_eq!(
        command("send -"),
        Command::Send { channel: ChannelArg::default(), text: vec!["-".into()], wait, timeout }
    );
    let tail = Command::Tail {
        channel: ChannelFilter::default(),
        lines: 50,
        follow: false,
        no_backfill: false,
        since: None,
    };
    assert_eq!(command("tail"), tail);
    assert_eq!(command("demo"), Command::Demo { peers: 5, messages: 20, seed: 1 });
    assert_eq!(command("sync"), Command::Sync { until: Until::Idle, timeout: None });
}

#[test]
fn short_aliases_select_their_commands() {
    assert_eq!(command("n soup --no-open"), command("new soup --no-open"));
    assert_eq!(command("j --open soup"), command("join --open soup"));
    assert_eq!(command("s hi"), command("send hi"));
    assert_eq!(command("t -f -n 3"), command("tail --follow --lines 3"));
}

#[test]
fn each_command_parses_its_flags() {
    let sent = command("send two words --wait peers=3 --timeout 500ms");
    let text = vec!["two".to_string(), "words".to_string()];
    let timeout = Duration::from_millis(500);
    assert_eq!(
        sent,
        Command::Send { channel: ChannelArg::default(), text, wait: Some(Wait::Peers(3)), timeout }
    );
    let Command::Tail { since, no_backfill: true, .. } = command("tail --no-backfill --since 2h")
    else {
        panic!("tail")
    };
    assert_eq!(since, Some(Duration::from_secs(7_200)));
    let Command::Join(join) = command("join abc def --as soup --repair --no-open") else {
        panic!("join")
    };
    assert_eq!((join.invite().as_str(), join.name.as_deref()), ("abc def", Some("soup")));
    assert!(join.repair && join.no_open);
    let timeout = Some(Duration::from_secs(60));
    assert_eq!(
        command("sync --until all --timeout 1m"),
        Command::Sync { until: Until::All, timeout }
    );
    let room = Some("soup".into());
    let invite = |seed| Command::Invite { room: room.clone(), seed, qr: false, no_hints: false };
    assert_eq!(command("invite soup"), invite(false));
    assert_eq!(command("invite soup --seed"), invite(true));
    assert_eq!(command("serve"), Command::Serve(Serve::default()));
    assert_eq!(command("chat"), Command::Chat);
    assert_eq!(run("--listen 127.0.0.1:0 serve").unwrap().global.listen.unwrap().port(), 0);
}

#[test]
fn no_words_open_and_one_word_is_a_room_or_an_invite() {
    assert_eq!(run("").unwrap().action, Action::Open);
    let lone = run("kitchen --ephemeral").unwrap();
    assert_eq!((lone.action, lone.global.room.as_deref()), (Action::Open, Some("kitchen")));
    let invite = invite();
    assert_eq!(run(&invite).unwrap().action, Action::JoinAndOpen { invite: invite.clone() });
    let wrapped = format!("{} {}", &invite[..30], &invite[30..]);
    assert_eq!(run(&wrapped).unwrap().action, Action::JoinAndOpen { invite: wrapped });
}

#[test]
fn unknown_command_suggests_the_closest_one() {
    assert!(help("sned hello you").contains("help: did you mean:  multichat send hello you\n"));
    let invite = invite();
    let meant = format!("help: did you mean:  multichat join {invite}\n");
    assert!(help(&format!("jion {invite} now")).contains(&meant));
    assert!(help("send --tiemout 3s x").contains("'--timeout'"));
    assert!(help("xyzzy one two").contains("there is no command 'xyzzy'"));
    assert!(help("--room a kitchen").contains("multichat --help"));
}

#[test]
fn invalid_value_error_states_valid_values() {
    assert!(help("send x --wait everyone").contains("stored, peer, peers=N or all"));
    assert!(help("send x --wait peers=0").contains("stored, peer, peers=N or all"));
    assert!(help("send x --timeout soon").contains("such as 10s"));
    assert!(help("--peer here serve").contains("HOST:PORT"));
    assert!(help("-p ../x serve").contains("a to z"));
    assert!(help("join").contains("multichat join"));
    assert!(help("join --open a b").contains("cannot be used with"));
    assert!(help("demo --peers 1").contains("2..=1000"));
    assert!(help("-q -v serve").contains("cannot be used with"));
}

#[test]
fn help_and_version_are_not_errors() {
    for (words, part) in [
        ("--help", "join"),
        ("-h", "ROOM|INVITE"),
        ("--version", "multichat 0."),
        ("send --help", "--wait"),
    ] {
        let Err(ParseExit::Print(text)) = run(words) else { panic!("{words}") };
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn json_flag_is_found_before_parsing() {
    let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
    assert!(wants_json(&words("multichat --bad --json")));
    assert!(!wants_json(&words("multichat send -- --json")));
}

#[test]
fn colour_follows_flag_then_environment_then_terminal() {
    let with = |color: Color, terminal, pairs: &[(&str, &str)]| {
        let find = |name: &str| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_string())
        };
        color.resolve(find, terminal) == ColourMode::Colour
    };
    assert!(with(Color::Auto, true, &[]) && !with(Color::Auto, false, &[]));
    assert!(!with(Color::Auto, true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
    assert!(with(Color::Auto, true, &[("NO_COLOR", "")]));
    assert!(with(Color::Auto, false, &[("CLICOLOR_FORCE", "1")]));
    assert!(!with(Color::Auto, false, &[("CLICOLOR_FORCE", "0")]));
    assert!(!with(Color::Auto, true, &[("TERM", "dumb")]));
    assert!(with(Color::Always, false, &[("NO_COLOR", "1")]));
    assert!(!with(Color::Never, true, &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn durations_have_units_and_a_maximum() {
    assert_eq!(duration("10"), Ok(Duration::from_secs(10)));
    assert_eq!(duration("3d"), Ok(Duration::from_secs(259_200)));
    for wrong in
        ["", "s", "-1s", "1.5s", "1w", "367d", "99999999999999999999s", "18446744073709551615d"]
    {
        assert!(duration(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn peer_addresses_need_host_and_port() {
    let peer: PeerAddress = "example.org:4977".parse().unwrap();
    assert_eq!((peer.host(), peer.port()), ("example.org", 4977));
    assert_eq!("[::1]:1".parse::<PeerAddress>().unwrap().host(), "::1");
    for wrong in ["", ":1", "h", "h:", "h:0", "h:65536", "::1:1", "[::1:1", "a b:1", "\u{1b}:1"] {
        assert!(wrong.parse::<PeerAddress>().is_err(), "{wrong}");
    }
}

#[test]
fn profile_name_is_a_safe_folder_name() {
    for right in ["default", "work-2", "0_x"] {
        assert_eq!(profile_name(right), Ok(right.to_string()));
    }
    let long = "x".repeat(33);
    for wrong in ["", ".", "..", "a/b", "-x", "A", "nul", "é", "a\0", "a b", long.as_str()] {
        assert!(profile_name(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn closest_names_are_sorted_best_first() {
    assert_eq!(closest("kichen", ["work", "kitchen", "chicken"]), ["kitchen", "chicken"]);
    assert_eq!(nearest_command("invte").as_deref(), Some("invite"));
    assert_eq!(nearest_command("xyzzy"), None);
}

#[test]
fn transports_are_enabled_and_disabled_by_flags() {
    let ways = |words: &str| {
        let wanted = run(words).expect(words).global.discovery;
        (wanted.uses_lan(), wanted.uses_dht(), wanted.is_offline())
    };
    for (words, expected) in [
        ("serve", (false, false, false)),
        ("serve --lan", (true, false, false)),
        ("serve --transport lan,dht,tcp", (true, true, false)),
        ("serve --transport lan --no-lan", (false, false, false)),
        ("serve --lan --no-lan", (false, false, false)),
        ("serve --no-lan --lan", (true, false, false)),
        ("serve --bootstrap 127.0.0.1:7", (false, true, false)),
        ("serve --transport dht --bootstrap none", (false, false, false)),
        ("serve --transport offline --lan --bootstrap h:7", (false, false, true)),
    ] {
        assert_eq!(ways(words), expected, "{words}");
    }
    let wanted = run("serve --bootstrap [::1]:7,h:8").expect("nodes").global.discovery;
    let entries: Vec<_> = wanted.bootstrap_nodes().map(PeerAddress::to_string).collect();
    assert_eq!(entries, ["[::1]:7", "h:8"]);
    assert!(help("serve --bootstrap nowhere").contains("--bootstrap"));
    assert!(help("serve --transport pigeon").contains("tcp, lan, dht, offline"));
}

#[test]
fn channel_name_is_one_lowercase_word() {
    let Command::Send { channel, .. } = command("send -c #Big hello") else { panic!() };
    assert_eq!(channel.name().as_str(), "big");
    let Command::Tail { channel, .. } = command("tail --channel BIG") else { panic!() };
    assert!(channel.matches(&ChannelArg { name: "big".into() }.name()));
    assert!(!channel.matches(&ChannelArg::default().name()));
    assert!(ChannelFilter::default().matches(&ChannelArg::default().name()));
}

#[test]
fn metrics_bind_to_localhost_unless_an_address_is_given() {
    let metrics = |words: &str| match command(&format!("serve {words}")) {
        Command::Serve(serve) => (serve.metrics.expect("an address"), serve.metrics_public),
        other => panic!("{other:?}"),
    };
    let local = ("127.0.0.1:9977".parse().unwrap(), false);
    assert_eq!(metrics("--metrics 9977"), local);
    assert_eq!(metrics("--metrics localhost:9977"), local);
    assert_eq!(metrics("--metrics [::1]:1"), ("[::1]:1".parse().unwrap(), false));
    let public = ("192.0.2.7:1".parse().unwrap(), true);
    assert_eq!(metrics("--metrics 192.0.2.7:1 --metrics-public"), public);
}
