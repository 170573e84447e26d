//! A database that says "committed" and has not: what a checker of acknowledgements must never miss.

use anyhow::Result;

use super::proxy::{Proxy, Rewrite};
use super::stage::Stage;
use crate::ground::Way;

/// What is broken on purpose.
pub(super) const CONTROL: &str = "a proxy turns one COMMIT in ten into a rollback";

/// PostgreSQL's protocol: a simple query of that text, and one of the same length that undoes.
const REWRITE: Rewrite = Rewrite {
    from: b"Q\0\0\0\x0bCOMMIT\0",
    to: b"Q\0\0\0\x0bABORT \0",
    every: 10,
};

/// A proxy before the database, and the way through it.
///
/// # Errors
/// When there is no free port.
pub(super) fn proxy(stage: &Stage) -> Result<(Proxy, Way)> {
    let proxy = Proxy::to(stage.ground.cluster.port)?;
    let way = Way::Through(proxy.port());
    Ok((proxy, way))
}

/// Begins to lie, if this is a control. Not before everybody is signed in, who could not press otherwise.
pub(super) fn begin(stage: &Stage, proxy: &Proxy) {
    if stage.is_control {
        proxy.rewrite(REWRITE);
    }
}
