//! What the pages of a bulk change show.

use askama::Template;

use crate::pages::display::Moment;
use crate::pages::fields::{Choice, Field, Problems};
use crate::pages::layout::Layout;

#[derive(Template)]
#[template(path = "pages/bulk/change.html")]
pub(crate) struct BulkPage {
    pub(crate) layout: Layout,
    pub(crate) problems: Problems,
    pub(crate) action: &'static str,
    pub(crate) title: String,
    /// The way back.
    pub(crate) list_href: String,
    /// What names the items, to be sent again.
    pub(crate) hidden: Vec<Hidden>,
    pub(crate) fields: BulkFields,
    pub(crate) locations: Vec<Choice>,
    pub(crate) categories: Vec<Choice>,
    pub(crate) reasons: Vec<Choice>,
    pub(crate) preview: Option<Preview>,
}

/// What each kind of change asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct BulkFields {
    pub(crate) by: Field,
    pub(crate) reason: Field,
    pub(crate) to: Field,
    pub(crate) minimum: Field,
    pub(crate) target: Field,
    pub(crate) reorder_multiple: Field,
    pub(crate) set_category: Field,
}

/// What would happen.
#[derive(Clone, Debug)]
pub(crate) struct Preview {
    /// What does it.
    pub(crate) action: String,
    /// The way back.
    pub(crate) cancel_href: String,
    pub(crate) key: String,
    /// All that names the change, to be sent again.
    pub(crate) hidden: Vec<Hidden>,
    pub(crate) may_apply: bool,
    pub(crate) button: String,
    pub(crate) is_danger: bool,
    /// How many are changed, and how many left out why, a sentence each.
    pub(crate) summary: Vec<String>,
    pub(crate) rows: Vec<BulkRow>,
    /// How many items are not shown, in words.
    pub(crate) untold: Option<String>,
}

/// An item in a preview.
#[derive(Clone, Debug)]
pub(crate) struct BulkRow {
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) sku: String,
    pub(crate) location: String,
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) skipped: bool,
}

/// A field that nobody sees.
#[derive(Clone, Debug)]
pub(crate) struct Hidden {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Hidden {
    pub(crate) fn of((name, value): (&str, &str)) -> Self {
        Self {
            name: name.to_owned(),
            value: value.to_owned(),
        }
    }
}

#[derive(Template)]
#[template(path = "pages/bulk/done.html")]
pub(crate) struct BulkDonePage {
    pub(crate) layout: Layout,
    /// Where this page is.
    pub(crate) address: String,
    pub(crate) heading: String,
    pub(crate) list_href: String,
    /// Whether all is done.
    pub(crate) is_done: bool,
    /// Whether nobody is at it any more.
    pub(crate) rests: bool,
    /// Why, if that is known.
    pub(crate) rests_because: Option<String>,
    pub(crate) begun: Begun,
    /// The form that continues it.
    pub(crate) action: String,
    pub(crate) key: String,
    pub(crate) hidden: Vec<Hidden>,
    /// Where it can be taken back, if it can.
    pub(crate) undo_href: Option<String>,
    /// The bulk change that it takes back.
    pub(crate) undoes_href: Option<String>,
    /// What took it back, or some of it.
    pub(crate) undone_by: Vec<UndoneBy>,
    pub(crate) skipped: Vec<Skipped>,
    /// How many of those left out are not named, in words.
    pub(crate) untold: Option<String>,
}

/// An item that was left out.
#[derive(Clone, Debug)]
pub(crate) struct Skipped {
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) why: String,
}

/// A bulk change that took items of another one back.
#[derive(Clone, Debug)]
pub(crate) struct UndoneBy {
    pub(crate) href: String,
    /// How many, in words.
    pub(crate) items: String,
    pub(crate) who: String,
    pub(crate) when: Moment,
    /// Whether any of that was taken back itself.
    pub(crate) is_undone: bool,
}

/// Who asked for a bulk change, and when.
#[derive(Clone, Debug)]
pub(crate) struct Begun {
    pub(crate) who: String,
    pub(crate) when: Moment,
}

#[derive(Template)]
#[template(path = "pages/bulk/undo.html")]
pub(crate) struct BulkUndoPage {
    pub(crate) layout: Layout,
    pub(crate) problems: Problems,
    /// The bulk change that would be taken back.
    pub(crate) back_href: String,
    /// What it did, in words.
    pub(crate) done: String,
    pub(crate) begun: Begun,
    pub(crate) preview: Preview,
}
