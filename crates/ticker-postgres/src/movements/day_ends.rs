//! How much there was of an item when days ended.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use ticker_domain::id::ItemId;

use super::Movements;
use crate::DatabaseError;

impl Movements<'_> {
    /// What was on hand of an item, over all locations, just before `first` and each of the `days` - 1
    /// moments that follow it 24 hours apart.
    ///
    /// Of each level and moment, the last movement before it is searched for by halves among the level's
    /// numbers, which need no index but the one that keeps them unique: an item with a million movements
    /// costs some twenty look-ups a day and level. A movement's time is the clock's of the process that
    /// posted it, so that numbers follow times but for the moments by which clocks differ; that much a
    /// movement may be counted to the day before or after.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.movements.day_ends", skip_all, fields(%item))]
    pub async fn day_ends(
        &mut self,
        item: ItemId,
        first: Timestamp,
        days: u8,
    ) -> Result<Vec<i64>, DatabaseError> {
        Ok(sqlx::query_scalar!(
            r#"with recursive ends as (
                   select day, $2::timestamptz + day * interval '24 hours' as at
                   from generate_series(0, $3::integer - 1) as days (day)
               ), search as (
                   select l.location_id, day, at, 0::bigint as low, l.version as high
                   from levels l cross join ends where l.item_id = $1
                   union all
                   select s.location_id, s.day, s.at,
                          case when m.moved_at < s.at then m.number else s.low end,
                          case when m.moved_at < s.at then s.high else m.number - 1 end
                   from search s cross join lateral (
                       select number, moved_at from movements
                       where item_id = $1 and location_id = s.location_id
                         and number = (s.low + s.high + 1) / 2 offset 0
                   ) m
                   where s.low < s.high
               )
               select coalesce(sum(m.after), 0)::bigint as "total!"
               from ends
               left join search s on s.day = ends.day and s.low = s.high
               left join lateral (
                   select after from movements
                   where item_id = $1 and location_id = s.location_id and number = s.low offset 0
               ) m on true
               group by ends.day order by ends.day"#,
            item.0,
            first.to_sqlx() as _,
            i32::from(days),
        )
        .fetch_all(&mut *self.connection)
        .await?)
    }
}
