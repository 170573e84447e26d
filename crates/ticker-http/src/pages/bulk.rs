//! One change for the items selected in the list: asked for, seen, made, told.

mod input;
pub(crate) mod undo;
pub(crate) mod view;

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use ticker_app::bulk::{BULK_SKIPS_MAX, BulkError, BulkPreview, BulkRequest, BulkRun, BulkView};
use ticker_auth::Grant;
use ticker_domain::bulk::{BULK_ITEMS_MAX, BulkChange, BulkSkip, Selection};
use ticker_domain::ledger::{IdempotencyKey, Reason};
use ticker_domain::permission::{BulkApply, StockView};

pub(crate) use self::input::selected;
use self::input::{Action, Input};
use self::view::{
    Begun, BulkDonePage, BulkFields, BulkPage, BulkRow, Hidden, Preview, Skipped, UndoneBy,
};
use super::display::{change as signed, moment, number};
use super::fields::{Choice, Problems};
use super::layout::{Layout, Section};
use super::{KEY_LOST, KEY_REUSED, left_toast, new_key, page, see_other, see_other_with};
use crate::access::May;
use crate::error::{HttpError, PageResult};
use crate::flash::Flash;
use crate::form::Form;
use crate::path::Id;
use crate::query::Query;
use crate::state::Web;

/// Names and values, as often as they were sent.
pub(crate) type Pairs = Vec<(String, String)>;

/// What somebody is told who ticks thousands.
const TOO_MANY_TICKED: &str =
    "Too many items are ticked at once: tick fewer, or select all that match a filter";

/// Asks what a change should be, and shows what it would do.
pub(crate) async fn show(
    State(web): State<Web>,
    May(by): May<BulkApply>,
    flash: Flash,
    Query(pairs): Query<Pairs>,
) -> PageResult {
    let input = Input::read(pairs)?;
    if input.is_nothing() {
        return Ok(see_other_with(
            &input.list_href(),
            &flash,
            "Nothing was selected: tick items first",
        ));
    }
    let layout = Layout::of(by.user(), Section::Inventory).with(left_toast(&flash));
    let template = ask(&web, &by, layout, &input).await?;
    let status = if template.problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    page(status, &template)
}

/// Makes a change, or continues to.
pub(crate) async fn apply(
    State(web): State<Web>,
    May(by): May<BulkApply>,
    Form(pairs): Form<Pairs>,
) -> PageResult {
    let input = Input::read(pairs)?;
    let key: Option<IdempotencyKey> = input.key().parse().ok();
    let asked = request(&input, &mut input.fields(), &mut Problems::default());
    let problem = match (key, asked) {
        (None, _) => Some(KEY_LOST),
        (Some(_), None) => None, // the fields say what is wrong with them
        (Some(key), Some(asked)) => {
            let form = input.as_kept();
            match web.app.apply_bulk_change(&by, key, asked, form).await {
                Ok(run) => return Ok(see_other(&address(run.id))),
                Err(BulkError::KeyReused) => Some(KEY_REUSED),
                Err(BulkError::FormTooLong) => Some(TOO_MANY_TICKED),
                Err(error) => return Err(error.into()),
            }
        }
    };
    let layout = Layout::of(by.user(), Section::Inventory);
    let mut template = ask(&web, &by, layout, &input).await?;
    if let Some(problem) = problem {
        template.problems.add(problem);
    }
    page(StatusCode::UNPROCESSABLE_ENTITY, &template)
}

