//! What stands around every page: who is signed in, where they are, and what just happened.

use ticker_auth::SignedIn;
use ticker_domain::permission::Permission;
use ticker_domain::stock::StockStatus;
use ticker_domain::user::Role;

/// What script shows beside a number that changes: each status as templates draw it.
pub(crate) const STATUSES: [StockStatus; 4] = StockStatus::ALL;

/// The frame of a page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    /// Who is signed in; `None` before signing in, when no header is shown.
    pub(crate) viewer: Option<Viewer>,
    /// The part of the program that the page belongs to.
    pub(crate) section: Section,
    /// What to tell the person, oldest first.
    pub(crate) toasts: Vec<Toast>,
    /// Where the page's live stream begins, and empty for with looking at everything; `None` for a page
    /// that shows nothing that moves.
    pub(crate) live_cursor: Option<String>,
    /// Whether all stock is kept at one place, so that nothing need be said about places.
    pub(crate) one_location: bool,
}

/// A part of the program that the navigation leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Section {
    /// None of them.
    #[default]
    Elsewhere,
    /// The stock list and its items.
    Inventory,
    /// Scanning codes.
    Scan,
    /// Locations.
    Locations,
    /// Categories.
    Categories,
    /// Enrolling people.
    Enroll,
}

/// The signed-in user as the header shows them.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    /// Tells a page's own changes from those of others.
    pub(crate) id: i64,
    /// What they sign in with.
    pub(crate) username: String,
    /// What colleagues call them.
    pub(crate) display_name: String,
    /// Up to two letters of their name.
    pub(crate) initials: String,
    /// Their role as people read it.
    pub(crate) role_label: &'static str,
    role: Role,
    /// Whether they must choose a password before anything else.
    pub(crate) must_change_password: bool,
}

impl Viewer {
    fn of(user: &SignedIn) -> Self {
        Self {
            id: user.id.0,
            username: user.username.clone(),
            display_name: user.display_name.clone(),
            initials: initials(&user.display_name),
            role_label: user.role.label(),
            role: user.role,
            must_change_password: user.must_change_password,
        }
    }

    /// Whether the way to scanning is shown.
    pub(crate) fn may_adjust(&self) -> bool {
        self.role.may(Permission::StockAdjust)
    }

    /// Whether the ways to locations and categories are shown.
    pub(crate) fn may_arrange(&self) -> bool {
        self.role.may(Permission::GroupManage)
    }

    /// Whether the way to enrolling others is shown.
    pub(crate) fn may_enroll(&self) -> bool {
        self.role.may(Permission::UserEnroll)
    }
}

impl Layout {
    /// The frame for someone who is signed in.
    pub(crate) fn of(user: &SignedIn, section: Section) -> Self {
        Self {
            viewer: Some(Viewer::of(user)),
            section,
            toasts: Vec::new(),
            live_cursor: None,
            one_location: false,
        }
    }

    /// For a page about stock that is kept at so many locations.
    pub(crate) fn over_locations(mut self, count: usize) -> Self {
        self.one_location = count == 1;
        self
    }

    /// For a page that follows what moves, from `cursor` on.
    pub(crate) fn live(mut self, cursor: String) -> Self {
        self.live_cursor = Some(cursor);
        self
    }

    /// Adds a message, if there is one.
    pub(crate) fn with(mut self, toast: Option<Toast>) -> Self {
        self.toasts.extend(toast);
        self
    }
}

/// A short message at the edge of the page. Errors stay until they are dismissed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toast {
    /// What happened, in plain words.
    pub(crate) text: String,
    /// Whether something went wrong.
    pub(crate) is_error: bool,
    /// What to tell an operator when asking for help.
    pub(crate) request_id: Option<String>,
    /// Where to sign in, for who is not signed in any more.
    pub(crate) sign_in: Option<String>,
    /// The way to take back what was done.
    pub(crate) undo: Option<UndoForm>,
}

/// A form that takes a posting back. It works as it stands; script sends it for the row or the panel of
/// the item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UndoForm {
    /// Where it is sent.
    pub(crate) action: String,
    /// The form's one-time key.
    pub(crate) key: String,
    /// The item that it changes.
    pub(crate) item: i64,
    /// The location that the list is filtered for to which the answer belongs; empty for none.
    pub(crate) view_location: String,
    /// The local path that it comes back to without script.
    pub(crate) return_to: String,
}

impl Toast {
    /// Something was done.
    pub(crate) fn done(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            is_error: false,
            request_id: None,
            sign_in: None,
            undo: None,
        }
    }

    /// What changed, and what it led to, where the text says both: `−1 AA batteries → 41`.
    pub(crate) fn parts(&self) -> Option<(&str, &str)> {
        self.text.rsplit_once(" → ")
    }

    /// With a way to take it back, if there is one.
    pub(crate) fn with_undo(mut self, undo: Option<UndoForm>) -> Self {
        self.undo = undo;
        self
    }

    /// Something was not done.
    pub(crate) fn refused(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            is_error: true,
            request_id: None,
            sign_in: None,
            undo: None,
        }
    }
}

/// Up to two initials of a name, in capitals.
fn initials(name: &str) -> String {
    let mut words = name
        .split_whitespace()
        .filter_map(|word| word.chars().next());
    let first = words.next();
    first
        .into_iter()
        .chain(words.next_back())
        .flat_map(char::to_uppercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::initials;

    #[test]
    fn initials_are_of_the_first_and_last_word() {
        assert_eq!(initials("Ana Lucía Prado"), "AP");
        assert_eq!(initials("élodie"), "É");
        assert_eq!(initials(" "), "");
    }
}
