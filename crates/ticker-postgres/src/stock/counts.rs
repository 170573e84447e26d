//! How many items a filter leaves: from what is kept, or counted as far as it is shown.

use sqlx::QueryBuilder;
use ticker_domain::stock::StockStatus;
use ticker_domain::stock_list::{ItemCount, StockFilter};

use super::search::Found;
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
        let everywhere = StockFilter {
            status: None,
            ..filter.clone()
        };
        match (filter.location, found) {
            (None, Found::Unasked) => self.kept_counts(filter).await,
            (Some(_), Found::Unasked) if filter.category.is_none() => {
                self.counts_of_each(&everywhere, found).await
            }
            _ => match self.counts_of_all(&everywhere, found).await? {
                Some(counts) => Ok(counts),
                None => self.counts_of_many(filter, found).await,
            },
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

    /// Each status counted by itself, up to [`SORTED_MAX`].
    async fn counts_of_each(
        &mut self,
        filter: &StockFilter,
        found: &Found,
    ) -> Result<StockCounts, DatabaseError> {
        let mut sql = QueryBuilder::new("select ");
        for (place, status) in StockStatus::ALL.into_iter().enumerate() {
            sql.push(if place > 0 { ", " } else { "" });
            let filter = StockFilter {
                status: Some(status),
                ..filter.clone()
            };
            sql.push("(select count(*) from (");
            walk::push_whole(&mut sql, &filter, found);
            sql.push(format!(" limit {}) counted)", SORTED_MAX + 1));
        }
        let (out, low, ok, over) = sql
            .build_query_as::<(i64, i64, i64, i64)>()
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

    /// All counted together by status; `None` if they are more than [`SORTED_MAX`].
    async fn counts_of_all(
        &mut self,
        filter: &StockFilter,
        found: &Found,
    ) -> Result<Option<StockCounts>, DatabaseError> {
        let mut sql = QueryBuilder::new("select status, count(*) from (select i.status from (");
        walk::push_whole(&mut sql, filter, found);
        sql.push(format!(
            " limit {}) listed join items i on i.id = listed.id) counted group by status",
            SORTED_MAX + 1
        ));
        let rows = sql
            .build_query_as::<(String, i64)>()
            .persistent(false)
            .fetch_all(&mut *self.connection)
            .await?;
        let counted = rows
            .iter()
            .map(|(status, items)| Ok((parse_stored("items.status", status)?, *items)));
        let counts = StockCounts::exactly(&counted.collect::<Result<Vec<_>, DatabaseError>>()?);
        Ok((counts.all.at_least() <= SORTED_MAX).then_some(counts))
    }

    /// Where all are more than are counted: only those with the status that is asked for.
    async fn counts_of_many(
        &mut self,
        filter: &StockFilter,
        found: &Found,
    ) -> Result<StockCounts, DatabaseError> {
        let mut counts = StockCounts {
            out: ItemCount::MoreThan(0),
            low: ItemCount::MoreThan(0),
            ok: ItemCount::MoreThan(0),
            over: ItemCount::MoreThan(0),
            all: ItemCount::MoreThan(SORTED_MAX),
        };
        let Some(status) = filter.status else {
            return Ok(counts);
        };
        let mut sql = QueryBuilder::new("select count(*) from (");
        walk::push_whole(&mut sql, filter, found);
        sql.push(format!(" limit {}) counted", SORTED_MAX + 1));
        let items: i64 = sql
            .build_query_scalar()
            .persistent(false)
            .fetch_one(&mut *self.connection)
            .await?;
        *match status {
            StockStatus::Out => &mut counts.out,
            StockStatus::Low => &mut counts.low,
            StockStatus::Ok => &mut counts.ok,
            StockStatus::Over => &mut counts.over,
        } = up_to_max(items);
        Ok(counts)
    }
}

fn up_to_max(items: i64) -> ItemCount {
    if items > SORTED_MAX {
        ItemCount::MoreThan(SORTED_MAX)
    } else {
        ItemCount::Exactly(items)
    }
}
