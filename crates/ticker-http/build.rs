//! Prepares what browsers load beside the pages.
//!
//! Every file under `assets/` gets a name with a hash of its content, so that browsers may keep it for
//! ever, and is compressed once, here. A script cannot import another by such a name: ours is one file.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest as _, Sha256};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const ROOT: &str = "assets";

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed={ROOT}");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut files = Vec::new();
    collect(Path::new(ROOT), &mut files)?;
    files.sort();
    let mut table = String::from("&[\n");
    for (file, content_type) in &files {
        table.push_str(&prepare(&out, file, content_type)?);
    }
    table.push_str("]\n");
    fs::write(out.join("assets.rs"), table)?;
    Ok(())
}

/// Finds the files that are served, with their types.
fn collect(folder: &Path, files: &mut Vec<(PathBuf, &'static str)>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if let Some(content_type) = content_type(&path) {
            files.push((path, content_type));
        }
    }
    Ok(())
}

/// The type under which a file is served; licences, checksums and notes are not.
fn content_type(path: &Path) -> Option<&'static str> {
    Some(match path.extension()?.to_str()? {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => return None,
    })
}

/// Writes a file's variants, and returns its line of the table.
fn prepare(out: &Path, file: &Path, content_type: &str) -> Result<String> {
    let content = fs::read(file)?;
    let name = file
        .strip_prefix(ROOT)?
        .to_str()
        .ok_or("a name is not UTF-8")?
        .replace('\\', "/");
    let hashed_name = hashed_name(&name, &content)?;
    let write = |suffix: &str, bytes: &[u8]| -> Result<String> {
        let file = format!("{hashed_name}{suffix}");
        fs::write(out.join(&file), bytes)?;
        Ok(format!(
            "include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{file}\"))"
        ))
    };
    // What does not get smaller is sent as it is.
    let variant = |suffix: &str, bytes: Vec<u8>| -> Result<String> {
        if bytes.len() < content.len() {
            Ok(format!("Some({})", write(suffix, &bytes)?))
        } else {
            Ok("None".to_owned())
        }
    };
    Ok(format!(
        "Asset {{ name: {name:?}, url: \"/assets/{hashed_name}\", content_type: {content_type:?}, \
         plain: {}, brotli: {}, gzip: {} }},\n",
        write("", &content)?,
        variant(".br", brotli(&content)?)?,
        variant(".gz", gzip(&content)?)?,
    ))
}

/// `vendor/x/app.css` → `app.1f2e3d4c.css`: files are served side by side, whatever folder they are in.
fn hashed_name(name: &str, content: &[u8]) -> Result<String> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let (stem, extension) = file.rsplit_once('.').ok_or("a name has no extension")?;
    let hash = Sha256::digest(content);
    let hash = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
    Ok(format!("{stem}.{hash:08x}.{extension}"))
}

/// Build scripts are not optimised by default, and the best quality would take them a minute.
const BROTLI_QUALITY: u32 = 9;
const BROTLI_WINDOW_BITS: u32 = 22;
const BUFFER_BYTES: usize = 4_096;

fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let mut compressed = Vec::new();
    brotli::CompressorWriter::new(
        &mut compressed,
        BUFFER_BYTES,
        BROTLI_QUALITY,
        BROTLI_WINDOW_BITS,
    )
    .write_all(content)?;
    Ok(compressed)
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}