/// Tells what a change did, or how far it is.
pub(crate) async fn done(
    State(web): State<Web>,
    May(by): May<BulkApply>,
    Id(id): Id<i64>,
) -> PageResult {
    let shown = web.app.show_bulk_change(&by, id).await?;
    let BulkView {
        run,
        has_stopped: rests,
        is_undoable,
        undone_by,
    } = shown.ok_or(HttpError::NotFound)?;
    // A month after its end, the form is forgotten; what takes another one back needs none.
    let has_form = run.undoes.is_none() && !run.form.is_empty();
    let input = has_form.then(|| Input::read(Input::kept(&run.form)));
    let input = input.transpose()?;
    let now = web.clock.now();
    let is_done = run.ended_at.is_some();
    let told = run.skips.len();
    let untold = run.skipped - i64::try_from(told).unwrap_or(0);
    let template = BulkDonePage {
        layout: Layout::of(by.user(), Section::Inventory),
        address: address(id),
        heading: done_words(&run),
        begun: begun(&run, now),
        list_href: input
            .as_ref()
            .map_or_else(|| "/".to_owned(), Input::list_href),
        is_done,
        rests,
        rests_because: run.rests_because,
        action: run.undoes.map_or_else(|| "/bulk".to_owned(), undo::address),
        key: run.key.to_string(),
        hidden: input.as_ref().map(hidden).unwrap_or_default(),
        undo_href: (is_undoable && (is_done || rests)).then(|| undo::address(id)),
        undoes_href: run.undoes.map(address),
        undone_by: undone_by
            .into_iter()
            .map(|one| UndoneBy {
                href: address(one.id),
                items: items(one.changed),
                who: one.actor_name,
                when: moment(one.stepped_at, now),
                is_undone: one.is_undone,
            })
            .collect(),
        skipped: run
            .skips
            .into_iter()
            .map(|(item, name, why)| Skipped {
                href: format!("/items/{item}"),
                name,
                why,
            })
            .collect(),
        untold: (told >= BULK_SKIPS_MAX && untold > 0)
            .then(|| format!("and {} more", number(untold))),
    };
    page(StatusCode::OK, &template)
}

/// Where a bulk change is.
pub(crate) fn address(id: i64) -> String {
    format!("/bulk/{id}")
}

fn begun(run: &BulkRun, now: Timestamp) -> Begun {
    Begun {
        who: run.actor_name.clone(),
        when: moment(run.begun_at, now),
    }
}

fn done_words(run: &BulkRun) -> String {
    let done = if run.undoes.is_some() {
        "taken back"
    } else {
        "changed"
    };
    let words = format!("{} {done}", items(run.changed));
    match run.skipped {
        0 => words,
        skipped => format!("{words}, {} left out", number(skipped)),
    }
}

/// The page that asks, with a preview as soon as it knows enough.
async fn ask(
    web: &Web,
    by: &Grant<BulkApply>,
    layout: Layout,
    input: &Input,
) -> Result<BulkPage, HttpError> {
    let view = by.user().grant::<StockView>()?;
    let choices = web.app.item_choices(&view).await?;
    let locations = choices.locations.iter();
    let categories = choices.categories.iter();
    let action = input.action();
    let mut template = BulkPage {
        layout: layout.over_locations(choices.locations.len()),
        problems: Problems::default(),
        action: action.as_str(),
        title: title(input),
        list_href: input.list_href(),
        hidden: hidden_selection(input),
        fields: input.fields(),
        locations: locations
            .map(|one| Choice::new(one.id, &one.name))
            .collect(),
        categories: categories
            .map(|one| Choice::new(one.id, &one.name))
            .collect(),
        reasons: Reason::choices()
            .map(|one| Choice::new(one.as_str(), one.label()))
            .collect(),
        preview: None,
    };
    if input.is_ready()
        && let Some(request) = request(input, &mut template.fields, &mut template.problems)
    {
        let preview = web.app.preview_bulk_change(by, &request).await?;
        template.preview = Some(show_preview(input, &request, preview));
    }
    Ok(template)
}

/// The change that is asked for; what is wrong with it is noted at its fields.
fn request(input: &Input, fields: &mut BulkFields, problems: &mut Problems) -> Option<BulkRequest> {
    Some(BulkRequest {
        change: input.change(fields, problems)?,
        selection: input.selection(),
        location: input.filter().location,
    })
}

fn title(input: &Input) -> String {
    let which = match input.selection() {
        Selection::Items(selected) => items(count(selected.len())),
        Selection::Matching(filter) if filter.is_open() => "all items".to_owned(),
        Selection::Matching(_) => "all items that match".to_owned(),
    };
    match input.action() {
        Action::Adjust => format!("Adjust {which}"),
        Action::Move => format!("Move {which}"),
        Action::Thresholds => format!("Set thresholds of {which}"),
        Action::Category => format!("Set category of {which}"),
        Action::Archive => format!("Archive {which}"),
    }
}

