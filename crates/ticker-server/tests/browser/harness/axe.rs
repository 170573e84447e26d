//! Pages held against the rules of accessibility that a machine can check.

use serde_json::{Value, json};

use super::await_condition::eventually;
use super::browser::Browser;

const AXE: &str = include_str!("../../vendor/axe-core-4.14.1/axe.min.js");

/// WCAG 2.0 to 2.2 at levels A and AA, and what axe calls best practice.
const RULES: [&str; 6] = [
    "wcag2a",
    "wcag2aa",
    "wcag21a",
    "wcag21aa",
    "wcag22aa",
    "best-practice",
];

/// What breaks a rule: the rule, the element, and why, at most three elements a rule.
///
/// What an open menu half covers is out of reach until it is closed: then only the header, which the menu
/// hangs on, is looked at.
const AUDIT: &str = "const done = arguments[arguments.length - 1]; \
     const part = document.querySelector('header details[open]') ? 'header' : document; \
     axe.run(part, { runOnly: arguments[0], resultTypes: ['violations'], preload: false }).then( \
       found => done(found.violations.flatMap(rule => rule.nodes.slice(0, 3).map( \
         node => `${rule.id}: ${node.target.join(' ')}: ${node.failureSummary}`.replace(/\\s+/g, ' ')))), \
       error => done([String(error)]))";

impl Browser {
    /// What the page breaks of the rules, as it is now. Its scripts have to be on.
    ///
    /// The driver puts the auditor into the page, past a content security policy that would refuse it.
    pub(crate) async fn barriers(&self) -> Vec<String> {
        let moving =
            "return document.getAnimations().filter(a => a.playState === 'running').length";
        self.expect_answer(moving, 0).await;
        let rules = json!(RULES);
        let found: Value = eventually("an audit of the page", async || {
            if self
                .driver
                .execute("return typeof axe", vec![])
                .await?
                .json()
                != "object"
            {
                self.driver.execute(AXE, vec![]).await?;
            }
            let audited = self.driver.execute_async(AUDIT, vec![rules.clone()]).await;
            audited.map(|found| found.json().clone())
        })
        .await;
        serde_json::from_value(found).expect("a list of texts")
    }
}
