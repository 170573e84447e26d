//! Bulk changes: one change for many items, seen before it is made and told truthfully afterwards.

mod undo;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ticker_auth::{Authority as _, Grant};
use ticker_domain::bulk::{BULK_ITEMS_MAX, BulkChange, BulkSkip, Selection};
use ticker_domain::id::{ItemId, LocationId, PostingId};
use ticker_domain::ledger::{
    Answer, IdempotencyKey, LINES_MAX, LevelId, Line, Outcome, Posting, Refusal, Source, Transfer,
};
use ticker_domain::page::{Direction, Edge};
use ticker_domain::permission::BulkApply;
use ticker_domain::stock_list::{SortValue, StockCursor, StockQuery, StockSort};
use ticker_postgres::bulk_changes::BulkStep;
use ticker_postgres::{Access, DatabaseError, Transaction};
use tokio::time::timeout;
use tracing::Instrument as _;

pub use self::undo::BulkUndoPreview;
pub use ticker_postgres::bulk_changes::{BulkPosting, BulkRun, BulkUndo, NamedBulkItem};

use crate::App;
use crate::app::{ChunkFailures, hold_rights, retrying};
use crate::error::{ErrorKind, Failure, Retriable};
use crate::ledger::part_key;

/// A change that somebody wants to make to many items.
#[derive(Clone, Debug)]
pub struct BulkRequest {
    /// To which.
    pub selection: Selection,
    /// Where quantities are changed; `None` for each item's home.
    pub location: Option<LocationId>,
    /// What.
    pub change: BulkChange,
}

/// What a bulk change would do.
#[derive(Clone, Debug, Default)]
pub struct BulkPreview {
    /// How many items would be changed.
    pub changed: usize,
    /// How many would be left out, by the reason.
    pub skipped: BTreeMap<BulkSkip, usize>,
    /// The first items, each with what is on hand afterwards or why it is left out.
    pub rows: Vec<(NamedBulkItem, Result<i64, BulkSkip>)>,
    /// Whether more items are selected than are changed at once.
    pub more: bool,
}

/// A bulk change with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkView {
    /// The change, and how far it has come.
    pub run: BulkRun,
    /// Whether nobody is at it any more although it is not through.
    pub has_stopped: bool,
    /// Whether it moved stock, and that was not taken back.
    pub is_undoable: bool,
    /// What took it back, or some of it, the oldest first.
    pub undone_by: Vec<BulkUndo>,
}

/// What is done chunk after chunk.
#[derive(Clone, Debug)]
enum Work {
    /// A change of the items selected.
    Change(BulkRequest),
    /// The opposite of what the bulk change of this number posted.
    Undo(i64),
}

/// Why a bulk change was not begun.
#[derive(Debug, thiserror::Error)]
pub enum BulkError {
    /// There is none of that number to take back.
    #[error("there is no such bulk change")]
    NotFound,
    /// What is to be taken back is still being made.
    #[error("the bulk change still goes on")]
    GoesOn,
    /// The key was used for another one.
    #[error("the idempotency key was used for another change")]
    KeyReused,
    /// The form is longer than is kept.
    #[error("too many items are ticked at once")]
    FormTooLong,
    /// Something else failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl BulkError {
    /// What a caller answers.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound => ErrorKind::NotFound,
            Self::GoesOn => ErrorKind::Conflict,
            Self::KeyReused | Self::FormTooLong => ErrorKind::Invalid,
            Self::Failure(failure) => failure.kind(),
        }
    }
}

impl Retriable for BulkError {
    fn is_retriable(&self) -> bool {
        matches!(self, Self::Failure(failure) if failure.is_retriable())
    }
}

impl From<DatabaseError> for BulkError {
    fn from(error: DatabaseError) -> Self {
        Self::Failure(error.into())
    }
}

