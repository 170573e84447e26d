//! How far a reader has read the ledger.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// What a reader of the ledger has seen: the work of every transaction that had committed at one moment.
///
/// It is what `PostgreSQL` calls a snapshot: transactions below `xmin` had ended, those from `xmax` on had
/// not, and of those between, the ones that still ran are named. So whoever goes on from a position misses
/// nothing that commits late, reads nothing twice, and waits for nobody: one long transaction neither
/// hides what others commit nor has it read again.
///
/// Its text is the numbers, joined by dots: `xmin.xmax`, then what still ran. Screens keep it and hand it
/// back, to any replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    xmin: u64,
    xmax: u64,
    running: BTreeSet<u64>,
}

/// The text is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a position in the ledger")]
pub struct BadPosition;

/// More transactions at once than any cluster of ours runs; what names more was made up.
const RUNNING_MAX: usize = 1_000;

impl Position {
    /// Whether everything that `other` had seen was seen here, too.
    ///
    /// Of two positions in the life of one database one always covers the other; of two that were made up,
    /// perhaps neither does.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.xmax <= self.xmax
            && self
                .running
                .iter()
                .all(|xid| *xid >= other.xmax || other.running.contains(xid))
    }

    /// Orders positions so that none covers one that comes after it, unless they cover one another.
    #[must_use]
    pub fn by_age(&self, other: &Self) -> Ordering {
        let more_running_first = other.running.len().cmp(&self.running.len());
        self.xmax.cmp(&other.xmax).then(more_running_first)
    }

    /// The first transaction that had not begun, as text that casts to `xid8`.
    pub(super) fn next(&self) -> String {
        self.xmax.to_string()
    }

    /// Those that had begun and not ended, as texts that cast to `xid8`.
    pub(super) fn running(&self) -> Vec<String> {
        self.running.iter().map(u64::to_string).collect()
    }

    /// As text that casts to `pg_snapshot`.
    pub(super) fn snapshot(&self) -> String {
        let running = self.running().join(",");
        format!("{}:{}:{running}", self.xmin, self.xmax)
    }

    /// Reads a `pg_snapshot`: `xmin:xmax:` and what runs, with commas.
    pub(super) fn from_snapshot(text: &str) -> Result<Self, BadPosition> {
        let mut parts = text.split(':');
        let (xmin, xmax) = (number(parts.next())?, number(parts.next())?);
        let running = parts.next().ok_or(BadPosition)?;
        let running = running.split(',').filter(|xid| !xid.is_empty());
        Self::new(xmin, xmax, running)
    }

    fn new<'t>(
        xmin: u64,
        xmax: u64,
        running: impl Iterator<Item = &'t str>,
    ) -> Result<Self, BadPosition> {
        let running: BTreeSet<u64> = running
            .take(RUNNING_MAX + 1)
            .map(|xid| number(Some(xid)))
            .collect::<Result<_, _>>()?;
        let is_between = |xid: &u64| (xmin..xmax).contains(xid);
        if xmin > xmax || running.len() > RUNNING_MAX || !running.iter().all(is_between) {
            return Err(BadPosition);
        }
        Ok(Self {
            xmin,
            xmax,
            running,
        })
    }
}

/// Only digits, no sign: a transaction's number.
fn number(text: Option<&str>) -> Result<u64, BadPosition> {
    let text = text.ok_or(BadPosition)?;
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map_err(|_| BadPosition)
    } else {
        Err(BadPosition)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.xmin, self.xmax)?;
        self.running.iter().try_for_each(|xid| write!(f, ".{xid}"))
    }
}

impl FromStr for Position {
    type Err = BadPosition;

    fn from_str(text: &str) -> Result<Self, BadPosition> {
        let mut parts = text.split('.');
        let (xmin, xmax) = (number(parts.next())?, number(parts.next())?);
        Self::new(xmin, xmax, parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(text: &str) -> Position {
        text.parse().unwrap()
    }

    #[test]
    fn a_position_survives_being_text() {
        for text in ["7.7", "7.12", "7.12.7.9", "0.18446744073709551615"] {
            assert_eq!(position(text).to_string(), text);
        }
        let snapshot = Position::from_snapshot("7:12:7,9").unwrap();
        assert_eq!(snapshot, position("7.12.7.9"));
        assert_eq!(snapshot.snapshot(), "7:12:7,9");
        assert_eq!(Position::from_snapshot("7:7:").unwrap(), position("7.7"));
    }

    #[test]
    fn what_is_no_position_is_refused() {
        let too_many =
            (0..=RUNNING_MAX).fold("0.5000".to_owned(), |text, xid| format!("{text}.{xid}"));
        for text in [
            "",
            "7",
            "7.",
            ".7",
            "7.x",
            "+7.8",
            "-7.8",
            "7.8 ",
            "8.7",
            "7.12.6",
            "7.12.12",
            "7.12.",
            "7:12:",
            "7.18446744073709551616",
            &too_many,
        ] {
            assert_eq!(text.parse::<Position>(), Err(BadPosition), "{text:?}");
        }
        for text in ["", "7:12", "7", "12:7:", "7:12:x"] {
            assert_eq!(Position::from_snapshot(text), Err(BadPosition), "{text:?}");
        }
    }

    #[test]
    fn later_positions_cover_earlier_ones_and_never_the_other_way_round() {
        // In the order of time: 7 and 9 run; 10 begins and ends; 7 ends; 11 begins and ends; 9 ends.
        let in_time = ["7.10.7.9", "7.11.7.9", "9.11.9", "9.12.9", "12.12"].map(position);
        for (at, earlier) in in_time.iter().enumerate() {
            assert!(earlier.covers(earlier));
            for later in &in_time[at + 1..] {
                assert!(later.covers(earlier), "{later} after {earlier}");
                assert_ne!(
                    later.by_age(earlier),
                    Ordering::Less,
                    "{later} after {earlier}"
                );
                assert!(!earlier.covers(later), "{earlier} before {later}");
            }
        }
    }
}
