//! From a request to whoever sent it: cookie or token → actor → what they may read at this moment.

use crate::failure::Failure;
use crate::recording::Notes;
use crate::session_cookie;
use crate::shell::{AdminPage, Shell};
use crate::state::AppState;
use crate::visitor::client_address;
use access::audit::Origin;
use access::{Actor, ClientAddress, SessionId, SessionSecret, Token, UserName, Via};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use model::{AccessSet, UserId};
use std::net::IpAddr;
use store::{Recognized, Store};

/// Whoever sent a request, and what they may read: found once per request by the route's door, used for all of it.
#[derive(Clone)]
pub(crate) struct Caller {
    /// Who.
    pub(crate) actor: Actor,
    /// What they may read.
    pub(crate) access: AccessSet,
    /// Light or dark, where the browser says which they chose.
    pub(crate) theme: Option<&'static str>,
    /// Whose acts theirs are in the audit log.
    pub(crate) origin: Origin,
    /// What the entry of this request in the audit log says besides.
    pub(crate) notes: Notes,
    /// Emergency access that goes on, for those who look after the instance.
    pub(crate) emergencies: Vec<String>,
    /// Whether their browser says that they do not want to be counted.
    pub(crate) asks_for_privacy: bool,
    /// The headers they were recognised by, to recognise them again while a stream runs.
    credentials: HeaderMap,
    /// From where.
    address: Option<IpAddr>,
}

impl Caller {
    pub(crate) fn new(
        actor: Actor,
        access: AccessSet,
        headers: &HeaderMap,
        address: Option<IpAddr>,
        theme: Option<&'static str>,
    ) -> Self {
        let mut credentials = HeaderMap::new();
        for name in [header::AUTHORIZATION, header::COOKIE] {
            for value in headers.get_all(&name) {
                credentials.append(name.clone(), value.clone());
            }
        }
        let origin = Origin::of(&actor);
        Caller {
            actor,
            access,
            theme,
            origin,
            notes: Notes::default(),
            emergencies: Vec::new(),
            asks_for_privacy: crate::usage::asks_for_privacy(headers),
            credentials,
            address,
        }
    }

    /// Whether they signed in with a browser.
    pub(crate) fn is_by_session(&self) -> bool {
        matches!(&self.actor.caller, access::Caller::User { via: Via::Session(_), .. })
    }

    /// What handlers share, acting for this caller: what is changed through it is theirs in the audit log.
    pub(crate) fn acting(&self, state: &AppState) -> AppState {
        state.acting(&self.origin)
    }

    /// Whether it is the same caller with what they could read at the same epoch.
    pub(crate) fn has_rights_of(&self, other: &Caller) -> bool {
        self.access.epoch() == other.access.epoch() && self.credentials == other.credentials
    }

    /// The frame of a page for this caller.
    pub(crate) fn shell(&self, title: &str, section: &'static str) -> Shell {
        Shell {
            title: format!("{title} · Sourcekeep"),
            user: Some(self.actor.name().to_owned()),
            theme: self.theme,
            section,
            query: Some(crate::paint::query_box("")),
            admin_pages: AdminPage::of(&self.actor),
            emergencies: self.emergencies.clone(),
        }
    }

    /// Recognises the caller anew, with the rights they have now. SECURITY: whoever is not just who the door let in, by role
    /// and scope, too, is nobody.
    pub(crate) async fn read_rights(&mut self, state: &AppState) -> Result<(), Failure> {
        match recognized(&self.credentials, self.address, state).await? {
            Some(now) if now.actor == self.actor => self.access = state.store.access_set_of(&now).await?,
            _ => return Err(Failure::NotSignedIn),
        }
        Ok(())
    }

