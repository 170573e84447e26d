//! Taking a bulk change back, item by item: each of its postings is undone on its own, or left alone.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ticker_auth::Grant;
use ticker_domain::bulk::BulkSkip;
use ticker_domain::id::ItemId;
use ticker_domain::ledger::{Answer, IdempotencyKey, LINES_MAX, Outcome, Posting, Refusal, Source};
use ticker_domain::permission::BulkApply;
use ticker_postgres::bulk_changes::{BulkPosting, BulkStep};
use ticker_postgres::{Access as _, Transaction};
use uuid::Uuid;

use super::{BulkError, BulkRun, PREVIEW_ROWS, StepError, Work, post};
use crate::App;
use crate::error::Failure;
use crate::ledger::part_key;

/// What taking a bulk change back would do.
#[derive(Clone, Debug)]
pub struct BulkUndoPreview {
    /// The change that would be taken back.
    pub run: BulkRun,
    /// How many items would be changed.
    pub changed: usize,
    /// How many would be left out, by the reason.
    pub skipped: BTreeMap<BulkSkip, usize>,
    /// What was done to the first items, and why that stays so where it does.
    pub rows: Vec<(BulkPosting, Result<(), BulkSkip>)>,
}

/// A posting has two lines at most.
const CHUNK: usize = LINES_MAX / 2;

impl App {
    /// What taking a bulk change back would do, as things are now; `None` if there is none of that number.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    #[tracing::instrument(name = "app.bulk.preview_undo", skip(self, by))]
    pub async fn preview_bulk_undo(
        &self,
        by: &Grant<BulkApply>,
        id: i64,
    ) -> Result<Option<BulkUndoPreview>, Failure> {
        let mut connection = self.database.connect().await?;
        let Some(run) = connection.bulk_changes().find(id).await? else {
            return Ok(None);
        };
        let (_, undone) = connection.bulk_changes().left_and_undone(id).await?;
        let undone = usize::try_from(undone).unwrap_or(0);
        let now = self.clock.now();
        let mut preview = BulkUndoPreview {
            run,
            changed: 0,
            skipped: (undone > 0)
                .then_some((BulkSkip::Undone, undone))
                .into_iter()
                .collect(),
            rows: Vec::new(),
        };
        let mut after = ItemId(0);
        loop {
            let next = connection.bulk_changes().postings(id, after, CHUNK).await?;
            let Some(last) = next.last() else {
                return Ok(Some(preview));
            };
            after = last.item;
            let undos = undos(by, Uuid::nil(), &next)?;
            let outcomes = connection.ledger().foresee(&undos, now).await?;
            for (undone, outcome) in next.into_iter().zip(outcomes) {
                let decided = match outcome {
                    Outcome::Answered(Answer::Posted(_)) => Ok(()),
                    Outcome::Answered(Answer::Refused(refusal)) => Err(skip(&refusal)?),
                    Outcome::RightsChanged => return Err(Failure::RightsChanged),
                    Outcome::Replayed(_) | Outcome::KeyReused => {
                        return Err(Failure::Defect("what is foreseen has no key"));
                    }
                };
                match decided {
                    Ok(()) => preview.changed += 1,
                    Err(skip) => *preview.skipped.entry(skip).or_default() += 1,
                }
                if preview.rows.len() < PREVIEW_ROWS {
                    preview.rows.push((undone, decided));
                }
            }
        }
    }

    /// Takes back what a bulk change posted, for each item where nobody has yet and stock allows it. Under the
    /// same key it is the same undo. Runs, answers and goes on as [`App::apply_bulk_change`]; it is a bulk
    /// change itself, which can be taken back, too. One that has stopped half way ends with it.
    ///
    /// # Errors
    /// As [`App::apply_bulk_change`]; [`BulkError::GoesOn`] while it is being made.
    #[tracing::instrument(name = "app.bulk.undo", skip_all, fields(user = %by.user().id, key = %key, id))]
    pub async fn undo_bulk_change(
        &self,
        by: &Grant<BulkApply>,
        key: IdempotencyKey,
        id: i64,
    ) -> Result<BulkRun, BulkError> {
        let form = format!("undo={id}");
        self.do_bulk(by, key, Work::Undo(id), form).await
    }
}

/// Takes back what was done to the next items; `None` if there are no more.
pub(super) async fn undo_next(
    tx: &mut Transaction,
    by: &Grant<BulkApply>,
    run: &BulkRun,
    undone: i64,
    now: Timestamp,
) -> Result<Option<BulkStep>, StepError> {
    let next = tx
        .bulk_changes()
        .postings(undone, run.after_item, CHUNK)
        .await?;
    let Some(after_item) = next.last().map(|one| one.item) else {
        return Ok(None);
    };
    // Whether it still can be taken back, the ledger decides under its locks.
    let posted = post(tx, &undos(by, run.key, &next)?, now).await?;
    let (mut made, mut skips) = (Vec::new(), Vec::new());
    for (undone, posted) in next.into_iter().zip(posted) {
        match posted {
            Ok(posting) => made.push((undone.item, posting)),
            Err(refusal) => skips.push((undone.item, undone.name, skip(&refusal)?.to_string())),
        }
    }
    tx.bulk_changes().add_postings(run.id, &made).await?;
    Ok(Some(BulkStep {
        changed: made.len(),
        skips,
        after_item,
    }))
}

/// What takes each of these back, under keys that follow from `of` and the items.
fn undos(by: &Grant<BulkApply>, of: Uuid, undone: &[BulkPosting]) -> Result<Vec<Posting>, Failure> {
    let undo = |one: &BulkPosting| {
        let key = part_key("bulk", of, one.item.0);
        Posting::undo(key, by.actor(), Source::Page, &one.posted())
            .map_err(|_| Failure::Defect("what a bulk change posted can be taken back"))
    };
    undone.iter().map(undo).collect()
}

fn skip(refusal: &Refusal) -> Result<BulkSkip, Failure> {
    BulkSkip::of_undo(refusal).ok_or(Failure::Defect("an undo is not refused so"))
}
