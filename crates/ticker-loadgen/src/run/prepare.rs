//! Before the clock starts: who takes part, what they press on, and that all are signed in.

use std::sync::Arc;

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::account::{self, Account};
use crate::ask::Path;
use crate::cli::{RunArguments, Target};
use crate::client::Client;
use crate::journal::Journal;
use crate::lane::Route;
use crate::misused::Misused;
use crate::patience::Patience;
use crate::scenario::{Chooser, Plan, Scenario};
use crate::shelf::{self, Shelf, Shelves};
use crate::tally::SharedTally;
use crate::workload;

/// Clients and what each does.
pub(super) type Party = Vec<(Client, Plan)>;

/// All who take part.
pub(super) struct Prepared {
    /// What they count on.
    pub(super) tally: SharedTally,
    /// Those whose work is the run.
    pub(super) workers: Party,
    /// Those who read for as long as the others work.
    pub(super) readers: Party,
}

/// The way to the replicas, without cuts.
pub(crate) fn route(target: &Target, cut: f64) -> Route {
    Route {
        replicas: target.replicas.clone(),
        origin: target.origin.as_ref().map(|origin| origin.origin.clone()),
        patience: Patience {
            timeout: target.timeout,
            give_up: target.give_up,
        },
        cut,
        tally: SharedTally::new(),
    }
}

/// Signs in whoever needs a session, and looks for what there is to press on.
///
/// # Errors
/// When the files or settings are wrong, somebody cannot sign in, or there is nothing to press on.
pub(super) async fn prepare(
    arguments: &RunArguments,
    journal: Option<Arc<Journal>>,
) -> anyhow::Result<Prepared> {
    let accounts = account::read(&arguments.target.accounts)?;
    let route = Arc::new(route(&arguments.target, arguments.cut));
    let recruit = |number: usize, account: &Account| {
        let lanes = arguments.duplicate.get();
        Client::new(account.clone(), &route, number, lanes, journal.clone())
    };
    let count = arguments.clients.get();
    let in_turn = |numbers: std::ops::Range<usize>| -> Vec<Client> {
        let accounts = accounts.iter().cycle().skip(numbers.start % accounts.len());
        numbers
            .zip(accounts)
            .map(|(number, account)| recruit(number, account))
            .collect()
    };
    let (workers, readers) = match arguments.scenario {
        Scenario::Replay => (replay(arguments, &accounts, recruit).await?, Vec::new()),
        Scenario::SignIn => {
            let workers = in_turn(0..count)
                .into_iter()
                .map(|client| (client, Plan::SignIn));
            let readers = sign_in(in_turn(count..count + arguments.readers)).await?;
            (workers.collect(), choose(arguments, 1.0, readers).await?)
        }
        Scenario::Hot | Scenario::Spread | Scenario::Browse | Scenario::Mixed => {
            let clients = sign_in(in_turn(0..count)).await?;
            let reads = match arguments.scenario {
                Scenario::Browse => 1.0,
                Scenario::Mixed => 0.8,
                _ => 0.0,
            };
            (choose(arguments, reads, clients).await?, Vec::new())
        }
    };
    Ok(Prepared {
        tally: route.tally.clone(),
        workers,
        readers,
    })
}

/// One client for each user of the workload.
async fn replay(
    arguments: &RunArguments,
    accounts: &[Account],
    recruit: impl Fn(usize, &Account) -> Client,
) -> anyhow::Result<Party> {
    let (path, name) = (arguments.workload.as_ref(), arguments.name.as_ref());
    let (path, name) = path
        .zip(name)
        .context("a replay has a workload and a name")?;
    let workload = workload::read(path, name)?;
    let mut clients = Vec::new();
    for (number, user) in workload.keys().enumerate() {
        let account = accounts.iter().find(|account| account.name == *user);
        let account =
            account.ok_or_else(|| Misused(format!("the workload's user {user} has no account")))?;
        clients.push(recruit(number, account));
    }
    let clients = sign_in(clients).await?;
    let plans = workload
        .into_values()
        .map(|presses| Plan::Written(presses.into_iter()));
    Ok(clients.into_iter().zip(plans).collect())
}

/// Begins everybody's session, a few at a time: the server hashes two passwords at once.
async fn sign_in(clients: Vec<Client>) -> anyhow::Result<Vec<Client>> {
    const AT_ONCE: usize = 4;
    let signing_in = stream::iter(clients).map(|mut client| async move {
        client.sign_in().await?;
        Ok(client)
    });
    signing_in.buffered(AT_ONCE).try_collect().await
}

/// Gives each client a plan of chance with that share of reading.
async fn choose(
    arguments: &RunArguments,
    reads: f64,
    mut clients: Vec<Client>,
) -> anyhow::Result<Party> {
    let Some(scout) = clients.first_mut() else {
        return Ok(Vec::new());
    };
    let shelves = Arc::new(shelves(arguments, scout).await?);
    let is_mixed = arguments.scenario == Scenario::Mixed;
    let removals = arguments
        .removals
        .unwrap_or(if is_mixed { 0.5 } else { 0.0 });
    let plan = || Plan::Chosen(Chooser::new(reads, removals, Arc::clone(&shelves)));
    Ok(clients.into_iter().map(|client| (client, plan())).collect())
}

/// What to press on: as given, else as found on the page.
async fn shelves(arguments: &RunArguments, scout: &mut Client) -> anyhow::Result<Shelves> {
    let is_hot = arguments.scenario == Scenario::Hot;
    let shelves = match (arguments.items, arguments.item, arguments.location) {
        (Some(items), _, Some(location)) => Shelves::Ranged(items, location),
        (_, Some(item), Some(location)) => Shelves::Listed(vec![Shelf { item, location }]),
        (_, item, location) => {
            let path = item.map_or(Path::Inventory, Path::Item);
            let page = scout.read(path).await.context("cannot look for items")?;
            let mut found = shelf::on_page(&page);
            found.retain(|shelf| location.is_none_or(|location| shelf.location == location));
            if found.is_empty() {
                let words =
                    "the page offers nothing to press on; say what with --items and --location";
                return Err(Misused(words.to_owned()).into());
            }
            Shelves::Listed(found)
        }
    };
    Ok(if is_hot { shelves.first() } else { shelves })
}