/// Why a bulk change that was begun does not go on.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error("the category is not in use")]
    CategoryNotInUse,
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl StepError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::CategoryNotInUse | Self::Refused(_) => ErrorKind::Conflict,
            Self::Failure(failure) => failure.kind(),
        }
    }

    /// For whoever asked for the change.
    fn in_words(&self) -> String {
        match self.kind() {
            ErrorKind::Unavailable { .. } => {
                "somebody else held what it needed, or the database was busy".to_owned()
            }
            ErrorKind::Defect => "something in Ticker broke".to_owned(),
            _ => self.to_string(),
        }
    }
}

impl Retriable for StepError {
    fn is_retriable(&self) -> bool {
        matches!(self, Self::Failure(failure) if failure.is_retriable())
    }
}

impl From<DatabaseError> for StepError {
    fn from(error: DatabaseError) -> Self {
        Self::Failure(error.into())
    }
}

/// Who has not got further for this long is not at it any more: longer than a chunk is tried again and again.
const STOPPED_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// How many items a preview shows.
const PREVIEW_ROWS: usize = 20;
/// How many of the items left out are told by name.
pub const BULK_SKIPS_MAX: usize = 200;
/// How many characters of a form are kept.
pub const BULK_FORM_MAX: usize = 65_536;
/// Whoever sends a bulk change is answered when it is through, or after this.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

impl App {
    /// What a change would do to the items selected, as they are now.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    #[tracing::instrument(name = "app.bulk.preview", skip_all)]
    pub async fn preview_bulk_change(
        &self,
        _by: &Grant<BulkApply>,
        request: &BulkRequest,
    ) -> Result<BulkPreview, Failure> {
        let mut connection = self.database.connect().await?;
        let mut preview = BulkPreview::default();
        let (mut after, mut seen) = (ItemId(0), 0);
        let selection = match &request.selection {
            // Found once; each chunk would else search for itself, which takes longer than all the rest.
            Selection::Matching(filter) if filter.search.is_some() => {
                let mut stock = connection.stock();
                let found = stock.search_ids(filter, BULK_ITEMS_MAX + 1).await?;
                Selection::Items(found.into_iter().collect())
            }
            other => other.clone(),
        };
        while seen <= BULK_ITEMS_MAX {
            let ids = next_items(&mut connection, &selection, after, LINES_MAX).await?;
            let Some(last) = ids.last() else {
                break;
            };
            after = *last;
            for (item, decided) in decide(&mut connection, request, &ids).await? {
                seen += 1;
                if seen > BULK_ITEMS_MAX {
                    preview.more = true;
                    break;
                }
                match decided {
                    Ok(_) => preview.changed += 1,
                    Err(skip) => *preview.skipped.entry(skip).or_default() += 1,
                }
                if preview.rows.len() < PREVIEW_ROWS {
                    preview.rows.push((item, decided));
                }
            }
        }
        Ok(preview)
    }

    /// Makes a change to the items selected, to each that it can be made to. `form` is the form that asked
    /// for it: under the same key it is the same change, which is continued if it has not ended. Answers
    /// when it has or when it stops, else after a moment with how far it was when this began; it goes on by
    /// itself.
    ///
    /// # Errors
    /// [`BulkError`] if it was not begun. What keeps it from going on stands in the answer: what was changed
    /// by then stays.
    #[tracing::instrument(name = "app.bulk.apply", skip_all, fields(user = %by.user().id, key = %key))]
    pub async fn apply_bulk_change(
        &self,
        by: &Grant<BulkApply>,
        key: IdempotencyKey,
        request: BulkRequest,
        form: String,
    ) -> Result<BulkRun, BulkError> {
        if form.chars().count() > BULK_FORM_MAX {
            return Err(BulkError::FormTooLong);
        }
        self.do_bulk(by, key, Work::Change(request), form).await
    }

    /// Begins or continues, and waits for a moment.
    async fn do_bulk(
        &self,
        by: &Grant<BulkApply>,
        key: IdempotencyKey,
        work: Work,
        form: String,
    ) -> Result<BulkRun, BulkError> {
        let (app, by) = (self.clone(), by.clone());
        let begun = {
            let (app, by, work) = (app.clone(), by.clone(), work.clone());
            self.run(async move { retrying!(app.try_begin_bulk(&by, key, &work, &form)) })
                .await?
        };
        if begun.ended_at.is_some() {
            return Ok(begun);
        }
        let run = begun.clone();
        let work = async move { app.continue_bulk(&by, run, &work).await };
        match timeout(ANSWER_WITHIN, self.spawn(work.in_current_span())).await {
            Ok(Ok(run)) => Ok(run),
            Ok(Err(lost)) => {
                tracing::error!(error = %lost, bulk = begun.id, "a bulk change was lost");
                Ok(begun)
            }
            Err(_) => Ok(begun),
        }
    }

