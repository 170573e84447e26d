//! The Docker API, as far as watching and scaling need it.

use std::time::SystemTime;

use http::{Method, StatusCode};
use hyper::body::Bytes;
use serde::Deserialize;
use serde_json::json;

use crate::exchange::{Failure, Peer};
use crate::swarm::{STACK_LABEL, Swarm, Written};

/// A manager's API, or the filter before it, and the stack that is asked about.
pub(crate) struct Docker {
    peer: Peer,
    stack: String,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    Done,
    /// Somebody else wrote since it was read: nothing was changed.
    Overtaken,
}

impl Docker {
    /// Connects to nobody yet.
    pub(crate) fn new(peer: Peer, stack: String) -> Self {
        Self { peer, stack }
    }

    /// Everything that is to be seen of the stack and the nodes.
    ///
    /// # Errors
    /// [`Failure`] if one of the questions has no answer.
    pub(crate) async fn observe(&self, now: SystemTime) -> Result<Swarm, Failure> {
        let base = self.base().await?;
        let filters = json!({ "label": [format!("{STACK_LABEL}={}", self.stack)] }).to_string();
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("filters", &filters)
            .finish();
        let services = self.peer.get(&format!("{base}/services?{query}")).await?;
        let tasks: Vec<_> = self.peer.get(&format!("{base}/tasks?{query}")).await?;
        let nodes: Vec<_> = self.peer.get(&format!("{base}/nodes")).await?;
        Swarm::read(services, &tasks, &nodes, &self.stack, now).map_err(Failure::Unreadable)
    }

    /// Sets the number of replicas, if the service is still as it was read.
    ///
    /// # Errors
    /// [`Failure`] if that was refused, or there is no answer: then it may have been done.
    pub(crate) async fn scale(&self, written: &Written, replicas: u32) -> Result<Write, Failure> {
        let base = self.base().await?;
        let body = written
            .with_replicas(replicas)
            .map_err(Failure::Unreadable)?;
        // The registry's credentials stay those that the service was deployed with.
        let path = format!(
            "{base}/services/{}/update?version={}&registryAuthFrom=spec",
            written.name, written.version
        );
        match self.peer.ask(Method::POST, &path, Bytes::from(body)).await {
            Ok(_) => Ok(Write::Done),
            Err(failure) if is_overtaken(&failure) => Ok(Write::Overtaken),
            Err(failure) => Err(failure),
        }
    }

    /// What paths begin with: the newest version of the API that the engine speaks, which alone shows and
    /// takes everything that a specification can hold.
    async fn base(&self) -> Result<String, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer {
            api_version: String,
        }
        let Answer { api_version } = self.peer.get("/version").await?;
        Ok(format!("/v{api_version}"))
    }
}

/// Engines answer 500 to a version that is not the present one, and tell it by its text only.
fn is_overtaken(failure: &Failure) -> bool {
    match failure {
        Failure::Refused { status, message } => {
            *status == StatusCode::CONFLICT || message.contains("update out of sequence")
        }
        _ => false,
    }
}
