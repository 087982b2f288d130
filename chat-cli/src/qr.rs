//! Draws an invite as a QR code.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// The quiet zone in cells. The standard asks for four; cameras also read two, and a terminal has
/// little space.
const QUIET_CELLS: usize = 2;

/// Draws a text with half blocks, two cells per character. `None` if it is too long.
///
/// The text is converted to upper case: a QR code needs fewer cells for it (ISO/IEC 18004,
/// alphanumeric mode), and invites ignore case.
pub fn render(text: &str) -> Option<Vec<String>> {
    let code = QrCode::with_error_correction_level(text.to_uppercase(), EcLevel::L).ok()?;
    // The light cells are drawn, because most terminals have a dark background.
    let cells = code
        .render::<Dense1x2>()
        .quiet_zone(false)
        .dark_color(Dense1x2::Dark)
        .light_color(Dense1x2::Light)
        .build();
    let width = code.width() + 2 * QUIET_CELLS;
    let full = "█".repeat(width);
    let side = "█".repeat(QUIET_CELLS);
    let mut lines = vec![full.clone()];
    lines.extend(cells.lines().map(|line| format!("{side}{line}{side}")));
    // If the number of rows is odd, the last line is half quiet zone already.
    lines.push(full);
    Some(lines)
}

#[cfg(test)]
mod tests;
