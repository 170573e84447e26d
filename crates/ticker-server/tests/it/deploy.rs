//! `deploy/ticker-stack` against a `docker` that only writes down what it is asked to change. What it does to
//! a real swarm is shown by `cargo xtask lab`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const SECRETS: [&str; 7] = [
    "superuser",
    "owner",
    "app",
    "monitor",
    "grafana",
    "alert_webhook",
    "heartbeat_webhook",
];

#[test]
fn secrets_are_made_once_and_end_without_a_line_break() {
    let swarm = Swarm::new("secrets");
    swarm.write("secrets/ticker_app_1", "made by somebody before");
    let made = swarm.run(&["secrets"]);
    assert_eq!(code(&made), 0, "{made:?}");
    let first = swarm.secrets();
    assert_eq!(first.len(), SECRETS.len());
    assert_eq!(
        swarm.read("secrets/ticker_app_1"),
        "made by somebody before"
    );
    for name in ["superuser", "owner", "monitor", "grafana"] {
        let value = swarm.read(&format!("secrets/ticker_{name}_1"));
        assert_eq!(value.len(), 40, "{name}");
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        assert!(
            value.chars().all(plain),
            "{name} has more than letters and digits"
        );
    }
    assert!(err(&made).contains("alerts reach nobody"));

    let again = swarm.run(&["secrets"]);
    assert_eq!(code(&again), 0, "{again:?}");
    assert_eq!(swarm.secrets(), first);
}

#[test]
fn what_a_deploy_needs_is_named_when_it_is_missing() {
    let swarm = Swarm::new("needs");
    swarm.write("manager", "false\n");
    let output = swarm.run(&["deploy", "0.2.0"]);
    assert_eq!(code(&output), 1);
    assert!(err(&output).contains("no manager of a swarm answers"));

    swarm.write("manager", "true\n");
    swarm.write("labels", "edge\nmonitoring\n");
    let output = swarm.run(&["deploy", "0.2.0"]);
    assert_eq!(code(&output), 1);
    assert!(err(&output).contains("docker node update --label-add volume=true NODE"));

    swarm.write("labels", "edge\nmonitoring\nvolume\n");
    let output = swarm.run(&["deploy", "0.2.0"]);
    assert_eq!(code(&output), 1);
    assert!(err(&output).contains("run 'deploy/ticker-stack secrets' first"));
    assert_eq!(swarm.calls(), "", "nothing was changed");
}

#[test]
fn a_deploy_keeps_what_was_scaled_and_migrates_before_anything_else() {
    let swarm = Swarm::running("keeps");
    swarm.write("services/ticker_app/replicas", "5\n");
    swarm.write("services/ticker_app/running", "5\n");
    let output = swarm.run(&["deploy", "0.2.0"]);
    assert_eq!(code(&output), 0, "{output:?}");
    let calls = swarm.calls();
    let (migrated, deployed) = (
        calls.find("--image ticker:0.2.0 ticker_migrate"),
        calls.find("stack deploy"),
    );
    assert!(migrated.is_some() && migrated < deployed, "{calls}");
    let environment = swarm.read("environment");
    for expected in [
        "TICKER_REPLICAS=5",
        "TICKER_VERSION=0.2.0",
        "TICKER_VERSION_BEFORE=0.1.0",
        "TICKER_APP_SECRET=1",
    ] {
        assert!(
            environment.lines().any(|line| line == expected),
            "{expected}: {environment}"
        );
    }
    let caddyfile = environment
        .lines()
        .find_map(|line| line.strip_prefix("CADDYFILE_HASH="));
    assert_eq!(caddyfile.map(str::len), Some(12), "{environment}");
}

