//! Which service is scaled and how, as the labels of the service say it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use crate::duration;

/// What all labels begin with that are meant for this program.
const PREFIX: &str = "ticker.autoscale.";
/// More replicas than any swarm runs of one service: a typing mistake.
const REPLICAS_MAX: u32 = 1_000;
/// How long nothing may have changed before more replicas are started.
const UP_AFTER: Duration = Duration::from_secs(15);
/// For how long fewer must have been enough before any is stopped.
const DOWN_AFTER: Duration = Duration::from_mins(5);
/// No pause makes sense that is longer.
const PAUSE_MAX: Duration = Duration::from_hours(24);

/// What the labels of a service ask for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Policy {
    /// The least replicas, at least 1.
    pub(crate) min: u32,
    /// The most replicas, at least `min`.
    pub(crate) max: u32,
    /// Requests in flight that one replica is to carry, above 0.
    pub(crate) target: f64,
    /// The 99th percentile of answers above which more replicas are wanted, in seconds, above 0.
    pub(crate) p99_s: Option<f64>,
    /// How long nothing may have changed before more replicas are started.
    pub(crate) up_after: Duration,
    /// For how long fewer must have been enough before any is stopped.
    pub(crate) down_after: Duration,
    /// Connections to the database that one replica may hold, at least 1.
    pub(crate) connections: Option<u32>,
}

/// Labels that ask for scaling and cannot be followed: at least one reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub(crate) struct BadPolicy(Vec<String>);

impl BadPolicy {
    /// The labels stand on a service that has no number of replicas.
    pub(crate) fn not_replicated() -> Self {
        Self(vec![format!(
            "{PREFIX}*: only replicated services can be scaled"
        )])
    }
}

impl Policy {
    /// What `labels` ask for; `None` if they ask for nothing.
    ///
    /// # Errors
    /// [`BadPolicy`] with everything that is missing or wrong.
    pub(crate) fn read(labels: &BTreeMap<String, String>) -> Result<Option<Self>, BadPolicy> {
        let ours: BTreeMap<&str, &str> = labels
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?, value.trim())))
            .collect();
        if ours.is_empty() {
            return Ok(None);
        }
        let mut reader = Reader {
            labels: ours,
            problems: Vec::new(),
        };
        let min = reader.required("min", |text| whole(text, REPLICAS_MAX));
        let max = reader.required("max", |text| whole(text, REPLICAS_MAX));
        let target = reader.required("target", positive);
        let p99_s = reader.optional("p99", positive);
        let up_after = reader.optional("up-after", pause).unwrap_or(UP_AFTER);
        let down_after = reader.optional("down-after", pause).unwrap_or(DOWN_AFTER);
        let connections = reader.optional("connections", |text| whole(text, u32::MAX));
        if let (Some(min), Some(max)) = (min, max)
            && min > max
        {
            reader.refuse("min", format_args!("is {min}, above max, which is {max}"));
        }
        let problems = reader.finish();
        match (min, max, target) {
            (Some(min), Some(max), Some(target)) if problems.is_empty() => Ok(Some(Self {
                min,
                max,
                target,
                p99_s,
                up_after,
                down_after,
                connections,
            })),
            _ => Err(BadPolicy(problems)),
        }
    }
}

/// Takes one label after the other and remembers what is wrong with each.
struct Reader<'l> {
    labels: BTreeMap<&'l str, &'l str>,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn required<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if !self.labels.contains_key(name) {
            self.refuse(name, "is not set");
        }
        self.optional(name, parse)
    }

    fn optional<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.labels.remove(name)?;
        parse(text)
            .map_err(|error| self.refuse(name, format_args!("{error}, not {text:?}")))
            .ok()
    }

    fn refuse(&mut self, name: &str, problem: impl Display) {
        self.problems.push(format!("{PREFIX}{name} {problem}"));
    }

    /// What was wrong. A label that nothing took is a typing mistake, and what it was to say would be
    /// missing.
    fn finish(mut self) -> Vec<String> {
        for name in std::mem::take(&mut self.labels).into_keys() {
            self.refuse(name, "is no label of the autoscaler");
        }
        self.problems
    }
}

fn whole(text: &str, most: u32) -> Result<u32, String> {
    let number = u32::from_str(text)
        .ok()
        .filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| format!("must be a whole number from 1 to {most}"))
}

fn positive(text: &str) -> Result<f64, &'static str> {
    let number = f64::from_str(text)
        .ok()
        .filter(|number| number.is_finite() && *number > 0.0);
    number.ok_or("must be a number above 0")
}

fn pause(text: &str) -> Result<Duration, String> {
    let pause = duration::parse(text).map_err(|error| error.to_string())?;
    if pause > PAUSE_MAX {
        return Err("must be 24h at most".to_owned());
    }
    Ok(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(labels: &[(&str, &str)]) -> Result<Option<Policy>, String> {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Policy::read(&labels).map_err(|error| error.to_string())
    }

    #[test]
    fn a_service_without_our_labels_is_only_watched() {
        assert_eq!(read(&[("com.docker.stack.namespace", "ticker")]), Ok(None));
    }

    #[test]
    fn everything_can_be_said_and_most_has_a_default() {
        let least = [
            ("ticker.autoscale.min", "2"),
            ("ticker.autoscale.max", " 6 "),
            ("ticker.autoscale.target", "8"),
        ];
        let policy = Policy {
            min: 2,
            max: 6,
            target: 8.0,
            p99_s: None,
            up_after: Duration::from_secs(15),
            down_after: Duration::from_mins(5),
            connections: None,
        };
        assert_eq!(read(&least), Ok(Some(policy)));
        let more = [
            ("ticker.autoscale.p99", "0.25"),
            ("ticker.autoscale.up-after", "1m"),
            ("ticker.autoscale.down-after", "30s"),
            ("ticker.autoscale.connections", "13"),
        ];
        let policy = Policy {
            p99_s: Some(0.25),
            up_after: Duration::from_mins(1),
            down_after: Duration::from_secs(30),
            connections: Some(13),
            ..policy
        };
        assert_eq!(read(&[&least[..], &more].concat()), Ok(Some(policy)));
    }

    #[test]
    fn what_is_wrong_is_said_all_at_once() {
        let said = read(&[
            ("ticker.autoscale.min", "0"),
            ("ticker.autoscale.target", "NaN"),
            ("ticker.autoscale.p99", "-1"),
            ("ticker.autoscale.up-after", "15"),
            ("ticker.autoscale.down-after", "25h"),
            ("ticker.autoscale.connections", "many"),
            ("ticker.autoscale.maximum", "6"),
        ]);
        assert_eq!(
            said.unwrap_err(),
            "ticker.autoscale.min must be a whole number from 1 to 1000, not \"0\"; \
             ticker.autoscale.max is not set; \
             ticker.autoscale.target must be a number above 0, not \"NaN\"; \
             ticker.autoscale.p99 must be a number above 0, not \"-1\"; \
             ticker.autoscale.up-after must be a whole number with ms, s, m or h, such as 15s or 5m, not \"15\"; \
             ticker.autoscale.down-after must be 24h at most, not \"25h\"; \
             ticker.autoscale.connections must be a whole number from 1 to 4294967295, not \"many\"; \
             ticker.autoscale.maximum is no label of the autoscaler"
        );
        let said = read(&[
            ("ticker.autoscale.min", "6"),
            ("ticker.autoscale.max", "2"),
            ("ticker.autoscale.target", "8"),
        ]);
        assert_eq!(
            said.unwrap_err(),
            "ticker.autoscale.min is 6, above max, which is 2"
        );
    }
}
