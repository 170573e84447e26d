//! Merging a group into another: its stock is transferred, its items change their home or category, and in
//! the end it is archived. It goes on in many short transactions, so that nobody who works there waits.

use std::time::Duration;

use jiff::Timestamp;
use ticker_auth::{Authority as _, Grant};
use ticker_domain::group::GroupId;
use ticker_domain::id::{ItemId, LocationId};
use ticker_domain::ledger::{
    Answer, DELTA_MAX, IdempotencyKey, LINES_MAX, Note, Outcome, Posting, Refusal, Source, Transfer,
};
use ticker_domain::permission::GroupManage;
use ticker_domain::stock_list::ItemCount;
use ticker_postgres::group_merges::{GroupMerge, MergeExtent, StockedItem};
use ticker_postgres::groups::{Group, GroupAction};
use ticker_postgres::{Access as _, DatabaseError, Transaction};
use tokio::time::timeout;
use tracing::Instrument as _;

use crate::App;
use crate::app::{ChunkFailures, hold_rights, retrying};
use crate::error::{ErrorKind, Failure, Retriable};
use crate::ledger::part_key;

/// A transfer is two lines.
const STOCKED_CHUNK: usize = LINES_MAX / 2;
/// How many items change their home or category at once.
const MEMBERS_CHUNK: usize = 500;
/// Whoever begins a merge is answered when it is through, or after this.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// Why a merge did not begin, or rests.
#[derive(Debug, thiserror::Error)]
pub enum MergeGroupError {
    /// There is no such group, on either side.
    #[error("there is no such location or category")]
    NotFound,
    /// Nothing can be merged into itself, or into what is of another kind.
    #[error("it must be merged into another one")]
    Same,
    /// One of the two is archived.
    #[error("{0} is archived")]
    Archived(String),
    /// A merge with one of the two has not ended yet.
    #[error("another merge with one of the two has not ended yet")]
    Merging,
    /// The key was used for another merge.
    #[error("the idempotency key was used for another merge")]
    KeyReused,
    /// The ledger refuses to transfer the stock.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something else failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl MergeGroupError {
    /// What a caller answers.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound => ErrorKind::NotFound,
            Self::Same | Self::KeyReused => ErrorKind::Invalid,
            Self::Archived(_) | Self::Merging | Self::Refused(_) => ErrorKind::Conflict,
            Self::Failure(failure) => failure.kind(),
        }
    }
}

impl Retriable for MergeGroupError {
    fn is_retriable(&self) -> bool {
        matches!(self, Self::Failure(failure) if failure.is_retriable())
    }
}

impl From<DatabaseError> for MergeGroupError {
    fn from(error: DatabaseError) -> Self {
        Self::Failure(error.into())
    }
}

/// The groups that a merge is about, as they are called now.
struct Named {
    source: Group,
    target: Group,
}

impl App {
    /// What a merge of the group would move.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    #[tracing::instrument(name = "app.group.merge_extent", skip_all, fields(group = %source))]
    pub async fn merge_extent(
        &self,
        _by: &Grant<GroupManage>,
        source: GroupId,
    ) -> Result<MergeExtent, Failure> {
        let mut connection = self.database.connect().await?;
        Ok(connection.group_merges().extent(source).await?)
    }

