//! The Sourcekeep server that is asked.

use egress::{Client, Destination, Egress, IpNet, Limits, Purpose, Reach, SendError};
use http::{HeaderValue, Request, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// Networks that the user's own server may be in: this machine, and those that are not public.
const OWN_NETWORKS: [&str; 8] = [
    "127.0.0.0/8",
    "::1/128",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "fc00::/7",
    "fe80::/10",
];

/// A server, asked with one token.
#[derive(Clone)]
pub struct Server {
    client: Client,
    base: Url,
    token: Option<SecretString>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is none.
    #[error("the server's address: {0}")]
    Address(#[from] egress::DestinationError),
    /// No client can be made for it.
    #[error(transparent)]
    Client(#[from] egress::ClientError),
    /// It does not answer.
    #[error("{server} does not answer: {source}")]
    Silent {
        /// Its address.
        server: String,
        /// Why not.
        source: SendError,
    },
    /// It does not know the token.
    #[error(
        "the server does not take the token: make one on its page /account/tokens and set SOURCEKEEP_TOKEN"
    )]
    Token,
    /// There is no such thing, or the token's owner may not read it.
    #[error("the server does not have this, or you may not read it there")]
    NotFound,
    /// Anything else.
    #[error("the server answered {status}")]
    Failed {
        /// The status.
        status: u16,
    },
    /// It is no answer of a Sourcekeep server.
    #[error("what answers is not a Sourcekeep server: look at the address")]
    Foreign,
}

impl Server {
    /// The server at this address; nothing is asked yet.
    pub fn new(egress: &Egress, base: &Url, token: Option<SecretString>) -> Result<Self, ServerError> {
        let networks = OWN_NETWORKS.iter().filter_map(|net| net.parse::<IpNet>().ok()).collect();
        let destination = Destination::new(Purpose::OwnServer, base.as_str(), networks, Reach::OwnOrigin)?;
        let limits = Limits { n_redirects_max: 0, time_max: Duration::from_secs(30), ..Limits::default() };
        Ok(Server { client: egress.client(destination, limits)?, base: base.clone(), token })
    }

    /// The address of a page that an answer names by its path.
    pub(crate) fn page(&self, path: &str) -> String {
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }

    /// Asks a resource, as JSON.
    pub(crate) async fn ask(&self, target: &str) -> Result<Value, ServerError> {
        serde_json::from_slice(&self.get(target, "application/json").await?).map_err(|_| ServerError::Foreign)
    }

    /// Asks for bytes.
    pub(crate) async fn get(&self, target: &str, accept: &'static str) -> Result<Vec<u8>, ServerError> {
        let silent = |source| ServerError::Silent { server: self.page(""), source };
        let mut request = Request::new(Vec::new());
        *request.uri_mut() = self.page(target).parse().map_err(|_| silent(SendError::NoHost))?;
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        if let Some(token) = &self.token {
            let bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()));
            let mut bearer = bearer.map_err(|_| ServerError::Token)?;
            bearer.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, bearer);
        }
        let answer = self.client.send(request).await.map_err(silent)?;
        match answer.status() {
            StatusCode::OK => Ok(answer.into_body()),
            StatusCode::UNAUTHORIZED => Err(ServerError::Token),
            StatusCode::NOT_FOUND => Err(ServerError::NotFound),
            status => Err(ServerError::Failed { status: status.as_u16() }),
        }
    }
}

/// A path as it stands in addresses: all but letters, digits and `-._~/` by their bytes.
pub(crate) fn escaped(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                escaped.push(byte as char)
            }
            byte => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}
