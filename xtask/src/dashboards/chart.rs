//! Charts as SVG: lines over time, bars, a large figure, a table.

#![expect(clippy::cast_precision_loss, reason = "counts of what fits a picture")]

use std::fmt::Write as _;

use super::unit::shown;

/// Where to draw, in pixels from the corner of the panel.
#[derive(Clone, Copy)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) w: f64,
    pub(super) h: f64,
}

/// A series with its name in the legend.
pub(super) struct Line {
    pub(super) name: String,
    /// Times in seconds since 1970, and values.
    pub(super) points: Vec<(f64, f64)>,
}

/// Told apart on white, also by those who see colours otherwise.
const COLORS: [&str; 8] = [
    "#0969da", "#bc4c00", "#1a7f37", "#8250df", "#bf8700", "#cf222e", "#1b7c83", "#6e7781",
];
/// The same on white at a seventh of their strength, for what is below a line.
const TINTS: [&str; 8] = [
    "#dceafa", "#f6e5db", "#dfeee3", "#eee5fa", "#f6eedb", "#f8dfe0", "#dfecee", "#edeeef",
];
/// More lines than this are not told apart by anybody: the rest is counted.
const LINES_MAX: usize = COLORS.len();
const SECONDARY: &str = "#57606a";
const LEGEND_LINE: f64 = 15.0;
const TABLE_LINE: f64 = 16.0;
const AXIS: f64 = 52.0;
/// About as wide as a letter is.
const LETTER: f64 = 5.9;

/// Lines over time, those with most first, with axes and a legend.
pub(super) fn lines(mut lines: Vec<Line>, area: Area, unit: &str, stacked: bool) -> String {
    lines.retain(|line| line.points.iter().any(|(_, value)| value.is_finite()));
    if lines.is_empty() {
        return nothing(area);
    }
    lines.sort_by(|a, b| mean(&b.points).total_cmp(&mean(&a.points)));
    let left_out = lines.len().saturating_sub(LINES_MAX);
    lines.truncate(LINES_MAX);
    let legend_w = legend_width(&lines, unit).min(area.w * 0.45);
    let plot = Area {
        x: area.x + AXIS,
        y: area.y + 4.0,
        w: area.w - AXIS - legend_w - 10.0,
        h: area.h - 20.0,
    };
    let legend_x = plot.x + plot.w + 10.0;
    let mut svg = legend(&lines, left_out, legend_x, area.y, legend_w, unit);
    if stacked {
        // A layer without height would only hide the line below it.
        lines.retain(|line| line.points.iter().any(|(_, value)| *value > 0.0));
        stack(&mut lines);
    }
    let scale = Scale::of(&lines, plot, unit);
    svg += &scale.axes(unit);
    // The lowest layer of a stack is drawn last, over those that contain it.
    for (index, line) in lines.iter().enumerate().rev() {
        svg += &scale.line(line, COLORS[index], stacked.then_some(TINTS[index]));
    }
    svg
}

/// A large figure over the line that led to it.
pub(super) fn figure(text: &str, points: &[(f64, f64)], color: &str, area: Area) -> String {
    let size = (area.h * 0.45)
        .min(30.0)
        .min(area.w / (text.len().max(3) as f64 * 0.56));
    let mut svg = format!(
        "<text x=\"{:.0}\" y=\"{:.0}\" font-size=\"{size:.0}\" font-weight=\"600\" text-anchor=\"middle\" fill=\"{color}\">{}</text>\n",
        area.x + area.w / 2.0,
        area.y + area.h * 0.3 + size / 2.0,
        escaped(text)
    );
    if points.len() > 1 {
        let line = Line {
            name: String::new(),
            points: points.to_vec(),
        };
        let below = Area {
            y: area.y + area.h * 0.66,
            h: area.h * 0.34,
            ..area
        };
        let lines = [line];
        svg += &Scale::of(&lines, below, "").line(&lines[0], color, Some("#f3f4f6"));
    }
    svg
}

