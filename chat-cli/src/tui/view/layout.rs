//! Computes the areas of the screen.

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::widgets::Block;

use super::input;
use crate::tui::model::Model;

/// From this width on, rooms and people have columns beside the messages. Chosen: leaves 52
/// columns for the messages.
const WIDE_COLUMNS: u16 = 100;
/// From this width on, the channels have a line. Chosen: a few names fit.
const MIDDLE_COLUMNS: u16 = 60;
/// Below this height, only messages and input are shown. Chosen: the other lines would take too
/// much of it.
const LOW_ROWS: u16 = 10;
const ROOMS_COLUMNS: u16 = 19;
const PEOPLE_COLUMNS: u16 = 27;

/// The areas of the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Panes {
    /// The rooms and their channels.
    pub rooms: Option<Rect>,
    /// The line of channels.
    pub tabs: Option<Rect>,
    /// The frame around the messages.
    pub around_chat: Option<Rect>,
    /// The messages.
    pub chat: Rect,
    /// The people.
    pub people: Option<Rect>,
    /// The status line.
    pub status: Option<Rect>,
    /// The input line.
    pub input: Rect,
}

/// Computes the areas of the screen.
pub fn panes(model: &Model) -> Panes {
    let all = Rect::new(0, 0, model.size.width, model.size.height);
    let is_low = all.height < LOW_ROWS;
    let input_rows = input::rows(model, all.width).min(all.height.saturating_sub(1)).max(1);
    let [top, status, input] = Layout::vertical([
        Constraint::Min(0),
        Constraint::Length(u16::from(!is_low)),
        Constraint::Length(input_rows),
    ])
    .areas(all);
    let status = (!is_low).then_some(status);
    if all.width >= WIDE_COLUMNS && !is_low {
        let [rooms, middle, people] = Layout::horizontal([
            Constraint::Length(ROOMS_COLUMNS),
            Constraint::Min(0),
            Constraint::Length(PEOPLE_COLUMNS),
        ])
        .areas(top);
        let (chat, around) = (Block::bordered().inner(middle), Some(middle));
        let (rooms, people) = (Some(rooms), Some(people));
        return Panes { rooms, tabs: None, around_chat: around, chat, people, status, input };
    }
    let has_tabs = all.width >= MIDDLE_COLUMNS && !is_low;
    let [tabs, chat] =
        Layout::vertical([Constraint::Length(u16::from(has_tabs)), Constraint::Min(0)]).areas(top);
    let tabs = has_tabs.then_some(tabs);
    Panes { tabs, chat, status, input, ..Panes::default() }
}
