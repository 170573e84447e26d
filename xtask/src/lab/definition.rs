//! What an image was made of, in short, so that it is made again when that changes and only then.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use anyhow::{Context, Result};

/// A digest that grows by what it is fed. Another release of Rust may give other digests, whereupon images
/// are made once more.
#[derive(Default)]
pub(crate) struct Definition(DefaultHasher);

impl Definition {
    /// Feeds a text.
    pub(crate) fn add(&mut self, text: &str) {
        text.hash(&mut self.0);
    }

    /// Feeds the names and contents of the files of a folder.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(crate) fn add_folder(&mut self, folder: &Path) -> Result<()> {
        let context = || format!("cannot read {}", folder.display());
        let entries = fs::read_dir(folder).with_context(context)?;
        let mut files = entries
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<Vec<_>>>()
            .with_context(context)?;
        files.sort();
        for file in files {
            file.file_name().hash(&mut self.0);
            fs::read(&file).with_context(context)?.hash(&mut self.0);
        }
        Ok(())
    }

    /// The digest.
    pub(crate) fn digest(&self) -> String {
        format!("{:016x}", self.0.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets;

    #[test]
    fn the_digest_of_a_folder_changes_with_names_and_contents() {
        let suffix = secrets::unique_suffix().expect("random");
        let folder = std::env::temp_dir().join(format!("ticker-{suffix}"));
        fs::create_dir(&folder).expect("made");
        let digest = || {
            let mut definition = Definition::default();
            definition.add_folder(&folder).expect("read");
            definition.digest()
        };
        let empty = digest();
        fs::write(folder.join("a"), "1").expect("written");
        let first = digest();
        fs::write(folder.join("a"), "2").expect("written");
        let second = digest();
        fs::rename(folder.join("a"), folder.join("b")).expect("renamed");
        let third = digest();
        assert_eq!(third, digest());
        fs::remove_dir_all(&folder).expect("removed");
        let mut all = vec![empty, first, second, third];
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 4);
    }
}
