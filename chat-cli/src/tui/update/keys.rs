//! Handles keys and the mouse.

use ratatui::crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use crate::tui::model::overlay::{Overlay, Search};
use crate::tui::model::{Effect, Model, Size};
use crate::tui::view::layout::panes;
use crate::tui::view::{rooms, tabs};

/// Lines per step of the mouse wheel. Chosen: as in most terminals.
const WHEEL_LINES: usize = 3;

impl Model {
    /// Handles an input event and returns the effects to perform.
    pub fn input(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key),
            Event::Paste(text) => self.paste(&text),
            Event::Mouse(mouse) => self.mouse(mouse),
            Event::Resize(width, height) => {
                self.size = Size { width, height };
                self.input_line.resize();
                vec![Effect::Redraw]
            }
            _ => Vec::new(),
        }
    }

    fn key(&mut self, key: KeyEvent) -> Vec<Effect> {
        let was_interrupted = std::mem::take(&mut self.interrupted);
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if control => return self.interrupt(was_interrupted),
            KeyCode::Char('l') if control => return vec![Effect::Redraw],
            KeyCode::Char('z') if control => return vec![Effect::Suspend],
            KeyCode::Char('f') if control => {
                self.overlay = Overlay::Search(Search::default());
                return Vec::new();
            }
            KeyCode::F(1) => {
                self.overlay = Overlay::Help;
                return Vec::new();
            }
            _ => {}
        }
        match self.overlay {
            Overlay::None => self.input_key(key),
            _ => self.overlay_key(key),
        }
    }

    fn interrupt(&mut self, was_interrupted: bool) -> Vec<Effect> {
        if was_interrupted {
            return vec![Effect::Quit];
        }
        self.interrupted = true;
        self.overlay = Overlay::None;
        if self.input_line.is_empty() {
            self.note("Ctrl-C again to quit");
        }
        self.input_line.set("");
        Vec::new()
    }

    fn input_key(&mut self, key: KeyEvent) -> Vec<Effect> {
        let (control, alt) = (
            key.modifiers.contains(KeyModifiers::CONTROL),
            key.modifiers.contains(KeyModifiers::ALT),
        );
        match key.code {
            KeyCode::Enter if alt => self.input_line.newline(),
            KeyCode::Enter => {
                let line = self.input_line.submit();
                return self.submit(&line);
            }
            KeyCode::Tab => {
                let authors = self.people.authors();
                let others = authors.iter().filter(|(key, _)| **key != self.room_info.key);
                let names: Vec<_> = others.map(|(_, author)| author.nick.to_string()).collect();
                self.input_line.complete(&names);
            }
            KeyCode::Char('d') if control && self.input_line.is_empty() => {
                return vec![Effect::Quit];
            }
            KeyCode::Char('n') if control => return self.next_channel(1),
            KeyCode::Char('p') if control => return self.next_channel(-1),
            KeyCode::Down if alt => return self.next_channel(1),
            KeyCode::Up if alt => return self.next_channel(-1),
            KeyCode::Char('a') if alt => return self.next_unread(),
            KeyCode::Char('p') if alt => self.overlay = Overlay::People,
            KeyCode::Char(digit @ '1'..='9') if alt => {
                return self.open_room(usize::from(digit as u8 - b'1'));
            }
            KeyCode::Up => self.input_line.older(),
            KeyCode::Down => self.input_line.newer(),
            KeyCode::PageUp => return self.scroll_up(self.page_lines()),
            KeyCode::PageDown => return self.scroll_down(self.page_lines()),
            KeyCode::Home if self.input_line.is_empty() => return self.scroll_up(usize::MAX),
            KeyCode::End if self.input_line.is_empty() => return self.go_to_end(),
            _ => self.input_line.key(key.into()),
        }
        Vec::new()
    }

    fn overlay_key(&mut self, key: KeyEvent) -> Vec<Effect> {
        match (&mut self.overlay, key.code) {
            (_, KeyCode::Esc) => self.overlay = Overlay::None,
            (Overlay::Paste(text), KeyCode::Enter | KeyCode::Char('y')) => {
                let text = std::mem::take(text);
                self.overlay = Overlay::None;
                self.input_line.paste(&text);
            }
            (Overlay::Paste(_), _) => self.overlay = Overlay::None,
            (Overlay::Invite(invite), KeyCode::Char('c')) => {
                return vec![Effect::Copy(invite.text.to_string())];
            }
            (Overlay::Search(search), code) => {
                let effects = search_key(search, code);
                if matches!(effects.first(), Some(Effect::ReadAround(_))) {
                    self.overlay = Overlay::None;
                }
                return effects;
            }
            _ => self.overlay = Overlay::None,
        }
        Vec::new()
    }

    fn paste(&mut self, text: &str) -> Vec<Effect> {
        match &mut self.overlay {
            Overlay::Search(search) => {
                search.words.push_str(text.lines().next().unwrap_or_default());
                search.rows = None;
            }
            _ if text.trim_end().contains(['\n', '\r']) => {
                let text = text.replace("\r\n", "\n").replace('\r', "\n");
                self.overlay = Overlay::Paste(text.trim_end().to_string());
            }
            overlay => {
                *overlay = Overlay::None;
                self.input_line.paste(text.trim_end_matches(['\n', '\r']));
            }
        }
        Vec::new()
    }

    fn mouse(&mut self, mouse: MouseEvent) -> Vec<Effect> {
        match mouse.kind {
            MouseEventKind::ScrollUp => self.scroll_up(WHEEL_LINES),
            MouseEventKind::ScrollDown => self.scroll_down(WHEEL_LINES),
            MouseEventKind::Down(MouseButton::Left) => {
                let at = (mouse.column, mouse.row).into();
                let panes = panes(self);
                let target = match (panes.rooms, panes.tabs) {
                    (Some(area), _) if area.contains(at) => rooms::at(self, area, at),
                    (_, Some(area)) if area.contains(at) => tabs::at(self, area, at),
                    _ => None,
                };
                match target {
                    Some(rooms::ClickTarget::Room(room)) => self.open_room(room),
                    Some(rooms::ClickTarget::Channel(channel)) => self.go_to(channel),
                    None => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }

    fn open_room(&self, at: usize) -> Vec<Effect> {
        let is_other =
            self.room_info.rooms.get(at).is_some_and(|name| *name != self.room_info.room);
        is_other.then_some(Effect::OpenRoom(at)).into_iter().collect()
    }

    fn next_channel(&mut self, step: isize) -> Vec<Effect> {
        let channels = self.channels();
        let at = channels.iter().position(|name| *name == self.channel).unwrap_or(0);
        let next = (at as isize + step).rem_euclid(channels.len() as isize) as usize;
        self.go_to(channels[next].clone())
    }

    fn next_unread(&mut self) -> Vec<Effect> {
        let unread = self.channels().into_iter().find(|name| self.log.unread(name) > 0);
        unread.map_or_else(Vec::new, |channel| self.go_to(channel))
    }

    fn page_lines(&self) -> usize {
        usize::from(panes(self).chat.height.saturating_sub(1)).max(1)
    }

    fn scroll_up(&mut self, lines: usize) -> Vec<Effect> {
        let rows = usize::from(panes(self).chat.height);
        let most = self.log_height().saturating_sub(rows);
        self.log.scroll = self.log.scroll.saturating_add(lines).min(most);
        let at_top = self.log.scroll == most;
        self.log.older().filter(|_| at_top).map(Effect::ReadOlder).into_iter().collect()
    }

    fn scroll_down(&mut self, lines: usize) -> Vec<Effect> {
        self.log.scroll = self.log.scroll.min(self.log_height()).saturating_sub(lines);
        if self.log.scroll == 0 { self.go_to_end() } else { Vec::new() }
    }
}

/// Handles a key in the search: the user types words, Enter searches, the arrows select a result,
/// and Enter jumps to it.
fn search_key(search: &mut Search, code: KeyCode) -> Vec<Effect> {
    match (code, &search.rows) {
        (KeyCode::Char(c), _) => {
            search.words.push(c);
            search.rows = None;
        }
        (KeyCode::Backspace, _) => {
            search.words.pop();
            search.rows = None;
        }
        (KeyCode::Up, _) => search.chosen = search.chosen.saturating_sub(1),
        (KeyCode::Down, Some(rows)) => {
            search.chosen = (search.chosen + 1).min(rows.len().saturating_sub(1));
        }
        (KeyCode::Enter, None) if !search.words.trim().is_empty() => {
            return vec![Effect::Search(search.words.clone())];
        }
        (KeyCode::Enter, Some(rows)) => {
            let position = rows.get(search.chosen).map(|row| row.position);
            return position.map(Effect::ReadAround).into_iter().collect();
        }
        _ => {}
    }
    Vec::new()
}
