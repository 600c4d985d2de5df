//! Addresses in every spelling, and names that lead where they should not.

use crate::server::{Server, ok};
use crate::world::{Names, client_with, get};
use egress::{AddressKind, Destination, DestinationError, Limits, Purpose, Reach, SendError};
use std::sync::Arc;

/// S-address-spelling
#[tokio::test]
async fn an_address_is_refused_in_every_spelling() {
    let names = Names::of(&[]);
    let client =
        client_with(Arc::clone(&names), "https://idp.example.org", &[], Reach::AnyPublic, Limits::default());
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "0",
        "0.0.0.0",
        "10.0.0.1",
        "0xa.0.0.1",
        "012.0.0.1",
        "192.168.257",
        "3232235777",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:a9fe:a9fe]",
        "[::127.0.0.1]",
        "[64:ff9b::169.254.169.254]",
        "[64:ff9b:1::10.0.0.1]",
        "[2002:7f00:1::]",
        "[2001:0:1:2:3:4:80ff:fffe]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[fc00::1]",
        "[fec0::1]",
        "[ff02::1]",
    ] {
        let url = format!("https://{host}/latest/meta-data/");
        let outcome = match http::Request::get(&url).body(Vec::new()) {
            Ok(request) => client.send(request).await.map(drop),
            // What is no address at all goes nowhere.
            Err(_) => continue,
        };
        assert!(
            matches!(outcome, Err(SendError::Address(_) | SendError::TrailingDot | SendError::NoHost)),
            "{host}: {outcome:?}"
        );
    }
    assert_eq!(names.asked(), [""; 0], "no spelling of an address is a name");
    for host in ["１２７.0.0.1", "①②⑦.0.0.1", "127。0。0。1", "0x7f。1"] {
        let made = Destination::new(Purpose::CodeHost, &format!("https://{host}/"), vec![], Reach::OwnOrigin);
        assert!(matches!(made, Err(DestinationError::Refused(SendError::Address(_)))), "{host}: {made:?}");
    }
}

/// S-userinfo
#[tokio::test]
async fn user_names_and_passwords_are_refused_and_not_repeated() {
    let client = client_with(Names::of(&[]), "https://h.example", &[], Reach::AnyPublic, Limits::default());
    for url in [
        "https://ada:hunter2@h.example/",
        "https://hunter2@h.example/",
        "https://h.example:hunter2@127.0.0.1/",
    ] {
        let error = get(&client, url).await.unwrap_err();
        assert!(matches!(error, SendError::UserInfo), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

/// S-rebinding
#[tokio::test]
async fn a_name_that_changes_its_answer_is_checked_again() {
    let server = Server::start(|_| ok("", b"hello")).await;
    let names = Names::of(&[("git.example.org", &[&["127.0.0.1"], &["127.0.0.2"]])]);
    let base = format!("http://git.example.org:{}", server.address.port());
    let client =
        client_with(Arc::clone(&names), &base, &["127.0.0.1/32"], Reach::OwnOrigin, Limits::default());
    assert_eq!(get(&client, &base).await.unwrap().body(), b"hello");
    let error = get(&client, &base).await.unwrap_err();
    let SendError::Address(refused) = error else { panic!("{error}") };
    assert_eq!((refused.address.to_string().as_str(), refused.kind), ("127.0.0.2", AddressKind::Loopback));
    assert!(refused.to_string().contains("allow its network"), "{refused}");
    assert_eq!(server.heads().len(), 1);
    assert_eq!(names.asked().len(), 2, "each connection resolves once and connects to what was checked");
}

/// S-several-answers
#[tokio::test]
async fn one_bad_answer_refuses_all() {
    let server = Server::start(|_| ok("", b"hello")).await;
    for answers in [&["127.0.0.1", "10.0.0.1"], &["10.0.0.1", "127.0.0.1"]] {
        let names = Names::of(&[("git.example.org", &[answers])]);
        let base = format!("http://git.example.org:{}", server.address.port());
        let client = client_with(names, &base, &["127.0.0.1/32"], Reach::OwnOrigin, Limits::default());
        assert!(matches!(get(&client, &base).await, Err(SendError::Address(_))));
    }
    assert!(server.heads().is_empty());
}

/// S-metadata
#[tokio::test]
async fn the_metadata_service_is_never_reached() {
    let names = Names::of(&[("metadata.example.org", &[&["169.254.169.254"]])]);
    let base = "http://metadata.example.org";
    let allowed = ["0.0.0.0/0", "::/0"];
    let client = client_with(names, base, &allowed, Reach::OwnOrigin, Limits::default());
    let error = get(&client, base).await.unwrap_err();
    let SendError::Address(refused) = error else { panic!("{error}") };
    assert_eq!(refused.kind, AddressKind::Metadata);
}

#[tokio::test]
async fn a_network_is_allowed_for_its_own_host_only() {
    let server = Server::start(|_| ok("", b"inside")).await;
    let port = server.address.port();
    let names =
        Names::of(&[("git.example.org", &[&["127.0.0.1"]]), ("other.example.org", &[&["127.0.0.1"]])]);
    let base = format!("http://git.example.org:{port}");
    let client = client_with(names, &base, &["127.0.0.0/8"], Reach::AnyPublic, Limits::default());
    assert_eq!(get(&client, &base).await.unwrap().body(), b"inside");
    let other = get(&client, &format!("https://other.example.org:{port}")).await;
    assert!(matches!(other, Err(SendError::Address(_))), "{other:?}");
}

#[tokio::test]
async fn a_name_without_an_address_is_told() {
    let client = client_with(Names::of(&[]), "https://h.example", &[], Reach::OwnOrigin, Limits::default());
    let error = get(&client, "https://h.example").await.unwrap_err();
    assert!(matches!(error, SendError::Unresolved { .. }), "{error}");
}
