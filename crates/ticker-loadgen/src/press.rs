//! Presses: changes of one level, and what is answered to them.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::answer::Answer;

/// A change that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Press {
    /// Its idempotency key: sent again, it is the same press.
    pub(crate) key: Uuid,
    /// The item's id.
    pub(crate) item: i64,
    /// The location's id.
    pub(crate) location: i64,
    /// By how much, in the item's unit.
    pub(crate) delta: i64,
}

/// The answer to a change that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Posted {
    /// The posting's id.
    pub(crate) posting: i64,
    /// The item's id.
    pub(crate) item: i64,
    /// The location's id.
    pub(crate) location: i64,
    /// By how much, in the item's unit.
    pub(crate) delta: i64,
    /// On hand at the location afterwards.
    pub(crate) on_hand: i64,
    /// The level's version afterwards.
    pub(crate) version: i64,
    /// Whether the key was answered before.
    pub(crate) replayed: bool,
}

/// What became of a press, by one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It happened.
    Posted(Posted),
    /// It did not happen, and will not under this key.
    Refused(Refused),
    /// The answer is not one that this press can have.
    Unexpected {
        /// Its status.
        status: u16,
    },
    /// No answer came in all the time there was.
    GaveUp,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Its status: 409 for what stands under the key.
    pub(crate) status: u16,
    /// The rule, such as `short_of_stock`.
    pub(crate) refusal: Option<String>,
    /// How much there was, where that is the reason.
    pub(crate) on_hand: Option<i64>,
}

#[derive(Deserialize)]
struct Problem {
    refusal: Option<String>,
    on_hand: Option<i64>,
}

impl Press {
    /// What `answer`, or that none came, says about this press.
    pub(crate) fn judge(&self, answer: Option<&Answer>, body: &[u8]) -> Verdict {
        let Some(answer) = answer else {
            return Verdict::GaveUp;
        };
        let judged = match answer.status {
            StatusCode::OK => self.judge_posted(body),
            StatusCode::CONFLICT => judge_refused(body),
            _ => None,
        };
        judged.unwrap_or_else(|| Verdict::Unexpected {
            status: answer.status.as_u16(),
        })
    }

    fn judge_posted(&self, body: &[u8]) -> Option<Verdict> {
        let posted: Posted = serde_json::from_slice(body).ok()?;
        let same = (posted.item, posted.location, posted.delta);
        ((self.item, self.location, self.delta) == same).then_some(Verdict::Posted(posted))
    }
}

fn judge_refused(body: &[u8]) -> Option<Verdict> {
    let Problem { refusal, on_hand } = serde_json::from_slice(body).ok()?;
    Some(Verdict::Refused(Refused {
        status: StatusCode::CONFLICT.as_u16(),
        refusal,
        on_hand,
    }))
}

/// Why the answers to one key cannot all be true, if they cannot: they must name the same posting with
/// the same quantity, or the same refusal, and only one can be the first.
pub(crate) fn disagreement(verdicts: &[Verdict]) -> Option<String> {
    let mut recorded = verdicts.iter().filter_map(|verdict| match verdict {
        Verdict::Posted(posted) => Some(Verdict::Posted(Posted {
            replayed: false,
            ..*posted
        })),
        Verdict::Refused(_) => Some(verdict.clone()),
        Verdict::Unexpected { .. } | Verdict::GaveUp => None,
    });
    let first = recorded.next()?;
    if let Some(other) = recorded.find(|other| *other != first) {
        return Some(format!("answered {first:?} and {other:?}"));
    }
    let fresh = |verdict: &&Verdict| matches!(verdict, Verdict::Posted(posted) if !posted.replayed);
    (verdicts.iter().filter(fresh).count() > 1)
        .then(|| format!("{first:?} came first more than once"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRESS: Press = Press {
        key: Uuid::from_u128(1),
        item: 5,
        location: 1,
        delta: 1,
    };

    fn judge(status: u16, body: &str) -> Verdict {
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: None,
            session: None,
            location: None,
            tries: 1,
        };
        PRESS.judge(Some(&answer), body.as_bytes())
    }

    fn posted(posting: i64, on_hand: i64, replayed: bool) -> Verdict {
        Verdict::Posted(Posted {
            posting,
            item: 5,
            location: 1,
            delta: 1,
            on_hand,
            version: 17,
            replayed,
        })
    }

    #[test]
    fn answers_are_judged() {
        let body = r#"{"posting":123,"item":5,"location":1,"delta":1,"on_hand":42,"version":17,"replayed":false}"#;
        assert_eq!(judge(200, body), posted(123, 42, false));
        let refused = r#"{"title":"No","status":409,"refusal":"short_of_stock","on_hand":0}"#;
        assert!(matches!(
            judge(409, refused),
            Verdict::Refused(Refused {
                on_hand: Some(0),
                ..
            })
        ));
        assert_eq!(PRESS.judge(None, b""), Verdict::GaveUp);
    }

    #[test]
    fn an_answer_about_something_else_is_unexpected() {
        let other = r#"{"posting":123,"item":5,"location":1,"delta":2,"on_hand":42,"version":17,"replayed":false}"#;
        for (status, body) in [
            (200, other),
            (200, "<html>"),
            (409, "<html>"),
            (422, "{}"),
            (500, ""),
        ] {
            assert!(
                matches!(judge(status, body), Verdict::Unexpected { .. }),
                "{status} {body}"
            );
        }
    }

    #[test]
    fn the_same_answer_again_is_no_disagreement() {
        assert_eq!(
            disagreement(&[posted(1, 5, true), posted(1, 5, false), Verdict::GaveUp]),
            None
        );
        assert_eq!(
            disagreement(&[posted(1, 5, true), posted(1, 5, true)]),
            None
        );
        assert_eq!(disagreement(&[]), None);
    }

    #[test]
    fn other_postings_quantities_and_two_firsts_are_disagreements() {
        let refused = Verdict::Refused(Refused {
            status: 409,
            refusal: None,
            on_hand: None,
        });
        for pair in [
            [posted(1, 5, false), posted(2, 5, true)],
            [posted(1, 5, false), posted(1, 6, true)],
            [posted(1, 5, false), refused],
            [posted(1, 5, false), posted(1, 5, false)],
        ] {
            assert!(disagreement(&pair).is_some(), "{pair:?}");
        }
    }
}
