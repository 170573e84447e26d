//! What a bench gave, as a table and as a file.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::figure::{self, Figure};
use super::plan::Plan;
use crate::ground::Ground;
use crate::machine;
use crate::workspace::Workspace;

/// What a bench gave.
pub(super) struct Report {
    pub(super) figures: Vec<Figure>,
    /// Every sample with everything that is known of it.
    pub(super) samples: Vec<Value>,
    /// What a reader of the figures has to know.
    pub(super) remarks: Vec<String>,
}

impl Report {
    /// The table, fit for docs/performance.md.
    pub(super) fn table(&self, plan: &Plan) -> String {
        let mut table = figure::table(&self.figures, plan.is_meaningful);
        let meaningless =
            "A short run, which only shows that the bench works: its figures mean nothing.";
        let remarks = self.remarks.iter().map(String::as_str);
        for remark in remarks.chain((!plan.is_meaningful).then_some(meaningless)) {
            table.extend(["\n", remark, "\n"]);
        }
        table
    }

    /// Writes everything to `target/bench/<name>-<time>.json`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn save(
        &self,
        workspace: &Workspace,
        ground: &Ground,
        name: &str,
        plan: &Plan,
    ) -> Result<PathBuf> {
        let ended = machine::now()?;
        let figures: Vec<Value> = self.figures.iter().map(Figure::to_json).collect();
        let content = json!({
            "bench": name,
            "ended": ended,
            "commit": machine::commit(workspace),
            "machine": machine::describe(),
            "postgres": {
                "version": ground.postgres,
                "file_system": ground.disk,
                "settings": ground.cluster.settings(),
            },
            "plan": plan.to_json(),
            "figures": figures,
            "samples": self.samples,
            "remarks": self.remarks,
        });
        let folder = workspace.target.join("bench");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let file = folder.join(format!("{name}-{ended}.json"));
        let text = serde_json::to_string_pretty(&content)? + "\n";
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(file)
    }
}
