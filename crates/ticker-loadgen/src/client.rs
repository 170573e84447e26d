//! A client: an account with a session, and lanes to send its requests through.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use futures_util::future::join_all;
use http::{HeaderValue, StatusCode};

use crate::account::Account;
use crate::answer::Answer;
use crate::ask::{Ask, Path};
use crate::journal::{Acknowledged, Event, Journal};
use crate::lane::{Lane, Route};
use crate::press::{Press, Verdict, disagreement};
use crate::scenario::Operation;
use crate::tally::{Kind, Outcome, SharedTally};

/// A client.
pub(crate) struct Client {
    account: Account,
    session: Option<HeaderValue>,
    /// One for each time that a press is sent; what is not a press takes the first.
    lanes: Vec<Lane>,
    tally: SharedTally,
    journal: Option<Arc<Journal>>,
}

impl Client {
    /// The client of that number, from 0; it sends each press through `lanes` lanes at once.
    pub(crate) fn new(
        account: Account,
        route: &Arc<Route>,
        number: usize,
        lanes: usize,
        journal: Option<Arc<Journal>>,
    ) -> Self {
        let lanes = (number..number + lanes).map(|number| Lane::new(Arc::clone(route), number));
        Self {
            account,
            session: None,
            lanes: lanes.collect(),
            tally: route.tally.clone(),
            journal,
        }
    }

    /// Begins a session, before anything is measured.
    ///
    /// # Errors
    /// When the account may not sign in, or nobody answers.
    pub(crate) async fn sign_in(&mut self) -> anyhow::Result<()> {
        let name = self.account.name.clone();
        let lane = &mut self.lanes[0];
        let answer = lane.ask(&Ask::sign_in(&self.account), false).await;
        let answer = answer.with_context(|| format!("no answer to the sign-in of {name}"))?;
        if answer.status != StatusCode::SEE_OTHER || answer.session.is_none() {
            bail!("{name} cannot sign in: {}", answer.words(&lane.body));
        }
        self.session = answer.session;
        Ok(())
    }

    /// The session that the client has.
    pub(crate) fn session(&self) -> Option<&HeaderValue> {
        self.session.as_ref()
    }

    /// Reads a page, before anything is measured.
    ///
    /// # Errors
    /// When it does not come, or is not text.
    pub(crate) async fn read(&mut self, path: Path) -> anyhow::Result<String> {
        let ask = Ask::page(path, self.session.as_ref());
        let lane = &mut self.lanes[0];
        let answer = lane.ask(&ask, false).await.context("no answer")?;
        if answer.status != StatusCode::OK {
            bail!("{}", answer.words(&lane.body));
        }
        Ok(String::from_utf8(lane.body.clone())?)
    }

    /// Carries out an operation that was due at `due`, and counts how it ended.
    ///
    /// # Errors
    /// When the log cannot be written: then nothing more may be sent.
    pub(crate) async fn carry_out(
        &mut self,
        operation: Operation,
        due: Instant,
    ) -> anyhow::Result<Outcome> {
        self.tally.lock().begun += 1;
        let (kind, outcome) = match operation {
            Operation::Press(press) => (Kind::Press, self.press(&press).await?),
            Operation::Read(path) => {
                let ask = Ask::page(path, self.session.as_ref());
                let is_page = |answer: &Answer| answer.status == StatusCode::OK;
                let outcome = self.ask(&ask, is_page, Outcome::Read).await;
                (kind_of(path), outcome)
            }
            Operation::SignIn => {
                let ask = Ask::sign_in(&self.account);
                let begins = |answer: &Answer| {
                    answer.status == StatusCode::SEE_OTHER && answer.session.is_some()
                };
                (
                    Kind::SignIn,
                    self.ask(&ask, begins, Outcome::SignedIn).await,
                )
            }
        };
        self.tally.lock().count(kind, outcome, due);
        Ok(outcome)
    }

