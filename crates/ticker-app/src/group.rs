//! Groups: the locations and categories that items are sorted by, and arranging them.

use jiff::Timestamp;
use ticker_auth::{Authority as _, Grant};
use ticker_domain::group::{GroupId, GroupKind, GroupName};
use ticker_domain::permission::GroupManage;
use ticker_postgres::groups::{GroupAction, StoreGroupError};
use ticker_postgres::{Access as _, DatabaseError, Transaction};

pub use ticker_postgres::group_merges::{GroupMerge, MergeExtent};
pub use ticker_postgres::groups::{COUNTED_MAX, Group, GroupRow, GroupUsage};

use crate::App;
use crate::app::{hold_rights, retrying};
use crate::error::{ErrorKind, Failure, Retriable};

mod merge;

pub use self::merge::MergeGroupError;

/// How many groups a page of their list shows.
pub const GROUPS_PAGE_SIZE: u16 = 50;

/// A page of the list of groups.
#[derive(Clone, Debug)]
pub struct GroupList {
    /// The groups, by name.
    pub rows: Vec<GroupRow>,
    /// Whether there are more after the last one.
    pub has_after: bool,
}

/// A group, what is in it and what is being done with it.
#[derive(Clone, Debug)]
pub struct GroupView {
    /// The group and what is in it.
    pub row: GroupRow,
    /// The last merge that was begun to empty it, with what it empties into.
    pub merge: Option<(GroupMerge, Group)>,
    /// What it was merged into when it was archived.
    pub merged_into: Option<Group>,
}

/// Why a group was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ManageGroupError {
    /// There is no such group.
    #[error("there is no such location or category")]
    NotFound,
    /// Another group of the kind has the name.
    #[error("{} has this name already", .0.name)]
    NameTaken(Box<Group>),
    /// There is something in it.
    #[error("there are still items in it, or stock")]
    InUse(GroupUsage),
    /// It is being merged into another one, or that one into it.
    #[error("a merge with it has not ended yet")]
    Merging,
    /// Something else failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl ManageGroupError {
    /// What a caller answers.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound => ErrorKind::NotFound,
            Self::NameTaken(_) | Self::InUse(_) | Self::Merging => ErrorKind::Conflict,
            Self::Failure(failure) => failure.kind(),
        }
    }
}

impl Retriable for ManageGroupError {
    fn is_retriable(&self) -> bool {
        matches!(self, Self::Failure(failure) if failure.is_retriable())
    }
}

impl From<DatabaseError> for ManageGroupError {
    fn from(error: DatabaseError) -> Self {
        Self::Failure(error.into())
    }
}

impl App {
    /// A page of the groups of a kind that are archived or not, by name, after the one named.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    #[tracing::instrument(name = "app.group.list", skip_all)]
    pub async fn list_groups(
        &self,
        _by: &Grant<GroupManage>,
        kind: GroupKind,
        archived: bool,
        after: Option<GroupId>,
    ) -> Result<GroupList, Failure> {
        let mut connection = self.database.connect().await?;
        let mut groups = connection.groups();
        let mut rows = groups
            .list(kind, archived, after, GROUPS_PAGE_SIZE + 1)
            .await?;
        let has_after = rows.len() > usize::from(GROUPS_PAGE_SIZE);
        rows.truncate(usize::from(GROUPS_PAGE_SIZE));
        Ok(GroupList { rows, has_after })
    }

    /// A group with what is in it; `None` if there is no such group.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    #[tracing::instrument(name = "app.group.show", skip_all, fields(group = %id))]
    pub async fn show_group(
        &self,
        _by: &Grant<GroupManage>,
        id: GroupId,
    ) -> Result<Option<GroupView>, Failure> {
        let mut connection = self.database.connect().await?;
        let Some(row) = connection.groups().find(id).await? else {
            return Ok(None);
        };
        let mut merge = None;
        if let Some(last) = connection.group_merges().last_of(id).await?
            && let Some(target) = connection.groups().find(last.target).await?
        {
            merge = Some((last, target.group));
        }
        let merged_into = match row.group.merged_into {
            Some(into) => connection.groups().find(into).await?.map(|row| row.group),
            None => None,
        };
        Ok(Some(GroupView {
            row,
            merge,
            merged_into,
        }))
    }

    /// Adds a location or a category, and returns its id.
    ///
    /// # Errors
    /// [`ManageGroupError`] if it was not added.
    #[tracing::instrument(name = "app.group.add", skip_all, fields(user = %by.user().id))]
    pub async fn add_group(
        &self,
        by: &Grant<GroupManage>,
        kind: GroupKind,
        name: GroupName,
    ) -> Result<GroupId, ManageGroupError> {
        let (app, by) = (self.clone(), by.clone());
        self.run(async move { retrying!(app.try_add_group(&by, kind, &name)) })
            .await
    }

