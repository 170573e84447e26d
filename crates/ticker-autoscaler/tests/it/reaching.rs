//! An engine that is not there, and one that comes back.

use crate::engine::Engine;
use crate::program::Program;
use crate::prometheus::{Figures, Prometheus};
use tokio::net::TcpListener;

#[tokio::test]
async fn what_cannot_be_seen_is_not_shown_as_if_it_were() {
    let engine = Engine::new(&[("min", "2"), ("max", "5"), ("target", "8")]);
    let prometheus = Prometheus::new(Figures::default());
    let docker = format!("tcp://{}", engine.on_port().await);
    let running = Program::new(&docker, prometheus.on_port().await)
        .start()
        .await;
    running
        .metric("ticker_swarm_tasks_running{service=\"app\"} 2")
        .await;
    let seen_at = last_seen(&running.metrics().await);
    assert!(seen_at > 1_700_000_000.0, "{seen_at}");

    engine.change(|known| known.is_down = true);
    running
        .metric("ticker_autoscaler_reachable{peer=\"docker\"} 0")
        .await;
    let text = running.metrics().await;
    for gone in [
        "ticker_swarm_tasks",
        "ticker_swarm_update",
        "ticker_swarm_nodes",
        "ticker_autoscaler_replicas",
    ] {
        assert!(!text.contains(gone), "{gone} in:\n{text}");
    }
    assert!(last_seen(&text) >= seen_at);
    let message = "the swarm cannot be seen: nothing is scaled";
    running.line(message).await;

    engine.change(|known| known.is_down = false);
    running
        .metric("ticker_swarm_tasks_running{service=\"app\"} 2")
        .await;
    assert_eq!(running.count(message), 1, "said once");
    assert_eq!(
        running.count("the swarm can be seen"),
        2,
        "and that it is over"
    );
}

#[tokio::test]
async fn it_starts_and_stops_with_nobody_there() {
    let nobody = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = nobody.local_addr().expect("an address");
    // Accepts, since the system does, and never answers.
    let mut running = Program::new(&format!("tcp://{address}"), address)
        .start()
        .await;
    running
        .metric("ticker_swarm_last_seen_timestamp_seconds 0")
        .await;
    assert!(running.stop().await.success());

    drop(nobody);
    let mut running = Program::new(&format!("tcp://{address}"), address)
        .start()
        .await;
    running
        .line("the swarm cannot be seen: nothing is scaled")
        .await;
    assert!(running.stop().await.success());
}

fn last_seen(metrics: &str) -> f64 {
    let value = metrics
        .lines()
        .find_map(|line| line.strip_prefix("ticker_swarm_last_seen_timestamp_seconds "));
    value.expect("always there").parse().expect("a number")
}
