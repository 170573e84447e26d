use serde_json::{Value, json};

use super::*;

/// A service as an engine of the next years may answer: with members that nobody knows here.
fn service(name: &str, mode: &Value) -> Value {
    json!({
        "ID": format!("id-{name}"), "Version": {"Index": 41}, "CreatedAt": "2026-11-20T10:00:00Z",
        "Spec": {
            "Name": format!("ticker_{name}"),
            "Labels": {"com.docker.stack.namespace": "ticker"},
            "Mode": mode,
            "TaskTemplate": {"ContainerSpec": {"Image": "ticker:0.1.0@sha256:0", "New": [1, null]}},
            "UpdateConfig": {"Parallelism": 1, "MaxFailureRatio": 0.1, "Monitor": 20_000_000_000_i64},
            "Unheard": {"Of": 18_446_744_073_709_551_615_u64},
        },
    })
}

fn task(service: &str, node: &str, desired: &str, state: &str) -> Value {
    json!({
        "ID": "t", "ServiceID": format!("id-{service}"), "NodeID": node, "DesiredState": desired,
        "CreatedAt": "2026-11-20T12:00:00.5Z", "Status": {"State": state, "Timestamp": "2026-11-20T12:00:01Z"},
    })
}

fn swarm(services: &[Value], tasks: &[Value]) -> Swarm {
    let services = services
        .iter()
        .map(|service| serde_json::from_str(&service.to_string()).expect("a service"));
    let tasks: Vec<TaskAnswer> = tasks
        .iter()
        .map(|task| serde_json::from_str(&task.to_string()).expect("a task"))
        .collect();
    let nodes = ["ready", "ready", "down", "of tomorrow"]
        .map(|state| json!({"ID": "n", "Status": {"State": state}}).to_string())
        .map(|node| serde_json::from_str(&node).expect("a node"));
    let now: Timestamp = "2026-11-20T12:02:30.5Z".parse().expect("a time");
    Swarm::read(services.collect(), &tasks, &nodes, "ticker", now.into()).expect("a swarm")
}

fn replicated(replicas: u32) -> Value {
    json!({ "Replicated": { "Replicas": replicas } })
}

#[test]
fn tasks_are_counted_by_what_they_are_to_do_and_do() {
    let seen = swarm(
        &[
            service("app", &replicated(3)),
            service("db", &json!({ "Replicated": {} })),
            service("node-exporter", &json!({ "Global": {} })),
            service(
                "migrate",
                &json!({ "ReplicatedJob": { "MaxConcurrent": 1 } }),
            ),
        ],
        &[
            task("app", "n1", "running", "running"),
            task("app", "n2", "running", "starting"),
            task("app", "", "running", "pending"),
            task("app", "n1", "shutdown", "running"),
            task("node-exporter", "n1", "running", "running"),
            task("node-exporter", "n2", "ready", "ready"),
            task("node-exporter", "n2", "shutdown", "failed"),
            task("migrate", "n1", "complete", "complete"),
        ],
    );
    let of = |name: &str| {
        let service = &seen.services[name];
        let pending_s = service.pending.as_secs();
        (service.tasks_desired, service.tasks_running, pending_s)
    };
    assert_eq!(of("app"), (3, 1, 150));
    assert_eq!(of("db"), (1, 0, 0));
    assert_eq!(of("node-exporter"), (2, 1, 0));
    assert_eq!(of("migrate"), (0, 0, 0), "a job ends");
    assert_eq!(
        seen.nodes,
        [
            (NodeState::Ready, 2),
            (NodeState::Down, 1),
            (NodeState::Unknown, 1)
        ]
        .into()
    );
}

#[test]
fn what_is_to_be_done_once_is_wanted_until_it_is_done() {
    let mut once = service("migrate", &replicated(1));
    once["Spec"]["TaskTemplate"]["RestartPolicy"] = json!({ "Condition": "on-failure" });
    let mut newest = task("migrate", "n1", "shutdown", "complete");
    newest["CreatedAt"] = "2026-11-20T12:00:09Z".into();
    let failed = task("migrate", "n1", "shutdown", "failed");
    let desired = |service: &Value, tasks: &[Value]| {
        let seen = swarm(std::slice::from_ref(service), tasks);
        seen.services["migrate"].tasks_desired
    };
    assert_eq!(desired(&once, &[]), 1);
    assert_eq!(desired(&once, std::slice::from_ref(&failed)), 1);
    assert_eq!(desired(&once, &[newest.clone(), failed.clone()]), 0);
    newest["Status"]["State"] = "failed".into();
    assert_eq!(desired(&once, &[newest.clone(), failed]), 1);
    newest["Status"]["State"] = "complete".into();
    let always = service("migrate", &replicated(1));
    assert_eq!(desired(&always, &[newest]), 1, "it should not have ended");
}

#[test]
fn a_write_changes_the_number_of_replicas_and_not_one_byte_else() {
    let before = service("app", &replicated(3));
    let seen = swarm(std::slice::from_ref(&before), &[]);
    let written = &seen.services["app"].written;
    assert_eq!((written.name.as_str(), written.version), ("ticker_app", 41));
    let body = written.with_replicas(5).expect("JSON");
    let body = String::from_utf8(body).expect("UTF-8");
    let after: Value = serde_json::from_str(&body).expect("JSON");
    let mut expected = before["Spec"].clone();
    expected["Mode"]["Replicated"]["Replicas"] = 5.into();
    assert_eq!(after, expected);
    let unheard = before["Spec"]["Unheard"].to_string();
    assert!(body.contains(&unheard), "{body}");
}

#[test]
fn an_update_is_open_until_it_has_come_to_its_end() {
    for (state, is_open) in [
        (None, false),
        (Some("updating"), true),
        (Some("paused"), true),
        (Some("completed"), false),
        (Some("rollback_started"), true),
        (Some("rollback_paused"), true),
        (Some("rollback_completed"), false),
    ] {
        let mut answer = service("app", &replicated(1));
        answer["UpdateStatus"] = state.map_or(Value::Null, |state| json!({ "State": state }));
        let seen = swarm(&[answer], &[]);
        let update = seen.services["app"].update;
        assert_eq!(update.as_str(), state.unwrap_or("none"));
        assert_eq!(update.is_open(), is_open, "{state:?}");
    }
}

#[test]
fn only_what_has_replicas_can_be_scaled() {
    let mut answer = service("node-exporter", &json!({ "Global": {} }));
    let labels = json!({
        "ticker.autoscale.min": "1", "ticker.autoscale.max": "2", "ticker.autoscale.target": "8",
    });
    answer["Spec"]["Labels"] = labels.clone();
    let seen = swarm(&[answer], &[]);
    assert!(seen.services["node-exporter"].policy.is_err());
    let mut answer = service("app", &replicated(1));
    answer["Spec"]["Labels"] = labels;
    let seen = swarm(&[answer], &[]);
    assert!(matches!(seen.services["app"].policy, Ok(Some(_))));
}
