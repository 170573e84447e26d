//! What the form shows that changes a quantity by any amount.

use askama::Template;

use crate::pages::fields::{Choice, Field, Problems};
use crate::pages::layout::Layout;

#[derive(Template)]
#[template(path = "pages/item/adjust.html")]
pub(crate) struct AdjustPage {
    pub(crate) layout: Layout,
    pub(crate) adjust: AdjustForm,
}

/// The form.
#[derive(Clone, Debug)]
pub(crate) struct AdjustForm {
    /// Of the item.
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) unit: String,
    /// Where it can be adjusted.
    pub(crate) places: Vec<Place>,
    pub(crate) location_id: i64,
    pub(crate) location: String,
    /// `seen_on_hand` as read.
    pub(crate) seen: String,
    /// What was on hand at the location, and at which version, when the form was shown: a count tells
    /// from it whether stock moved since.
    pub(crate) seen_on_hand: i64,
    pub(crate) seen_version: i64,
    /// The form's one-time key.
    pub(crate) key: String,
    /// The location that the list is filtered for to which the answer belongs; empty for none.
    pub(crate) view_location: String,
    pub(crate) return_to: String,
    pub(crate) mode: &'static str,
    pub(crate) modes: Vec<Choice>,
    pub(crate) quantity: Field,
    pub(crate) reason: Field,
    pub(crate) reasons: Vec<Choice>,
    pub(crate) note: Field,
    pub(crate) problems: Problems,
    /// Stock moved since it was counted.
    pub(crate) moved: Option<Moved>,
}

/// A location with what is on hand there.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) location: String,
    pub(crate) on_hand: String,
    pub(crate) href: String,
    pub(crate) current: bool,
}

/// The choice after stock moved under a count.
#[derive(Clone, Debug)]
pub(crate) struct Moved {
    pub(crate) question: String,
    pub(crate) options: Vec<Choice>,
}
