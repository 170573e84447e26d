//! The command line and how it ends.

use std::process::Output;

use crate::engine::Engine;
use crate::program::Program;
use crate::prometheus::{Figures, Prometheus};

fn run(program: &Program, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = program.command();
    let Output { status, stderr, .. } = command.args(arguments).output().expect("it runs");
    (status.code(), String::from_utf8(stderr).expect("UTF-8"))
}

#[tokio::test]
async fn wrong_settings_are_refused() {
    let nowhere = "127.0.0.1:1".parse().expect("an address");
    let program = Program::new("docker-api", nowhere).set("INTERVALL", "10s");
    let (code, said) = run(&program, &[]);
    assert_eq!(code, Some(2), "{said}");
    assert_eq!(
        said,
        "TICKER_AUTOSCALER_INTERVALL: is no setting: `ticker-autoscaler --help` lists all\n\
         TICKER_AUTOSCALER_DOCKER: must be tcp://HOST:PORT or unix:///PATH, not \"docker-api\"\n"
    );
    let (code, _) = run(&program, &["--unheard-of"]);
    assert_eq!(code, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_check_tells_life_from_death() {
    let engine = Engine::new(&[]);
    engine.change(|known| known.is_down = true);
    let docker = format!("tcp://{}", engine.on_port().await);
    let prometheus = Prometheus::new(Figures::default()).on_port().await;
    let program = Program::new(&docker, prometheus);
    let mut running = program.start().await;
    let asking = program.set("LISTEN", &running.address().to_string());
    assert_eq!(run(&asking, &["healthcheck"]), (Some(0), String::new()));
    running.stop().await;
    let (code, said) = run(&asking, &["healthcheck"]);
    assert_eq!(code, Some(1));
    assert!(
        said.starts_with("ticker-autoscaler: no answer from http://127.0.0.1:"),
        "{said}"
    );
}
