//! A dashboard as one picture: its grid, and in each cell what the panel shows.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::chart::{self, Area, Line};
use super::definition::{Dashboard, Panel, Query};
use super::prometheus::{Prometheus, Series};
use super::unit::shown;
use crate::progress;

/// A column and a row of the grid, in pixels of the picture.
const COLUMN: f64 = 50.0;
const ROW: f64 = 28.0;
const HEADING: f64 = 44.0;
const GAP: f64 = 5.0;
const WIDTH: f64 = 24.0 * COLUMN;

/// Points of a line, and of the smaller one below a figure: enough for what a picture shows.
const POINTS: u32 = 90;
const BARS_MAX: usize = 12;

/// Draws the last minutes of a dashboard into a file of its name.
pub(super) fn draw(
    prometheus: &Prometheus,
    dashboard: &Dashboard,
    out: &Path,
    minutes: u32,
) -> Result<()> {
    let bottom = |panel: &Panel| panel.place.y + panel.place.h;
    let rows = dashboard.panels.iter().map(bottom).fold(0.0, f64::max);
    let height = HEADING + rows * ROW + 2.0 * GAP;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"11\">\n\
         <title>{title}</title>\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#f3f4f6\"/>\n\
         <text x=\"12\" y=\"28\" font-size=\"18\" font-weight=\"600\" fill=\"#1f2328\">{title}</text>\n",
        title = chart::escaped(&dashboard.title)
    );
    for panel in &dashboard.panels {
        let drawn = drawn(prometheus, panel, minutes);
        svg += &drawn.with_context(|| format!("{}, {}", dashboard.name, panel.title))?;
    }
    svg += "</svg>\n";
    fs::create_dir_all(out).with_context(|| format!("cannot write {}", out.display()))?;
    let file = out.join(&dashboard.name).with_extension("svg");
    fs::write(&file, &svg).with_context(|| format!("cannot write {}", file.display()))?;
    progress::say(&format!("  {} ({} KiB)", file.display(), svg.len() / 1_024));
    Ok(())
}

fn drawn(prometheus: &Prometheus, panel: &Panel, minutes: u32) -> Result<String> {
    let place = panel.place;
    let (x, y) = (place.x * COLUMN + GAP, HEADING + place.y * ROW + GAP);
    let (w, h) = (place.w * COLUMN - 2.0 * GAP, place.h * ROW - 2.0 * GAP);
    let title = chart::escaped(&panel.title);
    let mut svg = format!("<g transform=\"translate({x} {y})\">\n");
    if panel.kind == "row" {
        writeln!(
            svg,
            "<text y=\"14\" font-size=\"13\" font-weight=\"600\" fill=\"#57606a\">{title}</text>\n</g>"
        )?;
        return Ok(svg);
    }
    writeln!(
        svg,
        "<rect width=\"{w}\" height=\"{h}\" rx=\"3\" fill=\"#fff\" stroke=\"#d0d7de\"/>\n\
         <text x=\"8\" y=\"16\" font-weight=\"600\" fill=\"#1f2328\">{title}</text>"
    )?;
    let area = Area {
        x: 8.0,
        y: 24.0,
        w: w - 16.0,
        h: h - 30.0,
    };
    svg += &match panel.kind.as_str() {
        "timeseries" => time_series(prometheus, panel, area, minutes)?,
        "stat" => figure(prometheus, panel, area, minutes)?,
        "bargauge" => bars(prometheus, panel, area)?,
        _ => table(prometheus, panel, area)?,
    };
    svg += "</g>\n";
    Ok(svg)
}

fn time_series(prometheus: &Prometheus, panel: &Panel, area: Area, minutes: u32) -> Result<String> {
    let mut lines = Vec::new();
    for query in &panel.queries {
        let found = prometheus.query_range(&query.expr, minutes, POINTS)?;
        lines.extend(found.into_iter().map(|series| Line {
            name: name(query, &series),
            points: series.points,
        }));
    }
    let stacked = panel.field["custom"]["stacking"]["mode"] == "normal";
    Ok(chart::lines(lines, area, unit(panel), stacked))
}

