//! `ledger::decide` against the model, and what must hold whatever is posted.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use ticker_domain::ledger::{
    Answer, Change, Ground, Level, LevelId, Movement, ON_HAND_MAX, Outcome, Posting, Shelf, decide,
};

use crate::model::{Model, expected_hash};
use crate::postings::{at, batch, ground};

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_decides_as_the_model_does(mut ground in ground(), postings in batch()) {
        let mut model = Model::new(&ground);
        let expected = model.decide(&postings, at());
        prop_assert_eq!(decide(&mut ground, &postings, at()), expected);
        for (id, shelf) in &ground.shelves {
            let level = match shelf {
                Shelf::Open(level) => Some((level.on_hand, level.version, level.hash)),
                Shelf::ItemArchived | Shelf::LocationUnknown => None,
            };
            prop_assert_eq!(level, model.level(*id), "{:?}", id);
        }
    }

    #[test]
    fn the_invariants_hold_after_every_posting(ground in ground(), postings in batch()) {
        let mut walked = ground;
        for posting in &postings {
            let before = walked.clone();
            let outcome = decide(&mut walked, std::slice::from_ref(posting), at()).remove(0);
            if let Outcome::Answered(Answer::Posted(movements)) = outcome {
                check_posted(&before, &walked, posting, &movements)?;
            } else {
                prop_assert_eq!(&before.shelves, &walked.shelves, "{:?} moved something", outcome);
            }
            prop_assert_eq!(&before.epochs, &walked.epochs);
        }
    }

    #[test]
    fn sending_everything_again_gives_the_first_answers_and_changes_nothing(
        mut ground in ground(), postings in batch()
    ) {
        let first = decide(&mut ground, &postings, at());
        let left = ground.clone();
        let second = decide(&mut ground, &postings, at());
        for (first, second) in first.iter().zip(&second) {
            match first {
                Outcome::Answered(answer) | Outcome::Replayed(answer) => {
                    prop_assert_eq!(second, &Outcome::Replayed(answer.clone()));
                }
                Outcome::KeyReused | Outcome::RightsChanged => prop_assert_eq!(second, first),
            }
        }
        prop_assert_eq!(&ground.shelves, &left.shelves);
        prop_assert_eq!(&ground.recorded, &left.recorded);
    }

    #[test]
    fn whatever_is_taken_back_is_taken_back_once(mut ground in ground(), postings in batch()) {
        let mut undone = BTreeSet::new();
        for (posting, outcome) in postings.iter().zip(decide(&mut ground, &postings, at())) {
            let happened = matches!(outcome, Outcome::Answered(Answer::Posted(_)));
            if let Some(posting) = posting.kind().undoes().filter(|_| happened) {
                prop_assert!(undone.insert(posting), "{:?} twice", posting);
            }
        }
        prop_assert_eq!(ground.undone, undone);
    }

    #[test]
    fn splitting_a_batch_changes_nothing(
        mut whole in ground(), postings in batch(), cut in any::<prop::sample::Index>()
    ) {
        let mut parts = whole.clone();
        let expected = decide(&mut whole, &postings, at());
        let (head, tail) = postings.split_at(cut.index(postings.len() + 1));
        let mut outcomes = decide(&mut parts, head, at());
        outcomes.extend(decide(&mut parts, tail, at()));
        prop_assert_eq!(outcomes, expected);
        prop_assert_eq!(parts.shelves, whole.shelves);
        prop_assert_eq!(parts.recorded, whole.recorded);
    }

    #[test]
    fn postings_that_share_nothing_can_change_places(
        mut straight in ground(), postings in batch(), place in any::<prop::sample::Index>()
    ) {
        let apart = |place: &usize| !share_something(&postings[*place], &postings[*place + 1]);
        let places: Vec<usize> = (0..postings.len().saturating_sub(1)).filter(apart).collect();
        // A batch in which everything hangs together says nothing here.
        if places.is_empty() {
            return Ok(());
        }
        let place = *place.get(&places);
        let mut crossed = straight.clone();
        let expected = decide(&mut straight, &postings, at());
        let mut swapped = postings.clone();
        swapped.swap(place, place + 1);
        let mut outcomes = decide(&mut crossed, &swapped, at());
        outcomes.swap(place, place + 1);
        prop_assert_eq!(outcomes, expected);
        prop_assert_eq!(crossed.shelves, straight.shelves);
        prop_assert_eq!(crossed.recorded, straight.recorded);
    }

    #[test]
    fn under_changed_rights_nothing_happens_and_nothing_is_remembered(
        ground in ground(), postings in batch()
    ) {
        let mut walked = ground;
        for posting in &postings {
            let known = walked.recorded.clone();
            let may = walked.epochs.get(&posting.actor().user) == Some(&posting.actor().epoch);
            let outcome = decide(&mut walked, std::slice::from_ref(posting), at()).remove(0);
            prop_assert_eq!(outcome == Outcome::RightsChanged, !may);
            if !may {
                prop_assert_eq!(&walked.recorded, &known);
            }
        }
    }
}

/// Every line happened, nothing else did, and each level's chain goes on from where it was.
fn check_posted(
    before: &Ground,
    after: &Ground,
    posting: &Posting,
    movements: &[Movement],
) -> Result<(), TestCaseError> {
    prop_assert_eq!(movements.len(), posting.lines().len());
    let mut levels: BTreeMap<LevelId, Level> = BTreeMap::new();
    for (line, moved) in posting.lines().iter().zip(movements) {
        prop_assert_eq!(moved.level, line.level());
        match line.wanted() {
            Change::By(delta) => prop_assert_eq!(moved.delta, delta),
            Change::Counted { on_hand, .. } => prop_assert_eq!(moved.after, on_hand),
        }
        let level = levels
            .entry(moved.level)
            .or_insert_with(|| open(before, moved.level));
        prop_assert_eq!(moved.before, level.on_hand);
        prop_assert_eq!(moved.after, moved.before + moved.delta);
        prop_assert!((0..=ON_HAND_MAX).contains(&moved.after));
        prop_assert_eq!(moved.number, level.version + 1);
        prop_assert_eq!(moved.hash, expected_hash(level.hash, moved, posting, at()));
        *level = Level {
            on_hand: moved.after,
            version: moved.number,
            hash: moved.hash,
        };
    }
    for (id, shelf) in &before.shelves {
        let expected = levels.get(id).map_or(*shelf, |level| Shelf::Open(*level));
        prop_assert_eq!(after.shelves[id], expected);
    }
    Ok(())
}

fn open(ground: &Ground, id: LevelId) -> Level {
    match ground.shelves[&id] {
        Shelf::Open(level) => level,
        closed => panic!("something moved at {id:?}, which is {closed:?}"),
    }
}

fn share_something(one: &Posting, other: &Posting) -> bool {
    let touches = |level| other.lines().iter().any(|line| line.level() == level);
    let undoes = one.kind().undoes();
    let same_undone = undoes.is_some() && undoes == other.kind().undoes();
    one.key() == other.key() || same_undone || one.lines().iter().any(|line| touches(line.level()))
}
