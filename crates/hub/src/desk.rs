//! The hub's end: challenges, registrations, feeds, pings. No HTTP: `server::HubFront` calls it.

use crate::identity::{Fingerprint, digest_of};
use crate::ping::{bucket_of, is_open};
use crate::registration::{Act, CHALLENGE_VALID_FOR, Challenge, Receipt, Refusal, Statement};
use crate::{
    BadContent, Content, FeedHead, FeedKind, K, PingCheck, PingRefusal, Registered, SignedFeed, bundle,
};
use crate::{FEED_BYTES_MAX, VALID_FOR_MAX};
use access::{Clock, Randomness, RandomnessError, SystemRandomness};
use std::sync::Arc;
use std::time::Duration;
use store::{
    CountPingError, Fault, HubServer, NewHubServer, PingSum, PublishFeedError, RegisterError, SignerRole,
    Store, StoredFeed, UsedChallenge,
};
use tlog::{Signed, SigningKey, VerifyingKey};

/// What a hub does. Cloning shares it.
#[derive(Clone)]
pub struct Desk {
    store: Store,
    key: Arc<SigningKey>,
    verifying: VerifyingKey,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    pings: PingCheck,
}

/// A hub cannot be opened, or cannot do something.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// There is no key to sign with.
    #[error("a hub needs a master key to keep its own key under; there is none")]
    NoKey,
    /// No random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A registration is not taken.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// It is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A feed is not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Its content cannot be.
    #[error(transparent)]
    Content(#[from] BadContent),
    /// It is too long.
    #[error("a feed has at most {FEED_BYTES_MAX} bytes")]
    TooLong,
    /// The time it should hold is none.
    #[error("a feed holds for 1 to {} days", VALID_FOR_MAX.as_secs() / 86_400)]
    ValidFor,
    /// It was not kept.
    #[error(transparent)]
    Store(#[from] PublishFeedError),
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A ping is not counted.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// It is refused.
    #[error(transparent)]
    Refused(#[from] PingRefusal),
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Desk {
    /// Opens the hub of a data directory; its key is made where there is none.
    pub async fn open(store: Store, clock: Arc<dyn Clock>) -> Result<Self, DeskError> {
        let key = store.instance_signer(SignerRole::Hub).await?.ok_or(DeskError::NoKey)?;
        let verifying = key.verifying_key();
        let (randomness, pings) = (Arc::new(SystemRandomness), Arc::new(Registered));
        Ok(Desk { store, key: Arc::new(key), verifying, clock, randomness, pings })
    }

    /// The same, counting the pings that this lets through.
    pub fn counting(self, pings: PingCheck) -> Self {
        Desk { pings, ..self }
    }

    /// The key to pin.
    pub fn key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// A challenge, for one registration. Nothing is kept of it.
    pub async fn challenge(&self) -> Result<Signed, DeskError> {
        let mut nonce = [0; 16];
        self.randomness.fill(&mut nonce)?;
        Ok(Challenge { nonce, issued: self.store.hub_now().await? }.sign(&self.key))
    }

    /// Takes a registration or a withdrawal, and gives a receipt.
    pub async fn take(&self, note: &Signed) -> Result<Signed, TakeError> {
        let statement = Statement::open(&self.verifying, note, self.store.hub_now().await?)?;
        let Challenge { nonce, issued } = statement.challenge;
        let used = UsedChallenge { nonce, issued, valid_for: CHALLENGE_VALID_FOR };
        let word = statement.act.word();
        let taken = match statement.act {
            Act::Register { name, contact } => {
                let server = NewHubServer {
                    public: statement.key,
                    folded: name.folded(),
                    name: name.as_str().to_owned(),
                    contact: contact.map(|contact| contact.as_str().to_owned()),
                };
                self.store.hub_register(server, used).await
            }
            Act::Withdraw => self.store.hub_withdraw(statement.key, used).await,
        };
        let receipt = Receipt {
            act: word.to_owned(),
            instance: Fingerprint::of(&statement.key),
            statement: digest_of(note.0.as_bytes()),
            at: taken.map_err(refused)?,
        };
        Ok(receipt.sign(&self.key))
    }

    /// All servers, for the hub's administrator.
    pub async fn servers(&self) -> Result<Vec<HubServer>, Fault> {
        self.store.hub_servers().await
    }

    /// Whether a token opens the list of servers.
    pub async fn is_admin(&self, token: &str) -> Result<bool, Fault> {
        self.store.is_hub_admin(token).await
    }

    /// Makes the administrator's token; `None` where there is one and it is not to be replaced.
    pub async fn make_admin_token(&self, only_first: bool) -> Result<Option<String>, DeskError> {
        let mut secret = [0; 32];
        self.randomness.fill(&mut secret)?;
        let token = format!("skh_{}", crate::lines::hex(&secret));
        Ok(self.store.set_hub_admin(&token, only_first).await?.then_some(token))
    }

    /// Checks the content of a feed, signs it with the next number, and publishes it.
    pub async fn publish(
        &self,
        kind: FeedKind,
        body: Vec<u8>,
        valid_for: Duration,
    ) -> Result<FeedHead, PublishError> {
        if body.len() > FEED_BYTES_MAX {
            return Err(PublishError::TooLong);
        }
        Content::parse(kind, &body)?;
        if valid_for < Duration::from_secs(86_400) || valid_for > VALID_FOR_MAX {
            return Err(PublishError::ValidFor);
        }
        let before = self.store.hub_feed(kind.word()).await?.map(|(feed, _)| feed);
        self.sign_next(kind, before.as_ref(), body, valid_for).await
    }

    /// Signs feeds anew, with the same files, that are past the half of their time, or that were signed when the clock was ahead
    /// of what it is now: nobody would take those. Returns which.
    pub async fn renew(&self) -> Result<Vec<FeedKind>, PublishError> {
        let now = self.clock.now();
        let mut renewed = Vec::new();
        for kind in FeedKind::ALL {
            let Some((feed, valid_ms)) = self.store.hub_feed(kind.word()).await? else { continue };
            if feed.issued > now || feed.until.since(now) < Duration::from_millis(valid_ms / 2) {
                let body = feed.body.clone();
                self.sign_next(kind, Some(&feed), body, Duration::from_millis(valid_ms)).await?;
                renewed.push(kind);
            }
        }
        Ok(renewed)
    }

    async fn sign_next(
        &self,
        kind: FeedKind,
        before: Option<&StoredFeed>,
        body: Vec<u8>,
        valid_for: Duration,
    ) -> Result<FeedHead, PublishError> {
        let after = before.map_or(0, |feed| feed.sequence);
        let head = FeedHead::of(kind, after.saturating_add(1), self.clock.now(), valid_for, &body);
        let stored = StoredFeed {
            kind: kind.word().to_owned(),
            sequence: head.sequence,
            issued: head.issued,
            until: head.expires,
            digest: head.digest,
            note: head.sign(&self.key).0,
            body,
        };
        let valid_ms = u64::try_from(valid_for.as_millis()).unwrap_or(u64::MAX);
        self.store.publish_hub_feed(stored, valid_ms, after).await?;
        Ok(head)
    }

    /// A feed as it is published; `None` where there is none of the kind.
    pub async fn feed(&self, kind: FeedKind) -> Result<Option<SignedFeed>, Fault> {
        let feed = self.store.hub_feed(kind.word()).await?;
        Ok(feed.map(|(feed, _)| SignedFeed { kind, note: Signed(feed.note), body: feed.body }))
    }

    /// The numbers of what is published: as long as they are the same, so are the feeds.
    pub async fn feed_numbers(&self) -> Result<Vec<(String, u64)>, Fault> {
        self.store.hub_feed_numbers().await
    }

    /// All that is published, in one file.
    pub async fn bundle(&self) -> Result<Vec<u8>, Fault> {
        let mut feeds = Vec::new();
        for kind in FeedKind::ALL {
            feeds.extend(self.feed(kind).await?);
        }
        Ok(bundle(&feeds))
    }

    /// Counts a ping. Nothing but its numbers is kept.
    pub async fn count(&self, ping: &[u8]) -> Result<(), CountError> {
        let ping = self.pings.check(ping)?;
        if !is_open(&ping.week, self.clock.now().0) {
            return Err(PingRefusal::Week.into());
        }
        let fields: Vec<(String, i64, i64)> =
            ping.fields.into_iter().map(|(name, value)| (name, value, bucket_of(value))).collect();
        match self.store.count_ping(ping.schema, &ping.week, &fields, K).await {
            Ok(()) => Ok(()),
            Err(CountPingError::Full) => Err(PingRefusal::Full.into()),
            Err(CountPingError::Fault(fault)) => Err(fault.into()),
        }
    }

    /// What pings say together; nothing that fewer than [`K`] hold.
    pub async fn sums(&self) -> Result<Vec<PingSum>, Fault> {
        self.store.ping_sums(K).await
    }
}

fn refused(error: RegisterError) -> TakeError {
    match error {
        RegisterError::Used => Refusal::Replayed.into(),
        RegisterError::NameTaken => Refusal::NameTaken.into(),
        RegisterError::Unknown => Refusal::Unknown.into(),
        RegisterError::Full => Refusal::Full.into(),
        RegisterError::Fault(fault) => fault.into(),
    }
}
