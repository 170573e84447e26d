//! What browsers load beside the pages: style, script, icons. `build.rs` has prepared them.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue};

use crate::error::HttpError;

/// A file and its compressed variants, where these are smaller.
struct Asset {
    /// Its path under `assets/`.
    name: &'static str,
    /// Where it is served: the file's name with a hash of its content.
    url: &'static str,
    content_type: &'static str,
    /// The scripts that it imports, directly or not, by their paths under `assets/`.
    imports: &'static [&'static str],
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// A name with a hash in it means this very content for ever.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// What a name with another hash is answered with, which is not what it means.
const FOR_NOW: HeaderValue = HeaderValue::from_static("no-store");
const FOR_A_DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");

/// Where the file with this path under `assets/` is served.
///
/// A name that does not exist is a defect of a template. It leads nowhere, and stops a debug build.
pub(crate) fn url(name: &str) -> &'static str {
    let found = ASSETS.iter().find(|asset| asset.name == name);
    debug_assert!(found.is_some(), "there is no asset {name}");
    found.map_or("/assets/missing", |asset| asset.url)
}

/// Where the scripts are served that this one imports, directly or not: a page that names them has them
/// all in one round trip.
pub(crate) fn imported_urls(name: &str) -> impl Iterator<Item = &'static str> {
    let found = ASSETS.iter().find(|asset| asset.name == name);
    debug_assert!(found.is_some(), "there is no asset {name}");
    let imports = found.map_or([].as_slice(), |asset| asset.imports);
    imports.iter().map(|import| url(import))
}

/// Serves a file. The name is only ever compared, never looked for on a disk.
///
/// While a release takes the place of another, a page of the one asks the other for what it names: it gets what
/// goes by that name here, so that it is not left without style or script, and does not keep it
/// (docs/decisions/0022).
pub(crate) async fn serve(Path(file): Path<String>, headers: HeaderMap) -> Response {
    if let Some(asset) = ASSETS.iter().find(|asset| asset.file() == file) {
        return asset.answer(&headers, FOR_EVER);
    }
    let name = without_hash(&file);
    let is_namesake = |asset: &&Asset| without_hash(asset.file()) == name;
    match ASSETS.iter().find(is_namesake).filter(|_| name.is_some()) {
        Some(asset) => asset.answer(&headers, FOR_NOW),
        None => HttpError::NotFound.into_response(),
    }
}

/// `app.1f2e3d4c.css` is `app` and `css`; `None` for what no release has named.
fn without_hash(file: &str) -> Option<(&str, &str)> {
    let (rest, extension) = file.rsplit_once('.')?;
    let (stem, hash) = rest.rsplit_once('.')?;
    let is_hash = hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then_some((stem, extension))
}

/// Serves the icon to browsers that ask for it without having read a page.
pub(crate) async fn favicon(headers: HeaderMap) -> Response {
    match ASSETS.iter().find(|asset| asset.name == "favicon.svg") {
        Some(asset) => asset.answer(&headers, FOR_A_DAY),
        None => HttpError::NotFound.into_response(),
    }
}

impl Asset {
    /// Its name as it is served, with a hash of its content.
    fn file(&self) -> &'static str {
        self.url.strip_prefix("/assets/").unwrap_or_default()
    }

    fn answer(&self, request: &HeaderMap, cache_control: HeaderValue) -> Response {
        let variants = [("br", self.brotli), ("gzip", self.gzip)];
        let chosen = variants.into_iter().find_map(|(encoding, bytes)| {
            bytes
                .filter(|_| accepts(request, encoding))
                .map(|bytes| (encoding, bytes))
        });
        let (encoding, bytes) = chosen.unzip();
        let mut response = bytes.unwrap_or(self.plain).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(CACHE_CONTROL, cache_control);
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if let Some(encoding) = encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    }
}

/// Whether `Accept-Encoding` names an encoding and does not rule it out.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let values = headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|offer| {
        let (name, quality) = offer.split_once(';').unwrap_or((offer, ""));
        let quality = quality
            .trim()
            .strip_prefix("q=")
            .map_or(1.0, |q| q.parse().unwrap_or(0.0));
        name.trim().eq_ignore_ascii_case(encoding) && quality > 0.0_f32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_variants_go_only_to_who_takes_them() {
        for (accept, brotli) in [
            ("gzip, deflate, br, zstd", true),
            ("br;q=0.5", true),
            ("br;q=0, gzip", false),
            ("br;q=0.000", false),
            ("gzip", false),
            ("brotli", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accept));
            assert_eq!(accepts(&headers, "br"), brotli, "{accept:?}");
        }
    }

    #[test]
    fn a_script_names_all_that_it_imports() {
        let imports: Vec<&str> = imported_urls("app.js").collect();
        assert!(imports.contains(&url("js/toasts.js")), "{imports:?}");
        let scripts = ASSETS
            .iter()
            .filter(|asset| asset.name == "app.js" || imports.contains(&asset.url));
        for script in scripts {
            let text = std::str::from_utf8(script.plain).unwrap();
            for (_, rest) in text
                .match_indices(" from \"./")
                .map(|(at, _)| text.split_at(at + 9))
            {
                let (imported, _) = rest.split_once('"').unwrap();
                let imported = format!("/assets/{imported}");
                assert!(imports.contains(&imported.as_str()), "{imported}");
            }
        }
    }

    #[test]
    fn style_and_script_are_compressed_well() {
        for asset in ASSETS.iter().filter(|asset| asset.plain.len() > 10_000) {
            let (brotli, gzip) = (asset.brotli.unwrap(), asset.gzip.unwrap());
            assert!(brotli.len() < gzip.len(), "{}", asset.name);
            assert!(gzip.len() * 2 < asset.plain.len(), "{}", asset.name);
        }
    }
}