    /// Whether what was found under this caller's rights may still be sent to them. Asked before every piece of a stream.
    ///
    /// SECURITY: as long as the epoch stands, nothing changed for anybody but by time, which the set tells itself. When
    /// either is over, the caller is recognised anew: a session or token that ended, a repository or a path that is no
    /// longer theirs, or a statement of a code host that is too old by now, ends the stream.
    pub(crate) async fn still_may(&mut self, state: &AppState) -> bool {
        let is_over = self.access.ends_at_ms().is_some_and(|ends_at| ends_at <= state.clock.now().0);
        match state.store.epoch().await {
            Ok(epoch) if epoch == self.access.epoch() && !is_over => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
        let Ok(Some(now)) = recognized(&self.credentials, self.address, state).await else { return false };
        let Ok(access) = state.store.access_set_of(&now).await else { return false };
        if self.access.is_within(&access) && now.actor.user_id() == self.actor.user_id() {
            self.access = access;
            return true;
        }
        false
    }
}

/// A caller who signed in with a browser: no token. What concerns an account alone takes this.
pub(crate) struct BySession {
    /// The caller.
    pub(crate) caller: Caller,
    /// Their account.
    pub(crate) user: UserId,
    /// Its name.
    pub(crate) name: UserName,
    /// Their session.
    pub(crate) session: SessionId,
    /// What their cookie holds.
    pub(crate) secret: SessionSecret,
    /// Where they are.
    pub(crate) address: ClientAddress,
    /// The store, acting for them: what is changed through it stands in the audit log as theirs.
    pub(crate) store: Store,
}

impl BySession {
    /// Their account, by number and name.
    pub(crate) fn account(&self) -> (UserId, &UserName) {
        (self.user, &self.name)
    }
}

/// A caller who signed in with a browser and proved within the last ten minutes who they are. SECURITY: what changes accounts,
/// credentials, rights or the server's settings takes this, so that a stolen cookie or an unattended screen cannot do it,
/// nor any token. Whoever is not fresh is sent to `/step-up` and back.
pub(crate) struct SteppedUp(pub(crate) BySession);

impl FromRequestParts<AppState> for BySession {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Failure> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let refused = Failure::NotAllowed(crate::routes::BROWSERS_ONLY);
        let Actor { caller: access::Caller::User { id, name, via: Via::Session(session), .. }, .. } =
            caller.actor.clone()
        else {
            return Err(refused);
        };
        let secret = session_cookie::read(&parts.headers, state.config.is_https()).ok_or(refused)?;
        let address = client_address(&parts.extensions, &parts.headers, &state.config).into();
        let store = state.store.by(caller.origin.clone());
        Ok(BySession { caller, user: id, name, session, secret, address, store })
    }
}

impl FromRequestParts<AppState> for SteppedUp {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Failure> {
        let by_session = BySession::from_request_parts(parts, state).await?;
        match state.store.is_fresh(&by_session.session).await? {
            true => Ok(SteppedUp(by_session)),
            false => Err(Failure::NotFresh),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.ok_or_else(|| Failure::internal("this route has a caller and no door"))
    }
}

/// Who sent these headers. SECURITY: where a token is sent it alone counts, so that a page of another site cannot lend a
/// token the rights of a cookie, and a wrong token never falls back to one.
///
/// This is the one place where a credential becomes an actor, by whichever way it was sent; so its scope, its end and the
/// networks it may be used from are looked at here and nowhere else.
pub(crate) async fn recognized(
    headers: &HeaderMap,
    address: Option<IpAddr>,
    state: &AppState,
) -> Result<Option<Recognized>, Failure> {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    match (sent.next(), sent.next()) {
        (None, _) => {}
        (Some(value), None) => return by_token(value.to_str().unwrap_or(""), address, state).await,
        (Some(_), Some(_)) => return Ok(None),
    }
    match session_cookie::read(headers, state.config.is_https()) {
        Some(secret) => Ok(state.store.recognize_session(&secret).await?),
        None => Ok(None),
    }
}

/// Who sent these headers, for those who ask nothing of the index.
pub(crate) async fn actor_of(
    headers: &HeaderMap,
    address: Option<IpAddr>,
    state: &AppState,
) -> Result<Option<Actor>, Failure> {
    Ok(recognized(headers, address, state).await?.map(|recognized| recognized.actor))
}

/// The theme a browser asks for.
pub(crate) fn theme_of(headers: &HeaderMap) -> Option<&'static str> {
    match session_cookie::values(headers, "theme").next()? {
        "light" => Some("light"),
        "dark" => Some("dark"),
        _ => None,
    }
}

