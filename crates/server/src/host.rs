//! Under which names the server lets itself be asked.
//!
//! SECURITY: a page of a stranger's site can make its own name point to this machine (DNS rebinding) and then read
//! whatever answers. So a name must be one the operator gave; numbers cannot be rebound.

use crate::ServerConfig;
use crate::failure::Failure;
use crate::state::AppState;
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The host names that are accepted beside numeric addresses and `localhost`.
#[derive(Clone, Debug)]
pub(crate) struct AllowedHosts {
    names: Vec<String>,
}

impl AllowedHosts {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        let public = config.public_url.iter().filter_map(|url| url.host_str().map(str::to_owned));
        let names = public.chain(config.hosts_allowed.iter().cloned());
        AllowedHosts { names: names.map(|name| normal(&name)).collect() }
    }

    /// Whether a `Host` header (or the authority of an HTTP/2 request) is acceptable.
    pub(crate) fn accepts(&self, authority: &str) -> bool {
        let Some(host) = host_of(authority) else { return false };
        let is_number = host.parse::<Ipv4Addr>().is_ok()
            || host
                .strip_prefix('[')
                .and_then(|host| host.strip_suffix(']'))
                .is_some_and(|host| host.parse::<Ipv6Addr>().is_ok());
        let host = normal(host);
        is_number || host == "localhost" || host.ends_with(".localhost") || self.names.contains(&host)
    }
}

/// Refuses requests under names that are not ours, before anything looks at them.
pub(crate) async fn check(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let by_header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = request.uri().authority().map(|authority| authority.as_str()).or(by_header);
    match authority.is_some_and(|authority| state.hosts.accepts(authority)) {
        true => next.run(request).await,
        false => Failure::WrongHost.into_response(),
    }
}

/// The host of an authority, without the port; `None` where it is not an authority.
fn host_of(authority: &str) -> Option<&str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']' | ':');
    if authority.is_empty() || !authority.chars().all(is_plain) {
        return None;
    }
    let after_bracket = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[after_bracket..].find(':') {
        Some(colon) => {
            let (host, port) = authority.split_at(after_bracket + colon);
            port[1..].parse::<u16>().is_ok().then_some(host)
        }
        None => Some(authority),
    }
}

fn normal(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_the_operator_gave() {
        let public_url = Some(url::Url::parse("https://Code.Example.org/").unwrap());
        let config =
            ServerConfig { public_url, hosts_allowed: vec!["keep".into()], ..ServerConfig::default() };
        let hosts = AllowedHosts::new(&config);
        for good in [
            "127.0.0.1:7080",
            "127.0.0.1",
            "[::1]:7080",
            "[::1]",
            "localhost",
            "LOCALHOST:80",
            "code.example.org",
            "code.example.org.:443",
            "keep:7080",
            "192.0.2.7:1",
        ] {
            assert!(hosts.accepts(good), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "localhost.evil.example",
            "code.example.org.evil",
            "127.0.0.1.evil.example",
            "127.0.0.1@evil",
            "127.0.0.1:x",
            "127.0.0.1:70800",
            "2130706433",
            "::1",
            "[::1].evil",
            "localhost/x",
            " localhost",
        ] {
            assert!(!hosts.accepts(bad), "{bad}");
        }
    }
}
