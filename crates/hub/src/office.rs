//! The instance's end: it makes itself known to a hub, and takes feeds from it or from a bundle.

use crate::registration::{Act, NOTE_BYTES_MAX, Receipt, Refusal, Statement};
use crate::{
    BadContent, Content, FEED_NOTE_BYTES_MAX, FeedHead, FeedKind, FeedRefusal, KnownFeed, NoBundle,
    SignedFeed, Step, digest_of, unbundle,
};
use access::Clock;
use access::audit::AuditText;
use egress::{
    Client, ClientError, Destination, DestinationError, Egress, IpNet, Limits, Purpose, Reach, SendError,
};
use http::{Method, Request, Response, StatusCode};
use std::sync::Arc;
use store::{Fault, Registration, RegistrationState, SignerRole, Store, StoredFeed};
use tlog::{Signed, SigningKey, VerifyingKey};

/// Longest reason of a refusal that is shown, in bytes.
const REASON_BYTES_MAX: usize = 300;

/// Which hub, as its user pinned it.
#[derive(Clone, Debug)]
pub struct HubAddress {
    /// Where it answers.
    pub url: String,
    /// What it signs with.
    pub key: VerifyingKey,
    /// Networks that are not public in which it may be.
    pub networks: Vec<IpNet>,
}

/// What an instance does with its hub. Nothing is sent until something is asked for.
pub struct Office {
    store: Store,
    egress: Egress,
    hub: HubAddress,
    clock: Arc<dyn Clock>,
}

/// What would be sent, to be approved by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// Where to.
    pub url: String,
    /// The bytes.
    pub statement: Signed,
    /// SHA-256 of them.
    pub digest: [u8; 32],
}

/// A feed that was taken, or is here already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// What its note says.
    pub head: FeedHead,
    /// Whether it is another one than before.
    pub step: Step,
    /// What it holds.
    pub content: Content,
}

