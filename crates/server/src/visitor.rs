//! Whoever sent a request, before anybody knows who that is: the address to blame for failures.

use crate::ServerConfig;
use crate::request_id::RequestId;
use crate::state::AppState;
use crate::trusted_header::LetIn;
use access::ClientAddress;
use access::audit::Origin;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use store::Store;

/// Longest chain of proxies that is followed.
const N_HOPS_MAX: usize = 20;

/// Whoever sent a request.
pub(crate) struct Visitor {
    /// Where they are.
    pub(crate) address: ClientAddress,
    /// Whom a proxy in front named, if one may and did.
    pub(crate) let_in: Option<String>,
    /// The store, acting for nobody in particular: the log says from where, and in which request.
    pub(crate) store: Store,
}

impl Visitor {
    /// What handlers share, acting for nobody in particular, from this request.
    pub(crate) fn acting(&self, state: &AppState) -> AppState {
        state.acting(self.store.origin())
    }
}

impl FromRequestParts<AppState> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let address = client_address(&parts.extensions, &parts.headers, &state.config);
        let request = parts.extensions.get::<RequestId>().map(|id| id.0.as_str());
        let origin = Origin::nobody().from_request(Some(address), request);
        let let_in = parts.extensions.get::<LetIn>().map(|let_in| let_in.0.clone());
        Ok(Visitor { address: ClientAddress::from(address), let_in, store: state.store.by(origin) })
    }
}

/// The address a request came from; this machine for callers in the same process. SECURITY: `X-Forwarded-For` counts only
/// where a proxy sent it that the operator named, and only as far as such proxies wrote it: from its end.
pub(crate) fn client_address(extensions: &Extensions, headers: &HeaderMap, config: &ServerConfig) -> IpAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
    let mut address = peer.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let lines = headers.get_all("x-forwarded-for").iter().rev().filter_map(|line| line.to_str().ok());
    for hop in lines.flat_map(|line| line.rsplit(',')).take(N_HOPS_MAX) {
        if !config.is_trusted_proxy(address) {
            break;
        }
        let Ok(earlier) = hop.trim().parse::<IpAddr>() else { break };
        address = earlier.to_canonical();
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn seen(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let trusted_proxies = trusted.iter().map(|net| net.parse().unwrap()).collect();
        let config = ServerConfig { trusted_proxies, ..ServerConfig::default() };
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_str(line).unwrap());
        }
        client_address(&extensions, &headers, &config).to_string()
    }

    /// Threat X, X-Forwarded-* poisoning: a stranger's header is no address.
    #[test]
    fn only_named_proxies_say_whom_they_speak_for() {
        assert_eq!(seen(&[], "192.0.2.9", &["198.51.100.1"]), "192.0.2.9");
        assert_eq!(seen(&["10.0.0.0/8"], "192.0.2.9", &["198.51.100.1"]), "192.0.2.9");
        assert_eq!(seen(&["10.0.0.0/8"], "10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen(&["10.0.0.0/8"], "10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(seen(&["10.0.0.0/8"], "::ffff:10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
    }

    #[test]
    fn what_the_client_wrote_itself_is_passed_over() {
        assert_eq!(seen(&["10.0.0.0/8"], "10.0.0.1", &["1.2.3.4, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen(&["10.0.0.0/8"], "10.0.0.1", &["1.2.3.4", "198.51.100.1, 10.0.0.2"]), "198.51.100.1");
        assert_eq!(seen(&["10.0.0.0/8"], "10.0.0.1", &["10.0.0.7, nonsense"]), "10.0.0.1");
        assert_eq!(seen(&["10.0.0.0/8"], "10.0.0.1", &["198.51.100.1, 10.0.0.2, 10.0.0.3"]), "198.51.100.1");
    }
}
