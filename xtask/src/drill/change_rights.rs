//! Somebody's rights are taken away while they press with all their might.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::checker;
use super::load::{Gave, Load};
use super::pause::pause;
use super::stage::Stage;
use super::verdict::{Verdict, float};
use crate::ground::Replica;
use crate::progress::Step;
use crate::secrets;

/// What is broken on purpose.
pub(super) const CONTROL: &str = "a trigger keeps auth_epoch as it is";
/// The check that nothing is written after the commit that took the right away.
pub(super) const ADMITTED: &str = "writes admitted after the commit";

const BLIND: &str = "ALTER TABLE audit_events DROP CONSTRAINT audit_events_user_id_auth_epoch_key;
                     CREATE FUNCTION blind() RETURNS trigger LANGUAGE plpgsql AS
                         'BEGIN new.auth_epoch := old.auth_epoch; RETURN new; END';
                     CREATE TRIGGER blind BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION blind();";
const NAME: &str = "victim";
/// Long enough for whatever was admitted to be committed, and short for being turned away at full speed.
const AFTERMATH: Duration = Duration::from_millis(500);

/// Two replicas that others keep busy; a further process takes the right away.
pub(super) fn run(stage: &mut Stage) -> Result<Verdict> {
    let replicas = [
        Replica::start(&stage.ground, "one")?,
        Replica::start(&stage.ground, "other")?,
    ];
    let urls = replicas.each_ref().map(Replica::url);
    let accounts = make_victim(stage)?;
    if stage.is_control {
        stage.sql(BLIND)?;
    }
    let others = Load::start(
        &stage.ground,
        &urls,
        &["--clients", "16", "--duration", "60m"],
    )?;
    stage.await_postings(100)?;
    let step = Step::start(format!("Taking rights away {} times", stage.times));
    let (mut gave, mut admitted, mut spared) = (Vec::new(), 0.0, 0);
    for change in 0..stage.times {
        let one = press_until_changed(stage, &urls, &accounts, change)?;
        admitted += number_admitted(stage)?;
        spared += u64::from(one.outcomes("unexpected") == 0);
        gave.push(one);
    }
    gave.push(others.finish()?);
    step.done();

    let done = format!(
        "{} times somebody was demoted or disabled while 8 clients pressed for them and 16 for others at 2 replicas",
        stage.times
    );
    let mut verdict = Verdict::of(done);
    verdict.at_most(ADMITTED, admitted, "", 0.0);
    verdict.never("changes after which nobody was turned away", spared);
    verdict.tell(
        "turned away",
        float(gave.iter().map(|one| one.outcomes("unexpected")).sum()),
        "",
    );
    checker::judge(&mut verdict, stage, &urls[0], &gave)?;
    Ok(verdict)
}

/// An account whose password stands in a file of its own.
fn make_victim(stage: &Stage) -> Result<PathBuf> {
    let password = secrets::password()?;
    let create = [
        "user",
        "create",
        NAME,
        "--role",
        "manager",
        "--password-stdin",
        "--keep-password",
    ];
    stage.ground.run(&create, &password)?;
    let file = stage.ground.folder().join("victim.account");
    secrets::write(&file, &format!("{NAME}:{password}"))?;
    Ok(file)
}

/// Lets the victim press, takes the right away meanwhile, and gives it back afterwards.
fn press_until_changed(
    stage: &Stage,
    urls: &[String],
    accounts: &Path,
    change: u32,
) -> Result<Gave> {
    let ways = [
        ["set-role", "staff", "set-role", "manager"],
        ["disable", "", "enable", ""],
    ];
    let [take, lesser, restore, former] = ways[usize::from(change % 2 == 1)];
    let pressed = || {
        stage.number(&format!(
            "SELECT count(*) FROM postings WHERE {}",
            of_victim()
        ))
    };
    let before = pressed()?;
    let name = format!("{NAME}{change}");
    let more = ["--clients", "8", "--duration", "60m"];
    let load = Load::start_as(&stage.ground, &name, accounts, urls, &more)?;
    let begun = Instant::now();
    while pressed()? < before + 40.0 {
        if begun.elapsed() > Duration::from_mins(1) {
            bail!("the victim does not get to press");
        }
        pause(Duration::from_millis(10))?;
    }
    set(stage, take, lesser)?;
    pause(AFTERMATH)?;
    let gave = load.finish()?;
    set(stage, restore, former)?;
    Ok(gave)
}

fn set(stage: &Stage, command: &str, role: &str) -> Result<()> {
    let words = ["user", command, NAME, role];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    stage.ground.run(&words, "")?;
    Ok(())
}

/// How many postings of the victim were committed between the last two changes of its rights: the one that
/// took them away, and the one that gave them back.
fn number_admitted(stage: &Stage) -> Result<f64> {
    let changes = format!(
        "SELECT pg_xact_commit_timestamp(xmin) AS at FROM audit_events WHERE user_id = {} ORDER BY id DESC LIMIT 2",
        victim()
    );
    stage.number(&format!(
        "SELECT count(*) FROM postings WHERE {} \
         AND pg_xact_commit_timestamp(xmin) >= (SELECT min(at) FROM ({changes}) change)",
        of_victim()
    ))
}

fn victim() -> String {
    format!("(SELECT id FROM users WHERE username = '{NAME}')")
}

fn of_victim() -> String {
    format!("actor_id = {}", victim())
}