    /// A bulk change, how far it has come, and what became of it; `None` if there is none of that number.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    #[tracing::instrument(name = "app.bulk.show", skip_all)]
    pub async fn show_bulk_change(
        &self,
        _by: &Grant<BulkApply>,
        id: i64,
    ) -> Result<Option<BulkView>, Failure> {
        let mut connection = self.database.connect().await?;
        let mut bulk_changes = connection.bulk_changes();
        let Some(run) = bulk_changes.find(id).await? else {
            return Ok(None);
        };
        Ok(Some(BulkView {
            has_stopped: has_stopped(&run, self.clock.now()),
            run,
            is_undoable: bulk_changes.left_and_undone(id).await?.0 > 0,
            undone_by: bulk_changes.undone_by(id).await?,
        }))
    }

    async fn try_begin_bulk(
        &self,
        by: &Grant<BulkApply>,
        key: IdempotencyKey,
        work: &Work,
        form: &str,
    ) -> Result<BulkRun, BulkError> {
        let mut tx = self.database.begin().await?;
        let now = self.clock.now();
        let user = by.user().id;
        let undoes = match work {
            Work::Change(_) => None,
            Work::Undo(undone) => Some(*undone),
        };
        if let Some(undone) = undoes {
            end_what_stopped(&mut tx, undone, now).await?;
        }
        hold_rights(&mut tx, by.acting()).await?;
        let run = tx
            .bulk_changes()
            .begin(key.0, user, form, undoes, now)
            .await?;
        if run.form != form || run.undoes != undoes {
            return Err(BulkError::KeyReused);
        }
        tx.commit().await?;
        Ok(run)
    }

    /// Makes chunk after chunk until all is done, the process is to stop, or something keeps it from going on.
    async fn continue_bulk(&self, by: &Grant<BulkApply>, begun: BulkRun, work: &Work) -> BulkRun {
        let (mut last, mut failures) = (begun, ChunkFailures::default());
        let id = last.id;
        let error = loop {
            match retrying!(self.try_step_bulk(by, id, work)) {
                Ok(run) if run.ended_at.is_some() || self.is_stopping() => return run,
                Ok(run) => (last, failures) = (run, ChunkFailures::default()),
                Err(error) if !self.is_stopping() && failures.another_for(error.kind()).await => {}
                Err(error) => break error,
            }
        };
        tracing::warn!(%error, bulk = id, "a bulk change rests");
        let why = error.in_words();
        if let Err(error) = self.rest_bulk(id, &why).await {
            tracing::warn!(%error, bulk = id, "why a bulk change rests could not be kept");
        }
        last.rests_because = Some(why);
        last
    }

    async fn rest_bulk(&self, id: i64, why: &str) -> Result<(), DatabaseError> {
        let mut connection = self.database.connect().await?;
        connection.bulk_changes().rest(id, why).await
    }

    /// One transaction of a bulk change: the next items, or its end.
    async fn try_step_bulk(
        &self,
        by: &Grant<BulkApply>,
        id: i64,
        work: &Work,
    ) -> Result<BulkRun, StepError> {
        let now = self.clock.now();
        let mut tx = self.database.begin().await?;
        let run = tx.bulk_changes().lock(id).await?;
        if run.ended_at.is_some() {
            return Ok(run);
        }
        hold_rights(&mut tx, by.acting()).await?;
        let step = match work {
            Work::Change(request) => self.change_next(&mut tx, by, &run, request, now).await?,
            Work::Undo(undone) => undo::undo_next(&mut tx, by, &run, *undone, now).await?,
        };
        match step {
            None => tx.bulk_changes().end(id, now).await?,
            Some(step) => {
                tx.bulk_changes()
                    .step(&run, &step, BULK_SKIPS_MAX, now)
                    .await?;
            }
        }
        let run = tx.bulk_changes().lock(id).await?;
        tx.commit().await?;
        self.herald.tell();
        Ok(run)
    }

