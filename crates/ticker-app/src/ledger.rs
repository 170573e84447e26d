//! Posting: the only way in which this program changes a quantity.
//!
//! Each process has one poster. Whoever posts puts a posting into its queue and waits; a writer takes
//! whatever waits and makes it one transaction. While that one commits, the next batch gathers: an idle
//! system answers at once, and a busy one shares each wait for the disk among all who press, on the same
//! item or not. There is no timer.

mod writer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use ticker_domain::ledger::{IdempotencyKey, Posting};
use ticker_postgres::Database;
use ticker_postgres::ledger::Receipt;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use self::writer::Writer;
use crate::clock::Clock;
use crate::error::Failure;
use crate::live::Herald;
use crate::metrics;

/// The most postings that share a transaction.
pub const BATCH_POSTINGS_MAX: usize = 512;
/// The most postings that wait; further ones are turned away. A quarter of a second's work on a small
/// machine: whoever waits longer is better off trying another replica.
pub const QUEUE_POSTINGS_MAX: usize = 4096;
/// Whoever waits hears within this time that nobody knows yet. The posting stays in the queue: it happens
/// or not, once, and the same key tells.
const ANSWER_WITHIN: Duration = Duration::from_millis(2_100);
/// When it is worth trying again after the queue was full or slow.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The queue to the ledger. Clones are handles to the same one.
#[derive(Clone)]
pub(crate) struct Poster {
    queue: mpsc::Sender<Waiting>,
    stop: CancellationToken,
}

/// A posting on its way, and who waits for what becomes of it. That nobody waits any more changes
/// nothing.
struct Waiting {
    posting: Posting,
    answer: oneshot::Sender<Result<Receipt, Failure>>,
    since: Instant,
}

impl Poster {
    /// Starts the writer, as one of `tasks`.
    pub(crate) fn start(
        database: Database,
        clock: Arc<dyn Clock>,
        herald: Herald,
        tasks: &TaskTracker,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE_POSTINGS_MAX);
        let stop = CancellationToken::new();
        let writer = Writer::new(database, clock, herald, tasks.clone());
        tasks.spawn(writer.run(waiting, stop.clone()));
        Self { queue, stop }
    }

    /// Posts, and returns the receipt once it is committed. Goes on when the caller goes away.
    ///
    /// # Errors
    /// [`Failure`] if it could not be posted, or if nobody knows whether it was: the same key tells.
    pub(crate) async fn post(&self, posting: Posting) -> Result<Receipt, Failure> {
        let source = posting.source();
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            posting,
            answer,
            since: Instant::now(),
        };
        let retry_after = RETRY_AFTER;
        if self.queue.try_send(waiting).is_err() {
            metrics::count_posting(source, None);
            return Err(Failure::Busy { retry_after });
        }
        match timeout(ANSWER_WITHIN, answered).await {
            Ok(Ok(receipt)) => receipt,
            // Too late, or lost with its batch: either way the key tells.
            Ok(Err(_)) | Err(_) => Err(Failure::Undecided { retry_after }),
        }
    }

    /// How many postings wait for a batch.
    pub(crate) fn queued(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Takes nothing more. What waits is still posted; the writer ends when all of it is answered.
    pub(crate) fn close(&self) {
        self.stop.cancel();
    }
}

/// The key of a part of something big of this kind, which only this part of it has: a chunk by its number, an
/// item by its own.
pub(crate) fn part_key(kind: &str, of: Uuid, part: i64) -> IdempotencyKey {
    let mut digest = Sha256::new();
    digest.update(kind.as_bytes());
    digest.update(of.as_bytes());
    digest.update(part.to_be_bytes());
    let hash: [u8; 32] = digest.finalize().into();
    IdempotencyKey(Uuid::from_bytes(std::array::from_fn(|at| hash[at])))
}
