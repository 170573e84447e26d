//! What can be said of the container files without an engine; with one, `docker compose up` shows the rest.

use std::path::{Path, PathBuf};

#[test]
fn the_image_is_built_with_the_pinned_toolchain() {
    let toolchain = read("rust-toolchain.toml");
    let channel = toolchain
        .lines()
        .find_map(|line| line.strip_prefix("channel = \""));
    let channel = channel
        .and_then(|rest| rest.strip_suffix('"'))
        .expect("a pinned channel");
    let dockerfile = read("Dockerfile");
    assert!(
        dockerfile.contains(&format!("\nFROM rust:{channel}-")),
        "{channel} is not the image's"
    );
}

/// Cargo refuses to begin while a member of the workspace has no manifest.
#[test]
fn the_image_gets_the_manifest_of_every_crate() {
    let dockerfile = read("Dockerfile");
    for entry in std::fs::read_dir(root().join("crates")).expect("crates are there") {
        let name = entry.expect("a folder").file_name();
        let name = name.to_str().expect("UTF-8");
        let copied = format!("\nCOPY crates/{name}/Cargo.toml crates/{name}/\n");
        assert!(
            dockerfile.contains(&copied),
            "crates/{name} is new: the Dockerfile lacks{copied}"
        );
    }
}

#[test]
fn images_are_pinned_and_ports_are_this_machines() {
    let compose = read("docker-compose.yml");
    let (mut images, mut ports) = (0, 0);
    for line in compose.lines().map(str::trim) {
        if let Some(image) = line.strip_prefix("image: ") {
            let (_, tag) = image.rsplit_once(':').expect("a tag");
            let is_ours = image == "ticker:compose";
            assert!(
                is_ours || tag.contains(|c: char| c.is_ascii_digit()),
                "{image} is not pinned"
            );
            images += 1;
        }
        if let Some(published) = line.strip_prefix("ports: ") {
            assert!(
                published.starts_with("[\"127.0.0.1:"),
                "{published} is open to others"
            );
            ports += 1;
        }
    }
    assert!(
        images >= 5 && ports == 3,
        "{images} images, {ports} ports: is every service seen?"
    );
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
