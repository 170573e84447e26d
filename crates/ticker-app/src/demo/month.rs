//! A month in the demo shop: who sells, receives, breaks and counts what, and when.
//!
//! Everything but the keys follows from the seed, the people and the day.

use jiff::civil::{Date, Weekday, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};
use ticker_domain::ledger::{
    Actor, IdempotencyKey, Line, LineError, Note, Posting, Reason, Source,
};
use uuid::Uuid;

use super::catalogue::CATALOGUE;
use super::shelf::{Fate, Stocked};
use crate::error::Failure;

/// How many days of movements there are, today not counted.
pub(super) const DAYS: i64 = 30;
const SEED: u64 = 240;
/// How often a day people sell something.
const ROUNDS_A_DAY: usize = 10;
/// On this day a shelf of each fate gets its last delivery.
const LAST_DELIVERY_OF_SCARCE: i64 = 15;
/// From this day on what is in order stays so.
const SETTLED: i64 = 20;

/// Postings of one moment.
pub(super) struct Moment {
    pub(super) at: Timestamp,
    pub(super) postings: Vec<Posting>,
}

/// The people of the shop.
pub(super) struct People {
    /// Whoever sells and counts.
    pub(super) sellers: Vec<Actor>,
    /// Whoever signs for deliveries.
    pub(super) receivers: Vec<Actor>,
}

/// The shop as the month goes by.
pub(super) struct Month<'a> {
    rng: StdRng,
    people: &'a People,
    stock: Vec<Stocked>,
    today: Date,
    now: Timestamp,
    moments: Vec<Moment>,
}

/// The month until `now`, from the opening stock on, in the order of time.
///
/// # Errors
/// [`Failure::Defect`] if the catalogue asks for something that is no posting.
pub(super) fn moments(
    stock: Vec<Stocked>,
    people: &People,
    now: Timestamp,
) -> Result<Vec<Moment>, Failure> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let mut month = Month {
        rng: StdRng::seed_from_u64(SEED),
        people,
        stock,
        today,
        now,
        moments: Vec::new(),
    };
    month.decide_fates();
    month.open()?;
    for day in 0..=DAYS {
        // Closed on Sundays.
        if month.date(day).weekday() != Weekday::Sunday {
            month.trade(day)?;
        }
    }
    Ok(month.moments)
}

/// When the shop opened.
pub(super) fn beginning(now: Timestamp) -> Timestamp {
    at(
        now.to_zoned(TimeZone::UTC)
            .date()
            .saturating_sub(DAYS.days()),
        6,
        0,
        0,
    )
}

fn at(date: Date, hour: i8, minute: i8, second: i8) -> Timestamp {
    date.to_datetime(time(hour, minute, second, 0))
        .to_zoned(TimeZone::UTC)
        .map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
}

