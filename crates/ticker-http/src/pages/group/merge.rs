//! Merging a location or a category into another: what that means, and how far it is.

use axum::extract::State;
use axum::http::StatusCode;
use jiff::SignedDuration;
use serde::Deserialize;
use ticker_app::group::{Group, GroupMerge, GroupView, MergeGroupError};
use ticker_auth::Grant;
use ticker_domain::group::{GroupId, GroupKind};
use ticker_domain::ledger::IdempotencyKey;
use ticker_domain::permission::GroupManage;
use ticker_domain::stock_list::ItemCount;

use super::view::{MergePage, MergingPage, Way};
use super::{Of, find, group_address, section};
use crate::access::May;
use crate::error::{HttpError, PageResult};
use crate::flash::Flash;
use crate::form::Form;
use crate::pages::display::number;
use crate::pages::layout::Layout;
use crate::pages::{KEY_LOST, new_key, page, see_other, see_other_with};
use crate::path::{self, Id};
use crate::query::Query;
use crate::state::Web;

/// Who has not got further for this long is not at it any more.
const RESTS_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// What to merge it into.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Params {
    into: String,
}

/// What the form sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Input {
    key: String,
    into: String,
}

/// Asks before a group is merged; while it is being merged, says how far that is.
pub(crate) async fn show(
    State(web): State<Web>,
    May(by): May<GroupManage>,
    Of(kind): Of,
    Id(number): Id<i64>,
    Query(params): Query<Params>,
) -> PageResult {
    let source = find(&web, &by, GroupId::new(kind, number)).await?;
    let group = &source.row.group;
    let is_over = |merge: &GroupMerge| merge.ended_at.is_some() && group.archived_at.is_none();
    if let Some((merge, target)) = &source.merge
        && !is_over(merge)
    {
        let template = merging(&web, &by, group, merge, target);
        return page(StatusCode::OK, &template);
    }
    if params.into.is_empty() {
        return Ok(see_other(&group_address(group.id)));
    }
    let target = find_target(&web, &by, kind, &params.into).await?;
    if target.row.group.id == group.id {
        return Err(MergeGroupError::Same.into());
    }
    let template = question(&web, &by, group, &target.row.group).await?;
    page(StatusCode::OK, &template)
}

/// Merges a group into another, or continues to.
pub(crate) async fn merge(
    State(web): State<Web>,
    May(by): May<GroupManage>,
    flash: Flash,
    Of(kind): Of,
    Id(number): Id<i64>,
    Form(input): Form<Input>,
) -> PageResult {
    let source = find(&web, &by, GroupId::new(kind, number)).await?;
    let group = &source.row.group;
    let key: Result<IdempotencyKey, _> = input.key.parse();
    let key = key.map_err(|_| HttpError::Unprocessable(KEY_LOST.to_owned()))?;
    let target = find_target(&web, &by, kind, &input.into).await?;
    let target = &target.row.group;
    let merge = web.app.merge_group(&by, key, group.id, target.id).await?;
    if merge.ended_at.is_none() {
        return Ok(see_other(&format!("{}/merge", group_address(group.id))));
    }
    let done = format!(
        "Merged {} into {}: {}",
        group.name,
        target.name,
        items(merge.items_moved)
    );
    Ok(see_other_with(&group_address(target.id), &flash, &done))
}

async fn find_target(
    web: &Web,
    by: &Grant<GroupManage>,
    kind: GroupKind,
    into: &str,
) -> Result<GroupView, HttpError> {
    let number = path::parse(into).ok_or_else(|| {
        HttpError::Unprocessable(format!(
            "Choose another {} to merge it into.",
            kind.as_str()
        ))
    })?;
    find(web, by, GroupId::new(kind, number)).await
}

async fn question(
    web: &Web,
    by: &Grant<GroupManage>,
    source: &Group,
    target: &Group,
) -> Result<MergePage, HttpError> {
    let extent = web.app.merge_extent(by, source.id).await?;
    let (from, to) = (&source.name, &target.name);
    let mut consequences = Vec::new();
    if extent.items == ItemCount::Exactly(0) {
        consequences.push(format!("Nothing is in {from}: there is nothing to move."));
    } else if source.id.kind() == GroupKind::Category {
        consequences.push(format!("{} will belong to {to}.", capital(extent.items)));
    } else {
        consequences.push(format!(
            "{} will be at home at {to}, if they are at home at {from} now.",
            capital(extent.items)
        ));
        let recorded = format!("is transferred to {to}");
        consequences.extend(match extent.stocked_items {
            ItemCount::Exactly(0) => None,
            ItemCount::Exactly(stocked) => Some(format!(
                "The stock of {} {recorded}: {} in all, each recorded as a movement.",
                items(stocked),
                number(extent.on_hand)
            )),
            ItemCount::MoreThan(stocked) => Some(format!(
                "The stock of more than {} {recorded}, each recorded as a movement.",
                items(stocked)
            )),
        });
    }
    consequences.push(format!("{from} is archived. Its history stays."));
    Ok(MergePage {
        layout: Layout::of(by.user(), section(source.id.kind())),
        address: format!("{}/merge", group_address(source.id)),
        source: way(source),
        target: way(target),
        target_number: target.id.number(),
        key: new_key(),
        consequences,
    })
}

fn merging(
    web: &Web,
    by: &Grant<GroupManage>,
    source: &Group,
    merge: &GroupMerge,
    target: &Group,
) -> MergingPage {
    let is_done = merge.ended_at.is_some();
    let since = web.clock.now().duration_since(merge.stepped_at);
    // What others add meanwhile moves as well.
    let total = merge.items_total.map(|total| total.max(merge.items_moved));
    MergingPage {
        layout: Layout::of(by.user(), section(source.id.kind())),
        address: format!("{}/merge", group_address(source.id)),
        source: way(source),
        target: way(target),
        target_number: target.id.number(),
        key: new_key(),
        moved: merge.items_moved,
        total,
        progress: match total {
            _ if is_done => format!("{} moved.", capital(ItemCount::Exactly(merge.items_moved))),
            Some(total) => format!("{} of {} moved", number(merge.items_moved), items(total)),
            None => format!("{} moved so far", items(merge.items_moved)),
        },
        is_done,
        rests: !is_done && since > RESTS_AFTER,
    }
}

fn way(group: &Group) -> Way {
    Way {
        label: group.name.clone(),
        href: group_address(group.id),
    }
}

fn items(count: i64) -> String {
    let noun = if count == 1 { "item" } else { "items" };
    format!("{} {noun}", number(count))
}

/// As [`items`], to begin a sentence with.
fn capital(count: ItemCount) -> String {
    match count {
        ItemCount::Exactly(0) => "No item".to_owned(),
        ItemCount::Exactly(count) => items(count),
        ItemCount::MoreThan(count) => format!("More than {}", items(count)),
    }
}
