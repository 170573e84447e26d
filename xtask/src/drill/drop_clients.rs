//! Clients send each press several times at once and go away in the middle of it.

use anyhow::Result;

use super::checker;
use super::idle;
use super::load::Load;
use super::stage::Stage;
use super::verdict::{Verdict, float};
use crate::ground::Replica;
use crate::progress::Step;

/// What is broken on purpose.
pub(super) const CONTROL: &str = "a trigger keeps keys from being remembered";

const FORGET: &str = "CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
                      CREATE TRIGGER forget BEFORE INSERT ON posting_keys FOR EACH ROW EXECUTE FUNCTION forget();";

/// Two replicas; each press is sent three times in parallel, and three connections of ten are cut.
pub(super) fn run(stage: &mut Stage) -> Result<Verdict> {
    if stage.is_control {
        stage.sql(FORGET)?;
    }
    let replicas = [
        Replica::start(&stage.ground, "one")?,
        Replica::start(&stage.ground, "other")?,
    ];
    let urls = replicas.each_ref().map(Replica::url);
    let before = stage.number("SELECT count(*) FROM postings")?;
    let presses = stage.times.to_string();
    let step = Step::start(format!("Pressing {presses} times, three requests each"));
    let press = || {
        let more = [
            "--clients",
            "16",
            "--presses",
            &presses,
            "--duplicate",
            "3",
            "--cut",
            "0.3",
        ];
        Load::start(&stage.ground, &urls, &more)?.wait()
    };
    let (gave, idle_s) = idle::watched(stage, press)?;
    step.done();

    let done = format!("{presses} presses, each sent 3 times in parallel to 2 replicas, 30% cut");
    let mut verdict = Verdict::of(done);
    let effects = stage.number("SELECT count(*) FROM postings")? - before;
    verdict.tell("connections cut", float(gave.sent_again("cut")), "");
    verdict.at_most("idle in transaction", idle_s, "s", 5.0);
    verdict.never("answers that none may get or that differ", gave.wrong());
    let findings = checker::judge(&mut verdict, stage, &urls[0], &[gave])?;
    verdict.tell("keys", float(findings.keys), "");
    let meant = float(findings.posted + findings.open_found);
    verdict.at_most("effects beyond keys", (effects - meant).abs(), "", 0.0);
    Ok(verdict)
}
