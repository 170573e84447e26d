//! Passwords that are made here and kept in files that only their owner reads.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, Result};

/// No look-alikes (`0 o`, `1 l i`), so that people can type them; nothing that SQL or a URL must quote.
const ALPHABET: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// Four groups of five: 20 characters of 31, about 99 bits.
///
/// # Errors
/// When the operating system's random source cannot be read.
pub(crate) fn password() -> Result<String> {
    let mut source = File::open("/dev/urandom").context("cannot open /dev/urandom")?;
    let mut groups = Vec::with_capacity(4);
    for _ in 0..4 {
        groups.push(letters(&mut source, 5)?);
    }
    Ok(groups.join("-"))
}

/// A name that no other run uses, for temporary folders.
///
/// # Errors
/// When the operating system's random source cannot be read.
pub(crate) fn unique_suffix() -> Result<String> {
    letters(
        &mut File::open("/dev/urandom").context("cannot open /dev/urandom")?,
        10,
    )
}

/// The password in `file`, made and written with mode 0600 when there is none.
///
/// # Errors
/// When the file can neither be read nor written.
pub(crate) fn kept(file: &Path) -> Result<String> {
    if let Some(password) = read(file)? {
        return Ok(password);
    }
    let password = password()?;
    write(file, &password)?;
    Ok(password)
}

/// The password in `file`, if the file is there and not empty.
///
/// # Errors
/// When the file is there but cannot be read.
pub(crate) fn read(file: &Path) -> Result<Option<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

/// Writes a file that only its owner may read, replacing an older one at once and whole.
///
/// # Errors
/// When the folder is not writable.
pub(crate) fn write(file: &Path, text: &str) -> Result<()> {
    let new = file.with_extension("new");
    let context = || format!("cannot write {}", file.display());
    // A left-over of a run that died here may have other rights.
    if new.exists() {
        fs::remove_file(&new).with_context(context)?;
    }
    let mut handle = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .with_context(context)?;
    handle
        .write_all(format!("{text}\n").as_bytes())
        .with_context(context)?;
    handle.sync_all().with_context(context)?;
    fs::rename(&new, file).with_context(context)
}

/// A folder (and its parents) that only its owner may enter.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn private_folder(folder: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot make {}", folder.display()))
}

fn letters(source: &mut impl Read, count: usize) -> Result<String> {
    // The largest multiple of the alphabet's size below 256: beyond it letters would not be equally likely.
    let limit = 256 - 256 % ALPHABET.len();
    let mut letters = String::with_capacity(count);
    let mut byte = [0];
    while letters.len() < count {
        source
            .read_exact(&mut byte)
            .context("cannot read random bytes")?;
        let value = usize::from(byte[0]);
        if value < limit {
            letters.push(char::from(ALPHABET[value % ALPHABET.len()]));
        }
    }
    Ok(letters)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn letters_are_drawn_evenly() {
        let bytes: Vec<u8> = (0..=255).collect();
        let drawn = letters(&mut bytes.as_slice(), 248).expect("enough bytes");
        for letter in ALPHABET {
            let count = drawn.bytes().filter(|byte| byte == letter).count();
            assert_eq!(count, 8, "{}", char::from(*letter));
        }
        assert!(
            letters(&mut [255_u8].as_slice(), 1).is_err(),
            "255 is beyond the limit"
        );
    }

    #[test]
    fn a_kept_password_stays_the_same_and_private() {
        let folder =
            std::env::temp_dir().join(format!("ticker-{}", unique_suffix().expect("random")));
        private_folder(&folder).expect("folder");
        let file = folder.join("one");
        let first = kept(&file).expect("made");
        assert_eq!(first.len(), 23);
        assert_eq!(kept(&file).expect("read"), first);
        let mode = fs::metadata(&file).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::remove_dir_all(&folder).expect("removed");
    }
}
