//! One line that says how everything is. Offline is a state like others, and no error.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::transcript::plural;
use crate::tui::model::Model;

/// How many cells the bar has.
const BAR_CELLS: u64 = 8;

/// Draws it.
pub fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let progress = model.progress;
    let style = if progress.peers > 0 { model.theme.good() } else { model.theme.waiting() };
    let mark = if progress.peers > 0 { " ● " } else { " ○ " };
    let room = usize::from(area.width).saturating_sub(mark.chars().count());
    // A sentence that is cut says less than a shorter one.
    let whole = Some(sentence(model)).filter(|whole| whole.chars().count() <= room);
    let words = whole.unwrap_or_else(|| in_short(model));
    let mut line = Line::from(vec![Span::styled(mark, style), Span::raw(words)]);
    if progress.want > progress.have {
        let bar = format!("{}/{} {}", progress.have, progress.want, bar(model));
        let gap = usize::from(area.width).saturating_sub(line.width() + bar.chars().count() + 1);
        line.push_span(" ".repeat(gap.max(1)));
        line.push_span(Span::styled(bar, model.theme.waiting()));
    }
    frame.render_widget(line, area);
}

/// The same as a sentence.
pub fn sentence(model: &Model) -> String {
    let goes_out = match waiting(model) {
        0 => "",
        _ if model.progress.peers > 0 => "",
        1 => " here and will go out by itself",
        _ => " here and will go out by themselves",
    };
    in_short(model) + goes_out
}

/// The same without what will become of the messages that wait.
fn in_short(model: &Model) -> String {
    let progress = model.progress;
    let presence = match (progress.peers, progress.synced) {
        (0, _) if !model.room_info.has_network => "offline".to_string(),
        (0, _) => "nobody else is here now".to_string(),
        (peers, synced) if synced == peers => {
            format!("{} · synced with all", plural(peers, "peer"))
        }
        (peers, synced) => {
            format!("{} · syncing · synced with {synced}", plural(peers, "peer"))
        }
    };
    match waiting(model) {
        0 => presence,
        1 => format!("{presence} · 1 message waits"),
        count => format!("{presence} · {count} messages wait"),
    }
}

/// How many of our messages are on no other disk.
fn waiting(model: &Model) -> u64 {
    let own = model.log.own_length();
    own.saturating_sub(model.delivery.replicated())
}

/// What is here of what is claimed: never full while something is missing, and the claim is drawn
/// lightly, since nobody has proved it.
fn bar(model: &Model) -> String {
    let (have, want) = (model.progress.have, model.progress.want.max(1));
    let full = (u128::from(have) * u128::from(BAR_CELLS) / u128::from(want)) as u64;
    let full = full.min(BAR_CELLS - 1) as usize;
    "▓".repeat(full) + &"░".repeat(BAR_CELLS as usize - full)
}
