//! The instance's end of pings: those that were approved, on their way to a hub.
//!
//! A request holds the approved bytes and nothing else that is this server's: no id, no cookie, no key. The hub sees an address
//! that a connection comes from, as every server does, and keeps none (`desk`).

use egress::{Destination, DestinationError, Egress, IpNet, Limits, Purpose, Reach};
use http::{Method, Request, header};
use store::{Fault, Posted, Store};
use telemetry::PING_BYTES_MAX;

/// Longest answer that is read, in bytes.
const REPLY_BYTES_MAX: usize = 4096;

/// Sends what was approved to one address.
pub struct PingSender {
    store: Store,
    egress: Egress,
    destination: Destination,
    address: String,
}

impl PingSender {
    /// The address of a hub's intake of pings, as it is approved and shown.
    pub fn address_of(hub: &str) -> String {
        format!("{}/hub/v1/ping", hub.trim_end_matches('/'))
    }

    /// For the hub at this address, in networks that are not public only where they are named.
    pub fn new(
        store: Store,
        egress: Egress,
        hub: &str,
        networks: Vec<IpNet>,
    ) -> Result<Self, DestinationError> {
        let destination =
            Destination::new(Purpose::Ping, hub, networks, Reach::OwnOrigin)?.asked_by("weekly ping");
        Ok(PingSender { store, egress, destination, address: PingSender::address_of(hub) })
    }

    /// Sends what may be sent now, one after the other, each once. Returns how many were received. What the mode of the server
    /// keeps in waits for another mode, and counts as no try.
    pub async fn send_due(&self) -> Result<usize, Fault> {
        let mut n_received = 0;
        while self.egress.policy().mode.allows(Purpose::Ping)
            && let Some(ping) = self.store.take_ping(&self.address).await?
        {
            let posted = self.post(ping.bytes).await;
            n_received += usize::from(matches!(posted, Posted::Received { .. }));
            self.store.ping_posted(ping.id, &self.address, &posted).await?;
        }
        Ok(n_received)
    }

    async fn post(&self, bytes: Vec<u8>) -> Posted {
        let not_received = |reason: String| Posted::NotReceived { reason };
        if bytes.len() > PING_BYTES_MAX {
            return not_received(format!("a ping has at most {PING_BYTES_MAX} bytes"));
        }
        let limits = Limits {
            body_bytes_max: REPLY_BYTES_MAX,
            n_redirects_max: 0,
            n_at_once_max: 1,
            ..Limits::default()
        };
        // A client for one ping: its connection ends with it, and two pings share none.
        let client = match self.egress.client(self.destination.clone(), limits) {
            Ok(client) => client,
            Err(error) => return not_received(error.to_string()),
        };
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.address)
            .header(header::CONTENT_TYPE, "application/json")
            .body(bytes);
        let request = match request {
            Ok(request) => request,
            Err(error) => return not_received(error.to_string()),
        };
        match client.send(request).await {
            Ok(answer) if answer.status().is_success() => {
                Posted::Received { status: answer.status().as_u16(), reply: answer.into_body() }
            }
            Ok(answer) => not_received(format!("the hub answered with {}", answer.status().as_u16())),
            Err(error) => not_received(error.to_string()),
        }
    }
}
