//! Taking a bulk change back: seen, then done as bulk changes are.

use axum::extract::State;
use axum::http::StatusCode;
use ticker_app::bulk::{BulkError, BulkPosting, BulkUndoPreview};
use ticker_auth::Grant;
use ticker_domain::bulk::BulkSkip;
use ticker_domain::ledger::IdempotencyKey;
use ticker_domain::permission::BulkApply;

use super::view::{BulkRow, BulkUndoPage, Preview};
use super::{KEY_LOST, KEY_REUSED, Pairs, count, items, number, page, see_other, signed};
use super::{begun, done_words, new_key, summary, untold};
use crate::access::May;
use crate::error::{HttpError, PageResult};
use crate::form::Form;
use crate::pages::fields::Problems;
use crate::pages::layout::{Layout, Section};
use crate::path::Id;
use crate::state::Web;

/// Told when it is to be taken back before it is made.
const GOES_ON: &str = "It is still being made. Take it back when it is through, or has stopped.";
/// Said where a bulk change changed settings, or nothing at all.
const NOTHING_MOVED: &str =
    "It moved no stock: thresholds, categories and what is archived are not taken back here.";

/// Where a bulk change is taken back.
pub(super) fn address(id: i64) -> String {
    format!("{}/undo", super::address(id))
}

/// Shows what taking it back would do.
pub(crate) async fn show(
    State(web): State<Web>,
    May(by): May<BulkApply>,
    Id(id): Id<i64>,
) -> PageResult {
    let template = ask(&web, &by, id).await?;
    page(StatusCode::OK, &template)
}

/// Takes it back, or continues to.
pub(crate) async fn apply(
    State(web): State<Web>,
    May(by): May<BulkApply>,
    Id(id): Id<i64>,
    Form(pairs): Form<Pairs>,
) -> PageResult {
    let sent = pairs.iter().find(|(name, _)| name == "key");
    let key: Option<IdempotencyKey> = sent.and_then(|(_, key)| key.parse().ok());
    let problem = match key {
        None => KEY_LOST,
        Some(key) => match web.app.undo_bulk_change(&by, key, id).await {
            Ok(run) => return Ok(see_other(&super::address(run.id))),
            Err(BulkError::KeyReused) => KEY_REUSED,
            Err(BulkError::GoesOn) => GOES_ON,
            Err(error) => return Err(error.into()),
        },
    };
    let mut template = ask(&web, &by, id).await?;
    template.problems.add(problem);
    page(StatusCode::UNPROCESSABLE_ENTITY, &template)
}

async fn ask(web: &Web, by: &Grant<BulkApply>, id: i64) -> Result<BulkUndoPage, HttpError> {
    let preview = web.app.preview_bulk_undo(by, id).await?;
    let preview = preview.ok_or(HttpError::NotFound)?;
    Ok(BulkUndoPage {
        layout: Layout::of(by.user(), Section::Inventory),
        problems: Problems::default(),
        back_href: super::address(id),
        done: done_words(&preview.run),
        begun: begun(&preview.run, web.clock.now()),
        preview: show_preview(id, preview),
    })
}

fn show_preview(id: i64, preview: BulkUndoPreview) -> Preview {
    let is_shown = |skip: &BulkSkip| *skip != BulkSkip::Undone;
    let skipped = preview.skipped.iter().filter(|(skip, _)| is_shown(skip));
    let seen = preview.changed + skipped.map(|(_, items)| items).sum::<usize>();
    let mut summary = summary(preview.changed, &preview.skipped);
    if preview.changed == 0 && preview.skipped.is_empty() {
        summary.push(NOTHING_MOVED.to_owned());
    }
    Preview {
        action: address(id),
        cancel_href: super::address(id),
        key: new_key(),
        hidden: Vec::new(),
        may_apply: preview.changed > 0,
        button: format!("Take back {}", items(count(preview.changed))),
        is_danger: false,
        summary,
        untold: untold(seen, preview.rows.len()),
        rows: preview
            .rows
            .into_iter()
            .filter_map(|(one, decided)| row(one, decided))
            .collect(),
    }
}

/// What would become of an item. What was done last is taken back first.
fn row(one: BulkPosting, decided: Result<(), BulkSkip>) -> Option<BulkRow> {
    let (last, others) = one.lines.split_last()?;
    let after = match (decided, others) {
        (Err(skip), _) => format!("left out: {skip}"),
        (Ok(()), [from, ..]) => format!("{} move to {}", number(last.delta), from.location_name),
        (Ok(()), []) => {
            let after = last.on_hand - last.delta;
            format!("{} → {}", signed(-last.delta), number(after))
        }
    };
    Some(BulkRow {
        href: format!("/items/{}", one.item),
        before: number(last.on_hand),
        location: last.location_name.clone(),
        after,
        skipped: decided.is_err(),
        name: one.name,
        sku: one.sku,
    })
}
