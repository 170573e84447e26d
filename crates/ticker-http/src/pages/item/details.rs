//! The fields that describe an item: reading them, showing them again, and two versions side by side.

use serde::Deserialize;
use ticker_app::item::{Item, ItemChoices, ItemForm};
use ticker_domain::category::CategoryName;
use ticker_domain::item::{Barcode, ItemName, Sku, Unit};
use ticker_domain::location::LocationName;
use ticker_domain::stock::{Thresholds, ThresholdsError};

use super::view::{EditConflictPage, ItemFields, ItemHead, SameField, Versus};
use crate::pages::display::read_number;
use crate::pages::fields::{Field, Problems};
use crate::pages::layout::Layout;

/// The fields as typed; adding an item uses those below the line as well.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Input {
    pub(crate) version: String,
    pub(crate) name: String,
    pub(crate) sku: String,
    pub(crate) barcode: String,
    pub(crate) unit: String,
    pub(crate) category: String,
    pub(crate) home_location: String,
    pub(crate) minimum: String,
    pub(crate) target: String,
    pub(crate) reorder_multiple: String,
    // Of a new item only.
    pub(crate) key: String,
    pub(crate) quantity: String,
}

/// The fields' names in forms, their labels, and how to find what was typed in them.
type Part = (&'static str, &'static str, fn(&Input) -> &String);
const PARTS: [Part; 9] = [
    ("name", "Name", |input| &input.name),
    ("sku", "SKU", |input| &input.sku),
    ("barcode", "Barcode", |input| &input.barcode),
    ("unit", "Unit", |input| &input.unit),
    ("category", "Category", |input| &input.category),
    ("home_location", "Home location", |input| {
        &input.home_location
    }),
    ("minimum", "Minimum", |input| &input.minimum),
    ("target", "Target", |input| &input.target),
    ("reorder_multiple", "Pack size", |input| {
        &input.reorder_multiple
    }),
];

/// The fields as an item has them.
fn input_of(item: &Item) -> Input {
    let text = |value: Option<i64>| value.map(|value| value.to_string()).unwrap_or_default();
    Input {
        version: item.version.to_string(),
        name: item.name.clone(),
        sku: item.sku.clone(),
        barcode: item.barcode.clone().unwrap_or_default(),
        unit: item.unit.clone(),
        category: item.category_name.clone(),
        home_location: item.home_location_name.clone(),
        minimum: text(item.thresholds.minimum()),
        target: text(item.thresholds.target()),
        reorder_multiple: text(item.thresholds.reorder_multiple()),
        ..Input::default()
    }
}

/// The fields to show for an item as it stands.
pub(crate) fn fields_of(item: &Item, choices: &ItemChoices) -> ItemFields {
    fields_typed(&input_of(item), choices)
}

/// The fields to show for what was typed.
pub(crate) fn fields_typed(input: &Input, choices: &ItemChoices) -> ItemFields {
    ItemFields {
        name: Field::new(&input.name),
        sku: Field::new(&input.sku),
        barcode: Field::new(&input.barcode),
        unit: Field::new(&input.unit),
        category: Field::new(&input.category),
        categories: choices
            .categories
            .iter()
            .map(|one| one.name.clone())
            .collect(),
        home_location: Field::new(&input.home_location),
        locations: choices
            .locations
            .iter()
            .map(|one| one.name.clone())
            .collect(),
        minimum: Field::new(&input.minimum),
        target: Field::new(&input.target),
        reorder_multiple: Field::new(&input.reorder_multiple),
    }
}

/// Reads the fields, and notes what is wrong with each.
pub(crate) fn read(
    input: &Input,
    fields: &mut ItemFields,
    problems: &mut Problems,
) -> Option<ItemForm> {
    let name = problems.keep(
        &mut fields.name,
        "name",
        "Name",
        ItemName::parse(&input.name),
    );
    let sku = problems.keep(&mut fields.sku, "sku", "SKU", Sku::parse(&input.sku));
    let barcode = if input.barcode.trim().is_empty() {
        Some(None)
    } else {
        let barcode = Barcode::parse(&input.barcode);
        problems
            .keep(&mut fields.barcode, "barcode", "Barcode", barcode)
            .map(Some)
    };
    let category = CategoryName::parse(&input.category);
    let category = problems.keep(&mut fields.category, "category", "Category", category);
    let home = LocationName::parse(&input.home_location);
    let home = problems.keep(
        &mut fields.home_location,
        "home_location",
        "Home location",
        home,
    );
    let unit = problems.keep(&mut fields.unit, "unit", "Unit", Unit::parse(&input.unit));
    let typed = [
        &mut fields.minimum,
        &mut fields.target,
        &mut fields.reorder_multiple,
    ];
    let thresholds = read_thresholds(typed, problems);
    Some(ItemForm {
        name: name?,
        sku: sku?,
        barcode: barcode?,
        unit: unit?,
        category: category?,
        home_location: home?,
        thresholds: thresholds?,
    })
}

/// The thresholds as typed, each of which may be left out.
pub(crate) fn read_thresholds(
    [minimum, target, reorder_multiple]: [&mut Field; 3],
    problems: &mut Problems,
) -> Option<Thresholds> {
    let mut read = |field: &mut Field, id, label| {
        if field.value.trim().is_empty() {
            return Some(None);
        }
        let number = read_number(&field.value);
        problems.keep(field, id, label, number).map(Some)
    };
    let least = read(minimum, "minimum", "Minimum");
    let wanted = read(target, "target", "Target");
    let multiple = read(reorder_multiple, "reorder_multiple", "Pack size");
    match Thresholds::new(least?, wanted?, multiple?) {
        Ok(thresholds) => Some(thresholds),
        Err(error) => {
            let (field, id, label) = match error {
                ThresholdsError::MinimumOutOfRange => (minimum, "minimum", "Minimum"),
                ThresholdsError::TargetOutOfRange | ThresholdsError::TargetBelowMinimum => {
                    (target, "target", "Target")
                }
                ThresholdsError::ReorderMultipleOutOfRange => {
                    (reorder_multiple, "reorder_multiple", "Pack size")
                }
            };
            problems.refuse(field, id, label, error);
            None
        }
    }
}

/// What was typed beside what somebody else saved meanwhile.
pub(crate) fn conflict(
    layout: Layout,
    head: ItemHead,
    mine: &Input,
    current: &Item,
) -> EditConflictPage {
    let theirs = input_of(current);
    let (mut same, mut fields) = (Vec::new(), Vec::new());
    for (name, label, value) in PARTS {
        let (mine, theirs) = (value(mine).trim().to_owned(), value(&theirs).clone());
        if mine == theirs {
            same.push(SameField { name, value: mine });
        } else {
            let (mine_label, theirs_label) = (or_none(&mine), or_none(&theirs));
            fields.push(Versus {
                name,
                label,
                mine,
                mine_label,
                theirs,
                theirs_label,
            });
        }
    }
    EditConflictPage {
        layout,
        head,
        same,
        fields,
    }
}

fn or_none(value: &str) -> String {
    if value.is_empty() {
        "(none)".to_owned()
    } else {
        value.to_owned()
    }
}
