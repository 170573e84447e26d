//! An item's total over the last days, as a picture and as numbers.

use std::fmt::Write as _;

use jiff::civil::Date;
use ticker_app::item::{DayEnd, Item};

use crate::pages::display::{change, number};

/// A picture of the total at the end of each day, with the same numbers for a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chart {
    /// The same in a sentence.
    pub(crate) description: String,
    /// The lowest and the highest, in words.
    pub(crate) range: String,
    /// What the top of the picture stands for.
    pub(crate) top: String,
    /// SVG's `d` of the line, in a box of 10 a day by 1,000.
    pub(crate) line: String,
    /// The same down to the bottom.
    pub(crate) area: String,
    /// Minimum and target.
    pub(crate) marks: Vec<ChartMark>,
    pub(crate) first: String,
    pub(crate) last: String,
    /// The newest first.
    pub(crate) days: Vec<ChartDay>,
}

/// A threshold as a line across the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChartMark {
    pub(crate) class: &'static str,
    pub(crate) label: String,
    pub(crate) y: i64,
}

/// A day of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChartDay {
    pub(crate) iso: String,
    pub(crate) date: String,
    pub(crate) total: String,
    /// Since the day before; empty for the first.
    pub(crate) change: String,
}

/// The box's measures stand in the template as well.
const DAY_WIDTH: i64 = 10;
const HEIGHT: i64 = 1_000;

/// Draws the days, oldest first; `None` where there are none.
pub(crate) fn chart(item: &Item, days: &[DayEnd]) -> Option<Chart> {
    let (first, last) = (days.first()?, days.last()?);
    let lowest = days.iter().min_by_key(|day| day.total)?;
    // Of several highest days the first, as of the lowest.
    let highest = days.iter().rev().max_by_key(|day| day.total)?;
    let (minimum, target) = (item.thresholds.minimum(), item.thresholds.target());
    let largest = [Some(highest.total), minimum, target];
    let top = largest.into_iter().flatten().max()?.max(1);
    let y = |value: i64| {
        let down = i128::from(HEIGHT) * i128::from(value) / i128::from(top);
        HEIGHT - i64::try_from(down).unwrap_or(0)
    };
    let line = line(days, y);
    let mark = |class, name: &str, value: Option<i64>| {
        let label = format!("{name} {}", number(value?));
        let y = y(value?);
        Some(ChartMark { class, label, y })
    };
    let range = if lowest.total == highest.total {
        format!("{} all the time", number(lowest.total))
    } else {
        format!(
            "lowest {} on {}, highest {} on {}",
            number(lowest.total),
            short(lowest.day),
            number(highest.total),
            short(highest.day)
        )
    };
    Some(Chart {
        description: format!(
            "Total at the end of each of {} days: {} on {}, {} now; {range}",
            days.len(),
            number(first.total),
            short(first.day),
            number(last.total)
        ),
        range,
        top: number(top),
        area: format!("{line}V{HEIGHT}H0Z"),
        line,
        marks: [
            mark("minimum", "min", minimum),
            mark("target", "target", target),
        ]
        .into_iter()
        .flatten()
        .collect(),
        first: short(first.day),
        last: short(last.day),
        days: table(days),
    })
}

/// A step a day.
fn line(days: &[DayEnd], y: impl Fn(i64) -> i64) -> String {
    let mut line = String::new();
    for (place, day) in (1..).zip(days) {
        let command = if line.is_empty() { "M0 " } else { "V" };
        // Writing to a String cannot fail.
        let _ = write!(line, "{command}{}H{}", y(day.total), place * DAY_WIDTH);
    }
    line
}

fn table(days: &[DayEnd]) -> Vec<ChartDay> {
    let before = std::iter::once(None).chain(days.iter().map(|day| Some(day.total)));
    let mut rows: Vec<ChartDay> = days
        .iter()
        .zip(before)
        .map(|(day, before)| ChartDay {
            iso: day.day.to_string(),
            date: short(day.day),
            total: number(day.total),
            change: before
                .map(|before| change(day.total - before))
                .unwrap_or_default(),
        })
        .collect();
    rows.reverse();
    rows
}

fn short(day: Date) -> String {
    day.strftime("%-d %b").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i8, total: i64) -> DayEnd {
        DayEnd {
            day: Date::constant(2026, 3, day),
            total,
        }
    }

    #[test]
    fn each_day_is_a_step() {
        let days = [day(1, 0), day(2, 20), day(3, 5)];
        let y = |value: i64| 100 - value;
        assert_eq!(line(&days, y), "M0 100H10V80H20V95H30");
        let table = table(&days);
        let shown: Vec<_> = table
            .iter()
            .map(|day| (day.date.as_str(), day.total.as_str(), day.change.as_str()))
            .collect();
        let expected = [
            ("3 Mar", "5", "−15"),
            ("2 Mar", "20", "+20"),
            ("1 Mar", "0", ""),
        ];
        assert_eq!(shown, expected);
    }
}
