//! Opening a connection: policy, addresses, ledger, and then the wire. Nothing else in the product connects.

use crate::ledger::{Closing, Ledger, LedgerError, Opening, Refusal, SAYING_BYTES_MAX, Saying};
use crate::policy::{Policy, PolicyRefused};
use crate::resolve::{Resolve, Unresolved, check_all, judge_for};
use crate::{AddressRefused, Destination, EntryId};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// How long connecting may take, with all addresses of a name.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What the first of several addresses has: a host with an address that leads nowhere is reached all the same.
const FIRST_TIMEOUT: Duration = Duration::from_secs(3);
/// The same refusal is written down once in this time.
const REFUSAL_EVERY: Duration = Duration::from_secs(3600);
/// Refusals that are remembered.
const N_REFUSALS_MAX: usize = 1024;

/// How a connection went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was opened, and closed in the end.
    Closed,
    /// It could not be opened: refused, unreachable, no answer in time.
    Failed,
    /// Its end was never seen: the process ended first.
    Interrupted,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Outcome; 3] = [Outcome::Closed, Outcome::Failed, Outcome::Interrupted];

    /// Its name in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Closed => "closed",
            Outcome::Failed => "failed",
            Outcome::Interrupted => "interrupted",
        }
    }
}

/// Why a connection was not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error(transparent)]
    Policy(#[from] PolicyRefused),
    #[error(transparent)]
    Address(#[from] AddressRefused),
    #[error(transparent)]
    Unresolved(#[from] Unresolved),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("no answer in {} s", CONNECT_TIMEOUT.as_secs())]
    TimedOut,
    #[error("{0}")]
    Failed(io::Error),
}

/// What all ways out of one server share.
pub(crate) struct Way {
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) policy: Policy,
    pub(crate) ledger: Option<Arc<dyn Ledger>>,
    refused: Mutex<HashMap<(crate::Purpose, String, u16), Instant>>,
    /// Connections whose end is not written down yet.
    n_open: watch::Sender<usize>,
}

/// Who goes, and from which place in the code.
#[derive(Clone, Debug)]
pub(crate) struct Traveller {
    pub(crate) initiator: String,
    pub(crate) code: String,
}

impl Way {
    pub(crate) fn new(resolver: Arc<dyn Resolve>, policy: Policy, ledger: Option<Arc<dyn Ledger>>) -> Self {
        Way { resolver, policy, ledger, refused: Mutex::default(), n_open: watch::Sender::new(0) }
    }

    /// Waits until the end of every connection that was dropped is written down.
    pub(crate) async fn settled(&self) {
        let mut n_open = self.n_open.subscribe();
        // The sender is ours: it outlives the wait.
        let _ = n_open.wait_for(|n| *n == 0).await;
    }

    /// Opens a connection to a host that the destination leads to.
    ///
    /// SECURITY: in this order: may it leave, where does it lead (every answer is checked), is it written down; then, and to
    /// no other address, the connection.
    pub(crate) async fn connect(
        self: &Arc<Self>,
        destination: &Destination,
        who: &Traveller,
        host: &str,
        port: u16,
    ) -> Result<Recorded, ConnectError> {
        match self.addresses(destination, host).await {
            Ok(addresses) => self.connect_to(destination, who, host, port, &addresses).await,
            Err(error) => {
                if matches!(error, ConnectError::Policy(_) | ConnectError::Address(_)) {
                    self.refuse(destination, who, host, port, &error).await?;
                }
                Err(error)
            }
        }
    }

    async fn addresses(&self, destination: &Destination, host: &str) -> Result<Vec<IpAddr>, ConnectError> {
        self.policy.check(destination.purpose(), host)?;
        let bare = host.trim_matches(['[', ']']);
        if let Ok(address) = bare.parse::<IpAddr>() {
            judge_for(destination, host, address)?;
            return Ok(vec![address]);
        }
        let answers = self.resolver.resolve(host).await;
        check_all(destination, host, answers)
    }

    async fn connect_to(
        self: &Arc<Self>,
        destination: &Destination,
        who: &Traveller,
        host: &str,
        port: u16,
        addresses: &[IpAddr],
    ) -> Result<Recorded, ConnectError> {
        let end = tokio::time::Instant::now() + CONNECT_TIMEOUT;
        let mut last = ConnectError::TimedOut;
        for (at, address) in addresses.iter().enumerate() {
            let now = tokio::time::Instant::now();
            if now >= end {
                break;
            }
            let is_last = at + 1 == addresses.len();
            let until = if is_last { end } else { end.min(now + FIRST_TIMEOUT) };
            let opening = Opening {
                purpose: destination.purpose(),
                host: host.to_owned(),
                port,
                address: *address,
                initiator: who.initiator.clone(),
                code: who.code.clone(),
            };
            let record = self.open(opening).await?;
            match tokio::time::timeout_at(until, dial(SocketAddr::new(*address, port))).await {
                Ok(Ok(stream)) => return Ok(Recorded { stream, record }),
                Ok(Err(error)) => last = ConnectError::Failed(error),
                Err(_) => last = ConnectError::TimedOut,
            }
            record.end(Outcome::Failed);
        }
        Err(last)
    }

    /// Writes down that a connection is about to be opened.
    ///
    /// The writing is a task of its own: whoever wants the connection may stop polling in the middle (a stream of requests whose
    /// answers are being stored, say) or go away, and must not leave a transaction of the database behind.
    async fn open(self: &Arc<Self>, opening: Opening) -> Result<Record, LedgerError> {
        self.n_open.send_modify(|n| *n += 1);
        let mut record = Record {
            way: Arc::clone(self),
            entry: None,
            n_sent: 0,
            n_received: 0,
            digest: Sha256::new(),
            outcome: Outcome::Closed,
        };
        let Some(ledger) = self.ledger.clone() else { return Ok(record) };
        detached(async move {
            record.entry = Some(ledger.open(opening).await?);
            Ok(record)
        })
        .await
    }

    /// Writes down what is about to be said, where the purpose asks for that. SECURITY: what cannot be written down is not sent.
    pub(crate) async fn say(
        &self,
        destination: &Destination,
        who: &Traveller,
        url: &url::Url,
        body: &[u8],
    ) -> Result<(), LedgerError> {
        let Some(ledger) = self.ledger.clone() else { return Ok(()) };
        if body.is_empty() || !destination.purpose().is_shown_whole() {
            return Ok(());
        }
        if body.len() > SAYING_BYTES_MAX {
            let reason = format!("what would be sent is longer than {SAYING_BYTES_MAX} bytes");
            return Err(LedgerError { reason });
        }
        let saying = Saying {
            purpose: destination.purpose(),
            host: url.host_str().unwrap_or_default().to_owned(),
            port: url.port_or_known_default().unwrap_or_default(),
            initiator: who.initiator.clone(),
            code: who.code.clone(),
            body: body.to_vec(),
        };
        detached(async move { ledger.say(saying).await }).await
    }

    /// Writes a refusal down, unless the same was written lately: what is tried every minute would fill the ledger.
    pub(crate) async fn refuse(
        &self,
        destination: &Destination,
        who: &Traveller,
        host: &str,
        port: u16,
        error: &ConnectError,
    ) -> Result<(), LedgerError> {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        self.n_open.send_modify(|n| *n += 1);
        let written = self.refuse_in(&**ledger, destination, who, host, port, error).await;
        self.n_open.send_modify(|n| *n = n.saturating_sub(1));
        written
    }

    async fn refuse_in(
        &self,
        ledger: &dyn Ledger,
        destination: &Destination,
        who: &Traveller,
        host: &str,
        port: u16,
        error: &ConnectError,
    ) -> Result<(), LedgerError> {
        let key = (destination.purpose(), host.to_owned(), port);
        {
            let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
            if refused.get(&key).is_some_and(|at| at.elapsed() < REFUSAL_EVERY) {
                return Ok(());
            }
            if refused.len() >= N_REFUSALS_MAX {
                refused.clear();
            }
            refused.insert(key, Instant::now());
        }
        let refusal = Refusal {
            purpose: destination.purpose(),
            host: host.to_owned(),
            port,
            initiator: who.initiator.clone(),
            code: who.code.clone(),
            reason: error.to_string(),
        };
        detached(ledger.refuse(refusal)).await
    }
}

/// Does something to its end, whether or not anybody waits for it.
async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, LedgerError>> + Send + 'static,
) -> Result<T, LedgerError> {
    let done = tokio::spawn(work).await;
    done.unwrap_or_else(|error| Err(LedgerError { reason: error.to_string() }))
}

