//! Figures: samples of one thing, and what is made of those of several.

use serde_json::{Value, json};

/// One thing, measured once a round.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) unit: &'static str,
    pub(super) samples: Vec<f64>,
}

/// What a figure is to be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reach {
    AtLeast(f64),
    AtMost(f64),
}

/// A series, and what its median is to be.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    series: Series,
    reach: Option<Reach>,
}

impl Series {
    /// Nothing yet.
    pub(super) fn new(name: impl Into<String>, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            unit,
            samples: Vec::new(),
        }
    }

    /// Of each round the greatest of several series.
    pub(super) fn best(name: impl Into<String>, of: &[&Self]) -> Self {
        let mut best = Self {
            name: name.into(),
            ..of[0].clone()
        };
        for series in &of[1..] {
            for (best, sample) in best.samples.iter_mut().zip(&series.samples) {
                *best = best.max(*sample);
            }
        }
        best
    }

    /// Of each round how many times `base` this is: the two were measured one after the other, so that
    /// what slows the machine down slows both.
    pub(super) fn over(&self, base: &Self) -> Self {
        let pairs = self.samples.iter().zip(&base.samples);
        Self {
            name: format!("{} ÷ {}", self.name, base.name),
            unit: "×",
            samples: pairs.map(|(sample, base)| sample / base).collect(),
        }
    }

    /// As a figure that is to be reached.
    pub(super) fn reaching(self, reach: Reach) -> Figure {
        Figure {
            series: self,
            reach: Some(reach),
        }
    }

    fn sorted(&self) -> Vec<f64> {
        let mut samples = self.samples.clone();
        samples.sort_by(f64::total_cmp);
        samples
    }

    /// The middle sample, or the mean of the two in the middle.
    fn median(&self) -> f64 {
        let (sorted, middle) = (self.sorted(), self.samples.len() / 2);
        match sorted.len() {
            0 => f64::NAN,
            count if count % 2 == 1 => sorted[middle],
            _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
        }
    }
}

impl From<Series> for Figure {
    fn from(series: Series) -> Self {
        Self {
            series,
            reach: None,
        }
    }
}

impl Figure {
    /// Whether the median is as it is to be; `None` where nothing is asked of it.
    fn is_reached(&self) -> Option<bool> {
        let median = self.series.median();
        self.reach.map(|reach| match reach {
            Reach::AtLeast(least) => median >= least,
            Reach::AtMost(most) => median <= most,
        })
    }

    /// For the file of the run.
    pub(super) fn to_json(&self) -> Value {
        let sorted = self.series.sorted();
        json!({
            "name": self.series.name,
            "unit": self.series.unit,
            "min": sorted.first(),
            "median": self.series.median(),
            "max": sorted.last(),
            "reach": self.reach.map(|reach| reach.to_string()),
            "is_reached": self.is_reached(),
            "samples": self.series.samples,
        })
    }

    /// A row of the table whose head is [`HEAD`].
    fn row(&self, is_judged: bool) -> String {
        let sorted = self.series.sorted();
        let [min, max] = [sorted.first(), sorted.last()].map(|end| shown(end.copied()));
        let reach = match (self.reach, self.is_reached()) {
            (Some(reach), _) if !is_judged => reach.to_string(),
            (Some(reach), Some(true)) => format!("{reach}: reached"),
            (Some(reach), _) => format!("{reach}: **missed**"),
            (None, _) => String::new(),
        };
        format!(
            "| {} | {} | {min} | {} | {max} | {reach} |\n",
            self.series.name,
            self.series.unit,
            shown(Some(self.series.median())),
        )
    }
}

impl std::fmt::Display for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::AtMost(most) => write!(f, "≤ {most}"),
        }
    }
}

const HEAD: &str = "| | | Min | Median | Max | To reach |\n|---|---|---|---|---|---|\n";

/// Figures as a table in Markdown; `is_judged` says of each whether it is what it is to be.
pub(super) fn table(figures: &[Figure], is_judged: bool) -> String {
    let rows = figures.iter().map(|figure| figure.row(is_judged));
    let rows: String = rows.collect();
    HEAD.to_owned() + &rows
}

/// Three digits are all that a noisy machine gives: `18 400`, `184`, `1.84`.
fn shown(number: Option<f64>) -> String {
    let Some(number) = number.filter(|number| number.is_finite()) else {
        return "–".to_owned();
    };
    let decimals = match number.abs() {
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    let text = format!("{number:.decimals$}");
    match text.len() {
        // Only whole numbers are that long.
        5.. if decimals == 0 => format!("{} {}", &text[..text.len() - 3], &text[text.len() - 3..]),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, samples: &[f64]) -> Series {
        Series {
            samples: samples.to_vec(),
            ..Series::new(name, "/s")
        }
    }

    #[test]
    fn rounds_are_compared_pairwise() {
        let ticker = series("Ticker", &[100.0, 300.0, 80.0]);
        let (one, many) = (
            series("1", &[10.0, 10.0, 10.0]),
            series("64", &[5.0, 15.0, 20.0]),
        );
        let best = Series::best("best", &[&one, &many]);
        assert_eq!(best.samples, [10.0, 15.0, 20.0]);
        let ratio = ticker.over(&best);
        assert_eq!(ratio.samples, [10.0, 20.0, 4.0]);
        assert_eq!(
            ratio.median().to_bits(),
            10.0_f64.to_bits(),
            "not 100 ÷ 15, the ratio of the medians"
        );
    }

    #[test]
    fn a_reach_is_judged_by_the_median() {
        let of = |reach| series("a", &[1.0, 12.0, 13.0]).reaching(reach);
        assert_eq!(of(Reach::AtLeast(12.0)).is_reached(), Some(true));
        assert_eq!(of(Reach::AtLeast(12.1)).is_reached(), Some(false));
        assert_eq!(of(Reach::AtMost(12.0)).is_reached(), Some(true));
        assert_eq!(of(Reach::AtMost(11.0)).is_reached(), Some(false));
        let nothing = series("a", &[]).reaching(Reach::AtMost(11.0));
        assert_eq!(
            nothing.is_reached(),
            Some(false),
            "no sample reaches nothing"
        );
    }

    #[test]
    fn the_table_reads_well() {
        let figures = [
            series("Ticker", &[18_423.7, 9.0, 1_000.4]).into(),
            series("p99", &[1.234, 56.78]).reaching(Reach::AtLeast(30.0)),
        ];
        assert_eq!(
            table(&figures, true),
            HEAD.to_owned()
                + "| Ticker | /s | 9.00 | 1000 | 18 424 |  |\n\
                   | p99 | /s | 1.23 | 29.0 | 56.8 | ≥ 30: **missed** |\n"
        );
        assert!(table(&figures, false).ends_with("| 56.8 | ≥ 30 |\n"));
    }
}
