//! Searches: which items hold every word, and what was meant if none does.

use sqlx::{Connection as _, Postgres, QueryBuilder};
use ticker_domain::search::{self, GUESSED_LETTERS_MIN, Place, SlipTraits, Term, is_one_slip_away};
use ticker_domain::stock_list::StockFilter;

use super::{SORTED_MAX, Stock, walk};
use crate::DatabaseError;

/// What a search finds of those in use, or of archived items, as the filter says.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// Nothing is looked for.
    Unasked,
    /// These items, in no order.
    Items(Vec<i64>),
    /// More than [`SORTED_MAX`].
    Many(Frequent),
}

/// In so many words a part of one may stand for them to be looked at.
const WORDS_MAX: i64 = 1_000;

/// What is kept of the words that terms stand in.
struct KnownWords {
    /// No item has all of the terms: a part of one stands in no word.
    are_missing: bool,
    /// The first and the last name that items in use with all of the terms can have; none if nothing is known, as of a
    /// term without letters or of one that stands in too many words.
    between: Option<(String, String)>,
    /// How many items in use have the term at least, of a single one that is a part of a word and nothing else; else 0.
    items_at_least: i64,
    items_in_use: i64,
}

/// Words that many items have.
#[derive(Clone, Debug)]
pub(super) struct Frequent {
    /// Each of them has to be there.
    pub(super) terms: Vec<Term>,
    /// One in so many items may have them, if they were spread evenly.
    pub(super) one_in: i64,
    /// What stands before the first of these names or behind the last has them not.
    pub(super) between: Option<(String, String)>,
}

impl Found {
    /// The words that many items have.
    pub(super) fn frequent(&self) -> Option<&Frequent> {
        match self {
            Self::Many(frequent) => Some(frequent),
            Self::Unasked | Self::Items(_) => None,
        }
    }

    fn is_nothing(&self) -> bool {
        matches!(self, Self::Items(items) if items.is_empty())
    }
}

/// The most spellings of a search that are tried when nothing matches it.
const SPELLINGS_MAX: usize = 16;

