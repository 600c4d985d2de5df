//! The pages of permissions: groups, who sees what, path rules, and what one sees oneself.

use crate::world::{Secret, Who, World, run};
use access::{AccountId, Capability, HostId, Reader, Role, UserName};
use model::{RepoName, RepoSet};
use std::time::Duration;
use store::{BOUND_DEFAULT, GroupName, RoleChoice, RoleName};

async fn repo(world: &World, name: &str) -> model::RepoId {
    let name = RepoName::new(name).expect("a name");
    world.store.shared_repo(&name).await.expect("a store").expect("a repository").repo
}

/// The page that a form leads to.
async fn after(world: &World, target: &str, form: &str) -> String {
    let answer = world.post(Who::Ada, target, form).await;
    assert_eq!(answer.status, 303, "{target} {form}: {}", answer.text());
    world.get(Who::Ada, answer.header("location")).await.text()
}

#[test]
fn a_group_is_made_filled_granted_renamed_and_deleted() {
    run(async {
        let world = World::new(Secret::Exists).await;
        assert!(world.get(Who::Ada, "/admin/groups").await.text().contains("No group yet"));
        after(&world, "/admin/groups", "name=kernel&description=Core+people").await;
        let taken = world.post(Who::Ada, "/admin/groups", "name=kernel").await;
        assert!(taken.status == 422 && taken.text().contains("already"), "{}", taken.text());
        let bad = world.post(Who::Ada, "/admin/groups", "name=Not+a+name&description=kept").await;
        assert!(bad.status == 422 && bad.text().contains("value=\"kept\""));

        let page = after(&world, "/admin/groups/kernel", "act=add&account=bob").await;
        assert!(page.contains("/admin/access/bob") && page.contains("Granted."), "{page}");
        assert_eq!(world.get(Who::Bob, "/r/vault").await.status, 404);
        after(&world, "/admin/groups/kernel", "act=grant&repo=vault").await;
        assert_eq!(world.get(Who::Bob, "/r/vault").await.status, 200);
        let own = world.get(Who::Bob, "/account/access?filter=vault").await.text();
        assert!(own.contains("member of kernel"), "{own}");
        for (form, says) in [
            ("act=add&account=nobody", "no account of this name"),
            ("act=grant&repo=nothing", "no repository of this name"),
            ("act=rename&name=NO", "name is 1 to 64"),
        ] {
            let refused = world.post(Who::Ada, "/admin/groups/kernel", form).await;
            assert!(refused.status == 422 && refused.text().contains(says), "{form}: {}", refused.text());
        }
        assert_eq!(world.post(Who::Ada, "/admin/groups/kernel", "act=nothing").await.status, 404);
        assert_eq!(world.post(Who::Ada, "/admin/groups/nothing", "act=add&account=bob").await.status, 404);
        assert_eq!(
            world.post(Who::Ada, "/admin/groups/kernel", "act=add&account=bob&role=x").await.status,
            400
        );

        let page = after(&world, "/admin/groups/kernel", "act=rename&name=core&description=").await;
        assert!(page.contains("/admin/groups/core"));
        assert_eq!(world.get(Who::Bob, "/r/vault").await.status, 200);
        after(&world, "/admin/groups/core", "act=drop&account=bob").await;
        assert_eq!(world.get(Who::Bob, "/r/vault").await.status, 404, "at once");
        after(&world, "/admin/groups/core", "act=add&account=bob").await;
        after(&world, "/admin/groups/core", "act=revoke&repo=vault").await;
        assert_eq!(world.get(Who::Bob, "/r/vault").await.status, 404, "at once");
        after(&world, "/admin/groups/core", "act=remove").await;
        assert_eq!(world.get(Who::Ada, "/admin/groups/core").await.status, 404);
    });
}

