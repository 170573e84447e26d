//! Items: adding, editing, archiving and restoring them, and what happened to them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use ticker_auth::{Authority as _, Grant};
use ticker_domain::category::{Category, CategoryName};
use ticker_domain::group::{GroupId, GroupKind, GroupName};
use ticker_domain::history::HistoryFilter;
use ticker_domain::id::{CategoryId, ItemId, LocationId, MovementId, UserId};
use ticker_domain::item::{Barcode, ItemDetails, ItemName, Sku, Unit};
use ticker_domain::ledger::{
    Actor, Answer, IdempotencyKey, LevelId, Line, LineError, Outcome, Posting, Reason, Refusal,
    Source,
};
use ticker_domain::location::{Location, LocationName};
use ticker_domain::page::{Edge, Page};
use ticker_domain::permission::{ItemArchive, ItemCreate, ItemEdit, StockView};
use ticker_domain::stock::Thresholds;
use ticker_postgres::groups::GroupAction;
use ticker_postgres::items::StoreItemError;
use ticker_postgres::{Access as _, Connection, DatabaseError, Transaction};

pub use ticker_postgres::items::Item;
pub use ticker_postgres::movements::{HistorySearch, LevelRow, MovementRow, Stop};

use crate::App;
use crate::app::{hold_rights, retrying};
use crate::error::{ErrorKind, Failure, Retriable};

/// An item with what is on hand where.
#[derive(Clone, Debug)]
pub struct ItemView {
    /// The item.
    pub item: Item,
    /// Its levels at every location in use, by name.
    pub levels: Vec<LevelRow>,
    /// How many movements it has had: what is newer than this page has had more.
    pub stock_version: i64,
}

/// What was on hand of an item when a day ended, by UTC; of today, what there is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayEnd {
    /// The day.
    pub day: Date,
    /// Over all locations.
    pub total: i64,
}

/// How many days an item's page shows.
const DAYS: u8 = 30;

/// What can be chosen for an item's category and home location; both can also be new.
#[derive(Clone, Debug)]
pub struct ItemChoices {
    /// Every category in use, by name.
    pub categories: Vec<Category>,
    /// Every location in use, by name.
    pub locations: Vec<Location>,
}

/// What a manager says about an item. A category or location that does not exist yet is made.
#[derive(Clone, Debug)]
pub struct ItemForm {
    /// Its name.
    pub name: ItemName,
    /// Its stock keeping unit.
    pub sku: Sku,
    /// What a scanner reads, when it carries a code.
    pub barcode: Option<Barcode>,
    /// What one of it is called.
    pub unit: Unit,
    /// The category it belongs to.
    pub category: CategoryName,
    /// Where a press changes it.
    pub home_location: LocationName,
    /// When to reorder and up to how many.
    pub thresholds: Thresholds,
}

/// An item to be.
#[derive(Clone, Debug)]
pub struct NewItem {
    /// Of the form: sent twice, it adds one item.
    pub key: IdempotencyKey,
    /// What it is.
    pub form: ItemForm,
    /// How much of it there is at its home location, in its unit, from 0.
    pub opening: i64,
}

/// The item that already has what must be unique.
#[derive(Clone, Debug)]
pub struct TakenBy {
    /// What is taken.
    pub field: UniqueField,
    /// By which item.
    pub item: Box<Item>,
}

/// What no two items share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UniqueField {
    /// The name.
    Name,
    /// The SKU.
    Sku,
    /// The barcode.
    Barcode,
}