async fn by_token(
    authorization: &str,
    address: Option<IpAddr>,
    state: &AppState,
) -> Result<Option<Recognized>, Failure> {
    let Some((scheme, secret)) = authorization.split_once(' ') else { return Ok(None) };
    // `token` is how clients of other code search servers send theirs.
    if !scheme.eq_ignore_ascii_case("bearer") && !scheme.eq_ignore_ascii_case("token") {
        return Ok(None);
    }
    match Token::parse(secret.trim()) {
        Ok(token) => {
            let recognized = state.store.recognize_token(&token).await?;
            // SECURITY: from elsewhere a token is as unknown as an invented one.
            Ok(recognized.filter(|recognized| recognized.actor.scope.allows_address(address)))
        }
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Deps, ServerConfig};
    use access::{ManualClock, Password, PasswordCost, Role, SystemRandomness, Timestamp, UserName};
    use axum::http::HeaderValue;
    use model::{RepoId, RepoName};
    use std::sync::Arc;
    use store::{Adder, NewRepository, NewUser, SessionLimits, Source, Store, StoreUrl, User, Visibility};

    struct World {
        state: AppState,
        user: User,
        repo: RepoId,
        _dir: tempfile::TempDir,
    }

    /// One account that may read one repository; nothing is indexed.
    async fn world() -> World {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = mirror::DataDir::create(dir.path()).unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp(1)));
        let options = store::Options {
            clock: clock.clone(),
            randomness: Arc::new(SystemRandomness),
            password_cost: PasswordCost::FOR_TESTS,
            ..store::Options::default()
        };
        let store = Store::open_with(&StoreUrl::file(data_dir.database()), options).await.unwrap();
        let password = Some(Password::new("four unrelated words here"));
        let new = NewUser { name: UserName::new("ada").unwrap(), password, role: Role::Member };
        let user = store.create_user(new).await.unwrap();
        let new = NewRepository {
            names: vec![RepoName::new("app").unwrap()],
            source: Source::Local("/nonexistent".into()),
            visibility: Visibility::Private,
            unrestricted: false,
            fork: false,
            archived: false,
        };
        let repo = store.add_repository(new, Adder::User(user.id)).await.unwrap().repository.id;
        let exports = export::Exports::new(export::ExportOptions {
            store: store.clone(),
            catalog: Arc::default(),
            searcher: Arc::new(search::Searcher::new(1).unwrap()),
            folder: data_dir.exports(),
            clock: clock.clone(),
            formats: crate::export_formats(),
            limits: export::ExportLimits::default(),
        });
        let hosts = hosts::SyncWorker::new(hosts::SyncOptions {
            store: store.clone(),
            around: hosts::Surroundings {
                egress: egress::Egress::unrecorded(),
                clock: clock.clone(),
                git: git::GitProgramOptions::default(),
                schemes: git::Schemes::default(),
            },
            queue: Arc::new(|_| Box::pin(async { Ok(()) })),
            credentials: hosts::CredentialBook::default(),
        });
        let uploads = uploads::Uploads::new(uploads::UploadOptions {
            store: store.clone(),
            folder: data_dir.precise(),
            open: Arc::new(|_| None),
            clock: clock.clone(),
            limits: uploads::UploadLimits::default(),
        });
        let deps = Deps {
            uploads,
            hosts,
            store,
            exports,
            catalog: Arc::default(),
            searcher: Arc::new(search::Searcher::new(1).unwrap()),
            board: mirror::Board::new(),
            data_dir,
            git: git::OpenOptions::default(),
            clock,
        };
        World { state: AppState::new(ServerConfig::default(), deps), user, repo, _dir: dir }
    }

    /// Somebody who has just begun to read a stream.
    async fn reader(world: &World) -> (Caller, access::SessionSecret) {
        let store = &world.state.store;
        let (secret, _) = store.start_session(world.user.id, SessionLimits::default()).await.unwrap();
        let mut headers = HeaderMap::new();
        let cookie = format!("sourcekeep={}", secret.reveal());
        headers.insert(header::COOKIE, HeaderValue::from_str(&cookie).unwrap());
        let actor = actor_of(&headers, None, &world.state).await.unwrap().unwrap();
        let access = store.access_set(&actor).await.unwrap();
        assert!(access.allows(world.repo));
        (Caller::new(actor, access, &headers, None, None), secret)
    }

    #[tokio::test]
    async fn streams_outlive_what_does_not_concern_them() {
        let world = world().await;
        let (mut caller, _) = reader(&world).await;
        let (_, other) = reader(&world).await;
        assert!(caller.still_may(&world.state).await);
        world.state.store.end_session(&other).await.unwrap();
        assert!(caller.still_may(&world.state).await, "somebody else's session ended");
    }

    /// A revocation may be settled between reading somebody's rights and beginning to answer them.
    #[tokio::test]
    async fn rights_that_were_overtaken_are_read_again() {
        let world = world().await;
        let (mut caller, secret) = reader(&world).await;
        assert!(!world.state.in_flight.is_overtaken(&caller));
        let epoch = world.state.store.revoke(world.repo, world.user.id).await.unwrap();
        world.state.in_flight.settle(&world.state, epoch).await;
        assert!(world.state.in_flight.is_overtaken(&caller));
        caller.read_rights(&world.state).await.unwrap();
        assert!(!world.state.in_flight.is_overtaken(&caller) && !caller.access.allows(world.repo));
        world.state.store.end_session(&secret).await.unwrap();
        assert!(matches!(caller.read_rights(&world.state).await, Err(Failure::NotSignedIn)));
    }

    #[tokio::test]
    async fn streams_end_with_the_right_to_read() {
        let world = world().await;
        let (mut caller, _) = reader(&world).await;
        world.state.store.revoke(world.repo, world.user.id).await.unwrap();
        assert!(!caller.still_may(&world.state).await);
    }

    #[tokio::test]
    async fn streams_end_with_the_session() {
        let world = world().await;
        let (mut caller, secret) = reader(&world).await;
        world.state.store.end_session(&secret).await.unwrap();
        assert!(!caller.still_may(&world.state).await);
    }

    #[tokio::test]
    async fn streams_end_with_the_account() {
        let world = world().await;
        let (mut caller, _) = reader(&world).await;
        world.state.store.set_disabled(world.user.id, true).await.unwrap();
        assert!(!caller.still_may(&world.state).await);
    }
}