    /// Merges `source` into `target`: all stock and all items move, then `source` is archived. Answers when
    /// that is done, or after a moment with how far it is; it goes on by itself. What was begun before and
    /// has not ended is continued, whoever began it.
    ///
    /// # Errors
    /// [`MergeGroupError`] if it does not begin, or rests. What has moved by then stays where it is.
    #[tracing::instrument(
        name = "app.group.merge", skip_all,
        fields(user = %by.user().id, %source, %target, key = %key)
    )]
    pub async fn merge_group(
        &self,
        by: &Grant<GroupManage>,
        key: IdempotencyKey,
        source: GroupId,
        target: GroupId,
    ) -> Result<GroupMerge, MergeGroupError> {
        if source == target || source.kind() != target.kind() {
            return Err(MergeGroupError::Same);
        }
        let (app, by) = (self.clone(), by.clone());
        let items_total = self.merge_items_total(key, source).await?;
        let begun = {
            let (app, by) = (app.clone(), by.clone());
            self.run(async move {
                retrying!(app.try_begin_merge(&by, key, (source, target), items_total))
            })
            .await?
        };
        if begun.ended_at.is_some() {
            return Ok(begun);
        }
        let id = begun.id;
        let work = async move { app.continue_merge(&by, id).await }.in_current_span();
        match timeout(ANSWER_WITHIN, self.spawn(work)).await {
            Ok(Ok(merged)) => merged,
            Ok(Err(lost)) => Err(Failure::from(lost).into()),
            Err(_) => {
                let mut connection = self.database.connect().await?;
                let last = connection.group_merges().last_of(source).await?;
                Ok(last.unwrap_or(begun))
            }
        }
    }

    /// How many items a merge is about that is to begin, if they are not too many to count. That is counted
    /// while nothing is locked: whoever posts at the two would wait for it. What they move meanwhile puts the
    /// number out by as much, and no more than the number.
    async fn merge_items_total(
        &self,
        key: IdempotencyKey,
        source: GroupId,
    ) -> Result<Option<i64>, DatabaseError> {
        let mut connection = self.database.connect().await?;
        let mut merges = connection.group_merges();
        match merges.last_of(source).await? {
            Some(begun) if begun.key == key.0 || begun.ended_at.is_none() => Ok(begun.items_total),
            _ => match merges.extent(source).await?.items {
                ItemCount::Exactly(items) => Ok(Some(items)),
                ItemCount::MoreThan(_) => Ok(None),
            },
        }
    }

    async fn try_begin_merge(
        &self,
        by: &Grant<GroupManage>,
        key: IdempotencyKey,
        (source, target): (GroupId, GroupId),
        items_total: Option<i64>,
    ) -> Result<GroupMerge, MergeGroupError> {
        let mut tx = self.database.begin().await?;
        hold_rights(&mut tx, by.acting()).await?;
        let named = lock_both(&mut tx, source, target).await?;
        let is_this = |merge: &GroupMerge| (merge.source, merge.target) == (source, target);
        if let Some(begun) = tx.group_merges().find_by_key(key.0).await? {
            return if is_this(&begun) {
                Ok(begun)
            } else {
                Err(MergeGroupError::KeyReused)
            };
        }
        for group in [&named.source, &named.target] {
            if group.archived_at.is_some() {
                return Err(MergeGroupError::Archived(group.name.clone()));
            }
        }
        let unended = tx.group_merges().unended_about(&[source, target]).await?;
        match unended {
            Some(begun) if is_this(&begun) => return Ok(begun),
            Some(_) => return Err(MergeGroupError::Merging),
            None => {}
        }
        let now = self.clock.now();
        let begun = tx
            .group_merges()
            .insert(key.0, (source, target), by.user().id, items_total, now)
            .await?;
        tx.commit().await?;
        Ok(begun)
    }

    /// Moves chunk after chunk until all is done or the process is to stop.
    async fn continue_merge(
        &self,
        by: &Grant<GroupManage>,
        id: i64,
    ) -> Result<GroupMerge, MergeGroupError> {
        let mut failures = ChunkFailures::default();
        loop {
            match retrying!(self.try_step_merge(by, id)) {
                Ok(merge) if merge.ended_at.is_some() || self.is_stopping() => return Ok(merge),
                Ok(_) => failures = ChunkFailures::default(),
                Err(error) if !self.is_stopping() && failures.another_for(error.kind()).await => {}
                Err(error) => {
                    tracing::warn!(%error, merge = id, "a merge rests");
                    return Err(error);
                }
            }
        }
    }

    /// One transaction of a merge: the next items whose stock is still there, or else the next that are
    /// still in the group, or else its end. It leaves the merge as it returns it.
    async fn try_step_merge(
        &self,
        by: &Grant<GroupManage>,
        id: i64,
    ) -> Result<GroupMerge, MergeGroupError> {
        let now = self.clock.now();
        let mut tx = self.database.begin().await?;
        let merge = tx.group_merges().lock(id).await?;
        if merge.ended_at.is_some() {
            return Ok(merge);
        }
        hold_rights(&mut tx, by.acting()).await?;
        let has_moved = self.transfer_chunk(&mut tx, by, &merge, now).await?
            || regroup_chunk(&mut tx, &merge, now).await?;
        if !has_moved {
            end(&mut tx, by, &merge, now).await?;
        }
        let merge = tx.group_merges().lock(id).await?;
        tx.commit().await?;
        if has_moved {
            self.herald.tell();
        }
        Ok(merge)
    }

    /// Transfers what is on hand of the next items, and takes them along; `false` if there is nothing.
    async fn transfer_chunk(
        &self,
        tx: &mut Transaction,
        by: &Grant<GroupManage>,
        merge: &GroupMerge,
        now: Timestamp,
    ) -> Result<bool, MergeGroupError> {
        let (GroupId::Location(from), GroupId::Location(to)) = (merge.source, merge.target) else {
            return Ok(false);
        };
        let stocked = tx
            .group_merges()
            .lock_stocked(from, merge.after_item, STOCKED_CHUNK)
            .await?;
        let Some(last) = stocked.last().map(|one| one.item) else {
            return Ok(false);
        };
        let posting = self.transfer(tx, by, merge, (from, to), &stocked).await?;
        // The ledger moves nothing of an archived item, so that these are open for as long as it takes.
        let archived: Vec<(ItemId, Option<Timestamp>)> = stocked
            .iter()
            .filter(|one| one.archived_at.is_some())
            .map(|one| (one.item, one.archived_at))
            .collect();
        let opened: Vec<_> = archived.iter().map(|(item, _)| (*item, None)).collect();
        tx.group_merges().set_items_archived(&opened).await?;
        let receipts = tx
            .ledger()
            .post(&[posting], now)
            .await
            .map_err(Failure::from)?;
        posted(receipts.into_iter().next().map(|receipt| receipt.outcome))?;
        tx.group_merges().set_items_archived(&archived).await?;
        let items: Vec<ItemId> = stocked.iter().map(|one| one.item).collect();
        tx.group_merges()
            .regroup((merge.source, merge.target), &items, now)
            .await?;
        tx.group_merges()
            .step(merge.id, (items.len(), 1), last, now)
            .await?;
        Ok(true)
    }

    /// The posting that transfers a chunk. Its key follows from the merge and its place in it: it cannot
    /// be posted twice.
    async fn transfer(
        &self,
        tx: &mut Transaction,
        by: &Grant<GroupManage>,
        merge: &GroupMerge,
        (from, to): (LocationId, LocationId),
        stocked: &[StockedItem],
    ) -> Result<Posting, MergeGroupError> {
        let named = find_both(tx, merge).await?;
        let note = format!("Merged {} into {}", named.source.name, named.target.name);
        let key = part_key("merge", merge.key, merge.chunks);
        let transfers: Result<Vec<_>, _> = stocked
            .iter()
            .map(|one| Transfer::new(one.item, from, to, one.on_hand.min(DELTA_MAX)))
            .collect();
        transfers
            .and_then(|transfers| {
                let note = Note::parse(&note).ok();
                Posting::transfers(key, by.actor(), note, Source::Page, &transfers)
            })
            .map_err(|_| Failure::Defect("a chunk is a posting").into())
    }
}