    /// Changes the next of the items selected; `None` if there are no more.
    async fn change_next(
        &self,
        tx: &mut Transaction,
        by: &Grant<BulkApply>,
        run: &BulkRun,
        request: &BulkRequest,
        now: Timestamp,
    ) -> Result<Option<BulkStep>, StepError> {
        let done = usize::try_from(run.changed + run.skipped).unwrap_or(BULK_ITEMS_MAX);
        let size = chunk_size(&request.change).min(BULK_ITEMS_MAX.saturating_sub(done));
        let ids = next_items(tx, &request.selection, run.after_item, size).await?;
        let Some(last) = ids.last() else {
            return Ok(None);
        };
        tx.bulk_changes().lock_items(&ids).await?;
        let decided = decide(tx, request, &ids).await?;
        let step = self
            .change(tx, by, run, &request.change, decided, now)
            .await?;
        Ok(Some(BulkStep {
            after_item: *last,
            ..step
        }))
    }

    /// Changes those of the locked items that it can be done to.
    async fn change(
        &self,
        tx: &mut Transaction,
        by: &Grant<BulkApply>,
        run: &BulkRun,
        change: &BulkChange,
        decided: Vec<(NamedBulkItem, Result<i64, BulkSkip>)>,
        now: Timestamp,
    ) -> Result<BulkStep, StepError> {
        let (mut chosen, mut skips) = (Vec::new(), Vec::new());
        for (item, decided) in decided {
            match decided {
                Ok(_) => chosen.push(item),
                Err(skip) => skips.push((item.item.item, item.name, skip.to_string())),
            }
        }
        let ids: Vec<ItemId> = chosen.iter().map(|one| one.item.item).collect();
        if !ids.is_empty() {
            match change {
                BulkChange::AdjustBy { .. } | BulkChange::MoveTo(_) => {
                    let postings: Result<Vec<_>, _> = chosen
                        .iter()
                        .map(|one| posting(by, run, change, one))
                        .collect();
                    let posted = post(tx, &postings?, now).await?;
                    let posted: Result<Vec<_>, Refusal> = posted.into_iter().collect();
                    let postings: Vec<_> = ids.iter().copied().zip(posted?).collect();
                    tx.bulk_changes().add_postings(run.id, &postings).await?;
                }
                BulkChange::SetThresholds(thresholds) => {
                    tx.bulk_changes()
                        .set_thresholds(&ids, thresholds, now)
                        .await?;
                }
                BulkChange::SetCategory(category) => {
                    if !tx.bulk_changes().set_category(&ids, *category, now).await? {
                        return Err(StepError::CategoryNotInUse);
                    }
                }
                BulkChange::Archive => tx.bulk_changes().archive(&ids, now).await?,
            }
        }
        Ok(BulkStep {
            changed: ids.len(),
            skips,
            after_item: run.after_item,
        })
    }
}

/// A transfer is two lines.
/// Whether nobody is at it any more although it is not through.
fn has_stopped(run: &BulkRun, now: Timestamp) -> bool {
    let since = now.duration_since(run.stepped_at);
    run.ended_at.is_none() && (run.rests_because.is_some() || since > STOPPED_AFTER)
}

/// Ends a bulk change that has stopped half way, as it is to be taken back: continued, it would do the rest of
/// what nobody wants any more.
async fn end_what_stopped(tx: &mut Transaction, id: i64, now: Timestamp) -> Result<(), BulkError> {
    if tx.bulk_changes().find(id).await?.is_none() {
        return Err(BulkError::NotFound);
    }
    let run = tx.bulk_changes().lock(id).await?;
    if has_stopped(&run, now) {
        tx.bulk_changes().end(id, now).await?;
    } else if run.ended_at.is_none() {
        return Err(BulkError::GoesOn);
    }
    Ok(())
}

