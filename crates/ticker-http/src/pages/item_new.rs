//! Adding an item.

pub(crate) mod view;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use ticker_app::item::{AddItemError, NewItem, TakenBy, UniqueField};
use ticker_auth::Grant;
use ticker_domain::group::GroupKind;
use ticker_domain::ledger::{IdempotencyKey, ON_HAND_MAX};
use ticker_domain::permission::{ItemCreate, Permission, StockView};

use self::view::{Addition, NewItemPage, Twin};
use super::display::{number, read_number};
use super::fields::{Field, Problems};
use super::item::view::ItemFields;
use super::item::{Input, details};
use super::layout::{Layout, Section};
use super::{KEY_LOST, KEY_REUSED, left_toast, new_key, page, see_other_with};
use crate::access::May;
use crate::error::PageResult;
use crate::flash::Flash;
use crate::form::Form;
use crate::query::Query;
use crate::state::Web;

/// What the form's address says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Params {
    /// The code of something that nothing was found for.
    barcode: String,
}

/// Shows the form, empty but for a code that was scanned.
pub(crate) async fn show(
    State(web): State<Web>,
    May(by): May<ItemCreate>,
    flash: Flash,
    Query(params): Query<Params>,
) -> PageResult {
    let view = by.user().grant::<StockView>()?;
    let choices = web.app.item_choices(&view).await?;
    let first_location = choices.locations.first().map(|one| one.name.clone());
    let input = Input {
        barcode: params.barcode,
        unit: "pcs".to_owned(),
        home_location: first_location.unwrap_or_default(),
        ..Input::default()
    };
    let template = NewItemPage {
        layout: Layout::of(by.user(), Section::Inventory).with(left_toast(&flash)),
        problems: Problems::default(),
        twin: None,
        key: new_key(),
        fields: details::fields_typed(&input, &choices),
        quantity: Field::default(),
    };
    page(StatusCode::OK, &template)
}

/// Adds an item, or says which one stands in its way and offers to add the quantity to that.
pub(crate) async fn add(
    State(web): State<Web>,
    May(by): May<ItemCreate>,
    flash: Flash,
    Form(input): Form<Input>,
) -> PageResult {
    let view = by.user().grant::<StockView>()?;
    let choices = web.app.item_choices(&view).await?;
    let mut template = NewItemPage {
        layout: Layout::of(by.user(), Section::Inventory),
        problems: Problems::default(),
        twin: None,
        key: new_key(),
        fields: details::fields_typed(&input, &choices),
        quantity: Field::new(&input.quantity),
    };
    let Some(new) = read(&input, &mut template) else {
        return page(StatusCode::UNPROCESSABLE_ENTITY, &template);
    };
    let opening = new.opening;
    match web.app.add_item(&by, new).await {
        Ok(id) => {
            let done = format!("Added {}", input.name.trim());
            Ok(see_other_with(&format!("/items/{id}"), &flash, &done))
        }
        Err(AddItemError::Taken(by_item)) => {
            taken(&by_item, &mut template.fields, &mut template.problems);
            template.twin = Some(twin_with(&by_item, opening, &by));
            page(StatusCode::CONFLICT, &template)
        }
        Err(AddItemError::GroupArchived(kind)) => {
            group_archived(kind, &mut template.fields, &mut template.problems);
            page(StatusCode::CONFLICT, &template)
        }
        Err(AddItemError::Opening(error)) => {
            let NewItemPage {
                quantity, problems, ..
            } = &mut template;
            problems.refuse(quantity, "quantity", "Quantity", error);
            page(StatusCode::UNPROCESSABLE_ENTITY, &template)
        }
        Err(AddItemError::OpeningRefused(refusal)) => {
            let NewItemPage {
                quantity, problems, ..
            } = &mut template;
            problems.refuse(
                quantity,
                "quantity",
                "Quantity",
                format!("was refused: {refusal}"),
            );
            page(StatusCode::CONFLICT, &template)
        }
        Err(AddItemError::KeyReused) => {
            template.problems.add(KEY_REUSED);
            page(StatusCode::UNPROCESSABLE_ENTITY, &template)
        }
        Err(AddItemError::Failure(failure)) => Err(failure.into()),
    }
}

fn read(input: &Input, template: &mut NewItemPage) -> Option<NewItem> {
    let NewItemPage {
        fields,
        problems,
        quantity,
        ..
    } = template;
    let form = details::read(input, fields, problems);
    let opening = if input.quantity.trim().is_empty() {
        Some(0)
    } else {
        let number = read_number(&input.quantity);
        problems.keep(quantity, "quantity", "Quantity", number)
    };
    let opening = opening.filter(|opening| {
        let fits = (0..=ON_HAND_MAX).contains(opening);
        if !fits {
            let error = format!("must be a whole number from 0 to {}", number(ON_HAND_MAX));
            problems.refuse(quantity, "quantity", "Quantity", error);
        }
        fits
    });
    let key: Option<IdempotencyKey> = input.key.parse().ok();
    if key.is_none() {
        problems.add(KEY_LOST);
    }
    Some(NewItem {
        key: key?,
        form: form?,
        opening: opening?,
    })
}

/// Marks the field that another item has the same of.
pub(crate) fn taken(by: &TakenBy, fields: &mut ItemFields, problems: &mut Problems) {
    let (field, id, label) = match by.field {
        UniqueField::Name => (&mut fields.name, "name", "Name"),
        UniqueField::Sku => (&mut fields.sku, "sku", "SKU"),
        UniqueField::Barcode => (&mut fields.barcode, "barcode", "Barcode"),
    };
    problems.refuse(field, id, label, "belongs to another item");
}

/// Marks the field that names what is archived.
pub(crate) fn group_archived(kind: GroupKind, fields: &mut ItemFields, problems: &mut Problems) {
    let (field, id, label) = match kind {
        GroupKind::Category => (&mut fields.category, "category", "Category"),
        GroupKind::Location => (&mut fields.home_location, "home_location", "Home location"),
    };
    problems.refuse(
        field,
        id,
        label,
        "is archived: restore it, or choose another",
    );
}

/// The item that stands in the way.
pub(crate) fn twin(by: &TakenBy) -> Twin {
    let item = &by.item;
    let sentence = match by.field {
        UniqueField::Name => "An item with this name exists:",
        UniqueField::Sku => "An item with this SKU exists:",
        UniqueField::Barcode => "An item with this barcode exists:",
    };
    Twin {
        id: item.id.0,
        name: item.name.clone(),
        sku: item.sku.clone(),
        archived: item.archived_at.is_some(),
        may_restore: false,
        on_hand: format!("{} {}", number(item.total), item.unit),
        sentence,
        addition: None,
    }
}

/// The same, with what can be done instead of adding a second one.
fn twin_with(taken: &TakenBy, opening: i64, by: &Grant<ItemCreate>) -> Twin {
    let item = &taken.item;
    let twin = twin(taken);
    let may_restore = twin.archived && by.user().role.may(Permission::ItemArchive);
    let addition = (opening > 0 && !twin.archived).then(|| Addition {
        key: new_key(),
        location_id: item.home_location.0,
        quantity: opening,
        label: format!("Add {} to {}", number(opening), item.name),
    });
    Twin {
        may_restore,
        addition,
        ..twin
    }
}
