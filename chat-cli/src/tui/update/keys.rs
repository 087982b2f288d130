//! Handles keys and the mouse.

use ratatui::crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use unicode_segmentation::UnicodeSegmentation;

use crate::invite::Invite;
use crate::slash;
use crate::tui::model::overlay::{Overlay, Search};
use crate::tui::model::{Effect, Model, Size};
use crate::tui::view::layout::panes;
use crate::tui::view::{overlay, rooms, tabs};

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
                self.resize(Size { width, height });
                vec![Effect::Redraw]
            }
            _ => Vec::new(),
        }
    }

    /// Adapts to another size of the window.
    pub fn resize(&mut self, size: Size) {
        self.size = size;
        self.input_line.resize();
    }

    fn key(&mut self, key: KeyEvent) -> Vec<Effect> {
        let was_interrupted = std::mem::take(&mut self.interrupted);
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            // Enter, if it was pressed before the terminal was taken over: it is a line feed then.
            KeyCode::Char('j') if control => {
                return self.key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE));
            }
            KeyCode::Char('c') if control => return self.interrupt(was_interrupted),
            KeyCode::Char('l') if control => return vec![Effect::Redraw],
            KeyCode::Char('z') if control => return vec![Effect::Suspend],
            KeyCode::Char('f') if control => {
                self.overlay = Overlay::Search(Search::default());
                return Vec::new();
            }
            KeyCode::F(1) => {
                self.overlay = Overlay::Help(0);
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
            KeyCode::Enter => return self.enter(),
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
            KeyCode::Char('p') if alt => self.overlay = Overlay::People(0),
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

    /// Submits the input line, unless it looks like a command without its slash.
    fn enter(&mut self) -> Vec<Effect> {
        if let Some(command) = slash::without_slash(&self.input_line.text()) {
            self.overlay = Overlay::Unsent(command);
            return Vec::new();
        }
        let line = self.input_line.submit();
        self.submit(&line)
    }

    /// Handles a key while an overlay is open. A key without a meaning there closes the overlay
    /// and acts as if it had not been open, so typed text is complete.
    fn overlay_key(&mut self, key: KeyEvent) -> Vec<Effect> {
        if self.scroll_list(key.code) {
            return Vec::new();
        }
        let code = if is_shortcut(key) { KeyCode::Null } else { key.code };
        match (&mut self.overlay, code) {
            (_, KeyCode::Esc) => self.overlay = Overlay::None,
            (Overlay::Search(search), KeyCode::Enter) if search.rows.is_some() => {
                let chosen = search.rows.as_ref().and_then(|rows| rows.get(search.chosen));
                let Some(row) = chosen else { return Vec::new() };
                let (channel, position) = (row.channel.clone(), row.position);
                self.overlay = Overlay::None;
                return self.go_around(channel, position);
            }
            (Overlay::Search(search), _) => return search_key(search, key),
            (Overlay::Paste(text), KeyCode::Enter | KeyCode::Char('y')) => {
                let text = std::mem::take(text);
                self.overlay = Overlay::None;
                self.input_line.paste(&text);
            }
            (Overlay::Paste(_), KeyCode::Char('n')) => self.overlay = Overlay::None,
            (Overlay::Invite(invite), KeyCode::Enter) => {
                return vec![Effect::Copy(invite.text.to_string())];
            }
            (Overlay::Unsent(_), KeyCode::Enter) => {
                self.overlay = Overlay::None;
                let line = self.input_line.submit();
                return self.submit(&line);
            }
            (Overlay::Unsent(command), KeyCode::Char('/')) => {
                let command = std::mem::take(command);
                self.overlay = Overlay::None;
                self.input_line.set(&command);
                return self.enter();
            }
            (Overlay::Help(_) | Overlay::People(_), KeyCode::Enter) => {
                self.overlay = Overlay::None;
            }
            _ => {
                self.overlay = Overlay::None;
                return self.input_key(key);
            }
        }
        Vec::new()
    }

    /// Scrolls the list in the overlay; returns whether there is one and the key scrolls.
    fn scroll_list(&mut self, code: KeyCode) -> bool {
        let (page, most) = (self.page_lines(), overlay::scroll_max(self));
        let (Overlay::Help(top) | Overlay::People(top)) = &mut self.overlay else { return false };
        let wanted = match code {
            KeyCode::Up => top.saturating_sub(1),
            KeyCode::Down => *top + 1,
            KeyCode::PageUp => top.saturating_sub(page),
            KeyCode::PageDown => *top + page,
            KeyCode::Home => 0,
            KeyCode::End => most,
            _ => return false,
        };
        *top = wanted.min(most);
        true
    }

    fn paste(&mut self, text: &str) -> Vec<Effect> {
        match &mut self.overlay {
            Overlay::Search(search) => {
                search.words.push_str(text.lines().next().unwrap_or_default());
                search.rows = None;
            }
            // An invite may be wrapped; each row alone is of no use.
            overlay if Invite::parse(text).is_ok() => {
                *overlay = Overlay::None;
                self.input_line.paste(&text.split_whitespace().collect::<String>());
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
        let scrolls_list = match mouse.kind {
            MouseEventKind::ScrollUp => Some(KeyCode::Up),
            MouseEventKind::ScrollDown => Some(KeyCode::Down),
            _ => None,
        };
        if scrolls_list.is_some_and(|code| (0..WHEEL_LINES).all(|_| self.scroll_list(code))) {
            return Vec::new();
        }
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
        match self.log.last() {
            Some(last) if self.log.scroll == 0 && self.log.is_detached() => {
                vec![Effect::ReadNewer(last)]
            }
            _ if self.log.scroll == 0 => self.go_to_end(),
            _ => Vec::new(),
        }
    }
}

/// Returns whether a key is no text because of its modifiers.
fn is_shortcut(key: KeyEvent) -> bool {
    key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT)
}

/// Handles a key in the search: the user types words, Enter searches, and the arrows select a
/// result.
fn search_key(search: &mut Search, key: KeyEvent) -> Vec<Effect> {
    match (key.code, &search.rows) {
        (KeyCode::Char(_), _) if is_shortcut(key) => {}
        (KeyCode::Char(c), _) => {
            search.words.push(c);
            search.rows = None;
        }
        (KeyCode::Backspace, _) => {
            let last = search.words.grapheme_indices(true).next_back();
            search.words.truncate(last.map_or(0, |(at, _)| at));
            search.rows = None;
        }
        (KeyCode::Up, _) => search.chosen = search.chosen.saturating_sub(1),
        (KeyCode::Down, Some(rows)) => {
            search.chosen = (search.chosen + 1).min(rows.len().saturating_sub(1));
        }
        (KeyCode::Enter, None) if !search.words.trim().is_empty() => {
            return vec![Effect::Search(search.words.clone())];
        }
        _ => {}
    }
    Vec::new()
}
