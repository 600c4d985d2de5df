//! What is counted: by kind and never by address, for whom it may be, and shown to whom it is for.

use crate::code_hosts;
use crate::world::{Secret, Who, World, run};
use axum::body::Body;
use egress::{Egress, Mode, Policy, SystemResolver};
use hub::{Desk, PingSender};
use server::{HubFront, PingMode, Server, ServerConfig};
use std::sync::Arc;
use std::time::Duration;
use store::{EgressFilter, EgressLedger, Options, Store, StoreUrl};
use telemetry::{Batch, Counter, Route, Usage};
use tokio_util::sync::CancellationToken;

async fn counted_world() -> (World, Arc<Usage>) {
    let usage = Arc::new(Usage::new(true, true));
    let config = ServerConfig { usage: Arc::clone(&usage), ..ServerConfig::default() };
    let world = World::with_config(Secret::Exists, config).await;
    (world, usage)
}

fn n(batch: &Batch, counter: Counter) -> u32 {
    batch.counters.iter().find(|(known, _)| *known == counter).map_or(0, |(_, n)| *n)
}

#[test]
fn every_route_is_in_the_register() {
    for route in Server::routes() {
        let known = Route::of(route.path, None);
        assert_ne!(known, Route::NONE, "{}: name it in crates/telemetry/register.toml", route.path);
    }
    let paths: Vec<&str> = Server::routes().iter().map(|route| route.path).collect();
    for route in Route::all().filter(|route| *route != Route::NONE) {
        let template = route.entry().template;
        assert!(paths.contains(&template), "{template}: the register has it, the server does not");
    }
}

#[test]
fn searches_and_files_are_counted_and_nothing_of_them_is_kept() {
    run(async {
        let (world, usage) = counted_world().await;
        world.get(Who::Bob, "/search?q=needle").await.text();
        world.get(Who::Bob, "/search?q=zebrafish_nobody_has").await.text();
        world.api(Who::BobsToken, "/api/v1/search?q=needle").await.text();
        world.get(Who::Bob, "/r/app/-/blob/README.md").await;
        world.get(Who::Bob, "/r/secret/-/blob/README.md").await;
        let batch = usage.take();
        assert_eq!((n(&batch, Counter::Searches), n(&batch, Counter::SearchesEmpty)), (3, 1), "{batch:?}");
        assert_eq!((n(&batch, Counter::FilesRead), n(&batch, Counter::ApiCalls)), (1, 1), "{batch:?}");
        assert_eq!(batch.people.len(), 1);
        assert_eq!(batch.people[0].1[Counter::Searches as usize], 3);
        let kinds: Vec<String> = batch.requests.iter().map(|count| count.route.name()).collect();
        assert!(kinds.contains(&"/r/…/-/blob".into()) && kinds.contains(&"/search".into()), "{kinds:?}");
        let all = format!("{batch:?}");
        assert!(!all.contains("needle") && !all.contains("zebrafish") && !all.contains("README"), "{all}");
    });
}

#[test]
fn who_asks_not_to_be_counted_is_not() {
    run(async {
        let (world, usage) = counted_world().await;
        let headers = [("accept", "text/html"), ("sec-gpc", "1")];
        world.ask(Who::Bob, "GET", "/search?q=needle", &headers, Body::empty()).await.text();
        assert!(usage.take().is_empty());
        // The form on the account page: at once, and for good.
        let page = world.get(Who::Bob, "/account").await.text();
        assert!(page.contains("You are counted") && page.contains("Do not count me"), "{page}");
        let left = world.post(Who::Bob, "/account/counting", "counted=no").await;
        assert_eq!(left.status, 303);
        usage.take();
        world.get(Who::Bob, "/search?q=needle").await.text();
        let page = world.get(Who::Bob, "/account").await.text();
        assert!(page.contains("You are not counted"), "{page}");
        assert!(usage.take().is_empty());
        let entry = world.get(Who::Ada, "/admin/audit?act=user.counting").await.text();
        assert!(entry.contains("user.counting"), "{entry}");
        assert_eq!(world.post(Who::Bob, "/account/counting", "counted=maybe").await.status, 400);
        // A token is no browser: nobody is taken out of the counting by one.
        assert_ne!(world.post(Who::BobsToken, "/account/counting", "counted=no").await.status, 303);
        world.post(Who::Bob, "/account/counting", "counted=yes").await;
        usage.take();
        world.get(Who::Bob, "/search?q=needle").await.text();
        assert_eq!(n(&usage.take(), Counter::Searches), 1);
    });
}

