//! What the list and the form of a bulk change send: which items, what to do, and with what.

use std::collections::BTreeSet;

use serde::Deserialize as _;
use serde::de::value::{Error as PairsError, MapDeserializer};
use ticker_domain::bulk::{BulkChange, Selection};
use ticker_domain::id::{CategoryId, ItemId, LocationId};
use ticker_domain::ledger::{DELTA_MAX, LineError, Reason};
use ticker_domain::stock_list::{StockFilter, StockQuery};

use super::Pairs;
use super::view::BulkFields;
use crate::error::HttpError;
use crate::pages::display::read_number;
use crate::pages::fields::{Field, Problems};
use crate::pages::inventory::address::{self, href};
use crate::pages::item::details::read_thresholds;
use crate::path;

/// The names under which the list's filters are sent.
const LIST: [&str; 8] = [
    "q", "category", "location", "status", "archived", "sort", "dir", "size",
];
/// The names of a change's own fields.
const OWN: [&str; 7] = [
    "by",
    "reason",
    "to",
    "minimum",
    "target",
    "reorder_multiple",
    "set_category",
];

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Adjust,
    Move,
    Thresholds,
    Category,
    Archive,
}

impl Action {
    const ALL: [Self; 5] = [
        Self::Adjust,
        Self::Move,
        Self::Thresholds,
        Self::Category,
        Self::Archive,
    ];

    /// The word that is sent.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Adjust => "adjust",
            Self::Move => "move",
            Self::Thresholds => "thresholds",
            Self::Category => "category",
            Self::Archive => "archive",
        }
    }
}

/// What was sent.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pairs: Pairs,
    action: Action,
    items: BTreeSet<ItemId>,
    list: StockQuery,
}

/// Which items were selected in the list, and which list that was.
///
/// # Errors
/// [`HttpError::BadRequest`] if that makes no sense.
pub(crate) fn selected(pairs: &Pairs) -> Result<(Option<BTreeSet<ItemId>>, StockQuery), HttpError> {
    let unreadable = |_| HttpError::bad_request("A part of the address cannot be read.");
    let of_list = pairs.iter().filter(|(name, _)| LIST.contains(&&**name));
    let params = MapDeserializer::<_, PairsError>::new(of_list.cloned());
    let params = address::Params::deserialize(params).map_err(unreadable)?;
    let list = address::read(&params).map_err(|bad| HttpError::bad_request(bad.to_string()))?;
    let mut items = BTreeSet::new();
    for (_, value) in pairs.iter().filter(|(name, _)| name == "item") {
        let item = path::parse(value).map(ItemId);
        items.insert(item.ok_or_else(|| {
            HttpError::bad_request(
                "The parameter “item” of this address must be the number of one.",
            )
        })?);
    }
    let all = pairs.iter().any(|pair| is(pair, "all", "1"));
    Ok(((!all).then_some(items), list))
}

fn is((name, value): &(String, String), wanted: &str, word: &str) -> bool {
    name == wanted && value == word
}

impl Input {
    /// Reads what was sent.
    ///
    /// # Errors
    /// [`HttpError::BadRequest`] if it makes no sense.
    pub(crate) fn read(pairs: Pairs) -> Result<Self, HttpError> {
        let (items, list) = selected(&pairs)?;
        let mut actions = Action::ALL.into_iter();
        let sent = pairs.iter().find(|(name, _)| name == "action");
        let sent = sent.map_or("", |(_, value)| value.as_str());
        let action = actions.find(|action| action.as_str() == sent);
        let action = action.ok_or_else(|| {
            HttpError::bad_request("The parameter “action” of this address is none that there is.")
        })?;
        Ok(Self {
            pairs,
            action,
            items: items.unwrap_or_default(),
            list,
        })
    }

    /// The form as it is kept beside what it did, for whoever continues it.
    pub(crate) fn as_kept(&self) -> String {
        let pairs: Vec<_> = self.pairs().collect();
        serde_json::json!(pairs).to_string()
    }

    /// What [`Input::as_kept`] made.
    pub(crate) fn kept(form: &str) -> Pairs {
        serde_json::from_str(form).unwrap_or_default()
    }

