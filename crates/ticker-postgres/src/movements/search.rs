//! A history, narrowed: a page of what is wanted, however rare it is among an item's movements.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use ticker_domain::history::{Flow, HistoryFilter, What};
use ticker_domain::id::{ItemId, MovementId, UserId};
use ticker_domain::page::{Edge, Page};

use super::{MovementRow, Movements};
use crate::DatabaseError;

/// What was found.
#[derive(Clone, Debug)]
pub struct HistorySearch {
    /// The wanted movements, the newest first.
    pub page: Page<MovementRow>,
    /// Where the search stopped before it had found a page: it can go on from there.
    pub stop: Option<Stop>,
}

/// A movement that a search stopped at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The movement.
    pub id: MovementId,
    /// When it happened.
    pub at: Timestamp,
}

/// How many movements are looked at together, and how many in all for one page: some milliseconds each, and
/// some hundredths of a second.
const CHUNK: i64 = 512;
const CHUNKS_MAX: usize = 8;
/// From how many of an item's latest movements its people are gathered.
const PEOPLE_OF: i64 = 512;

/// The part of a history that is still to be looked through, without its ends.
struct Span {
    low: i64,
    high: i64,
    upwards: bool,
}

/// A movement that was looked at.
struct Seen {
    id: i64,
    at: Timestamp,
    is_wanted: bool,
}

