//! A sitting: what is scanned for and what was scanned so far. It stands in the page's address, so that it
//! survives reloading and Back without script, and no replica has to remember it.

use serde::Deserialize;
use ticker_domain::id::{ItemId, LocationId, PostingId};

use crate::error::HttpError;
use crate::pages::inventory::address::encode;

/// The address's parameters.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Params {
    pub(crate) mode: String,
    pub(crate) location: String,
    pub(crate) scans: String,
    /// A code to go to at once; the rest is of no account then.
    pub(crate) find: String,
}

/// What is scanned for, where, and what was scanned so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sitting {
    pub(crate) mode: Mode,
    /// Where scans count; at each item's home location if nowhere else.
    pub(crate) location: Option<LocationId>,
    pub(crate) scans: Scans,
}

impl Sitting {
    /// Reads a sitting from the address or the form.
    ///
    /// # Errors
    /// [`HttpError`] if the mode or the location is none.
    pub(crate) fn read(mode: &str, location: &str, scans: &str) -> Result<Self, HttpError> {
        let mode = Mode::read(mode)
            .ok_or_else(|| HttpError::bad_request("Scans find, add or take; nothing else."))?;
        let location = match location {
            "" => None,
            _ => Some(
                location
                    .parse()
                    .map_err(|_| HttpError::bad_request("A location is given by its number."))?,
            ),
        };
        Ok(Self {
            mode,
            location,
            scans: Scans::read(scans),
        })
    }

    /// The same after another scan.
    pub(crate) fn after(&self, trace: Trace) -> Self {
        Self {
            scans: self.scans.after(trace),
            ..self.clone()
        }
    }

    /// The page's address, without what is as usual.
    pub(crate) fn href(&self) -> String {
        let mut address = String::from("/scan");
        let mut push = |name: &str, value: &str| {
            address.push(if address.contains('?') { '&' } else { '?' });
            address.push_str(name);
            address.push('=');
            encode(&mut address, value);
        };
        if self.mode != Mode::default() {
            push("mode", self.mode.as_str());
        }
        if let Some(location) = self.location {
            push("location", &location.to_string());
        }
        if !self.scans.0.is_empty() {
            push("scans", &self.scans.write());
        }
        address
    }
}

/// What a scan does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Leads to the item.
    #[default]
    Find,
    /// Adds one.
    Add,
    /// Takes one away.
    Take,
}

impl Mode {
    /// In the order in which they are offered.
    pub(crate) const ALL: [Self; 3] = [Self::Find, Self::Add, Self::Take];

    fn read(word: &str) -> Option<Self> {
        match word {
            "" => Some(Self::default()),
            _ => Self::ALL.into_iter().find(|mode| mode.as_str() == word),
        }
    }

    /// The word in forms and addresses.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Find => "find",
            Self::Add => "add",
            Self::Take => "take",
        }
    }

    /// As people read it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Find => "Find",
            Self::Add => "Add one",
            Self::Take => "Take one",
        }
    }

    /// By how much so many scans change what is on hand.
    pub(crate) fn delta(self, count: i64) -> Option<i64> {
        match self {
            Self::Find => None,
            Self::Add => Some(count),
            Self::Take => count.checked_neg(),
        }
    }
}

/// The latest scans, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scans(Vec<Trace>);

/// How many scans a sitting remembers.
const SCANS_MAX: usize = 20;
/// How long they get in the address, which forms come back to and a cookie may have to carry.
const LENGTH_MAX: usize = 700;

impl Scans {
    /// What cannot be read is left out: it may be from another release.
    fn read(text: &str) -> Self {
        Self(
            text.split(' ')
                .filter_map(Trace::read)
                .take(SCANS_MAX)
                .collect(),
        )
    }

    /// As it stands in the form and, encoded once more, in the address.
    pub(crate) fn write(&self) -> String {
        let (mut words, mut encoded) = (Vec::new(), String::new());
        for trace in &self.0 {
            let word = trace.write();
            encode(&mut encoded, " ");
            encode(&mut encoded, &word);
            if encoded.len() > LENGTH_MAX {
                break;
            }
            words.push(word);
        }
        words.join(" ")
    }

    fn after(&self, trace: Trace) -> Self {
        let mut scans = self.0.clone();
        scans.retain(|older| *older != trace);
        scans.insert(0, trace);
        scans.truncate(SCANS_MAX);
        Self(scans)
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Trace> {
        self.0.iter()
    }

    pub(crate) fn contains(&self, trace: &Trace) -> bool {
        self.0.contains(trace)
    }
}

/// What remains of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trace {
    /// It changed something: the ledger knows the rest.
    Posted(PostingId),
    /// Nothing carried the code.
    Unknown(String),
    /// The item could not be changed so.
    Refused(ItemId),
}

impl Trace {
    fn read(word: &str) -> Option<Self> {
        let kind = word.chars().next()?;
        let rest = &word[kind.len_utf8()..];
        match kind {
            'p' => rest.parse().ok().map(Self::Posted),
            'r' => rest.parse().ok().map(Self::Refused),
            'u' if !rest.is_empty() => Some(Self::Unknown(rest.to_owned())),
            _ => None,
        }
    }

    /// One word: a code has no spaces.
    pub(crate) fn write(&self) -> String {
        match self {
            Self::Posted(posting) => format!("p{posting}"),
            Self::Unknown(code) => format!("u{code}"),
            Self::Refused(item) => format!("r{item}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posted(id: i64) -> Trace {
        Trace::Posted(PostingId(id))
    }

    #[test]
    fn a_sitting_comes_back_from_its_address() {
        let sitting = Sitting::read("take", "3", "").unwrap();
        let sitting = sitting.after(Trace::Unknown("50&1=é+".into()));
        let sitting = sitting.after(Trace::Refused(ItemId(7)));
        let sitting = sitting.after(posted(12));
        let href = sitting.href();
        assert_eq!(
            href,
            "/scan?mode=take&location=3&scans=p12%20r7%20u50%261%3D%C3%A9%2B"
        );
        let scans = "p12 r7 u50&1=é+";
        assert_eq!(Sitting::read("take", "3", scans).unwrap(), sitting);
        assert_eq!(Sitting::default().href(), "/scan");
    }

    #[test]
    fn only_the_latest_are_remembered_and_none_twice() {
        let mut sitting = Sitting::default();
        for id in 1..=30 {
            sitting = sitting.after(posted(id));
        }
        sitting = sitting.after(posted(29));
        let kept: Vec<_> = sitting.scans.iter().cloned().collect();
        let expected = [29, 30].into_iter().chain((12..29).rev());
        assert_eq!(kept[..19], expected.map(posted).collect::<Vec<_>>()[..]);
        assert_eq!(kept.len(), SCANS_MAX);
        for number in 0..30 {
            sitting = sitting.after(Trace::Unknown(format!("{number}{}", "é".repeat(60))));
        }
        assert!(sitting.href().len() < 720, "{}", sitting.href());
    }

    #[test]
    fn what_makes_no_sense_is_refused_or_left_out() {
        assert!(Sitting::read("steal", "", "").is_err());
        assert!(Sitting::read("", "x", "").is_err());
        let scans = Sitting::read("", "", "p r px u  é z9 p5").unwrap().scans;
        assert_eq!(scans, Scans(vec![posted(5)]));
    }
}
