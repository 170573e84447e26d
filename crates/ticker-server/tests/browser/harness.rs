//! The stage on which a story is played: a database, two replicas behind one address, a browser.

mod await_condition;
mod axe;
mod browser;
mod chromedriver;
mod client;
mod front;
mod gate;
pub(crate) mod list;
mod page;
mod server;
mod site;
mod wire;

use std::any::Any;
use std::future::poll_fn;
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::Poll;

use ticker_testkit::TestDatabase;
use tokio::sync::OnceCell;

pub(crate) use self::await_condition::eventually;
pub(crate) use self::browser::{Browser, Script, Theme};
pub(crate) use self::client::{Client, hidden_field};
pub(crate) use self::gate::Gate;
use self::site::Site;

/// The newest movement: actor, change, before, after, reason, source and note.
pub(crate) const LATEST_MOVEMENT: &str = "select concat_ws(' ', users.username, delta, before, after, \
     reason, source, coalesce(note, '-')) from movements join postings on postings.id = posting_id \
     join users on users.id = actor_id order by movements.id desc limit 1";

/// Everybody's username, but for the one under whom the testkit moves stock.
pub(crate) const PEOPLE: &str =
    "select username from users where username <> 'storekeeper' order by id";

/// Where stories that fail leave what they saw.
const EVIDENCE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/../browser-failures");

/// Everything that a story needs. The parts end in this order.
pub(crate) struct Stage {
    pub(crate) browser: Browser,
    /// Somebody else's, once a story has asked for it.
    second: OnceCell<Browser>,
    pub(crate) site: Site,
    /// Between the replicas and the database; a story can shut it.
    pub(crate) gate: Gate,
    pub(crate) db: TestDatabase,
}

impl Stage {
    /// Another person's browser, with a profile and cookies of its own.
    pub(crate) async fn second_browser(&self) -> &Browser {
        let open = || Browser::open(self.site.origin(), self.browser.script);
        self.second.get_or_init(open).await
    }

    /// A person's view of the same site without a browser, for what somebody else does meanwhile.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.site.origin())
    }

    /// A client that carries the browser's cookies, as a replayed request does.
    pub(crate) async fn client_as_browser(&self) -> Client {
        self.client().with_cookies(&self.browser.cookies().await)
    }

    async fn set(script: Script) -> Self {
        let db = TestDatabase::new().await;
        let gate = Gate::before(&db);
        let site = Site::start(&db, &gate).await;
        let browser = Browser::open(site.origin(), script).await;
        Self {
            browser,
            second: OnceCell::new(),
            site,
            gate,
            db,
        }
    }

    fn browsers(&self) -> impl Iterator<Item = &Browser> {
        iter::once(&self.browser).chain(self.second.get())
    }

    async fn close(&self) {
        for browser in self.browsers() {
            browser.close().await;
        }
    }
}

/// Plays a story. Afterwards the ledger must be sound, neither a replica nor a page may have complained,
/// and both replicas must have had a part in it: nothing that a person does depends on which one answers.
pub(crate) async fn story(name: &str, script: Script, play: impl AsyncFnOnce(&Stage)) {
    let stage = Stage::set(script).await;
    let played = caught(async {
        play(&stage).await;
        assert_eq!(
            stage.db.violations().await,
            Vec::<String>::new(),
            "the ledger is sound"
        );
        for browser in stage.browsers() {
            assert_eq!(
                browser.complaints().await,
                Vec::<String>::new(),
                "the browser's console"
            );
        }
        assert_eq!(
            stage.site.complaints(),
            Vec::<String>::new(),
            "the replicas' logs"
        );
        assert_eq!(stage.site.replicas_asked(), 2, "replicas that took part");
    })
    .await;
    if let Err(panic) = played {
        let folder = PathBuf::from(EVIDENCE).join(name);
        keep_evidence(&stage, &folder).await;
        stage.close().await;
        resume_unwind(panic);
    }
    stage.close().await;
}

async fn keep_evidence(stage: &Stage, folder: &Path) {
    let mut parts = vec![("server.log".to_owned(), stage.site.log().into_bytes())];
    for (browser, name) in stage.browsers().zip(["page", "second-page"]) {
        let (picture, source) = browser.evidence().await;
        parts.push((format!("{name}.png"), picture));
        parts.push((format!("{name}.html"), source.into_bytes()));
    }
    let kept = std::fs::create_dir_all(folder);
    let kept = parts.into_iter().fold(kept, |kept, (file, content)| {
        kept.and_then(|()| std::fs::write(folder.join(file), content))
    });
    match kept {
        Ok(()) => eprintln!("What the story saw last is in {}", folder.display()),
        Err(error) => eprintln!("What the story saw last could not be kept: {error}"),
    }
}

/// Runs a future to its end or to its panic.
async fn caught(future: impl Future<Output = ()>) -> Result<(), Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(
        move |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
            Err(panic) => Poll::Ready(Err(panic)),
        },
    )
    .await
}
