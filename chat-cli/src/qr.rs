//! An invite as a picture that a camera reads.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// The widest quiet zone that a terminal has room for, in cells; two are enough for cameras.
const QUIET_CELLS: usize = 2;

/// Draws a text with half blocks, two cells in each character. `None` if it is too long.
///
/// The text is put into capitals: a QR code has fewer cells for them, and an invite may be written
/// in either (ISO/IEC 18004, alphanumeric mode).
pub fn render(text: &str) -> Option<Vec<String>> {
    let code = QrCode::with_error_correction_level(text.to_uppercase(), EcLevel::L).ok()?;
    // Light cells are drawn, so that the picture is right on dark ground, as terminals are.
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
    // An odd number of rows leaves a half one at the end, which is quiet zone already.
    lines.push(full);
    Some(lines)
}

#[cfg(test)]
mod tests;