    /// Whether no item is selected.
    pub(crate) fn is_nothing(&self) -> bool {
        self.items.is_empty() && !self.is_all()
    }

    fn is_all(&self) -> bool {
        self.pairs.iter().any(|pair| is(pair, "all", "1"))
    }

    pub(crate) fn action(&self) -> Action {
        self.action
    }

    pub(crate) fn key(&self) -> &str {
        self.value("key")
    }

    pub(crate) fn filter(&self) -> &StockFilter {
        &self.list.filter
    }

    pub(crate) fn selection(&self) -> Selection {
        if self.is_all() {
            Selection::Matching(self.list.filter.clone())
        } else {
            Selection::Items(self.items.clone())
        }
    }

    /// Whether the change's own fields were sent, or there are none.
    pub(crate) fn is_ready(&self) -> bool {
        self.action == Action::Archive || self.pairs.iter().any(|pair| is(pair, "ready", "1"))
    }

    /// Where the list is.
    pub(crate) fn list_href(&self) -> String {
        href(&self.list)
    }

    /// Everything that names the change but its key.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = |name: &str| OWN.contains(&name) || name == "ready";
        let own = self.pairs.iter().filter(move |(name, _)| own(name));
        let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
        self.selection_pairs().chain(own)
    }

    /// What names the items and the list.
    pub(crate) fn selection_pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.is_all();
        self.pairs
            .iter()
            .filter(move |(name, value)| {
                let of_list = LIST.contains(&name.as_str()) && !value.is_empty();
                of_list || name == "action" || name == "all" || (name == "item" && !all)
            })
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn value(&self, wanted: &str) -> &str {
        let mut pairs = self.pairs.iter();
        pairs
            .find(|(name, _)| name == wanted)
            .map_or("", |(_, value)| value)
    }

    /// The change's own fields as they were typed.
    pub(crate) fn fields(&self) -> BulkFields {
        let field = |name| Field::new(self.value(name));
        BulkFields {
            by: field("by"),
            reason: field("reason"),
            to: field("to"),
            minimum: field("minimum"),
            target: field("target"),
            reorder_multiple: field("reorder_multiple"),
            set_category: field("set_category"),
        }
    }

    /// The change; what is wrong with it is noted at its field.
    pub(crate) fn change(
        &self,
        fields: &mut BulkFields,
        problems: &mut Problems,
    ) -> Option<BulkChange> {
        match self.action {
            Action::Adjust => read_adjust(fields, problems),
            Action::Move => {
                let to = path::parse(&fields.to.value).map(LocationId);
                let to = to.ok_or("must be one of those in use");
                let to = problems.keep(&mut fields.to, "to", "Location", to);
                to.map(BulkChange::MoveTo)
            }
            Action::Category => {
                let category = path::parse(&fields.set_category.value).map(CategoryId);
                let category = category.ok_or("must be one of those in use");
                let field = &mut fields.set_category;
                let category = problems.keep(field, "set_category", "Category", category);
                category.map(BulkChange::SetCategory)
            }
            Action::Thresholds => {
                let typed = [
                    &mut fields.minimum,
                    &mut fields.target,
                    &mut fields.reorder_multiple,
                ];
                read_thresholds(typed, problems).map(BulkChange::SetThresholds)
            }
            Action::Archive => Some(BulkChange::Archive),
        }
    }
}

fn read_adjust(fields: &mut BulkFields, problems: &mut Problems) -> Option<BulkChange> {
    let delta = read_number(&fields.by.value);
    let delta = problems.keep(&mut fields.by, "by", "Change", delta);
    let delta = delta.and_then(|delta| {
        let fits = match delta {
            0 => Err(LineError::Zero),
            _ if delta.unsigned_abs() > DELTA_MAX.unsigned_abs() => Err(LineError::DeltaOutOfRange),
            _ => Ok(delta),
        };
        problems.keep(&mut fields.by, "by", "Change", fits)
    });
    let reason: Option<Reason> = Reason::choices().find(|one| one.as_str() == fields.reason.value);
    let reason = reason.ok_or("must be one of the choices");
    let reason = problems.keep(&mut fields.reason, "reason", "Reason", reason);
    Some(BulkChange::AdjustBy {
        delta: delta?,
        reason: reason?,
    })
}
