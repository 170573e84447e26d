//! Presses: on one item, over all items, and on two processes.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::figure::{Figure, Reach, Series};
use super::load::Load;
use super::plan::Plan;
use super::report::Report;
use super::turns::{self, Sample, Side};
use super::yardstick::{self, Items};
use crate::ground::{Ground, Replica};
use crate::progress::Step;

/// Everybody presses on one item; the yardstick updates one row.
pub(super) fn hot(ground: &Ground, plan: &Plan) -> Result<Report> {
    let reaches = [Reach::AtLeast(12.0), Reach::AtLeast(20.0)];
    beside_yardstick(ground, plan, Items::One, |pressing, measured| {
        // One row cannot be updated by two at once: the yardstick with as many clients as Ticker is what
        // an application without a group commit would do.
        let base = &measured[plan.equal_clients()];
        let ratios = pressing.iter().zip(reaches);
        let mut figures: Vec<Figure> = ratios
            .map(|(series, reach)| series.over(base).reaching(reach))
            .collect();
        let best = best(measured);
        figures.extend(pressing.iter().map(|series| series.over(&best).into()));
        figures
    })
}

/// Each press is on another item, and so is each of the yardstick's updates.
pub(super) fn spread(ground: &Ground, plan: &Plan) -> Result<Report> {
    beside_yardstick(ground, plan, Items::All, |pressing, measured| {
        let best = best(measured);
        let ratios = pressing.iter().map(|series| series.over(&best));
        ratios
            .map(|ratio| ratio.reaching(Reach::AtLeast(1.25)))
            .collect()
    })
}

/// Two processes on one database beside one, on one item and over all.
pub(super) fn replicas(ground: &Ground, plan: &Plan) -> Result<Report> {
    let (one, other) = (
        Replica::start(ground, "one")?,
        Replica::start(ground, "other")?,
    );
    let (alone, both) = ([&one], [&one, &other]);
    let processes: [&[&Replica]; 2] = [&alone, &both];
    let mut sides = Vec::new();
    for (items, kind) in [(Items::One, "hot"), (Items::All, "spread")] {
        for &clients in plan.sharing {
            for (replicas, number) in processes.into_iter().zip(["one process", "two processes"]) {
                let name = format!("{number}, {kind}, {}", counted(clients));
                let press = move || press(ground, plan, replicas, items, clients);
                sides.push(Side::new(name, press));
            }
        }
    }
    let (series, samples) = turns::take(ground, plan.rounds, &sides)?;
    prove(ground, plan, &both)?;
    let ratios = series.chunks(2).map(|pair| pair[1].over(&pair[0]));
    let ratios: Vec<Figure> = ratios
        .map(|ratio| ratio.reaching(Reach::AtLeast(0.9)))
        .collect();
    Ok(Report {
        figures: series.into_iter().map(Figure::from).chain(ratios).collect(),
        samples,
        remarks: vec![PROVEN.to_owned()],
    })
}

const PROVEN: &str = "Afterwards every answer of a last run stood in the history, the ledger was sound, and no \
    transaction had been ended for a deadlock.";

/// Ticker and the yardstick in turn; `compare` makes figures of Ticker's series and the yardstick's.
fn beside_yardstick(
    ground: &Ground,
    plan: &Plan,
    items: Items,
    compare: impl Fn(&[Series], &[Series]) -> Vec<Figure>,
) -> Result<Report> {
    yardstick::prepare(ground, plan.items)?;
    let replica = Replica::start(ground, "ticker")?;
    let replicas = [&replica];
    let mut sides = Vec::new();
    for clients in plan.pressing {
        let name = format!("Ticker, {}", counted(clients));
        sides.push(Side::new(name, move || {
            press(ground, plan, &replicas, items, clients)
        }));
    }
    for clients in plan.measuring {
        let name = format!("yardstick, {}", counted(clients));
        sides.push(Side::new(name, move || {
            yardstick::run(ground, plan, items, clients)
        }));
    }
    let (series, samples) = turns::take(ground, plan.rounds, &sides)?;
    prove(ground, plan, &replicas)?;
    let (pressing, measured) = series.split_at(plan.pressing.len());
    let compared = compare(pressing, measured);
    let latencies = latencies(&samples, pressing);
    let figures = series.iter().cloned().map(Figure::from);
    Ok(Report {
        figures: figures.chain(latencies).chain(compared).collect(),
        samples,
        remarks: vec![PROVEN.to_owned()],
    })
}

fn press(
    ground: &Ground,
    plan: &Plan,
    replicas: &[&Replica],
    items: Items,
    clients: u32,
) -> Result<Sample> {
    Load::press(ground, plan, replicas, items, clients)?.into_sample()
}

fn counted(clients: u32) -> String {
    format!("{clients} client{}", if clients == 1 { "" } else { "s" })
}

fn best(measured: &[Series]) -> Series {
    Series::best("best yardstick", &measured.iter().collect::<Vec<_>>())
}

/// The presses' 99th percentiles, a series for each of Ticker's.
fn latencies(samples: &[Value], pressing: &[Series]) -> Vec<Figure> {
    let of = |side: &Series| turns::p99_ms(&side.name, "press", samples).into();
    pressing.iter().map(of).collect()
}

/// What was measured must have been right, too.
fn prove(ground: &Ground, plan: &Plan, replicas: &[&Replica]) -> Result<()> {
    let step = Step::start("Looking the answers of a last run up in the history");
    Load::check(ground, plan, replicas)?;
    step.done();
    let deadlocks = ground.deadlocks()?;
    ensure!(
        deadlocks == 0,
        "{deadlocks} transactions were ended for a deadlock"
    );
    ground.verify()
}
