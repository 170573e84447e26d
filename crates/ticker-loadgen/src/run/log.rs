//! The log of a run, which may be wanted for the check only.

use std::path::{Path, PathBuf};

use crate::cli::RunArguments;

/// Where a run logs. A log that nobody asked for goes when the value does, unless it is evidence.
pub(super) struct Log {
    path: PathBuf,
    is_temporary: bool,
    is_evidence: bool,
}

impl Log {
    /// The log that was asked for, or a temporary one if there is to be a check.
    pub(super) fn new(arguments: &RunArguments) -> Option<Self> {
        let is_temporary = arguments.log.is_none();
        let temporary = || {
            let name = format!("ticker-loadgen-{}.log", uuid::Uuid::now_v7());
            std::env::temp_dir().join(name)
        };
        let path = match &arguments.log {
            Some(path) => path.clone(),
            None => arguments.check.then(temporary)?,
        };
        Some(Self {
            path,
            is_temporary,
            is_evidence: false,
        })
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is needed to find out what went wrong: from the first press until all has proved true.
    pub(super) fn set_evidence(&mut self, is_evidence: bool) {
        self.is_evidence = is_evidence;
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if !self.is_temporary {
            return;
        }
        let path = self.path.display();
        if self.is_evidence {
            eprintln!("ticker-loadgen: the log is kept: {path}");
        } else if let Err(error) = std::fs::remove_file(&self.path) {
            eprintln!("ticker-loadgen: cannot remove {path}: {error}");
        }
    }
}
