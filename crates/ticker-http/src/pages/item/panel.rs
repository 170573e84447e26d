//! An item's quantity: in all, where a press acts, and at each location.

use ticker_app::item::{Item, ItemView, LevelRow as Level};
use ticker_domain::permission::Permission;
use ticker_domain::user::Role;

use super::view::{Gauge, GaugeMark, LevelRow, StockPanel, Ways};
use crate::pages::display::number;
use crate::pages::inventory::row::{adjust_href, press};
use crate::pages::transfer::transfer_href;

/// The panel of an item for somebody with `role`.
pub(super) fn stock_panel(found: &ItemView, role: Role) -> StockPanel {
    let item = &found.item;
    let may_adjust = role.may(Permission::StockAdjust) && item.archived_at.is_none();
    let return_to = format!("/items/{}", item.id);
    let several = found.levels.len() > 1;
    let count_href = |location| {
        let adjust = adjust_href(item.id, location, None, &return_to);
        format!("{adjust}&mode=count")
    };
    let ways = |level: &Level| Ways {
        adjust: adjust_href(item.id, level.location, None, &return_to),
        count: count_href(level.location),
        transfer: (several && level.on_hand > 0)
            .then(|| transfer_href(item.id, level.location, &return_to)),
    };
    let level = |level: &Level| LevelRow {
        location_id: level.location.0,
        location: level.location_name.clone(),
        home: level.location == item.home_location,
        on_hand: level.on_hand,
        quantity: number(level.on_hand),
        ways: may_adjust.then(|| ways(level)),
    };
    let home = found
        .levels
        .iter()
        .find(|level| level.location == item.home_location);
    let here = home.map_or(0, |level| level.on_hand);
    let fullest = found.levels.iter().max_by_key(|level| level.on_hand);
    let giver = home.filter(|home| home.on_hand > 0).or(fullest);
    StockPanel {
        id: item.id.0,
        version: found.stock_version,
        name: item.name.clone(),
        unit: item.unit.clone(),
        status: item.status.as_str(),
        on_hand: item.total,
        total: number(item.total),
        may_adjust,
        location: item.home_location_name.clone(),
        here_on_hand: here,
        here: number(here),
        levels: found.levels.iter().map(level).collect(),
        gauge: gauge(item),
        press: press(item.id, item.home_location, None, &return_to),
        transfer_href: giver
            .filter(|giver| several && giver.on_hand > 0)
            .map(|giver| transfer_href(item.id, giver.location, &return_to)),
        count_href: count_href(item.home_location),
    }
}

/// A bar from nothing to a fifth above the largest number on it; `None` without thresholds.
fn gauge(item: &Item) -> Option<Gauge> {
    let (minimum, target) = (item.thresholds.minimum(), item.thresholds.target());
    let largest = [Some(item.total), minimum, target]
        .into_iter()
        .flatten()
        .max()?;
    if minimum.is_none() && target.is_none() {
        return None;
    }
    let end = largest.saturating_add(largest / 5).max(1);
    let percent =
        |value: i64| i64::try_from(i128::from(value) * 100 / i128::from(end)).unwrap_or(0);
    let mark = |name: &str, value: Option<i64>| {
        let value = value?;
        let percent = percent(value);
        let anchor = match percent {
            0..=12 => "start",
            13..=87 => "middle",
            _ => "end",
        };
        Some(GaugeMark {
            percent,
            anchor,
            label: format!("{name} {}", number(value)),
        })
    };
    let marks: Vec<GaugeMark> = [mark("min", minimum), mark("target", target)]
        .into_iter()
        .flatten()
        .collect();
    let named: Vec<&str> = marks.iter().map(|mark| mark.label.as_str()).collect();
    Some(Gauge {
        description: format!("{} on hand, {}", number(item.total), named.join(", ")),
        filled_percent: percent(item.total),
        end,
        marks,
    })
}