#[test]
fn who_sees_a_repository_is_told_and_changed() {
    run(async {
        let world = World::new(Secret::Exists).await;
        let list = world.get(Who::Ada, "/admin/access?filter=VAU").await.text();
        assert!(list.contains("/admin/access?repo=vault") && !list.contains("repo=app"), "{list}");
        let nothing = world.get(Who::Ada, "/admin/access?filter=%25").await.text();
        assert!(nothing.contains("holds “%”") || nothing.contains("holds"), "{nothing}");
        assert_eq!(world.get(Who::Ada, "/admin/access?repo=nothing").await.status, 404);

        let here = "/admin/access";
        let page = after(&world, here, "repo=vault&act=grant&who=bob").await;
        assert!(page.contains("/admin/access/bob") && page.contains("granted in person"), "{page}");
        assert_eq!(world.get(Who::Bob, "/r/vault").await.status, 200);
        after(&world, here, "repo=vault&act=revoke&who=bob").await;
        assert_eq!(world.get(Who::Bob, "/r/vault").await.status, 404);
        let page = after(&world, here, "repo=vault&act=grant&who=New@Example.org").await;
        assert!(page.contains("new@example.org") && page.contains("waits"), "{page}");
        let page = after(&world, here, "repo=vault&act=forget&who=new@example.org").await;
        assert!(!page.contains("new@example.org"));
        after(&world, here, "repo=vault&act=open").await;
        assert_eq!(world.get(Who::Bob, "/r/vault").await.status, 200);
        after(&world, here, "repo=vault&act=close").await;
        assert_eq!(world.get(Who::Bob, "/r/vault").await.status, 404);
        for (form, says) in [
            ("repo=vault&act=grant&who=a@", "address"),
            ("repo=vault&act=grant&who=No+Name", "name"),
            ("repo=vault&act=grant-group&group=nothing", "no such group"),
        ] {
            let refused = world.post(Who::Ada, here, form).await;
            assert!(refused.status == 422 && refused.text().contains(says), "{form}: {}", refused.text());
        }
        assert_eq!(world.post(Who::Ada, here, "repo=nothing&act=open").await.status, 404);
        assert_eq!(world.post(Who::Ada, here, "repo=vault&act=nothing").await.status, 404);
        let log = world.get(Who::Ada, "/admin/audit").await.text();
        assert!(log.contains("vault"), "{log}");
    });
}

/// P7: a fact has a source and an age, and the page says when it does not count any more.
#[test]
fn what_a_host_states_is_told_with_its_age() {
    run(async {
        let world = World::new(Secret::Exists).await;
        let (host, account) = (HostId("h1".into()), AccountId::new("77").unwrap());
        world.store.set_permission_source(&host, BOUND_DEFAULT).await.unwrap();
        world.store.link_identity(&host, &account, world.bob().id, "bobby").await.unwrap();
        let vault: RepoSet = [repo(&world, "vault").await].into_iter().collect();
        let now = access::Clock::now(&*world.clock);
        world.store.apply_account_repositories(&host, &Reader::Account(account), &vault, now).await.unwrap();
        let page = world.get(Who::Ada, "/admin/access?repo=vault&filter=bob").await.text();
        assert!(page.contains("code host h1") && page.contains("believed for 15 min"), "{page}");
        assert!(world.get(Who::Ada, "/admin/access/bob").await.text().contains("bobby"));
        assert!(world.get(Who::Bob, "/account/access").await.text().contains("vault"));
        world.clock.advance(Duration::from_secs(16 * 60));
        for page in ["/admin/access?repo=vault&filter=bob", "/admin/access/bob?filter=vault"] {
            let page = world.get(Who::Ada, page).await.text();
            assert!(page.contains("too old") && page.contains("nothing"), "{page}");
        }
        // To oneself not even the name is told any more.
        let own = world.get(Who::Bob, "/account/access").await.text();
        assert!(!own.contains("vault") && own.contains("app"), "{own}");
    });
}

