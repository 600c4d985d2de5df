//! A proxy in front that has signed people in, and names them in a header.
//!
//! SECURITY: whoever may set this header is whoever they like. So it counts only where the connection itself comes from an
//! address that the operator named; what `X-Forwarded-For` says has no part in it. From everybody else it is taken away
//! before anything reads or writes down the request, in every spelling that something behind could take for it.

use crate::failure::Failure;
use crate::session_cookie;
use crate::state::AppState;
use access::UserName;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ipnet::IpNet;
use std::net::SocketAddr;
use store::{Fault, User};

/// Longest name that is read.
const NAME_BYTES_MAX: usize = 255;
/// Headers that mean something already.
const TAKEN: [HeaderName; 8] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::HOST,
    header::ORIGIN,
    header::REFERER,
    header::ACCEPT,
    header::USER_AGENT,
    header::CONTENT_TYPE,
];

/// The header by which a proxy names who signed in there.
#[derive(Clone, Debug)]
pub struct TrustedHeader {
    name: HeaderName,
    networks: Vec<IpNet>,
    issuer: Option<String>,
    has_second_factor: bool,
}

/// A trusted header cannot be configured like that.
#[derive(Debug, thiserror::Error)]
pub enum TrustedHeaderError {
    /// It is no header's name, or one that means something else.
    #[error(
        "'{name}' cannot be the header that names people: choose one of its own, such as X-Signed-In-User"
    )]
    BadName {
        /// The name, cut.
        name: String,
    },
    /// Nobody is trusted.
    #[error("name the networks of the proxies that may set the header, such as 127.0.0.1/32")]
    NoNetworks,
    /// Everybody is.
    #[error(
        "the network {network} is far too wide: whoever is in it may be anybody here; name the proxies alone"
    )]
    TooWide {
        /// The network.
        network: IpNet,
    },
}

/// Whom a proxy has let in, for the request at hand.
#[derive(Clone, Debug)]
pub(crate) struct LetIn(pub(crate) String);

impl TrustedHeader {
    /// The header of this name, from connections of these networks. It holds the name of an account, or what `issuer` calls
    /// somebody who is linked with it. `has_second_factor` where signing in at the proxy counts as one with a second factor.
    pub fn new(
        name: &str,
        networks: Vec<IpNet>,
        issuer: Option<String>,
        has_second_factor: bool,
    ) -> Result<Self, TrustedHeaderError> {
        let bad = || TrustedHeaderError::BadName { name: name.chars().take(60).collect() };
        let name = HeaderName::try_from(name).map_err(|_| bad())?;
        let is_taken =
            TAKEN.contains(&name) || name.as_str().starts_with("sec-") || name == "x-forwarded-for";
        if is_taken {
            return Err(bad());
        }
        if networks.is_empty() {
            return Err(TrustedHeaderError::NoNetworks);
        }
        let is_wide = |network: &&IpNet| match network {
            IpNet::V4(network) => network.prefix_len() < 8,
            IpNet::V6(network) => network.prefix_len() < 16,
        };
        if let Some(network) = networks.iter().find(is_wide) {
            return Err(TrustedHeaderError::TooWide { network: *network });
        }
        Ok(TrustedHeader { name, networks, issuer, has_second_factor })
    }

    /// Whether signing in at the proxy counts as one with a second factor.
    pub(crate) fn has_second_factor(&self) -> bool {
        self.has_second_factor
    }

    /// The account that is meant; `None` for one that is not there or shut.
    pub(crate) async fn account(&self, state: &AppState, let_in: &str) -> Result<Option<User>, Fault> {
        let user = match &self.issuer {
            Some(issuer) => state.store.user_at_provider(issuer, let_in).await?,
            None => match UserName::new(let_in) {
                Ok(name) => state.store.user_by_name(&name).await?,
                Err(_) => None,
            },
        };
        Ok(user.filter(|user| user.disabled_at.is_none()))
    }

