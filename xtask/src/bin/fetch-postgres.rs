//! Downloads PostgreSQL's programs into the folder that is its only argument.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use postgresql_embedded::blocking::PostgreSQL;
use postgresql_embedded::{Settings, VersionReq};

/// The release that production runs.
const RELEASE: &str = "=17";

fn main() -> ExitCode {
    match fetch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn fetch() -> Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.context("which folder?")?;
    // Only the programs are wanted: `xtask` makes and runs clusters in the same way whatever their
    // source. A data folder that looks initialised keeps the crate from making one (as root it could not).
    let no_data = folder.join("no-data");
    std::fs::create_dir_all(&no_data).context("cannot make the folder")?;
    std::fs::write(no_data.join("postgresql.conf"), "").context("cannot write to the folder")?;
    let mut settings = Settings::new();
    settings.installation_dir = folder;
    settings.data_dir = no_data;
    settings.version = VersionReq::parse(RELEASE).context("the release is not a version")?;
    PostgreSQL::new(settings)
        .setup()
        .context("cannot download PostgreSQL")
}