#[test]
fn the_owner_sees_what_is_used_and_what_is_slow() {
    run(async {
        let (world, usage) = counted_world().await;
        let empty = world.get(Who::Ada, "/admin/usage").await.text();
        assert!(empty.contains("Nothing counted yet"), "{empty}");
        usage.take();
        for _ in 0..3 {
            world.get(Who::Bob, "/search?q=zebrafish_nobody_has").await.text();
        }
        world.store.add_usage(&usage.take()).await.expect("written");
        let page = world.get(Who::Ada, "/admin/usage?days=1").await.text();
        for expected in
            ["<dt>Searches</dt><dd>3</dd>", "<dd>100.0 %</dd>", ">/search</a>", "p95", "by the hour"]
        {
            assert!(page.contains(expected), "{expected}: {page}");
        }
        assert!(!page.contains("zebrafish"), "{page}");
        let number = Route::of("/search", None).entry().number;
        let only = world.get(Who::Ada, &format!("/admin/usage?days=7&route={number}")).await.text();
        assert!(only.contains("Only <code>/search</code>"), "{only}");
        let answer = world.api(Who::Ada, "/api/v1/usage?days=1").await.text();
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        assert_eq!(answer["counters"]["searches_empty"], 3, "{answer}");
        assert_eq!(answer["requests"][0]["route"], "/search", "{answer}");
        assert_eq!(world.get(Who::Bob, "/admin/usage").await.status, 403);
        assert_eq!(world.api(Who::BobsToken, "/api/v1/usage").await.status, 403);
    });
}

#[test]
fn the_register_is_shown_with_the_code_that_runs() {
    run(async {
        let (world, _) = counted_world().await;
        let page = world.get(Who::Bob, "/data-collection").await.text();
        for counter in Counter::ALL {
            assert!(page.contains(&format!("id=\"counter-{}\"", counter.entry().name)), "{counter:?}");
        }
        for field in telemetry::Field::ALL {
            assert!(page.contains(&format!("id=\"field-{}\"", field.entry().name)), "{field:?}");
        }
        for function in ["searched", "answered", "compose", "of_this_build"] {
            assert!(page.contains(&format!("id=\"code-{function}\"")), "{function}");
        }
        assert!(
            page.contains("crates/telemetry/src/ping.rs:") && page.contains("two_sided_geometric"),
            "{page}"
        );
        assert_eq!(world.get(Who::Stranger, "/data-collection").await.status, 303);
    });
}

#[test]
fn the_outbox_shows_the_exact_bytes() {
    run(async {
        let (world, usage) = counted_world().await;
        assert!(world.get(Who::Ada, "/admin/outbox").await.text().contains("No ping yet"));
        world.get(Who::Bob, "/search?q=needle").await.text();
        world.store.add_usage(&usage.take()).await.expect("written");
        world.clock.advance(Duration::from_secs(5 * 24 * 3600));
        world.store.make_pings(None).await.expect("a ping");
        let pings = world.store.pings().await.expect("pings");
        let bytes = String::from_utf8(pings[0].bytes.clone()).expect("text");
        let page = world.get(Who::Ada, "/admin/outbox").await.text();
        assert!(page.contains(&bytes.replace('"', "&#34;")) || page.contains(&bytes), "{bytes}: {page}");
        assert!(page.contains("None is sent") && page.contains("In words"), "{page}");
        assert!(!bytes.contains("searches"), "one person is too few: {bytes}");
    });
}

/// Answers as a hub on a listener until the token is cancelled.
async fn serve_hub(
    listener: tokio::net::TcpListener,
    clock: Arc<access::ManualClock>,
    folder: &std::path::Path,
    stop: &CancellationToken,
) {
    let source = vault::KeySource::OwnFile(folder.join("master.key"));
    let vault = vault::Vault::open_source(source, Arc::new(access::SystemRandomness)).expect("a vault");
    let options = Options {
        password_cost: access::PasswordCost::FOR_TESTS,
        vault,
        clock: clock.clone(),
        ..Options::default()
    };
    let store = Store::open_with(&StoreUrl::file(folder.join("hub.db")), options).await.expect("a store");
    let front = HubFront::new(ServerConfig::default(), Desk::open(store, clock).await.expect("a desk"));
    let stopped = stop.clone();
    tokio::spawn(async move { front.serve(listener, stopped.cancelled_owned()).await });
}