    /// Asks once; the outcome is `good` if the answer is.
    async fn ask(
        &mut self,
        ask: &Ask,
        is_good: impl FnOnce(&Answer) -> bool,
        good: Outcome,
    ) -> Outcome {
        let lane = &mut self.lanes[0];
        let Some(answer) = lane.ask(ask, false).await else {
            return Outcome::GaveUp;
        };
        if is_good(&answer) {
            return good;
        }
        let words = || format!("{ask}: {}", answer.words(&lane.body));
        self.tally.lock().complain(words);
        Outcome::Unexpected
    }

    async fn press(&mut self, press: &Press) -> anyhow::Result<Outcome> {
        self.log(|| Event::Intent(*press))?;
        let ask = Ask::press(press, self.session.as_ref());
        let answers = join_all(self.lanes.iter_mut().map(|lane| lane.ask(&ask, true))).await;
        let verdicts: Vec<Verdict> = self
            .lanes
            .iter()
            .zip(&answers)
            .map(|(lane, answer)| press.judge(answer.as_ref(), &lane.body))
            .collect();
        if let Some(words) = disagreement(&verdicts) {
            let mut tally = self.tally.lock();
            tally.disagreements += 1;
            tally.complain(|| format!("key {}: {words}", press.key));
        }
        // All answers are logged, so that the checker judges each by itself.
        for (verdict, answer) in verdicts.iter().zip(&answers) {
            let is_only =
                self.lanes.len() == 1 && answer.as_ref().is_some_and(|answer| answer.tries == 1);
            self.log(|| event(press, verdict, is_only))?;
        }
        let last = verdicts.iter().map(outcome).max();
        let last = last.context("a client has a lane")?;
        if let Some(Verdict::Unexpected { words, .. }) =
            verdicts.iter().find(|one| outcome(one) == last)
        {
            self.tally.lock().complain(|| format!("{ask}: {words}"));
        }
        Ok(last)
    }

    fn log(&self, event: impl FnOnce() -> Event) -> anyhow::Result<()> {
        match &self.journal {
            Some(journal) => journal.append(event()).context("cannot write the log"),
            None => Ok(()),
        }
    }
}

fn kind_of(path: Path) -> Kind {
    match path {
        Path::Inventory => Kind::Inventory,
        Path::Item(_) | Path::Adjust(_) => Kind::Item,
        Path::History(_) => Kind::History,
    }
}

/// How a press ended by one answer.
fn outcome(verdict: &Verdict) -> Outcome {
    match verdict {
        Verdict::Posted(posted) if posted.replayed => Outcome::Replayed,
        Verdict::Posted(_) => Outcome::Posted,
        Verdict::Refused(_) => Outcome::Refused,
        Verdict::Unexpected { .. } => Outcome::Unexpected,
        Verdict::GaveUp => Outcome::GaveUp,
    }
}

/// What the log says of an answer. Whoever is turned away at the only try has not posted; an earlier try
/// may have got through.
fn event(press: &Press, verdict: &Verdict, is_only_try: bool) -> Event {
    let key = press.key;
    match verdict {
        Verdict::Posted(posted) => Event::Posted(Acknowledged::new(key, posted)),
        Verdict::Refused(refused) => Event::Refused {
            key,
            status: refused.status,
        },
        Verdict::Unexpected {
            status: status @ (401 | 403 | 404),
            ..
        } if is_only_try => Event::Refused {
            key,
            status: *status,
        },
        Verdict::Unexpected { status, .. } => Event::Unknown {
            key,
            status: Some(*status),
        },
        Verdict::GaveUp => Event::Unknown { key, status: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turned_away_is_refused_only_if_nothing_was_sent_before() {
        let press = Press {
            key: uuid::Uuid::from_u128(7),
            item: 5,
            location: 1,
            delta: 1,
        };
        let away = Verdict::Unexpected {
            status: 403,
            words: String::new(),
        };
        let key = press.key;
        assert_eq!(
            event(&press, &away, true),
            Event::Refused { key, status: 403 }
        );
        assert_eq!(
            event(&press, &away, false),
            Event::Unknown {
                key,
                status: Some(403)
            }
        );
    }
}
