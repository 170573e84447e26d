//! The stock list for taking out: what is on hand, however many items there are.

use std::collections::BTreeSet;

use ticker_auth::Grant;
use ticker_domain::id::ItemId;
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
    Items(BTreeSet<ItemId>, StockFilter),
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
            Some(items) => Rest::Items(items, filter),
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
        let mut connection = self.database.connect().await?;
        let rows = match std::mem::replace(&mut self.rest, Rest::Nothing) {
            Rest::Nothing => Vec::new(),
            Rest::Items(items, filter) => {
                let mut rows = Vec::with_capacity(items.len());
                for item in items {
                    rows.extend(connection.stock().row(item, filter.location).await?);
                }
                rows
            }
            Rest::List(query) => {
                let listing = connection.stock().list(&query).await?;
                let page = listing.page;
                if listing.corrected.is_some() {
                    // Nothing matches (any more); what is spelt like it was not asked for.
                    return Ok(None);
                }
                if let Some(last) = page.rows.last().filter(|_| page.has_after) {
                    let edge = Edge::After(last.cursor(StockSort::Id));
                    self.rest = Rest::List(Box::new(StockQuery { edge, ..*query }));
                }
                page.rows
            }
        };
        Ok((!rows.is_empty()).then_some(rows))
    }
}
