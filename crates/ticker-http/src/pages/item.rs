//! An item: what is on hand of it where, and what it is.

mod chart;
pub(crate) mod details;
mod panel;
pub(crate) mod view;

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use ticker_app::item::{EditItemError, Item, ItemView};
use ticker_auth::{Grant, SignedIn};
use ticker_domain::id::ItemId;
use ticker_domain::page::Edge;
use ticker_domain::permission::{ItemEdit, Permission, StockView};

use self::chart::chart;
pub(crate) use self::details::Input;
use self::panel::stock_panel;
use self::view::{EditPage, Fact, ItemHead, StockAnswer, StockPage};
use super::display::{moment, number};
use super::fields::Problems;
use super::history::Sheet;
use super::history::view::MovementRow;
use super::item_new::{group_archived, taken, twin};
use super::layout::{Layout, Section, Toast};
use super::{left_toast, live_cursor, page, see_other_with};
use crate::access::May;
use crate::error::{HttpError, PageResult};
use crate::flash::Flash;
use crate::form::Form;
use crate::path::Id;
use crate::query::Query;
use crate::state::Web;

/// How many movements stand under an item's stock.
const LATEST_MOVEMENTS: u16 = 10;

/// Which of an item's pages is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Params {
    tab: String,
}

/// Shows an item: its stock, or its details to edit.
pub(crate) async fn show(
    State(web): State<Web>,
    May(by): May<StockView>,
    flash: Flash,
    Id(id): Id<ItemId>,
    Query(params): Query<Params>,
) -> PageResult {
    let cursor = live_cursor(&web, &by).await;
    let found = web
        .app
        .show_item(&by, id)
        .await?
        .ok_or(HttpError::NotFound)?;
    let layout = Layout::of(by.user(), Section::Inventory)
        .over_locations(found.levels.len())
        .with(left_toast(&flash))
        .live(cursor);
    match params.tab.as_str() {
        "" => {
            let template = StockPage {
                layout,
                head: head(&found.item, by.user(), "stock"),
                stock: stock_panel(&found, by.user().role),
                facts: facts(&found, web.clock.now()),
                chart: chart(&found.item, &web.app.item_days(&by, &found).await?),
                movements: latest_movements(&web, &by, &found.item).await?,
            };
            page(StatusCode::OK, &template)
        }
        "details" => {
            by.user().grant::<ItemEdit>()?;
            let choices = web.app.item_choices(&by).await?;
            let template = EditPage {
                layout,
                head: head(&found.item, by.user(), "details"),
                problems: Problems::default(),
                twin: None,
                fields: details::fields_of(&found.item, &choices),
            };
            page(StatusCode::OK, &template)
        }
        _ => Err(HttpError::bad_request(
            "The parameter “tab” of this address must be details.",
        )),
    }
}

/// What changes on an item's page when its stock does.
pub(crate) async fn stock_answer(
    web: &Web,
    by: &Grant<StockView>,
    id: ItemId,
    toast: Option<Toast>,
) -> Result<StockAnswer, HttpError> {
    let found = web
        .app
        .show_item(by, id)
        .await?
        .ok_or(HttpError::NotFound)?;
    Ok(StockAnswer {
        head: head(&found.item, by.user(), "stock"),
        stock: stock_panel(&found, by.user().role),
        facts: facts(&found, web.clock.now()),
        chart: chart(&found.item, &web.app.item_days(by, &found).await?),
        movements: latest_movements(web, by, &found.item).await?,
        toast,
    })
}

async fn latest_movements(
    web: &Web,
    by: &Grant<StockView>,
    item: &Item,
) -> Result<Vec<MovementRow>, HttpError> {
    let edge = Edge::First;
    let latest = web
        .app
        .item_history(by, item.id, &edge, LATEST_MOVEMENTS)
        .await?;
    let sheet = Sheet {
        item,
        user: by.user(),
        now: web.clock.now(),
        return_to: &format!("/items/{}", item.id),
        in_place: true,
    };
    Ok(latest.rows.iter().map(|row| sheet.movement(row)).collect())
}

