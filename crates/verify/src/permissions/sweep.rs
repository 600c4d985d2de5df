//! Takes away what proofs made, this one's and what an interrupted one left.

use super::garden::{PREFIX, accounts};
use super::planted::HOST;
use super::{Setup, VerifyError};
use access::HostId;
use store::ChangeUserError;

/// Leaves nothing behind but the accounts, shut: names in the log go on meaning somebody.
pub(super) async fn sweep(setup: &Setup<'_>) -> Result<(), VerifyError> {
    setup.store.remove_permission_source(&HostId(HOST.to_owned())).await?;
    for row in setup.store.maintenance().repositories().await? {
        if row.name.as_str().starts_with(PREFIX) {
            setup.store.remove_repository(row.id).await?;
        }
    }
    for name in accounts() {
        let Some(account) = setup.store.service_account(&name).await? else { continue };
        for token in setup.store.tokens_of(account.id).await? {
            setup.store.revoke_token(account.id, &token.id).await?;
        }
        if account.disabled_at.is_none() {
            match setup.store.set_disabled(account.id, true).await {
                Ok(()) | Err(ChangeUserError::Unknown) => {}
                Err(ChangeUserError::Fault(fault)) => return Err(fault.into()),
                Err(error) => return Err(VerifyError::Plant { reason: error.to_string() }),
            }
        }
    }
    match std::fs::remove_dir_all(&setup.scratch) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(VerifyError::Plant { reason: format!("cannot remove {}: {error}", setup.scratch.display()) })
        }
        _ => Ok(()),
    }
}
