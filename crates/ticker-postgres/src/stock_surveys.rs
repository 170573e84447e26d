//! How stock stands over all: counted now and then by one replica, read by all.

use jiff::Timestamp;
use sqlx::PgConnection;
use ticker_domain::stock::StockStatus;

use crate::DatabaseError;

/// Statements about surveys of the stock.
#[derive(Debug)]
pub struct StockSurveys<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

/// What the last survey found.
#[derive(Clone, Debug)]
pub struct StockSurvey {
    /// When it was made; `None` for never.
    pub surveyed_at: Option<Timestamp>,
    /// How many items that are not archived have each status.
    pub items: [(StockStatus, i64); 4],
    /// The items with the most postings of late, the busiest first.
    pub busiest: Vec<BusyItem>,
}

/// An item that many postings are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusyItem {
    /// Its stock keeping unit.
    pub sku: String,
    /// How many postings of late were about it.
    pub postings: i64,
}

/// How many of the busiest items are kept.
const BUSIEST_MAX: i64 = 10;
/// How far back postings count, by the times of their movements.
const RECENT_S: f64 = 300.0;
/// The most movements that are looked at for it, the newest: whatever moves, a survey reads no more.
const RECENT_MOVEMENTS_MAX: i64 = 100_000;

impl StockSurveys<'_> {
    /// Counts anew: one pass over the items and one over the newest movements.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn survey(&mut self) -> Result<(), DatabaseError> {
        sqlx::query!(
            r#"with
               counted as (
                   select count(*) filter (where status = 'out') as items_out,
                          count(*) filter (where status = 'low') as items_low,
                          count(*) filter (where status = 'ok') as items_ok,
                          count(*) filter (where status = 'over') as items_over
                   from items where archived_at is null),
               newest as (
                   select item_id, posting_id, moved_at from movements order by id desc limit $1),
               busiest as (
                   select item_id, count(distinct posting_id) as postings from newest
                   where moved_at > now() - make_interval(secs => $2)
                   group by item_id order by postings desc, item_id limit $3),
               named as (
                   select array_agg(sku order by postings desc, item_id) as skus,
                          array_agg(postings order by postings desc, item_id) as postings
                   from busiest join items on items.id = item_id)
               update stock_surveys
               set surveyed_at = now(),
                   items_out = counted.items_out, items_low = counted.items_low,
                   items_ok = counted.items_ok, items_over = counted.items_over,
                   busiest_skus = coalesce(named.skus, '{}'),
                   busiest_postings = coalesce(named.postings, '{}')
               from counted, named"#,
            RECENT_MOVEMENTS_MAX,
            RECENT_S,
            BUSIEST_MAX
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// What the last survey found.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn last(&mut self) -> Result<StockSurvey, DatabaseError> {
        let row = sqlx::query!(
            r#"select surveyed_at as "surveyed_at: jiff_sqlx::Timestamp",
                      items_out, items_low, items_ok, items_over, busiest_skus, busiest_postings
               from stock_surveys"#
        )
        .fetch_one(&mut *self.connection)
        .await?;
        let busiest = row.busiest_skus.into_iter().zip(row.busiest_postings);
        Ok(StockSurvey {
            surveyed_at: row.surveyed_at.map(jiff_sqlx::Timestamp::to_jiff),
            items: [
                (StockStatus::Out, row.items_out),
                (StockStatus::Low, row.items_low),
                (StockStatus::Ok, row.items_ok),
                (StockStatus::Over, row.items_over),
            ],
            busiest: busiest
                .map(|(sku, postings)| BusyItem { sku, postings })
                .collect(),
        })
    }
}
