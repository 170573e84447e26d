//! The network fails between Ticker and its database, and between clients and Ticker.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::acknowledgements::{Acknowledgements, Fault, quantile};
use super::checker;
use super::idle;
use super::lie;
use super::load::{Gave, Load};
use super::pause::{now_ms, pause, varied};
use super::proxy::{Mode, Proxy};
use super::stage::Stage;
use super::verdict::Verdict;
use crate::ground::Replica;
use crate::progress::Step;

/// One replica with a proxy on either side; each in turn cuts or stalls everything.
pub(super) fn run(stage: &mut Stage) -> Result<Verdict> {
    let (behind, way) = lie::proxy(stage)?;
    let replica = Replica::start_by(&stage.ground, "ticker", way)?;
    let before = Proxy::to(replica.port())?;
    let most = Duration::from_secs(if stage.is_short { 2 } else { 30 });
    let work = || break_again_and_again(stage, &replica, [&behind, &before], most);
    let ((gave, faults), idle_s) = idle::watched(stage, work)?;

    let done = format!(
        "{} times the network between app and database or clients and app was cut or stalled for 1–{} s under \
         32 clients",
        stage.times,
        most.as_secs()
    );
    let mut verdict = Verdict::of(done);
    let recoveries_s = Acknowledgements::read(&gave.log)?.recoveries_s(&faults);
    verdict.tell("recovery median", quantile(&recoveries_s, 0.5), "s");
    verdict.at_most("recovery max", quantile(&recoveries_s, 1.0), "s", 5.0);
    // The limit is 10 s, and PostgreSQL looks at it when its timer rings.
    verdict.at_most("idle in transaction", idle_s, "s", 10.5);
    verdict.never("answers that none may get", gave.wrong());
    verdict.detail(json!({ "recoveries_s": recoveries_s }));
    checker::judge(&mut verdict, stage, &replica.url(), &[gave])?;
    Ok(verdict)
}

fn break_again_and_again(
    stage: &Stage,
    replica: &Replica,
    proxies: [&Proxy; 2],
    most: Duration,
) -> Result<(Gave, Vec<Fault>)> {
    let origin = replica.url();
    let url = format!("http://127.0.0.1:{}", proxies[1].port());
    let options = ["--origin", &origin, "--clients", "32", "--duration", "60m"];
    let load = Load::start(&stage.ground, &[url], &options)?;
    stage.await_postings(100)?;
    lie::begin(stage, proxies[0]);
    let step = Step::start(format!("Breaking the network {} times", stage.times));
    let mut faults = Vec::new();
    for number in 0..stage.times {
        let proxy = proxies[usize::from(number % 2 == 1)];
        let mode = if number % 4 < 2 {
            Mode::Cut
        } else {
            Mode::Stalled
        };
        let begun_ms = now_ms();
        proxy.set(mode);
        pause(varied(number, Duration::from_secs(1), most))?;
        proxy.set(Mode::Open);
        let over_ms = now_ms();
        faults.push(Fault { begun_ms, over_ms });
        stage.await_postings(50)?;
        pause(varied(
            number,
            Duration::from_millis(100),
            Duration::from_millis(900),
        ))?;
    }
    let gave = load.finish()?;
    step.done();
    Ok((gave, faults))
}