fn chunk_size(change: &BulkChange) -> usize {
    match change {
        BulkChange::MoveTo(_) => LINES_MAX / 2,
        _ => LINES_MAX,
    }
}

/// The next of the items selected, by their ids.
async fn next_items(
    access: &mut impl Access,
    selection: &Selection,
    after: ItemId,
    size: usize,
) -> Result<Vec<ItemId>, DatabaseError> {
    if size == 0 {
        return Ok(Vec::new());
    }
    match selection {
        Selection::Items(items) => {
            let rest = items.range((Bound::Excluded(after), Bound::Unbounded));
            Ok(rest.take(size).copied().collect())
        }
        Selection::Matching(filter) => {
            let query = StockQuery {
                filter: filter.clone(),
                sort: StockSort::Id,
                direction: Direction::Ascending,
                edge: Edge::After(StockCursor {
                    value: SortValue::Integer(after.0),
                    item: after,
                }),
                size: u16::try_from(size).unwrap_or(u16::MAX),
            };
            let listing = access.stock().list(&query).await?;
            // What another search would find is not what was selected: an archived item must not lead to
            // those that are spelt like it.
            if listing.corrected.is_some() {
                return Ok(Vec::new());
            }
            Ok(listing.page.rows.iter().map(|row| row.item).collect())
        }
    }
}

/// What becomes of items that were selected, each as it is now: meanwhile it may have left the list that it
/// was selected in.
async fn decide(
    access: &mut impl Access,
    request: &BulkRequest,
    ids: &[ItemId],
) -> Result<Vec<(NamedBulkItem, Result<i64, BulkSkip>)>, DatabaseError> {
    let matching = match &request.selection {
        Selection::Items(_) => None,
        Selection::Matching(filter) => Some(access.stock().matching_of(ids, filter).await?),
    };
    let items = access.bulk_changes().items(ids, request.location).await?;
    let decided = items.into_iter().map(|item| {
        let id = item.item.item;
        let matches = matching
            .as_ref()
            .is_none_or(|matching| matching.contains(&id));
        let decided = if matches {
            request.change.decide(&item.item)
        } else {
            Err(BulkSkip::NotMatching)
        };
        (item, decided)
    });
    Ok(decided.collect())
}

/// What moves the stock of an item. Its key follows from the change and the item.
fn posting(
    by: &Grant<BulkApply>,
    run: &BulkRun,
    change: &BulkChange,
    one: &NamedBulkItem,
) -> Result<Posting, Failure> {
    let defect = || Failure::Defect("what was decided is a posting");
    let (item, location) = (one.item.item, one.item.location);
    let (key, actor, source) = (part_key("bulk", run.key, item.0), by.actor(), Source::Page);
    match change {
        BulkChange::MoveTo(to) => Transfer::new(item, location, *to, one.item.on_hand)
            .and_then(|transfer| Posting::transfer(key, actor, None, source, &transfer))
            .map_err(|_| defect()),
        BulkChange::AdjustBy { delta, reason } => {
            let line = Line::change(LevelId { item, location }, *delta).map_err(|_| defect())?;
            Posting::new(key, actor, *reason, None, source, vec![line]).map_err(|_| defect())
        }
        _ => Err(defect()),
    }
}

/// Posts what is done to a chunk's items, and tells of each the number of what happened, or why nothing did.
async fn post(
    tx: &mut Transaction,
    postings: &[Posting],
    now: Timestamp,
) -> Result<Vec<Result<PostingId, Refusal>>, StepError> {
    let receipts = tx.ledger().post(postings, now).await;
    let receipts = receipts.map_err(Failure::from)?.into_iter();
    receipts
        .map(|receipt| match (receipt.outcome, receipt.posting) {
            (Outcome::Answered(Answer::Posted(_)), Some(posting)) => Ok(Ok(posting)),
            (Outcome::Answered(Answer::Refused(refusal)), _) => Ok(Err(refusal)),
            (Outcome::RightsChanged, _) => Err(Failure::RightsChanged.into()),
            _ => Err(Failure::Defect("the key of a bulk change's item is its own").into()),
        })
        .collect()
}
