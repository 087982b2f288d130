use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{Event, KeyCode, KeyModifiers};

use crate::message::Content;
use crate::qr;
use crate::theme::Theme;
use crate::tui::model::overlay::Invite;
use crate::tui::model::tests::{BOB, OWN, about, entry, key, room, size, type_text, with};
use crate::tui::model::{Model, News, Size};

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
fn a_room_has_three_widths_and_a_smallest_one() {
    in_each_size("room", |_| {});
}

#[test]
fn a_topic_stands_in_the_line_of_the_channel_and_among_the_messages() {
    in_each_size("topic", |model| {
        let text = crate::message::topic(&format!("soup at noon, {}", "and bread ".repeat(12)));
        let author = crate::sanitize::author("bob", &BOB);
        let topic = Some(crate::session::Topic { text, author });
        model.update(News::Topic(crate::message::channel_name("general"), topic));
        let mut set = entry(BOB, 3, ("bob", "general", "2026-11-22T09:18:00Z"), "soup at noon");
        let Content::Chat(chat) = set.content else { panic!("no message") };
        set.content = Content::Topic(chat);
        model.update(News::Came(vec![set]));
    });
}

#[test]
fn a_topic_is_of_its_channel_alone() {
    let mut model = room(size(120, 40));
    let topic = |text| {
        let (text, author) = (crate::message::topic(text), crate::sanitize::author("bob", &BOB));
        Some(crate::session::Topic { text, author })
    };
    model.update(News::Topic(crate::message::channel_name("random"), topic("elsewhere")));
    assert!(!model.knows_topic() && model.topic().is_none());
    let mut screen = Screen::new(model.size);
    assert!(!screen.picture(&model).contains("─ elsewhere"));
    model.go_to(crate::message::channel_name("random"));
    assert!(screen.picture(&model).contains("#random ─ elsewhere "));
}

#[test]
fn an_empty_room_says_what_comes_next() {
    for (width, height) in SIZES {
        let mut model = Model::new(about(), size(width, height), Theme::Plain, None);
        model.update(News::Latest(Vec::new()));
        model.note("listening on 192.0.2.1:4977");
        snapshot(&format!("empty_{width}x{height}"), &model);
    }
}

#[test]
fn a_text_is_typed_in_as_many_rows_as_it_needs() {
    in_each_size("typing", |model| {
        type_text(model, "a text that is long enough to need more than one row somewhere");
        model.input(with(KeyModifiers::ALT, KeyCode::Enter));
        type_text(model, "and a second line");
    });
}

#[test]
fn help_lies_over_the_messages() {
    in_each_size("help", |model| {
        model.submit("/help");
    });
}

#[test]
fn people_lie_over_the_messages() {
    in_each_size("people", |model| {
        model.submit("/peers");
    });
}

#[test]
fn a_search_lies_over_the_messages() {
    in_each_size("search", |model| {
        model.submit("/search sync");
        let hit = |n: u64, text| {
            let time = format!("2026-11-22T09:1{n}:00Z");
            entry(BOB, n, ("bob", "general", &time), text)
        };
        let hits = vec![hit(1, "in sync"), hit(2, "out of sync"), hit(3, "sync again")];
        model.update(News::Found(hits, true));
        model.input(key(KeyCode::Up));
    });
}

#[test]
fn an_invite_is_a_picture_where_there_is_room_for_one() {
    in_each_size("invite", |model| {
        let ticket =
            crate::invite::Ticket::new([7; 32], crate::invite::hints::Hints::default()).encode();
        model.update(News::Invite(Invite {
            text: crate::sanitize::line(&ticket, 400),
            picture: qr::picture(&ticket).unwrap(),
            warning: "anyone with this can read the whole history",
        }));
    });
}

#[test]
fn a_paste_is_asked_about() {
    in_each_size("paste", |model| {
        model.input(Event::Paste("one\ntwo\nthree".into()));
    });
}

#[test]
fn messages_above_are_shown_with_the_way_back() {
    in_each_size("above", |model| {
        let many = (10..60).map(|n| {
            let time = format!("2026-11-22T10:{n}:00Z");
            entry(if n % 3 == 0 { OWN } else { BOB }, n, ("bob", "general", &time), "again")
        });
        model.update(News::Came(many.collect()));
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
fn a_screen_that_was_pulled_shows_what_a_new_one_of_that_size_does() {
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
fn any_size_can_be_drawn() {
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
fn a_click_opens_what_stands_there() {
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
fn the_last_lines_are_those_of_all_wherever_the_screen_is() {
    let mut model = Model::new(about(), size(60, 12), Theme::Plain, None);
    let said = |index: u64| {
        let time = format!("2026-11-{:02}T{:02}:00:00Z", 1 + index / 20, index % 20);
        let text = "some words of a message ".repeat(1 + index as usize % 7);
        entry(BOB, index, ("bob", "general", &time), &text)
    };
    model.update(News::Latest((0..50).map(said).collect()));
    for index in 50..90 {
        model.update(News::Came(vec![said(index)]));
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
