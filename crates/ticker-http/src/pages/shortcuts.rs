//! What the keyboard does.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use ticker_domain::permission::StockView;

use super::layout::{Layout, Section};
use super::{left_toast, page};
use crate::access::May;
use crate::error::PageResult;
use crate::flash::Flash;
use crate::state::Web;

#[derive(Template)]
#[template(path = "pages/shortcuts/shortcuts.html")]
struct ShortcutsPage {
    layout: Layout,
    groups: &'static [Group],
}

/// Where some keys work.
struct Group {
    title: &'static str,
    /// The keys, and what they do.
    keys: &'static [(&'static [&'static str], &'static str)],
}

/// As `assets/js/keys.js` has them.
const GROUPS: &[Group] = &[
    Group {
        title: "In the list",
        keys: &[
            (&["j"], "Next row"),
            (&["k"], "Row before"),
            (&["Enter"], "Open the row’s item"),
            (&["x"], "Select the row"),
        ],
    },
    Group {
        title: "In the list and on an item’s page",
        keys: &[
            (&["+"], "Add one"),
            (&["-"], "Remove one"),
            (&["a"], "Adjust by any amount"),
            (&["u"], "Undo, while the message is there"),
        ],
    },
    Group {
        title: "On an item’s page",
        keys: &[(&["t"], "Transfer"), (&["c"], "Count")],
    },
    Group {
        title: "Everywhere",
        keys: &[
            (&["/"], "Search"),
            (&["Esc"], "Close what is open"),
            (&["?"], "Show these keys"),
        ],
    },
];

/// Shows the page.
pub(crate) async fn show(
    State(_): State<Web>,
    May(by): May<StockView>,
    flash: Flash,
) -> PageResult {
    let template = ShortcutsPage {
        layout: Layout::of(by.user(), Section::Elsewhere).with(left_toast(&flash)),
        groups: GROUPS,
    };
    page(StatusCode::OK, &template)
}