impl Stock<'_> {
    /// What a search finds, and how it was spelt otherwise if it found nothing as it was.
    pub(super) async fn find(
        &mut self,
        filter: &StockFilter,
    ) -> Result<(Found, Option<String>), DatabaseError> {
        let Some(search) = &filter.search else {
            return Ok((Found::Unasked, None));
        };
        let terms = search::terms(search);
        if terms.is_empty() {
            let found = if search.trim().is_empty() {
                Found::Unasked
            } else {
                Found::Items(Vec::new())
            };
            return Ok((found, None));
        }
        let found = self.find_terms(&terms, filter.archived).await?;
        if !found.is_nothing() {
            return Ok((found, None));
        }
        for spelling in self.spellings(&terms).await? {
            let found = self.find_terms(&spelling, filter.archived).await?;
            if !found.is_nothing() {
                let words: Vec<&str> = spelling.iter().map(Term::as_str).collect();
                return Ok((found, Some(words.join(" "))));
            }
        }
        Ok((found, None))
    }

    async fn find_terms(&mut self, terms: &[Term], archived: bool) -> Result<Found, DatabaseError> {
        let words = self.words_with(terms).await?;
        if words.are_missing {
            return Ok(Found::Items(Vec::new()));
        }
        let one_in = if !archived && words.items_at_least > SORTED_MAX {
            words.items_in_use / words.items_at_least
        } else {
            let items = self.matching(terms, Some(archived), SORTED_MAX + 1).await?;
            if i64::try_from(items.len()).is_ok_and(|items| items <= SORTED_MAX) {
                return Ok(Found::Items(items));
            }
            // They were found about in the order of their ids.
            items.iter().copied().max().unwrap_or_default() / SORTED_MAX
        };
        Ok(Found::Many(Frequent {
            terms: terms.to_vec(),
            one_in,
            between: words.between,
        }))
    }

    async fn words_with(&mut self, terms: &[Term]) -> Result<KnownWords, DatabaseError> {
        let parts = terms.iter().flat_map(Term::kept_parts);
        let parts: Vec<String> = parts.map(str::to_owned).collect();
        // What PostgreSQL takes for a letter beside these depends on the database's locale.
        let known = sqlx::query!(
            r#"select max(first_name) as first, min(last_name) as last, coalesce(max(items), 0) as "items!",
                      coalesce(bool_or(words = 0 and part collate "C" ~ '^[a-z]+$'), false) as "are_missing!",
                      (select coalesce(sum(items), 0)::bigint from stock_counts
                       where category_id is null and not archived) as "in_use!"
               from unnest($1::text[]) part cross join lateral (
                   select count(*) as words, min(first_name) as first_name, max(last_name) as last_name,
                          max(items) as items
                   from (select word from search_words where word like '%' || part || '%' limit $2) known
                        cross join lateral (
                            select min(first_name) as first_name, max(last_name) as last_name,
                                   sum(items)::bigint as items
                            from search_word_uses used where used.word = known.word
                        ) used
                   having count(*) < $2
               ) standing"#,
            &parts,
            WORDS_MAX
        )
        .fetch_one(&mut *self.connection)
        .await?;
        let is_single_word = matches!(terms, [term] if term.kept_parts() == [term.as_str()]);
        Ok(KnownWords {
            are_missing: known.are_missing,
            between: known.first.zip(known.last),
            items_at_least: if is_single_word { known.items } else { 0 },
            items_in_use: known.in_use,
        })
    }

    /// Whether there is an item, archived or not, with the term.
    async fn occurs(&mut self, term: &Term) -> Result<bool, DatabaseError> {
        let words = self.words_with(std::slice::from_ref(term)).await?;
        if words.are_missing {
            return Ok(false);
        }
        if words.items_at_least > 0 {
            return Ok(true);
        }
        let items = self.matching(std::slice::from_ref(term), None, 1).await?;
        Ok(!items.is_empty())
    }

    /// Items with each of the terms, `max` at most, found through the index of searches: how often a term
    /// occurs cannot be known before, and what is not there would be looked for in the whole table.
    async fn matching(
        &mut self,
        terms: &[Term],
        archived: Option<bool>,
        max: i64,
    ) -> Result<Vec<i64>, DatabaseError> {
        let mut sql = QueryBuilder::new("select i.id from items i where true");
        push_terms(&mut sql, "i.search_text", terms);
        if let Some(archived) = archived {
            sql.push(format!(" and (i.archived_at is not null) = {archived}"));
        }
        sql.push(" limit ").push_bind(max);
        let mut tx = self.connection.begin().await?;
        sqlx::raw_sql("set local enable_seqscan = off")
            .execute(&mut *tx)
            .await?;
        let items = sql.build_query_scalar().fetch_all(&mut *tx).await?;
        // Within a caller's transaction this one is a savepoint, and what is set there holds to the caller's
        // end.
        sqlx::raw_sql("set local enable_seqscan to default")
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(items)
    }

    /// The search with each word that occurs nowhere spelt as a word that does, one slip away.
    async fn spellings(&mut self, terms: &[Term]) -> Result<Vec<Vec<Term>>, DatabaseError> {
        let mut spellings: Vec<Vec<Term>> = vec![Vec::new()];
        for term in terms {
            let respelt = if self.occurs(term).await? {
                vec![term.clone()]
            } else {
                self.respelt(term).await?
            };
            let longer = spellings.iter().flat_map(|before| {
                respelt
                    .iter()
                    .map(|term| [&before[..], std::slice::from_ref(term)].concat())
            });
            spellings = longer.take(SPELLINGS_MAX).collect();
        }
        spellings.retain(|spelling| spelling != terms);
        Ok(spellings)
    }

    async fn respelt(&mut self, term: &Term) -> Result<Vec<Term>, DatabaseError> {
        let mut respelt = Vec::new();
        for run in term.guessable() {
            let words = self.words_like(run).await?;
            let meant = words.iter().filter(|word| is_one_slip_away(run, word));
            respelt.extend(meant.map(|word| term.respelt(run, word)));
        }
        Ok(respelt)
    }

    /// Words among which are all that are one slip away. Those of the same length come first: letters
    /// are exchanged or hit wrongly more often than left out.
    async fn words_like(&mut self, typed: &str) -> Result<Vec<String>, DatabaseError> {
        let SlipTraits {
            beginning,
            end,
            exchanged,
        } = SlipTraits::of(typed);
        let letters_min = i32::try_from(GUESSED_LETTERS_MIN).unwrap_or(i32::MAX);
        Ok(sqlx::query_scalar!(
            r#"with typed as (select char_length($1) as letters, U&'\+10FFFF' as last)
               select word as "word!" from (
                   select word from search_words, typed
                   where word >= $2::text collate "C" and word < ($2 || last) collate "C"
                   union
                   select word from search_words, typed
                   where reverse(word) collate "C" >= reverse($3) collate "C"
                     and reverse(word) collate "C" < (reverse($3) || last) collate "C"
                   union
                   select word from search_words where word = $4
               ) words, typed
               where char_length(word) between greatest(letters - 1, $5) and letters + 1
               order by char_length(word) <> letters, word"#,
            typed,
            beginning,
            end,
            exchanged,
            letters_min
        )
        .fetch_all(&mut *self.connection)
        .await?)
    }
}

/// The items that were found, narrowed to what else is filtered by.
pub(super) fn push_found(sql: &mut QueryBuilder<Postgres>, filter: &StockFilter, found: &Found) {
    sql.push("select * from (select * from items i where true");
    match found {
        Found::Unasked => {}
        Found::Items(items) => {
            sql.push(" and i.id = any(");
            sql.push_bind(items.clone()).push(")");
        }
        Found::Many(frequent) => push_terms(sql, "i.search_text", &frequent.terms),
    }
    // Found first: nothing outside is as rare.
    sql.push(" offset 0) i where");
    walk::push_in_use(sql, filter);
    walk::push_item(sql, filter);
    walk::push_probe(sql, filter, "i.id");
}

/// Narrows by a column of texts to those with each of the terms.
pub(super) fn push_terms(sql: &mut QueryBuilder<Postgres>, column: &str, terms: &[Term]) {
    for term in terms {
        let word = escape_like(term.as_str());
        match term.place() {
            Place::Anywhere => {
                sql.push(format!(" and {column} like "));
                sql.push_bind(format!("%{word}%"));
            }
            Place::WordStart => {
                sql.push(format!(" and ({column} like "));
                sql.push_bind(format!("{word}%"));
                sql.push(format!(" or {column} like "));
                sql.push_bind(format!("% {word}%")).push(")");
            }
        }
    }
}

/// Makes a text stand for itself in a LIKE pattern.
fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_wildcards_stand_for_themselves() {
        assert_eq!(escape_like(r"50%_\"), r"50\%\_\\");
    }
}
