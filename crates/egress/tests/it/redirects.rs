//! Redirects: followed by us, checked like first addresses, and without what the caller said.

use crate::server::{Answer, Server, ok, redirect};
use crate::world::{Names, client, client_with, get};
use egress::{Limits, Reach, SendError};
use http::Request;

#[tokio::test]
async fn a_redirect_within_the_origin_is_followed_with_everything() {
    let server = Server::start(|head| match head {
        head if head.starts_with("get /new?a=1 ") => ok("", b"there"),
        _ => redirect(301, &["/new?a=1"]),
    })
    .await;
    let client = client(&server.url("/"), Limits::default());
    let request =
        Request::get(server.url("/old")).header("authorization", "Bearer t0ken").body(vec![]).unwrap();
    assert_eq!(client.send(request).await.unwrap().body(), b"there");
    assert!(server.heads()[1].contains("t0ken"), "the same origin may know it");
}

/// S-redirect-inward
#[tokio::test]
async fn a_redirect_inward_is_refused() {
    let inside = Server::start(|_| ok("", b"secret")).await;
    let inside_port = inside.address.port();
    for location in [
        format!("http://127.0.0.1:{inside_port}/"),
        format!("https://127.0.0.1:{inside_port}/"),
        format!("https://2130706433:{inside_port}/"),
        format!("https://[::ffff:127.0.0.1]:{inside_port}/"),
        format!("https://inward.example.org:{inside_port}/"),
        format!("//127.0.0.1:{inside_port}/"),
        "https://ada:hunter2@git.example.org/".to_owned(),
        "https://git.example.org./".to_owned(),
        "file:///etc/passwd".to_owned(),
        "gopher://git.example.org/".to_owned(),
        "javascript:alert(1)".to_owned(),
        "https://".to_owned(),
    ] {
        let server = Server::start(move |_| redirect(302, &[&location])).await;
        let names =
            Names::of(&[("git.example.org", &[&["127.0.0.1"]]), ("inward.example.org", &[&["127.0.0.1"]])]);
        let base = format!("http://git.example.org:{}", server.address.port());
        let client = client_with(names, &base, &["127.0.0.0/8"], Reach::AnyPublic, Limits::default());
        let outcome = get(&client, &base).await;
        assert!(
            matches!(
                outcome,
                Err(SendError::Address(_)
                    | SendError::Scheme
                    | SendError::Unencrypted { .. }
                    | SendError::UserInfo
                    | SendError::TrailingDot
                    | SendError::BadRedirect { .. })
            ),
            "{outcome:?}"
        );
    }
    assert!(inside.heads().is_empty());
}

#[tokio::test]
async fn a_client_of_one_origin_stays_there() {
    let other = Server::start(|_| ok("", b"elsewhere")).await;
    let location = other.url("/");
    let server = Server::start(move |_| redirect(307, &[&location])).await;
    let client = client(&server.url("/"), Limits::default());
    assert!(matches!(get(&client, &server.url("/")).await, Err(SendError::OtherOrigin { .. })));
    assert!(matches!(get(&client, &other.url("/")).await, Err(SendError::OtherOrigin { .. })));
    assert!(other.heads().is_empty(), "the port is part of an origin");
}

#[tokio::test]
async fn a_post_is_never_repeated_elsewhere() {
    let server = Server::start(|_| redirect(307, &["/again"])).await;
    let client = client(&server.url("/"), Limits::default());
    let request = Request::post(server.url("/token")).body(b"client_secret=x".to_vec()).unwrap();
    assert!(matches!(client.send(request).await, Err(SendError::BadRedirect { .. })));
    assert_eq!(server.heads().len(), 1);
}

/// S-redirect-loop
#[tokio::test]
async fn redirects_end() {
    let server = Server::start(|_| redirect(302, &["/"])).await;
    let limits = Limits { n_redirects_max: 3, ..Limits::default() };
    let client = client(&server.url("/"), limits);
    assert!(matches!(
        get(&client, &server.url("/")).await,
        Err(SendError::TooManyRedirects { n_max: 3, .. })
    ));
    assert_eq!(server.heads().len(), 4);
}

#[tokio::test]
async fn a_redirect_to_nowhere_or_to_two_places_is_refused() {
    for locations in [&[][..], &["/a", "/b"][..]] {
        let answer = redirect(302, locations);
        let server = Server::start(move |_| answer.clone()).await;
        let client = client(&server.url("/"), Limits::default());
        assert!(matches!(get(&client, &server.url("/")).await, Err(SendError::BadRedirect { .. })));
        assert_eq!(server.heads().len(), 1);
    }
}

#[tokio::test]
async fn what_is_no_redirect_is_an_answer() {
    let not_modified =
        b"HTTP/1.1 304 Not Modified\r\nconnection: close\r\netag: \"x\"\r\ncontent-encoding: gzip\r\n\r\n";
    let server = Server::start(|_| Answer::Bytes(not_modified.to_vec())).await;
    let client = client(&server.url("/"), Limits::default());
    let response = get(&client, &server.url("/")).await.unwrap();
    assert_eq!((response.status().as_u16(), response.body().len()), (304, 0));
}
