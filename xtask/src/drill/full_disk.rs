//! The file system of the database is full, and has room again later.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::json;

use super::acknowledgements::{Acknowledgements, Fault, quantile};
use super::checker;
use super::lie;
use super::load::{Gave, Load};
use super::pause::{now_ms, pause};
use super::proxy::Proxy;
use super::small_disk::SmallDisk;
use super::stage::Stage;
use super::verdict::{Verdict, float};
use crate::ground::Replica;
use crate::progress::Step;

const FULL: &str = "No space left on device";
const NO_SMALL_DISK: &str = "no small file system can be mounted here, which takes root";
/// A disk that is full is noticed within this.
const NOTICED: Duration = Duration::from_mins(1);

/// So that the log of the database soon needs room.
const MODEST: &str =
    "ALTER SYSTEM SET max_wal_size = '64MB'; ALTER SYSTEM SET min_wal_size = '32MB';";

/// What was seen.
#[derive(Default)]
struct Seen {
    faults: Vec<Fault>,
    /// How often PostgreSQL gave up and recovered or ended, and how often it ended for good.
    panics: u32,
    ends: u32,
}

/// A replica, and a database whose data and whose log are each on a disk that fills up, in turn.
pub(super) fn run(stage: &mut Stage) -> Result<Verdict> {
    stage
        .ground
        .cluster
        .sql_outside_transaction("postgres", MODEST)?;
    stage.ground.cluster.pause();
    let data = stage.ground.place.data();
    let mut disks = Vec::new();
    for (name, folder) in [("disk", data.clone()), ("log-disk", data.join("pg_wal"))] {
        match SmallDisk::under(&stage.ground, name, &folder)? {
            Some(disk) => disks.push(disk),
            None => return Ok(Verdict::not_run(NO_SMALL_DISK)),
        }
    }
    stage.ground.cluster.start_again(&stage.ground.place)?;
    let (proxy, way) = lie::proxy(stage)?;
    let replica = Replica::start_by(&stage.ground, "ticker", way)?;
    let (gave, seen) = fill_again_and_again(stage, &disks, &replica, &proxy)?;

    let mut verdict = Verdict::of(format!(
        "{} times the file system of the data or, in turn, of the write-ahead log was full, 32 clients",
        stage.times
    ));
    let recoveries_s = Acknowledgements::read(&gave.log)?.recoveries_s(&seen.faults);
    verdict.tell("recovery max", quantile(&recoveries_s, 1.0), "s");
    verdict.tell("503 or the like", float(gave.sent_again("busy")), "");
    verdict.never("answers that none may get", gave.wrong());
    let Seen { panics, ends, .. } = seen;
    verdict.remark(format!(
        "PostgreSQL panicked in {panics} of them, and had to be started again by its supervisor in {ends}"
    ));
    verdict.detail(json!({ "recoveries_s": recoveries_s }));
    checker::judge(&mut verdict, stage, &replica.url(), &[gave])?;
    drop(replica);
    stage.ground.cluster.pause();
    Ok(verdict)
}

fn fill_again_and_again(
    stage: &mut Stage,
    disks: &[SmallDisk],
    replica: &Replica,
    proxy: &Proxy,
) -> Result<(Gave, Seen)> {
    let urls = [replica.url()];
    let load = Load::start(
        &stage.ground,
        &urls,
        &["--clients", "32", "--duration", "60m"],
    )?;
    stage.await_postings(100)?;
    lie::begin(stage, proxy);
    let step = Step::start(format!("Filling the disk {} times", stage.times));
    let mut seen = Seen::default();
    for disk in disks.iter().cycle().take(usize::try_from(stage.times)?) {
        let log_begins = stage.ground.cluster.log_since(0).len();
        let begun_ms = now_ms();
        disk.fill()?;
        await_full(stage, log_begins)?;
        pause(Duration::from_secs(if stage.is_short { 2 } else { 6 }))?;
        let said = stage.ground.cluster.log_since(log_begins);
        seen.panics += u32::from(said.contains("PANIC"));
        disk.free()?;
        let over_ms = now_ms();
        if stage.ground.cluster.ended()?.is_some() {
            seen.ends += 1;
            stage.ground.cluster.start_again(&stage.ground.place)?;
        }
        seen.faults.push(Fault { begun_ms, over_ms });
        stage.await_postings(50)?;
    }
    let gave = load.finish()?;
    step.done();
    Ok((gave, seen))
}

/// Waits until PostgreSQL has met the end of its disk. It keeps some files of its log for later, which are
/// used up so.
fn await_full(stage: &Stage, log_begins: usize) -> Result<()> {
    let begun = Instant::now();
    while !stage.ground.cluster.log_since(log_begins).contains(FULL) {
        if begun.elapsed() > NOTICED {
            bail!("PostgreSQL has not noticed within {NOTICED:?} that its disk is full");
        }
        // That it fails is what is waited for.
        let _ = stage.sql("SELECT pg_switch_wal()");
        pause(Duration::from_millis(50))?;
    }
    Ok(())
}
