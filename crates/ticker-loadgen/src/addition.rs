//! New items, added by a form whose body takes its time.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An item to add, with one on hand, so that its posting shows in the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Addition {
    /// Its idempotency key, also of the posting that it begins with.
    pub(crate) key: Uuid,
    /// Its SKU, which no other item has.
    pub(crate) sku: String,
}

impl Addition {
    /// A new one.
    pub(crate) fn new() -> Self {
        let key = Uuid::now_v7();
        Self {
            key,
            sku: format!("LOAD-{:X}", key.simple()),
        }
    }

    /// The form that adds it.
    pub(crate) fn form(&self) -> String {
        let Self { key, sku } = self;
        format!(
            "key={key}&sku={sku}&name=Load%20test%20{}&unit=pcs&category=Load%20test&\
             home_location=Load%20test&quantity=1",
            key.simple()
        )
    }
}

/// The item that an answer leads to: `/items/7`.
pub(crate) fn added(location: Option<&str>) -> Option<i64> {
    location?.strip_prefix("/items/")?.parse().ok()
}

/// A pause of that length on the average, so that many do not go in step.
pub(crate) fn about(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.9..1.1))
}