impl Movements<'_> {
    /// A page of an item's movements that the filter wants, the newest first. A time narrows what is looked
    /// at; for the rest, so many movements are looked at and no more.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.movements.history", skip_all, fields(%item))]
    pub async fn search(
        &mut self,
        item: ItemId,
        filter: &HistoryFilter,
        edge: &Edge<MovementId>,
        size: u16,
    ) -> Result<HistorySearch, DatabaseError> {
        let mut span = self.span(item, filter, edge).await?;
        let wanted_max = usize::from(size) + 1;
        let chunk = if filter.is_open() {
            i64::from(size) + 1
        } else {
            CHUNK
        };
        let mut wanted = Vec::with_capacity(wanted_max);
        let mut stop = None;
        for looked in 1..=CHUNKS_MAX {
            let seen = self.look(item, filter, &span, chunk).await?;
            let is_last = i64::try_from(seen.len()).unwrap_or(i64::MAX) < chunk;
            let Some(last) = seen.last() else { break };
            let (id, at) = (last.id, last.at);
            wanted.extend(seen.iter().filter(|one| one.is_wanted).map(|one| one.id));
            if is_last || wanted.len() >= wanted_max {
                break;
            }
            if span.upwards {
                span.low = id;
            } else {
                span.high = id;
            }
            if looked == CHUNKS_MAX {
                let id = MovementId(id);
                stop = Some(Stop { id, at });
            }
        }
        wanted.truncate(wanted_max);
        let mut rows = self.rows(&wanted).await?;
        if span.upwards {
            rows.reverse();
        }
        let page = Page::from_read(rows, size, edge);
        Ok(HistorySearch { page, stop })
    }

    async fn span(
        &mut self,
        item: ItemId,
        filter: &HistoryFilter,
        edge: &Edge<MovementId>,
    ) -> Result<Span, DatabaseError> {
        let low = match filter.from {
            Some(from) => self.last_before(item, from).await?,
            None => 0,
        };
        let high = match filter.until {
            Some(until) => self.last_before(item, until).await?.saturating_add(1),
            None => i64::MAX,
        };
        Ok(match edge {
            Edge::First => Span {
                low,
                high,
                upwards: false,
            },
            Edge::After(id) => Span {
                low,
                high: high.min(id.0),
                upwards: false,
            },
            Edge::Before(id) => Span {
                low: low.max(id.0),
                high,
                upwards: true,
            },
        })
    }

    /// The last of an item's movements before a moment, 0 if there is none; searched for by halves, as the
    /// ends of days are.
    async fn last_before(&mut self, item: ItemId, at: Timestamp) -> Result<i64, DatabaseError> {
        Ok(sqlx::query_scalar!(
            r#"with recursive search as (
                   select location_id, 0::bigint as low, version as high from levels where item_id = $1
                   union all
                   select s.location_id,
                          case when m.moved_at < $2 then m.number else s.low end,
                          case when m.moved_at < $2 then s.high else m.number - 1 end
                   from search s cross join lateral (
                       select number, moved_at from movements
                       where item_id = $1 and location_id = s.location_id
                         and number = (s.low + s.high + 1) / 2 offset 0
                   ) m
                   where s.low < s.high
               )
               select coalesce(max(m.id), 0) as "id!"
               from search s cross join lateral (
                   select id from movements
                   where item_id = $1 and location_id = s.location_id and number = s.low offset 0
               ) m
               where s.low = s.high"#,
            item.0,
            at.to_sqlx() as _,
        )
        .fetch_one(&mut *self.connection)
        .await?)
    }

    /// Looks at up to `limit` movements of the span, in the direction of reading.
    async fn look(
        &mut self,
        item: ItemId,
        filter: &HistoryFilter,
        span: &Span,
        limit: i64,
    ) -> Result<Vec<Seen>, DatabaseError> {
        let (reason, kind) = filter.what.map_or((None, None), What::stored);
        let rows = sqlx::query!(
            r#"select m.id, m.moved_at as "moved_at: jiff_sqlx::Timestamp",
                      ($6::bigint is null or m.actor_id = $6)
                      and ($7::bigint is null or m.location_id = $7)
                      and ($8::bigint is null or sign(m.delta) = $8)
                      and ($9::text is null or m.reason = $9 and m.kind is null and m.undoes_id is null)
                      and ($10::text is null or $10 = case when m.undoes_id is null then m.kind else 'undo' end)
                      and ($11::timestamptz is null or m.moved_at >= $11)
                      and ($12::timestamptz is null or m.moved_at < $12) as wanted
               from (
                   -- An item's as a range: no other index gives this order, however many movements are its own.
                   (select id from movements
                    where not $4 and (item_id, id) > ($1, $2) and (item_id, id) < ($1, $3)
                    order by item_id desc, id desc limit $5)
                   union all
                   (select id from movements
                    where $4 and (item_id, id) > ($1, $2) and (item_id, id) < ($1, $3)
                    order by item_id, id limit $5)
               ) read
               -- Each is looked up: joined as a whole, postings would be read up to the newest of these.
               cross join lateral (
                   select m.id, m.moved_at, m.location_id, m.delta, p.actor_id, p.reason, p.kind, u.undoes_id
                   from movements m
                   join postings p on p.id = m.posting_id
                   left join undos u on u.posting_id = p.id
                   where m.id = read.id offset 0
               ) m
               order by case when $4 then m.id else -m.id end"#,
            item.0,
            span.low,
            span.high,
            span.upwards,
            limit,
            filter.actor.map(|actor| actor.0),
            filter.location.map(|location| location.0),
            filter.flow.map(Flow::sign),
            reason,
            kind,
            filter.from.map(ToSqlx::to_sqlx) as _,
            filter.until.map(ToSqlx::to_sqlx) as _,
        )
        .fetch_all(&mut *self.connection)
        .await?;
        let seen = rows.into_iter().map(|row| Seen {
            id: row.id,
            at: row.moved_at.to_jiff(),
            is_wanted: row.wanted.unwrap_or(false),
        });
        Ok(seen.collect())
    }

    /// Who has moved an item of late, and `also`, by name.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.movements.people", skip_all, fields(%item))]
    pub async fn people(
        &mut self,
        item: ItemId,
        also: Option<UserId>,
    ) -> Result<Vec<(UserId, String)>, DatabaseError> {
        let rows = sqlx::query!(
            r#"select id, display_name from users
               where id = $2 or id in (
                   select p.actor_id
                   from (select posting_id from movements where (item_id, id) > ($1, 0) and item_id <= $1
                         order by item_id desc, id desc limit $3) m
                   join postings p on p.id = m.posting_id
               )
               order by display_name, id"#,
            item.0,
            also.map(|also| also.0),
            PEOPLE_OF,
        )
        .fetch_all(&mut *self.connection)
        .await?;
        let people = rows.into_iter();
        Ok(people
            .map(|row| (UserId(row.id), row.display_name))
            .collect())
    }
}
