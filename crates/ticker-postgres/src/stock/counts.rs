//! How many items a filter leaves: from what is kept, or counted as far as it is shown.

use sqlx::QueryBuilder;
use ticker_domain::stock::StockStatus;
use ticker_domain::stock_list::{ItemCount, StockFilter};

use super::search::{self, Found};
use super::walk;
use super::{SORTED_MAX, Stock, StockCounts};
use crate::DatabaseError;
use crate::error::parse_stored;

impl StockCounts {
    /// From the number of each status that occurs.
    fn exactly(counted: &[(StockStatus, i64)]) -> Self {
        let of = |status| {
            let found = counted.iter().find(|(counted, _)| *counted == status);
            ItemCount::Exactly(found.map_or(0, |(_, items)| *items))
        };
        let [out, low, ok, over] = StockStatus::ALL.map(of);
        Self {
            out,
            low,
            ok,
            over,
            all: out + low + ok + over,
        }
    }
}

impl Stock<'_> {
    /// How many items the filter leaves by status, whatever status it asks for itself.
    pub(super) async fn count(
        &mut self,
        filter: &StockFilter,
        found: &Found,
    ) -> Result<StockCounts, DatabaseError> {
        match (filter.location, found) {
            (None, Found::Unasked) => self.kept_counts(filter).await,
            (Some(_), Found::Unasked) => self.counts_of_each(filter).await,
            (_, Found::Items(_)) => self.counts_of_found(filter, found).await,
            (_, Found::Many(_)) => self.counts_of_many(filter, found).await,
        }
    }

    async fn kept_counts(&mut self, filter: &StockFilter) -> Result<StockCounts, DatabaseError> {
        // Two statements in one: each finds its rows by the index.
        let rows = sqlx::query!(
            r#"select status as "status!", sum(items)::bigint as "items!" from (
                   select status, items from stock_counts
                   where category_id = $1 and archived = $2
                   union all
                   select status, items from stock_counts
                   where $1::bigint is null and category_id is null and archived = $2
               ) kept
               group by status"#,
            filter.category.map(|category| category.0),
            filter.archived
        )
        .fetch_all(&mut *self.connection)
        .await?;
        let counted = rows
            .iter()
            .map(|row| Ok((parse_stored("stock_counts.status", &row.status)?, row.items)));
        let counted: Vec<_> = counted.collect::<Result<_, DatabaseError>>()?;
        Ok(StockCounts::exactly(&counted))
    }

    /// Each status at a location counted by itself, up to [`SORTED_MAX`].
    async fn counts_of_each(&mut self, filter: &StockFilter) -> Result<StockCounts, DatabaseError> {
        let mut sql = QueryBuilder::new("select ");
        for (place, status) in StockStatus::ALL.into_iter().enumerate() {
            sql.push(if place > 0 { ", " } else { "" });
            let filter = StockFilter {
                status: Some(status),
                ..filter.clone()
            };
            sql.push("(select count(*) from (");
            walk::push_whole(&mut sql, &filter);
            sql.push(format!(" limit {}) counted)", SORTED_MAX + 1));
        }
        let (out, low, ok, over) = sql
            .build_query_as::<(i64, i64, i64, i64)>()
            .persistent(filter.parts() <= 1)
            .fetch_one(&mut *self.connection)
            .await?;
        let [out, low, ok, over] = [out, low, ok, over].map(up_to_max);
        Ok(StockCounts {
            out,
            low,
            ok,
            over,
            all: out + low + ok + over,
        })
    }

    /// What a search has found, up to [`SORTED_MAX`], counted by status.
    async fn counts_of_found(
        &mut self,
        filter: &StockFilter,
        found: &Found,
    ) -> Result<StockCounts, DatabaseError> {
        let everywhere = StockFilter {
            status: None,
            ..filter.clone()
        };
        let mut sql = QueryBuilder::new("select status, count(*) from (");
        search::push_found(&mut sql, &everywhere, found);
        sql.push(") found group by status");
        let rows = sql
            .build_query_as::<(String, i64)>()
            .persistent(false)
            .fetch_all(&mut *self.connection)
            .await?;
        let counted = rows
            .iter()
            .map(|(status, items)| Ok((parse_stored("items.status", status)?, *items)));
        let counted: Vec<_> = counted.collect::<Result<_, DatabaseError>>()?;
        Ok(StockCounts::exactly(&counted))
    }

    /// Where a search finds more than are counted: how many have the category and location that are asked for,
    /// and of these the status.
    async fn counts_of_many(
        &mut self,
        filter: &StockFilter,
        found: &Found,
    ) -> Result<StockCounts, DatabaseError> {
        let more_than_none = ItemCount::MoreThan(0);
        let mut counts = StockCounts {
            out: more_than_none,
            low: more_than_none,
            ok: more_than_none,
            over: more_than_none,
            all: ItemCount::MoreThan(SORTED_MAX),
        };
        let everywhere = StockFilter {
            status: None,
            ..filter.clone()
        };
        if filter.category.is_some() || filter.location.is_some() {
            counts.all = self.count_found(&everywhere, found).await?;
            if counts.all != ItemCount::MoreThan(SORTED_MAX) {
                return self.counts_of_found(filter, found).await;
            }
        }
        if let Some(status) = filter.status {
            let of_status = match status {
                StockStatus::Out => &mut counts.out,
                StockStatus::Low => &mut counts.low,
                StockStatus::Ok => &mut counts.ok,
                StockStatus::Over => &mut counts.over,
            };
            *of_status = self.count_found(filter, found).await?;
        }
        Ok(counts)
    }

    async fn count_found(
        &mut self,
        filter: &StockFilter,
        found: &Found,
    ) -> Result<ItemCount, DatabaseError> {
        let mut sql = QueryBuilder::new("select count(*) from (");
        search::push_found(&mut sql, filter, found);
        sql.push(format!(" limit {}) found", SORTED_MAX + 1));
        let items = sql.build_query_scalar().persistent(false);
        Ok(up_to_max(items.fetch_one(&mut *self.connection).await?))
    }
}

fn up_to_max(items: i64) -> ItemCount {
    if items > SORTED_MAX {
        ItemCount::MoreThan(SORTED_MAX)
    } else {
        ItemCount::Exactly(items)
    }
}
