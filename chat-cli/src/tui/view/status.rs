//! Draws the status line. Being offline is a normal state, not an error.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::transcript::plural;
use crate::tui::model::Model;

/// Cells of the progress bar. Chosen: it fits beside the text.
const BAR_CELLS: u64 = 8;

/// Draws the status line.
pub fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let progress = model.progress;
    let style = if progress.peers > 0 { model.theme.success() } else { model.theme.waiting() };
    let mark = if progress.peers > 0 { " ● " } else { " ○ " };
    let room = usize::from(area.width).saturating_sub(mark.chars().count());
    // A complete short text is better than a cut long one.
    let whole = Some(sentence(model)).filter(|whole| whole.chars().count() <= room);
    let words = whole.unwrap_or_else(|| short_sentence(model));
    let mut line = Line::from(vec![Span::styled(mark, style), Span::raw(words)]);
    if progress.want > progress.have {
        let bar = format!("{}/{} {}", progress.have, progress.want, bar(model));
        let gap = usize::from(area.width).saturating_sub(line.width() + bar.chars().count() + 1);
        line.push_span(" ".repeat(gap.max(1)));
        line.push_span(Span::styled(bar, model.theme.waiting()));
    }
    frame.render_widget(line, area);
}

/// Returns the status as text.
pub fn sentence(model: &Model) -> String {
    let stored = match undelivered_count(model) {
        0 => "",
        _ if model.progress.peers > 0 => "",
        _ => ", stored here",
    };
    short_sentence(model) + stored
}

/// Returns the status without the place of undelivered messages.
fn short_sentence(model: &Model) -> String {
    let progress = model.progress;
    let presence = match (progress.peers, progress.synced) {
        (0, _) if !model.room_info.has_network => "offline".to_string(),
        (0, _) => "no other member online".to_string(),
        (peers, synced) if synced == peers => {
            format!("{} · synced with all", plural(peers, "peer"))
        }
        (peers, synced) => {
            format!("{} · syncing · synced with {synced}", plural(peers, "peer"))
        }
    };
    match undelivered_count(model) {
        0 => presence,
        1 => format!("{presence} · 1 message undelivered"),
        count => format!("{presence} · {count} messages undelivered"),
    }
}

/// Returns how many of our messages are stored only here.
fn undelivered_count(model: &Model) -> u64 {
    let own = model.log.own_length();
    own.saturating_sub(model.delivery.replicated())
}

/// Returns the progress bar. It is never full while messages are missing. The claimed part is
/// drawn lightly because it is unproven.
fn bar(model: &Model) -> String {
    let (have, want) = (model.progress.have, model.progress.want.max(1));
    let full = (u128::from(have) * u128::from(BAR_CELLS) / u128::from(want)) as u64;
    let full = full.min(BAR_CELLS - 1) as usize;
    "▓".repeat(full) + &"░".repeat(BAR_CELLS as usize - full)
}
