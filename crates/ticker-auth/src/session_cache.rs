//! Who is signed in with which session, remembered for a moment.
//!
//! Looking a session up in the database for each request would halve what a process can do. So each
//! process remembers whom it looked up for at most [`AGE_MAX`], and forgets everybody at once when a
//! hint says that some session or user has changed. Rights do not rely on it: whoever writes has theirs
//! checked again in the writing transaction. A session that was signed out is refused at once where that
//! happened, and elsewhere once the hint is heard, after [`AGE_MAX`] at the latest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ticker_postgres::hints::{Hint, Hints};
use tokio::sync::watch;
use tower_sessions::session::Id;

use crate::metrics;
use crate::session::SignedIn;

/// How long somebody is remembered at most, from when their look-up began.
pub const AGE_MAX: Duration = Duration::from_secs(5);
/// How many are remembered at most; a few hundred bytes each.
const ENTRIES_MAX: usize = 10_000;

/// Who is signed in, as far as this process remembers. Clones are handles to the same.
#[derive(Clone, Debug, Default)]
pub struct SessionCache {
    remembered: Arc<Mutex<Remembered>>,
    forgotten: watch::Sender<()>,
    hints: Hints,
}

#[derive(Debug, Default)]
struct Remembered {
    entries: HashMap<Id, Entry>,
    /// Counts how often everybody was forgotten.
    generation: u64,
}

#[derive(Debug)]
struct Entry {
    signed_in: Arc<SignedIn>,
    looked_up_at: Instant,
}

/// A look-up that has begun: what it finds may be remembered only if nobody was forgotten since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LookUp {
    generation: u64,
    at: Instant,
}

impl SessionCache {
    /// One that also tells the other processes to forget.
    #[must_use]
    pub fn new(hints: Hints) -> Self {
        Self {
            remembered: Arc::default(),
            forgotten: watch::Sender::default(),
            hints,
        }
    }

    /// Forgets everybody, here at once and in other processes within a moment. To be called after the
    /// commit of whatever ends a session or changes a user.
    pub fn forget(&self) {
        self.forget_here();
        self.hints.send(Hint::Sessions);
    }

    /// Forgets everybody in this process, after another one's hint.
    pub fn forget_here(&self) {
        let mut remembered = self.lock();
        remembered.entries.clear();
        remembered.generation += 1;
        drop(remembered);
        self.forgotten.send_replace(());
    }

    /// Tells whenever everybody was forgotten: what rests on a session should ask anew whether it lives.
    #[must_use]
    pub fn watch_forgotten(&self) -> watch::Receiver<()> {
        self.forgotten.subscribe()
    }

    /// Who the session belongs to, if that is remembered at `now`; otherwise the look-up to be made.
    pub(crate) fn find(&self, id: Id, now: Instant) -> Result<Arc<SignedIn>, LookUp> {
        let remembered = self.lock();
        let found = remembered
            .entries
            .get(&id)
            .filter(|entry| entry.is_fresh(now))
            .map(|entry| entry.signed_in.clone());
        metrics::count_session_look_up(found.is_some());
        found.ok_or(LookUp {
            generation: remembered.generation,
            at: now,
        })
    }

    /// Remembers what a look-up found.
    pub(crate) fn remember(&self, id: Id, look_up: LookUp, signed_in: Arc<SignedIn>) {
        let mut remembered = self.lock();
        if remembered.generation != look_up.generation {
            return;
        }
        if remembered.entries.len() >= ENTRIES_MAX {
            remembered
                .entries
                .retain(|_, entry| entry.is_fresh(look_up.at));
        }
        if remembered.entries.len() < ENTRIES_MAX {
            let entry = Entry {
                signed_in,
                looked_up_at: look_up.at,
            };
            remembered.entries.insert(id, entry);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Remembered> {
        // Nothing in here panics halfway through a change.
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.looked_up_at) < AGE_MAX
    }
}

#[cfg(test)]
mod tests {
    use ticker_domain::id::UserId;
    use ticker_domain::user::Role;

    use super::*;

    fn ana() -> Arc<SignedIn> {
        Arc::new(SignedIn {
            id: UserId(1),
            username: "ana".into(),
            display_name: "Ana".into(),
            role: Role::Staff,
            must_change_password: false,
            auth_epoch: 1,
        })
    }

    /// A cache that remembers Ana under the id since the time returned.
    fn cache_with_ana(id: Id) -> (SessionCache, Instant) {
        let (cache, now) = (SessionCache::default(), Instant::now());
        let look_up = cache.find(id, now).unwrap_err();
        cache.remember(id, look_up, ana());
        (cache, now)
    }

    #[test]
    fn nobody_is_remembered_for_longer_than_the_bound() {
        let id = Id(7);
        let (cache, now) = cache_with_ana(id);
        let last = now + Duration::from_millis(4_999);
        assert_eq!(cache.find(id, last).unwrap(), ana());
        assert!(cache.find(id, now + AGE_MAX).is_err());
        assert!(cache.find(Id(8), now).is_err(), "nobody else's session");
    }

    #[test]
    fn what_was_looked_up_before_everybody_was_forgotten_is_not_remembered_after() {
        let id = Id(7);
        let (cache, now) = cache_with_ana(id);
        let begun = cache.find(Id(8), now).unwrap_err();
        cache.forget();
        assert!(cache.find(id, now).is_err());
        cache.remember(Id(8), begun, ana());
        assert!(cache.find(Id(8), now).is_err());
    }

    #[test]
    fn the_number_of_those_remembered_is_bounded() {
        let (cache, now) = (SessionCache::default(), Instant::now());
        for id in 0..=i128::try_from(ENTRIES_MAX).unwrap() {
            let look_up = cache.find(Id(id), now).unwrap_err();
            cache.remember(Id(id), look_up, ana());
        }
        assert_eq!(cache.lock().entries.len(), ENTRIES_MAX);
        let later = now + AGE_MAX;
        let look_up = cache.find(Id(-1), later).unwrap_err();
        cache.remember(Id(-1), look_up, ana());
        assert_eq!(cache.lock().entries.len(), 1, "the old ones make room");
    }
}
