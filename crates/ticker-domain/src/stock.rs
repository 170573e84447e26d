//! Stock status: what a quantity means beside the thresholds that a manager has set.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ledger::ON_HAND_MAX;

/// Whether an item is out, low, in order or over, by its total on hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StockStatus {
    /// Nothing on hand.
    Out,
    /// At or below the minimum.
    Low,
    /// Between minimum and target.
    Ok,
    /// Above the target by more than the reorder multiple.
    Over,
}

impl StockStatus {
    /// Every status, in the order in which lists offer them.
    pub const ALL: [Self; 4] = [Self::Out, Self::Low, Self::Ok, Self::Over];

    /// The status of `total` under `thresholds`. The database keeps the same rule as a generated
    /// column so that lists can filter by it; a test holds the two together.
    #[must_use]
    pub fn of(total: i64, thresholds: &Thresholds) -> Self {
        let over_above = |target: i64| target + thresholds.reorder_multiple.unwrap_or(0);
        if total == 0 {
            Self::Out
        } else if thresholds.minimum.is_some_and(|minimum| total <= minimum) {
            Self::Low
        } else if thresholds
            .target
            .is_some_and(|target| total > over_above(target))
        {
            Self::Over
        } else {
            Self::Ok
        }
    }

    /// Its place in [`StockStatus::ALL`], from 1: what lists sort by.
    #[must_use]
    pub fn rank(self) -> i64 {
        match self {
            Self::Out => 1,
            Self::Low => 2,
            Self::Ok => 3,
            Self::Over => 4,
        }
    }

    /// The word that is stored and stands in URLs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::Low => "low",
            Self::Ok => "ok",
            Self::Over => "over",
        }
    }

    /// The word that people read.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Out => "Out",
            Self::Low => "Low",
            Self::Ok => "OK",
            Self::Over => "Over",
        }
    }
}

impl fmt::Display for StockStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word is not a stock status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be out, low, ok or over")]
pub struct UnknownStockStatus;

impl FromStr for StockStatus {
    type Err = UnknownStockStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(UnknownStockStatus)
    }
}

/// When to reorder an item and up to how many, in the item's unit. Each part may be unset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "(Option<i64>, Option<i64>, Option<i64>)")]
pub struct Thresholds {
    minimum: Option<i64>,
    target: Option<i64>,
    reorder_multiple: Option<i64>,
}

/// Which threshold was not accepted, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThresholdsError {
    /// The minimum is negative or past what stock can hold.
    #[error("must be a whole number from 0 to {ON_HAND_MAX}")]
    MinimumOutOfRange,
    /// The target is negative or past what stock can hold.
    #[error("must be a whole number from 0 to {ON_HAND_MAX}")]
    TargetOutOfRange,
    /// The reorder multiple is below one or past what stock can hold.
    #[error("must be a whole number from 1 to {ON_HAND_MAX}")]
    ReorderMultipleOutOfRange,
    /// The target lies below the minimum.
    #[error("must not be below the minimum")]
    TargetBelowMinimum,
}

impl Thresholds {
    /// None of them.
    pub const NONE: Self = Self {
        minimum: None,
        target: None,
        reorder_multiple: None,
    };

    /// Puts thresholds together.
    ///
    /// # Errors
    /// [`ThresholdsError`] names the part that is out of range or contradicts another.
    pub fn new(
        minimum: Option<i64>,
        target: Option<i64>,
        reorder_multiple: Option<i64>,
    ) -> Result<Self, ThresholdsError> {
        let outside = |value: Option<i64>, least: i64| {
            value.is_some_and(|value| !(least..=ON_HAND_MAX).contains(&value))
        };
        if outside(minimum, 0) {
            return Err(ThresholdsError::MinimumOutOfRange);
        }
        if outside(target, 0) {
            return Err(ThresholdsError::TargetOutOfRange);
        }
        if outside(reorder_multiple, 1) {
            return Err(ThresholdsError::ReorderMultipleOutOfRange);
        }
        if matches!((minimum, target), (Some(minimum), Some(target)) if target < minimum) {
            return Err(ThresholdsError::TargetBelowMinimum);
        }
        Ok(Self {
            minimum,
            target,
            reorder_multiple,
        })
    }

    /// At or below this total the item is low.
    #[must_use]
    pub fn minimum(&self) -> Option<i64> {
        self.minimum
    }

    /// The total that a reorder fills up to.
    #[must_use]
    pub fn target(&self) -> Option<i64> {
        self.target
    }

    /// The pack size that orders are rounded up to.
    #[must_use]
    pub fn reorder_multiple(&self) -> Option<i64> {
        self.reorder_multiple
    }
}

impl TryFrom<(Option<i64>, Option<i64>, Option<i64>)> for Thresholds {
    type Error = ThresholdsError;

    fn try_from(
        (minimum, target, reorder_multiple): (Option<i64>, Option<i64>, Option<i64>),
    ) -> Result<Self, ThresholdsError> {
        Self::new(minimum, target, reorder_multiple)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_follows_the_thresholds() {
        let thresholds = Thresholds::new(Some(5), Some(20), Some(6)).unwrap();
        for (total, status) in [
            (0, StockStatus::Out),
            (1, StockStatus::Low),
            (5, StockStatus::Low),
            (6, StockStatus::Ok),
            (26, StockStatus::Ok),
            (27, StockStatus::Over),
        ] {
            assert_eq!(StockStatus::of(total, &thresholds), status, "at {total}");
        }
        assert_eq!(StockStatus::of(1, &Thresholds::default()), StockStatus::Ok);
        assert_eq!(StockStatus::of(0, &Thresholds::default()), StockStatus::Out);
    }

    #[test]
    fn contradicting_thresholds_are_refused() {
        assert_eq!(
            Thresholds::new(Some(-1), None, None),
            Err(ThresholdsError::MinimumOutOfRange)
        );
        assert_eq!(
            Thresholds::new(None, Some(ON_HAND_MAX + 1), None),
            Err(ThresholdsError::TargetOutOfRange)
        );
        assert_eq!(
            Thresholds::new(None, None, Some(0)),
            Err(ThresholdsError::ReorderMultipleOutOfRange)
        );
        assert_eq!(
            Thresholds::new(Some(9), Some(8), None),
            Err(ThresholdsError::TargetBelowMinimum)
        );
    }

    #[test]
    fn every_status_reads_back() {
        for status in StockStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert_eq!("OK".parse::<StockStatus>(), Err(UnknownStockStatus));
    }
}
