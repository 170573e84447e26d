//! Every change of a user's rights leaves a row that tells who did what, from what to what (I7).

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use ticker_app::App;
use ticker_app::user::{AdministerUserError, Enrollment};
use ticker_auth::{Authority, Grant, Operator};
use ticker_domain::id::UserId;
use ticker_domain::permission::{PasswordChange, UserAdminister, UserEnroll};
use ticker_domain::user::{DisplayName, Role, Username};
use ticker_testkit::TestDatabase;

const PASSWORDS: [&str; 2] = ["nineteen red kites", "eleven small owls"];

/// What is known of a user beside what was written down.
#[derive(Clone, Debug)]
struct Person {
    id: UserId,
    name: String,
    role: Role,
    disabled: bool,
    must_change: bool,
    password: usize,
}

impl Person {
    fn facts(&self) -> Value {
        json!({"username": self.name, "display_name": self.name, "role": self.role.as_str(),
               "disabled": self.disabled, "must_change_password": self.must_change})
    }
}

/// A shop whose people are administered at random, and what should be in the audit log.
struct Office {
    db: TestDatabase,
    app: App,
    rng: StdRng,
    people: Vec<Person>,
    expected: Vec<Value>,
}

impl Office {
    async fn new(seed: u64) -> Self {
        let db = TestDatabase::new().await;
        let mut office = Self {
            app: db.app(),
            db,
            rng: StdRng::seed_from_u64(seed),
            people: Vec::new(),
            expected: Vec::new(),
        };
        office.enroll(&Operator, None, Role::Admin).await;
        office
    }

    fn expect(
        &mut self,
        actor: Option<UserId>,
        action: &str,
        before: Option<&Value>,
        who: &Person,
    ) {
        let actor = actor.map(|actor| actor.0);
        self.expected
            .push(json!([actor, action, who.id.0, before, who.facts()]));
    }

    async fn enroll(&mut self, by: &impl Authority<UserEnroll>, actor: Option<UserId>, role: Role) {
        let name = format!("user-{}", self.people.len());
        let must_change = self.rng.random();
        let enrollment = Enrollment {
            key: None,
            username: Username::parse(&name).unwrap(),
            display_name: DisplayName::parse(&name).unwrap(),
            role,
            password: PASSWORDS[0].into(),
            must_change_password: must_change,
        };
        let id = self.app.enroll_user(by, enrollment).await.unwrap();
        let person = Person {
            id,
            name,
            role,
            disabled: false,
            must_change,
            password: 0,
        };
        self.expect(actor, "enrolled", None, &person);
        self.people.push(person);
    }

    /// Something that an admin or an operator does to somebody, perhaps to themselves.
    async fn administer(&mut self, by: &impl Authority<UserAdminister>, actor: Option<UserId>) {
        let at = self.rng.random_range(0..self.people.len());
        let before = self.people[at].clone();
        let mut after = before.clone();
        let (action, done) = match self.rng.random_range(0..3) {
            0 => {
                after.role = *Role::ALL.choose(&mut self.rng).unwrap();
                let done = self.app.set_role(by, &before.name, after.role).await;
                ("role_changed", done)
            }
            1 => {
                after.disabled = self.rng.random();
                let done = self
                    .app
                    .set_disabled(by, &before.name, after.disabled)
                    .await;
                (
                    if after.disabled {
                        "disabled"
                    } else {
                        "enabled"
                    },
                    done,
                )
            }
            _ => {
                (after.password, after.must_change) = (1 - before.password, self.rng.random());
                let password = PASSWORDS[after.password].into();
                let done = self
                    .app
                    .reset_password(by, &before.name, &password, after.must_change)
                    .await;
                ("password_reset", done)
            }
        };
        match done {
            Ok(()) => {
                if before.facts() != after.facts() || before.password != after.password {
                    self.expect(actor, action, Some(&before.facts()), &after);
                }
                self.people[at] = after;
            }
            Err(AdministerUserError::LastAdmin(_)) => {}
            Err(error) => panic!("{before:?}: {error}"),
        }
    }

    /// Somebody who may sign in chooses another password.
    async fn change_password(&mut self) {
        let enabled: Vec<usize> = (0..self.people.len())
            .filter(|at| !self.people[*at].disabled)
            .collect();
        let at = *enabled.choose(&mut self.rng).unwrap();
        let before = self.people[at].clone();
        let signed_in = self.db.sign_in(before.id).await.unwrap();
        let by: Grant<PasswordChange> = signed_in.grant().unwrap();
        let (current, new) = (PASSWORDS[before.password], PASSWORDS[1 - before.password]);
        self.app
            .change_password(&by, &current.into(), &new.into())
            .await
            .unwrap();
        let after = Person {
            must_change: false,
            password: 1 - before.password,
            ..before.clone()
        };
        self.expect(
            Some(before.id),
            "password_changed",
            Some(&before.facts()),
            &after,
        );
        self.people[at] = after;
    }

    /// An admin who may act now, if there is one.
    fn admin(&mut self) -> Option<UserId> {
        let may = |one: &&Person| one.role == Role::Admin && !one.disabled && !one.must_change;
        let admins: Vec<UserId> = self.people.iter().filter(may).map(|one| one.id).collect();
        admins.choose(&mut self.rng).copied()
    }

    async fn act(&mut self) {
        let role = *Role::ALL.choose(&mut self.rng).unwrap();
        let admin = self.admin().filter(|_| self.rng.random_bool(0.7));
        let signed_in = match admin {
            Some(admin) => self.db.sign_in(admin).await,
            None => None,
        };
        match (self.rng.random_range(0..6), signed_in) {
            (0, _) => self.change_password().await,
            (1, Some(by)) => self.enroll(&by.grant().unwrap(), admin, role).await,
            (1, None) => self.enroll(&Operator, None, role).await,
            (_, Some(by)) => self.administer(&by.grant().unwrap(), admin).await,
            (_, None) => self.administer(&Operator, None).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_done_to_users_the_log_tells_it() {
    for seed in 0..4 {
        let mut office = Office::new(seed).await;
        for _ in 0..40 {
            office.act().await;
        }
        let rows = "select json_build_array(actor_id, action, user_id, before, after)
                    from audit_events order by id";
        let written = office.db.texts(rows).await;
        let written: Vec<Value> = written
            .iter()
            .map(|row| serde_json::from_str(row).unwrap())
            .collect();
        assert_eq!(written, office.expected, "seed {seed}");
        assert_eq!(office.db.violations().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_was_refused_leaves_no_row() {
    let db = TestDatabase::new().await;
    let (app, ana) = (
        db.app(),
        db.user_named("ana", "Ana Bell", Role::Admin).await,
    );
    let by = ana.grant::<UserAdminister>();
    app.set_disabled(&by, "ana", true).await.unwrap_err();
    app.set_role(&by, "nobody", Role::Staff).await.unwrap_err();
    app.change_password(&ana.grant(), &"wrong".into(), &PASSWORDS[0].into())
        .await
        .unwrap_err();
    let actions = "select action from audit_events";
    assert_eq!(db.texts(actions).await, ["unattributed"]);
}
