use jiff::Timestamp;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::ids::MessageId;
use crate::message::{self, Draft};
use crate::timeline::key::Hlc;
use jiff::tz::TimeZone;

pub(in crate::tui) const OWN: [u8; 32] = [0xaa; 32];
pub(in crate::tui) const BOB: [u8; 32] = [0xbb; 32];
pub(in crate::tui) const CAROL: [u8; 32] = [0xcc; 32];

pub(in crate::tui) fn room_info() -> RoomInfo {
    RoomInfo {
        room: sanitize::line("kitchen", 40),
        rooms: vec![sanitize::line("kitchen", 40), sanitize::line("work", 40)],
        nick: sanitize::nick("alice"),
        key: OWN,
        zone: TimeZone::UTC,
        has_network: true,
    }
}

/// Creates a message in a channel; its position equals its time.
pub(in crate::tui) fn entry(
    feed: [u8; 32],
    index: u64,
    (nick, channel, time): (&str, &str, &str),
    text: &str,
) -> Entry {
    let time: Timestamp = time.parse().unwrap();
    let draft = Draft { channel, ..Draft::new(nick, text) };
    let block = message::encode(&draft, time).unwrap();
    let content = message::decode(&block);
    Entry { id: MessageId { feed, index }, hlc: Hlc::from_time(time), content }
}

pub(in crate::tui) fn size(width: u16, height: u16) -> Size {
    Size { width, height }
}

/// Creates a room with messages of three people.
pub(in crate::tui) fn room(size: Size) -> Model {
    let chat = |feed, index, nick, time: &str, text: &str| {
        entry(feed, index, (nick, "general", &format!("2026-11-{time}Z")), text)
    };
    let read = chat(BOB, 0, "bob", "21T18:02:00", "x").position();
    let mut model = Model::new(room_info(), size, Theme::Plain, Some(read));
    model.update(ModelEvent::Latest(vec![
        chat(BOB, 0, "bob", "21T18:02:00", "shall we start?"),
        chat(OWN, 0, "alice", "21T18:02:30", "yes"),
        chat(CAROL, 0, "carol", "22T09:14:00", "morning! @alice did the sync work?"),
        chat(OWN, 1, "alice", "22T09:15:00", "it did"),
        chat(
            BOB,
            1,
            "bob",
            "22T09:15:30",
            "a longer text that has to be broken into several \
            lines where the window is not wide enough for all of it\nand a second line",
        ),
        chat(OWN, 2, "alice", "22T09:16:00", "and this one is on its way"),
    ]));
    model.update(ModelEvent::PeerLengths(vec![([1; 32], 2), ([2; 32], 1), ([3; 32], 2)]));
    model.update(ModelEvent::Progress(Progress { have: 6, want: 9, peers: 3, synced: 2 }));
    let link = |name: &str, is_synced| people::PeerRow {
        name: sanitize::line(name, 40),
        address: "192.0.2.7:4977".into(),
        is_synced,
    };
    model.update(ModelEvent::Peers(vec![link("peer 010101", true), link("peer 020202", false)]));
    model.update(ModelEvent::Missing(vec![MissingMessages { feed: [0xdd; 32], count: 14 }]));
    let other = entry(BOB, 2, ("bob", "random", "2026-11-22T09:17:00Z"), "elsewhere");
    model.update(ModelEvent::NewMessages(vec![other]));
    model
}