#[test]
fn every_config_of_the_stack_has_the_hash_of_its_file_in_its_name() {
    let swarm = Swarm::running("hashes");
    let output = swarm.run(&["deploy", "0.2.0"]);
    assert_eq!(code(&output), 0, "{output:?}");
    let environment = swarm.read("environment");
    let stack = fs::read_to_string(root().join("stack_prod.yaml")).expect("the stack is there");
    let configs = stack
        .split("\nconfigs:\n")
        .nth(1)
        .expect("there are configs");
    let configs = configs.split("\n\n").next().expect("they end");
    let mut seen = 0;
    for line in configs.lines() {
        let (_, variable) = line.split_once("_${").expect(line);
        let (variable, _) = variable.split_once(":-0}").expect(line);
        let hashed = format!("{variable}=");
        assert!(
            environment.lines().any(|line| line.starts_with(&hashed)),
            "{variable}: {environment}"
        );
        seen += 1;
    }
    assert!(seen > 10, "{seen} configs");
}

#[test]
fn a_release_that_was_rolled_back_is_said_so_and_fails() {
    let swarm = Swarm::running("rolled_back");
    swarm.write("services/ticker_app/state", "rollback_completed\n");
    swarm.write(
        "services/ticker_app/tasks",
        "ticker_app.1 on node1: Failed task: unhealthy container\n",
    );
    let output = swarm.run(&["deploy", "0.2.0"]);
    assert_eq!(code(&output), 1, "{output:?}");
    let said = err(&output);
    assert!(
        said.contains("ticker_app: its update was stopped (rollback_completed)"),
        "{said}"
    );
    assert!(said.contains("unhealthy container"), "{said}");
    assert!(
        said.contains("'deploy/ticker-stack deploy 0.1.0' brings everything back"),
        "{said}"
    );
}

#[test]
fn a_migration_that_fails_leaves_the_rest_alone() {
    let swarm = Swarm::running("migration");
    swarm.write("services/ticker_migrate/fails", "");
    swarm.write("services/ticker_migrate/tasks", "Failed 3 seconds ago\n");
    let output = swarm.run(&["deploy", "0.2.0"]);
    assert_eq!(code(&output), 1, "{output:?}");
    assert!(
        err(&output).contains("nothing else was changed"),
        "{output:?}"
    );
    assert!(err(&output).contains("a line of task"), "{output:?}");
    assert!(!swarm.calls().contains("stack deploy"), "{}", swarm.calls());
}

/// Between two leaders a swarm answers nothing for seconds.
#[test]
fn no_answer_is_not_taken_for_a_good_one() {
    let swarm = Swarm::running("silent");
    swarm.write("silent", "");
    let output = swarm.run(&["deploy", "0.2.0"]);
    assert_eq!(code(&output), 1, "{output:?}");
    assert!(err(&output).contains("the swarm does not answer"));
    assert_eq!(swarm.calls(), "", "nothing was changed");

    let swarm = Swarm::running("silent_afterwards");
    swarm.write("then_silent", "");
    swarm.write("settings.env", "TICKER_DEPLOY_SECONDS=0\n");
    let output = swarm.run(&["deploy", "0.2.0"]);
    assert_eq!(code(&output), 1, "{output:?}");
    assert!(err(&output).contains("the swarm does not answer"));
}

/// Whoever scales while an update is taken back makes the swarm forget that it was.
#[test]
fn it_is_over_when_the_version_asked_for_runs() {
    let swarm = Swarm::running("taken_back");
    swarm.write("taken_back", "");
    let output = swarm.run(&["deploy", "0.2.0"]);
    assert_eq!(code(&output), 1, "{output:?}");
    assert!(err(&output).contains("version 0.2.0 is not deployed"));
    assert!(err(&output).contains("'deploy/ticker-stack deploy 0.1.0'"));
}

#[test]
fn what_used_up_its_attempts_is_tried_again_by_the_same_deploy() {
    let swarm = Swarm::running("again");
    swarm.write("services/ticker_logins/tasks", "Failed 2 hours ago\n");
    let output = swarm.run(&["deploy", "0.1.0"]);
    assert_eq!(code(&output), 0, "{output:?}");
    let forced = "service update --quiet --detach --force ticker_logins\n";
    assert!(swarm.calls().contains(forced), "{}", swarm.calls());
    assert!(!swarm.calls().contains("ticker_migrate"), "it was complete");
}

