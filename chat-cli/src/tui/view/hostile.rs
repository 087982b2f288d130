//! Tests that hostile text does not act on a terminal, with an emulated terminal.

use jiff::tz::TimeZone;
use proptest::prelude::*;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use vt100::{Callbacks, Parser, Screen};

use super::draw;
use super::layout::panes;
use crate::report::ColourMode;
use crate::timeline::Entry;
use crate::transcript::Transcript;
use crate::tui::model::overlay::{Invite, Overlay};
use crate::tui::model::tests::{entry, room, size};
use crate::tui::model::{Model, ModelEvent};

const MALLORY: [u8; 32] = [0x77; 32];
const WIDTH: u16 = 120;
const HEIGHT: u16 = 30;

/// Control sequences and characters that act on a terminal or confuse the display.
const PAYLOADS: [&str; 45] = [
    "\u{1b}[2J",
    "\u{1b}[H",
    "\u{1b}[1;1Hroot",
    "\u{1b}[3A\u{1b}[2K",
    "\u{1b}[31;1m",
    "\u{1b}[?25l",
    "\u{1b}[?1049h",
    "\u{1b}[?1049l",
    "\u{1b}[?1000h",
    "\u{1b}[?2004l",
    "\u{1b}[6n",
    "\u{1b}[c",
    "\u{1b}[8;1;1t",
    "\u{1b}[21t",
    "\u{1b}[5i",
    "\u{1b}[1;2r",
    "\u{1b}[4h",
    "\u{1b}c",
    "\u{1b}7\u{1b}8",
    "\u{1b}(0",
    "\u{1b}#8",
    "\u{1b}]0;owned\u{7}",
    "\u{1b}]2;owned\u{1b}\\",
    "\u{1b}]52;c;cm0=\u{7}",
    "\u{1b}]8;;http://x\u{1b}\\y",
    "\u{1b}]4;1;red\u{7}",
    "\u{1b}]1337;File=:AA\u{7}",
    "\u{1b}P+q\u{1b}\\",
    "\u{1b}_G\u{1b}\\",
    "\u{9b}2J",
    "\u{9d}0;owned\u{9c}",
    "\u{90}q\u{9c}",
    "\u{7}",
    "\u{8}\u{8}\u{8}",
    "\r",
    "\u{b}\u{c}\u{84}\u{85}",
    "\u{e}",
    "\u{202e}gpj.exe",
    "\u{2066}\u{2067}x\u{2069}",
    "\u{200b}\u{200d}\u{feff}",
    "e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}",
    "\u{e0041}\u{e007f}",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{fe0f}",
    "\u{2028}\u{2029}",
    "\0",
];

/// Returns each payload alone, inside a word, repeated, after a newline, and at the end of a text
/// of several lines.
fn hostile() -> Vec<String> {
    let ways: [fn(&str) -> String; 5] = [
        str::to_string,
        |text| format!("al{text}ice"),
        |text| text.repeat(60),
        |text| format!("\n{text}\n18:02 alice·aaaaaa yes"),
        |text| format!("{}{text}", "日本語 ".repeat(40)),
    ];
    PAYLOADS.iter().flat_map(|text| ways.iter().map(|way| way(text))).collect()
}