#[test]
fn path_rules_are_written_as_text() {
    run(async {
        let world = World::new(Secret::Exists).await;
        assert_eq!(world.get(Who::Ada, "/admin/rules").await.header("location"), "/admin/access");
        let empty = world.get(Who::Ada, "/admin/rules?repo=app").await.text();
        assert!(empty.contains("No rules"), "{empty}");
        let here = "/admin/rules";
        let bad = "repo=app&act=save&for=account&name=bob&rules=src/%0A%0A-%0A!x&tries=";
        let refused = world.post(Who::Ada, here, bad).await;
        let text = refused.text();
        assert!(refused.status == 422 && text.contains("Line 3:") && text.contains("Line 4:"), "{text}");
        assert_eq!(world.get(Who::Bob, "/r/app/-/blob/README.md").await.status, 200, "nothing is set");
        let preview = "repo=app&act=preview&for=account&name=bob&rules=src/%0A-*.c&tries=src/x.c%0Adocs/y";
        let preview = world.post(Who::Ada, here, preview).await.text();
        assert!(
            preview.contains("line 2: <code>-*.c</code>") && preview.contains("no rule matches"),
            "{preview}"
        );
        assert!(
            preview.contains("<strong>1</strong> of 8 files") && preview.contains("<li>src/main.rs</li>"),
            "{preview}"
        );
        assert_eq!(world.get(Who::Bob, "/r/app/-/blob/README.md").await.status, 200, "nothing is set");

        let page =
            after(&world, here, "repo=app&act=save&for=account&name=bob&rules=src/%0A-*.c&tries=").await;
        assert!(page.contains("-*.c"), "{page}");
        assert_eq!(world.get(Who::Bob, "/r/app/-/blob/README.md").await.status, 404);
        assert_eq!(world.get(Who::Bob, "/r/app/-/blob/src/main.rs").await.status, 200);
        let sees = world.get(Who::Ada, "/admin/rules?repo=app&as=bob").await.text();
        assert!(sees.contains("What bob sees") && sees.contains("<strong>1</strong> of 8 files"), "{sees}");
        assert!(world.get(Who::Bob, "/account/access").await.text().contains("some paths"));
        after(&world, here, "repo=app&act=clear&for=account&name=bob&rules=&tries=").await;
        assert_eq!(world.get(Who::Bob, "/r/app/-/blob/README.md").await.status, 200);
        for whom in ["for=account&name=nobody", "for=group&name=nobody", "for=group&name=NO"] {
            let form = format!("repo=app&act=save&{whom}&rules=src/");
            assert_eq!(world.post(Who::Ada, here, &form).await.status, 422, "{whom}");
        }
    });
}

/// A role shows names and never what is in a repository: the paths of one that its holder does not read are content.
#[test]
fn who_looks_after_permissions_reads_no_paths_by_that() {
    run(async {
        let world = World::new(Secret::Exists).await;
        let role = RoleName::new("sharing").unwrap();
        let capabilities = access::Capabilities::of([Capability::ManagePermissions]);
        world.store.save_role(&role, "", capabilities).await.unwrap();
        let bob = UserName::new("bob").unwrap();
        let bob = world.store.user_by_name(&bob).await.unwrap().unwrap();
        world.store.set_role(bob.id, RoleChoice::Named(role)).await.unwrap();
        let (secret, _) = world.store.start_session(bob.id, store::SessionLimits::default()).await.unwrap();
        let cookie = format!("sourcekeep={}", secret.reveal());
        let ask = async |method: &str, target: &str, form: &str| {
            let headers = [
                ("accept", "text/html"),
                ("origin", "http://127.0.0.1:7080"),
                ("content-type", "application/x-www-form-urlencoded"),
                ("cookie", cookie.as_str()),
            ];
            world.ask(Who::Stranger, method, target, &headers, form.to_owned().into()).await
        };
        assert!(ask("GET", "/admin/access", "").await.text().contains("vault"), "names are theirs to see");
        let preview = "repo=vault&act=preview&for=everyone&name=&rules=**&tries=secret.txt";
        let preview = ask("POST", "/admin/rules", preview).await;
        let text = preview.text();
        assert!(preview.status == 200 && text.contains("You do not read vault"), "{text}");
        assert!(!text.contains("only.zig"), "{text}");
        assert_eq!(ask("GET", "/r/vault", "").await.status, 404);
        // Ada looks after permissions, too: Bob asks her.
        for (target, form) in [
            ("/admin/access", "repo=vault&act=grant&who=bob"),
            ("/admin/rules", "repo=app&act=save&for=account&name=bob&rules=**"),
        ] {
            let refused = ask("POST", target, form).await;
            assert!(refused.status == 422 && refused.text().contains("somebody else"), "{}", refused.text());
        }
        let group = GroupName::new("core").unwrap();
        world.store.create_group(&group, "").await.unwrap();
        assert_eq!(ask("POST", "/admin/groups/core", "act=add&account=bob").await.status, 422);
        assert_eq!(ask("GET", "/admin/users", "").await.status, 403);
    });
}

