//! Prepares what browsers load beside the pages.
//!
//! Every file under `assets/` gets a name with a hash of its content, so that browsers may keep it for
//! ever, and is compressed once, here. Files are served side by side, whatever folder they are in.
//!
//! A script of ours imports others by their place in `assets/`. Here such an import gets the name under
//! which the other is served; so a script's own name changes with everything that it imports.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest as _, Sha256};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const ROOT: &str = "assets";
/// Other people's files are served as they were published.
const VENDORED: &str = "vendor/";

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed={ROOT}");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut files = BTreeMap::new();
    collect(Path::new(ROOT), &mut files)?;
    let mut named = Named::default();
    for name in files.keys() {
        named.add(name, &files, &mut Vec::new())?;
    }
    let mut table = String::from("&[\n");
    for (name, file) in &named.files {
        table.push_str(&prepare(&out, name, file)?);
    }
    table.push_str("]\n");
    fs::write(out.join("assets.rs"), table)?;
    Ok(())
}

/// A file as it lies under `assets/`.
struct Source {
    content_type: &'static str,
    content: Vec<u8>,
}

/// Finds the files that are served, by their paths under `assets/`.
fn collect(folder: &Path, files: &mut BTreeMap<String, Source>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if let Some(content_type) = content_type(&path) {
            let content = fs::read(&path)?;
            let name = path.strip_prefix(ROOT)?.to_str();
            let name = name.ok_or("a name is not UTF-8")?.replace('\\', "/");
            files.insert(
                name,
                Source {
                    content_type,
                    content,
                },
            );
        }
    }
    Ok(())
}

/// The type under which a file is served; licences, checksums and notes are not.
fn content_type(path: &Path) -> Option<&'static str> {
    Some(match path.extension()?.to_str()? {
        "css" => "text/css; charset=utf-8",
        "js" => JAVASCRIPT,
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => return None,
    })
}

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// A file as it is served.
struct Served {
    hashed_name: String,
    content_type: &'static str,
    content: Vec<u8>,
    /// The files that it needs from the start, directly or not, by their paths under `assets/`.
    imports: BTreeSet<String>,
}

/// The files whose names are known.
#[derive(Default)]
struct Named {
    files: BTreeMap<String, Served>,
    taken: BTreeSet<String>,
}

impl Named {
    /// Names a file, after those that it imports. `within` are the files that are being named because
    /// of each other.
    fn add(
        &mut self,
        name: &str,
        files: &BTreeMap<String, Source>,
        within: &mut Vec<String>,
    ) -> Result<()> {
        if self.files.contains_key(name) {
            return Ok(());
        }
        if within.iter().any(|other| other == name) {
            return Err(format!("{} import each other", within.join(", ")).into());
        }
        let source = files.get(name).ok_or_else(|| {
            let importer = within.last().map_or("a page", String::as_str);
            format!("{importer} imports {name}, which does not exist")
        })?;
        let mut imports = BTreeSet::new();
        let mut content = source.content.clone();
        if source.content_type == JAVASCRIPT && !name.starts_with(VENDORED) {
            within.push(name.to_owned());
            let mut script = String::new();
            for piece in pieces(std::str::from_utf8(&source.content)?) {
                match piece {
                    Piece::Text(text) => script.push_str(text),
                    Piece::Import(specifier, when) => {
                        let imported = resolve(name, specifier);
                        self.add(&imported, files, within)?;
                        let served = &self.files[&imported];
                        write!(script, "./{}", served.hashed_name)?;
                        if when == When::Always {
                            imports.extend(served.imports.iter().cloned());
                            imports.insert(imported);
                        }
                    }
                }
            }
            within.pop();
            content = script.into_bytes();
        }
        let served = Served {
            hashed_name: hashed_name(name, &content)?,
            content_type: source.content_type,
            content,
            imports,
        };
        // Without its hash, too: a name of another release must lead to one file.
        let file = name.rsplit('/').next().unwrap_or(name);
        if !self.taken.insert(file.to_owned()) {
            return Err(format!("{file} would be served twice").into());
        }
        self.files.insert(name.to_owned(), served);
        Ok(())
    }
}

/// A part of a script.
enum Piece<'a> {
    Text(&'a str),
    /// What stands between the quotes of an import: `./js/toasts.js`.
    Import(&'a str, When),
}

/// When a script needs what it imports.
#[derive(PartialEq, Eq)]
enum When {
    Always,
    /// Where a page has use for it.
    OnDemand,
}

/// Cuts a script at its imports of other files of ours: `from "./x.js"`, `import "./x.js"`,
/// `import("./x.js")`.
fn pieces(script: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = script;
    let mut from = 0;
    while let Some(quote) = rest[from..].find("\".").map(|at| from + at) {
        let begin = quote + 1;
        let before = rest[..quote].trim_end();
        let when = if before.ends_with("import(") {
            Some(When::OnDemand)
        } else if before.ends_with("from") || before.ends_with("import") {
            Some(When::Always)
        } else {
            None
        };
        match (rest[begin..].find('"').map(|length| begin + length), when) {
            (Some(end), Some(when)) => {
                pieces.push(Piece::Text(&rest[..begin]));
                pieces.push(Piece::Import(&rest[begin..end], when));
                rest = &rest[end..];
                from = 0;
            }
            _ => from = begin,
        }
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// `js/sheet.js` and `./toasts.js` make `js/toasts.js`.
fn resolve(importer: &str, specifier: &str) -> String {
    let mut path: Vec<&str> = importer.split('/').collect();
    path.pop();
    for part in specifier.split('/') {
        match part {
            "." => {}
            ".." => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    path.join("/")
}

/// Writes a file's variants, and returns its line of the table.
fn prepare(out: &Path, name: &str, file: &Served) -> Result<String> {
    let Served {
        hashed_name,
        content_type,
        content,
        imports,
    } = file;
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
    let imports: Vec<&String> = imports.iter().collect();
    Ok(format!(
        "Asset {{ name: {name:?}, url: \"/assets/{hashed_name}\", content_type: {content_type:?}, \
         imports: &{imports:?}, plain: {}, brotli: {}, gzip: {} }},\n",
        write("", content)?,
        variant(".br", brotli(content)?)?,
        variant(".gz", gzip(content)?)?,
    ))
}

/// `vendor/x/app.css` → `app.1f2e3d4c.css`.
fn hashed_name(name: &str, content: &[u8]) -> Result<String> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let (stem, extension) = file.rsplit_once('.').ok_or("a name has no extension")?;
    let hash = Sha256::digest(content);
    let hash = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
    Ok(format!("{stem}.{hash:08x}.{extension}"))
}

/// The best: a tenth smaller than the quality below it, and a matter of two seconds even without optimisation.
const BROTLI_QUALITY: u32 = 11;
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
