//! What the ledger should decide, written as plainly as possible and without looking at how it does:
//! nothing but a list of everything that ever happened, from which all else is counted anew each time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use ticker_domain::id::{PostingId, UserId};
use ticker_domain::ledger::{
    Answer, Change, DELTA_MAX, Ground, Hash, IdempotencyKey, Kind, LevelId, Line, Movement,
    ON_HAND_MAX, Outcome, Posting, Refusal, Shelf,
};

#[derive(Clone)]
pub(crate) struct Model {
    epochs: BTreeMap<UserId, i64>,
    shelves: BTreeMap<LevelId, Shelf>,
    /// Everything that happened, in order.
    happened: Vec<Movement>,
    /// Everything that was answered, in order.
    answered: Vec<(IdempotencyKey, Content, Answer)>,
    /// What was taken back, in order.
    undone: Vec<PostingId>,
}

/// What makes two postings the same, spelled out.
type Content = (
    UserId,
    &'static str,
    &'static str,
    Option<String>,
    Vec<Line>,
    Kind,
);

impl Model {
    pub(crate) fn new(ground: &Ground) -> Self {
        assert!(ground.recorded.is_empty(), "the model remembers by itself");
        Self {
            epochs: ground.epochs.clone(),
            shelves: ground.shelves.clone(),
            happened: Vec::new(),
            answered: Vec::new(),
            undone: Vec::new(),
        }
    }

    pub(crate) fn decide(&mut self, postings: &[Posting], at: Timestamp) -> Vec<Outcome> {
        postings
            .iter()
            .map(|posting| self.decide_one(posting, at))
            .collect()
    }

    /// On hand, version and hash of a level by all that happened; `None` where nothing can happen.
    pub(crate) fn level(&self, id: LevelId) -> Option<(i64, i64, Hash)> {
        let Shelf::Open(start) = self.shelves.get(&id)? else {
            return None;
        };
        let moves: Vec<&Movement> = self
            .happened
            .iter()
            .filter(|moved| moved.level == id)
            .collect();
        let on_hand = start.on_hand + moves.iter().map(|moved| moved.delta).sum::<i64>();
        let hash = moves.last().map_or(start.hash, |moved| moved.hash);
        Some((
            on_hand,
            start.version + i64::try_from(moves.len()).unwrap(),
            hash,
        ))
    }

    fn decide_one(&mut self, posting: &Posting, at: Timestamp) -> Outcome {
        if self.epochs.get(&posting.actor().user).copied() != Some(posting.actor().epoch) {
            return Outcome::RightsChanged;
        }
        for (key, content, answer) in &self.answered {
            if *key == posting.key() {
                let same = *content == content_of(posting);
                return if same {
                    Outcome::Replayed(answer.clone())
                } else {
                    Outcome::KeyReused
                };
            }
        }
        // Let it happen, and take everything back if a line cannot.
        let before = self.happened.len();
        let refusal = match posting.kind() {
            Kind::Undo(posting) if self.undone.contains(&posting) => {
                Some(Refusal::AlreadyUndone { posting })
            }
            _ => posting
                .lines()
                .iter()
                .find_map(|line| self.happen(posting, line, at).err()),
        };
        let answer = if let Some(refusal) = refusal {
            self.happened.truncate(before);
            Answer::Refused(refusal)
        } else {
            self.undone.extend(posting.kind().undoes());
            Answer::Posted(self.happened[before..].to_vec())
        };
        self.answered
            .push((posting.key(), content_of(posting), answer.clone()));
        Outcome::Answered(answer)
    }

    fn happen(&mut self, posting: &Posting, line: &Line, at: Timestamp) -> Result<(), Refusal> {
        let level = line.level();
        let (item, location) = (level.item, level.location);
        match self.shelves.get(&level) {
            None => return Err(Refusal::UnknownItem { item }),
            Some(Shelf::ItemArchived) => return Err(Refusal::ItemArchived { item }),
            Some(Shelf::LocationUnknown) => return Err(Refusal::UnknownLocation { location }),
            Some(Shelf::Open(_)) => {}
        }
        let (on_hand, version, hash) = self.level(level).expect("it is open");
        let after = match line.wanted() {
            Change::By(delta) => i128::from(on_hand) + i128::from(delta),
            Change::Counted {
                on_hand: counted,
                seen_version,
            } => {
                if seen_version != version {
                    return Err(Refusal::LevelMoved {
                        item,
                        location,
                        on_hand,
                        version,
                    });
                }
                i128::from(counted)
            }
        };
        let delta = after - i128::from(on_hand);
        if delta.abs() > i128::from(DELTA_MAX) {
            return Err(Refusal::ChangeTooLarge {
                item,
                location,
                on_hand,
            });
        }
        if after < 0 {
            return Err(Refusal::ShortOfStock {
                item,
                location,
                on_hand,
            });
        }
        if after > i128::from(ON_HAND_MAX) {
            return Err(Refusal::AboveMaximum {
                item,
                location,
                on_hand,
            });
        }
        let mut moved = Movement {
            level,
            number: version + 1,
            delta: i64::try_from(delta).unwrap(),
            before: on_hand,
            after: i64::try_from(after).unwrap(),
            hash,
        };
        moved.hash = expected_hash(hash, &moved, posting, at);
        self.happened.push(moved);
        Ok(())
    }
}

fn content_of(posting: &Posting) -> Content {
    (
        posting.actor().user,
        posting.reason().as_str(),
        posting.source().as_str(),
        posting.note().map(|note| note.as_str().to_owned()),
        posting.lines().to_vec(),
        posting.kind(),
    )
}

/// The chain's encoding as its documentation gives it.
pub(crate) fn expected_hash(
    previous: Hash,
    moved: &Movement,
    posting: &Posting,
    at: Timestamp,
) -> Hash {
    let mut bytes = previous.0.to_vec();
    let integers = [
        moved.level.item.0,
        moved.level.location.0,
        moved.number,
        moved.delta,
        moved.before,
        moved.after,
        posting.actor().user.0,
        at.as_microsecond(),
    ];
    bytes.extend(integers.iter().flat_map(|integer| integer.to_be_bytes()));
    bytes.extend(posting.key().0.into_bytes());
    let note = posting.note().map_or("", |note| note.as_str());
    for text in [posting.reason().as_str(), posting.source().as_str(), note] {
        bytes.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
        bytes.extend(text.bytes());
    }
    Hash(Sha256::digest(bytes).into())
}
