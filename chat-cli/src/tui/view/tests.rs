use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{Event, KeyCode, KeyModifiers};

use crate::message::Content;
use crate::qr;
use crate::theme::Theme;
use crate::tui::model::overlay::Invite;
use crate::tui::model::tests::{BOB, OWN, entry, key, room, room_info, size, type_text, with};
use crate::tui::model::{Model, ModelEvent, Size};

/// The three widths, and a size in which hardly anything fits.
const SIZES: [(u16, u16); 4] = [(120, 40), (80, 24), (50, 12), (24, 8)];

/// A terminal without a screen.
struct Screen(Terminal<TestBackend>);

impl Screen {
    fn new(size: Size) -> Self {
        Self(Terminal::new(TestBackend::new(size.width, size.height)).unwrap())
    }

    /// Resizes the terminal, which loses its content.
    fn resize(&mut self, model: &mut Model, (width, height): (u16, u16)) {
        self.0.backend_mut().resize(width, height);
        model.input(Event::Resize(width, height));
    }

    fn picture(&mut self, model: &Model) -> String {
        self.0.draw(|frame| super::draw(model, frame)).unwrap();
        let text = self.0.backend().to_string();
        // The backend puts quotes around each line.
        text.lines().map(|line| format!("{}\n", line.trim_matches('"').trim_end())).collect()
    }
}

fn snapshot(name: &str, model: &Model) {
    let picture = Screen::new(model.size).picture(model);
    insta::assert_snapshot!(name, picture);
}

/// Takes a snapshot of a room in each size after a change.
fn in_each_size(name: &str, change: impl Fn(&mut Model)) {
    for (width, height) in SIZES {
        let mut model = room(size(width, height));
        change(&mut model);
        snapshot(&format!("{name}_{width}x{height}"), &model);
    }
}

#[test]
fn room_renders_in_each_size() {
    in_each_size("room", |_| {});
}

#[test]
fn topic_shows_in_channel_line_and_messages() {
    in_each_size("topic", |model| {
        let text = crate::message::topic(&format!("soup at noon, {}", "and bread ".repeat(12)));
        let author = crate::sanitize::author("bob", &BOB);
        let topic = Some(crate::session::topics::Topic { text, author });
        model.update(ModelEvent::Topic(crate::message::channel_name("general"), topic));
        let mut set = entry(BOB, 3, ("bob", "general", "2026-11-22T09:18:00Z"), "soup at noon");
        let Content::Chat(chat) = set.content else { panic!("no message") };
        set.content = Content::Topic(chat);
        model.update(ModelEvent::NewMessages(vec![set]));
    });
}

#[test]
fn topic_shows_only_in_its_channel() {
    let mut model = room(size(120, 40));
    let topic = |text| {
        let (text, author) = (crate::message::topic(text), crate::sanitize::author("bob", &BOB));
        Some(crate::session::topics::Topic { text, author })
    };
    model.update(ModelEvent::Topic(crate::message::channel_name("random"), topic("elsewhere")));
    assert!(!model.has_loaded_topic() && model.topic().is_none());
    let mut screen = Screen::new(model.size);
    assert!(!screen.picture(&model).contains("─ elsewhere"));
    model.go_to(crate::message::channel_name("random"));
    assert!(screen.picture(&model).contains("#random ─ elsewhere "));
}

#[test]
fn empty_room_shows_next_steps() {
    for (width, height) in SIZES {
        let mut model = Model::new(room_info(), size(width, height), Theme::Plain, None);
        model.update(ModelEvent::Latest(Vec::new()));
        model.note("listening on 192.0.2.1:4977");
        snapshot(&format!("empty_{width}x{height}"), &model);
    }
}

#[test]
fn input_grows_with_the_text() {
    in_each_size("typing", |model| {
        type_text(model, "a text that is long enough to need more than one row somewhere");
        model.input(with(KeyModifiers::ALT, KeyCode::Enter));
        type_text(model, "and a second line");
    });
}

#[test]
fn help_overlay_covers_messages() {
    in_each_size("help", |model| {
        model.submit("/help");
    });
}

#[test]
fn people_overlay_covers_messages() {
    in_each_size("people", |model| {
        model.submit("/peers");
    });
}

#[test]
fn search_overlay_covers_messages() {
    in_each_size("search", |model| {
        model.submit("/search sync");
        let hit = |n: u64, text| {
            let time = format!("2026-11-22T09:1{n}:00Z");
            entry(BOB, n, ("bob", "general", &time), text)
        };
        let hits = vec![hit(1, "in sync"), hit(2, "out of sync"), hit(3, "sync again")];
        model.update(ModelEvent::Found { entries: hits, is_complete: true });
        model.input(key(KeyCode::Up));
    });
}