/// Horizontal bars, each with its name and its value.
pub(super) fn bars(bars: &[(String, f64)], unit: &str, area: Area) -> String {
    let most = bars.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    if bars.is_empty() {
        return nothing(area);
    }
    let mut svg = String::new();
    let height = (area.h / bars.len() as f64).min(20.0);
    let (names, values) = (area.w * 0.3, 80.0);
    for (index, (name, value)) in bars.iter().enumerate() {
        let y = area.y + index as f64 * height;
        let length =
            (area.w - names - values) * (value / most.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
        let _ = writeln!(
            svg,
            "<text x=\"{x:.0}\" y=\"{text:.0}\" fill=\"#1f2328\">{name}</text>\
             <rect x=\"{bar:.0}\" y=\"{top:.0}\" width=\"{length:.1}\" height=\"{thick:.0}\" fill=\"{color}\"/>\
             <text x=\"{end:.0}\" y=\"{text:.0}\" fill=\"{SECONDARY}\">{value}</text>",
            x = area.x,
            text = y + height * 0.7,
            name = escaped(&cut(name, names)),
            bar = area.x + names,
            top = y + height * 0.15,
            thick = height * 0.7,
            color = COLORS[0],
            end = area.x + names + length + 6.0,
            value = shown(*value, unit),
        );
    }
    svg
}

/// Rows of labels, under the labels' names.
pub(super) fn table(rows: &[Vec<(String, String)>], area: Area) -> String {
    let Some(first) = rows.first() else {
        return nothing(area);
    };
    let column = area.w / first.len().max(1) as f64;
    // As many as fit below their heading; how many more there are stands in the last line.
    let fit = (1..=rows.len())
        .take_while(|rows| (*rows as f64 + 1.0) * TABLE_LINE <= area.h)
        .count();
    let (shown, left_out) = if fit < rows.len() {
        (fit.saturating_sub(1), rows.len() + 1 - fit)
    } else {
        (fit, 0)
    };
    let mut svg = String::new();
    let mut cell = |row: usize, index: usize, text: &str, color: &str| {
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{:.0}\" fill=\"{color}\">{}</text>",
            area.x + index as f64 * column,
            area.y + 12.0 + row as f64 * TABLE_LINE,
            escaped(&cut(text, column - 6.0))
        );
    };
    for (index, (name, _)) in first.iter().enumerate() {
        cell(0, index, name, SECONDARY);
    }
    for (row, labels) in rows.iter().take(shown).enumerate() {
        for (index, (_, value)) in labels.iter().enumerate() {
            cell(row + 1, index, value, "#1f2328");
        }
    }
    if left_out > 0 {
        cell(shown + 1, 0, &format!("and {left_out} more"), SECONDARY);
    }
    svg
}

/// Text that is no markup.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn nothing(area: Area) -> String {
    format!(
        "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"{SECONDARY}\">no data</text>\n",
        area.x + area.w / 2.0,
        area.y + area.h / 2.0
    )
}

fn cut(text: &str, width: f64) -> String {
    let fits = text
        .chars()
        .enumerate()
        .take_while(|(index, _)| (*index as f64 + 1.0) * LETTER <= width);
    let kept: String = fits.map(|(_, letter)| letter).collect();
    if kept.len() == text.len() {
        return kept;
    }
    let mut kept: String = kept
        .chars()
        .take(kept.chars().count().saturating_sub(1))
        .collect();
    kept.push('…');
    kept
}

fn mean(points: &[(f64, f64)]) -> f64 {
    let finite: Vec<f64> = points
        .iter()
        .map(|(_, value)| *value)
        .filter(|value| value.is_finite())
        .collect();
    finite.iter().sum::<f64>() / finite.len().max(1) as f64
}

/// As much as the longest name and its value take.
fn legend_width(lines: &[Line], unit: &str) -> f64 {
    let letters = |line: &Line| line.name.chars().count() + last(line, unit).chars().count();
    let most = lines.iter().map(letters).max().unwrap_or_default();
    20.0 + (most + 2) as f64 * LETTER
}

/// The last value, as it is shown.
fn last(line: &Line, unit: &str) -> String {
    let last = line.points.iter().rfind(|(_, value)| value.is_finite());
    last.map_or_else(String::new, |(_, value)| shown(*value, unit))
}

fn legend(lines: &[Line], left_out: usize, x: f64, y: f64, w: f64, unit: &str) -> String {
    let mut svg = String::new();
    for (index, line) in lines.iter().enumerate() {
        let y = y + 10.0 + index as f64 * LEGEND_LINE;
        let value = last(line, unit);
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.0}\" y=\"{:.0}\" width=\"9\" height=\"3\" fill=\"{}\"/>\
             <text x=\"{:.0}\" y=\"{y:.0}\" fill=\"#1f2328\">{}</text>\
             <text x=\"{:.0}\" y=\"{y:.0}\" text-anchor=\"end\" fill=\"{SECONDARY}\">{value}</text>",
            y - 5.0,
            COLORS[index],
            x + 14.0,
            escaped(&cut(
                &line.name,
                w - 20.0 - LETTER * value.chars().count() as f64
            )),
            x + w,
        );
    }
    if left_out > 0 {
        let y = y + 10.0 + lines.len() as f64 * LEGEND_LINE;
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{y:.0}\" fill=\"{SECONDARY}\">and {left_out} more</text>",
            x + 14.0
        );
    }
    svg
}

