//! Adding: names, what is refused, and that the rest proceeds.

use crate::instance::Instance;
use mirror::AddError;
use testkit::git::GitWorld;

#[tokio::test(flavor = "multi_thread")]
async fn names_follow_paths_and_never_collide() {
    let world = GitWorld::new();
    for path in ["code/x", "code/group/y", "other/x", "bare/z.git"] {
        match path.ends_with(".git") {
            true => world.bare(path),
            false => world.repo(path),
        };
    }
    let instance = Instance::new().await;
    let names = async |path: &str| -> Vec<String> {
        let report = instance.add(&world.path().join(path)).await;
        report.added.iter().map(|added| added.repository.name.to_string()).collect()
    };
    assert_eq!(names("code").await, ["group/y", "x"]);
    assert_eq!(names("other").await, ["other/x"]);
    assert_eq!(names("bare").await, ["z"]);
    assert_eq!(names("code/x").await, ["x"], "known before, under the name it has");
    assert_eq!(names("").await.len(), 4, "nothing is added twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_added_says_why() {
    let world = GitWorld::new();
    let instance = Instance::new().await;
    let refusal = async |argument: &str| instance.try_add(argument).await.unwrap_err();
    let nowhere = world.path().join("nowhere");
    assert!(matches!(refusal(nowhere.to_str().unwrap()).await, AddError::Discover(_)));
    let empty = refusal(world.path().to_str().unwrap()).await;
    assert!(empty.to_string().contains("there is no git repository"), "{empty}");
    for argument in ["ext::sh -c touch% x", "fd::17", "https://-oProxyCommand=x/y", "ftp://h/x", "https://"] {
        let error = refusal(argument).await;
        assert!(matches!(error, AddError::Url { .. }), "{argument}: {error}");
    }
    let error = refusal("https://ada:hunter2@example.org/a/b.git").await;
    assert!(matches!(error, AddError::CredentialInUrl { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    assert!(error.to_string().contains("mirror.credentials"));
}
