//! Which alerts have fired, and which nobody has seen yet.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};

use super::stage::Stage;
use super::web;
use crate::drill::verdict::{Verdict, float};

/// Longer than anybody drills at a time.
const SINCE: &str = "12h";

/// Asks the lab's Prometheus, which keeps its data through every drill.
pub(super) fn run(_stage: &Stage<'_>) -> Result<Verdict> {
    let mut verdict = Verdict::of(format!("which alerts fired in the lab in the last {SINCE}"));
    let mut fired: BTreeMap<String, bool> = known(&web::rules()?)
        .into_iter()
        .map(|name| (name, false))
        .collect();
    let query =
        format!("count by (alertname) (max_over_time(ALERTS{{alertstate=\"firing\"}}[{SINCE}]))");
    for series in web::query(&query)? {
        let name = series["metric"]["alertname"].as_str().unwrap_or_default();
        fired.insert(name.to_owned(), true);
    }
    let of = |wanted: bool| -> Vec<&str> {
        let some = fired.iter().filter(|(_, fired)| **fired == wanted);
        some.map(|(name, _)| name.as_str()).collect()
    };
    let count = |wanted: bool| u64::try_from(of(wanted).len()).map(float);
    verdict.tell("fired", count(true)?, "");
    verdict.tell("not yet", count(false)?, "");
    verdict.remark(format!("fired: {}", of(true).join(", ")));
    verdict.remark(format!("not yet: {}", of(false).join(", ")));
    verdict.detail(json!(fired));
    Ok(verdict)
}

/// The names of the alerts that Prometheus evaluates.
fn known(rules: &Value) -> Vec<String> {
    let groups = rules["data"]["groups"].as_array().into_iter().flatten();
    let rules = groups.flat_map(|group| group["rules"].as_array().into_iter().flatten());
    let names = rules.filter_map(|rule| rule["name"].as_str());
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_found_in_all_groups() {
        let rules = json!({ "data": { "groups": [
            { "rules": [{ "name": "A" }, { "name": "B" }] },
            { "rules": [{ "name": "C" }] },
        ]}});
        assert_eq!(known(&rules), ["A", "B", "C"]);
    }
}