#[test]
fn invite_shows_a_qr_code_if_it_fits() {
    in_each_size("invite", |model| {
        let invite =
            crate::invite::Invite::new([7; 32], crate::invite::hints::Hints::default()).encode();
        model.update(ModelEvent::Invite(Invite {
            text: crate::sanitize::line(&invite, 400),
            qr_lines: qr::render(&invite).unwrap(),
            warning: "anyone with this can read the whole history",
        }));
    });
}

#[test]
fn paste_asks_for_confirmation() {
    in_each_size("paste", |model| {
        model.input(Event::Paste("one\ntwo\nthree".into()));
    });
}

#[test]
fn scrolled_view_shows_how_to_return() {
    in_each_size("above", |model| {
        let many = (10..60).map(|n| {
            let time = format!("2026-11-22T10:{n}:00Z");
            entry(if n % 3 == 0 { OWN } else { BOB }, n, ("bob", "general", &time), "again")
        });
        model.update(ModelEvent::NewMessages(many.collect()));
        model.input(key(KeyCode::PageUp));
    });
}

/// Changes that open an overlay or enlarge the input.
const PANES: [fn(&mut Model); 6] = [
    |_| {},
    |model| type_text(model, "a text that is long enough to need more than one row somewhere"),
    |model| drop(model.submit("/help")),
    |model| drop(model.submit("/peers")),
    |model| drop(model.submit("/search sync")),
    |model| drop(model.input(Event::Paste("one\ntwo\nthree".into()))),
];

#[test]
fn resized_screen_equals_a_new_one() {
    // Each size after each other one.
    let order = [0, 1, 2, 3, 2, 1, 0, 3, 0, 2, 0, 1, 3, 1];
    for (number, pane) in PANES.into_iter().enumerate() {
        let mut model = room(size(120, 40));
        pane(&mut model);
        let mut screen = Screen::new(model.size);
        screen.picture(&model);
        for at in order {
            screen.resize(&mut model, SIZES[at]);
            let pulled = screen.picture(&model);
            let mut fresh = room(size(SIZES[at].0, SIZES[at].1));
            pane(&mut fresh);
            let new = Screen::new(model.size).picture(&fresh);
            assert_eq!(pulled, new, "pane {number} at {:?}", SIZES[at]);
        }
    }
}

#[test]
fn any_size_renders() {
    for width in (1..110).step_by(3) {
        for height in (1..24).step_by(2) {
            let mut model = room(size(width, height));
            Screen::new(model.size).picture(&model);
            model.submit("/peers");
            model.input(key(KeyCode::PageUp));
            Screen::new(model.size).picture(&model);
        }
    }
}

#[test]
fn click_opens_its_target() {
    use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
    let click = |column, row| {
        let kind = MouseEventKind::Down(MouseButton::Left);
        Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
    };
    let mut model = room(size(120, 40));
    model.input(click(6, 3));
    assert_eq!(model.channel.as_str(), "random");
    model.input(click(6, 2));
    assert_eq!(model.channel.as_str(), "general");
    let effects = model.input(click(3, 4));
    assert_eq!(effects, [crate::tui::model::Effect::OpenRoom(1)]);
    assert_eq!(model.input(click(3, 1)), []);
    let mut model = room(size(80, 24));
    model.input(click(20, 0));
    assert_eq!(model.channel.as_str(), "random");
}

#[test]
fn visible_lines_match_the_full_log_at_any_scroll() {
    let mut model = Model::new(room_info(), size(60, 12), Theme::Plain, None);
    let said = |index: u64| {
        let time = format!("2026-11-{:02}T{:02}:00:00Z", 1 + index / 20, index % 20);
        let text = "some words of a message ".repeat(1 + index as usize % 7);
        entry(BOB, index, ("bob", "general", &time), &text)
    };
    model.update(ModelEvent::Latest((0..50).map(said).collect()));
    for index in 50..90 {
        model.update(ModelEvent::NewMessages(vec![said(index)]));
        if index % 9 == 0 {
            model.note(&format!("a note behind message {index}"));
        }
    }
    let all = super::log::lines(&model);
    for scroll in 0..all.len() + 3 {
        model.log.scroll = scroll;
        let shown = super::log::visible(&model);
        let end = all.len() - scroll.min(all.len() - shown.len());
        // If there are more messages below, the last line is a hint.
        let whole = shown.len() - usize::from(scroll > 0);
        assert_eq!(shown[..whole], all[end - shown.len()..][..whole], "{scroll}");
    }
}
