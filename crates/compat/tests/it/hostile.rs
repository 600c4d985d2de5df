//! Requests made to hurt.

use compat::zoekt;
use std::time::Instant;

#[test]
fn zoekt_queries_cost_what_they_are_worth() {
    let started = Instant::now();
    for text in [
        "(a ".repeat(20_000),
        "-".repeat(60_000),
        "( ".repeat(30_000),
        "\"".repeat(30_001),
        "a or ".repeat(12_000),
        format!("{}a", "(a|".repeat(20_000)),
        "(a+)+$ (a*)*b (?:a{1000}){1000}".to_owned(),
        "x".repeat(70_000),
        "[a-".repeat(10_000),
        r"\pL".repeat(10_000),
        format!("file:{}", "(".repeat(50_000)),
        "a\u{0}b \u{feff} \u{202e}".to_owned(),
    ] {
        let _ = zoekt::parse(&text);
    }
    // Not a measurement: what is quadratic here takes minutes.
    assert!(started.elapsed().as_secs() < 60);
}

#[test]
fn numbers_beyond_everything_are_read_or_refused() {
    for number in
        ["-1", "0", "9223372036854775807", "18446744073709551615", "1e400", "-9223372036854775808", "1.5"]
    {
        for field in ["NumContextLines", "MaxDocDisplayCount", "MaxMatchDisplayCount", "MaxWallTime"] {
            let body = format!("{{\"Q\":\"a\",\"Opts\":{{\"{field}\":{number}}}}}");
            let _ = zoekt::SearchRequest::parse(body.as_bytes());
        }
        for name in ["display", "cl", "max-line-len"] {
            let _ = compat::sourcegraph::StreamRequest::parse(&format!("q=a&{name}={number}"));
        }
    }
    let deep = format!("{{\"Q\":{}", "[".repeat(100_000));
    assert!(zoekt::SearchRequest::parse(deep.as_bytes()).is_err());
}
