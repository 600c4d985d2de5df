//! A hub's pages: what it is, what pings say together, and for its administrator the servers.

use super::{HubState, broken};
use crate::format::{rfc3339, size, thousands};
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hub::{Fingerprint, K};
use store::{HubServer, PingSum};

#[derive(Template)]
#[template(path = "hub_index.html")]
struct IndexPage {
    title: &'static str,
    key: String,
    feeds: Vec<FeedRow>,
}

/// A feed, as a row.
struct FeedRow {
    kind: String,
    file: String,
    note_file: String,
    sequence: u64,
    issued: String,
    expires: String,
    size: String,
}

#[derive(Template)]
#[template(path = "hub_aggregates.html")]
struct AggregatesPage {
    title: &'static str,
    k: u64,
    weeks: Vec<WeekOfPings>,
}

/// What pings of one week and schema say together.
struct WeekOfPings {
    week: String,
    schema: u64,
    fields: Vec<FieldRow>,
}

/// A field, as a row.
struct FieldRow {
    name: String,
    n: String,
    total: String,
    mean: String,
    /// How many pings, by what they say at least and at most.
    spread: String,
}

#[derive(Template)]
#[template(path = "hub_servers.html")]
struct ServersPage {
    title: &'static str,
    servers: Vec<ServerRow>,
}

/// A server, as a row.
struct ServerRow {
    name: String,
    fingerprint: String,
    contact: String,
    since: String,
    seen: String,
}

/// `GET /`
pub(super) async fn index(State(state): State<HubState>) -> Response {
    let published = match state.published.now(&state.desk).await {
        Ok(published) => published,
        Err(fault) => return broken(fault),
    };
    let feeds = published.feeds.iter().map(|feed| FeedRow {
        kind: feed.kind.to_string(),
        file: feed.kind.file(),
        note_file: feed.kind.note_file(),
        sequence: feed.head.sequence,
        issued: rfc3339(feed.head.issued.0),
        expires: rfc3339(feed.head.expires.0),
        size: size(feed.head.n_bytes),
    });
    show(IndexPage { title: "Hub", key: state.desk.key().to_text(), feeds: feeds.collect() })
}

/// `GET /aggregates`
pub(super) async fn aggregates(State(state): State<HubState>) -> Response {
    match state.desk.sums().await {
        Ok(sums) => show(AggregatesPage { title: "What pings say together", k: K, weeks: weeks_of(sums) }),
        Err(fault) => broken(fault),
    }
}

/// The sums come by week and schema.
fn weeks_of(sums: Vec<PingSum>) -> Vec<WeekOfPings> {
    let mut weeks: Vec<WeekOfPings> = Vec::new();
    for sum in sums {
        let row = field_row(&sum);
        match weeks.last_mut() {
            Some(last) if last.week == sum.week && last.schema == sum.schema => last.fields.push(row),
            _ => weeks.push(WeekOfPings { week: sum.week, schema: sum.schema, fields: vec![row] }),
        }
    }
    weeks
}

fn field_row(sum: &PingSum) -> FieldRow {
    let spread = sum.buckets.iter().map(|(bucket, n)| format!("{}: {}", range_of(*bucket), thousands(*n)));
    FieldRow {
        name: sum.field.clone(),
        n: thousands(sum.n),
        total: sum.total.to_string(),
        mean: format!("{:.1}", sum.total as f64 / sum.n.max(1) as f64),
        spread: spread.collect::<Vec<_>>().join(" · "),
    }
}

/// The values in a place of the histogram.
fn range_of(bucket: i64) -> String {
    let power = u32::try_from(bucket.unsigned_abs()).unwrap_or(u32::MAX).clamp(1, 63);
    let (least, most) = (1_u64 << (power - 1), (1_u64 << power) - 1);
    match bucket {
        0 => "0".to_owned(),
        1.. if least == most => format!("{least}"),
        1.. => format!("{least}–{most}"),
        _ if least == most => format!("−{least}"),
        _ => format!("−{most}–−{least}"),
    }
}

/// `GET /servers`: for whoever has the administrator's token, as a bearer's or as the password of any user.
pub(super) async fn servers(State(state): State<HubState>, headers: HeaderMap) -> Response {
    let given = token_of(&headers).unwrap_or_default();
    match state.desk.is_admin(&given).await {
        Ok(true) => {}
        Ok(false) => {
            let ask = [(header::WWW_AUTHENTICATE, "Basic realm=\"Sourcekeep hub\", charset=\"UTF-8\"")];
            let says = "the list of servers is for the hub's administrator: give the token as the password\n";
            return (StatusCode::UNAUTHORIZED, ask, says).into_response();
        }
        Err(fault) => return broken(fault),
    }
    match state.desk.servers().await {
        Ok(servers) => {
            show(ServersPage { title: "Servers", servers: servers.into_iter().map(server_row).collect() })
        }
        Err(fault) => broken(fault),
    }
}

fn server_row(server: HubServer) -> ServerRow {
    ServerRow {
        name: server.name,
        fingerprint: Fingerprint::of(&server.public).to_string(),
        contact: server.contact.unwrap_or_default(),
        since: rfc3339(server.since.0),
        seen: rfc3339(server.seen_at.0),
    }
}

fn token_of(headers: &HeaderMap) -> Option<String> {
    let given = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    if let Some(token) = given.strip_prefix("Bearer ") {
        return Some(token.to_owned());
    }
    let decoded = STANDARD.decode(given.strip_prefix("Basic ")?).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}

fn show(page: impl Template) -> Response {
    match page.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => broken(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_the_histogram_in_words() {
        let shown = [0, 1, 2, 3, 41, -1, -3].map(range_of);
        assert_eq!(shown, ["0", "1", "2–3", "4–7", "1099511627776–2199023255551", "−1", "−7–−4"]);
    }
}
