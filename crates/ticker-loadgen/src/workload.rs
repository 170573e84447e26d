//! Workloads that were written down: who did what, in which order.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use crate::misused::Misused;
use crate::press::Press;

/// Each user's presses, in the order of the file.
pub(crate) type Workload = BTreeMap<String, Vec<Press>>;

#[derive(Deserialize)]
struct Line {
    user: String,
    transaction: u64,
    item: i64,
    location: i64,
    delta: i64,
}

/// Reads CSV lines `user,transaction,item,location,delta` under that header, for the run called `name`.
///
/// # Errors
/// When the file cannot be read, a line is wrong, or a user has a transaction number twice.
pub(crate) fn read(path: &Path, name: &str) -> Result<Workload, Misused> {
    let misused = |words: String| Misused(format!("{}: {words}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| misused(error.to_string()))?;
    parse(file, name).map_err(|error| misused(error.to_string()))
}

fn parse(file: impl Read, name: &str) -> anyhow::Result<Workload> {
    let mut workload = Workload::new();
    let mut known = BTreeSet::new();
    for line in csv::Reader::from_reader(file).into_deserialize() {
        let line: Line = line?;
        let key = key_of(name, &line.user, line.transaction);
        if !known.insert(key) {
            anyhow::bail!(
                "{} has the transaction {} twice",
                line.user,
                line.transaction
            );
        }
        workload.entry(line.user).or_default().push(Press {
            key,
            item: line.item,
            location: line.location,
            delta: line.delta,
        });
    }
    Ok(workload)
}

/// The key of a transaction: always the same for the same run, user and number.
fn key_of(name: &str, user: &str, transaction: u64) -> Uuid {
    let mut hash = Sha256::new();
    for part in [name.as_bytes(), user.as_bytes(), &transaction.to_be_bytes()] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "user,transaction,item,location,delta\nana,1,5,1,2\nben,1,5,1,-1\nana,2,6,1,1\n";

    #[test]
    fn each_user_keeps_their_order() {
        let workload = parse(FILE.as_bytes(), "week").unwrap();
        let items = |user: &str| {
            workload[user]
                .iter()
                .map(|press| press.item)
                .collect::<Vec<_>>()
        };
        assert_eq!(items("ana"), [5, 6]);
        assert_eq!(items("ben"), [5]);
    }

    #[test]
    fn the_same_run_has_the_same_keys_and_no_other_has() {
        let keys = |name: &str| {
            let workload = parse(FILE.as_bytes(), name).unwrap();
            workload
                .into_values()
                .flatten()
                .map(|press| press.key)
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(keys("week"), keys("week"));
        assert_eq!(keys("week").len(), 3);
        assert!(keys("week").is_disjoint(&keys("week-2")));
    }

    #[test]
    fn a_transaction_twice_is_refused() {
        let twice = format!("{FILE}ana,2,7,1,1\n");
        let said = parse(twice.as_bytes(), "week").unwrap_err().to_string();
        assert_eq!(said, "ana has the transaction 2 twice");
    }
}