/// From the count to the hub: nothing leaves before its bytes were seen; what was seen is what is sent, what the ledger holds, and
/// what the hub counts; and a mode that keeps pings in keeps them in.
#[test]
fn what_was_seen_is_what_is_sent_and_nothing_before() {
    run(async {
        let usage = Arc::new(Usage::new(true, true));
        let folder = tempfile::tempdir().expect("a folder");
        let stop = CancellationToken::new();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let hub = format!("http://{}", listener.local_addr().expect("bound"));
        let destination = PingSender::address_of(&hub);
        let pings = PingMode::On { destination: destination.clone(), is_let_out: true };
        let config = ServerConfig { usage: Arc::clone(&usage), pings, ..ServerConfig::default() };
        let world = World::with_config(Secret::Exists, config).await;
        serve_hub(listener, world.clock.clone(), folder.path(), &stop).await;
        let door = |mode| {
            let ledger = Arc::new(EgressLedger::new(world.store.clone(), None));
            Egress::new(Arc::new(SystemResolver), Policy { mode, ..Policy::default() }, ledger)
        };
        let sender = |mode| {
            let networks = vec!["127.0.0.0/8".parse().expect("a network")];
            PingSender::new(world.store.clone(), door(mode), &hub, networks).expect("an address")
        };
        world.get(Who::Bob, "/search?q=needle").await.text();
        world.store.add_usage(&usage.take()).await.expect("written");
        world.clock.advance(Duration::from_secs(5 * 24 * 3600));
        assert_eq!(world.store.make_pings(Some(&destination)).await.expect("made"), 1);
        assert_eq!(sender(Mode::Open).send_due().await.expect("asked"), 0, "nobody has looked at it");

        // The page shows it, and takes no decision on other bytes.
        let ping = world.store.pings().await.expect("pings").remove(0);
        let seen: String = ping.digest().iter().map(|byte| format!("{byte:02x}")).collect();
        let page = world.get(Who::Ada, "/admin/outbox").await.text();
        assert!(page.contains("Nobody has approved one") && page.contains("Send these bytes"), "{page}");
        assert!(page.contains(&seen) && page.contains(&destination), "{page}");
        let approve = |seen: &str| format!("decision=approve&ping={}&seen={seen}", ping.id.0);
        let unproved = world.post(Who::Ada, "/admin/outbox", &approve(&seen)).await;
        assert!(unproved.header("location").starts_with("/step-up"), "{}", unproved.status);
        assert_eq!(world.post(Who::Bob, "/admin/outbox", &approve(&seen)).await.status, 403);
        let ada = code_hosts::fresh(&world).await;
        let decide =
            async |form: &str| code_hosts::post(&world, &ada, "/admin/outbox", form).await.status.as_u16();
        assert_eq!(decide(&approve(&"0".repeat(64))).await, 409);
        assert_eq!(decide(&approve("zz")).await, 400);
        assert_eq!(decide("decision=shout").await, 400);
        assert_eq!(decide("decision=deny&ping=77").await, 404);
        assert_eq!(sender(Mode::Open).send_due().await.expect("asked"), 0, "still nobody");
        assert_eq!(decide(&approve(&seen)).await, 303);

        // Modes that keep it in: it waits, and nothing is even tried.
        for mode in [Mode::AirGapped, Mode::CodeHosts] {
            assert_eq!(sender(mode).send_due().await.expect("asked"), 0, "{mode}");
        }
        let entries = async || {
            let filter = EgressFilter { purpose: Some("ping".into()), ..EgressFilter::default() };
            world.store.egress_entries(&filter, 100).await.expect("entries")
        };
        assert!(entries().await.is_empty());

        assert_eq!(sender(Mode::Open).send_due().await.expect("sent"), 1);
        assert_eq!(sender(Mode::Open).send_due().await.expect("asked"), 0, "once");
        let entries = entries().await;
        assert_eq!(entries.len(), 2, "what was said, and the connection: {entries:?}");
        let said: Vec<_> = entries.iter().filter_map(|entry| entry.body.clone()).collect();
        assert_eq!(
            said,
            std::slice::from_ref(&ping.bytes),
            "shown, sent and written down are the same bytes"
        );
        let page = code_hosts::get(&world, &ada, "/admin/outbox").await.text();
        assert!(page.contains("202 counted") && page.contains("Withdraw the approval"), "{page}");
        let page = code_hosts::get(&world, &ada, "/admin/egress").await.text();
        assert!(page.contains("Word by word") && page.contains("crates/hub/src/sender.rs:"), "{page}");
        assert!(world.store.verify_egress(&[], |_| {}).await.expect("read").is_intact());

        // Withdrawn, the next week waits again.
        assert_eq!(decide("decision=withdraw").await, 303);
        world.get(Who::Bob, "/search?q=needle").await.text();
        world.store.add_usage(&usage.take()).await.expect("written");
        world.clock.advance(Duration::from_secs(7 * 24 * 3600));
        assert_eq!(world.store.make_pings(Some(&destination)).await.expect("made"), 1);
        assert_eq!(sender(Mode::Open).send_due().await.expect("asked"), 0);
        stop.cancel();
    });
}

#[test]
fn without_pings_on_nothing_can_be_approved() {
    run(async {
        for pings in [PingMode::Off, PingMode::Local, PingMode::DoNotTrack] {
            let config = ServerConfig { pings: pings.clone(), ..ServerConfig::default() };
            let world = World::with_config(Secret::Exists, config).await;
            let page = world.get(Who::Ada, "/admin/outbox").await.text();
            assert!(!page.contains("Send these bytes"), "{pings:?}");
            assert_eq!(page.contains("DO_NOT_TRACK"), pings == PingMode::DoNotTrack);
            assert_eq!(world.post(Who::Ada, "/admin/outbox", "decision=withdraw").await.status, 409);
        }
    });
}
