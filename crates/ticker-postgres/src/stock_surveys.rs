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
/// The most that a survey folds of what items say of words: a fraction of a second.
const WORD_USES_FOLDED_MAX: i64 = 50_000;

impl StockSurveys<'_> {
    /// Folds what is kept of the items' numbers, reads them, and counts in one pass over the newest movements.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn survey(&mut self) -> Result<(), DatabaseError> {
        self.fold_counts().await?;
        sqlx::query!(
            r#"with
               counted as (
                   select coalesce(sum(items) filter (where status = 'out'), 0) as items_out,
                          coalesce(sum(items) filter (where status = 'low'), 0) as items_low,
                          coalesce(sum(items) filter (where status = 'ok'), 0) as items_ok,
                          coalesce(sum(items) filter (where status = 'over'), 0) as items_over
                   from stock_counts where category_id is null and not archived),
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
        self.fold_word_uses().await
    }

    /// Makes one row of those that changes have added to a number. Whoever reads or adds meanwhile sees all
    /// of them or the one.
    async fn fold_counts(&mut self) -> Result<(), DatabaseError> {
        sqlx::query!(
            r#"with
               grown as (
                   select coalesce(category_id, 0) as category_id, archived, status from stock_counts
                   group by 1, 2, 3 having count(*) > 1),
               folded as (
                   delete from stock_counts kept using grown
                   where coalesce(kept.category_id, 0) = grown.category_id
                     and kept.archived = grown.archived and kept.status = grown.status
                   returning kept.*)
               insert into stock_counts
               select category_id, archived, status, sum(items) from folded
               group by category_id, archived, status
               having sum(items) <> 0"#
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// The same for what items say of words: so many differences at a time, as many as an import may have added.
    async fn fold_word_uses(&mut self) -> Result<(), DatabaseError> {
        sqlx::query!(
            "with
             fresh as (
                 delete from search_word_uses
                 where ctid = any(array(select ctid from search_word_uses where not folded limit $1))
                 returning *),
             before as (
                 delete from search_word_uses where folded and word in (select word from fresh) returning *)
             insert into search_word_uses
             select word, sum(items), min(first_name), max(last_name), true
             from (select * from fresh union all select * from before) uses
             group by word",
            WORD_USES_FOLDED_MAX
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
