//! The same sequence of calls gives the same answers on both databases.

use crate::world::{Backend, PASSWORD, Repeatable, World, block_on, local, manifest, user_name};
use access::{Actor, ClientAddress, Password, Role, Scope, Token};
use model::{RepoId, UserId};
use proptest::prelude::*;
use serde_json::json;
use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use store::{
    Adder, ClaimRequest, ClaimedJob, Generation, ListRepositories, NewJob, NewToken, NewUser, RepoCursor,
    WorkerId,
};

#[derive(Clone, Debug)]
enum Call {
    AddRepository { name: u8, adder: Option<u8> },
    RemoveRepository { repo: u8 },
    Unrestrict { repo: u8, on: bool },
    List { user: u8, after: Option<u8>, limit: u8 },
    Publish { repo: u8, generation: u8, files: Vec<u8> },
    Discarded,
    CreateUser { name: u8, administrator: bool },
    SetRole { user: u8, administrator: bool },
    Disable { user: u8, disabled: bool },
    SignIn { user: u8, right: bool },
    CreateToken { user: u8 },
    AskToken { token: u8 },
    RevokeToken { user: u8 },
    Grant { repo: u8, user: u8 },
    Revoke { repo: u8, user: u8 },
    Enqueue { repo: Option<u8>, key: Option<u8>, host: Option<u8>, priority: i8 },
    Claim,
    End { job: u8, how: u8 },
    Pass { seconds: u16 },
    SetupLink,
}

fn call() -> impl Strategy<Value = Call> {
    let few = 0u8..4;
    let maybe = || proptest::option::of(0u8..3);
    prop_oneof![
        (0u8..6, maybe()).prop_map(|(name, adder)| Call::AddRepository { name, adder }),
        few.clone().prop_map(|repo| Call::RemoveRepository { repo }),
        (few.clone(), any::<bool>()).prop_map(|(repo, on)| Call::Unrestrict { repo, on }),
        (few.clone(), maybe(), 0u8..4).prop_map(|(user, after, limit)| Call::List { user, after, limit }),
        (few.clone(), 0u8..3, proptest::collection::vec(0u8..5, 0..4))
            .prop_map(|(repo, generation, files)| Call::Publish { repo, generation, files }),
        Just(Call::Discarded),
        (few.clone(), any::<bool>())
            .prop_map(|(name, administrator)| Call::CreateUser { name, administrator }),
        (few.clone(), any::<bool>()).prop_map(|(user, administrator)| Call::SetRole { user, administrator }),
        (few.clone(), any::<bool>()).prop_map(|(user, disabled)| Call::Disable { user, disabled }),
        (few.clone(), any::<bool>()).prop_map(|(user, right)| Call::SignIn { user, right }),
        few.clone().prop_map(|user| Call::CreateToken { user }),
        few.clone().prop_map(|token| Call::AskToken { token }),
        few.clone().prop_map(|user| Call::RevokeToken { user }),
        (few.clone(), few.clone()).prop_map(|(repo, user)| Call::Grant { repo, user }),
        (few.clone(), few.clone()).prop_map(|(repo, user)| Call::Revoke { repo, user }),
        (maybe(), maybe(), maybe(), -1i8..2).prop_map(|(repo, key, host, priority)| Call::Enqueue {
            repo,
            key,
            host,
            priority
        }),
        Just(Call::Claim),
        (few.clone(), 0u8..5).prop_map(|(job, how)| Call::End { job, how }),
        (0u16..200).prop_map(|seconds| Call::Pass { seconds }),
        Just(Call::SetupLink),
    ]
}

/// One database's side: the world, and what earlier calls returned, by which later ones name things. Numbers of rows are
/// not compared: a database may skip some.
struct Side {
    world: World,
    repos: Vec<RepoId>,
    users: Vec<UserId>,
    tokens: Vec<Token>,
    jobs: Vec<ClaimedJob>,
}

impl Side {
    async fn new(backend: Backend) -> Side {
        let world = World::new(backend, Arc::new(Repeatable::default())).await;
        Side { world, repos: vec![], users: vec![], tokens: vec![], jobs: vec![] }
    }

    fn repo(&self, idx: u8) -> RepoId {
        self.repos.get(usize::from(idx)).copied().unwrap_or(RepoId(4_000_000_000))
    }

    fn user(&self, idx: u8) -> UserId {
        self.users.get(usize::from(idx)).copied().unwrap_or(UserId(4_000_000_000))
    }