/// Puts each line on top of those before it.
fn stack(lines: &mut [Line]) {
    let mut below: Vec<(f64, f64)> = Vec::new();
    for line in lines {
        for point in &mut line.points {
            if !point.1.is_finite() {
                point.1 = 0.0;
            }
            match below
                .iter_mut()
                .find(|(time, _)| (*time - point.0).abs() < 0.5)
            {
                Some((_, sum)) => {
                    point.1 += *sum;
                    *sum = point.1;
                }
                None => below.push(*point),
            }
        }
    }
}

/// From times and values to places in a picture.
struct Scale {
    plot: Area,
    from_s: f64,
    to_s: f64,
    least: f64,
    most: f64,
    /// Between two lines of the grid.
    step: f64,
}

impl Scale {
    fn of(lines: &[Line], plot: Area, unit: &str) -> Self {
        let points = || {
            lines
                .iter()
                .flat_map(|line| &line.points)
                .filter(|(_, value)| value.is_finite())
        };
        let fold = |start: f64, pick: fn(f64, f64) -> f64, of: fn(&(f64, f64)) -> f64| {
            points().map(of).fold(start, pick)
        };
        let least = fold(0.0, f64::min, |point| point.1);
        let most = fold(f64::NEG_INFINITY, f64::max, |point| point.1);
        let most = if most > least { most } else { least + 1.0 };
        let step = step((most - least) / 3.0, unit);
        Self {
            plot,
            from_s: fold(f64::INFINITY, f64::min, |point| point.0),
            to_s: fold(f64::NEG_INFINITY, f64::max, |point| point.0),
            least: (least / step).floor() * step,
            most: (most / step).ceil() * step,
            step,
        }
    }

    fn x(&self, time_s: f64) -> f64 {
        let length = (self.to_s - self.from_s).max(1.0);
        self.plot.x + (time_s - self.from_s) / length * self.plot.w
    }

    fn y(&self, value: f64) -> f64 {
        self.plot.y + (self.most - value) / (self.most - self.least) * self.plot.h
    }

    fn axes(&self, unit: &str) -> String {
        let (left, right) = (self.plot.x, self.plot.x + self.plot.w);
        let mut svg = String::new();
        let mut value = self.least;
        while value <= self.most + self.step / 2.0 {
            let y = self.y(value);
            let _ = writeln!(
                svg,
                "<path d=\"M{left:.0} {y:.1}H{right:.0}\" stroke=\"#eaeef2\"/>\
                 <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\" font-size=\"10\" fill=\"{SECONDARY}\">{}</text>",
                left - 5.0,
                y + 3.0,
                shown(value, unit)
            );
            value += self.step;
        }
        for (time_s, anchor) in [(self.from_s, "start"), (self.to_s, "end")] {
            let _ = writeln!(
                svg,
                "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"{anchor}\" font-size=\"10\" fill=\"{SECONDARY}\">{}</text>",
                self.x(time_s),
                self.plot.y + self.plot.h + 13.0,
                clock(time_s)
            );
        }
        svg
    }

    /// One polyline for each stretch without a gap; over a coloured area where it is filled.
    fn line(&self, line: &Line, color: &str, below: Option<&str>) -> String {
        let mut svg = String::new();
        for stretch in line.points.split(|(_, value)| !value.is_finite()) {
            let (Some(first), Some(last)) = (stretch.first(), stretch.last()) else {
                continue;
            };
            let mut path = String::new();
            for (index, (time, value)) in stretch.iter().enumerate() {
                let letter = if index == 0 { 'M' } else { 'L' };
                let _ = write!(path, "{letter}{:.0} {:.1}", self.x(*time), self.y(*value));
            }
            if let Some(tint) = below {
                let bottom = self.y(self.least.max(0.0));
                let _ = writeln!(
                    svg,
                    "<path d=\"{path}V{bottom:.1}H{:.0}Z\" fill=\"{tint}\"/>",
                    self.x(first.0)
                );
            }
            let _ = writeln!(
                svg,
                "<path d=\"{path}{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.3\" stroke-linecap=\"round\"/>",
                if first.0 < last.0 { "" } else { "h.1" }
            );
        }
        svg
    }
}

