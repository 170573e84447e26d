//! What is written, when, and when not.

use serde_json::Value;

use crate::engine::Engine;
use crate::program::{Program, Running, decisions};
use crate::prometheus::{Figures, Prometheus};

/// Asks for as much as is possible, as soon as is possible.
const LABELS: [(&str, &str); 5] = [
    ("min", "2"),
    ("max", "5"),
    ("target", "8"),
    ("up-after", "0s"),
    ("down-after", "300ms"),
];

const BUSY: Figures = Figures {
    load: Some("40"),
    reporting: Some("2"),
    p99: None,
    room: None,
    is_down: false,
};

async fn start(engine: &Engine, prometheus: &Prometheus) -> Running {
    program(engine, prometheus).await.start().await
}

async fn program(engine: &Engine, prometheus: &Prometheus) -> Program {
    let docker = format!("tcp://{}", engine.on_port().await);
    Program::new(&docker, prometheus.on_port().await)
}

/// The specification that was read and the one that was written differ in nothing else.
fn assert_only_replicas_differ(mut before: Value, after: &Value) {
    before["Mode"]["Replicated"]["Replicas"] = after["Mode"]["Replicated"]["Replicas"].clone();
    assert_eq!(&before, after);
}

#[tokio::test]
async fn load_brings_replicas_and_quiet_takes_them() {
    let engine = Engine::new(&LABELS);
    let before = engine.known().spec;
    let prometheus = Prometheus::new(BUSY);
    let running = start(&engine, &prometheus).await;

    let known = engine.until("doubled", |known| known.replicas() == 4).await;
    assert_only_replicas_differ(before, &known.spec);
    let known = engine
        .until("the most", |known| known.replicas() == 5)
        .await;
    assert_eq!((known.writes, known.version), (2, 43), "each write at once");
    running.counted("up").await;
    for line in [
        "ticker_autoscaler_replicas{service=\"app\",bound=\"min\"} 2",
        "ticker_autoscaler_replicas{service=\"app\",bound=\"max\"} 5",
        "ticker_autoscaler_replicas{service=\"app\",bound=\"wanted\"} 5",
        "ticker_autoscaler_replicas{service=\"app\",bound=\"current\"} 5",
        "ticker_autoscaler_load{service=\"app\"} 40",
        "ticker_swarm_tasks_desired{service=\"app\"} 5",
        "ticker_swarm_tasks_running{service=\"app\"} 5",
        "ticker_swarm_task_pending_seconds{service=\"app\"} 0",
        "ticker_swarm_update_state{service=\"app\",state=\"none\"} 1",
        "ticker_swarm_update_state{service=\"app\",state=\"updating\"} 0",
        "ticker_swarm_nodes{state=\"ready\"} 1",
        "ticker_swarm_nodes{state=\"down\"} 0",
        "ticker_autoscaler_reachable{peer=\"docker\"} 1",
        "ticker_autoscaler_reachable{peer=\"prometheus\"} 1",
    ] {
        running.metric(line).await;
    }

    prometheus.tell(Figures {
        load: Some("0"),
        reporting: Some("5"),
        ..BUSY
    });
    engine.until("halved", |known| known.replicas() == 3).await;
    engine
        .until("the least", |known| known.replicas() == 2)
        .await;
    running.counted("down").await;
    running.counted("unchanged").await;
    let known = engine.rounds(3).await;
    assert_eq!((known.replicas(), known.writes), (2, 4));
    assert!(known.strange.is_empty(), "{:?}", known.strange);
}

#[tokio::test]
async fn somebody_elses_change_is_not_undone() {
    let engine = Engine::new(&LABELS);
    engine.change(|known| known.is_about_to_be_overtaken = true);
    let running = start(&engine, &Prometheus::new(BUSY)).await;
    let known = engine.until("scaled", |known| known.replicas() == 4).await;
    assert_eq!(
        known.spec["TaskTemplate"]["ContainerSpec"]["Image"],
        "ticker:0.1.1"
    );
    running.counted("held_overtaken").await;
    running.counted("up").await;
}

#[tokio::test]
async fn missing_figures_change_nothing() {
    let engine = Engine::new(&[&LABELS[..], &[("p99", "0.25"), ("connections", "13")]].concat());
    let quiet = Figures {
        load: Some("0"),
        reporting: Some("2"),
        p99: Some("NaN"),
        room: Some("97"),
        is_down: false,
    };
    let busy = Figures {
        load: Some("40"),
        p99: Some("0.2"),
        ..quiet
    };
    let prometheus = Prometheus::new(Figures::default());
    let running = start(&engine, &prometheus).await;
    for without in [
        Figures::default(),
        Figures { load: None, ..busy },
        Figures {
            load: Some("NaN"),
            ..busy
        },
        Figures {
            reporting: None,
            ..busy
        },
        Figures { p99: None, ..busy },
        Figures { room: None, ..busy },
        Figures {
            is_down: true,
            ..busy
        },
    ] {
        prometheus.tell(without);
        let known = engine.rounds(3).await;
        assert_eq!(known.writes, 0, "{without:?}");
    }
    running.counted("held_no_metrics").await;
    running
        .metric("ticker_autoscaler_reachable{peer=\"prometheus\"} 0")
        .await;
    let message = "Prometheus does not answer: nothing is scaled";
    let line = running.line(message).await;
    let failure = line["failure"].as_str().expect("a reason");
    assert_eq!(failure, "503 Service Unavailable: starting up");
    assert_eq!(running.count(message), 1, "said once");

    prometheus.tell(quiet);
    running.counted("unchanged").await;
    prometheus.tell(busy);
    engine.until("scaled", |known| known.replicas() > 2).await;
}

