//! The yardstick: `pgbench` with the plain form of the same change, one statement a transaction, on the
//! same cluster and so as durable.

use anyhow::{Context, Result};
use serde_json::json;

use super::plan::Plan;
use super::turns::Sample;
use crate::ground::Ground;
use crate::process;

/// Its own database beside Ticker's.
pub(super) const DATABASE: &str = "yardstick";

/// Which items are changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Items {
    /// Always the same.
    One,
    /// Any, all as likely.
    All,
}

/// Makes the yardstick's tables, with as many items as Ticker has.
///
/// # Errors
/// With PostgreSQL's message.
pub(super) fn prepare(ground: &Ground, items: u32) -> Result<()> {
    ground
        .cluster
        .sql_outside_transaction("postgres", "CREATE DATABASE yardstick")?;
    ground.cluster.sql(
        DATABASE,
        &format!(
            "CREATE TABLE items (id bigint PRIMARY KEY, on_hand bigint NOT NULL);
             INSERT INTO items SELECT id, 1000 FROM generate_series(1, {items}) id;
             CREATE TABLE movements (
                 id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                 item_id bigint NOT NULL,
                 delta bigint NOT NULL,
                 after bigint NOT NULL,
                 at timestamptz NOT NULL DEFAULT now()
             );"
        ),
    )?;
    Ok(())
}

/// Changes items for as long as the plan says, with so many clients.
///
/// # Errors
/// With pgbench's message.
pub(super) fn run(ground: &Ground, plan: &Plan, items: Items, clients: u32) -> Result<Sample> {
    let which = match items {
        Items::One => "\\set id 1".to_owned(),
        Items::All => format!("\\set id random(1, {})", plan.items),
    };
    let script = format!(
        "{which}\nWITH changed AS (UPDATE items SET on_hand = on_hand + 1 WHERE id = :id \
         RETURNING id, on_hand) INSERT INTO movements (item_id, delta, after) \
         SELECT id, 1, on_hand FROM changed;\n"
    );
    let mut command = ground.cluster.client("pgbench", DATABASE);
    command.args(["--protocol", "prepared", "--no-vacuum", "--file", "-"]);
    command.args(["--client", &clients.to_string()]);
    command.args(["--jobs", &clients.min(2).to_string()]);
    command.args(["--time", &plan.seconds.to_string()]);
    let said = process::output_of(&mut command, &script)?;
    let per_second = number(&said, "tps = ").context("pgbench names no transactions a second")?;
    Ok(Sample {
        per_second,
        detail: json!({
            "per_second": per_second,
            "latency_ms_average": number(&said, "latency average = "),
            "failed": number(&said, "number of failed transactions: "),
        }),
    })
}

/// The number that follows a label.
fn number(said: &str, label: &str) -> Option<f64> {
    let (_, rest) = said.split_once(label)?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pgbenchs_figures_are_read() {
        let said = "number of transactions actually processed: 13405\n\
                    number of failed transactions: 0 (0.000%)\nlatency average = 4.771 ms\n\
                    initial connection time = 8.111 ms\ntps = 1341.512 (without initial connection time)\n";
        assert_eq!(number(said, "tps = "), Some(1_341.512));
        assert_eq!(number(said, "latency average = "), Some(4.771));
        assert_eq!(number(said, "number of failed transactions: "), Some(0.0));
        assert_eq!(number("pgbench: error", "tps = "), None);
    }
}