fn show_preview(input: &Input, request: &BulkRequest, preview: BulkPreview) -> Preview {
    let mut summary = summary(preview.changed, &preview.skipped);
    if preview.more {
        summary.push(format!(
            "More than {} are selected. The first {} by age are changed; do it again for the rest.",
            number(count(BULK_ITEMS_MAX)),
            number(count(BULK_ITEMS_MAX))
        ));
    }
    let seen = preview.changed + preview.skipped.values().sum::<usize>();
    Preview {
        action: "/bulk".to_owned(),
        cancel_href: input.list_href(),
        key: new_key(),
        hidden: hidden(input),
        may_apply: preview.changed > 0,
        button: button(&request.change, preview.changed),
        is_danger: request.change == BulkChange::Archive,
        summary,
        untold: untold(seen, preview.rows.len()),
        rows: preview
            .rows
            .into_iter()
            .map(|(one, decided)| BulkRow {
                href: format!("/items/{}", one.item.item),
                name: one.name,
                sku: one.sku,
                location: one.location_name,
                before: number(one.item.on_hand),
                after: match (&request.change, decided) {
                    (_, Err(skip)) => format!("left out: {skip}"),
                    (BulkChange::AdjustBy { delta, .. }, Ok(after)) => {
                        format!("{} → {}", signed(*delta), number(after))
                    }
                    (BulkChange::MoveTo(_), Ok(_)) => {
                        format!("all {} move", number(one.item.on_hand))
                    }
                    (BulkChange::Archive, Ok(_)) => "archived".to_owned(),
                    (_, Ok(_)) => "set".to_owned(),
                },
                skipped: decided.is_err(),
            })
            .collect(),
    }
}

/// How many items would be changed, and how many left out why, a sentence each.
fn summary(changed: usize, skipped: &BTreeMap<BulkSkip, usize>) -> Vec<String> {
    let changed = match changed {
        0 => "No item will be changed.".to_owned(),
        changed => format!("{} will be changed.", items(count(changed))),
    };
    let skipped = skipped.iter().map(|(skip, skipped)| {
        let (all, one) = skip_words(*skip);
        let words = if *skipped == 1 { one } else { all };
        format!("{} {words}.", number(count(*skipped)))
    });
    std::iter::once(changed).chain(skipped).collect()
}

fn untold(seen: usize, shown: usize) -> Option<String> {
    (seen > shown).then(|| format!("and {} more", number(count(seen - shown))))
}

fn button(change: &BulkChange, changed: usize) -> String {
    let which = items(count(changed));
    match change {
        BulkChange::AdjustBy { .. } => format!("Adjust {which}"),
        BulkChange::MoveTo(_) => format!("Move {which}"),
        BulkChange::Archive => format!("Archive {which}"),
        BulkChange::SetThresholds(_) | BulkChange::SetCategory(_) => format!("Change {which}"),
    }
}

/// Why items are left out, of several and of one.
fn skip_words(skip: BulkSkip) -> (&'static str, &'static str) {
    match skip {
        BulkSkip::NotMatching => (
            "are left out: they do not match any more",
            "is left out: it does not match any more",
        ),
        BulkSkip::Archived => (
            "are left out: they are archived",
            "is left out: it is archived",
        ),
        BulkSkip::BelowZero => (
            "are left out: they would go below zero",
            "is left out: it would go below zero",
        ),
        BulkSkip::TooMuch => (
            "are left out: that is more than can be kept or moved at once",
            "is left out: that is more than can be kept or moved at once",
        ),
        BulkSkip::NothingThere => (
            "are left out: nothing of them is on hand there",
            "is left out: nothing of it is on hand there",
        ),
        BulkSkip::Unchanged => (
            "are left out: they are so already",
            "is left out: it is so already",
        ),
        BulkSkip::Undone => (
            "are left out: they were taken back already",
            "is left out: it was taken back already",
        ),
        BulkSkip::LocationNotInUse => (
            "are left out: they changed at a location that is not in use any more",
            "is left out: it changed at a location that is not in use any more",
        ),
    }
}

fn hidden(input: &Input) -> Vec<Hidden> {
    input.pairs().map(Hidden::of).collect()
}

fn hidden_selection(input: &Input) -> Vec<Hidden> {
    input.selection_pairs().map(Hidden::of).collect()
}

fn items(count: i64) -> String {
    let noun = if count == 1 { "item" } else { "items" };
    format!("{} {noun}", number(count))
}

fn count(items: usize) -> i64 {
    i64::try_from(items).unwrap_or(i64::MAX)
}