/// Saves an item's details, unless somebody else saved them since.
pub(crate) async fn edit(
    State(web): State<Web>,
    May(by): May<ItemEdit>,
    flash: Flash,
    Id(id): Id<ItemId>,
    Form(input): Form<Input>,
) -> PageResult {
    let view = by.user().grant::<StockView>()?;
    let found = web
        .app
        .show_item(&view, id)
        .await?
        .ok_or(HttpError::NotFound)?;
    let choices = web.app.item_choices(&view).await?;
    let mut fields = details::fields_typed(&input, &choices);
    let mut problems = Problems::default();
    let version = input.version.parse().ok();
    if version.is_none() {
        problems.add("This form has lost its version. Look it over and save it again.");
    }
    let form = details::read(&input, &mut fields, &mut problems);
    let layout = Layout::of(by.user(), Section::Inventory).over_locations(found.levels.len());
    let head = |item: &Item| head(item, by.user(), "details");
    let (Some(version), Some(form)) = (version, form) else {
        let head = head(&found.item);
        let template = EditPage {
            layout,
            head,
            problems,
            twin: None,
            fields,
        };
        return page(StatusCode::UNPROCESSABLE_ENTITY, &template);
    };
    match web.app.edit_item(&by, id, version, form).await {
        Ok(_) => {
            let done = format!("Saved {}", input.name.trim());
            Ok(see_other_with(&format!("/items/{id}"), &flash, &done))
        }
        Err(EditItemError::NotFound) => Err(HttpError::NotFound),
        Err(EditItemError::Stale(current)) => {
            let template = details::conflict(layout, head(&current), &input, &current);
            page(StatusCode::CONFLICT, &template)
        }
        Err(EditItemError::Taken(by_item)) => {
            taken(&by_item, &mut fields, &mut problems);
            let head = ItemHead {
                version,
                ..head(&found.item)
            };
            let twin = Some(twin(&by_item));
            page(
                StatusCode::CONFLICT,
                &EditPage {
                    layout,
                    head,
                    problems,
                    twin,
                    fields,
                },
            )
        }
        Err(EditItemError::GroupArchived(kind)) => {
            group_archived(kind, &mut fields, &mut problems);
            let head = ItemHead {
                version,
                ..head(&found.item)
            };
            let template = EditPage {
                layout,
                head,
                problems,
                twin: None,
                fields,
            };
            page(StatusCode::CONFLICT, &template)
        }
        Err(EditItemError::Failure(failure)) => Err(failure.into()),
    }
}

/// What stands over each of an item's pages.
pub(crate) fn head(item: &Item, user: &SignedIn, tab: &'static str) -> ItemHead {
    ItemHead {
        id: item.id.0,
        name: item.name.clone(),
        sku: item.sku.clone(),
        category: item.category_name.clone(),
        status: item.status.as_str(),
        status_label: item.status.label(),
        archived: item.archived_at.is_some(),
        version: item.version,
        may_edit: user.role.may(Permission::ItemEdit),
        may_archive: user.role.may(Permission::ItemArchive),
        export_href: format!("/history.csv?item={}", item.id),
        tab,
    }
}

fn facts(found: &ItemView, now: Timestamp) -> Vec<Fact> {
    let item = &found.item;
    let or_none = |value: Option<i64>| value.map_or_else(|| "–".to_owned(), number);
    let fact = |label, value: String| Fact { label, value };
    let mut facts = vec![
        fact("SKU", item.sku.clone()),
        fact(
            "Barcode",
            item.barcode.clone().unwrap_or_else(|| "–".to_owned()),
        ),
        fact("Category", item.category_name.clone()),
        fact("Unit", item.unit.clone()),
        fact("Home location", item.home_location_name.clone()),
        fact("Minimum", or_none(item.thresholds.minimum())),
        fact("Target", or_none(item.thresholds.target())),
        fact("Pack size", or_none(item.thresholds.reorder_multiple())),
        fact("Last change", moment(item.changed_at, now).full),
    ];
    if let Some(at) = item.archived_at {
        facts.push(fact("Archived", moment(at, now).full));
    }
    facts
}
