//! A way out for children that speak for themselves: a SOCKS 5 proxy (RFC 1928, with the passwords of RFC 1929) on loopback.
//!
//! git and ssh open connections of their own, which nobody would count. So they are let out to one port of this machine only,
//! with a [`Pass`]: a password that is good for one destination and as long as the child runs. What comes with it goes the way
//! of all connections: policy, checked addresses, ledger. Names are resolved here, never by the child.

use crate::connection::{ConnectError, Recorded, Traveller, Way};
use crate::ledger::{INITIATOR_BYTES_MAX, line_of, place};
use crate::{Destination, Egress, Reach};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// How long a child has for saying where it wants to go.
const GREETING_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections at the same time, more wait to be taken.
const N_CONNECTIONS_MAX: usize = 256;
/// Bytes moved at a time.
const BUFFER_BYTES: usize = 64 << 10;
/// Longest head of a proxy's answer.
const HEAD_BYTES_MAX: usize = 8 << 10;
/// The user's name in every pass; the password is what counts.
const USER: &str = "pass";
/// Where a redirect may lead: TLS on its own port and nothing else.
const HTTPS: u16 = 443;

/// The door for children. Cloning shares it; it is shut when the last clone and the last pass are gone.
#[derive(Clone)]
pub struct Door {
    inner: Arc<Inner>,
}

struct Inner {
    address: SocketAddr,
    way: Arc<Way>,
    passes: Arc<Passes>,
    serving: tokio::task::AbortHandle,
    runtime: tokio::runtime::Handle,
}

#[derive(Default)]
struct Passes(Mutex<HashMap<String, Arc<Leave>>>);

/// What a pass is good for.
struct Leave {
    destination: Destination,
    who: Traveller,
}

/// A child's leave to go out. It ends with this value; connections that are open then end with their child.
pub struct Pass {
    door: Door,
    secret: String,
}

/// The door cannot be opened, or a pass cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// There is no port on loopback.
    #[error("the way out for git cannot be opened on 127.0.0.1: {0}")]
    Listen(#[source] io::Error),
    /// The proxy's address.
    #[error("the proxy in 'mirror.http_proxy' cannot be used: write http://host:port")]
    BadProxy,
    /// There is no randomness.
    #[error("the system gives no random bytes: {0}")]
    Randomness(getrandom::Error),
}

