//! Receiving webhooks: whose a delivery is, whether it was here before, and what is asked of the host because of it.

use crate::HostKind;
use crate::webhook::{About, Delivery, HookRefusal, REMEMBERED, read};
use crate::worker::{SyncHostError, SyncWorker, request_sync};
use access::audit::{Act, Entry};
use http::HeaderMap;
use store::{CodeHost, Store};

/// What became of a delivery. To the sender, all that is not taken is one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It is taken; something may be asked of the host because of it.
    Taken,
    /// It was taken before.
    Known,
    /// It is not the host's.
    Refused(HookRefusal),
}

impl SyncWorker {
    /// The host whose webhook has this address.
    pub async fn host_of_hook(&self, hook_id: &str) -> Result<Option<CodeHost>, SyncHostError> {
        Ok(self.store().code_host_by_hook(hook_id).await?)
    }

    /// Takes a delivery: checked over its exact bytes, told apart from earlier ones, and used to ask the host sooner for what
    /// it names. `store` acts for whoever sent it.
    pub async fn receive(
        &self,
        store: &Store,
        host: &CodeHost,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Received, SyncHostError> {
        let kind: HostKind = host.kind.parse()?;
        let secret = store.code_host_hook_secret(&host.id).await?;
        let secret = secret.as_ref().map(|secret| secret.expose()).unwrap_or_default();
        let entry = Entry::new(Act::ReceiveWebhook, host.object());
        let delivery = match read(kind, headers, body, secret, self.now()) {
            Ok(delivery) => delivery,
            Err(refusal) => {
                store.record(entry.refused(&refusal.to_string())).await?;
                return Ok(Received::Refused(refusal));
            }
        };
        if !store.remember_delivery(&host.id, &delivery.id, self.now().minus(REMEMBERED)).await? {
            store.record(entry.refused("it was delivered before").detail("delivery", &delivery.id)).await?;
            return Ok(Received::Known);
        }
        store.record(entry.detail("delivery", &delivery.id)).await?;
        self.obey(store, host, &delivery).await?;
        Ok(Received::Taken)
    }

    async fn obey(&self, store: &Store, host: &CodeHost, delivery: &Delivery) -> Result<(), SyncHostError> {
        match &delivery.about {
            About::Nothing => {}
            About::Pushed(id) => match store.repository_of_host(&host.id, id).await? {
                Some(repository) => self.queue(vec![repository]).await?,
                None => request_sync(store, &host.id, false).await?,
            },
            About::Repository(_) | About::Host => request_sync(store, &host.id, false).await?,
        }
        Ok(())
    }
}
