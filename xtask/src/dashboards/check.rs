//! Whether every query works and finds something.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::definition::Dashboard;
use super::prometheus::Prometheus;
use crate::interrupt::{self, Interrupted};
use crate::progress;

/// How long to wait before asking again for what was not there.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Panels that may be empty although all is well, each with the reason.
const MAY_BE_EMPTY: [(&str, &str, &str); 2] = [
    ("stock", "Busiest items", "nothing moved for five minutes"),
    (
        "hosts",
        "Waiting",
        "a kernel without pressure stall information",
    ),
];

struct Question<'d> {
    dashboard: &'d str,
    panel: &'d str,
    expr: &'d str,
}

pub(super) fn check(
    prometheus: &Prometheus,
    dashboards: &[Dashboard],
    wait: Duration,
) -> Result<()> {
    // Without Prometheus there is one thing to say, not a hundred.
    prometheus.query("vector(1)")?;
    let begun = Instant::now();
    let mut open: Vec<Question> = dashboards.iter().flat_map(questions).collect();
    let all = open.len();
    let mut problems = Vec::new();
    loop {
        let mut empty = Vec::new();
        for question in open {
            match prometheus.query(question.expr) {
                Ok(found) if found.is_empty() => empty.push(question),
                Ok(_) => {}
                Err(error) => problems.push(problem(&question, &format!("{error:#}"))),
            }
        }
        open = empty;
        if open.iter().all(|question| may_be_empty(question).is_some()) || begun.elapsed() > wait {
            break;
        }
        if interrupt::requested() {
            return Err(Interrupted.into());
        }
        thread::sleep(AGAIN_AFTER);
    }
    for question in &open {
        match may_be_empty(question) {
            Some(reason) => progress::say(&format!(
                "  empty: {}, {} ({reason})",
                question.dashboard, question.panel
            )),
            None => problems.push(problem(question, "finds nothing")),
        }
    }
    if problems.is_empty() {
        progress::say(&format!(
            "  {all} queries of {} dashboards: {} find something",
            dashboards.len(),
            all - open.len()
        ));
        return Ok(());
    }
    bail!("{}", problems.join("\n"));
}

fn questions(dashboard: &Dashboard) -> impl Iterator<Item = Question<'_>> {
    let of_panels = dashboard.panels.iter().flat_map(|panel| {
        panel
            .queries
            .iter()
            .map(move |query| (&panel.title, &query.expr))
    });
    let of_variables = dashboard
        .variables
        .iter()
        .map(|variable| (&variable.name, &variable.series));
    of_panels.chain(of_variables).map(|(panel, expr)| Question {
        dashboard: &dashboard.name,
        panel,
        expr,
    })
}

fn may_be_empty(question: &Question) -> Option<&'static str> {
    MAY_BE_EMPTY
        .iter()
        .find(|(dashboard, panel, _)| (*dashboard, *panel) == (question.dashboard, question.panel))
        .map(|(_, _, reason)| *reason)
}

fn problem(question: &Question, what: &str) -> String {
    format!(
        "{}, {}: {what}: {}",
        question.dashboard, question.panel, question.expr
    )
}