impl Month<'_> {
    fn date(&self, day: i64) -> Date {
        self.today.saturating_sub((DAYS - day).days())
    }

    /// Says which things run out, run low or pile up, so that there is something to see.
    fn decide_fates(&mut self) {
        let mut places: Vec<usize> = (0..self.stock.len())
            .filter(|place| self.stock[*place].can_run_out())
            .collect();
        places.shuffle(&mut self.rng);
        let fates = [Fate::Out; 6]
            .into_iter()
            .chain([Fate::Low; 20])
            .chain([Fate::Over; 4]);
        for (place, fate) in places.into_iter().zip(fates) {
            let stocked = &mut self.stock[place];
            stocked.fate = fate;
            stocked.ends_on = self.rng.random_range(25..=28);
            stocked.left = match fate {
                Fate::Low => self.rng.random_range(1..=stocked.minimum()),
                _ => 0,
            };
        }
    }

    fn open(&mut self) -> Result<(), Failure> {
        let mut postings = Vec::new();
        for place in 0..self.stock.len() {
            let share = self.rng.random_range(60..=100);
            let lines = self.stock[place].opening(share)?;
            let by = self.receiver();
            postings.push(posting(by, Reason::Opening, None, Source::Demo, lines)?);
        }
        self.put(beginning(self.now), postings);
        Ok(())
    }

    fn trade(&mut self, day: i64) -> Result<(), Failure> {
        let date = self.date(day);
        let morning = at(
            date,
            7,
            self.rng.random_range(5..50),
            self.rng.random_range(0..60),
        );
        let mut postings = self.receive(day, date)?;
        postings.extend(self.refill()?);
        self.put(morning, postings);

        let mut rounds: Vec<i64> = (0..ROUNDS_A_DAY)
            .map(|_| self.rng.random_range(8 * 3600..18 * 3600))
            .collect();
        rounds.sort_unstable();
        for second in rounds {
            let mut postings = self.sell(day)?;
            postings.extend(self.mishap(day)?);
            self.put(
                at(date, 0, 0, 0) + SignedDuration::from_secs(second),
                postings,
            );
        }

        let evening = at(
            date,
            18,
            self.rng.random_range(5..40),
            self.rng.random_range(0..60),
        );
        let mut postings = self.sell_the_last(day)?;
        postings.extend(self.count(date)?);
        self.put(evening, postings);
        Ok(())
    }

    /// What each supplier brings on its day: enough to be at the target again.
    fn receive(&mut self, day: i64, date: Date) -> Result<Vec<Posting>, Failure> {
        let mut postings = Vec::new();
        for (place, category) in CATALOGUE.iter().enumerate() {
            if category.delivered_on != date.weekday() || day == 0 {
                continue;
            }
            let (mut lines, mut doubled) = (Vec::new(), Vec::new());
            for stocked in self
                .stock
                .iter_mut()
                .filter(|stocked| stocked.thing.category == place)
            {
                let scarce = matches!(stocked.fate, Fate::Out | Fate::Low);
                if scarce && day >= LAST_DELIVERY_OF_SCARCE {
                    continue;
                }
                if stocked.fate == Fate::Over && day >= stocked.ends_on - 6 && !stocked.ended {
                    stocked.ended = true;
                    doubled.push(stocked.receive(stocked.overflow())?);
                } else if stocked.is_due() {
                    lines.push(stocked.receive(stocked.order())?);
                }
            }
            let number = self.rng.random_range(40_000..99_999);
            for (lines, remark) in [(lines, ""), (doubled, ", delivered twice")] {
                if !lines.is_empty() {
                    let note = format!("{}, delivery note {number}{remark}", category.supplier);
                    let by = self.receiver();
                    postings.push(posting(
                        by,
                        Reason::Received,
                        Some(&note),
                        Source::Demo,
                        lines,
                    )?);
                }
            }
        }
        Ok(postings)
    }

    /// From the warehouse onto shelves that run empty.
    fn refill(&mut self) -> Result<Vec<Posting>, Failure> {
        let mut postings = Vec::new();
        for place in 0..self.stock.len() {
            if let Some(lines) = self.stock[place].refill()? {
                let by = self.seller();
                let note = Some("From the warehouse to the shelf");
                postings.push(posting(by, Reason::Adjusted, note, Source::Demo, lines)?);
            }
        }
        Ok(postings)
    }

    /// What goes over the counter in one round, some of it together.
    fn sell(&mut self, day: i64) -> Result<Vec<Posting>, Failure> {
        let mut sold = Vec::new();
        for place in 0..self.stock.len() {
            let wanted = self.wanted(place);
            let stocked = &mut self.stock[place];
            let taken = wanted.min(stocked.available(day >= SETTLED));
            if taken > 0 {
                sold.push((stocked.thing.category, stocked.take(taken)?));
            }
        }
        sold.shuffle(&mut self.rng);
        let mut postings = Vec::new();
        while !sold.is_empty() {
            let size = self.rng.random_range(1..=3).min(sold.len());
            let basket: Vec<(usize, Line)> = sold.drain(..size).collect();
            let in_house = size == 1
                && matches!(
                    CATALOGUE[basket[0].0].name,
                    "Cleaning" | "Office" | "Safety"
                )
                && self.rng.random_ratio(1, 6);
            let lines = basket.into_iter().map(|(_, line)| line).collect();
            let (reason, note) = if in_house {
                (Reason::Used, Some("For the workshop"))
            } else {
                (Reason::Sold, self.remark())
            };
            let by = self.seller();
            postings.push(posting(by, reason, note, Source::Demo, lines)?);
        }
        Ok(postings)
    }

    /// How many of a thing somebody asks for in one round; mostly none.
    fn wanted(&mut self, place: usize) -> i64 {
        let stocked = &self.stock[place];
        let size = (stocked.thing.weekly / 6).max(1);
        let rush = if matches!(stocked.fate, Fate::Out | Fate::Low) {
            1.6
        } else {
            1.0
        };
        // A round sees a sixtieth of the week's demand, in purchases of `size` on average.
        let expected =
            stocked.demand * rush / 60.0 / f64::from(u8::try_from(size).unwrap_or(u8::MAX));
        if self.rng.random_bool(expected.clamp(0.0, 1.0)) {
            self.rng.random_range(1..=size * 2 - 1)
        } else {
            0
        }
    }

    /// The sales after which a thing is out or low, on its day.
    fn sell_the_last(&mut self, day: i64) -> Result<Vec<Posting>, Failure> {
        let mut postings = Vec::new();
        for place in 0..self.stock.len() {
            let stocked = &self.stock[place];
            if stocked.ended || day < stocked.ends_on {
                continue;
            }
            if !matches!(stocked.fate, Fate::Out | Fate::Low) {
                continue;
            }
            let stocked = &mut self.stock[place];
            stocked.ended = true;
            if stocked.total() > stocked.left {
                let line = stocked.take(stocked.total() - stocked.left)?;
                let by = self.seller();
                let note = Some("Order of a regular customer");
                postings.push(posting(by, Reason::Sold, note, Source::Demo, vec![line])?);
            }
        }
        Ok(postings)
    }

    /// Now and then something breaks, is missing, or comes back.
    fn mishap(&mut self, day: i64) -> Result<Vec<Posting>, Failure> {
        const BROKEN: [&str; 5] = [
            "Dropped while restocking",
            "Packaging torn in transit",
            "Got wet in the back room",
            "Returned faulty, cannot be sold",
            "Crushed under a pallet",
        ];
        const BACK: [&str; 4] = [
            "Unopened, with receipt",
            "Wrong size",
            "Bought one too many",
            "Customer changed their mind",
        ];

        let mut postings = Vec::new();
        let place = self.rng.random_range(0..self.stock.len());
        let kind = self.rng.random_range(0..100);
        let stocked = &mut self.stock[place];
        if stocked.fate != Fate::Ok {
            return Ok(postings);
        }
        let spare = stocked.available(true) > 1 && day > 0;
        let (reason, notes, line): (_, &[&str], _) = match kind {
            0..8 if spare => (Reason::Damaged, &BROKEN, stocked.take(1)?),
            8..10 if spare => (Reason::Lost, &["Not where it should be"], stocked.take(1)?),
            10..18 if stocked.has_room() => (Reason::Returned, &BACK, stocked.put_back(1)?),
            18..19 if stocked.has_room() => (
                Reason::Found,
                &["Had slipped behind the shelf"],
                stocked.put_back(1)?,
            ),
            _ => return Ok(postings),
        };
        let note = notes.choose(&mut self.rng).copied();
        let by = self.seller();
        postings.push(posting(by, reason, note, Source::Demo, vec![line])?);
        Ok(postings)
    }

    /// On Wednesdays and Saturdays a few shelves are counted; most are as they should be.
    fn count(&mut self, date: Date) -> Result<Vec<Posting>, Failure> {
        if !matches!(date.weekday(), Weekday::Wednesday | Weekday::Saturday) {
            return Ok(Vec::new());
        }
        let mut places: Vec<usize> = (0..self.stock.len())
            .filter(|place| self.stock[*place].fate == Fate::Ok)
            .collect();
        places.shuffle(&mut self.rng);
        places.truncate(8);
        let mut postings = Vec::new();
        for place in places {
            let drawn = self.rng.random_range(0..10);
            let stocked = &mut self.stock[place];
            let difference = match drawn {
                0..2 if stocked.available(true) > 2 => -1 - drawn,
                2 if stocked.has_room() => 1,
                _ => 0,
            };
            let line = stocked.count(difference)?;
            let by = self.seller();
            postings.push(posting(
                by,
                Reason::Counted,
                None,
                Source::Demo,
                vec![line],
            )?);
        }
        Ok(postings)
    }

    fn remark(&mut self) -> Option<&'static str> {
        const REMARKS: [&str; 5] = [
            "Phone order",
            "Collected",
            "On account",
            "Birch Carpentry",
            "Repair café",
        ];
        if self.rng.random_ratio(1, 12) {
            REMARKS.choose(&mut self.rng).copied()
        } else {
            None
        }
    }

    fn seller(&mut self) -> Actor {
        self.people.sellers[self.rng.random_range(0..self.people.sellers.len())]
    }

    fn receiver(&mut self) -> Actor {
        self.people.receivers[self.rng.random_range(0..self.people.receivers.len())]
    }

    /// Keeps what happens at a moment that has come already.
    fn put(&mut self, at: Timestamp, postings: Vec<Posting>) {
        if at < self.now && !postings.is_empty() {
            self.moments.push(Moment { at, postings });
        }
    }
}

fn posting(
    by: Actor,
    reason: Reason,
    note: Option<&str>,
    source: Source,
    lines: Vec<Line>,
) -> Result<Posting, Failure> {
    let note = note.map(Note::parse).transpose();
    let note = note.map_err(|_| Failure::Defect("a note of the demo shop is none"))?;
    Posting::new(
        IdempotencyKey(Uuid::new_v4()),
        by,
        reason,
        note,
        source,
        lines,
    )
    .map_err(|_| Failure::Defect("a posting of the demo shop is none"))
}

impl From<LineError> for Failure {
    fn from(_: LineError) -> Self {
        Self::Defect("a line of the demo shop is none")
    }
}
