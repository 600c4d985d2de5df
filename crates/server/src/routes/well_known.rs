//! `/.well-known/sourcekeep`: who this server is. Open to all, and nothing else is in it: no name, no version.

use crate::failure::Failure;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hub::Fingerprint;
use serde::Serialize;
use store::SignerRole;

/// What is said.
#[derive(Serialize)]
pub(crate) struct WhoIsThis {
    product: &'static str,
    /// SHA-256 of the public key: the server's id.
    key_id: String,
    /// Ed25519, in base64.
    public_key: String,
}

/// Who this server is.
pub(crate) async fn sourcekeep(State(state): State<AppState>) -> Result<Json<WhoIsThis>, Failure> {
    let key = state.store.instance_signer(SignerRole::Registration).await?.ok_or(Failure::NotFound)?;
    let public = key.public();
    Ok(Json(WhoIsThis {
        product: "sourcekeep",
        key_id: Fingerprint::of(&public).to_string(),
        public_key: STANDARD.encode(public),
    }))
}