/// A deploy may be what brings the database back.
#[test]
fn a_database_that_does_not_run_is_not_waited_for() {
    let swarm = Swarm::running("no_database");
    swarm.write("services/ticker_db/replicas", "1\n");
    swarm.write("services/ticker_db/running", "0\n");
    swarm.write("settings.env", "TICKER_DEPLOY_SECONDS=0\n");
    let output = swarm.run(&["deploy", "0.2.0"]);
    assert!(
        err(&output).contains("migrating when it does"),
        "{output:?}"
    );
    assert!(swarm.calls().contains("stack deploy"), "{output:?}");
}

#[test]
fn what_never_comes_right_is_given_up_in_time() {
    let swarm = Swarm::running("given_up");
    let error = "ticker_app.1 on node1: no such image\n";
    swarm.write("errors", &format!("ticker_db.1 on node1: \n{error}{error}"));
    swarm.write("services/ticker_app/running", "1\n");
    swarm.write("settings.env", "TICKER_DEPLOY_SECONDS=0\n");
    let output = swarm.run(&["deploy", "0.2.0"]);
    assert_eq!(code(&output), 1, "{output:?}");
    assert!(err(&output).contains("ticker_app: 1/2 run"), "{output:?}");
    assert!(err(&output).contains("given up after 0 s"), "{output:?}");
    assert!(err(&output).contains("no such image"), "{output:?}");
}

#[test]
fn rolling_back_is_deploying_the_version_before() {
    let swarm = Swarm::running("rollback");
    let none = swarm.run(&["rollback"]);
    assert_eq!(code(&none), 1, "{none:?}");
    swarm.write("services/ticker_app/before", "0.0.9\n");
    let output = swarm.run(&["rollback"]);
    assert_eq!(code(&output), 0, "{output:?}");
    assert!(swarm.read("environment").contains("TICKER_VERSION=0.0.9\n"));

    // The swarm has done it itself, and put its label back as well.
    let swarm = Swarm::running("rollback_again");
    swarm.write("services/ticker_app/before", "0.0.9\n");
    swarm.write("services/ticker_app/state", "rollback_completed\n");
    swarm.run(&["rollback"]);
    assert!(swarm.read("environment").contains("TICKER_VERSION=0.1.0\n"));
}

/// One that ended half-way may have left any of the passwords in the database.
#[test]
fn the_superusers_rotation_knows_every_password_that_there_may_be() {
    let swarm = Swarm::running("superuser");
    swarm.write("secrets/ticker_superuser_2", "of a rotation that failed");
    swarm.write("services/ticker_db/version", "17.11");
    swarm.write("services/ticker_db/replicas", "1\n");
    swarm.write("services/ticker_db/running", "1\n");
    let output = swarm.run(&["rotate", "superuser"]);
    assert_eq!(code(&output), 0, "{output:?}");
    let calls = swarm.calls();
    for number in 1..=3 {
        let mounted = format!("source=ticker_superuser_{number},target=superuser_{number},");
        assert!(calls.contains(&mounted), "{calls}");
    }
    assert!(calls.contains("NEW=/run/secrets/superuser_3"), "{calls}");
    let left = swarm.secrets().into_iter().map(|(name, _)| name);
    let left: Vec<_> = left.filter(|name| name.contains("superuser")).collect();
    assert_eq!(left, ["ticker_superuser_3"]);
}

#[test]
fn a_rotation_ends_with_the_old_login_and_the_old_secret_gone() {
    let swarm = Swarm::running("rotation");
    let output = swarm.run(&["rotate", "app"]);
    assert_eq!(code(&output), 0, "{output:?}");
    assert!(swarm.read("environment").contains("TICKER_APP_SECRET=2\n"));
    let calls = swarm.calls();
    let order = [
        "secret create",
        "stack deploy",
        "--env-add TICKER_DROP_OTHER_LOGINS=true ticker_logins",
        "secret rm ticker_app_1",
    ];
    let found: Vec<_> = order.iter().map(|what| calls.find(what)).collect();
    assert!(
        found.iter().all(Option::is_some) && found.is_sorted(),
        "{calls}"
    );
    assert!(
        !calls.contains(&swarm.read("secrets/ticker_app_2")),
        "a password was an argument"
    );
}