    fn place(&self, repo: RepoId) -> Option<usize> {
        self.repos.iter().position(|known| *known == repo)
    }

    /// Makes the call and tells what a caller would notice.
    async fn make(&mut self, call: &Call) -> String {
        match call.clone() {
            Call::AddRepository { name, adder } => self.add_repository(name, adder).await,
            Call::RemoveRepository { repo } => {
                shown(self.world.store.remove_repository(self.repo(repo)).await)
            }
            Call::Unrestrict { repo, on } => {
                shown(self.world.store.set_unrestricted(self.repo(repo), on).await)
            }
            Call::List { user, after, limit } => self.list(user, after, limit).await,
            Call::Publish { repo, generation, files } => self.publish(repo, generation, files).await,
            Call::Discarded => {
                let all = self.world.store.maintenance().discarded(100).await.unwrap();
                let places =
                    all.into_iter().map(|record| (self.place(record.repo), record.what)).collect::<Vec<_>>();
                format!("{places:?}")
            }
            Call::CreateUser { name, administrator } => self.create_user(name, administrator).await,
            Call::SetRole { user, administrator } => {
                shown(self.world.store.set_role(self.user(user), role(administrator)).await)
            }
            Call::Disable { user, disabled } => {
                shown(self.world.store.set_disabled(self.user(user), disabled).await)
            }
            Call::SignIn { user, right } => self.sign_in(user, right).await,
            Call::CreateToken { user } => self.create_token(user).await,
            Call::AskToken { token } => self.ask_token(token).await,
            Call::RevokeToken { user } => {
                let user = self.user(user);
                let tokens = self.world.store.tokens_of(user).await.unwrap();
                match tokens.first() {
                    Some(token) => shown(self.world.store.revoke_token(user, &token.id).await),
                    None => "no token".into(),
                }
            }
            Call::Grant { repo, user } => {
                shown(self.world.store.grant(self.repo(repo), self.user(user)).await)
            }
            Call::Revoke { repo, user } => {
                shown(self.world.store.revoke(self.repo(repo), self.user(user)).await)
            }
            Call::Enqueue { repo, key, host, priority } => self.enqueue(repo, key, host, priority).await,
            Call::Claim => self.claim().await,
            Call::End { job, how } => self.end(job, how).await,
            Call::Pass { seconds } => {
                self.world.pass(u64::from(seconds));
                String::new()
            }
            Call::SetupLink => {
                shown(self.world.store.create_setup_link(Duration::from_secs(60)).await.map(drop))
            }
        }
    }

    async fn add_repository(&mut self, name: u8, adder: Option<u8>) -> String {
        let adder = adder.and_then(|user| self.users.get(usize::from(user)));
        let adder = adder.map_or(Adder::LocalOperator, |user| Adder::User(*user));
        match self.world.store.add_repository(local(&format!("tool{name}")), adder).await {
            Ok(added) => {
                if added.is_new {
                    self.repos.push(added.repository.id);
                }
                format!("{} {} {:?}", added.is_new, added.repository.name, added.repository.status)
            }
            Err(error) => error.to_string(),
        }
    }

    async fn list(&self, user: u8, after: Option<u8>, limit: u8) -> String {
        let after = after.map(|name| RepoCursor(local(&format!("tool{name}")).names.remove(0)));
        let list = ListRepositories { after, limit: u32::from(limit) };
        let actor = match self.world.store.user(self.user(user)).await.unwrap() {
            Some(user) => self.world.actor_if_usable(&user).await,
            None => Some(Actor::LOCAL_OPERATOR),
        };
        let Some(actor) = actor else { return "no session".into() };
        let access = self.world.store.access_set(&actor).await.unwrap();
        let page = self.world.store.repositories(&access, &list).await.unwrap();
        let rows =
            page.repositories.iter().map(|row| (&row.name, row.status, row.indexed_at)).collect::<Vec<_>>();
        format!("{:?} {rows:?} {:?}", access.epoch(), page.next)
    }

    async fn publish(&self, repo: u8, generation: u8, files: Vec<u8>) -> String {
        let names: Vec<String> = files.iter().map(|file| format!("s{file}")).collect();
        let segments: Vec<&str> = names.iter().map(String::as_str).collect();
        let new = manifest(&format!("r{generation}"), &segments);
        let maintenance = self.world.store.maintenance();
        let outcome =
            maintenance.publish_manifest(self.repo(repo), Generation(u64::from(generation)), new).await;
        let read = maintenance.manifest(self.repo(repo)).await.unwrap();
        format!("{} {:?}", shown(outcome), read.map(|manifest| (manifest.generation, manifest.segments)))
    }