impl Door {
    /// Opens the door on a free port of 127.0.0.1. Must be called within a tokio runtime. With `proxy` (`http://host:port`,
    /// maybe with a user and a password), what goes to http and https addresses goes through that proxy.
    pub async fn open(egress: &Egress, proxy: Option<&str>) -> Result<Door, DoorError> {
        let proxy = proxy.map(Proxy::parse).transpose()?.map(Arc::new);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(DoorError::Listen)?;
        let address = listener.local_addr().map_err(DoorError::Listen)?;
        let (way, passes) = (Arc::clone(&egress.way), Arc::new(Passes::default()));
        let outside = Outside { way: Arc::clone(&way), proxy };
        let serving = tokio::spawn(serve(listener, outside, Arc::clone(&passes))).abort_handle();
        let runtime = tokio::runtime::Handle::current();
        Ok(Door { inner: Arc::new(Inner { address, way, passes, serving, runtime }) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// Whether a destination may be left for, before a child is started for it. A refusal is written down.
    #[track_caller]
    pub fn check(&self, destination: &Destination) -> Result<(), crate::PolicyRefused> {
        let code = place(Location::caller());
        let host = destination.base().host_str().unwrap_or_default().to_owned();
        let checked = self.inner.way.policy.check(destination.purpose(), &host);
        if let Err(refused) = &checked {
            let (way, destination, error) =
                (Arc::clone(&self.inner.way), destination.clone(), ConnectError::Policy(refused.clone()));
            self.inner.runtime.spawn(async move {
                let port = destination.port().unwrap_or_default();
                let who = Traveller { initiator: destination.initiator.clone(), code };
                if let Err(error) = way.refuse(&destination, &who, &host, port, &error).await {
                    tracing::error!(%error, "a refusal could not be written down");
                }
            });
        }
        checked
    }

    /// A pass for one destination. The ledger names the caller's place in the code.
    #[track_caller]
    pub fn pass(&self, destination: Destination) -> Result<Pass, DoorError> {
        let code = place(Location::caller());
        let mut bytes = [0; 24];
        getrandom::fill(&mut bytes).map_err(DoorError::Randomness)?;
        let secret: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let who = Traveller { initiator: destination.initiator.clone(), code };
        let leave = Arc::new(Leave { destination, who });
        self.inner.passes.lock().insert(secret.clone(), leave);
        Ok(Pass { door: self.clone(), secret })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Door({})", self.inner.address)
    }
}

impl Pass {
    /// The proxy as libcurl takes it: `socks5h://…`. It holds the password: for the child's environment, not its arguments.
    pub fn proxy_url(&self) -> String {
        format!("socks5h://{USER}:{}@{}", self.secret, self.door.inner.address)
    }

    /// The port on loopback that the child must be able to connect to.
    pub fn port(&self) -> u16 {
        self.door.inner.address.port()
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Pass({})", self.door.inner.address)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.door.inner.passes.lock().remove(&self.secret);
    }
}

impl Passes {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Leave>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// SECURITY: all passes are compared in constant time, so that how long it takes tells nothing of them.
    fn find(&self, secret: &[u8]) -> Option<Arc<Leave>> {
        use subtle::ConstantTimeEq as _;
        let passes = self.lock();
        let mut found = None;
        for (known, leave) in passes.iter() {
            if bool::from(known.as_bytes().ct_eq(secret)) {
                found = Some(Arc::clone(leave));
            }
        }
        found
    }
}

/// Where connections lead: to the host itself, or through a proxy.
#[derive(Clone)]
struct Outside {
    way: Arc<Way>,
    proxy: Option<Arc<Proxy>>,
}

/// A proxy that speaks HTTP (`CONNECT`, RFC 9110, section 9.3.6).
struct Proxy {
    host: String,
    port: u16,
    /// The header that names the user, where there is one.
    authorization: String,
}

impl Proxy {
    fn parse(text: &str) -> Result<Proxy, DoorError> {
        let url =
            url::Url::parse(text).ok().filter(|url| url.scheme() == "http").ok_or(DoorError::BadProxy)?;
        let host = url.host_str().ok_or(DoorError::BadProxy)?.to_owned();
        let port = url.port_or_known_default().ok_or(DoorError::BadProxy)?;
        let authorization = match url.username() {
            "" => String::new(),
            user => {
                let decode = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
                let password = decode(url.password().unwrap_or_default());
                let both = [decode(user), vec![b':'], password].concat();
                format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(both))
            }
        };
        Ok(Proxy { host, port, authorization })
    }
}

impl Outside {
    async fn connect(&self, leave: &Leave, host: &str, port: u16) -> Result<Recorded, ConnectError> {
        let is_web = matches!(leave.destination.base().scheme(), "https" | "http");
        match &self.proxy {
            Some(proxy) if is_web => self.connect_through(proxy, leave, host, port).await,
            _ => self.way.connect(&leave.destination, &leave.who, host, port).await,
        }
    }

    /// The proxy resolves the name; what is known here is whether it may be spoken to.
    async fn connect_through(
        &self,
        proxy: &Proxy,
        leave: &Leave,
        host: &str,
        port: u16,
    ) -> Result<Recorded, ConnectError> {
        self.way.policy.check(leave.destination.purpose(), host)?;
        let purpose = leave.destination.purpose();
        let anywhere = leave.destination.networks.clone();
        let there =
            Destination::machine(purpose, "http", &proxy.host, Some(proxy.port), anywhere, Reach::OwnOrigin)
                .map_err(|_| ConnectError::Failed(io::ErrorKind::InvalidInput.into()))?;
        let initiator = line_of(
            &format!("{} (to {host}:{port} through the proxy)", leave.who.initiator),
            INITIATOR_BYTES_MAX,
        );
        let who = Traveller { initiator, code: leave.who.code.clone() };
        let mut outside = self.way.connect(&there, &who, &proxy.host, proxy.port).await?;
        let spoken = tokio::time::timeout(GREETING_TIMEOUT, proxy.ask(&mut outside, host, port)).await;
        spoken.map_err(|_| ConnectError::TimedOut)?.map_err(ConnectError::Failed)?;
        Ok(outside)
    }
}

impl Proxy {
    async fn ask(&self, outside: &mut Recorded, host: &str, port: u16) -> io::Result<()> {
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let request = format!(
            "CONNECT {bracketed}:{port} HTTP/1.1\r\nHost: {bracketed}:{port}\r\n{}\r\n",
            self.authorization
        );
        outside.write_all(request.as_bytes()).await?;
        // Byte by byte: what follows the head is the other side's.
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() >= HEAD_BYTES_MAX {
                return Err(io::Error::other("the proxy answers with more than it needs"));
            }
            head.push(outside.read_u8().await?);
        }
        let status = head.split(|byte| *byte == b' ').nth(1);
        if status == Some(b"200") {
            return Ok(());
        }
        let line = String::from_utf8_lossy(head.split(|byte| *byte == b'\r').next().unwrap_or_default())
            .into_owned();
        Err(io::Error::other(format!("the proxy says: {}", line_of(&line, 200))))
    }
}

async fn serve(listener: TcpListener, outside: Outside, passes: Arc<Passes>) {
    let places = Arc::new(Semaphore::new(N_CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let child = match listener.accept().await {
            Ok((child, _)) => child,
            Err(error) => {
                // Too many open files, mostly: it passes.
                tracing::warn!(%error, "a child could not be let out");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (outside, passes) = (outside.clone(), Arc::clone(&passes));
        tokio::spawn(async move {
            // Whatever went wrong, the child is told by the proxy's answer or by the end of the connection.
            let _ = let_out(child, &outside, &passes).await;
            drop(place);
        });
    }
}

/// The answers of RFC 1928, section 6.
#[derive(Clone, Copy)]
enum Reply {
    Succeeded = 0,
    Failed = 1,
    NotAllowed = 2,
    HostUnreachable = 4,
    CommandNotSupported = 7,
    AddressNotSupported = 8,
}

async fn let_out(mut child: TcpStream, outside: &Outside, passes: &Passes) -> io::Result<()> {
    child.set_nodelay(true)?;
    let asked = tokio::time::timeout(GREETING_TIMEOUT, ask(&mut child, passes));
    let (leave, host, port) = match asked.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? {
        Ok(asked) => asked,
        Err(reply) => return answer(&mut child, reply).await,
    };
    if !leads_to(&leave.destination, &host, port) {
        tracing::warn!(purpose = %leave.destination.purpose(), host, port, "a child wanted to go where its pass does not lead");
        return answer(&mut child, Reply::NotAllowed).await;
    }
    match outside.connect(&leave, &host, port).await {
        Ok(mut connection) => {
            answer(&mut child, Reply::Succeeded).await?;
            let copied = tokio::io::copy_bidirectional_with_sizes(
                &mut child,
                &mut connection,
                BUFFER_BYTES,
                BUFFER_BYTES,
            );
            copied.await.map(drop)
        }
        Err(error) => {
            tracing::warn!(purpose = %leave.destination.purpose(), host, port, %error, "a child was not let out");
            let reply = match error {
                ConnectError::Policy(_) | ConnectError::Address(_) => Reply::NotAllowed,
                ConnectError::Ledger(_) => Reply::Failed,
                ConnectError::Unresolved(_) | ConnectError::TimedOut | ConnectError::Failed(_) => {
                    Reply::HostUnreachable
                }
            };
            answer(&mut child, reply).await
        }
    }
}

/// Its own host on its own port, or, where the first answer redirects, TLS to whatever public host it names.
fn leads_to(destination: &Destination, host: &str, port: u16) -> bool {
    let base = destination.base();
    let own_host = base
        .host_str()
        .is_some_and(|own| own.trim_matches(['[', ']']).eq_ignore_ascii_case(host.trim_matches(['[', ']'])));
    if destination.reach == Reach::Aliases {
        return true;
    }
    let own_port = destination.port() == Some(port);
    (own_host && (own_port || port == HTTPS)) || (destination.reach == Reach::AnyPublic && port == HTTPS)
}

/// Greeting, password, request. The outer error is one of the connection, the inner an answer.
async fn ask(child: &mut TcpStream, passes: &Passes) -> io::Result<Result<(Arc<Leave>, String, u16), Reply>> {
    let bad = || io::Error::from(io::ErrorKind::InvalidData);
    let [version, n_methods] = read::<2>(child).await?;
    if version != 5 {
        return Err(bad());
    }
    let mut methods = vec![0; usize::from(n_methods)];
    child.read_exact(&mut methods).await?;
    if !methods.contains(&2) {
        child.write_all(&[5, 0xff]).await?;
        return Err(bad());
    }
    child.write_all(&[5, 2]).await?;
    let [version] = read::<1>(child).await?;
    let (user, secret) = (text(child).await?, text(child).await?);
    let leave = if version == 1 && user == USER.as_bytes() { passes.find(&secret) } else { None };
    child.write_all(&[1, u8::from(leave.is_none())]).await?;
    let Some(leave) = leave else { return Err(bad()) };
    let [version, command, _, kind] = read::<4>(child).await?;
    if version != 5 {
        return Err(bad());
    }
    let host = match kind {
        1 => Ipv4Addr::from(read::<4>(child).await?).to_string(),
        4 => Ipv6Addr::from(read::<16>(child).await?).to_string(),
        3 => match String::from_utf8(text(child).await?) {
            Ok(name) if !name.is_empty() && name.is_ascii() => name,
            _ => return Ok(Err(Reply::AddressNotSupported)),
        },
        _ => return Ok(Err(Reply::AddressNotSupported)),
    };
    let port = u16::from_be_bytes(read::<2>(child).await?);
    Ok(if command == 1 { Ok((leave, host, port)) } else { Err(Reply::CommandNotSupported) })
}

async fn read<const N: usize>(child: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    child.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// A length and so many bytes.
async fn text(child: &mut TcpStream) -> io::Result<Vec<u8>> {
    let [n_bytes] = read::<1>(child).await?;
    let mut bytes = vec![0; usize::from(n_bytes)];
    child.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn answer(child: &mut TcpStream, reply: Reply) -> io::Result<()> {
    child.write_all(&[5, reply as u8, 0, 1, 0, 0, 0, 0, 0, 0]).await
}

/// The other end, for children that know no proxy: what ssh runs as its `ProxyCommand`.
pub struct Relay;

/// A relay cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// It is no address of a door.
    #[error("this is run by ssh for the server, which lends it a way out; it is of no use by itself")]
    NotLent,
    /// The door cannot be reached.
    #[error("the server's way out cannot be reached: {0}")]
    Door(#[source] io::Error),
    /// The door does not let it out.
    #[error(
        "the server does not let this out (SOCKS answer {0}); `sourcekeep egress` and the page /admin/egress say why"
    )]
    Refused(u8),
}

impl Relay {
    /// The variable of a child's environment that holds [`Pass::proxy_url`]. A program that finds it is to be a relay.
    pub const VARIABLE: &'static str = "SOURCEKEEP_WAY_OUT";

    /// Connects to a host through the door that [`Pass::proxy_url`] names, and copies between that connection and the two
    /// streams until one ends.
    pub async fn run(
        proxy_url: &str,
        host: &str,
        port: u16,
        mut input: impl tokio::io::AsyncRead + Unpin,
        mut output: impl tokio::io::AsyncWrite + Unpin,
    ) -> Result<(), RelayError> {
        let url = url::Url::parse(proxy_url).map_err(|_| RelayError::NotLent)?;
        let secret = url.password().unwrap_or_default();
        let address: SocketAddr = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => SocketAddr::new(host.parse().map_err(|_| RelayError::NotLent)?, port),
            _ => return Err(RelayError::NotLent),
        };
        // SECURITY: the door is on this machine; anything else would be a way out of its own.
        if !address.ip().is_loopback() || host.len() > 255 || secret.len() > 255 {
            return Err(RelayError::NotLent);
        }
        let mut door = enter(address, secret, host, port).await?;
        let (mut from, mut to) = door.split();
        let there = async {
            tokio::io::copy(&mut input, &mut to).await?;
            to.shutdown().await
        };
        let back = async {
            tokio::io::copy(&mut from, &mut output).await?;
            output.flush().await
        };
        tokio::pin!(there, back);
        tokio::select! {
            // What ssh says last is answered; the end of the answers is the end.
            done = &mut there => { done.map_err(RelayError::Door)?; back.await.map_err(RelayError::Door) }
            done = &mut back => done.map_err(RelayError::Door),
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the door itself, on this machine")]
async fn enter(address: SocketAddr, secret: &str, host: &str, port: u16) -> Result<TcpStream, RelayError> {
    let mut door = TcpStream::connect(address).await.map_err(RelayError::Door)?;
    let field = |text: &str| {
        let mut field = vec![u8::try_from(text.len()).unwrap_or(u8::MAX)];
        field.extend_from_slice(text.as_bytes());
        field
    };
    let request =
        [&[5, 1, 2, 1][..], &field(USER), &field(secret), &[5, 1, 0, 3], &field(host), &port.to_be_bytes()]
            .concat();
    door.write_all(&request).await.map_err(RelayError::Door)?;
    let answers = read::<14>(&mut door).await.map_err(RelayError::Door)?;
    match answers[5] {
        0 => Ok(door),
        reply => Err(RelayError::Refused(reply)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Purpose, Reach};

    #[test]
    fn a_pass_leads_to_its_own_host() {
        let own = |base: &str, reach| Destination::new(Purpose::GitFetch, base, vec![], reach).unwrap();
        let pass = own("https://git.example.org:8443/app.git", Reach::OwnOrigin);
        assert!(leads_to(&pass, "GIT.example.org", 8443) && leads_to(&pass, "git.example.org", 443));
        assert!(!leads_to(&pass, "git.example.org", 22) && !leads_to(&pass, "example.org", 443));
        let wider = own("https://git.example.org/app.git", Reach::AnyPublic);
        assert!(leads_to(&wider, "other.example", 443) && !leads_to(&wider, "other.example", 80));
    }
}