pub(in crate::tui) fn key(code: KeyCode) -> Event {
    Event::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

pub(in crate::tui) fn with(modifier: KeyModifiers, code: KeyCode) -> Event {
    Event::Key(KeyEvent::new(code, modifier))
}

pub(in crate::tui) fn type_text(model: &mut Model, text: &str) {
    for c in text.chars() {
        assert_eq!(model.input(key(KeyCode::Char(c))), []);
    }
}

fn sent(channel: &str, text: &str) -> Effect {
    Effect::Send { channel: channel_name(channel), text: text.into() }
}

#[test]
fn text_is_sent_to_the_current_channel() {
    let mut model = room(size(120, 40));
    type_text(&mut model, "hello");
    let effects = model.input(key(KeyCode::Enter));
    assert_eq!(effects[0], sent("general", "hello"));
    assert!(model.input_line.is_empty());
    model.submit("/channel #Random");
    type_text(&mut model, "two");
    model.input(with(KeyModifiers::ALT, KeyCode::Enter));
    type_text(&mut model, "lines");
    assert_eq!(model.input(key(KeyCode::Enter))[0], sent("random", "two\nlines"));
    type_text(&mut model, "//shrug");
    assert_eq!(model.input(key(KeyCode::Enter))[0], sent("random", "/shrug"));
}

#[test]
fn other_channels_count_unread_until_visited() {
    let mut model = room(size(120, 40));
    let random = channel_name("random");
    assert_eq!(model.log.unread(&random), 1);
    model.input(with(KeyModifiers::ALT, KeyCode::Char('a')));
    assert_eq!((&model.channel, model.log.unread(&random)), (&random, 0));
    model.input(with(KeyModifiers::CONTROL, KeyCode::Char('n')));
    assert_eq!(model.channel, channel_name("general"));
}

#[test]
fn bell_sounds_only_for_mentions_by_default() {
    let mut model = room(size(120, 40));
    let mut should_notify = |feed, index, text: &str| {
        let came = entry(feed, index, ("bob", "general", "2026-11-22T10:00:00Z"), text);
        model.update(ModelEvent::NewMessages(vec![came])).contains(&Effect::Bell)
    };
    assert!(should_notify(BOB, 3, "hey @Alice!"));
    assert!(should_notify(BOB, 4, "@alice"));
    assert!(!should_notify(BOB, 5, "@alicent is another one"));
    assert!(!should_notify(BOB, 6, "alice"));
    assert!(!should_notify(OWN, 3, "@alice is me"));
}

#[test]
fn bell_follows_the_notify_setting() {
    let mut model = room(size(120, 40));
    let mut index = 2;
    let mut should_notify = |line: &str, feed, text| {
        model.submit(line);
        index += 1;
        let came = entry(feed, index, ("bob", "general", "2026-11-22T10:00:00Z"), text);
        model.update(ModelEvent::NewMessages(vec![came])).contains(&Effect::Bell)
    };
    assert!(
        should_notify("/notify all", BOB, "hello") && !should_notify("/notify all", OWN, "hello")
    );
    assert!(!should_notify("/notify none", BOB, "@alice"));
    assert!(
        should_notify("/notify mentions", BOB, "@alice")
            && !should_notify("/notify mentions", BOB, "hello")
    );
}

#[test]
fn unread_command_jumps_or_says_nothing_is_new() {
    let mut model = room(size(120, 40));
    let read = model.log.read.expect("a mark");
    assert_eq!(model.submit("/unread"), [Effect::ReadAround(read)]);
    let mut model = Model::new(room_info(), size(120, 40), Theme::Plain, None);
    assert_eq!(model.submit("/unread"), []);
    assert!(
        model.log.notes.last().expect("a note").text.as_str().contains("no messages were unread")
    );
}

#[test]
fn changed_settings_apply_at_once() {
    let mut model = room(size(120, 40));
    let appearance = Appearance { theme: Some(Theme::Light), ..Appearance::default() };
    model.update(ModelEvent::Appearance(appearance));
    assert_eq!(model.theme, Theme::Light);
    model.submit("/theme plain");
    let appearance = Appearance { notify: crate::appearance::Notify::All, ..appearance };
    model.update(ModelEvent::Appearance(appearance));
    assert_eq!(model.theme, Theme::Plain, "what was not changed stays");
}

#[test]
fn rows_are_ordered_unique_and_bounded() {
    let mut model = room(size(120, 40));
    let late = entry(CAROL, 1, ("carol", "general", "2026-11-21T18:02:10Z"), "late");
    model.update(ModelEvent::NewMessages(vec![late.clone()]));
    model.update(ModelEvent::NewMessages(vec![late]));
    let times = |model: &Model| model.log.rows().iter().map(|row| row.position).collect::<Vec<_>>();
    assert_eq!(times(&model).len(), 7);
    assert!(times(&model).is_sorted());
    let many = (10..2_000).map(|n| {
        let time = format!("2026-12-{:02}T{:02}:{:02}:00Z", 1 + n / 1_440, n / 60 % 24, n % 60);
        entry(BOB, n, ("bob", "general", &time), "x")
    });
    model.update(ModelEvent::NewMessages(many.collect()));
    assert_eq!(times(&model).len(), log::ROWS_MAX);
    assert!(times(&model).is_sorted());
}

#[test]
fn scrolling_up_reads_older_messages_until_the_start() {
    let mut model = room(size(50, 12));
    let first = model.log.older().unwrap();
    let effects = model.input(key(KeyCode::Home));
    assert_eq!(effects, [Effect::ReadOlder(first)]);
    model.update(ModelEvent::Older(Vec::new()));
    assert_eq!(model.input(key(KeyCode::PageUp)), []);
    // New messages do not move the view of a user who has scrolled up.
    let before = super::super::view::log::visible(&model);
    let came = entry(BOB, 9, ("bob", "general", "2026-11-23T10:00:00Z"), "new");
    assert_eq!(model.update(ModelEvent::NewMessages(vec![came])), []);
    let after = super::super::view::log::visible(&model);
    assert_eq!(before[..before.len() - 1], after[..after.len() - 1]);
    let effects = model.input(key(KeyCode::End));
    assert!(matches!(effects[..], [Effect::MarkRead(_)]), "{effects:?}");
}

#[test]
fn multi_line_paste_asks_and_is_sanitised() {
    let mut model = room(size(120, 40));
    model.input(Event::Paste("one\r\ntwo\u{1b}[2J\n".into()));
    assert!(matches!(&model.overlay, Overlay::Paste(_)));
    model.input(key(KeyCode::Char('y')));
    let effects = model.input(key(KeyCode::Enter));
    assert_eq!(effects[0], sent("general", "one\ntwo\\u{1b}[2J"));
    model.input(Event::Paste("no\nno".into()));
    model.input(key(KeyCode::Char('n')));
    model.input(Event::Paste("one line\n".into()));
    assert_eq!(model.input(key(KeyCode::Enter))[0], sent("general", "one line"));
}

#[test]
fn first_ctrl_c_clears_and_second_quits() {
    let mut model = room(size(120, 40));
    let interrupt = || with(KeyModifiers::CONTROL, KeyCode::Char('c'));
    type_text(&mut model, "half");
    assert_eq!(model.input(interrupt()), []);
    assert!(model.input_line.is_empty());
    type_text(&mut model, "x");
    assert_eq!(model.input(interrupt()), []);
    assert_eq!(model.input(interrupt()), [Effect::Quit]);
}

#[test]
fn tab_completes_and_up_recalls_history() {
    let mut model = room(size(120, 40));
    type_text(&mut model, "ask @ca");
    model.input(key(KeyCode::Tab));
    assert_eq!(model.input_line.text(), "ask @carol ");
    model.input(key(KeyCode::Enter));
    type_text(&mut model, "/inv");
    model.input(key(KeyCode::Tab));
    assert_eq!(model.input(key(KeyCode::Enter)), [Effect::Invite]);
    type_text(&mut model, "new");
    model.input(key(KeyCode::Up));
    model.input(key(KeyCode::Up));
    assert_eq!(model.input_line.text(), "ask @carol ");
    model.input(key(KeyCode::Down));
    model.input(key(KeyCode::Down));
    assert_eq!(model.input_line.text(), "new");
}

#[test]
fn search_finds_selects_and_jumps() {
    let mut model = room(size(120, 40));
    model.input(with(KeyModifiers::CONTROL, KeyCode::Char('f')));
    type_text(&mut model, "sync");
    assert_eq!(model.input(key(KeyCode::Enter)), [Effect::Search("sync".into())]);
    let hit = |n| entry(CAROL, n, ("carol", "general", &format!("2026-11-22T09:1{n}:00Z")), "sync");
    model.update(ModelEvent::Found { entries: vec![hit(1), hit(2)], is_complete: true });
    model.input(key(KeyCode::Up));
    assert_eq!(model.input(key(KeyCode::Enter)), [Effect::ReadAround(hit(1).position())]);
    assert!(matches!(model.overlay, Overlay::None));
    model.update(ModelEvent::Around(hit(1).position(), vec![hit(1), hit(2)]));
    // New messages are not shown while older ones are in view.
    model.update(ModelEvent::NewMessages(vec![hit(9)]));
    assert_eq!((model.log.below, model.log.last()), (1, Some(hit(2).position())));
    assert_eq!(model.input(key(KeyCode::End)), [Effect::ReadLatest]);
}

#[test]
fn lookalike_names_are_marked() {
    let mut model = room(size(120, 40));
    let double = |model: &Model, key| model.people.author(key).unwrap().has_lookalike;
    assert!(!double(&model, &BOB));
    // It contains a Cyrillic letter.
    let forged = entry([0xee; 32], 0, ("b\u{43e}b", "general", "2026-11-22T11:00:00Z"), "hi");
    model.update(ModelEvent::NewMessages(vec![forged]));
    assert!(double(&model, &BOB) && double(&model, &[0xee; 32]) && !double(&model, &CAROL));
}

#[test]
fn delivery_counts_peers_that_have_left() {
    let mut model = room(size(120, 40));
    let glyphs = |model: &Model| (0..3).map(|n| model.delivery.of(n).glyph()).collect::<Vec<_>>();
    assert_eq!(glyphs(&model), ["●●●", "●●○", "◌"]);
    model.update(ModelEvent::PeerLengths(Vec::new()));
    assert_eq!(glyphs(&model), ["●●●", "●●○", "◌"]);
    model.update(ModelEvent::PeerLengths(vec![([4; 32], 3)]));
    assert_eq!(glyphs(&model), ["4/4", "3/4", "1/4"]);
    let mut holders = OwnFeedHolders::default();
    holders.before = 1;
    holders.record(&[]);
    assert_eq!(
        (holders.of(0), holders.of(1)),
        (delivery::Delivery::OnAnotherDisk, delivery::Delivery::LocalOnly)
    );
}

/// Ways to open each overlay that a user may type over.
const OVERLAYS: [fn(&mut Model); 5] = [
    |model| drop(model.submit("/help")),
    |model| drop(model.submit("/peers")),
    |model| drop(model.input(with(KeyModifiers::ALT, KeyCode::Char('p')))),
    |model| drop(model.input(Event::Paste("one\ntwo".into()))),
    |model| {
        model.update(ModelEvent::Invite(overlay::Invite {
            text: sanitize::line("mfchat:abc", 40),
            qr_lines: Vec::new(),
            warning: "",
        }));
    },
];

#[test]
fn typing_over_an_overlay_loses_no_key() {
    for (number, open) in OVERLAYS.into_iter().enumerate() {
        let mut model = room(size(80, 24));
        open(&mut model);
        type_text(&mut model, "/c work");
        assert!(matches!(model.overlay, Overlay::None), "overlay {number}");
        assert_eq!(model.input_line.text(), "/c work", "overlay {number}");
        assert!(!model.input(key(KeyCode::Enter)).contains(&sent("general", "c work")));
        assert_eq!(model.channel, channel_name("work"), "overlay {number}");
        // A shortcut acts as without the overlay.
        open(&mut model);
        model.input(with(KeyModifiers::CONTROL, KeyCode::Char('n')));
        assert_ne!(model.channel, channel_name("work"), "overlay {number}");
    }
}

#[test]
fn shortcuts_type_nothing_into_a_search() {
    let mut model = room(size(80, 24));
    model.submit("/search sync");
    model.input(with(KeyModifiers::CONTROL, KeyCode::Char('u')));
    let Overlay::Search(search) = &model.overlay else { panic!("no search") };
    assert_eq!(search.words, "sync");
}

#[test]
fn command_without_its_slash_is_asked_about_and_not_sent() {
    let mut model = room(size(80, 24));
    type_text(&mut model, "nick anne");
    assert_eq!(model.input(key(KeyCode::Enter)), []);
    assert!(matches!(&model.overlay, Overlay::Unsent(command) if command == "/nick anne"));
    assert_eq!(model.input_line.text(), "nick anne", "the text is kept");
    // More keys edit it; a slash runs it; Enter sends it.
    type_text(&mut model, "!");
    assert_eq!(model.input(key(KeyCode::Enter)), []);
    assert_eq!(model.input(key(KeyCode::Char('/'))), [Effect::Rename("anne!".into())]);
    assert!(model.input_line.is_empty());
    type_text(&mut model, "nick anne");
    model.input(key(KeyCode::Enter));
    assert_eq!(model.input(key(KeyCode::Enter))[0], sent("general", "nick anne"));
    assert!(matches!(model.overlay, Overlay::None));
}

#[test]
fn help_scrolls_to_its_last_line_in_any_window() {
    for (width, height) in [(24, 8), (50, 12), (80, 24)] {
        let mut model = room(size(width, height));
        model.submit("/help");
        let bottom = |model: &Model| {
            let backend = ratatui::backend::TestBackend::new(width, height);
            let mut screen = ratatui::Terminal::new(backend).unwrap();
            screen.draw(|frame| super::super::view::draw(model, frame)).unwrap();
            screen.backend().to_string()
        };
        let is_long = bottom(&model).contains("PgDn: more");
        assert_eq!(is_long, height < 24, "{}", bottom(&model));
        for _ in 0..200 {
            model.input(key(KeyCode::Down));
        }
        assert!(matches!(model.overlay, Overlay::Help(_)), "it stays open");
        assert!(bottom(&model).contains("apart"), "{}", bottom(&model));
        for code in [KeyCode::PageUp, KeyCode::Home] {
            model.input(key(code));
        }
        assert!(bottom(&model).contains("/help"), "{}", bottom(&model));
    }
}

#[test]
fn backspace_deletes_what_looks_like_one_character() {
    let clusters =
        ["👩\u{200d}💻", "👨\u{200d}👩\u{200d}👧", "e\u{301}", "🇩🇪", "क\u{94d}\u{200d}ष", "x"];
    let mut model = room(size(80, 24));
    for (code, is_search) in [(KeyCode::Backspace, false), (KeyCode::Backspace, true)] {
        if is_search {
            model.input(with(KeyModifiers::CONTROL, KeyCode::Char('f')));
        }
        type_text(&mut model, &clusters.concat());
        for left in (0..clusters.len()).rev() {
            model.input(key(code));
            let text = match &model.overlay {
                Overlay::Search(search) => search.words.clone(),
                _ => model.input_line.text(),
            };
            assert_eq!(text, clusters[..left].concat());
        }
    }
}

#[test]
fn cursor_and_delete_move_over_whole_clusters() {
    let mut model = room(size(80, 24));
    type_text(&mut model, "a👩\u{200d}💻b");
    model.input(key(KeyCode::Left));
    model.input(key(KeyCode::Left));
    model.input(key(KeyCode::Delete));
    assert_eq!(model.input_line.text(), "ab");
    model.input(key(KeyCode::Right));
    model.input(with(KeyModifiers::ALT, KeyCode::Enter));
    model.input(key(KeyCode::Backspace));
    assert_eq!(model.input_line.text(), "ab", "a line break is one step");
}

#[test]
fn line_feed_typed_ahead_sends_like_enter() {
    let mut model = room(size(80, 24));
    type_text(&mut model, "typed before the first frame");
    let effects = model.input(with(KeyModifiers::CONTROL, KeyCode::Char('j')));
    assert_eq!(effects[0], sent("general", "typed before the first frame"));
    type_text(&mut model, "deleted");
    model.input(with(KeyModifiers::CONTROL, KeyCode::Char('u')));
    assert!(model.input_line.is_empty());
}

/// Creates messages of one channel, a minute apart.
fn many(channel: &str, from: u64, count: u64) -> Vec<Entry> {
    let said = |n: u64| {
        let time = format!("2026-11-{:02}T{:02}:{:02}:00Z", 1 + n / 1_440, n / 60 % 24, n % 60);
        entry(BOB, n, ("bob", channel, &time), &format!("message {n}"))
    };
    (from..from + count).map(said).collect()
}

fn shown(model: &Model) -> String {
    let lines = super::super::view::log::visible(model);
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn busy_channel_leaves_the_rows_of_the_others() {
    let mut model = Model::new(room_info(), size(80, 24), Theme::Plain, None);
    let channels = ["busy", "general", "quiet"].map(channel_name).into();
    let recent = many("busy", 1_000, 200);
    model.update(ModelEvent::Opened(log::RoomSummary { channels, recent, own_length: 7 }));
    model.update(ModelEvent::Latest(many("general", 0, 3)));
    assert!(shown(&model).contains("message 2"), "{}", shown(&model));
    let names = model.channels();
    assert_eq!(names, ["general", "busy", "quiet"].map(channel_name));
    assert_eq!(model.log.own_length(), 7);
    // Messages of another channel do not push these out.
    model.update(ModelEvent::NewMessages(many("busy", 2_000, log::ROWS_MAX as u64 + 1)));
    assert!(shown(&model).contains("message 2"), "{}", shown(&model));
    assert_eq!(model.log.unread(&channel_name("busy")), log::ROWS_MAX as u64 + 1);
    // Another channel is loaded when it is opened.
    assert_eq!(model.submit("/channel quiet"), [Effect::ReadLatest]);
    assert!(!shown(&model).contains("message 2"), "{}", shown(&model));
    assert_eq!(model.update(ModelEvent::Latest(many("quiet", 10, 1))).len(), 1);
    assert!(shown(&model).contains("message 10"), "{}", shown(&model));
    // What was read is the last message of the room, not the last one of this channel.
    let last = many("busy", 2_000 + log::ROWS_MAX as u64, 1)[0].position();
    assert_eq!(model.log.latest(), Some(last));
}

#[test]
fn channels_in_memory_are_bounded() {
    let mut model = room(size(80, 24));
    for n in 0..2 * log::CHANNELS_MAX as u64 {
        model.update(ModelEvent::NewMessages(many(&format!("c{n}"), n, 1)));
    }
    assert_eq!(model.log.channels().len(), log::CHANNELS_MAX);
}

#[test]
fn search_shows_its_hit_in_its_channel_and_goes_on_from_there() {
    let mut model = room(size(80, 24));
    model.submit("/search message 4321");
    let hit = many("work", 4_321, 1);
    model.update(ModelEvent::Found { entries: hit.clone(), is_complete: true });
    let position = hit[0].position();
    assert_eq!(model.input(key(KeyCode::Enter)), [Effect::ReadAround(position)]);
    assert_eq!(model.channel, channel_name("work"));
    model.update(ModelEvent::Around(position, many("work", 4_221, 200)));
    assert!(shown(&model).contains("message 4321"), "{}", shown(&model));
    // The rows go on in both directions.
    model.input(key(KeyCode::PageUp));
    let last = many("work", 4_420, 1)[0].position();
    let mut effects = Vec::new();
    for _ in 0..20 {
        effects = model.input(key(KeyCode::PageDown));
    }
    assert_eq!(effects, [Effect::ReadNewer(last)]);
    let before = shown(&model);
    assert!(before.contains("message 4419"), "{before}");
    model.update(ModelEvent::Newer { entries: many("work", 4_421, 10), is_end: true });
    assert_eq!(shown(&model).lines().next(), before.lines().next(), "the view stays");
    model.input(key(KeyCode::PageDown));
    assert!(shown(&model).contains("message 4430"), "{}", shown(&model));
    assert!(!shown(&model).contains("press End"), "{}", shown(&model));
}

#[test]
fn search_without_a_hit_says_so() {
    let mut model = room(size(80, 24));
    model.submit("/search xyzzy");
    model.update(ModelEvent::Found { entries: Vec::new(), is_complete: true });
    let backend = ratatui::backend::TestBackend::new(80, 24);
    let mut screen = ratatui::Terminal::new(backend).unwrap();
    screen.draw(|frame| super::super::view::draw(&model, frame)).unwrap();
    assert!(screen.backend().to_string().contains("nothing found"));
    assert_eq!(model.input(key(KeyCode::Enter)), []);
}

#[test]
fn pasted_rows_of_an_invite_are_joined() {
    let invite = crate::invite::Invite::new([7; 32], crate::invite::hints::Hints::default());
    let text = invite.encode();
    let (first, second) = text.split_at(40);
    let mut model = room(size(80, 24));
    model.input(Event::Paste(format!("{first}\n  {second}\n")));
    assert_eq!(model.input_line.text(), *text);
}