/// Something was not sent, not taken, or not believed.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    /// The address of the hub is none.
    #[error("hub.url: {0}")]
    Address(#[from] DestinationError),
    /// There is no client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Nothing was sent, or nothing came back.
    #[error(transparent)]
    Send(#[from] SendError),
    /// An answer that is none.
    #[error("the hub answered with {status} where {what} was expected")]
    Answer {
        /// The status.
        status: u16,
        /// What was expected.
        what: &'static str,
    },
    /// What the hub sent is not believed.
    #[error("what the hub sent is not taken: {0}")]
    NotBelieved(Refusal),
    /// The hub refused.
    #[error("the hub refused: {0}")]
    Refused(String),
    /// A feed is not taken.
    #[error(transparent)]
    Feed(#[from] FeedRefusal),
    /// A feed is signed and cannot be read.
    #[error(transparent)]
    Content(#[from] BadContent),
    /// A file is no bundle.
    #[error(transparent)]
    NoBundle(#[from] NoBundle),
    /// There is no key to sign with.
    #[error("this server has no key of its own: it has no master key to keep one under")]
    NoKey,
    /// The digest is not that of what was shown last.
    #[error("nothing with this digest was shown last; look at it with `sourcekeep registration preview`")]
    NotShown,
    /// What was shown is for another hub than the one that is configured now.
    #[error("what was shown is for another hub than the one in the configuration; look at it anew")]
    OtherHub,
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Office {
    /// An office for this hub.
    pub fn new(store: Store, egress: Egress, hub: HubAddress, clock: Arc<dyn Clock>) -> Self {
        Office { store, egress, hub, clock }
    }

    /// Asks the hub for a challenge (the same bytes from every server), signs what is wanted, and keeps it to be approved.
    pub async fn preview(&self, act: &Act) -> Result<Preview, OfficeError> {
        let key = self.key().await?;
        let client = self.client(Purpose::Registration, NOTE_BYTES_MAX)?;
        let answer = client.send(self.request(Method::GET, "hub/v1/challenge", Vec::new())).await?;
        if answer.status() != StatusCode::OK {
            return Err(OfficeError::Answer { status: answer.status().as_u16(), what: "a challenge" });
        }
        let challenge = note_of(answer)?;
        let statement =
            Statement::sign(act, &key, &self.hub.key, &challenge).map_err(OfficeError::NotBelieved)?;
        let digest = digest_of(statement.0.as_bytes());
        self.store.show_registration(&self.hub.key.to_text(), act.word(), &statement.0, digest).await?;
        Ok(Preview { url: self.address("hub/v1/registration"), statement, digest })
    }

    /// Sends what was shown last, if this is its digest, and keeps the receipt. It is sent once: whatever happens then, the
    /// next one is shown first.
    pub async fn send(&self, approved: [u8; 32]) -> Result<Receipt, OfficeError> {
        let key = self.key().await?;
        let client = self.client(Purpose::Registration, NOTE_BYTES_MAX)?;
        let shown = self.store.registrations().await?.into_iter().find(|shown| shown.digest == approved);
        if shown.is_some_and(|shown| shown.hub != self.hub.key.to_text()) {
            return Err(OfficeError::OtherHub);
        }
        let begun = self.store.begin_registration(approved).await?.ok_or(OfficeError::NotShown)?;
        let request = self.request(Method::POST, "hub/v1/registration", begun.statement.clone().into_bytes());
        let answer = client.send(request).await?;
        let read = self.read_answer(answer, &key, &begun);
        let (state, kept) = match &read {
            Ok((note, _)) => (RegistrationState::Taken, note.0.clone()),
            Err(OfficeError::Refused(reason)) => (RegistrationState::Refused, reason.clone()),
            // It may have been taken: an answer that is not believed says nothing.
            Err(error) => (RegistrationState::Sent, error.to_string()),
        };
        self.store.end_registration(begun.seq, state, &kept).await?;
        read.map(|(_, receipt)| receipt)
    }

    fn read_answer(
        &self,
        answer: Response<Vec<u8>>,
        key: &SigningKey,
        sent: &Registration,
    ) -> Result<(Signed, Receipt), OfficeError> {
        let status = answer.status();
        if status.is_client_error() {
            let reason = String::from_utf8_lossy(answer.body()).trim().to_owned();
            let mut reason = AuditText::new(&reason).as_str().to_owned();
            reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
            return Err(OfficeError::Refused(reason));
        }
        if status != StatusCode::OK {
            return Err(OfficeError::Answer { status: status.as_u16(), what: "a receipt" });
        }
        let note = note_of(answer)?;
        let statement = Signed(sent.statement.clone());
        let receipt = Receipt::open(&self.hub.key, &note, &key.public(), &sent.act, &statement);
        Ok((note, receipt.map_err(OfficeError::NotBelieved)?))
    }

    /// Fetches feeds of these kinds: for each the note and the file, whatever is here already, so that what is asked for says
    /// nothing of this server. A kind that the hub does not publish is left out.
    pub async fn update(&self, kinds: &[FeedKind]) -> Result<Vec<Received>, OfficeError> {
        let mut received = Vec::new();
        for kind in kinds {
            let Some(feed) = self.fetch(*kind).await? else { continue };
            received.extend(self.take(vec![feed]).await?);
        }
        Ok(received)
    }

    /// Takes the feeds of a bundle, all or none, with the same checks.
    pub async fn import(&self, bytes: &[u8]) -> Result<Vec<Received>, OfficeError> {
        self.take(unbundle(bytes)?).await
    }

    /// What was taken from this hub, read anew.
    pub async fn taken(&self) -> Result<Vec<(FeedHead, Content)>, OfficeError> {
        let mut taken = Vec::new();
        for kept in self.store.feeds_taken(&self.hub.key.to_text()).await? {
            let Some(kind) = FeedKind::of_word(&kept.kind) else { continue };
            // SECURITY: whoever can write to the database cannot sign.
            let head = FeedHead::open(&self.hub.key, kind, &Signed(kept.note))?;
            head.check_body(&kept.body)?;
            taken.push((head, Content::parse(kind, &kept.body)?));
        }
        Ok(taken)
    }

    async fn fetch(&self, kind: FeedKind) -> Result<Option<SignedFeed>, OfficeError> {
        let known = self.known().await?;
        // Between the two answers the hub may publish: then both are asked for once more.
        for is_last in [false, true] {
            let client = self.client(purpose_of(kind), FEED_NOTE_BYTES_MAX)?;
            let answer =
                client.send(self.request(Method::GET, &path_of(&kind.note_file()), Vec::new())).await?;
            match answer.status() {
                StatusCode::NOT_FOUND => return Ok(None),
                StatusCode::OK => {}
                status => return Err(OfficeError::Answer { status: status.as_u16(), what: "a feed" }),
            }
            let note = String::from_utf8(answer.into_body()).map_err(|_| FeedRefusal::NotSigned(kind))?;
            let note = Signed(note);
            let head = FeedHead::open(&self.hub.key, kind, &note)?;
            known.check(&head, &*self.clock)?;
            // Checked to be below the limit, so nothing longer is buffered.
            let n_bytes = usize::try_from(head.n_bytes).unwrap_or(0);
            let client = self.client(purpose_of(kind), n_bytes)?;
            let answer = client.send(self.request(Method::GET, &path_of(&kind.file()), Vec::new())).await;
            let body = match answer {
                Ok(answer) if answer.status() == StatusCode::OK => answer.into_body(),
                Ok(answer) => {
                    return Err(OfficeError::Answer { status: answer.status().as_u16(), what: "a feed" });
                }
                Err(SendError::BodyTooLarge { .. }) if !is_last => continue,
                Err(error) => return Err(error.into()),
            };
            match head.check_body(&body) {
                Ok(()) => return Ok(Some(SignedFeed { kind, note, body })),
                Err(_) if !is_last => {}
                Err(refusal) => return Err(refusal.into()),
            }
        }
        Err(FeedRefusal::OtherFile(kind).into())
    }

    /// Checks feeds, all before any is kept.
    async fn take(&self, feeds: Vec<SignedFeed>) -> Result<Vec<Received>, OfficeError> {
        let known = self.known().await?;
        let (mut received, mut kept) = (Vec::new(), Vec::new());
        for SignedFeed { kind, note, body } in feeds {
            let head = FeedHead::open(&self.hub.key, kind, &note)?;
            let step = known.check(&head, &*self.clock)?;
            head.check_body(&body)?;
            let content = Content::parse(kind, &body)?;
            kept.push(StoredFeed {
                kind: kind.word().to_owned(),
                sequence: head.sequence,
                issued: head.issued,
                until: head.expires,
                digest: head.digest,
                note: note.0,
                body,
            });
            received.push(Received { head, step, content });
        }
        self.store.take_feeds(&self.hub.key.to_text(), kept).await?;
        Ok(received)
    }

    async fn known(&self) -> Result<Known, Fault> {
        Ok(Known(self.store.feeds_taken(&self.hub.key.to_text()).await?))
    }

    async fn key(&self) -> Result<SigningKey, OfficeError> {
        self.store.instance_signer(SignerRole::Registration).await?.ok_or(OfficeError::NoKey)
    }

    fn client(&self, purpose: Purpose, body_bytes_max: usize) -> Result<Client, OfficeError> {
        let networks = self.hub.networks.clone();
        let destination =
            Destination::new(purpose, &self.hub.url, networks, Reach::OwnOrigin)?.asked_by("hub");
        let limits = Limits { body_bytes_max, n_redirects_max: 0, n_at_once_max: 1, ..Limits::default() };
        Ok(self.egress.client(destination, limits)?)
    }

    fn address(&self, path: &str) -> String {
        format!("{}/{path}", self.hub.url.trim_end_matches('/'))
    }

    fn request(&self, method: Method, path: &str, body: Vec<u8>) -> Request<Vec<u8>> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        // An address that cannot be read is refused when the client is made, and before that when it is sent.
        *request.uri_mut() = self.address(path).parse().unwrap_or_default();
        request
    }
}

/// What is here of a hub.
struct Known(Vec<StoredFeed>);

impl Known {
    fn check(&self, head: &FeedHead, clock: &dyn Clock) -> Result<Step, FeedRefusal> {
        let same = self.0.iter().find(|feed| feed.kind == head.kind.word());
        let same =
            same.map(|feed| KnownFeed { sequence: feed.sequence, issued: feed.issued, digest: feed.digest });
        let newest = self.0.iter().map(|feed| feed.issued).max();
        head.check(same, clock.now(), newest)
    }
}

fn purpose_of(kind: FeedKind) -> Purpose {
    match kind {
        FeedKind::Advisories => Purpose::AdvisoryFeed,
        FeedKind::Releases => Purpose::UpdateCheck,
        FeedKind::Rules => Purpose::RuleFeed,
    }
}

fn path_of(file: &str) -> String {
    format!("feeds/v1/{file}")
}

fn note_of(answer: Response<Vec<u8>>) -> Result<Signed, OfficeError> {
    let text = String::from_utf8(answer.into_body());
    text.map(Signed).map_err(|_| OfficeError::NotBelieved(Refusal::Malformed))
}
