//! What the pages of locations and categories show.

use askama::Template;

use crate::pages::display::Moment;
use crate::pages::fields::{Choice, Field, Problems};
use crate::pages::layout::Layout;

#[derive(Template)]
#[template(path = "pages/group/list.html")]
pub(crate) struct GroupsPage {
    pub(crate) layout: Layout,
    pub(crate) problems: Problems,
    pub(crate) twin: Option<Twin>,
    /// The kind's word within a sentence.
    pub(crate) kind: &'static str,
    pub(crate) title: &'static str,
    /// Whether the archived ones are listed.
    pub(crate) archived: bool,
    /// Where the list is.
    pub(crate) address: String,
    /// The field for a new one's name.
    pub(crate) name: Field,
    pub(crate) rows: Vec<Listed>,
    pub(crate) first: Option<String>,
    pub(crate) next: Option<String>,
}

/// A group in the list.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) href: String,
    pub(crate) items: String,
    pub(crate) on_hand: String,
    pub(crate) added: Moment,
}

/// Another group that has the name.
#[derive(Clone, Debug)]
pub(crate) struct Twin {
    pub(crate) name: String,
    pub(crate) href: String,
    pub(crate) archived: bool,
    /// Where the two become one.
    pub(crate) merge: Option<Way>,
}

/// A link.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) label: String,
    pub(crate) href: String,
}

#[derive(Template)]
#[template(path = "pages/group/show.html")]
pub(crate) struct GroupPage {
    pub(crate) layout: Layout,
    pub(crate) problems: Problems,
    pub(crate) twin: Option<Twin>,
    /// The kind's word within a sentence.
    pub(crate) kind: &'static str,
    /// The way back to the list.
    pub(crate) list: Way,
    /// Where the group is.
    pub(crate) address: String,
    pub(crate) heading: String,
    /// When it was archived, if it is.
    pub(crate) archived: Option<Moment>,
    pub(crate) merged_into: Option<Way>,
    /// What it is being merged into.
    pub(crate) merging_into: Option<String>,
    /// Where its items are listed.
    pub(crate) inventory: String,
    pub(crate) facts: Vec<Fact>,
    pub(crate) name: Field,
    pub(crate) is_empty: bool,
    /// What it can be merged into.
    pub(crate) others: Vec<Choice>,
}

/// A figure of a group.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    pub(crate) label: &'static str,
    pub(crate) value: String,
}

#[derive(Template)]
#[template(path = "pages/group/merge.html")]
pub(crate) struct MergePage {
    pub(crate) layout: Layout,
    pub(crate) source: Way,
    pub(crate) target: Way,
    pub(crate) target_number: i64,
    /// Where the form goes.
    pub(crate) address: String,
    pub(crate) key: String,
    /// What moves, a sentence each.
    pub(crate) consequences: Vec<String>,
}

#[derive(Template)]
#[template(path = "pages/group/merging.html")]
pub(crate) struct MergingPage {
    pub(crate) layout: Layout,
    pub(crate) source: Way,
    pub(crate) target: Way,
    pub(crate) target_number: i64,
    /// Where this page is, and where the form goes.
    pub(crate) address: String,
    pub(crate) key: String,
    pub(crate) moved: i64,
    /// If it is known.
    pub(crate) total: Option<i64>,
    /// How far it is, in words.
    pub(crate) progress: String,
    /// Whether all is done.
    pub(crate) is_done: bool,
    /// Whether nobody is at it any more.
    pub(crate) rests: bool,
}
