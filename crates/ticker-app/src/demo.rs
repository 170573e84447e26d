//! The demo shop: a stock to try everything on.

mod catalogue;
mod month;
mod shelf;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use ticker_auth::{Acting, Authority};
use ticker_domain::category::CategoryName;
use ticker_domain::id::{CategoryId, LocationId};
use ticker_domain::item::{Barcode, ItemDetails, ItemName, Sku, Unit};
use ticker_domain::ledger::{Actor, Answer, LevelId, Outcome};
use ticker_domain::location::LocationName;
use ticker_domain::permission::ItemCreate;
use ticker_domain::text::TextError;
use ticker_domain::user::Role;
use ticker_postgres::items::StoreItemError;
use ticker_postgres::users::User;
use ticker_postgres::{Access as _, DatabaseError, Transaction};
use uuid::Uuid;

use self::catalogue::{CATALOGUE, LOCATIONS, STORE, Thing};
use self::month::{Moment, People};
use self::shelf::Stocked;
use crate::App;
use crate::app::{hold_rights, retrying};
use crate::error::{Failure, Retriable};

/// What the demo shop came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoShop {
    /// Items added.
    pub items: usize,
    /// Movements in the ledger.
    pub movements: usize,
}

/// Why the demo shop was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadDemoError {
    /// There are items already.
    #[error("there are items already: the demo shop goes into an empty inventory only")]
    NotEmpty,
    /// Nobody is there who could have moved anything.
    #[error("there is no enabled user yet: create one first")]
    NoUsers,
    /// Something else failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl Retriable for LoadDemoError {
    fn is_retriable(&self) -> bool {
        matches!(self, Self::Failure(failure) if failure.is_retriable())
    }
}

impl From<DatabaseError> for LoadDemoError {
    fn from(error: DatabaseError) -> Self {
        Self::Failure(error.into())
    }
}

impl App {
    /// Fills an empty inventory with the demo shop: 240 items in 12 categories over 3 locations, and 30
    /// days of movements by the users who are there. All of it or nothing.
    ///
    /// # Errors
    /// [`LoadDemoError`] if it was not loaded.
    #[tracing::instrument(name = "app.demo.load", skip_all)]
    pub async fn load_demo(
        &self,
        by: &impl Authority<ItemCreate>,
    ) -> Result<DemoShop, LoadDemoError> {
        let (app, acting) = (self.clone(), by.acting());
        self.run(async move { retrying!(app.try_load_demo(acting)) })
            .await
    }

    async fn try_load_demo(&self, acting: Acting) -> Result<DemoShop, LoadDemoError> {
        let now = self.clock.now();
        let mut tx = self.database.begin().await?;
        hold_rights(&mut tx, acting).await?;
        tx.items().hold_off_writes().await?;
        if tx.items().any().await? {
            return Err(LoadDemoError::NotEmpty);
        }
        let people = people(&tx.users().list().await?)?;
        let stock = add_items(&mut tx, month::beginning(now)).await?;
        let items = stock.len();
        let moments = month::moments(stock, &people, now)?;
        let mut movements = 0;
        for moment in &moments {
            movements += post(&mut tx, moment).await?;
        }
        tx.commit().await?;
        Ok(DemoShop { items, movements })
    }
}

/// Posts what happened at one moment, and returns how many movements that made.
async fn post(tx: &mut Transaction, moment: &Moment) -> Result<usize, Failure> {
    let receipts = tx.ledger().post(&moment.postings, moment.at).await?;
    let mut movements = 0;
    for receipt in receipts {
        match receipt.outcome {
            Outcome::Answered(Answer::Posted(moved)) => movements += moved.len(),
            Outcome::RightsChanged => return Err(Failure::RightsChanged),
            _ => return Err(Failure::Defect("the ledger refuses the demo shop")),
        }
    }
    Ok(movements)
}

/// Who sells, and who signs for deliveries: staff and their managers as far as there are any.
fn people(users: &[User]) -> Result<People, LoadDemoError> {
    let enabled = || users.iter().filter(|user| user.disabled_at.is_none());
    let actors = |role: Option<Role>| -> Vec<Actor> {
        let wanted = enabled().filter(|user| role.is_none_or(|role| user.role == role));
        wanted
            .map(|user| Actor {
                user: user.id,
                epoch: user.auth_epoch,
            })
            .collect()
    };
    let everybody = actors(None);
    if everybody.is_empty() {
        return Err(LoadDemoError::NoUsers);
    }
    let managers = actors(Some(Role::Manager));
    let receivers = if managers.is_empty() {
        everybody.clone()
    } else {
        managers
    };
    let mut sellers = actors(Some(Role::Staff));
    // Whoever signs for deliveries sells now and then, too: half as often where there is other staff.
    sellers = [sellers.clone(), sellers, receivers.clone()].concat();
    Ok(People { sellers, receivers })
}

/// Adds the catalogue's items without stock.
async fn add_items(tx: &mut Transaction, at: Timestamp) -> Result<Vec<Stocked>, Failure> {
    let mut categories = Vec::new();
    for category in &CATALOGUE {
        let name = CategoryName::parse(category.name).map_err(bad_text)?;
        categories.push(tx.categories().find_or_insert(&name).await?);
    }
    let mut locations = Vec::new();
    for location in LOCATIONS {
        let name = LocationName::parse(location).map_err(bad_text)?;
        locations.push(tx.locations().find_or_insert(&name).await?);
    }
    let things = catalogue::things()
        .map_err(|_| Failure::Defect("thresholds of the demo shop contradict each other"))?;
    let mut demand = StdRng::seed_from_u64(0);
    let mut stock = Vec::with_capacity(things.len());
    for thing in things {
        let details = details(&thing, &categories, &locations)?;
        let item = tx
            .items()
            .insert(Uuid::new_v4(), &details, at)
            .await
            .map_err(|error| match error {
                StoreItemError::Database(error) => Failure::from(error),
                _ => Failure::Defect("two things of the demo shop are the same"),
            })?;
        let level = |place: usize| LevelId {
            item,
            location: locations[place],
        };
        let reserve = thing.reserve.then(|| level(STORE));
        let shelf = level(thing.home);
        stock.push(Stocked::new(
            thing,
            shelf,
            reserve,
            demand.random_range(50..=130),
        ));
    }
    Ok(stock)
}

fn details(
    thing: &Thing,
    categories: &[CategoryId],
    locations: &[LocationId],
) -> Result<ItemDetails, Failure> {
    Ok(ItemDetails {
        name: ItemName::parse(&thing.name).map_err(bad_text)?,
        sku: Sku::parse(&thing.sku).map_err(bad_text)?,
        barcode: Some(Barcode::parse(&thing.barcode).map_err(bad_text)?),
        unit: Unit::parse(thing.unit).map_err(bad_text)?,
        category: categories[thing.category],
        home_location: locations[thing.home],
        thresholds: thing.thresholds,
    })
}

fn bad_text(_: TextError) -> Failure {
    Failure::Defect("a name of the demo shop is none")
}
