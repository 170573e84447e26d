//! What a drill is played on.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Options;
use super::pause::pause;
use crate::ground::{DATABASE, Ground, Inventory, Programs, Size};
use crate::postgres::Purpose;
use crate::workspace::Workspace;

/// Ticker's ground, and how hard the drill is to be.
pub(super) struct Stage {
    pub(super) ground: Ground,
    /// How often the fault comes.
    pub(super) times: u32,
    pub(super) is_short: bool,
    /// Whether to break on purpose what the drill guards.
    pub(super) is_control: bool,
}

/// How much there is: presses meet on an item now and then.
const ITEMS: u32 = 200;
const ACCOUNTS: u32 = 4;
/// What has to happen sooner or later happens within this, or never.
const PATIENCE: Duration = Duration::from_secs(90);

impl Stage {
    /// Makes the ground.
    ///
    /// # Errors
    /// When something of it cannot be made.
    pub(super) fn set(
        workspace: &Workspace,
        programs: Programs,
        options: &Options,
        times: u32,
    ) -> Result<Self> {
        let size = Size {
            inventory: Inventory::Shelf { items: ITEMS },
            accounts: ACCOUNTS,
        };
        Ok(Self {
            ground: Ground::prepare(workspace, programs, size, Purpose::Drill)?,
            times,
            is_short: options.is_short,
            is_control: options.is_control,
        })
    }

    /// The items, as the load generator takes them.
    pub(super) fn items() -> String {
        format!("1-{ITEMS}")
    }

    /// The number that a query of the superuser gives.
    ///
    /// # Errors
    /// When it gives none.
    pub(super) fn number(&self, query: &str) -> Result<f64> {
        let said = self.ground.cluster.sql(DATABASE, query)?;
        said.trim()
            .parse()
            .with_context(|| format!("no number: {said:?}"))
    }

    /// Runs a script of the superuser in Ticker's database.
    ///
    /// # Errors
    /// With PostgreSQL's message.
    pub(super) fn sql(&self, script: &str) -> Result<String> {
        self.ground.cluster.sql(DATABASE, script)
    }

    /// Waits until so many more postings are committed.
    ///
    /// # Errors
    /// When they are not within [`PATIENCE`]; after Ctrl-C.
    pub(super) fn await_postings(&self, more: u32) -> Result<()> {
        let last = || self.number("SELECT max(id) FROM postings");
        let begun = Instant::now();
        let mut first = None;
        while begun.elapsed() < PATIENCE {
            // Out of reach or on its way up is no reason to give up.
            if let Ok(now) = last()
                && now >= *first.get_or_insert(now) + f64::from(more)
            {
                return Ok(());
            }
            pause(Duration::from_millis(20))?;
        }
        bail!("nothing was posted for {PATIENCE:?}");
    }
}
