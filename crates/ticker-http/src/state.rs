//! What every handler has at hand.

use std::sync::Arc;

use ticker_app::{App, AppSettings, Clock};

use crate::health::Readiness;

/// What every handler has at hand. Clones are handles to the same.
#[derive(Clone)]
pub struct Web {
    /// Shared, since every request takes a handle or two.
    pub(crate) app: Arc<App>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: AppSettings,
    pub(crate) readiness: Readiness,
}

impl Web {
    /// The application with the clock and the settings that it was made with; pages show times beside
    /// the one and explain the other. `readiness` is shared with whoever shuts the process down.
    #[must_use]
    pub fn new(
        app: App,
        clock: Arc<dyn Clock>,
        settings: AppSettings,
        readiness: Readiness,
    ) -> Self {
        Self {
            app: Arc::new(app),
            clock,
            settings,
            readiness,
        }
    }
}
