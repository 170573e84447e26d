//! What can be said of the container files without an engine; with one, `docker compose up` shows the rest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

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
        dockerfile.contains(&format!(" rust:{channel}-")),
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

/// What only one machine sees may also be published there; in a swarm nothing but the proxy is.
#[test]
fn only_the_proxy_is_open_to_the_world() {
    for (name, service) in services("docker-compose.yml") {
        for port in list(&service["ports"]) {
            let port = port.as_str().expect("in the short form");
            assert!(port.starts_with("127.0.0.1:"), "{name} publishes {port}");
        }
    }
    for (name, service) in services("stack_prod.yaml") {
        let ports = list(&service["ports"]).iter().map(|port| {
            let number = port["published"].as_u64().expect("a port");
            (number, text(&port["protocol"]), text(&port["mode"]))
        });
        let expected: &[_] = if name == "proxy" {
            &[
                (80, "tcp", "host"),
                (443, "tcp", "host"),
                (443, "udp", "host"),
            ]
        } else {
            &[]
        };
        assert_eq!(ports.collect::<Vec<_>>(), expected, "{name}");
    }
}

#[test]
fn images_are_pinned() {
    for file in ["docker-compose.yml", "stack_prod.yaml"] {
        for (name, service) in services(file) {
            let image = text(&service["image"]);
            if image == "ticker:compose"
                || image == "${TICKER_IMAGE:-ticker}:${TICKER_VERSION:-0.1.0}"
            {
                continue;
            }
            let (_, tag) = image.rsplit_once(':').expect("a tag");
            let version = tag.trim_start_matches('v').split('.');
            let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            assert!(
                version.clone().count() >= 2 && version.clone().all(is_number),
                "{file}, {name}: {image} may change"
            );
        }
    }
    let dockerfile = read("Dockerfile");
    for line in dockerfile.lines().filter(|line| line.starts_with("FROM ")) {
        let image = line
            .split(' ')
            .find(|word| *word != "FROM" && !word.starts_with("--"));
        let image = image.expect("an image");
        let is_stage = dockerfile.contains(&format!(" AS {image}\n"));
        let is_pinned = image
            .split_once(':')
            .is_some_and(|(_, tag)| tag.matches('.').count() >= 2);
        assert!(
            is_stage || is_pinned || image == "scratch",
            "{image} may change"
        );
    }
}

/// The same images run on a developer's machine and in production.
#[test]
fn compose_and_the_stack_agree_on_images() {
    let stack: BTreeMap<_, _> = services("stack_prod.yaml").into_iter().collect();
    let mut compared = 0;
    for (name, service) in services("docker-compose.yml") {
        if let Some(same) = stack.get(&name)
            && !text(&service["image"]).starts_with("ticker:")
        {
            assert_eq!(service["image"], same["image"], "{name}");
            compared += 1;
        }
    }
    assert!(compared >= 4, "{compared} services are in both");
}

/// What Swarm does by itself is wrong for each of these: a virtual IP keeps connections to what is gone, a
/// process without a limit takes its neighbours' memory with it, capabilities are there, logs grow for ever.
#[test]
fn every_service_of_the_stack_is_held_in() {
    let services = services("stack_prod.yaml");
    assert!(services.len() >= 13, "{} services", services.len());
    for (name, service) in services {
        let deploy = &service["deploy"];
        assert_eq!(text(&deploy["endpoint_mode"]), "dnsrr", "{name}");
        assert!(
            deploy["resources"]["limits"]["memory"].is_string(),
            "{name} has no limit of memory"
        );
        assert_eq!(service["cap_drop"], serde_json::json!(["ALL"]), "{name}");
        assert!(
            service["logging"]["options"]["max-size"].is_string(),
            "{name}: its log grows"
        );
        assert!(deploy["restart_policy"].is_object(), "{name}");
        let writes = ["db", "grafana"].contains(&name.as_str());
        assert_eq!(
            service["read_only"].as_bool().unwrap_or_default(),
            !writes,
            "{name}"
        );
        let environment = service["environment"].as_object().into_iter().flatten();
        for (variable, value) in environment {
            let is_secret = ["PASSWORD", "SECRET", "TOKEN", "KEY"]
                .iter()
                .any(|word| variable.contains(word));
            let is_path = value
                .as_str()
                .is_some_and(|value| value.starts_with("/run/secrets/"));
            assert!(
                !is_secret || is_path,
                "{name}: {variable} is not read from a file"
            );
        }
    }
}

/// Swarm would stop the old replica first, watch the new one for 5 s and leave a failed update as it is.
#[test]
fn replicas_are_replaced_without_a_gap_and_taken_back_when_they_fail() {
    let services: BTreeMap<_, _> = services("stack_prod.yaml").into_iter().collect();
    let app = &services["app"];
    let update = &app["deploy"]["update_config"];
    assert_eq!(text(&update["order"]), "start-first");
    assert_eq!(text(&update["failure_action"]), "rollback");
    assert_eq!(update["parallelism"], 1);
    assert_eq!(text(&update["monitor"]), "20s");
    assert_eq!(
        text(&app["deploy"]["rollback_config"]["order"]),
        "start-first"
    );
    assert_eq!(text(&app["stop_grace_period"]), "30s");
    assert_eq!(
        text(&services["db"]["deploy"]["update_config"]["order"]),
        "stop-first"
    );
    let volumes = list(&services["db"]["volumes"]);
    assert_eq!(
        volumes.first().map(text),
        Some("${TICKER_DATABASE_VOLUME:-database}:/var/lib/postgresql/data")
    );
}

/// The services of a file, anchors and merges resolved.
fn services(file: &str) -> Vec<(String, Value)> {
    let content: Value =
        serde_saphyr::from_str(&read(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let services = content["services"].as_object().expect("services");
    services.clone().into_iter().collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
