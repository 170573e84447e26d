//! Things to keep in stock.

use std::pin::Pin;

use ticker_app::Clock as _;
use ticker_domain::category::CategoryName;
use ticker_domain::id::{CategoryId, ItemId, LocationId};
use ticker_domain::item::{Barcode, ItemDetails, ItemName, Sku, Unit};
use ticker_domain::ledger::{Answer, LevelId, Line, Movement, Outcome, Posting, Reason, Source};
use ticker_domain::location::LocationName;
use ticker_domain::stock::Thresholds;
use ticker_domain::user::Role;
use ticker_postgres::Access as _;

use crate::database::TestDatabase;
use crate::key;
use crate::users::TestUser;

/// An item in stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestItem {
    /// The item.
    pub id: ItemId,
    /// Where it is at home.
    pub home: LocationId,
}

impl TestItem {
    /// The item's level at its home.
    #[must_use]
    pub fn level(&self) -> LevelId {
        self.level_at(self.home)
    }

    /// The item's level at a location.
    #[must_use]
    pub fn level_at(&self, location: LocationId) -> LevelId {
        LevelId {
            item: self.id,
            location,
        }
    }
}

/// An item to be; awaiting it makes it.
#[must_use = "awaiting it makes the item"]
pub struct TestItemBuilder<'a> {
    db: &'a TestDatabase,
    name: String,
    sku: Option<String>,
    barcode: Option<String>,
    unit: &'a str,
    category: &'a str,
    home: &'a str,
    thresholds: Thresholds,
    stock: Vec<(&'a str, i64)>,
    archived: bool,
}

impl<'a> TestItemBuilder<'a> {
    /// With this SKU, instead of a numbered one.
    pub fn sku(mut self, sku: &str) -> Self {
        self.sku = Some(sku.to_owned());
        self
    }

    /// With this barcode, instead of none.
    pub fn barcode(mut self, barcode: &str) -> Self {
        self.barcode = Some(barcode.to_owned());
        self
    }

    /// Counted in this unit, instead of `pcs`.
    pub fn unit(mut self, unit: &'a str) -> Self {
        self.unit = unit;
        self
    }

    /// In this category, made if need be, instead of `Things`.
    pub fn category(mut self, category: &'a str) -> Self {
        self.category = category;
        self
    }

    /// At home at this location, made if need be, instead of `Shop floor`.
    pub fn home(mut self, home: &'a str) -> Self {
        self.home = home;
        self
    }

    /// With thresholds: minimum, target, reorder multiple.
    ///
    /// # Panics
    /// If they contradict each other.
    pub fn thresholds(
        mut self,
        minimum: impl Into<Option<i64>>,
        target: impl Into<Option<i64>>,
        reorder_multiple: impl Into<Option<i64>>,
    ) -> Self {
        self.thresholds = Thresholds::new(minimum.into(), target.into(), reorder_multiple.into())
            .expect("thresholds that agree");
        self
    }

    /// With this much on hand at its home.
    pub fn stock(self, on_hand: i64) -> Self {
        let home = self.home;
        self.stock_at(home, on_hand)
    }

    /// With this much on hand at a location, made if need be.
    pub fn stock_at(mut self, location: &'a str, on_hand: i64) -> Self {
        self.stock.push((location, on_hand));
        self
    }

    /// Archived, once it has its stock.
    pub fn archived(mut self) -> Self {
        self.archived = true;
        self
    }

    async fn make(self) -> TestItem {
        let db = self.db;
        let home = db.location(self.home).await;
        let details = ItemDetails {
            name: ItemName::parse(&self.name).expect("an item's name"),
            sku: Sku::parse(&self.sku.unwrap_or_else(|| format!("SKU-{}", db.next())))
                .expect("a SKU"),
            barcode: self
                .barcode
                .map(|code| Barcode::parse(&code).expect("a barcode")),
            unit: Unit::parse(self.unit).expect("a unit"),
            category: db.category(self.category).await,
            home_location: home,
            thresholds: self.thresholds,
        };
        let now = db.clock().now();
        let mut connection = db.connect().await;
        let id = connection
            .items()
            .insert(key().0, &details, now)
            .await
            .expect("a new item");
        let item = TestItem { id, home };
        for (location, on_hand) in self.stock {
            let location = db.location(location).await;
            db.stock(item.level_at(location), on_hand).await;
        }
        if self.archived {
            connection
                .items()
                .set_archived(id, true, now)
                .await
                .expect("an archived item");
        }
        item
    }
}

impl<'a> IntoFuture for TestItemBuilder<'a> {
    type Output = TestItem;
    type IntoFuture = Pin<Box<dyn Future<Output = TestItem> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.make())
    }
}

impl TestDatabase {
    /// A new item: `db.item("AA batteries").stock(40).await`.
    pub fn item<'a>(&'a self, name: &str) -> TestItemBuilder<'a> {
        TestItemBuilder {
            db: self,
            name: name.to_owned(),
            sku: None,
            barcode: None,
            unit: "pcs",
            category: "Things",
            home: "Shop floor",
            thresholds: Thresholds::default(),
            stock: Vec::new(),
            archived: false,
        }
    }

    /// The location with this name, made if there is none.
    ///
    /// # Panics
    /// If the name is not acceptable or the database fails.
    pub async fn location(&self, name: &str) -> LocationId {
        let name = LocationName::parse(name).expect("a location's name");
        self.connect()
            .await
            .locations()
            .find_or_insert(&name)
            .await
            .expect("a location")
    }

    /// The category with this name, made if there is none.
    ///
    /// # Panics
    /// If the name is not acceptable or the database fails.
    pub async fn category(&self, name: &str) -> CategoryId {
        let name = CategoryName::parse(name).expect("a category's name");
        self.connect()
            .await
            .categories()
            .find_or_insert(&name)
            .await
            .expect("a category")
    }

    /// Changes a level through the ledger, as the storekeeper.
    ///
    /// # Panics
    /// If the ledger refuses.
    pub async fn stock(&self, level: LevelId, delta: i64) -> Movement {
        let line = Line::change(level, delta).expect("a change");
        let posting = self.posting(self.storekeeper().await, vec![line]);
        let receipts = self.post(&[posting]).await;
        match &receipts[0].outcome {
            Outcome::Answered(Answer::Posted(movements)) => movements[0],
            outcome => panic!("{level:?} by {delta}: {outcome:?}"),
        }
    }

    /// A posting with a key of its own, an adjustment through a page.
    ///
    /// # Panics
    /// If the lines make no posting.
    #[must_use]
    pub fn posting(&self, by: &TestUser, lines: Vec<Line>) -> Posting {
        Posting::new(
            key(),
            by.actor(),
            Reason::Adjusted,
            None,
            Source::Page,
            lines,
        )
        .expect("a posting")
    }

    /// The user who posts what a test only needs to be there.
    pub async fn storekeeper(&self) -> &TestUser {
        self.storekeeper
            .get_or_init(async || {
                self.user_named("storekeeper", "Sam Keeper", Role::Staff)
                    .await
            })
            .await
    }
}
