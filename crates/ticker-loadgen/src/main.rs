//! `ticker-loadgen`: puts load on Ticker over HTTP, measures what it answers, and proves afterwards that
//! the ledger holds exactly what was answered.
//!
//! It knows nothing of Ticker but its pages and its history's CSV export, so it also judges a Ticker that
//! is broken inside. Accounts stand in a file, a line `name:password` each; the operator makes them with
//! `ticker user create NAME --role staff --password-stdin --keep-password`.
//!
//! ```text
//! # 64 clients press + on one item for ten seconds, two seconds of warm-up before.
//! ticker-loadgen run --url http://127.0.0.1:5000 --accounts accounts --scenario hot --clients 64
//!
//! # 100,000 items, two replicas, 256 clients on two threads, the result also as JSON.
//! ticker-loadgen run --url http://127.0.0.1:5001 --url http://127.0.0.1:5002 \
//!     --origin http://127.0.0.1:5000 --accounts accounts --scenario spread \
//!     --items 1-100000 --location 1 --clients 256 --threads 2 --json spread.json
//!
//! # Readers and pressers, 500 arrivals a second whatever the answers do.
//! ticker-loadgen run --url … --accounts accounts --scenario mixed --clients 64 --rate 500
//!
//! # Pages of the list, one of the file's addresses each time.
//! ticker-loadgen run --url … --accounts accounts --scenario lists --addresses searches --clients 8
//!
//! # 300 sign-ins at once while 8 clients read pages.
//! ticker-loadgen run --url … --accounts accounts --scenario sign-in --clients 300 --presses 300 --readers 8
//!
//! # 10,000 presses, each sent three times in parallel, 30% cut; then the proof.
//! ticker-loadgen run --url … --url … --accounts accounts --scenario mixed --presses 10000 \
//!     --duplicate 3 --cut 0.3 --check
//!
//! # A recorded workload, each user's transactions in their order; again, and nothing is posted twice.
//! ticker-loadgen run --url … --accounts accounts --scenario replay --workload week.csv --name week-1
//!
//! # 150 arrivals a second through the proxy, half the clients connecting anew each time, 8 more with a form
//! # that takes 3 s; and not one request may fail at its first attempt.
//! ticker-loadgen run --url https://ticker.lab --connect 127.0.0.1:10443 --ca ca.pem --accounts managers \
//!     --share-sessions --scenario mixed --clients 64 --connections mixed --slow 8 --rate 150 \
//!     --duration 120s --fail-on-error --log rolling.log --json rolling.json
//!
//! # 1,000 screens follow at one replica while 50 presses a second go to another.
//! ticker-loadgen run --url http://127.0.0.1:5001 --accounts accounts --scenario spread --items 1-100 \
//!     --location 1 --share-sessions --rate 50 --streams 1000 --streams-url http://127.0.0.1:5002
//!
//! # The proof alone, from the logs of any number of runs.
//! ticker-loadgen check --url … --accounts accounts --log monday.log --log tuesday.log
//! ```
//!
//! Exit codes: 0 all as it should be; 1 an answer was not to be expected, the ledger is not sound, or it
//! could not be found out, or with `--fail-on-error` a first attempt failed; 2 the command line or a file that it
//! names is wrong.
//!
//! # What a failure is
//!
//! Requests are sent again until they are answered, and whether they then happened exactly once is one question.
//! Whether the service was there is another: the result tells all first attempts that broke or were not
//! answered as they should be, by name, method and route, the first twenty with their second, and how long
//! nobody was answered at all. A connection that the server closed while nothing was under way is no failure.
//!
//! Load stays on this machine: what is connected to must be its loopback, unless `--allow-remote` says
//! otherwise.
//!
//! # What a latency is
//!
//! From when a request was due until its whole answer was read, waiting and sending again included. In a
//! closed loop it is due when the client sends it. With `--rate` it is due by the schedule, whether or
//! not a client was free to send it: time spent queueing behind slow answers counts, so there is no
//! coordinated omission. (The schedule wakes clients to the millisecond: up to one of those is ours.)

mod account;
mod addition;
mod answer;
mod ask;
mod attempts;
mod check;
mod cli;
mod client;
mod connection;
mod failure;
mod journal;
mod lane;
mod misused;
mod pace;
mod patience;
mod payload;
mod press;
mod progress;
mod replica;
mod report;
mod run;
mod scenario;
mod shelf;
mod streams;
mod tally;
mod way;
mod workload;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};
use crate::misused::Misused;

/// Something was not as it should be, or could not be found out.
const FAILED: u8 = 1;
/// The command line or a file is wrong; clap ends with the same.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let error = match carry_out(cli.command) {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => return ExitCode::from(FAILED),
        Err(error) => error,
    };
    eprintln!("ticker-loadgen: {error:#}");
    ExitCode::from(if error.is::<Misused>() {
        MISUSED
    } else {
        FAILED
    })
}

/// Whether all was as it should be.
fn carry_out(command: Command) -> anyhow::Result<bool> {
    let threads = match &command {
        Command::Run(arguments) => arguments.threads.get(),
        Command::Check(_) => 1,
    };
    // With one thread, clients need no waking across threads.
    let mut builder = if threads == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(threads);
        builder
    };
    let runtime = builder.enable_all().build()?;
    match command {
        Command::Run(arguments) => runtime.block_on(run::run(*arguments)),
        Command::Check(arguments) => runtime.block_on(check::check(&arguments)),
    }
}
