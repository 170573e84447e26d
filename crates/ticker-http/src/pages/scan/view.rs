//! What the scanning page shows.

use askama::Template;
use ticker_domain::ledger::LevelId;

use crate::pages::fields::{Choice, Field, Problems};
use crate::pages::layout::{Layout, UndoForm};

#[derive(Template)]
#[template(path = "pages/scan/scan.html")]
pub(crate) struct ScanPage {
    pub(crate) layout: Layout,
    pub(crate) problems: Problems,
    /// Of the next scan.
    pub(crate) key: String,
    pub(crate) mode: &'static str,
    pub(crate) modes: Vec<Choice>,
    pub(crate) code: Field,
    /// Where scans count; empty for each item's home.
    pub(crate) location: String,
    /// Empty when there is one location only.
    pub(crate) locations: Vec<Choice>,
    /// What was scanned so far, as the form sends it.
    pub(crate) scans: String,
    /// The page without them.
    pub(crate) clear_href: String,
    /// The newest first.
    pub(crate) entries: Vec<Entry>,
}

/// The answer to a scan that script sent.
#[derive(Template)]
#[template(path = "parts/scan_entry.html")]
pub(crate) struct EntryAnswer {
    pub(crate) entry: Entry,
}

/// A scan and what became of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    /// The element that it replaces, where script waits for it.
    pub(crate) id: Option<String>,
    pub(crate) tone: Tone,
    /// What it counted.
    pub(crate) scanned: Option<Scanned>,
    /// What remains of it in the sitting; empty when nothing does.
    pub(crate) trace: String,
    /// By how much something changed: `+1`.
    pub(crate) change: Option<String>,
    /// The item's name, or a whole sentence where no item is meant.
    pub(crate) what: String,
    /// The item's page.
    pub(crate) href: Option<String>,
    /// What became of it: `42 at Shop floor`.
    pub(crate) result: String,
    pub(crate) undo: Option<UndoForm>,
    /// The unknown code, for who looks for it by name.
    pub(crate) search_href: Option<String>,
    /// Where an item with this code is added, for who may.
    pub(crate) add_href: Option<String>,
    /// Who carries the code, when several do.
    pub(crate) options: Vec<Candidate>,
}

/// The level that a scan changed, and what it held afterwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanned {
    pub(crate) level: LevelId,
    pub(crate) after: i64,
}

/// What an entry looks and sounds like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// It counted.
    #[default]
    Done,
    /// It was taken back.
    Undone,
    /// It did not count.
    Refused,
    /// Somebody has to choose.
    Asking,
}

impl Tone {
    /// The word in the markup.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Undone => "undone",
            Self::Refused => "refused",
            Self::Asking => "asking",
        }
    }

    /// The icon beside it.
    pub(crate) fn icon(self) -> &'static str {
        match self {
            Self::Done => "ok",
            Self::Undone => "restore",
            Self::Refused => "warning",
            Self::Asking => "info",
        }
    }
}

/// One of the items that carry a code.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// `AA batteries (SKU BAT-AA)`.
    pub(crate) label: String,
    pub(crate) way: Way,
}

/// How an item is chosen.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// By going to its page.
    Link(String),
    /// By counting it.
    Form(Box<Choose>),
}

/// What the form of a choice sends.
#[derive(Clone, Debug)]
pub(crate) struct Choose {
    pub(crate) key: String,
    pub(crate) code: String,
    pub(crate) mode: &'static str,
    pub(crate) location: String,
    pub(crate) count: i64,
    pub(crate) item: i64,
    pub(crate) scans: String,
}
