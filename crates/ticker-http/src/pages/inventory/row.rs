//! A row of the stock list as it is shown, in the list and in the answer to a press.

use jiff::Timestamp;
use ticker_app::stock::StockRow as Row;
use ticker_domain::id::{ItemId, LocationId};

use super::address::encode;
use super::view::{Press, StockRow};
use crate::pages::display::{moment, number};
use crate::pages::new_key;

/// Shows a row of a list that is filtered for `view_location`, which presses come back to at the
/// address `return_to`.
pub(crate) fn show(
    row: &Row,
    view_location: Option<LocationId>,
    return_to: &str,
    may_adjust: bool,
    now: Timestamp,
) -> StockRow {
    // Without script the browser comes back to the row itself.
    let list = return_to.split('#').next().unwrap_or(return_to);
    let return_to = format!("{list}#item-{}", row.item);
    let elsewhere = row.total - row.quantity;
    StockRow {
        id: row.item.0,
        name: row.name.clone(),
        sku: row.sku.clone(),
        category: row.category_name.clone(),
        location: row.location_name.clone(),
        elsewhere: (elsewhere != 0).then(|| format!("+ {} elsewhere", number(elsewhere))),
        status: if row.archived {
            "archived"
        } else {
            row.status.as_str()
        },
        status_label: if row.archived {
            "Archived"
        } else {
            row.status.label()
        },
        on_hand: row.quantity,
        quantity: number(row.quantity),
        unit: row.unit.clone(),
        stock_version: row.stock_version,
        changed: moment(row.changed_at, now),
        may_adjust: may_adjust && !row.archived,
        press: press(row.item, row.location, view_location, &return_to),
    }
}

/// What the forms of − and + send for an item at a location.
pub(crate) fn press(
    item: ItemId,
    location: LocationId,
    view_location: Option<LocationId>,
    return_to: &str,
) -> Press {
    Press {
        location_id: location.0,
        view_location: view_location.map(|id| id.to_string()).unwrap_or_default(),
        return_to: return_to.to_owned(),
        remove_key: new_key(),
        add_key: new_key(),
        adjust_href: adjust_href(item, location, view_location, return_to),
    }
}

/// Where the form is that adjusts an item at a location by any amount.
pub(crate) fn adjust_href(
    item: ItemId,
    location: LocationId,
    view_location: Option<LocationId>,
    return_to: &str,
) -> String {
    let mut address = format!("/items/{item}/adjust?location={location}");
    if let Some(view_location) = view_location {
        address.push_str("&view_location=");
        address.push_str(&view_location.to_string());
    }
    address.push_str("&return_to=");
    encode(&mut address, return_to);
    address
}
