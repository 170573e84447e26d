//! What the form shows that moves goods.

use askama::Template;

use crate::pages::fields::{Choice, Field, Problems};
use crate::pages::layout::Layout;

#[derive(Template)]
#[template(path = "pages/item/transfer.html")]
pub(crate) struct TransferPage {
    pub(crate) layout: Layout,
    pub(crate) transfer: TransferForm,
}

/// The form.
#[derive(Clone, Debug)]
pub(crate) struct TransferForm {
    /// Of the item.
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) unit: String,
    /// The form's one-time key.
    pub(crate) key: String,
    pub(crate) from: Field,
    pub(crate) to: Field,
    /// The locations, each with what is on hand there.
    pub(crate) places: Vec<Choice>,
    pub(crate) quantity: Field,
    pub(crate) note: Field,
    pub(crate) problems: Problems,
    /// The location that the list is filtered for to which the answer belongs; empty for none.
    pub(crate) view_location: String,
    pub(crate) return_to: String,
}