/// Moves the next items that have nothing on hand there; `false` if there are none.
async fn regroup_chunk(
    tx: &mut Transaction,
    merge: &GroupMerge,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let items = tx
        .group_merges()
        .lock_members(merge.source, MEMBERS_CHUNK)
        .await?;
    if items.is_empty() {
        return Ok(false);
    }
    tx.group_merges()
        .regroup((merge.source, merge.target), &items, now)
        .await?;
    let step = (items.len(), 0);
    tx.group_merges()
        .step(merge.id, step, merge.after_item, now)
        .await?;
    Ok(true)
}

/// Archives the source, unless somebody has put something into it meanwhile: then it begins anew.
async fn end(
    tx: &mut Transaction,
    by: &Grant<GroupManage>,
    merge: &GroupMerge,
    now: Timestamp,
) -> Result<(), MergeGroupError> {
    let named = lock_both(tx, merge.source, merge.target).await?;
    if tx.groups().is_in_use(merge.source).await? {
        tx.group_merges()
            .step(merge.id, (0, 0), ItemId(0), now)
            .await?;
        return Ok(());
    }
    if named.target.archived_at.is_some() {
        return Err(MergeGroupError::Archived(named.target.name));
    }
    tx.groups()
        .set_archived(merge.source, Some(now), Some(merge.target))
        .await?;
    tx.groups()
        .insert_event(by.user().id, GroupAction::Merged, merge.source, None, now)
        .await?;
    tx.group_merges().end(merge.id, now).await?;
    Ok(())
}

fn posted(outcome: Option<Outcome>) -> Result<(), MergeGroupError> {
    match outcome {
        Some(Outcome::Answered(Answer::Posted(_))) => Ok(()),
        Some(Outcome::Answered(Answer::Refused(refusal))) => Err(refusal.into()),
        Some(Outcome::RightsChanged) => Err(Failure::RightsChanged.into()),
        Some(Outcome::KeyReused | Outcome::Replayed(_)) | None => {
            Err(Failure::Defect("a chunk's key is its own").into())
        }
    }
}

async fn lock_both(
    tx: &mut Transaction,
    source: GroupId,
    target: GroupId,
) -> Result<Named, MergeGroupError> {
    named(tx.groups().lock(&[source, target]).await?, source)
}

async fn find_both(tx: &mut Transaction, merge: &GroupMerge) -> Result<Named, MergeGroupError> {
    let mut found = Vec::new();
    for id in [merge.source, merge.target] {
        found.extend(tx.groups().find(id).await?.map(|row| row.group));
    }
    named(found, merge.source)
}

fn named(found: Vec<Group>, source: GroupId) -> Result<Named, MergeGroupError> {
    let (sources, targets): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|group| group.id == source);
    match (sources.into_iter().next(), targets.into_iter().next()) {
        (Some(source), Some(target)) => Ok(Named { source, target }),
        _ => Err(MergeGroupError::NotFound),
    }
}