    async fn create_user(&mut self, name: u8, administrator: bool) -> String {
        let password = Some(Password::new(PASSWORD));
        let new = NewUser { name: user_name(&format!("ada{name}")), password, role: role(administrator) };
        match self.world.store.create_user(new).await {
            Ok(user) => {
                self.users.push(user.id);
                user.name.to_string()
            }
            Err(error) => error.to_string(),
        }
    }

    async fn sign_in(&self, user: u8, right: bool) -> String {
        let password = Password::new(if right { PASSWORD } else { "a wrong password, this" });
        let address = ClientAddress::from(IpAddr::from([192, 0, 2, 1]));
        let outcome = self.world.store.authenticate(&format!("ada{user}"), &password, address).await;
        shown(outcome.map(|user| user.name))
    }

    async fn create_token(&mut self, user: u8) -> String {
        let new = NewToken { user: self.user(user), label: String::new(), scope: Scope::FULL };
        match self.world.store.create_token(new).await {
            Ok((token, info)) => {
                self.tokens.push(token);
                info.id.to_string()
            }
            Err(error) => error.to_string(),
        }
    }

    async fn ask_token(&self, token: u8) -> String {
        let Some(token) = self.tokens.get(usize::from(token)) else { return "no token".into() };
        let actor = self.world.store.actor_by_token(token).await.unwrap();
        shown::<_, String>(Ok(actor.map(|actor| (actor.name().to_owned(), actor.is_administrator()))))
    }

    async fn enqueue(&self, repo: Option<u8>, key: Option<u8>, host: Option<u8>, priority: i8) -> String {
        let new = NewJob {
            kind: "index".into(),
            repo: repo.map(|repo| self.repo(repo)),
            payload: json!({"key": key, "repo": repo}),
            priority: i32::from(priority),
            dedupe_key: key.map(|key| format!("key{key}")),
            host: host.map(|host| format!("host{host}")),
            run_after: None,
        };
        let enqueued = self.world.store.jobs().enqueue(new).await;
        shown(enqueued.map(|enqueued| enqueued.is_new))
    }

    async fn claim(&mut self) -> String {
        let request = ClaimRequest {
            worker: WorkerId::draw(),
            kinds: vec!["index".into()],
            lease: Duration::from_secs(60),
            n_per_host_max: 1,
        };
        let claimed = self.world.store.jobs().claim(&request).await.unwrap();
        let told = claimed.as_ref().map(|job| (job.payload.clone(), job.n_failures, job.lease_until));
        self.jobs.extend(claimed);
        format!("{told:?} {:?}", self.world.store.jobs().counts().await.unwrap())
    }

    async fn end(&mut self, job: u8, how: u8) -> String {
        let Some(job) = self.jobs.get(usize::from(job)) else { return "no job".into() };
        let jobs = self.world.store.jobs();
        let outcome = match how {
            0 => shown(jobs.complete(job).await),
            1 => shown(jobs.fail(job, "no route").await),
            2 => shown(jobs.give_up(job, "not a repository").await),
            3 => shown(jobs.release(job).await),
            _ => shown(jobs.heartbeat(job, Duration::from_secs(60)).await),
        };
        format!("{outcome} {:?}", jobs.counts().await.unwrap())
    }
}

fn role(administrator: bool) -> Role {
    if administrator { Role::Administrator } else { Role::Member }
}

fn shown<T: Debug, E: ToString>(outcome: Result<T, E>) -> String {
    match outcome {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn both_databases_answer_alike(calls in proptest::collection::vec(call(), 1..60)) {
        block_on(async {
            let mut sqlite = Side::new(Backend::Sqlite).await;
            let mut postgres = Side::new(Backend::Postgres).await;
            for (number, call) in calls.iter().enumerate() {
                let (one, other) = (sqlite.make(call).await, postgres.make(call).await);
                prop_assert_eq!(one, other, "call {}: {:?}", number, call);
            }
            let epochs = (sqlite.world.store.epoch().await.unwrap(), postgres.world.store.epoch().await.unwrap());
            prop_assert_eq!(epochs.0, epochs.1);
            sqlite.world.store.close().await;
            postgres.world.store.close().await;
            Ok(())
        })?;
    }
}
