//! Which crate may use which: the line of the design, held against the manifests.

use crate::workspace::{Dependency, Kind, Package};

/// `domain → postgres → auth → app → http → server`, each with what it may use. A new crate gets a
/// line here, which is when somebody thinks about its place.
const ALLOWED: [(&str, &[&str]); 10] = [
    ("ticker-domain", &[]),
    ("ticker-postgres", &["ticker-domain"]),
    ("ticker-auth", &["ticker-domain", "ticker-postgres"]),
    (
        "ticker-app",
        &["ticker-domain", "ticker-postgres", "ticker-auth"],
    ),
    // Not ticker-postgres: SQL stays out of the reach of pages.
    (
        "ticker-http",
        &["ticker-domain", "ticker-auth", "ticker-app"],
    ),
    (
        "ticker-server",
        &[
            "ticker-domain",
            "ticker-postgres",
            "ticker-auth",
            "ticker-app",
            "ticker-http",
        ],
    ),
    (
        "ticker-testkit",
        &[
            "ticker-domain",
            "ticker-postgres",
            "ticker-auth",
            "ticker-app",
        ],
    ),
    // HTTP is all it knows of Ticker.
    ("ticker-loadgen", &[]),
    // Neither does it: the swarm and Prometheus tell it what it acts on.
    ("ticker-autoscaler", &[]),
    ("xtask", &[]),
];

/// Every crate's tests may use it, no crate's code.
const FOR_TESTS: &str = "ticker-testkit";

/// Libraries that only some crates may use at all, with those.
const RESERVED: [(&str, &[&str]); 2] = [
    ("sqlx", &["ticker-postgres", "ticker-testkit"]),
    ("jiff-sqlx", &["ticker-postgres", "ticker-testkit"]),
];

/// The domain neither waits, nor talks to anything, nor knows what time it is.
const PURE: &str = "ticker-domain";
const IMPURE: [&str; 7] = [
    "axum",
    "hyper",
    "rand",
    "reqwest",
    "tokio",
    "tokio-util",
    "tracing",
];

/// One line for each dependency that the design does not allow.
pub(crate) fn violations(packages: &[Package]) -> Vec<String> {
    packages
        .iter()
        .flat_map(|package| of_package(package, packages))
        .collect()
}

fn of_package(package: &Package, packages: &[Package]) -> Vec<String> {
    let name = package.name.as_str();
    let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
        return vec![format!(
            "{name} has no place yet: give it a line in xtask/src/arrows.rs"
        )];
    };
    let ours = |dependency: &Dependency| packages.iter().any(|one| one.name == dependency.name);
    let mut lines = Vec::new();
    for dependency in &package.dependencies {
        let (other, kind) = (dependency.name.as_str(), dependency.kind);
        let for_tests = other == FOR_TESTS && kind == Kind::Development;
        if ours(dependency) && !allowed.contains(&other) && !for_tests {
            lines.push(format!("{name} must not depend on {other}{}", suffix(kind)));
        }
        let reserved = RESERVED.iter().find(|(library, _)| *library == other);
        if reserved.is_some_and(|(_, users)| !users.contains(&name)) {
            lines.push(format!(
                "{name} must not depend on {other}: SQL is ticker-postgres's alone"
            ));
        }
        if name == PURE && kind != Kind::Development && IMPURE.contains(&other) {
            lines.push(format!(
                "{name} must not depend on {other}: the domain is pure"
            ));
        }
    }
    lines
}

fn suffix(kind: Kind) -> &'static str {
    match kind {
        Kind::Normal => "",
        Kind::Development => " (not even for tests)",
        Kind::Build => " (not even to build)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Kind)]) -> Package {
        Package {
            name: name.to_owned(),
            folder: name.into(),
            dependencies: dependencies
                .iter()
                .map(|(name, kind)| Dependency {
                    name: (*name).to_owned(),
                    kind: *kind,
                })
                .collect(),
        }
    }

    /// What the check says of one crate, in a workspace that has all the others.
    fn said(name: &str, dependencies: &[(&str, Kind)]) -> Vec<String> {
        let mut packages: Vec<Package> = ALLOWED
            .iter()
            .filter(|(known, _)| *known != name)
            .map(|(known, _)| package(known, &[]))
            .collect();
        packages.push(package(name, dependencies));
        violations(&packages)
    }

    #[test]
    fn the_line_of_the_design_passes() {
        for (name, allowed) in ALLOWED {
            let normal: Vec<_> = allowed.iter().map(|other| (*other, Kind::Normal)).collect();
            assert!(said(name, &normal).is_empty(), "{name}");
        }
        assert!(said("ticker-http", &[("ticker-testkit", Kind::Development)]).is_empty());
        assert!(
            said(
                "ticker-postgres",
                &[("sqlx", Kind::Normal), ("uuid", Kind::Normal)]
            )
            .is_empty()
        );
    }

    #[test]
    fn arrows_backwards_and_past_a_layer_are_refused() {
        let lines = said("ticker-http", &[("ticker-postgres", Kind::Normal)]);
        assert_eq!(lines, ["ticker-http must not depend on ticker-postgres"]);
        let lines = said("ticker-domain", &[("ticker-postgres", Kind::Build)]);
        assert_eq!(
            lines,
            ["ticker-domain must not depend on ticker-postgres (not even to build)"]
        );
        let lines = said("ticker-app", &[("ticker-http", Kind::Development)]);
        assert_eq!(
            lines,
            ["ticker-app must not depend on ticker-http (not even for tests)"]
        );
    }

    #[test]
    fn the_testkit_is_for_tests_only() {
        let lines = said("ticker-server", &[("ticker-testkit", Kind::Normal)]);
        assert_eq!(lines, ["ticker-server must not depend on ticker-testkit"]);
    }

    #[test]
    fn sql_is_reserved_and_the_domain_pure() {
        let lines = said("ticker-app", &[("sqlx", Kind::Development)]);
        assert_eq!(
            lines,
            ["ticker-app must not depend on sqlx: SQL is ticker-postgres's alone"]
        );
        let lines = said("ticker-domain", &[("tokio", Kind::Normal)]);
        assert_eq!(
            lines,
            ["ticker-domain must not depend on tokio: the domain is pure"]
        );
        assert!(said("ticker-domain", &[("tokio", Kind::Development)]).is_empty());
    }

    #[test]
    fn an_unknown_crate_must_be_given_a_place() {
        let lines = said("ticker-new", &[]);
        assert_eq!(
            lines,
            ["ticker-new has no place yet: give it a line in xtask/src/arrows.rs"]
        );
    }
}
