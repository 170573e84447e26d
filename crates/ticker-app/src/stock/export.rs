//! The stock list for taking out: what is on hand, however many items there are.

use std::collections::BTreeSet;

use ticker_auth::Grant;
use ticker_domain::id::{ItemId, LocationId};
use ticker_domain::page::{Direction, Edge};
use ticker_domain::permission::StockView;
use ticker_domain::stock_list::{StockFilter, StockQuery, StockSort};
use ticker_postgres::stock::StockRow;
use ticker_postgres::{Access as _, Database};

use crate::App;
use crate::error::Failure;

/// How many rows are read at once.
const CHUNK_ROWS: u16 = 1_000;

/// The rows of a list by the age of their items, each as it stands when it is read. Between two chunks it
/// holds no connection.
#[derive(Debug)]
pub struct StockExport {
    database: Database,
    rest: Rest,
}

/// What is still to be read.
#[derive(Debug)]
enum Rest {
    Items(BTreeSet<ItemId>, Option<LocationId>),
    List(Box<StockQuery>),
    Nothing,
}

impl App {
    /// Begins to export the items that a list shows, or some of them, whatever it shows. What the caller may
    /// do is looked at now and not again until the export ends.
    #[must_use]
    pub fn export_stock(
        &self,
        _by: &Grant<StockView>,
        filter: StockFilter,
        items: Option<BTreeSet<ItemId>>,
    ) -> StockExport {
        let rest = match items {
            Some(items) => Rest::Items(items, filter.location),
            None => Rest::List(Box::new(StockQuery {
                filter,
                sort: StockSort::Id,
                direction: Direction::Ascending,
                edge: Edge::First,
                size: CHUNK_ROWS,
            })),
        };
        StockExport {
            database: self.database.clone(),
            rest,
        }
    }
}

impl StockExport {
    /// The next rows, at least one; `None` when there are no more.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    pub async fn next(&mut self) -> Result<Option<Vec<StockRow>>, Failure> {
        loop {
            let rows = match std::mem::replace(&mut self.rest, Rest::Nothing) {
                Rest::Nothing => return Ok(None),
                Rest::Items(items, location) => self.next_items(items, location).await?,
                Rest::List(query) => self.next_of_list(*query).await?,
            };
            if !rows.is_empty() {
                return Ok(Some(rows));
            }
        }
    }

    async fn next_items(
        &mut self,
        mut items: BTreeSet<ItemId>,
        location: Option<LocationId>,
    ) -> Result<Vec<StockRow>, Failure> {
        let chunk: Vec<ItemId> = std::iter::from_fn(|| items.pop_first())
            .take(usize::from(CHUNK_ROWS))
            .collect();
        if !items.is_empty() {
            self.rest = Rest::Items(items, location);
        }
        let mut connection = self.database.connect().await?;
        Ok(connection.stock().rows(&chunk, location).await?)
    }

    async fn next_of_list(&mut self, query: StockQuery) -> Result<Vec<StockRow>, Failure> {
        let mut connection = self.database.connect().await?;
        let listing = connection.stock().list(&query).await?;
        let page = listing.page;
        if listing.corrected.is_some() {
            // Nothing matches (any more); what is spelt like it was not asked for.
            return Ok(Vec::new());
        }
        if let Some(last) = page.rows.last().filter(|_| page.has_after) {
            let edge = Edge::After(last.cursor(StockSort::Id));
            self.rest = Rest::List(Box::new(StockQuery { edge, ..query }));
        }
        Ok(page.rows)
    }
}
