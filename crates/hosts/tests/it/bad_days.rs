//! Bad days: whatever goes wrong, a list is whole or it is an error.

use crate::world::{NOON, REMOTE_KINDS, connect, readers, repositories, stub};
use hosts::{HostError, HostKind, read_all};
use testkit::code_host::{BadDay, HostWorld, StubHost, StubKind};

/// More than a page of everything for each kind but those that have no pages.
fn large() -> HostWorld {
    let names: Vec<String> = (0..2100).map(|idx| format!("org/repo-{idx}")).collect();
    let repositories: Vec<(&str, &[u64])> = names.iter().map(|name| (name.as_str(), &[1, 2][..])).collect();
    HostWorld::of(&["alice", "bob"], &repositories)
}

/// These tell everything in one answer.
fn has_pages(kind: HostKind) -> bool {
    !matches!(kind, HostKind::AzureDevOps | HostKind::Gerrit)
}

async fn list(kind: HostKind, stub: &StubHost) -> Result<usize, HostError> {
    repositories(&*connect(kind, stub)).await.map(|found| found.len())
}

/// S-host-page-loop
#[tokio::test]
async fn pages_that_go_in_circles_are_no_list() {
    for (kind, stub_kind) in REMOTE_KINDS.into_iter().filter(|(kind, _)| has_pages(*kind)) {
        let stub = stub(stub_kind, large()).await;
        stub.order(BadDay::PageLoop);
        let error = list(kind, &stub).await.unwrap_err();
        assert!(matches!(error, HostError::PageLoop), "{kind}: {error}");
        assert!(stub.take_calls().values().sum::<u64>() < 10, "{kind}");
    }
}

/// S-host-html
#[tokio::test]
async fn a_page_instead_of_data_is_no_list() {
    for (kind, stub_kind) in REMOTE_KINDS {
        let stub = stub(stub_kind, large()).await;
        for n_good in [0, 1] {
            stub.order(BadDay::HtmlAfter(n_good));
            let outcome = readers(&*connect(kind, &stub)).await;
            assert!(matches!(outcome, Err(HostError::NotJson { .. })), "{kind}: {outcome:?}");
        }
    }
}

/// S-host-half-a-list
#[tokio::test]
async fn half_a_list_is_no_list() {
    for (kind, stub_kind) in REMOTE_KINDS {
        let stub = stub(stub_kind, large()).await;
        stub.order(BadDay::FailAfter(1));
        let error = readers(&*connect(kind, &stub)).await.unwrap_err();
        assert!(matches!(error, HostError::Status { status: 500, .. }), "{kind}: {error}");
        stub.order(BadDay::HalfAfter(0));
        let error = readers(&*connect(kind, &stub)).await.unwrap_err();
        assert!(matches!(error, HostError::Shape { .. }), "{kind}: {error}");
    }
}

/// S-host-limited
#[tokio::test]
async fn waiting_is_by_the_hosts_own_clock() {
    for (kind, stub_kind) in REMOTE_KINDS {
        let stub = stub(stub_kind, large()).await;
        for skew in [-3600, 0, 3600] {
            stub.order(BadDay::LimitedAfter(0, skew));
            let error = list(kind, &stub).await.unwrap_err();
            let wait_ms = error.retry_at().map(|at| at.0 - NOON.0);
            assert_eq!(wait_ms, Some(30_000), "{kind}: {error}");
        }
    }
}

/// S-host-not-modified
#[tokio::test]
async fn not_modified_to_a_first_question_is_an_error() {
    for (kind, stub_kind) in REMOTE_KINDS {
        let stub = stub(stub_kind, large()).await;
        stub.order(BadDay::NotModified);
        let error = list(kind, &stub).await.unwrap_err();
        assert!(
            matches!(error, HostError::NotModified | HostError::Status { status: 304, .. }),
            "{kind}: {error}"
        );
    }
}

/// S-host-not-modified
#[tokio::test]
async fn what_was_shown_to_one_account_is_never_anothers() {
    for (kind, stub_kind) in [(HostKind::Gitea, StubKind::Gitea), (HostKind::Gerrit, StubKind::Gerrit)] {
        let world = HostWorld::of(&["alice", "bob"], &[("org/hers", &[1]), ("org/his", &[2])]);
        let stub = stub(stub_kind, world).await;
        let host = connect(kind, &stub);
        let accounts = read_all(|after| host.accounts(after)).await.unwrap();
        let lists = async || {
            let mut lists = Vec::new();
            for account in &accounts {
                lists.push(read_all(|after| host.repositories_of(account, after)).await.unwrap());
            }
            lists
        };
        stub.order(BadDay::TagsOfOthers);
        let first = lists().await;
        assert!(first[0].len() == 1 && first[1].len() == 1 && first[0] != first[1], "{kind}: {first:?}");
        assert_eq!(lists().await, first, "{kind}: confirmed, each their own");
    }
}

#[tokio::test]
async fn a_known_answer_is_confirmed_and_not_sent_again() {
    let stub = stub(StubKind::GitLab, large()).await;
    let host = connect(HostKind::GitLab, &stub);
    let first = repositories(&*host).await.unwrap();
    assert_eq!(repositories(&*host).await.unwrap(), first);
    stub.change(|world| world.repository("org/repo-7").name = "org/moved".into());
    assert_ne!(repositories(&*host).await.unwrap(), first);
}

/// S-host-elsewhere
#[tokio::test]
async fn the_next_page_is_on_the_same_host() {
    for (kind, stub_kind) in [
        (HostKind::GitLab, StubKind::GitLab),
        (HostKind::Gitea, StubKind::Gitea),
        (HostKind::BitbucketCloud, StubKind::BitbucketCloud),
    ] {
        let stub = stub(stub_kind, large()).await;
        stub.order(BadDay::Elsewhere);
        let error = list(kind, &stub).await.unwrap_err();
        assert!(matches!(error, HostError::Send(egress::SendError::OtherOrigin { .. })), "{kind}: {error}");
    }
}

#[tokio::test]
async fn a_refused_token_is_told_as_that() {
    for (kind, stub_kind) in REMOTE_KINDS {
        let stub = stub(stub_kind, large()).await;
        stub.order(BadDay::Refused);
        let error = connect(kind, &stub).whoami().await.unwrap_err();
        assert!(matches!(error, HostError::Unauthorized), "{kind}: {error}");
    }
}
