//! Two replicas behind one address, on one database.

use ticker_testkit::TestDatabase;

use super::front::Front;
use super::gate::Gate;
use super::server::Server;

/// What people reach, and what serves it.
pub(crate) struct Site {
    /// What browsers and clients talk to; a story can shut it.
    pub(crate) front: Front,
    /// Both serve everything.
    pub(crate) replicas: [Server; 2],
}

impl Site {
    /// Starts it and waits until it is ready.
    pub(crate) async fn start(db: &TestDatabase, gate: &Gate) -> Self {
        let front = Front::new();
        let start = || Server::start(&front.origin, db, gate);
        let (one, other) = tokio::join!(start(), start());
        let site = Self {
            front,
            replicas: [one, other],
        };
        let addresses = site.replicas.iter().map(|replica| replica.address);
        site.front.serve(addresses.collect());
        site
    }

    /// Waits until both replicas take requests.
    pub(crate) async fn wait_until_ready(&self) {
        for replica in &self.replicas {
            replica.wait_until_ready().await;
        }
    }

    /// Where people reach it.
    pub(crate) fn origin(&self) -> &str {
        &self.front.origin
    }

    /// What the replicas have logged so far, one after the other.
    pub(crate) fn log(&self) -> String {
        self.replicas.iter().map(Server::log).collect()
    }

    /// Lines of the logs that nobody should have to read.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.replicas.iter().flat_map(Server::complaints).collect()
    }

    /// How many of the replicas have served something.
    pub(crate) fn replicas_asked(&self) -> usize {
        let asked = self.front.asked();
        let has_served = |replica: &usize| asked.iter().any(|(served, _)| served == replica);
        (0..self.replicas.len()).filter(has_served).count()
    }

    /// Which replica was the last to be asked something that begins so, as in `GET /live`.
    pub(crate) fn replica_of_last(&self, request: &str) -> usize {
        let asked = self.front.asked();
        let last = asked.iter().rfind(|(_, asked)| asked.starts_with(request));
        last.unwrap_or_else(|| panic!("nobody was asked {request}: {asked:?}"))
            .0
    }

    /// How often something that begins so was asked.
    pub(crate) fn count_asked(&self, request: &str) -> usize {
        let asked = self.front.asked();
        asked
            .iter()
            .filter(|(_, asked)| asked.starts_with(request))
            .count()
    }
}
