//! Who may do what: every route as nobody, as each role, and with a password that must be changed.

use std::fmt::Write as _;

use http::{Method, StatusCode};
use ticker_domain::permission::Permission;
use ticker_domain::user::Role;
use ticker_http::Route;
use ticker_testkit::TestUser;

use crate::app::{Answer, TestApp};

/// As whom a route is walked.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Walker {
    Nobody,
    Of(Role),
    MustChange,
}

const WALKERS: [Walker; 5] = [
    Walker::Nobody,
    Walker::Of(Role::Staff),
    Walker::Of(Role::Manager),
    Walker::Of(Role::Admin),
    Walker::MustChange,
];

/// Sends a route's request, with an empty form, about an item of its own.
async fn walk(app: &TestApp, route: &Route, user: Option<&TestUser>) -> Answer {
    let item = app
        .db
        .item(&format!("Thing {}", ticker_testkit::key()))
        .stock(5)
        .await;
    let path = route
        .path
        .replace("{id}", &item.id.to_string())
        .replace("{file}", "app.css");
    let browser = match user {
        Some(user) => app.browser_of(user).await,
        None => app.stranger(),
    };
    let ask = browser.ask(route.method.clone(), &path);
    if route.method == Method::POST {
        ask.form(&[]).send().await
    } else {
        ask.send().await
    }
}

/// The answer without what differs from run to run.
fn describe(answer: &Answer) -> String {
    let location = answer.location().split('/').map(|part| {
        if part.parse::<u64>().is_ok() {
            "{id}"
        } else {
            part
        }
    });
    let location = location.collect::<Vec<_>>().join("/");
    format!("{} {location}", answer.status.as_u16())
        .trim_end()
        .to_owned()
}

fn check(route: &Route, walker: Walker, answer: &Answer) {
    let case = format!("{} {} as {walker:?}: {answer:?}", route.method, route.path);
    let status = answer.status;
    assert!(!status.is_server_error(), "{case}");
    let Some(permission) = route.access.permission() else {
        return assert_ne!(status, StatusCode::FORBIDDEN, "{case}");
    };
    match walker {
        Walker::Nobody if route.method == Method::GET => {
            assert_eq!(status, StatusCode::SEE_OTHER, "{case}");
            assert!(answer.location().starts_with("/login?next=/"), "{case}");
        }
        Walker::Nobody => assert_eq!(status, StatusCode::UNAUTHORIZED, "{case}"),
        Walker::MustChange if permission != Permission::PasswordChange => {
            assert_eq!(status, StatusCode::SEE_OTHER, "{case}");
            assert_eq!(answer.location(), "/account/password", "{case}");
        }
        Walker::Of(role) if !role.may(permission) => {
            assert_eq!(status, StatusCode::FORBIDDEN, "{case}");
        }
        Walker::Of(_) | Walker::MustChange => {
            let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
            assert!(!refused.contains(&status), "{case}");
            assert!(!answer.location().starts_with("/login"), "{case}");
        }
    }
}

#[tokio::test]
async fn every_route_is_for_whom_it_says() {
    let app = TestApp::new().await;
    let mut users = Vec::new();
    for role in Role::ALL {
        users.push(app.db.user(role).await);
    }
    let newcomer = app.db.user(Role::Admin).await;
    app.db
        .sql(&format!(
            "update users set must_change_password = true where id = {}",
            newcomer.id
        ))
        .await;
    let mut table =
        String::from("| route | for | nobody | staff | manager | admin | must change |\n");
    for route in ticker_http::routes() {
        let permission = route.access.permission();
        let access = permission.map_or("anyone".to_owned(), |permission| format!("{permission:?}"));
        write!(table, "| {} {} | {access} |", route.method, route.path).unwrap();
        for walker in WALKERS {
            let user = match walker {
                Walker::Nobody => None,
                Walker::Of(role) => Role::ALL
                    .iter()
                    .position(|one| *one == role)
                    .map(|at| &users[at]),
                Walker::MustChange => Some(&newcomer),
            };
            let answer = walk(&app, route, user).await;
            check(route, walker, &answer);
            write!(table, " {} |", describe(&answer)).unwrap();
        }
        table.push('\n');
    }
    insta::assert_snapshot!("routes_by_role", table);
}

#[tokio::test]
async fn whoever_may_not_learns_nothing_about_what_is_there() {
    let app = TestApp::new().await;
    let staff = app.browser(Role::Staff).await;
    let item = app.db.item("AA batteries").await;
    for id in [item.id.to_string(), "999999".to_owned(), "x".to_owned()] {
        let answer = app.stranger().get(&format!("/items/{id}")).await;
        assert_eq!(answer.location(), format!("/login?next=/items/{id}"));
        let answer = staff.post(&format!("/items/{id}/archive"), &[]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{id}");
    }
}

#[tokio::test]
async fn signing_in_is_asked_for_in_the_way_that_the_asker_can_follow() {
    let app = TestApp::new().await;
    let nobody = app.stranger();
    let page = nobody.get("/items/7?tab=details").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert_eq!(page.location(), "/login?next=/items/7%3Ftab%3Ddetails");

    let part = nobody
        .ask(Method::GET, "/?q=a")
        .header("hx-request", "true")
        .header("hx-current-url", "https://stock.example.com/?status=low")
        .send()
        .await;
    assert_eq!(part.status, StatusCode::UNAUTHORIZED);
    assert_eq!(part.header("hx-redirect"), "/login?next=/%3Fstatus%3Dlow");

    let boosted = nobody
        .ask(Method::GET, "/?q=a")
        .header("hx-request", "true")
        .header("hx-boosted", "true")
        .send()
        .await;
    assert_eq!(boosted.status, StatusCode::SEE_OTHER);

    let form = nobody
        .ask(Method::POST, "/items/7/adjust")
        .header("referer", "https://stock.example.com/items/7")
        .form(&[])
        .send()
        .await;
    assert_eq!(form.status, StatusCode::UNAUTHORIZED);
    assert!(
        form.text().contains("href=\"/login?next=/items/7\""),
        "{}",
        form.text()
    );

    let press = nobody
        .ask(Method::POST, "/items/7/adjust")
        .header("hx-request", "true")
        .form(&[])
        .send()
        .await;
    assert_eq!(press.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        press.header("hx-redirect"),
        "",
        "what was typed would be lost"
    );

    let program = nobody
        .ask(Method::GET, "/items/7")
        .header("accept", "application/json")
        .send()
        .await;
    assert_eq!(program.status, StatusCode::UNAUTHORIZED);
    assert_eq!(program.header("content-type"), "application/problem+json");
}
