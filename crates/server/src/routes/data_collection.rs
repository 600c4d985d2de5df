//! `/data-collection`: everything that is counted and everything that may leave, each with the code that makes it.

use crate::caller::Caller;
use crate::failure::Failure;
use crate::format::thousands;
use crate::markup::{Html as Markup, code_line};
use crate::shell::Shell;
use crate::state::AppState;
use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use std::sync::LazyLock;
use syntax::HighlightLimits;
use telemetry::{Counter, Entry, Field, FieldKind, PEOPLE_MIN, PING_BYTES_MAX, REQUESTS, Route, SCHEMA};

#[derive(Template)]
#[template(path = "data_collection.html")]
struct RegisterPage {
    shell: Shell,
    counts: bool,
    keep_days: u32,
    mode: &'static str,
    meaning: &'static str,
    schema: u32,
    bits: String,
    bytes_max: String,
    people_min: u64,
    is_administrator: bool,
    counters: Vec<Row>,
    fields: Vec<Row>,
    requests: Row,
    kinds: Vec<Kind>,
    code: &'static [Code],
}

/// A number of the register.
struct Row {
    name: &'static str,
    what: &'static str,
    why: &'static str,
    since: &'static str,
    bounds: String,
    function: &'static str,
}

/// A function that makes numbers of the register, as this program was built from it.
struct Code {
    function: &'static str,
    file: &'static str,
    first_line: usize,
    painted: Markup,
}

/// Every function of the register, once. They are a part of the program, so they are coloured once.
static CODE: LazyLock<Vec<Code>> = LazyLock::new(|| {
    let counters = Counter::ALL.into_iter().map(Counter::entry);
    let fields = Field::ALL.into_iter().map(Field::entry);
    let mut found: Vec<Code> = Vec::new();
    for entry in counters.chain(fields).chain([&REQUESTS]) {
        let Some(snippet) = entry.snippet() else { continue };
        if found.iter().all(|code| code.function != entry.function) {
            let Entry { function, file, .. } = *entry;
            found.push(Code {
                function,
                file,
                first_line: snippet.first_line,
                painted: painted(&snippet.text),
            });
        }
    }
    found
});

/// A kind of request.
struct Kind {
    name: String,
    counts: String,
}

/// The page.
pub(crate) async fn page(State(state): State<AppState>, caller: Caller) -> Result<Response, Failure> {
    let counters = Counter::ALL.into_iter();
    let counters = counters.map(|counter| {
        row(
            counter.entry(),
            format!("a whole number; one person moves a week's by {} at most", counter.per_person_max()),
        )
    });
    let kinds = Route::all().map(|route| Kind {
        name: route.name(),
        counts: route
            .entry()
            .counts
            .iter()
            .map(|counter| counter.entry().name)
            .collect::<Vec<_>>()
            .join(", "),
    });
    let page = RegisterPage {
        shell: caller.shell("What is counted", "data-collection"),
        counts: state.config.usage.counts(),
        keep_days: state.config.usage_keep_days,
        mode: state.config.pings.as_str(),
        meaning: state.config.pings.meaning(),
        schema: SCHEMA,
        bits: format!("{:.0}", telemetry::bits_max().ceil()),
        bytes_max: thousands(PING_BYTES_MAX as u64),
        people_min: PEOPLE_MIN,
        is_administrator: caller.actor.is_administrator(),
        counters: counters.collect(),
        fields: Field::ALL.into_iter().map(|field| row(field.entry(), bounds_of(field))).collect(),
        requests: row(&REQUESTS, "whole numbers by the hour".into()),
        kinds: kinds.collect(),
        code: &CODE,
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

fn bounds_of(field: Field) -> String {
    match field.kind() {
        FieldKind::Plain { max } => format!("0 to {}", thousands(u64::from(max))),
        FieldKind::People | FieldKind::Noised(_) => format!(
            "a power of two, 0 to {}; two-sided geometric noise of scale {} before",
            field.most(),
            field.noise_scale().unwrap_or(0)
        ),
    }
}

fn row(entry: &'static Entry, bounds: String) -> Row {
    let Entry { name, what, why, since, function, .. } = *entry;
    Row { name, what, why, since, bounds, function }
}

/// Rust in colours.
fn painted(text: &str) -> Markup {
    let language = syntax::language_by_name("rust");
    let spans =
        language.and_then(|language| syntax::highlight(language, text, &HighlightLimits::default()).ok());
    code_line(text, 0..text.len(), &spans.unwrap_or_default(), usize::MAX / 2)
}