fn figure(prometheus: &Prometheus, panel: &Panel, area: Area, minutes: u32) -> Result<String> {
    let Some(query) = panel.queries.first() else {
        return Ok(String::new());
    };
    let found = prometheus.query_range(&query.expr, minutes, POINTS)?;
    let points = found.into_iter().next().map(|series| series.points);
    let points: Vec<(f64, f64)> = points
        .unwrap_or_default()
        .into_iter()
        .filter(|(_, value)| value.is_finite())
        .collect();
    let last = points.last().map(|(_, value)| *value);
    let color = last.map_or("#57606a", |value| threshold_color(&panel.field, value));
    let text = last.map_or_else(
        || {
            panel.field["noValue"]
                .as_str()
                .unwrap_or("no data")
                .to_owned()
        },
        |value| mapped(&panel.field, value).unwrap_or_else(|| shown(value, unit(panel))),
    );
    Ok(chart::figure(&text, &points, color, area))
}

fn bars(prometheus: &Prometheus, panel: &Panel, area: Area) -> Result<String> {
    let mut bars = Vec::new();
    for query in &panel.queries {
        for series in prometheus.query(&query.expr)? {
            let value = series.points.last().map_or(f64::NAN, |(_, value)| *value);
            bars.push((name(query, &series), value));
        }
    }
    bars.sort_by(|a, b| b.1.total_cmp(&a.1));
    bars.truncate(BARS_MAX);
    Ok(chart::bars(&bars, unit(panel), area))
}

fn table(prometheus: &Prometheus, panel: &Panel, area: Area) -> Result<String> {
    let mut rows = Vec::new();
    for query in &panel.queries {
        for series in prometheus.query(&query.expr)? {
            rows.push(series.labels);
        }
    }
    rows.sort();
    Ok(chart::table(&rows, area))
}

/// What the legend's pattern says of a series: `{{label}}` is replaced by the label.
fn name(query: &Query, series: &Series) -> String {
    let mut name = String::new();
    let mut rest = query.legend.as_str();
    while let Some((before, label)) = rest.split_once("{{") {
        let (label, after) = label.split_once("}}").unwrap_or((label, ""));
        name += before;
        name += series.label(label);
        rest = after;
    }
    name + rest
}

fn unit(panel: &Panel) -> &str {
    panel.field["unit"].as_str().unwrap_or_default()
}

fn threshold_color(field: &Value, value: f64) -> &'static str {
    let steps = field["thresholds"]["steps"].as_array();
    let reached = steps.and_then(|steps| {
        let is_reached = |step: &&Value| step["value"].as_f64().is_none_or(|from| value >= from);
        steps.iter().rfind(is_reached)?["color"].as_str()
    });
    match reached {
        Some("green") => "#1a7f37",
        Some("orange") => "#bc4c00",
        Some("red") => "#cf222e",
        _ => "#0550ae",
    }
}

fn mapped(field: &Value, value: f64) -> Option<String> {
    let options = field["mappings"].as_array()?.first()?;
    let text = options["options"][value.to_string()]["text"].as_str()?;
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_legend_names_the_labels() {
        let series = Series {
            labels: vec![("route".to_owned(), "/".to_owned())],
            points: Vec::new(),
        };
        let named = |legend: &str| {
            let (expr, legend) = (String::new(), legend.to_owned());
            name(&Query { expr, legend }, &series)
        };
        assert_eq!(named("{{method}} {{route}} p99"), " / p99");
        assert_eq!(named("all"), "all");
    }

    #[test]
    fn a_figure_has_the_color_of_the_step_that_it_has_reached() {
        let field = json!({ "thresholds": { "steps": [
            { "color": "green", "value": null }, { "color": "red", "value": 1 },
        ] }, "mappings": [{ "type": "value", "options": { "1": { "text": "up" } } }] });
        assert_eq!(threshold_color(&field, 0.5), "#1a7f37");
        assert_eq!(threshold_color(&field, 1.0), "#cf222e");
        assert_eq!(mapped(&field, 1.0).as_deref(), Some("up"));
        assert_eq!(mapped(&field, 0.0), None);
    }
}