#[tokio::test]
async fn the_databases_connections_end_growth() {
    let engine = Engine::new(&[&LABELS[..], &[("connections", "13")]].concat());
    let prometheus = Prometheus::new(Figures {
        room: Some("52"),
        ..BUSY
    });
    let running = start(&engine, &prometheus).await;
    // Four replicas' worth, one of which stays free.
    running.counted("held_connections").await;
    let known = engine.rounds(3).await;
    assert_eq!((known.replicas(), known.writes), (3, 1));
}

#[tokio::test]
async fn an_update_is_left_alone_until_it_is_over() {
    let engine = Engine::new(&LABELS);
    engine.change(|known| known.update_state = Some("updating"));
    let running = start(&engine, &Prometheus::new(BUSY)).await;
    for state in ["updating", "paused", "rollback_started", "rollback_paused"] {
        engine.change(|known| known.update_state = Some(state));
        assert_eq!(engine.rounds(3).await.writes, 0, "{state}");
        let shown = format!("ticker_swarm_update_state{{service=\"app\",state=\"{state}\"}} 1");
        running.metric(&shown).await;
    }
    running.counted("held_updating").await;
    engine.change(|known| known.update_state = Some("completed"));
    engine.until("scaled", |known| known.replicas() == 4).await;
}

#[tokio::test]
async fn more_of_what_does_not_come_up_is_not_asked_for() {
    let engine = Engine::new(&LABELS);
    engine.change(|known| known.stuck = 1);
    let running = start(&engine, &Prometheus::new(BUSY)).await;
    running.counted("held_not_converged").await;
    assert_eq!(engine.rounds(3).await.writes, 0);
    running
        .metric("ticker_swarm_tasks_running{service=\"app\"} 1")
        .await;
    let text = running.metrics().await;
    let pending = text
        .lines()
        .find_map(|line| line.strip_prefix("ticker_swarm_task_pending_seconds{service=\"app\"} "));
    let pending_s: f64 = pending.expect("a metric").parse().expect("a number");
    assert!(pending_s > 0.0);
}

#[tokio::test]
async fn a_dry_run_says_and_does_nothing() {
    let engine = Engine::new(&LABELS);
    let program = program(&engine, &Prometheus::new(BUSY)).await;
    let running = program.set("DRY_RUN", "true").start().await;
    running.counted("held_dry_run").await;
    let known = engine.rounds(3).await;
    assert_eq!((known.replicas(), known.writes), (2, 0));
    let message = "would be scaled: this is a dry run";
    let line = running.line(message).await;
    assert_eq!((&line["from"], &line["to"]), (&2.into(), &4.into()));
    assert_eq!(running.count(message), 1, "said once");
    running
        .metric("ticker_autoscaler_replicas{service=\"app\",bound=\"wanted\"} 4")
        .await;
}

#[tokio::test]
async fn bad_labels_hold_and_good_ones_release() {
    let engine = Engine::new(&[("min", "5"), ("max", "2"), ("tarket", "8")]);
    let running = start(&engine, &Prometheus::new(BUSY)).await;
    running.counted("held_bad_policy").await;
    let message = "not scaled: its labels cannot be followed";
    let line = running.line(message).await;
    let problem = line["problem"].as_str().expect("a problem");
    for part in [
        "ticker.autoscale.min is 5",
        "ticker.autoscale.target is not set",
        "ticker.autoscale.tarket is no label",
    ] {
        assert!(problem.contains(part), "{problem}");
    }
    let known = engine.rounds(3).await;
    assert_eq!((known.writes, running.count(message)), (0, 1));
    running
        .metric("ticker_swarm_tasks_running{service=\"app\"} 2")
        .await;

    let good = Engine::new(&LABELS).known().spec["Labels"].clone();
    engine.change(|known| known.spec["Labels"] = good);
    engine.until("scaled", |known| known.replicas() == 4).await;
}

#[tokio::test]
async fn without_labels_a_service_is_only_watched() {
    let engine = Engine::new(&[]);
    let running = start(&engine, &Prometheus::new(BUSY)).await;
    running
        .metric("ticker_swarm_tasks_running{service=\"app\"} 2")
        .await;
    assert_eq!(engine.rounds(3).await.writes, 0);
    let text = running.metrics().await;
    assert!(!text.contains(&decisions("up")), "{text}");
}