    async fn try_add_group(
        &self,
        by: &Grant<GroupManage>,
        kind: GroupKind,
        name: &GroupName,
    ) -> Result<GroupId, ManageGroupError> {
        let mut tx = self.database.begin().await?;
        hold_rights(&mut tx, by.acting()).await?;
        let id = match tx.groups().insert(kind, name).await {
            Ok(id) => id,
            Err(error) => return Err(self.name_not_given(tx, kind, name, error).await),
        };
        let (user, now) = (by.user().id, self.clock.now());
        tx.groups()
            .insert_event(user, GroupAction::Added, id, None, now)
            .await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Gives a group another name.
    ///
    /// # Errors
    /// [`ManageGroupError`] if it keeps its name.
    #[tracing::instrument(name = "app.group.rename", skip_all, fields(user = %by.user().id, group = %id))]
    pub async fn rename_group(
        &self,
        by: &Grant<GroupManage>,
        id: GroupId,
        name: GroupName,
    ) -> Result<(), ManageGroupError> {
        let (app, by) = (self.clone(), by.clone());
        self.run(async move { retrying!(app.try_rename_group(&by, id, &name)) })
            .await
    }

    async fn try_rename_group(
        &self,
        by: &Grant<GroupManage>,
        id: GroupId,
        name: &GroupName,
    ) -> Result<(), ManageGroupError> {
        let mut tx = self.database.begin().await?;
        hold_rights(&mut tx, by.acting()).await?;
        let before = lock_one(&mut tx, id).await?;
        if before.name == name.as_str() {
            return Ok(());
        }
        if let Err(error) = tx.groups().rename(id, name).await {
            return Err(self.name_not_given(tx, id.kind(), name, error).await);
        }
        let (user, now) = (by.user().id, self.clock.now());
        tx.groups()
            .insert_event(user, GroupAction::Renamed, id, Some(&before.name), now)
            .await?;
        tx.commit().await?;
        self.herald.tell();
        Ok(())
    }

    /// Takes a group out of use, if nothing is in it: once that is done, nothing gets into it any more.
    /// Doing so twice is as good as once.
    ///
    /// # Errors
    /// [`ManageGroupError`] if it stays in use.
    #[tracing::instrument(name = "app.group.archive", skip_all, fields(user = %by.user().id, group = %id))]
    pub async fn archive_group(
        &self,
        by: &Grant<GroupManage>,
        id: GroupId,
    ) -> Result<(), ManageGroupError> {
        let (app, by) = (self.clone(), by.clone());
        self.run(async move { retrying!(app.try_archive_group(&by, id)) })
            .await
    }

    async fn try_archive_group(
        &self,
        by: &Grant<GroupManage>,
        id: GroupId,
    ) -> Result<(), ManageGroupError> {
        let mut tx = self.database.begin().await?;
        hold_rights(&mut tx, by.acting()).await?;
        let group = lock_one(&mut tx, id).await?;
        if group.archived_at.is_some() {
            return Ok(());
        }
        if tx.group_merges().unended_about(&[id]).await?.is_some() {
            return Err(ManageGroupError::Merging);
        }
        // Whoever put something into it has committed before it could be locked.
        if tx.groups().is_in_use(id).await? {
            let row = tx.groups().find(id).await?;
            let usage = row.map(|row| row.usage).unwrap_or_default();
            return Err(ManageGroupError::InUse(usage));
        }
        self.set_archived_at(&mut tx, by, id, Some(self.clock.now()))
            .await?;
        Ok(tx.commit().await?)
    }

    /// Puts an archived group back into use. What was merged into another one stays there.
    ///
    /// # Errors
    /// [`ManageGroupError`] if it stays archived.
    #[tracing::instrument(name = "app.group.restore", skip_all, fields(user = %by.user().id, group = %id))]
    pub async fn restore_group(
        &self,
        by: &Grant<GroupManage>,
        id: GroupId,
    ) -> Result<(), ManageGroupError> {
        let (app, by) = (self.clone(), by.clone());
        self.run(async move { retrying!(app.try_restore_group(&by, id)) })
            .await
    }

    async fn try_restore_group(
        &self,
        by: &Grant<GroupManage>,
        id: GroupId,
    ) -> Result<(), ManageGroupError> {
        let mut tx = self.database.begin().await?;
        hold_rights(&mut tx, by.acting()).await?;
        if lock_one(&mut tx, id).await?.archived_at.is_none() {
            return Ok(());
        }
        self.set_archived_at(&mut tx, by, id, None).await?;
        Ok(tx.commit().await?)
    }

    async fn set_archived_at(
        &self,
        tx: &mut Transaction,
        by: &Grant<GroupManage>,
        id: GroupId,
        archived_at: Option<Timestamp>,
    ) -> Result<(), DatabaseError> {
        let action = match archived_at {
            Some(_) => GroupAction::Archived,
            None => GroupAction::Restored,
        };
        tx.groups().set_archived(id, archived_at, None).await?;
        tx.groups()
            .insert_event(by.user().id, action, id, None, self.clock.now())
            .await
    }

    /// Says who has the name that was not given.
    async fn name_not_given(
        &self,
        tx: Transaction,
        kind: GroupKind,
        name: &GroupName,
        error: StoreGroupError,
    ) -> ManageGroupError {
        drop(tx);
        let found = match error {
            StoreGroupError::Database(error) => return error.into(),
            StoreGroupError::NameTaken => self.group_named(kind, name).await,
        };
        match found {
            Ok(Some(group)) => ManageGroupError::NameTaken(Box::new(group)),
            Ok(None) => Failure::Defect("the group in the way is gone").into(),
            Err(error) => error.into(),
        }
    }

    async fn group_named(
        &self,
        kind: GroupKind,
        name: &GroupName,
    ) -> Result<Option<Group>, DatabaseError> {
        let mut connection = self.database.connect().await?;
        connection.groups().find_by_name(kind, name).await
    }
}

/// Locks a group against whoever would put something into it or change it.
async fn lock_one(tx: &mut Transaction, id: GroupId) -> Result<Group, ManageGroupError> {
    let locked = tx.groups().lock(&[id]).await?;
    locked.into_iter().next().ok_or(ManageGroupError::NotFound)
}
