//! The form as it is shown, and refusals in words.

use axum::http::StatusCode;
use ticker_app::ErrorKind;
use ticker_app::item::{ItemView, LevelRow};
use ticker_app::stock::AdjustStockError;
use ticker_domain::ledger::{Reason, Refusal};

use super::input::{Input, Mode, Refused};
use super::view::{AdjustForm, AdjustPage, Moved, Place};
use crate::next::LocalPath;
use crate::pages::display::{number, read_number};
use crate::pages::fields::{Choice, Field};
use crate::pages::inventory::row::adjust_href;
use crate::pages::layout::Layout;
use crate::pages::{KEY_REUSED, new_key};

/// The form with what was typed.
pub(super) fn form(layout: Layout, found: &ItemView, level: &LevelRow, input: Input) -> AdjustPage {
    let refused = Refused {
        quantity: Field::new(input.quantity()),
        reason: Field::new(&input.reason),
        note: Field::new(&input.note),
        ..Refused::default()
    };
    form_with_problems(layout, found, level, input, refused)
}

/// The form with what was typed and what is wrong with it. It begins anew: its key and what is on hand
/// are those of now.
pub(super) fn form_with_problems(
    layout: Layout,
    found: &ItemView,
    level: &LevelRow,
    input: Input,
    refused: Refused,
) -> AdjustPage {
    let Refused {
        quantity,
        reason,
        note,
        problems,
    } = refused;
    let return_to = LocalPath::parse(&input.return_to);
    let view_location = input.view_location.parse().ok();
    let place = |one: &LevelRow| Place {
        location: one.location_name.clone(),
        on_hand: number(one.on_hand),
        href: adjust_href(
            found.item.id,
            one.location,
            view_location,
            return_to.as_str(),
        ),
        current: one.location == level.location,
    };
    let adjust = AdjustForm {
        id: found.item.id.0,
        name: found.item.name.clone(),
        unit: found.item.unit.clone(),
        places: found.levels.iter().map(place).collect(),
        location_id: level.location.0,
        location: level.location_name.clone(),
        seen: number(level.on_hand),
        seen_on_hand: level.on_hand,
        seen_version: level.version,
        key: new_key(),
        mode: shown_mode(&input),
        modes: vec![
            Choice::new("add", "Add"),
            Choice::new("take", "Take away"),
            Choice::new("count", "Count is"),
        ],
        quantity: Field {
            value: shown_quantity(&input, quantity.value),
            ..quantity
        },
        reason,
        reasons: Reason::choices()
            .map(|one| Choice::new(one.as_str(), one.label()))
            .collect(),
        note,
        problems,
        moved: None,
        view_location: input.view_location,
        return_to: return_to.as_str().to_owned(),
    };
    AdjustPage {
        layout: layout.over_locations(found.levels.len()),
        adjust,
    }
}

/// The form after the ledger refused what it asked for.
pub(super) fn form_refused(
    layout: Layout,
    found: &ItemView,
    level: &LevelRow,
    input: Input,
    error: &AdjustStockError,
    words: String,
) -> AdjustPage {
    let moved = match error {
        AdjustStockError::Refused(Refusal::LevelMoved { on_hand, .. }) => {
            moved_since_counted(&input, *on_hand)
        }
        _ => None,
    };
    let mut page = form(layout, found, level, input);
    if moved.is_none() {
        page.adjust.problems.add(words);
    }
    page.adjust.moved = moved;
    page
}

/// The choice after stock moved: what was counted, with or without what happened since.
fn moved_since_counted(input: &Input, on_hand: i64) -> Option<Moved> {
    let counted = read_number(input.quantity()).ok()?;
    let seen: i64 = input.seen_on_hand.parse().ok()?;
    let since = on_hand.checked_sub(seen)?;
    let result = counted.checked_add(since).filter(|result| *result >= 0)?;
    let (amount, verb) = (
        number(since.abs()),
        if since < 0 { "taken" } else { "added" },
    );
    let were = if since.abs() == 1 { "was" } else { "were" };
    let question = if since == 0 {
        format!(
            "Stock moved since you counted, and is {} again. Is it {result}?",
            number(on_hand)
        )
    } else {
        let (result, counted) = (number(result), number(counted));
        format!("{amount} {were} {verb} since you counted: is it {result} now, not {counted}?")
    };
    let mut options = vec![Choice::new(result, format!("Yes, {}", number(result)))];
    if result != counted {
        options.push(Choice::new(counted, format!("No, {}", number(counted))));
    }
    Some(Moved { question, options })
}

/// Why it did not happen, in a sentence for whoever asked for it. `taker` says who else took just now.
pub(in crate::pages) fn refusal(
    error: &AdjustStockError,
    found: &ItemView,
    level: &LevelRow,
    taker: Option<&str>,
) -> String {
    let place = &level.location_name;
    match error {
        AdjustStockError::Refused(Refusal::ShortOfStock { on_hand, .. }) => {
            let left = match on_hand {
                0 => format!("None left at {place}"),
                _ => format!("Only {} left at {place}", number(*on_hand)),
            };
            taker.map_or_else(
                || format!("{left}. Nothing was taken."),
                |who| format!("{left}: {who}."),
            )
        }
        AdjustStockError::Refused(Refusal::AboveMaximum { on_hand, .. }) => {
            format!(
                "That is more than {place} can hold; there are {} now.",
                number(*on_hand)
            )
        }
        AdjustStockError::Refused(Refusal::ChangeTooLarge { on_hand, .. }) => {
            format!(
                "That is too much at once for {place}; there are {} now.",
                number(*on_hand)
            )
        }
        AdjustStockError::Refused(Refusal::ItemArchived { .. }) => {
            format!(
                "{} is archived, and nothing moves it until it is restored.",
                found.item.name
            )
        }
        AdjustStockError::Refused(Refusal::LevelMoved { on_hand, .. }) => {
            format!(
                "Stock moved since you counted; there are {} now.",
                number(*on_hand)
            )
        }
        AdjustStockError::Refused(Refusal::UnknownLocation { .. }) => {
            format!("{place} is not in use any more.")
        }
        // Adjusting takes nothing back.
        AdjustStockError::Refused(refusal @ Refusal::AlreadyUndone { .. }) => {
            format!("Nothing changed: {refusal}.")
        }
        AdjustStockError::Refused(Refusal::UnknownItem { .. }) => {
            "There is no such item.".to_owned()
        }
        AdjustStockError::KeyReused => KEY_REUSED.to_owned(),
        AdjustStockError::Failure(_) => "It could not be saved.".to_owned(),
    }
}

/// The status that goes with a refusal.
pub(in crate::pages) fn status_of(error: &AdjustStockError) -> StatusCode {
    match error.kind() {
        ErrorKind::Conflict => StatusCode::CONFLICT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// A press and a change with its sign are shown as adding or taking away.
fn shown_mode(input: &Input) -> &'static str {
    let mode = if input.is_press() {
        Some(Mode::By)
    } else {
        Mode::read(&input.mode)
    };
    match mode {
        Some(Mode::Count) => "count",
        Some(Mode::Take) => "take",
        Some(Mode::By) if read_number(input.quantity()).is_ok_and(|number| number < 0) => "take",
        _ => "add",
    }
}

fn shown_quantity(input: &Input, typed: String) -> String {
    match (shown_mode(input), read_number(&typed)) {
        ("take", Ok(negative @ i64::MIN..0)) => negative.unsigned_abs().to_string(),
        _ => typed,
    }
}
