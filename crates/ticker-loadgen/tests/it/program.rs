//! Running the program.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use crate::fake::Fake;

/// A folder of a test's own, removed when dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// A new one, with a file of accounts in it.
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("ticker-loadgen-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path).unwrap();
        let folder = Self(path);
        folder.write("accounts", "ana:right one\nben:right one\n");
        folder
    }

    /// The path of a file in it.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file in it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    /// How many temporary logs are in it.
    pub(crate) fn logs(&self) -> usize {
        let names = std::fs::read_dir(&self.0).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names
            .filter(|name| name.starts_with("ticker-loadgen-"))
            .count()
    }

    /// Reads the JSON of a run.
    pub(crate) fn result(&self) -> Value {
        let json = std::fs::read(self.0.join("result.json")).unwrap();
        serde_json::from_slice(&json).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind in the temporary folder harms nobody.
        let _removed = std::fs::remove_dir_all(&self.0);
    }
}

/// What the program said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `command` against both replicas with the words of `arguments` and the folder's accounts, its result
/// going to `result.json` if it is a run.
pub(crate) async fn loadgen(fake: &Fake, folder: &Folder, command: &str, arguments: &str) -> Said {
    let urls = fake
        .urls
        .each_ref()
        .map(|url| format!(" --url {url}"))
        .concat();
    loadgen_at(folder, command, &format!("{arguments}{urls}")).await
}

/// The same, wherever `arguments` say.
pub(crate) async fn loadgen_at(folder: &Folder, command: &str, arguments: &str) -> Said {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ticker-loadgen"));
    program.args([command, "--accounts", &folder.path("accounts")]);
    // Logs that are kept as evidence go with the folder.
    program.env("TMPDIR", &folder.0);
    if command == "run" {
        program.args(["--json", &folder.path("result.json")]);
    }
    program.args(arguments.split_whitespace());
    let Output {
        status,
        stdout,
        stderr,
    } = tokio::task::spawn_blocking(move || program.output().unwrap())
        .await
        .unwrap();
    Said {
        code: status.code().unwrap(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}