/// The actions that a text must not cause in a terminal.
#[derive(Debug, Default, PartialEq, Eq)]
struct TerminalActions(Vec<&'static str>);

impl Callbacks for TerminalActions {
    fn audible_bell(&mut self, _: &mut Screen) {
        self.0.push("bell");
    }
    fn visual_bell(&mut self, _: &mut Screen) {
        self.0.push("flash");
    }
    fn resize(&mut self, _: &mut Screen, _: (u16, u16)) {
        self.0.push("resize");
    }
    fn set_window_icon_name(&mut self, _: &mut Screen, _: &[u8]) {
        self.0.push("icon");
    }
    fn set_window_title(&mut self, _: &mut Screen, _: &[u8]) {
        self.0.push("title");
    }
    fn copy_to_clipboard(&mut self, _: &mut Screen, _: &[u8], _: &[u8]) {
        self.0.push("copy");
    }
    fn paste_from_clipboard(&mut self, _: &mut Screen, _: &[u8]) {
        self.0.push("paste");
    }
    fn unhandled_osc(&mut self, _: &mut Screen, _: &[&[u8]]) {
        self.0.push("osc");
    }
    fn unhandled_control(&mut self, _: &mut Screen, _: u8) {
        self.0.push("control");
    }
}

fn terminal() -> Parser<TerminalActions> {
    Parser::new_with_callbacks(rows(HEIGHT), rows(WIDTH), 0, TerminalActions::default())
}

fn rows(count: u16) -> std::num::NonZeroU16 {
    std::num::NonZeroU16::new(count).unwrap()
}

/// Creates a model with a hostile text in every place that a peer controls: text, nick, channel,
/// and the room name from an invite.
fn hostile_model(text: &str) -> Model {
    let mut model = room(size(WIDTH, HEIGHT));
    let at = "2026-11-22T09:20:00Z";
    let said = entry(MALLORY, 0, (text, "general", at), &format!("x{text}"));
    let channel = entry(MALLORY, 1, ("mallory", text, at), "x");
    model.update(ModelEvent::NewMessages(vec![said, channel]));
    model.room_info.room = crate::sanitize::line(text, 40);
    model.room_info.rooms = vec![model.room_info.room.clone()];
    model.note(text);
    model
}

/// Returns the emulated terminal after drawing a model, and the intended content.
fn shown(model: &Model) -> (Parser<TerminalActions>, Buffer) {
    let mut bytes = Vec::new();
    let area = Rect::new(0, 0, WIDTH, HEIGHT);
    let options = TerminalOptions { viewport: Viewport::Fixed(area) };
    let mut canvas = Terminal::with_options(CrosstermBackend::new(&mut bytes), options).unwrap();
    let meant = canvas.draw(|frame| draw(model, frame)).unwrap().buffer.clone();
    drop(canvas);
    let mut terminal = terminal();
    terminal.process(&bytes);
    (terminal, meant)
}

fn check_text(text: &str) {
    let mut model = hostile_model(text);
    appearance(&model, text);
    model.overlay = Overlay::search(text);
    let hit = entry(MALLORY, 0, (text, "general", "2026-11-22T09:20:00Z"), &format!("x{text}"));
    model.update(ModelEvent::Found { entries: vec![hit], is_complete: true });
    appearance(&model, text);
    let line = crate::sanitize::line(text, 400);
    model.update(ModelEvent::Invite(Invite { text: line, qr_lines: Vec::new(), warning: "read" }));
    appearance(&model, text);
}

fn appearance(model: &Model, text: &str) {
    let (terminal, meant) = shown(model);
    let screen = terminal.screen();
    assert_eq!(*terminal.callbacks(), TerminalActions::default(), "{text:?}");
    assert!(!screen.alternate_screen() && !screen.bracketed_paste(), "{text:?}");
    let panes = panes(model);
    let inside = |area: Rect| Rect::new(area.x + 1, area.y, area.width - 2, area.height);
    let texts = [panes.chat, inside(panes.rooms.unwrap()), inside(panes.people.unwrap())];
    let title = Rect { height: 1, ..panes.around_chat.unwrap() };
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let is_text = texts.iter().any(|area| area.contains((x, y).into()));
            if is_text || title.contains((x, y).into()) {
                continue;
            }
            let cell = screen.cell(y, x).unwrap();
            let found = if cell.has_contents() { cell.contents() } else { " " };
            assert_eq!(found, meant[(x, y)].symbol(), "{x}, {y} after {text:?}");
        }
    }
    for y in panes.chat.y..panes.chat.bottom() {
        let first = screen.cell(y, panes.chat.x).unwrap();
        let is_ours = |c: char| c.is_ascii_digit() || " ─-┌│└".contains(c);
        let ours = first.contents().chars().all(is_ours);
        let covers = !matches!(model.overlay, Overlay::None);
        assert!(ours || covers, "row {y} begins with {:?} after {text:?}", first.contents());
    }
}

/// Checks the same in line mode.
fn check_text_by_lines(text: &str) {
    let mut transcript = Transcript::new(TimeZone::UTC, ColourMode::Plain);
    let said = |nick: &str, text: &str| -> Entry {
        entry(MALLORY, 0, (nick, "general", "2026-11-22T09:20:00Z"), text)
    };
    let mut terminal = terminal();
    terminal.process(b"before\r\n");
    for line in transcript.lines(&said(text, &format!("x{text}"))) {
        let starts = ["── ", "09:20 ", "    │ "];
        assert!(starts.iter().any(|start| line.starts_with(start)), "{line:?}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
        terminal.process(line.as_bytes());
        terminal.process(b"\r\n");
    }
    terminal.process(b"after");
    let screen = terminal.screen();
    assert_eq!(*terminal.callbacks(), TerminalActions::default(), "{text:?}");
    assert_eq!(screen.fgcolor(), vt100::Color::Default, "{text:?}");
    let after = screen.rows(0, WIDTH).nth(screen.cursor_position().0.into()).unwrap();
    assert!(after.starts_with("after"), "{text:?}");
    // Nothing was written above.
    let first = screen.rows(0, WIDTH).next().unwrap();
    assert!(first == "before" || screen.cursor_position().0 == HEIGHT - 1, "{text:?}: {first}");
}

#[test]
fn two_hundred_hostile_texts_stay_in_their_panes() {
    let texts = hostile();
    assert!(texts.len() >= 200);
    for text in texts {
        check_text(&text);
        check_text_by_lines(&text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_text_stays_in_its_pane(
        parts in prop::collection::vec(prop_oneof![
            prop::sample::select(PAYLOADS.to_vec()).prop_map(str::to_string),
            "\\PC{0,30}",
            prop::collection::vec(any::<char>(), 0..30).prop_map(|c| c.into_iter().collect()),
        ], 1..6)
    ) {
        // The terminal emulator omits U+FFFD; terminals show it.
        let text = parts.concat().replace('\u{fffd}', "?");
        check_text(&text);
        check_text_by_lines(&text);
    }
}
