//! Before the clock starts: who takes part, what they press on, and that all are signed in.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderValue, Uri};

use crate::account::{self, Account};
use crate::ask::Path;
use crate::cli::{RunArguments, Target};
use crate::client::Client;
use crate::journal::Journal;
use crate::lane::{Connections, Route};
use crate::misused::Misused;
use crate::patience::Patience;
use crate::scenario::{Chooser, Plan, Scenario};
use crate::shelf::{self, Shelf, Shelves};
use crate::streams::{Opening, Streams};
use crate::tally::SharedTally;
use crate::way::Way;
use crate::workload;

/// Clients and what each does.
pub(super) type Party = Vec<(Client, Plan)>;

/// All who take part.
pub(super) struct Prepared {
    /// What they count on.
    pub(super) tally: SharedTally,
    /// Those whose work is the run.
    pub(super) workers: Party,
    /// Those who read or add items for as long as the others work.
    pub(super) companions: Party,
    /// Those who follow, if there are any.
    pub(super) streams: Option<Streams>,
}

/// The route to the target, that share of its connections cut.
///
/// # Errors
/// When there is no way to it.
pub(crate) async fn route(
    target: &Target,
    connections: Connections,
    cut: f64,
) -> Result<Route, Misused> {
    Ok(Route {
        replicas: target.replicas.clone(),
        way: Way::to(target).await?,
        connections,
        origin: target.origin.as_ref().map(|origin| origin.origin.clone()),
        patience: Patience {
            timeout: target.timeout,
            give_up: target.give_up,
        },
        cut,
        tally: SharedTally::new(),
    })
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
    let route = route(&arguments.target, arguments.connections, arguments.cut).await?;
    let route = Arc::new(route);
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
    let mut sessions = arguments.share_sessions.then(Sessions::new);
    let (workers, mut companions) = match arguments.scenario {
        Scenario::Replay => {
            let clients = replay(arguments, &accounts, recruit)?;
            let (clients, plans): (Vec<_>, Vec<_>) = clients.into_iter().unzip();
            let clients = sign_in(clients, &mut sessions).await?;
            (clients.into_iter().zip(plans).collect(), Vec::new())
        }
        Scenario::SignIn => {
            let workers = in_turn(0..count)
                .into_iter()
                .map(|client| (client, Plan::SignIn));
            let readers = in_turn(count..count + arguments.readers);
            let readers = sign_in(readers, &mut sessions).await?;
            (workers.collect(), choose(arguments, 1.0, readers).await?)
        }
        Scenario::Lists => {
            let addresses = addresses(arguments)?;
            let clients = sign_in(in_turn(0..count), &mut sessions).await?;
            let reading = clients
                .into_iter()
                .map(|client| (client, Plan::lists(&addresses)));
            (reading.collect(), Vec::new())
        }
        Scenario::Hot | Scenario::Spread | Scenario::Browse | Scenario::Mixed => {
            let clients = sign_in(in_turn(0..count), &mut sessions).await?;
            let reads = arguments.reads.unwrap_or(match arguments.scenario {
                Scenario::Browse => 1.0,
                Scenario::Mixed => 0.8,
                _ => 0.0,
            });
            (choose(arguments, reads, clients).await?, Vec::new())
        }
    };
    let slow = in_turn(count..count + arguments.slow);
    let slow = sign_in(slow, &mut sessions).await?;
    let slowly = |client| (client, Plan::Slow(arguments.slow_pause));
    companions.extend(slow.into_iter().map(slowly));
    let streams = follow(arguments, &route, &workers).await?;
    Ok(Prepared {
        streams,
        tally: route.tally.clone(),
        workers,
        companions,
    })
}

/// The pages of the list that are read.
fn addresses(arguments: &RunArguments) -> anyhow::Result<Arc<[Uri]>> {
    let file = arguments
        .addresses
        .as_ref()
        .context("pages of the list have addresses")?;
    let text = std::fs::read_to_string(file)
        .map_err(|error| Misused(format!("cannot read {}: {error}", file.display())))?;
    let lines = text.lines().filter(|line| !line.is_empty());
    let addresses: Arc<[Uri]> = lines
        .map(|line| {
            let address = Some(line).filter(|line| line.starts_with('/'));
            let address = address.and_then(|line| line.parse().ok());
            address.ok_or_else(|| Misused(format!("{line} is no address such as /?sort=sku")))
        })
        .collect::<Result<_, _>>()?;
    if addresses.is_empty() {
        return Err(Misused(format!("{}: no address is in it", file.display())).into());
    }
    Ok(addresses)
}

/// Opens the streams that are asked for, in the sessions of those who work.
async fn follow(
    arguments: &RunArguments,
    route: &Route,
    workers: &Party,
) -> anyhow::Result<Option<Streams>> {
    if arguments.streams + arguments.stalled == 0 {
        return Ok(None);
    }
    let mut sessions: Vec<HeaderValue> = Vec::new();
    for session in workers.iter().filter_map(|(client, _)| client.session()) {
        if !sessions.contains(session) {
            sessions.push(session.clone());
        }
    }
    let replica = arguments.streams_url.as_ref().or(route.replicas.last());
    let opening = Opening {
        route,
        replica: replica.context("there is no replica")?,
        streams: arguments.streams,
        stalled: arguments.stalled,
        sessions: &sessions,
    };
    Ok(Some(Streams::open(opening).await?))
}

/// One client for each user of the workload.
fn replay(
    arguments: &RunArguments,
    accounts: &[Account],
    recruit: impl Fn(usize, &Account) -> Client,
) -> anyhow::Result<Party> {
    let (path, name) = (arguments.workload.as_ref(), arguments.name.as_ref());
    let (path, name) = path
        .zip(name)
        .context("a replay has a workload and a name")?;
    let workload = workload::read(path, name)?;
    let mut party = Vec::new();
    for (number, (user, presses)) in workload.into_iter().enumerate() {
        let account = accounts.iter().find(|account| account.name == user);
        let account =
            account.ok_or_else(|| Misused(format!("the workload's user {user} has no account")))?;
        let plan = Plan::Written(presses.into_iter());
        party.push((recruit(number, account), plan));
    }
    Ok(party)
}

/// Sessions that are shared, by their account.
type Sessions = BTreeMap<String, HeaderValue>;

/// Begins everybody's session, a few at a time: the server hashes two passwords at once. Sessions that are
/// to be shared begin when the first of their account needs one.
async fn sign_in(
    mut clients: Vec<Client>,
    shared: &mut Option<Sessions>,
) -> anyhow::Result<Vec<Client>> {
    const AT_ONCE: usize = 4;
    if let Some(sessions) = shared {
        for client in &mut clients {
            if let Some(session) = sessions.get(client.name()) {
                client.join(session.clone());
                continue;
            }
            client.sign_in().await?;
            if let Some(session) = client.session() {
                sessions.insert(client.name().to_owned(), session.clone());
            }
        }
        return Ok(clients);
    }
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