/// Why an item was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddItemError {
    /// Another item has its name, SKU or barcode.
    #[error("item {} has the same {:?}", .0.item.id, .0.field)]
    Taken(TakenBy),
    /// The location or category that it names is archived.
    #[error("the {} is archived", .0.as_str())]
    GroupArchived(GroupKind),
    /// No level can begin with this much.
    #[error("opening stock {0}")]
    Opening(#[from] LineError),
    /// The ledger refuses the opening stock.
    #[error("opening stock: {0}")]
    OpeningRefused(#[from] Refusal),
    /// The key was used for another posting.
    #[error("the idempotency key was used for something else")]
    KeyReused,
    /// Something else failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Why an item was not edited.
#[derive(Debug, thiserror::Error)]
pub enum EditItemError {
    /// There is no such item.
    #[error("there is no such item")]
    NotFound,
    /// Somebody else edited it since; this is how it stands now.
    #[error("the item was edited since")]
    Stale(Box<Item>),
    /// Another item has its name, SKU or barcode.
    #[error("item {} has the same {:?}", .0.item.id, .0.field)]
    Taken(TakenBy),
    /// The location or category that it names is archived.
    #[error("the {} is archived", .0.as_str())]
    GroupArchived(GroupKind),
    /// Something else failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Why an item was neither archived nor restored.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveItemError {
    /// There is no such item.
    #[error("there is no such item")]
    NotFound,
    /// Something else failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

macro_rules! kinds {
    ($($error:ident { $($pattern:pat => $kind:ident),+ $(,)? })+) => {$(
        impl $error {
            /// What a caller answers.
            #[must_use]
            pub fn kind(&self) -> ErrorKind {
                match self {
                    $($pattern => ErrorKind::$kind,)+
                    Self::Failure(failure) => failure.kind(),
                }
            }
        }

        impl Retriable for $error {
            fn is_retriable(&self) -> bool {
                matches!(self, Self::Failure(failure) if failure.is_retriable())
            }
        }

        impl From<DatabaseError> for $error {
            fn from(error: DatabaseError) -> Self {
                Self::Failure(error.into())
            }
        }
    )+};
}

kinds! {
    AddItemError {
        Self::Taken(_) | Self::GroupArchived(_) | Self::OpeningRefused(_) => Conflict,
        Self::Opening(_) | Self::KeyReused => Invalid,
    }
    EditItemError {
        Self::NotFound => NotFound,
        Self::Stale(_) | Self::Taken(_) | Self::GroupArchived(_) => Conflict,
    }
    ArchiveItemError { Self::NotFound => NotFound }
}

impl App {
    /// The item and its levels; `None` if there is no such item.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    #[tracing::instrument(name = "app.item.show", skip_all, fields(item = %id))]
    pub async fn show_item(
        &self,
        _by: &Grant<StockView>,
        id: ItemId,
    ) -> Result<Option<ItemView>, Failure> {
        let mut connection = self.database.connect().await?;
        let Some(item) = connection.items().find(id).await? else {
            return Ok(None);
        };
        // Read first, so that it is never newer than what it stands for.
        let stock_version = connection.movements().stock_version(id).await?;
        let levels = connection.movements().levels(id).await?;
        Ok(Some(ItemView {
            item,
            levels,
            stock_version,
        }))
    }

    /// What was on hand at the end of each of the last thirty days, oldest first; the last one is today,
    /// with what `found` says.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    #[tracing::instrument(name = "app.item.days", skip_all, fields(item = %found.item.id))]
    pub async fn item_days(
        &self,
        _by: &Grant<StockView>,
        found: &ItemView,
    ) -> Result<Vec<DayEnd>, Failure> {
        let today = self.clock.now().to_zoned(TimeZone::UTC).date();
        let first = today.saturating_sub(i32::from(DAYS - 1).days());
        let first_end = first
            .saturating_add(1.day())
            .to_zoned(TimeZone::UTC)
            .map_err(|_| Failure::Defect("the clock shows no day"))?
            .timestamp();
        let mut connection = self.database.connect().await?;
        let ends = connection
            .movements()
            .day_ends(found.item.id, first_end, DAYS - 1)
            .await?;
        let totals = ends.into_iter().chain([found.item.total]);
        let days = first.series(1.day()).zip(totals);
        Ok(days.map(|(day, total)| DayEnd { day, total }).collect())
    }

    /// A page of the item's movements, the newest first; empty for an item that does not exist.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    #[tracing::instrument(name = "app.item.history", skip_all, fields(item = %id))]
    pub async fn item_history(
        &self,
        _by: &Grant<StockView>,
        id: ItemId,
        edge: &Edge<MovementId>,
        size: u16,
    ) -> Result<Page<MovementRow>, Failure> {
        Ok(self
            .database
            .connect()
            .await?
            .movements()
            .history(id, edge, size)
            .await?)
    }

    /// A page of the item's movements that the filter wants, the newest first, or as far as the search
    /// went.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    #[tracing::instrument(name = "app.item.search_history", skip_all, fields(item = %id))]
    pub async fn search_history(
        &self,
        _by: &Grant<StockView>,
        id: ItemId,
        filter: &HistoryFilter,
        edge: &Edge<MovementId>,
        size: u16,
    ) -> Result<HistorySearch, Failure> {
        let mut connection = self.database.connect().await?;
        let mut movements = connection.movements();
        Ok(movements.search(id, filter, edge, size).await?)
    }

    /// Who has moved the item of late, and `also`, by name.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    #[tracing::instrument(name = "app.item.people", skip_all, fields(item = %id))]
    pub async fn item_people(
        &self,
        _by: &Grant<StockView>,
        id: ItemId,
        also: Option<UserId>,
    ) -> Result<Vec<(UserId, String)>, Failure> {
        let mut connection = self.database.connect().await?;
        Ok(connection.movements().people(id, also).await?)
    }

    /// What can be chosen for an item's category and home location.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    #[tracing::instrument(name = "app.item.choices", skip_all)]
    pub async fn item_choices(&self, _by: &Grant<StockView>) -> Result<ItemChoices, Failure> {
        let mut connection = self.database.connect().await?;
        Ok(ItemChoices {
            categories: connection.categories().list().await?,
            locations: connection.locations().list().await?,
        })
    }

    /// Adds an item with its opening stock, and returns its id; the same key twice adds one item.
    ///
    /// # Errors
    /// [`AddItemError`] if it was not added.
    #[tracing::instrument(name = "app.item.add", skip_all, fields(user = %by.user().id))]
    pub async fn add_item(
        &self,
        by: &Grant<ItemCreate>,
        new: NewItem,
    ) -> Result<ItemId, AddItemError> {
        let (app, by) = (self.clone(), by.clone());
        self.run(async move { app.telling(retrying!(app.try_add_item(&by, &new))) })
            .await
    }

    async fn try_add_item(
        &self,
        by: &Grant<ItemCreate>,
        new: &NewItem,
    ) -> Result<ItemId, AddItemError> {
        let now = self.clock.now();
        let mut tx = self.database.begin().await?;
        hold_rights(&mut tx, by.acting()).await?;
        let details = self.resolve(&mut tx, by.actor(), &new.form).await??;
        let id = match tx.items().insert(new.key.0, &details, now).await {
            Ok(id) => id,
            Err(StoreItemError::Database(error)) => return Err(error.into()),
            Err(conflict) => {
                drop(tx);
                let mut connection = self.database.connect().await?;
                if let Some(id) = connection.items().find_by_creation_key(new.key.0).await? {
                    let item = connection.items().find(id).await?;
                    let opening = connection.ledger().quantity_under_key(new.key).await?;
                    let is_same = item.is_some_and(|item| !is_other(&item, &details))
                        && opening.unwrap_or(0) == new.opening;
                    return if is_same {
                        Ok(id)
                    } else {
                        Err(AddItemError::KeyReused)
                    };
                }
                return Err(AddItemError::Taken(
                    taken_by(&mut connection, &details, &conflict).await?,
                ));
            }
        };
        if new.opening != 0 {
            let level = LevelId {
                item: id,
                location: details.home_location,
            };
            self.post_opening(&mut tx, by, new, level, now).await?;
        }
        tx.commit().await?;
        Ok(id)
    }

    /// Posts the stock that an item begins with, in the transaction that adds the item.
    async fn post_opening(
        &self,
        tx: &mut Transaction,
        by: &Grant<ItemCreate>,
        new: &NewItem,
        level: LevelId,
        now: Timestamp,
    ) -> Result<(), AddItemError> {
        let line = Line::opening(level, new.opening)?;
        let opening = Posting::new(
            new.key,
            by.actor(),
            Reason::Opening,
            None,
            Source::Page,
            vec![line],
        )
        .map_err(|_| Failure::Defect("one line is a posting"))?;
        let receipts = tx
            .ledger()
            .post(&[opening], now)
            .await
            .map_err(Failure::from)?;
        match receipts.into_iter().next().map(|receipt| receipt.outcome) {
            Some(Outcome::Answered(Answer::Posted(_))) => Ok(()),
            Some(Outcome::Answered(Answer::Refused(refusal))) => Err(refusal.into()),
            Some(Outcome::RightsChanged) => Err(Failure::RightsChanged.into()),
            Some(Outcome::KeyReused | Outcome::Replayed(_)) => Err(AddItemError::KeyReused),
            None => Err(Failure::Defect("no receipt").into()),
        }
    }

    /// Replaces the details of an item that nobody has edited since `seen_version`, and returns its new
    /// version.
    ///
    /// # Errors
    /// [`EditItemError`] if it was not edited.
    #[tracing::instrument(name = "app.item.edit", skip_all, fields(user = %by.user().id, item = %id))]
    pub async fn edit_item(
        &self,
        by: &Grant<ItemEdit>,
        id: ItemId,
        seen_version: i64,
        form: ItemForm,
    ) -> Result<i64, EditItemError> {
        let (app, by) = (self.clone(), by.clone());
        self.run(
            async move { app.telling(retrying!(app.try_edit_item(&by, id, seen_version, &form))) },
        )
        .await
    }

    async fn try_edit_item(
        &self,
        by: &Grant<ItemEdit>,
        id: ItemId,
        seen_version: i64,
        form: &ItemForm,
    ) -> Result<i64, EditItemError> {
        let mut tx = self.database.begin().await?;
        hold_rights(&mut tx, by.acting()).await?;
        let details = self.resolve(&mut tx, by.actor(), form).await??;
        match tx
            .items()
            .update(id, seen_version, &details, self.clock.now())
            .await
        {
            Ok(Some(version)) => {
                tx.commit().await?;
                Ok(version)
            }
            Ok(None) => match tx.items().find(id).await? {
                Some(current) => Err(EditItemError::Stale(Box::new(current))),
                None => Err(EditItemError::NotFound),
            },
            Err(StoreItemError::Database(error)) => Err(error.into()),
            Err(conflict) => {
                drop(tx);
                let mut connection = self.database.connect().await?;
                Err(EditItemError::Taken(
                    taken_by(&mut connection, &details, &conflict).await?,
                ))
            }
        }
    }

    /// Finds or makes the category and the location that a form names, and keeps them in use until the
    /// transaction ends; or says which of them is archived.
    async fn resolve(
        &self,
        tx: &mut Transaction,
        by: Actor,
        form: &ItemForm,
    ) -> Result<Result<ItemDetails, GroupArchived>, DatabaseError> {
        let names = [
            (GroupKind::Category, GroupName::from(&form.category)),
            (GroupKind::Location, GroupName::from(&form.home_location)),
        ];
        let (mut category, mut home_location) = (CategoryId(0), LocationId(0));
        for (kind, name) in names {
            let held = tx.groups().hold_or_insert(kind, &name).await?;
            if held.archived {
                return Ok(Err(GroupArchived(kind)));
            }
            if held.made {
                let now = self.clock.now();
                tx.groups()
                    .insert_event(by.user, GroupAction::Added, held.id, None, now)
                    .await?;
            }
            match held.id {
                GroupId::Category(id) => category = id,
                GroupId::Location(id) => home_location = id,
            }
        }
        Ok(Ok(ItemDetails {
            name: form.name.clone(),
            sku: form.sku.clone(),
            barcode: form.barcode.clone(),
            unit: form.unit.clone(),
            category,
            home_location,
            thresholds: form.thresholds,
        }))
    }

    /// Takes an item out of use. Its history stays, and so does what is on hand; nothing can move it
    /// until it is restored.
    ///
    /// # Errors
    /// [`ArchiveItemError`] if it was not archived.
    #[tracing::instrument(name = "app.item.archive", skip_all, fields(user = %by.user().id, item = %id))]
    pub async fn archive_item(
        &self,
        by: &Grant<ItemArchive>,
        id: ItemId,
    ) -> Result<(), ArchiveItemError> {
        self.set_archived(by, id, true).await
    }

    /// Puts an archived item back into use.
    ///
    /// # Errors
    /// [`ArchiveItemError`] if it was not restored.
    #[tracing::instrument(name = "app.item.restore", skip_all, fields(user = %by.user().id, item = %id))]
    pub async fn restore_item(
        &self,
        by: &Grant<ItemArchive>,
        id: ItemId,
    ) -> Result<(), ArchiveItemError> {
        self.set_archived(by, id, false).await
    }

    async fn set_archived(
        &self,
        by: &Grant<ItemArchive>,
        id: ItemId,
        archived: bool,
    ) -> Result<(), ArchiveItemError> {
        let (app, by) = (self.clone(), by.clone());
        self.run(async move { app.telling(retrying!(app.try_set_archived(&by, id, archived))) })
            .await
    }

    async fn try_set_archived(
        &self,
        by: &Grant<ItemArchive>,
        id: ItemId,
        archived: bool,
    ) -> Result<(), ArchiveItemError> {
        let mut tx = self.database.begin().await?;
        hold_rights(&mut tx, by.acting()).await?;
        if !tx
            .items()
            .set_archived(id, archived, self.clock.now())
            .await?
        {
            return Err(ArchiveItemError::NotFound);
        }
        Ok(tx.commit().await?)
    }
}

/// An archived group that an item cannot be put into.
struct GroupArchived(GroupKind);

impl From<GroupArchived> for AddItemError {
    fn from(archived: GroupArchived) -> Self {
        Self::GroupArchived(archived.0)
    }
}

impl From<GroupArchived> for EditItemError {
    fn from(archived: GroupArchived) -> Self {
        Self::GroupArchived(archived.0)
    }
}

/// Whether an item was added with other details than these. Once it was edited, nobody can tell.
fn is_other(item: &Item, details: &ItemDetails) -> bool {
    item.version == 1
        && (item.name != details.name.as_str()
            || item.sku != details.sku.as_str()
            || item.barcode.as_deref() != details.barcode.as_ref().map(Barcode::as_str)
            || item.unit != details.unit.as_str()
            || item.category != details.category
            || item.home_location != details.home_location
            || item.thresholds != details.thresholds)
}

/// Finds the item that stands in the way.
async fn taken_by(
    connection: &mut Connection,
    details: &ItemDetails,
    conflict: &StoreItemError,
) -> Result<TakenBy, Failure> {
    let mut items = connection.items();
    let (field, id) = match conflict {
        StoreItemError::SkuTaken => (
            UniqueField::Sku,
            items.find_by_sku(&details.sku.key()).await?,
        ),
        StoreItemError::BarcodeTaken => {
            let key = details
                .barcode
                .as_ref()
                .map(Barcode::key)
                .unwrap_or_default();
            (UniqueField::Barcode, items.find_by_barcode(&key).await?)
        }
        _ => (
            UniqueField::Name,
            items.find_by_name(&details.name.key()).await?,
        ),
    };
    let id = id.ok_or(Failure::Defect("the item in the way is gone"))?;
    let item = items
        .find(id)
        .await?
        .ok_or(Failure::Defect("the item in the way is gone"))?;
    Ok(TakenBy {
        field,
        item: Box::new(item),
    })
}
