//! One chart as a part of an SVG: axes with units, grid, steps, marks and a legend.

use std::fmt::Write as _;

/// The margins around the curves, in pixels.
const LEFT: f64 = 62.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 40.0;

/// Approximate number of ticks on an axis.
const TICKS: f64 = 5.0;

/// A curve and its name.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// The position and size of a chart in pixels.
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// What a chart shows.
pub(super) struct Chart<'a> {
    pub(super) title: &'a str,
    /// The unit of the vertical axis; the horizontal one is virtual time in seconds.
    pub(super) unit: &'a str,
    pub(super) lines: &'a [Line],
    /// Named times, as vertical lines.
    pub(super) marks: &'a [(f64, &'a str)],
    /// The ends of the axes, shared by the charts to be compared.
    pub(super) ends: (f64, f64),
}

impl Chart<'_> {
    /// Draws the chart into an area.
    pub(super) fn draw(&self, svg: &mut String, Area { left, top, width, height }: &Area) {
        let (x_end, y_end) = (self.ends.0.max(1e-9), self.ends.1.max(1e-9));
        let (inner_width, inner_height) = (width - LEFT - RIGHT, height - TOP - BOTTOM);
        let x = |at: f64| LEFT + at / x_end * inner_width;
        let y = |value: f64| TOP + inner_height - (value / y_end).min(1.0) * inner_height;
        let (floor, wall) = (TOP + inner_height, LEFT + inner_width);
        // Writing to a string does not fail, here and below.
        _ = write!(svg, "<g transform='translate({left:.0},{top:.0})'>");
        _ = write!(svg, "<text x='{LEFT}' y='16' class='title'>{}</text>", self.title);
        for value in ticks(y_end) {
            let at = y(value);
            _ = write!(svg, "<path class='grid' d='M{LEFT} {at:.1}H{wall:.1}'/>");
            let (at, edge) = (at + 4.0, LEFT - 6.0);
            _ = write!(svg, "<text x='{edge}' y='{at:.1}' class='end'>{}</text>", number(value));
        }
        for value in ticks(x_end) {
            let at = x(value);
            _ = write!(svg, "<path class='grid' d='M{at:.1} {TOP}V{floor:.1}'/>");
            let below = floor + 15.0;
            _ = write!(
                svg,
                "<text x='{at:.1}' y='{below:.1}' class='mid'>{}</text>",
                number(value)
            );
        }
        _ = write!(svg, "<path class='axis' d='M{LEFT} {TOP}V{floor:.1}H{wall:.1}'/>");
        let (middle, foot) = (LEFT + inner_width / 2.0, floor + 32.0);
        _ = write!(svg, "<text x='{middle:.1}' y='{foot:.1}' class='mid'>virtual time (s)</text>");
        let (side, unit) = (TOP + inner_height / 2.0, self.unit);
        _ = write!(
            svg,
            "<text transform='translate(14,{side:.1}) rotate(-90)' class='mid'>{unit}</text>"
        );
        for (place, (at, name)) in self.marks.iter().enumerate() {
            let (at, label) = (x(*at), TOP + 12.0 + 13.0 * place as f64);
            _ = write!(svg, "<path class='mark' d='M{at:.1} {TOP}V{floor:.1}'/>");
            let near = at - 4.0;
            _ = write!(svg, "<text x='{near:.1}' y='{label:.1}' class='end mark'>{name}</text>");
        }
        for (place, line) in self.lines.iter().enumerate() {
            self.draw_line(svg, place, line, &x, &y);
        }
        self.draw_legend(svg, wall, floor);
        svg.push_str("</g>");
    }

    fn draw_line(
        &self,
        svg: &mut String,
        place: usize,
        line: &Line,
        x: &impl Fn(f64) -> f64,
        y: &impl Fn(f64) -> f64,
    ) {
        let mut path = String::new();
        let mut last = None;
        for (at, value) in &line.points {
            // Values change in steps, so points without a change are left out.
            if last != Some(*value) {
                let move_to = if last.is_none() { 'M' } else { 'H' };
                _ = match last {
                    None => write!(path, "{move_to}{:.1} {:.1}", x(*at), y(*value)),
                    Some(_) => write!(path, "{move_to}{:.1}V{:.1}", x(*at), y(*value)),
                };
                last = Some(*value);
            }
        }
        if let Some((at, _)) = line.points.last() {
            _ = write!(path, "H{:.1}", x(*at));
        }
        _ = write!(svg, "<path class='line' stroke='{}' d='{path}'/>", self.color(place));
    }

    fn color(&self, place: usize) -> String {
        format!("hsl({},65%,42%)", 360 * place / self.lines.len().max(1))
    }

    /// Names the curves at the bottom of the chart, where the last values leave space.
    fn draw_legend(&self, svg: &mut String, wall: f64, floor: f64) {
        if self.lines.len() < 2 || self.lines.len() > LEGEND_MAX {
            return;
        }
        let (row, width) = (13.0, 58.0);
        let rows = self.lines.len().div_ceil(2) as f64;
        let (left, top) = (wall - 2.0 * width - 6.0, floor - rows * row - 8.0);
        let (box_width, box_height) = (2.0 * width + 2.0, rows * row + 4.0);
        _ = write!(
            svg,
            "<rect x='{left:.1}' y='{top:.1}' width='{box_width}' height='{box_height}' \
             class='box'/>"
        );
        for (place, line) in self.lines.iter().enumerate() {
            let (column, line_row) = ((place % 2) as f64, (place / 2) as f64);
            let (from, at) = (left + 5.0 + column * width, top + 12.0 + line_row * row);
            let (dash, color) = (at - 4.0, self.color(place));
            _ = write!(svg, "<path class='line' stroke='{color}' d='M{from:.1} {dash:.1}h10'/>");
            let text = from + 14.0;
            _ = write!(svg, "<text x='{text:.1}' y='{at:.1}'>{}</text>", line.name);
        }
    }
}

/// Most curves that a legend names.
pub(super) const LEGEND_MAX: usize = 12;

/// Round numbers from 0 to this end.
fn ticks(end: f64) -> impl Iterator<Item = f64> {
    let rough = end / TICKS;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
    let step = step.into_iter().find(|step| *step >= rough).unwrap_or(end);
    (0..=20).map(move |count| f64::from(count) * step).take_while(move |value| *value <= end)
}

/// A number without trailing zeros.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
