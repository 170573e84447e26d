//! Releases that do not work are deployed.

use anyhow::Result;

use super::judge;
use super::stage::{RELEASE, Stage};
use crate::drill::verdict::{Verdict, float};
use crate::lab::release::Release;

/// One that never becomes healthy, and one that ends at once; in short only the first.
const RELEASES: [Release; 2] = [Release::NeverHealthy, Release::Crashing];

/// One after the other: each is to be rolled back by itself, and is put to order by a deploy of the one before.
pub(super) fn run(stage: &Stage<'_>) -> Result<Verdict> {
    let releases = if stage.is_short() {
        &RELEASES[..1]
    } else {
        &RELEASES
    };
    let names: Vec<String> = releases.iter().map(|release| release.tag()).collect();
    let mut verdict = Verdict::of(format!("deploy of {}", names.join(", then ")));
    let load = stage.load()?;
    let (mut accepted, mut left, mut longest) = (0, 0, 0.0_f64);
    for release in releases {
        let (is_deployed, took) = stage.deploy(*release)?;
        accepted += u64::from(is_deployed);
        longest = longest.max(took.as_secs_f64());
        left += u64::from(!stage.image()?.ends_with(&format!(":{}", RELEASE.tag())));
        let (is_renewed, _) = stage.deploy(RELEASE)?;
        left += u64::from(!is_renewed);
    }
    verdict.at_most("from the command to rolled back", longest, "s", 60.0);
    verdict.never("deploys that ended with 0", accepted);
    verdict.never("not back at the release before", left);
    judge::judge(&mut verdict, stage, &load.finish()?, &[])?;
    verdict.tell("bad releases", float(u64::try_from(releases.len())?), "");
    Ok(verdict)
}
