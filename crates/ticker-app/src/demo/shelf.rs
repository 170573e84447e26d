//! One thing of the demo shop on its shelf, and in the warehouse if it has a reserve there.

use ticker_domain::ledger::{LevelId, Line, LineError};

use super::catalogue::Thing;

/// How a thing ends the month.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Ok,
    Low,
    Out,
    Over,
}

/// A level as the month leaves it.
#[derive(Clone, Copy)]
struct Place {
    level: LevelId,
    on_hand: i64,
    version: i64,
}

impl Place {
    fn change(&mut self, delta: i64) -> Result<Line, LineError> {
        let line = Line::change(self.level, delta)?;
        self.on_hand += delta;
        self.version += 1;
        Ok(line)
    }
}

/// A thing, what there is of it, and what becomes of it.
pub(super) struct Stocked {
    pub(super) thing: Thing,
    /// How many are asked for in a week.
    pub(super) demand: f64,
    pub(super) fate: Fate,
    /// On this day of the month its fate comes about.
    pub(super) ends_on: i64,
    /// How many are left when it has run out or low.
    pub(super) left: i64,
    /// Whether its fate has come about.
    pub(super) ended: bool,
    shelf: Place,
    reserve: Option<Place>,
}

impl Stocked {
    /// A thing with nothing on hand yet. `demand` is in hundredths of what is usual.
    pub(super) fn new(thing: Thing, shelf: LevelId, reserve: Option<LevelId>, demand: u8) -> Self {
        let place = |level| Place {
            level,
            on_hand: 0,
            version: 0,
        };
        let weekly = f64::from(u8::try_from(thing.weekly).unwrap_or(u8::MAX));
        Self {
            demand: weekly * f64::from(demand) / 100.0,
            fate: Fate::Ok,
            ends_on: 0,
            left: 0,
            ended: false,
            shelf: place(shelf),
            reserve: reserve.map(place),
            thing,
        }
    }

    /// What is on hand everywhere.
    pub(super) fn total(&self) -> i64 {
        self.shelf.on_hand + self.reserve.map_or(0, |reserve| reserve.on_hand)
    }

    pub(super) fn minimum(&self) -> i64 {
        self.thing.thresholds.minimum().unwrap_or(0)
    }

    /// What a delivery fills up to.
    fn target(&self) -> i64 {
        self.thing
            .thresholds
            .target()
            .unwrap_or(self.thing.weekly * 5)
    }

    fn package(&self) -> i64 {
        self.thing.thresholds.reorder_multiple().unwrap_or(1)
    }

    /// Whether a fate other than being in order can come over it.
    pub(super) fn can_run_out(&self) -> bool {
        self.thing.thresholds.minimum().is_some() && self.reserve.is_none()
    }

    /// How many can be sold; at `settled` times only so many that it does not run low.
    pub(super) fn available(&self, settled: bool) -> i64 {
        let floor = match self.fate {
            Fate::Low | Fate::Out if self.ended => return 0,
            Fate::Over if self.ended => self.target() + self.package() + 1,
            Fate::Ok | Fate::Over if settled => self.minimum() + 1,
            Fate::Low | Fate::Out => self.left,
            _ => 0,
        };
        self.shelf.on_hand.min(self.total() - floor).max(0)
    }

    /// The stock to begin with: `share` hundredths of the target.
    pub(super) fn opening(&mut self, share: i64) -> Result<Vec<Line>, LineError> {
        let all = (self.target() * share / 100).max(1);
        let Some(reserve) = &mut self.reserve else {
            return Ok(vec![self.shelf.change(all)?]);
        };
        let on_shelf = (all * 2 / 5).max(1);
        let mut lines = vec![self.shelf.change(on_shelf)?];
        if all > on_shelf {
            lines.push(reserve.change(all - on_shelf)?);
        }
        Ok(lines)
    }

    /// Whether so little is left that the next delivery brings some.
    pub(super) fn is_due(&self) -> bool {
        !(self.fate == Fate::Over && self.ended)
            && self.total() <= self.minimum() + self.thing.weekly
    }

    /// What a delivery brings: whole packages, up to the target.
    pub(super) fn order(&self) -> i64 {
        let missing = (self.target() - self.total()).max(1);
        (missing + self.package() - 1) / self.package() * self.package()
    }

    /// What a delivery brings that was sent twice by mistake: far above the target.
    pub(super) fn overflow(&self) -> i64 {
        self.order() + 3 * self.package()
    }

    pub(super) fn receive(&mut self, quantity: i64) -> Result<Line, LineError> {
        self.reserve
            .as_mut()
            .unwrap_or(&mut self.shelf)
            .change(quantity)
    }

    /// From the reserve onto the shelf, when half a week's sales are left there.
    pub(super) fn refill(&mut self) -> Result<Option<Vec<Line>>, LineError> {
        let wanted = self.thing.weekly * 3 / 2;
        let Some(reserve) = &mut self.reserve else {
            return Ok(None);
        };
        let moved = wanted.min(reserve.on_hand);
        if self.shelf.on_hand > self.thing.weekly / 2 || moved <= 0 {
            return Ok(None);
        }
        Ok(Some(vec![
            reserve.change(-moved)?,
            self.shelf.change(moved)?,
        ]))
    }

    pub(super) fn take(&mut self, quantity: i64) -> Result<Line, LineError> {
        self.shelf.change(-quantity)
    }

    /// Whether a few more do not make it too many.
    pub(super) fn has_room(&self) -> bool {
        self.total() < self.target()
    }

    pub(super) fn put_back(&mut self, quantity: i64) -> Result<Line, LineError> {
        self.shelf.change(quantity)
    }

    /// A count of the shelf that finds `difference` more or less than there should be.
    pub(super) fn count(&mut self, difference: i64) -> Result<Line, LineError> {
        let Place {
            level,
            on_hand,
            version,
        } = self.shelf;
        let line = Line::count(level, on_hand + difference, version)?;
        self.shelf.on_hand += difference;
        self.shelf.version += 1;
        Ok(line)
    }
}
