//! What the fake holds.

use std::collections::HashMap;
use std::fmt::Write as _;

use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

/// A movement, as the export shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) posting: usize,
    pub(crate) key: Uuid,
    pub(crate) item: i64,
    pub(crate) sku: String,
    pub(crate) location: i64,
    pub(crate) delta: i64,
    pub(crate) after: i64,
}

/// Movements, levels and what was answered.
#[derive(Default)]
pub(crate) struct Ledger {
    /// The movements, oldest first; tests may doctor them.
    pub(crate) rows: Vec<Row>,
    levels: HashMap<(i64, i64), i64>,
    answers: HashMap<Uuid, (StatusCode, serde_json::Value)>,
    tries: HashMap<Uuid, u64>,
}

impl Ledger {
    /// How often somebody tried to post under a key.
    pub(crate) fn tries_of(&self, key: Uuid) -> u64 {
        self.tries.get(&key).copied().unwrap_or(0)
    }

    /// Posts, or repeats what was answered under the key unless keys are forgotten.
    pub(crate) fn post(
        &mut self,
        key: Uuid,
        item: i64,
        location: i64,
        delta: i64,
        forgets_keys: bool,
    ) -> (StatusCode, String) {
        *self.tries.entry(key).or_default() += 1;
        if let Some((status, answer)) = self.answers.get(&key).filter(|_| !forgets_keys) {
            let mut answer = answer.clone();
            answer["replayed"] = true.into();
            return (*status, answer.to_string());
        }
        let on_hand = self.levels.entry((item, location)).or_insert(2);
        let (status, answer) = if *on_hand + delta < 0 {
            let refusal = json!({"status": 409, "refusal": "short_of_stock", "on_hand": *on_hand});
            (StatusCode::CONFLICT, refusal)
        } else {
            *on_hand += delta;
            let (posting, after) = (self.rows.len() + 1, *on_hand);
            let row = Row {
                posting,
                key,
                item,
                sku: format!("A-{item}"),
                location,
                delta,
                after,
            };
            self.rows.push(row);
            let answer = json!({
                "posting": posting, "item": item, "location": location, "delta": delta,
                "on_hand": after, "version": posting, "replayed": false,
            });
            (StatusCode::OK, answer)
        };
        self.answers.insert(key, (status, answer.clone()));
        (status, answer.to_string())
    }

    /// Adds an item with one on hand, unless the key is known, and gives its id.
    pub(crate) fn add(&mut self, key: Uuid, sku: &str) -> i64 {
        *self.tries.entry(key).or_default() += 1;
        if let Some(row) = self.rows.iter().find(|row| row.key == key) {
            return row.item;
        }
        let posting = self.rows.len() + 1;
        let item = 1_000 + i64::try_from(posting).unwrap();
        self.rows.push(Row {
            posting,
            key,
            item,
            sku: sku.to_owned(),
            location: 1,
            delta: 1,
            after: 1,
        });
        item
    }

    /// The export.
    pub(crate) fn csv(&self) -> String {
        let mut csv = String::from(
            "movement,posting,key,line,at,actor,item,sku,name,location,location_name,delta,before,after,reason,\
             source,note\r\n",
        );
        for row in &self.rows {
            let Row {
                posting,
                key,
                item,
                sku,
                location,
                delta,
                after,
            } = row;
            let before = after - delta;
            write!(
                csv,
                "{posting},{posting},{key},1,2026-01-01T00:00:00Z,ana,{item},{sku},\"Nuts, M6\",{location},\
                 Shop,{delta},{before},{after},,page,\r\n"
            )
            .unwrap();
        }
        csv
    }
}