#[test]
fn an_account_is_linked_and_its_tokens_revoked() {
    run(async {
        let world = World::new(Secret::Exists).await;
        world.store.set_permission_source(&HostId("h1".into()), BOUND_DEFAULT).await.unwrap();
        let here = "/admin/users/bob";
        let page = after(&world, &format!("{here}/link-identity"), "host=h1&account=77&login=bobby").await;
        assert!(page.contains("bobby") && page.contains("Changed."), "{page}");
        let bad = world.post(Who::Ada, &format!("{here}/link-identity"), "host=h1&account=&login=").await;
        assert_eq!(bad.status, 422);
        let taken = world.post(Who::Ada, "/admin/users/ada/link-identity", "host=h1&account=77&login=").await;
        assert!(taken.status == 422 && taken.text().contains("another person"), "{}", taken.text());
        let odd =
            world.post(Who::Ada, &format!("{here}/link-identity"), "host=nowhere&account=1&login=").await;
        assert_eq!(odd.status, 422);
        after(&world, &format!("{here}/unlink-identity"), "host=h1").await;
        assert_eq!(world.post(Who::Ada, &format!("{here}/unlink-identity"), "host=h1").await.status, 404);
        after(&world, &format!("{here}/confirm-address"), "address=bob@example.org").await;
        assert!(world.get(Who::Ada, here).await.text().contains("bob@example.org"));
        let slip = world.post(Who::Ada, &format!("{here}/confirm-address"), "address=bob%22%3Cb%3E").await;
        assert_eq!(slip.status, 422);
        assert!(
            slip.text().contains("type=\"email\" value=\"bob&#34;&#60;b&#62;\""),
            "it stays: {}",
            slip.text()
        );
        assert_eq!(world.api(Who::BobsToken, "/api/v1/status").await.status, 200);
        for token in world.store.tokens_of(world.bob().id).await.unwrap() {
            after(&world, &format!("{here}/revoke-token"), &format!("token={}", token.id.0)).await;
        }
        assert_eq!(world.api(Who::BobsToken, "/api/v1/status").await.status, 401);
        assert_eq!(world.post(Who::Ada, &format!("{here}/role"), "role=member&name=x").await.status, 400);
        assert_eq!(world.bob().role, Role::Member);
    });
}

#[test]
fn people_are_filtered() {
    run(async {
        let world = World::new(Secret::Exists).await;
        world.post(Who::Ada, "/admin/users", "name=zoe").await;
        let names = async |query: &str| {
            let page = world.get(Who::Ada, &format!("/admin/users?{query}")).await.text();
            ["ada", "bob", "zoe"]
                .into_iter()
                .filter(|name| page.contains(&format!("\"/admin/users/{name}\"")))
                .collect::<Vec<_>>()
        };
        assert_eq!(names("").await, ["ada", "bob", "zoe"]);
        assert_eq!(names("state=invited").await, ["zoe"]);
        assert_eq!(names("role=administrator").await, ["ada"]);
        assert_eq!(names("factor=no&filter=b").await, ["bob"]);
        assert!(names("factor=yes").await.is_empty());
        assert_eq!(names("state=odd").await, ["ada", "bob", "zoe"]);
    });
}
