//! Pages of the list: as the inventory grows, deep in it, sorted and filtered, and searched.

mod addresses;

use anyhow::Result;

use super::figure::{Figure, Reach, Series};
use super::load::Load;
use super::plan::Plan;
use super::report::Report;
use super::turns::{self, Sample, Side};
use crate::ground::{Ground, Replica};

/// What a page may cost more than another that it is compared with.
const GROWTH_MAX: f64 = 1.5;
const DEEPER_MAX: f64 = 2.0;

/// The inventory page, of inventories of three sizes.
pub(super) fn list(ground: &Ground, plan: &Plan) -> Result<Report> {
    let [small, middle, _] = plan.catalogues;
    let small = ground.beside(plan.catalogue_of(small, 0))?;
    let middle = ground.beside(plan.catalogue_of(middle, 0))?;
    let grounds = [&small, &middle, ground];
    let mut replicas = Vec::new();
    for ground in grounds {
        replicas.push(Replica::start(ground, "ticker")?);
    }
    let mut sides = Vec::new();
    for ((ground, replica), items) in grounds.into_iter().zip(&replicas).zip(plan.catalogues) {
        sides.push(Side::new(format!("{items} items"), move || {
            let first = ["/".to_owned()];
            read(ground, plan, replica, plan.listing, &first)
        }));
    }
    let (rates, samples) = turns::take_reading(&grounds, plan.rounds, &sides)?;
    let p99s = p99s(&rates, &samples);
    let largest = &rates[2];
    let mut figures: Vec<Figure> = rates[..2].iter().cloned().map(Figure::from).collect();
    figures.push(largest.clone().reaching(Reach::AtLeast(2_000.0)));
    figures.extend(p99s[..2].iter().cloned().map(Figure::from));
    figures.push(p99s[2].clone().reaching(Reach::AtMost(25.0)));
    for smaller in &rates[..2] {
        let cost = smaller.over(largest);
        figures.push(cost.reaching(Reach::AtMost(GROWTH_MAX)));
    }
    Ok(Report {
        figures,
        samples,
        remarks: vec![format!(
            "{} clients that wait for each page. Rates divided by that of the most items are what its page costs more.",
            plan.listing
        )],
    })
}

/// Pages deep in the list and of a long history, each sort, and filters, beside the first page.
pub(super) fn deep(ground: &Ground, plan: &Plan) -> Result<Report> {
    let replica = Replica::start(ground, "ticker")?;
    let pages = addresses::deep(ground)?;
    let sides: Vec<Side<'_>> = pages
        .iter()
        .map(|(name, addresses)| {
            Side::new(name.clone(), || {
                read(ground, plan, &replica, plan.listing, addresses)
            })
        })
        .collect();
    let (rates, samples) = turns::take_reading(&[ground], plan.rounds, &sides)?;
    let first = &rates[0];
    let mut figures: Vec<Figure> = vec![first.clone().into()];
    for (rate, p99) in rates.iter().zip(p99s(&rates, &samples)).skip(1) {
        figures.push(first.over(rate).reaching(Reach::AtMost(DEEPER_MAX)));
        figures.push(p99.into());
    }
    Ok(Report {
        figures,
        samples,
        remarks: vec![format!(
            "{} clients that wait for each page. The first page's rate divided by another's is what that costs more.",
            plan.listing
        )],
    })
}

/// Searches for a part of a word and for words with one slip, each search another.
pub(super) fn search(ground: &Ground, plan: &Plan) -> Result<Report> {
    let replica = Replica::start(ground, "ticker")?;
    let searches = addresses::searches(ground)?;
    let sides: Vec<Side<'_>> = searches
        .iter()
        .map(|(name, addresses)| {
            Side::new(name.clone(), || {
                read(ground, plan, &replica, plan.searching, addresses)
            })
        })
        .collect();
    let (rates, samples) = turns::take_reading(&[ground], plan.rounds, &sides)?;
    let reaching = |p99: Series| p99.reaching(Reach::AtMost(50.0));
    let p99s = p99s(&rates, &samples).into_iter().map(reaching);
    let mut figures: Vec<Figure> = rates.iter().cloned().map(Figure::from).collect();
    figures.extend(p99s);
    Ok(Report {
        figures,
        samples,
        remarks: vec![format!(
            "{} clients that wait for each page.",
            plan.searching
        )],
    })
}

fn read(
    ground: &Ground,
    plan: &Plan,
    replica: &Replica,
    clients: u32,
    addresses: &[String],
) -> Result<Sample> {
    Load::lists(ground, plan, replica, clients, addresses)?.into_sample()
}

/// The pages' 99th percentiles, a series for each of the rates.
fn p99s(rates: &[Series], samples: &[serde_json::Value]) -> Vec<Series> {
    rates
        .iter()
        .map(|side| turns::p99_ms(&side.name, "inventory", samples))
        .collect()
}