    fn trusts(&self, request: &Request) -> bool {
        // A caller in this process is no proxy.
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        peer.is_some_and(|peer| {
            let address = peer.0.ip().to_canonical();
            self.networks.iter().any(|network| network.contains(&address))
        })
    }
}

/// Takes the header from every request, and remembers whom it names where it may.
pub(crate) async fn guard(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let Some(header) = &state.config.trusted_header else { return next.run(request).await };
    let sent = take(request.headers_mut(), &header.name);
    let let_in = match (header.trusts(&request), read(&sent, &header.name)) {
        (false, _) => None,
        (true, Ok(let_in)) => let_in,
        (true, Err(())) => {
            let detail = "The proxy in front names nobody, or several people at once.".into();
            return Failure::BadRequest(detail).into_response();
        }
    };
    if let Err(fault) = end_of_another(&state, header, request.headers(), let_in.as_deref()).await {
        return Failure::from(fault).into_response();
    }
    if let Some(let_in) = let_in {
        request.extensions_mut().insert(LetIn(let_in));
    }
    next.run(request).await
}

/// Ends the session of a request that was begun under another name, or that belongs to somebody else than is named now.
async fn end_of_another(
    state: &AppState,
    header: &TrustedHeader,
    headers: &HeaderMap,
    let_in: Option<&str>,
) -> Result<(), Fault> {
    let Some(secret) = session_cookie::read(headers, state.config.is_https()) else { return Ok(()) };
    let Some((user, bound)) = state.store.session_owner(&secret).await? else { return Ok(()) };
    let is_same = match (bound.as_deref(), let_in) {
        (Some(bound), let_in) => let_in == Some(bound),
        (None, None) => true,
        (None, Some(let_in)) => {
            header.account(state, let_in).await?.is_some_and(|account| account.id == user)
        }
    };
    if !is_same {
        state.store.end_session(&secret).await?;
    }
    Ok(())
}

/// Takes away the header and whatever something behind could take for it: `-` and `_` are one to many.
fn take(headers: &mut HeaderMap, name: &HeaderName) -> Vec<(HeaderName, HeaderValue)> {
    let plain = |name: &HeaderName| name.as_str().replace('_', "-");
    let meant: Vec<HeaderName> = headers.keys().filter(|one| plain(one) == plain(name)).cloned().collect();
    let mut taken = Vec::new();
    for one in meant {
        taken.extend(headers.get_all(&one).iter().map(|value| (one.clone(), value.clone())));
        headers.remove(&one);
    }
    taken
}

/// The one name; an error where there are several, or one that is none.
fn read(sent: &[(HeaderName, HeaderValue)], name: &HeaderName) -> Result<Option<String>, ()> {
    match sent {
        [] => Ok(None),
        [(one, value)] if one == name => {
            let text = std::str::from_utf8(value.as_bytes()).map_err(|_| ())?.trim();
            let fits =
                !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control);
            // A proxy that joins several copies joins them with a comma.
            if fits && !text.contains(',') { Ok(Some(text.to_owned())) } else { Err(()) }
        }
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_are_not_trusted() {
        let new = |name: &str, networks: &[&str]| {
            let networks = networks.iter().map(|net| net.parse().unwrap()).collect();
            TrustedHeader::new(name, networks, None, false)
        };
        assert!(new("X-Signed-In-User", &["127.0.0.1/32", "10.0.0.0/8", "fd00::/16"]).is_ok());
        assert!(matches!(new("X-User", &[]), Err(TrustedHeaderError::NoNetworks)));
        for wide in ["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "::/3"] {
            let refused = new("X-User", &["127.0.0.1/32", wide]);
            assert!(matches!(refused, Err(TrustedHeaderError::TooWide { .. })), "{wide}");
        }
        for name in ["", "a b", "Cookie", "authorization", "Host", "X-Forwarded-For", "Sec-Fetch-Site"] {
            let refused = new(name, &["127.0.0.1/32"]);
            assert!(matches!(refused, Err(TrustedHeaderError::BadName { .. })), "{name}");
        }
    }
}