#[allow(clippy::disallowed_methods, reason = "the door out: checked and written down")]
async fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// What is counted of one connection. Its end is written down when it is dropped.
struct Record {
    way: Arc<Way>,
    entry: Option<EntryId>,
    n_sent: u64,
    n_received: u64,
    digest: Sha256,
    outcome: Outcome,
}

impl Record {
    fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let way = Arc::clone(&self.way);
        let done = move || way.n_open.send_modify(|n| *n = n.saturating_sub(1));
        let (Some(entry), Some(ledger)) = (self.entry, self.way.ledger.clone()) else { return done() };
        let closing = Closing {
            outcome: self.outcome,
            n_sent: self.n_sent,
            n_received: self.n_received,
            digest: std::mem::take(&mut self.digest).finalize().into(),
        };
        // Without a runtime the process is ending; the entry stays open and is closed at the next start.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return done() };
        runtime.spawn(async move {
            if let Err(error) = ledger.close(entry, closing).await {
                tracing::error!(entry = entry.0, %error, "the end of a connection could not be written down");
            }
            done();
        });
    }
}

/// A connection whose bytes are counted and digested as they cross the wire.
pub(crate) struct Recorded {
    stream: TcpStream,
    record: Record,
}

impl Recorded {
    fn sent(&mut self, bytes: &[u8]) {
        self.record.n_sent += bytes.len() as u64;
        self.record.digest.update(bytes);
    }
}

impl AsyncRead for Recorded {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let n_before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(context, buffer);
        this.record.n_received += (buffer.filled().len() - n_before) as u64;
        polled
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(n)) = polled {
            this.sent(&bytes[..n]);
        }
        polled
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        if let Poll::Ready(Ok(n)) = polled {
            let mut n_left = n;
            for slice in slices {
                let n_here = n_left.min(slice.len());
                this.sent(&slice[..n_here]);
                n_left -= n_here;
            }
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
