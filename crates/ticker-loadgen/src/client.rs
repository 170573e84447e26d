//! A client: an account with a session, and lanes to send its requests through.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use futures_util::future::join_all;
use http::{HeaderValue, StatusCode};

use crate::account::Account;
use crate::addition::{self, Addition};
use crate::answer::Answer;
use crate::ask::{Ask, Path};
use crate::attempts::Attempt;
use crate::failure::{Broken, Failure};
use crate::journal::{Acknowledged, Event, Journal};
use crate::lane::{Lane, Route};
use crate::press::{Press, Verdict, disagreement};
use crate::scenario::Operation;
use crate::tally::{Kind, Outcome, SharedTally};

/// A client.
pub(crate) struct Client {
    account: Account,
    session: Option<HeaderValue>,
    /// An answer has said that the session is not known any more.
    is_session_lost: bool,
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
            is_session_lost: false,
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
        let Some(answer) = answer else {
            bail!(
                "no answer to the sign-in of {name}: {}",
                lane.last_failure()
            );
        };
        if answer.status != StatusCode::SEE_OTHER || answer.session.is_none() {
            bail!("{name} cannot sign in: {}", answer.words(&lane.body));
        }
        self.session = answer.session;
        Ok(())
    }

    /// Goes on with a session that another client of the same account began.
    pub(crate) fn join(&mut self, session: HeaderValue) {
        self.session = Some(session);
    }

    /// Who it signs in as.
    pub(crate) fn name(&self) -> &str {
        &self.account.name
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
        let ask = Ask::page(&path, self.session.as_ref());
        let lane = &mut self.lanes[0];
        let Some(answer) = lane.ask(&ask, false).await else {
            bail!("no answer: {}", lane.last_failure());
        };
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
        if !matches!(operation, Operation::Add(..)) {
            self.tally.lock().begun += 1;
        }
        let (kind, outcome) = match operation {
            Operation::Press(press) => (Kind::Press, self.press(&press).await?),
            Operation::Add(addition, pause) => (Kind::Slow, self.add(addition, pause).await?),
            Operation::Read(path) => {
                let ask = Ask::page(&path, self.session.as_ref());
                let is_page = |answer: &Answer| answer.status == StatusCode::OK;
                let outcome = self.ask(&ask, is_page, Outcome::Read).await;
                (ask.kind(), outcome)
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
        let attempt = lane.attempt(ask);
        if is_good(&answer) {
            self.tally.lock().attempts.succeed(attempt);
            return good;
        }
        let broken = answer.failure(&lane.body);
        self.complain(ask, attempt, broken);
        Outcome::Unexpected
    }

    /// Adds an item; what the log says of it is proved by its posting.
    async fn add(&mut self, addition: Addition, pause: Duration) -> anyhow::Result<Outcome> {
        let ask = Ask::add(&addition, addition::about(pause), self.session.as_ref());
        let key = addition.key;
        self.log(|| Event::Adding(addition))?;
        let mut item = None;
        let is_added = |answer: &Answer| {
            item = addition::added(answer.location.as_deref());
            answer.status == StatusCode::SEE_OTHER && item.is_some()
        };
        let outcome = self.ask(&ask, is_added, Outcome::Added).await;
        match item.filter(|_| outcome == Outcome::Added) {
            Some(item) => self.log(|| Event::Added { key, item })?,
            None => self.log(|| Event::Unknown { key, status: None })?,
        }
        if outcome == Outcome::Unexpected {
            // Whoever is turned away at once takes as much time.
            tokio::time::sleep(pause).await;
        }
        Ok(outcome)
    }

    /// Counts an answer that was not to be expected.
    fn complain(&mut self, ask: &Ask, attempt: Attempt, broken: Broken) {
        let mut tally = self.tally.lock();
        tally.complain(|| format!("{ask}: {}", broken.words));
        if broken.failure == Failure::SessionLost && !self.is_session_lost {
            self.is_session_lost = true;
            let name = self.account.name.clone();
            *tally.sessions_lost.entry(name).or_default() += 1;
        }
        tally.attempts.fail(attempt, broken);
    }

    async fn press(&mut self, press: &Press) -> anyhow::Result<Outcome> {
        self.log(|| Event::Intent(*press))?;
        let ask = Ask::press(press, self.session.as_ref());
        let sent = Instant::now();
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
        for (number, (verdict, answer)) in verdicts.iter().zip(&answers).enumerate() {
            let lane = &self.lanes[number];
            let attempt = lane.attempt(&ask);
            match (verdict, answer) {
                (Verdict::Posted(_) | Verdict::Refused(_), _) => {
                    let mut tally = self.tally.lock();
                    tally.attempts.succeed(attempt);
                    if let (Some(acknowledged), Verdict::Posted(posted)) =
                        (&mut tally.acknowledged, verdict)
                    {
                        acknowledged.push((sent, *posted));
                    }
                }
                (Verdict::Unexpected { .. }, Some(answer)) => {
                    let broken = answer.failure(&lane.body);
                    self.complain(&ask, attempt, broken);
                }
                // Each try was counted when it failed.
                (Verdict::Unexpected { .. } | Verdict::GaveUp, _) => (),
            }
        }
        verdicts
            .iter()
            .map(outcome)
            .max()
            .context("a client has a lane")
    }

    fn log(&self, event: impl FnOnce() -> Event) -> anyhow::Result<()> {
        match &self.journal {
            Some(journal) => journal.append(event()).context("cannot write the log"),
            None => Ok(()),
        }
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
        } if is_only_try => Event::Refused {
            key,
            status: *status,
        },
        Verdict::Unexpected { status } => Event::Unknown {
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
        let away = Verdict::Unexpected { status: 403 };
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
