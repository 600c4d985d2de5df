//! Who may come in where: every route of the router's own table, as a caller of every kind. The answer is a golden file,
//! `snapshots/it__matrix__every_route_as_everybody.snap`: read its difference as the change of rights it is.

use crate::access::example;
use crate::people::{Crowd, KINDS};
use crate::world::{Answer, run};
use access::Capability;
use server::{RouteInfo, Server};
use std::fmt::Write as _;

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const JSON: &str = "application/json";

/// Further addresses of a pattern, where what lies behind it is somebody's: `app` is the member's, `vault` nobody's here.
const ALSO: [(&str, &str); 10] = [
    ("/r/{*address}", "/r/vault"),
    ("/r/{*address}", "/r/vault/-/raw/secret.txt"),
    ("/r/{*address}", "/r/nothing"),
    ("/r/{*address}", "/r/app/-/precise"),
    ("/api/v1/repos/{*address}", "/api/v1/repos/vault"),
    ("/api/v1/repos/{*address}", "/api/v1/repos/app/-/precise"),
    ("/api/v1/repos/{*address}", "/api/v1/repos/nothing"),
    ("/print", "/print?r=vault&f=secret.txt&format=raw"),
    ("/why", "/why?repo=vault&path=secret.txt"),
    ("/admin/users/{name}", "/admin/users/nobody"),
];

/// What is sent to a route that takes a body: enough to be asked whether one may, too little to change anything.
pub(crate) fn body(route: &RouteInfo, method: &str) -> (&'static str, &'static str) {
    match (route.path, method) {
        (_, "GET") => (FORM, ""),
        ("/api/v1/contexts", _) => (JSON, r#"{"name":"@nobody/x","query":""}"#),
        ("/api/v1/contexts/{*name}", "PUT") => (JSON, r#"{"query":""}"#),
        ("/api/v1/exports", _) => (JSON, r#"{"query":"needle","format":"nothing"}"#),
        ("/api/v1/repos/{*address}", _) => (JSON, r#"{"description":"x"}"#),
        ("/api/search", _) => (JSON, r#"{"Q":"needle"}"#),
        ("/api/list", _) => (JSON, r#"{"Q":""}"#),
        ("/.api/graphql" | "//.api/graphql", _) => (JSON, r#"{"query":"{ currentUser { username } }"}"#),
        ("/mcp", _) => (JSON, r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#),
        ("/contexts", _) => (FORM, "name=@nobody/x&query=&action=save"),
        ("/exports", _) => (FORM, "q=needle&format=nothing"),
        _ => (FORM, ""),
    }
}

/// An answer in a word.
fn cell(answer: &Answer) -> String {
    match (answer.status.as_u16(), answer.header("location")) {
        (303, to) if to.starts_with("/sign-in") => "login".into(),
        (303, to) if to.starts_with("/step-up") => "prove".into(),
        (status, _) => status.to_string(),
    }
}

#[test]
fn every_route_as_everybody() {
    let mut matrix = String::from(
        "Every route of the router's table, as everybody.\n\n\
         login  sent to sign in (401 where a program asks)\n\
         prove  sent to prove again who they are\n\
         403    may not, and may know that\n\
         404    not there, or not theirs to know of\n\
         400, 422, 409  came in; what was sent is too little to do anything\n\n",
    );
    for (kind, says) in KINDS {
        writeln!(matrix, "{kind:<8} {says}").expect("text");
    }
    matrix.push_str(
        "\n+capability: a member with a role of this one capability, where that differs from a member\n\n",
    );
    write!(matrix, "{:<57}", "").expect("text");
    for (kind, _) in KINDS {
        write!(matrix, " {kind:<7}").expect("text");
    }
    matrix.truncate(matrix.trim_end().len());
    matrix.push('\n');
    run(async {
        let crowd = Crowd::new().await;
        for route in by_door() {
            if let Some(door) = route.1 {
                writeln!(matrix, "\n{door}").expect("text");
            }
            let route = route.0;
            let also = ALSO.iter().filter(|(pattern, _)| *pattern == route.path).map(|(_, also)| *also);
            let also: Vec<&str> = also.collect();
            for method in route.methods {
                row(&mut matrix, &crowd, (&route, method), route.path, &example(&route)).await;
                if *method == "GET" {
                    for address in &also {
                        row(&mut matrix, &crowd, (&route, method), &format!("  {address}"), address).await;
                    }
                }
            }
        }
    });
    insta::assert_snapshot!(matrix);
}

/// The table, door by door; the first route of each with what its door is called.
fn by_door() -> Vec<(RouteInfo, Option<String>)> {
    let mut doors: Vec<String> = Vec::new();
    let mut routes: Vec<(usize, RouteInfo)> = Vec::new();
    for route in Server::routes() {
        let door = format!("{:?}", route.door);
        let place = doors.iter().position(|known| *known == door);
        routes.push((place.unwrap_or(doors.len()), route));
        if place.is_none() {
            doors.push(door);
        }
    }
    routes.sort_by_key(|(place, _)| *place);
    let mut named = None;
    let heading = |(place, route): (usize, RouteInfo)| {
        let is_first = named.replace(place) != Some(place);
        (route, is_first.then(|| doors[place].clone()))
    };
    routes.into_iter().map(heading).collect()
}

async fn row(matrix: &mut String, crowd: &Crowd, what: (&RouteInfo, &str), says: &str, address: &str) {
    let (route, method) = what;
    let about = body(route, method);
    let mut line = format!("{method:<6} {says:<50}");
    let mut as_member = String::new();
    for (kind, _) in KINDS {
        let answer = cell(&crowd.ask(kind, method, address, about).await);
        write!(line, " {answer:<7}").expect("text");
        if kind == "member" {
            as_member = answer;
        }
    }
    for capability in Capability::ALL {
        let answer = cell(&crowd.ask(capability.as_str(), method, address, about).await);
        if answer != as_member {
            write!(line, " +{} {answer}", capability.as_str()).expect("text");
        }
    }
    matrix.push_str(line.trim_end());
    matrix.push('\n');
}
