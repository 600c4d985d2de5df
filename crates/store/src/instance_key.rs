//! The key by which this instance is known: made at the first start, sealed, signing from then on.

use crate::database::values;
use crate::sealing::{SealedColumn, sealed_column};
use crate::{Fault, Store};
use std::sync::Arc;
use tlog::{SigningKey, VerifyingKey};
use zeroize::Zeroizing;

pub(crate) const SEED: SealedColumn = sealed_column!("instance_key", "id", "sealed");

/// The log that the instance keeps of what leaves it.
const EGRESS: &str = "egress";

impl Store {
    /// The key that signs the checkpoints of the egress ledger; `None` where there is no master key to keep it under.
    pub(crate) async fn egress_signer(&self) -> Result<Option<Arc<SigningKey>>, Fault> {
        let known = self.inner.egress_signer.get_or_try_init(|| self.open_egress_signer()).await?;
        Ok(known.clone())
    }

    /// What the signatures on checkpoints of the egress ledger are checked with.
    pub async fn egress_verifying_key(&self) -> Result<Option<VerifyingKey>, Fault> {
        Ok(self.egress_signer().await?.map(|key| key.verifying_key()))
    }

    /// The instance's key, to sign in a role of its own; `None` where there is no master key to keep it under.
    ///
    /// SECURITY: one key signs in every role. Each role's texts begin with a line that no other's begin with.
    pub async fn instance_signer(&self, role: SignerRole) -> Result<Option<SigningKey>, Fault> {
        let Some(key) = self.egress_signer().await? else { return Ok(None) };
        let name = name_of(&key.public(), role.word());
        key.under(&name).map(Some).map_err(|_| IMPOSSIBLE)
    }

    async fn open_egress_signer(&self) -> Result<Option<Arc<SigningKey>>, Fault> {
        const READ: &str = "SELECT sealed FROM instance_key WHERE id = 1";
        const PUT: &str = "INSERT INTO instance_key (id, public, sealed, made_at) VALUES (1, $1, $2, $3) \
             ON CONFLICT (id) DO NOTHING";
        if self.inner.vault.newest().is_none() {
            return Ok(None);
        }
        let row = match self.database().row(READ, values![]).await? {
            Some(row) => Some(row),
            None => {
                let mut seed = Zeroizing::new([0; 32]);
                self.inner.randomness.fill(&mut *seed)?;
                let public = signing_key(&seed)?.public();
                let sealed = self.seal(&SEED, 1, &*seed)?;
                self.database().execute(PUT, values![public.to_vec(), sealed, self.now()]).await?;
                // Another process may have been faster.
                self.database().row(READ, values![]).await?
            }
        };
        let Some(row) = row else { return Ok(None) };
        let opened = self.open_sealed(&SEED, 1, &row.bytes("sealed")?)?;
        let seed: Zeroizing<[u8; 32]> = Zeroizing::new(opened.expose().try_into().map_err(|_| IMPOSSIBLE)?);
        Ok(Some(Arc::new(signing_key(&seed)?)))
    }
}

const IMPOSSIBLE: Fault = Fault::ImpossibleValue { column: "instance_key.sealed" };

/// In which role the instance's key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignerRole {
    /// As a server that makes itself known to a hub.
    Registration,
    /// As a hub.
    Hub,
}

impl SignerRole {
    fn word(self) -> &'static str {
        match self {
            SignerRole::Registration => "registration",
            SignerRole::Hub => "hub",
        }
    }
}

/// The key's name says in which role it signs: `sourcekeep-<id>/egress`, the id being the beginning of the key itself.
fn name_of(public: &[u8; 32], role: &str) -> String {
    let id: String = public[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sourcekeep-{id}/{role}")
}

fn signing_key(seed: &[u8; 32]) -> Result<SigningKey, Fault> {
    let nameless = SigningKey::new("sourcekeep", seed).map_err(|_| IMPOSSIBLE)?;
    SigningKey::new(&name_of(&nameless.public(), EGRESS), seed).map_err(|_| IMPOSSIBLE)
}
