//! When writes were acknowledged, from the log of a run.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result};

/// The moments at which a write was acknowledged, in order; milliseconds since 1970 UTC.
pub(crate) struct Acknowledgements(Vec<u64>);

impl Acknowledgements {
    /// Reads the log of a run.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn read(log: &Path) -> Result<Self> {
        let file = File::open(log).context("cannot read the log of acknowledgements")?;
        let mut moments = Vec::new();
        for line in BufReader::new(file).lines() {
            moments.extend(posted_at(&line?));
        }
        moments.sort_unstable();
        Ok(Self(moments))
    }

    /// For how long nothing was acknowledged after each of these faults, in seconds: until the end of the
    /// longest silence that begins before the fault is over. What had been committed before the fault is
    /// acknowledged a moment after it, which ends no outage.
    pub(crate) fn outages_s(&self, faults: &[Fault]) -> Vec<f64> {
        let outage = |fault: &Fault| {
            let silences = self
                .0
                .windows(2)
                .filter(|pair| pair[1] > fault.begun_ms && pair[0] < fault.over_ms);
            let longest = silences.max_by_key(|pair| pair[1] - pair[0]);
            longest.map_or(f64::NAN, |pair| seconds(pair[1] - fault.begun_ms))
        };
        faults.iter().map(outage).collect()
    }

    /// How long it took until something was acknowledged after each of these faults was over, in seconds.
    pub(crate) fn recoveries_s(&self, faults: &[Fault]) -> Vec<f64> {
        let recovery = |fault: &Fault| {
            let next = self.0.partition_point(|moment| *moment < fault.over_ms);
            let next = self.0.get(next);
            next.map_or(f64::NAN, |moment| seconds(moment - fault.over_ms))
        };
        faults.iter().map(recovery).collect()
    }
}

/// From when to when something was broken; milliseconds since 1970 UTC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) begun_ms: u64,
    pub(crate) over_ms: u64,
}

/// The value that so great a share of the samples does not exceed (nearest rank); NaN where one is.
pub(crate) fn quantile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    // NaN comes last: what never recovered is the worst.
    sorted.sort_by(f64::total_cmp);
    let is_beyond = |place: &usize| share_of(*place, sorted.len()) >= share;
    let place = (1..=sorted.len()).find(is_beyond);
    place.map_or(f64::NAN, |place| sorted[place - 1])
}

fn share_of(place: usize, count: usize) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    number(place) / number(count)
}

fn seconds(milliseconds: u64) -> f64 {
    super::verdict::float(milliseconds) / 1_000.0
}

/// `{"at_ms":1700000000000,"posted":{…}}`
fn posted_at(line: &str) -> Option<u64> {
    let (moment, event) = line.strip_prefix("{\"at_ms\":")?.split_once(',')?;
    event
        .starts_with("\"posted\"")
        .then(|| moment.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAULT: Fault = Fault {
        begun_ms: 1_000,
        over_ms: 1_400,
    };

    #[test]
    fn only_acknowledgements_count() {
        assert_eq!(posted_at(r#"{"at_ms":17,"posted":{"key":"k"}}"#), Some(17));
        assert_eq!(posted_at(r#"{"at_ms":17,"intent":{"key":"posted"}}"#), None);
    }

    #[test]
    fn the_last_answers_from_before_end_no_outage() {
        let moments = Acknowledgements(vec![990, 1_001, 1_005, 3_000, 3_010]);
        assert_eq!(moments.outages_s(&[FAULT]), [2.0]);
        assert_eq!(moments.recoveries_s(&[FAULT]), [1.6]);
        assert!(Acknowledgements(vec![990]).outages_s(&[FAULT])[0].is_nan());
    }

    #[test]
    fn quantiles_are_of_the_samples() {
        let samples: Vec<f64> = (1..=20).map(f64::from).collect();
        let same = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(same(quantile(&samples, 0.95), 19.0) && same(quantile(&samples, 1.0), 20.0));
        assert!(quantile(&[1.0, f64::NAN], 1.0).is_nan() && quantile(&[], 0.5).is_nan());
    }
}
