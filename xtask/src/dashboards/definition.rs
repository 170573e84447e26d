//! A dashboard as its file has it.

use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::workspace::Workspace;

/// How often Prometheus reads what a panel shows unless the panel says otherwise, as the data source has it.
const INTERVAL_S: u32 = 5;

/// A dashboard: panels on a grid of 24 columns, and variables.
pub(crate) struct Dashboard {
    /// The name of its file, without the ending.
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) panels: Vec<Panel>,
    pub(crate) variables: Vec<Variable>,
}

/// A panel, or the heading of some.
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) kind: String,
    pub(crate) place: Place,
    pub(crate) queries: Vec<Query>,
    /// Everything about how it looks.
    pub(crate) field: Value,
}

/// Where a panel is: columns and rows of the grid.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) w: f64,
    pub(crate) h: f64,
}

/// What is asked of Prometheus, every variable at "All".
pub(crate) struct Query {
    pub(crate) expr: String,
    pub(crate) legend: String,
}

/// A variable takes its values from a label of some series.
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) series: String,
}

impl Dashboard {
    /// Reads those that are named, or all.
    ///
    /// # Errors
    /// When one is not there, or is no dashboard.
    pub(crate) fn load(workspace: &Workspace, only: &[String]) -> Result<Vec<Self>> {
        let folder = workspace.root.join("grafana/dashboards");
        let mut dashboards = Vec::new();
        for entry in fs::read_dir(&folder).context("there are no dashboards")? {
            let file = entry?.path();
            let Some(name) = file.file_stem().and_then(|name| name.to_str()) else {
                continue;
            };
            if only.is_empty() || only.iter().any(|one| one == name) {
                let text = fs::read_to_string(&file)?;
                let context = || format!("{} is no dashboard", workspace.relative(&file));
                let value = serde_json::from_str(&text).with_context(context)?;
                dashboards.push(Self::read(name, &value).with_context(context)?);
            }
        }
        if dashboards.is_empty() || dashboards.len() < only.len() {
            bail!("not all of {} are in grafana/dashboards", only.join(", "));
        }
        dashboards.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(dashboards)
    }

    fn read(name: &str, value: &Value) -> Result<Self> {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let variables = list(&value["templating"]["list"]);
        let variables: Vec<Variable> = variables.iter().map(variable).collect::<Result<_>>()?;
        let panels = list(&value["panels"]);
        let panels = panels.iter().map(|value| panel(value, &variables));
        Ok(Self {
            name: name.to_owned(),
            title: text(&value["title"])?,
            panels: panels.collect::<Result<_>>()?,
            variables,
        })
    }
}

fn variable(value: &Value) -> Result<Variable> {
    let query = text(&value["query"]["query"])?;
    let series = query
        .strip_prefix("label_values(")
        .and_then(|inside| inside.strip_suffix(')'))
        .and_then(|inside| inside.rsplit_once(','))
        .with_context(|| format!("{query} is not label_values(series, label)"))?
        .0;
    Ok(Variable {
        name: text(&value["name"])?,
        series: series.to_owned(),
    })
}

fn panel(value: &Value, variables: &[Variable]) -> Result<Panel> {
    let title = text(&value["title"])?;
    let side = |name: &str| {
        let side = value["gridPos"][name].as_f64();
        side.with_context(|| format!("{title} has no {name}"))
    };
    let interval = value["interval"].as_str().unwrap_or_default();
    let interval_s = match interval.strip_suffix('s').map(str::parse) {
        Some(Ok(seconds)) => seconds,
        _ => INTERVAL_S,
    };
    let targets = value["targets"].as_array().cloned().unwrap_or_default();
    let query = |target: &Value| {
        Ok(Query {
            expr: concrete(&text(&target["expr"])?, variables, interval_s),
            legend: text(&target["legendFormat"])?,
        })
    };
    Ok(Panel {
        kind: text(&value["type"])?,
        place: Place {
            x: side("x")?,
            y: side("y")?,
            w: side("w")?,
            h: side("h")?,
        },
        queries: targets.iter().map(query).collect::<Result<_>>()?,
        field: value["fieldConfig"]["defaults"].clone(),
        title,
    })
}

/// The query as Grafana sends it with every variable at "All". A rate is taken over four times the time
/// between two readings, so that one that is missing does not matter.
fn concrete(expr: &str, variables: &[Variable], interval_s: u32) -> String {
    let expr = expr.replace("$__rate_interval", &format!("{}s", 4 * interval_s));
    variables.iter().fold(expr, |expr, variable| {
        expr.replace(&format!("${}", variable.name), ".*")
    })
}

fn text(value: &Value) -> Result<String> {
    Ok(value.as_str().context("a text is missing")?.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn dashboard(interval: &Value) -> Dashboard {
        let value = json!({
            "title": "Ticker: service",
            "templating": { "list": [
                { "name": "instance", "query": { "query": "label_values(up{job=\"ticker\"}, instance)" } },
            ] },
            "panels": [{
                "title": "Requests", "type": "stat", "interval": interval,
                "gridPos": { "x": 0, "y": 1, "w": 12, "h": 8 },
                "targets": [{ "expr": "rate(a{instance=~\"$instance\"}[$__rate_interval])", "legendFormat": "a" }],
            }],
        });
        Dashboard::read("service", &value).expect("a dashboard")
    }

    #[test]
    fn variables_and_intervals_are_put_in() {
        let expr = |interval| dashboard(&interval).panels[0].queries[0].expr.clone();
        assert_eq!(expr(json!("15s")), "rate(a{instance=~\".*\"}[60s])");
        assert_eq!(expr(json!(null)), "rate(a{instance=~\".*\"}[20s])");
        assert_eq!(
            dashboard(&json!(null)).variables[0].series,
            "up{job=\"ticker\"}"
        );
    }

    #[test]
    fn what_is_no_dashboard_is_refused() {
        assert!(
            Dashboard::read(
                "x",
                &json!({ "title": "No place", "panels": [{ "title": "a", "type": "stat" }] })
            )
            .is_err()
        );
        assert!(Dashboard::read("x", &json!({})).is_err());
    }
}
