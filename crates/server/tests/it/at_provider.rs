//! A server with an identity provider, and what browsers do at both.

use crate::second_factors::Browser;
use crate::world::{Answer, Secret, World};
use access::{Clock as _, ManualClock, Timestamp};
use egress::Egress;
use oidc::{NewAccounts, Provider, ProviderOptions, SecondFactorTrust};
use secrecy::SecretString;
use server::ServerConfig;
use std::sync::Arc;
use std::time::Duration;
use store::{AuditFilter, ProviderIdentity, User};
use testkit::identity_provider::{CLIENT_ID, CLIENT_SECRET, StubProvider};

pub(crate) const HERE: &str = "http://127.0.0.1:7080";
pub(crate) const NOW: Timestamp = Timestamp(1_767_225_600_000);

/// A server with a provider, `stub`.
pub(crate) struct At {
    pub(crate) world: World,
    pub(crate) stub: StubProvider,
    pub(crate) clock: Arc<ManualClock>,
}

impl At {
    pub(crate) async fn new() -> At {
        At::with(|_| {}, ServerConfig::default()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut ProviderOptions), config: ServerConfig) -> At {
        let clock = Arc::new(ManualClock::at(NOW));
        let stub = start(&clock).await;
        let mut options = options("stub", &stub);
        change(&mut options);
        let provider = Provider::new(options, &Egress::unrecorded(), clock.clone()).expect("a provider");
        let mut providers = config.providers.clone();
        providers.insert(0, Arc::new(provider));
        let config = ServerConfig { providers, ..config };
        At { world: World::with_config(Secret::DoesNotExist, config).await, stub, clock }
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.world.clock.advance(Duration::from_secs(seconds));
    }

    /// Presses a button that leads to the provider, and comes back.
    pub(crate) async fn there_and_back(&self, browser: &mut Browser<'_>, button: &str, form: &str) -> Answer {
        let sent = browser.post(button, form).await;
        assert_eq!(sent.status, 200, "{}", sent.text());
        browser.get(&self.visit(&sent)).await
    }

    pub(crate) async fn sign_in(&self, browser: &mut Browser<'_>) -> Answer {
        self.there_and_back(browser, "/sign-in/provider/stub", "return_to=/repos").await
    }

    /// Where the provider sends a browser back to, as a path of ours.
    pub(crate) fn visit(&self, sent: &Answer) -> String {
        let back = self.stub.visit(there(sent));
        back.strip_prefix(HERE).expect("an address of ours").to_owned()
    }

    /// Links an account here with one there.
    pub(crate) async fn link(&self, user: &User, subject: &str) {
        self.world.store.link_provider(user.id, &self.identity(subject)).await.expect("a link");
    }

    pub(crate) fn identity(&self, subject: &str) -> ProviderIdentity {
        let (issuer, subject) = (self.stub.issuer().to_owned(), subject.to_owned());
        ProviderIdentity { issuer, subject, label: "Somebody".into() }
    }

    pub(crate) async fn log(&self) -> String {
        let entries =
            self.world.store.audit_entries(&AuditFilter::default(), None, 200).await.expect("a log");
        entries.iter().map(|entry| format!("{entry:?}\n")).collect()
    }
}

pub(crate) async fn start(clock: &Arc<ManualClock>) -> StubProvider {
    let clock = Arc::clone(clock);
    StubProvider::start(Arc::new(move || clock.now().0 / 1000)).await
}

pub(crate) fn options(id: &str, stub: &StubProvider) -> ProviderOptions {
    ProviderOptions {
        id: id.into(),
        name: "Stub".into(),
        issuer: stub.issuer().into(),
        client_id: CLIENT_ID.into(),
        client_secret: Some(Arc::new(|| Ok(SecretString::from(CLIENT_SECRET)))),
        scopes: vec!["email".into()],
        networks: vec!["127.0.0.0/8".parse().expect("a network")],
        second_factor: SecondFactorTrust::Never,
        new_accounts: NewAccounts::Nobody,
        code_host: None,
    }
}

/// Where a page sends the browser by itself.
pub(crate) fn there(sent: &Answer) -> &str {
    sent.header("refresh").strip_prefix("0; url=").unwrap_or_else(|| panic!("{}", sent.text()))
}

pub(crate) fn everybody(options: &mut ProviderOptions) {
    options.new_accounts = NewAccounts::Anybody;
}