#[test]
fn a_rotation_that_does_not_come_right_keeps_the_old_secret() {
    let swarm = Swarm::running("rotation_fails");
    swarm.write("services/ticker_app/state", "rollback_completed\n");
    let output = swarm.run(&["rotate", "app"]);
    assert_eq!(code(&output), 1, "{output:?}");
    assert!(!swarm.calls().contains("secret rm"), "{}", swarm.calls());
    assert!(
        !swarm.calls().contains("TICKER_DROP_OTHER_LOGINS"),
        "{}",
        swarm.calls()
    );
}

#[test]
fn a_wrong_command_or_setting_is_told_apart() {
    let swarm = Swarm::running("misused");
    for arguments in [
        &["deplyo"][..],
        &["deploy"],
        &["rotate", "grafana"],
        &["ticker"],
        &["status", "now"],
    ] {
        assert_eq!(code(&swarm.run(arguments)), 2, "{arguments:?}");
    }
    swarm.write("settings.env", "TICKER_STACK_FILES=site/missing.yaml\n");
    let output = swarm.run(&["deploy", "0.2.0"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("site/missing.yaml, which is not there"));
    assert_eq!(swarm.calls(), "");
}

/// The files that the `docker` of these tests reads and writes, and the `sleep` that does not.
struct Swarm {
    folder: PathBuf,
}

impl Swarm {
    /// A swarm of one node on which nothing runs yet.
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("deploy-{name}"));
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("the last run's files are ours");
        }
        for folder in [folder.join("secrets"), folder.join("services")] {
            fs::create_dir_all(folder).expect("a folder");
        }
        let swarm = Self { folder };
        swarm.program("docker", include_str!("deploy/docker.sh"));
        swarm.program("sleep", "#!/bin/sh\n");
        swarm.write("manager", "true\n");
        swarm.write("labels", "edge\nmonitoring\nvolume\n");
        swarm.write("calls", "");
        swarm.write("settings.env", "");
        swarm
    }

    /// One on which version 0.1.0 runs in two replicas.
    fn running(name: &str) -> Self {
        let swarm = Self::new(name);
        for secret in SECRETS {
            swarm.write(&format!("secrets/ticker_{secret}_1"), "a secret");
        }
        swarm.write("services/ticker_app/version", "0.1.0");
        swarm.write("services/ticker_app/replicas", "2\n");
        swarm.write("services/ticker_app/running", "2\n");
        swarm.write("services/ticker_app/secrets", "ticker_app_1 ");
        for once in ["migrate", "logins"] {
            let file = |name: &str| format!("services/ticker_{once}/{name}");
            swarm.write(&file("once"), "");
            swarm.write(&file("replicas"), "1\n");
            swarm.write(&file("running"), "0\n");
            swarm.write(
                &file("tasks"),
                "Complete 3 seconds ago\nFailed 9 seconds ago\n",
            );
        }
        swarm
    }

    fn write(&self, file: &str, content: &str) {
        let file = self.folder.join(file);
        fs::create_dir_all(file.parent().expect("it is in a folder")).expect("a folder");
        fs::write(file, content).expect("a file");
    }

    fn program(&self, name: &str, content: &str) {
        self.write(name, content);
        let permissions = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.folder.join(name), permissions).expect("it is ours");
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    fn calls(&self) -> String {
        self.read("calls")
    }

    fn secrets(&self) -> Vec<(String, String)> {
        let entries = fs::read_dir(self.folder.join("secrets")).expect("a folder");
        let names = entries.map(|entry| entry.expect("a file").file_name());
        let mut names: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
        names.sort();
        let with_value = |name: String| {
            let value = self.read(&format!("secrets/{name}"));
            (name, value)
        };
        names.into_iter().map(with_value).collect()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let path = std::env::var("PATH").expect("a PATH");
        let mut command = Command::new(root().join("deploy/ticker-stack"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", format!("{}:{path}", self.folder.display()))
            .env("TICKER_SETTINGS", self.folder.join("settings.env"))
            .stdin(Stdio::null());
        command.output().expect("it starts")
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it was not killed")
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