/// A round distance between two lines of the grid, which is round in the unit that is shown.
fn step(least: f64, unit: &str) -> f64 {
    let base = if matches!(unit, "bytes" | "Bps") {
        1_024.0
    } else {
        1_000.0
    };
    let mut size = 1.0;
    while least / size >= base {
        size *= base;
    }
    size * rounded_step(least / size)
}

/// 1, 2 or 5 times a power of ten, and at least what is given.
fn rounded_step(least: f64) -> f64 {
    let power = 10.0_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps
        .into_iter()
        .find(|step| *step >= least)
        .unwrap_or(least)
}

/// The time of the day in UTC.
fn clock(time_s: f64) -> String {
    let minutes = (time_s / 60.0).floor() % 1_440.0;
    format!(
        "{:02.0}:{:02.0} UTC",
        (minutes / 60.0).floor(),
        minutes % 60.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: Area = Area {
        x: 0.0,
        y: 0.0,
        w: 400.0,
        h: 200.0,
    };

    fn line(name: &str, values: &[f64]) -> Line {
        let points = values
            .iter()
            .enumerate()
            .map(|(index, value)| (60.0 * index as f64, *value));
        Line {
            name: name.to_owned(),
            points: points.collect(),
        }
    }

    #[test]
    fn steps_are_round() {
        for (least, step) in [
            (0.3, 0.5),
            (1.0, 1.0),
            (1.1, 2.0),
            (333.0, 500.0),
            (0.07, 0.1),
        ] {
            assert!(
                (rounded_step(least) - step).abs() < 1e-9,
                "{least}: {}",
                rounded_step(least)
            );
        }
    }

    #[test]
    fn steps_of_bytes_are_round_in_their_unit() {
        let mib = 1_048_576.0;
        assert!((super::step(19.0 * mib, "bytes") - 20.0 * mib).abs() < 1e-9);
    }

    #[test]
    fn a_stack_adds_up_and_a_gap_is_a_gap() {
        let mut stacked = [
            line("a", &[1.0, f64::NAN, 3.0]),
            line("b", &[1.0, 1.0, 1.0]),
        ];
        stack(&mut stacked);
        let sums: Vec<f64> = stacked[1].points.iter().map(|(_, value)| *value).collect();
        assert_eq!(sums, [2.0, 1.0, 4.0]);
        let svg = lines(
            vec![line("a", &[1.0, 2.0, f64::NAN, 3.0, 1.0])],
            AREA,
            "short",
            false,
        );
        assert_eq!(svg.matches("stroke=\"#0969da\"").count(), 2, "{svg}");
    }

    #[test]
    fn what_is_too_much_is_counted_and_what_is_not_there_is_said() {
        let many = (0..11).map(|index| line(&format!("<{index}>"), &[1.0, 2.0]));
        let svg = lines(many.collect(), AREA, "short", false);
        assert!(
            svg.contains("and 3 more") && svg.contains("&lt;0&gt;") && !svg.contains("<0>"),
            "{svg}"
        );
        assert!(lines(vec![line("a", &[f64::NAN])], AREA, "s", false).contains("no data"));
        assert!(
            bars(&[], "short", AREA).contains("no data") && table(&[], AREA).contains("no data")
        );
    }

    #[test]
    fn a_table_stays_within_its_panel() {
        let row = |index: i32| vec![("service".to_owned(), format!("s{index}"))];
        let rows: Vec<_> = (0..12).map(row).collect();
        let low = Area {
            h: 5.0 * TABLE_LINE,
            ..AREA
        };
        let svg = table(&rows, low);
        assert!(
            svg.contains("s2<") && !svg.contains("s3<") && svg.contains("and 9 more"),
            "{svg}"
        );
        let svg = table(&rows[..4], low);
        assert!(svg.contains("s3<") && !svg.contains("more"), "{svg}");
    }

    #[test]
    fn long_names_are_cut_and_times_are_of_the_day() {
        assert_eq!(cut("abcdefgh", 3.0 * LETTER), "ab…");
        assert_eq!(cut("abc", 3.0 * LETTER), "abc");
        assert_eq!(clock(86_400.0 + 3_600.0 * 13.0 + 300.0), "13:05 UTC");
    }
}
