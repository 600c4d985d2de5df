//! `/account/totp` and `/account/recovery-codes`: one's second factors.

use crate::caller::{BySession, SteppedUp};
use crate::failure::Failure;
use crate::qr::{self, QrPicture};
use crate::searching::sentence;
use crate::shell::Shell;
use crate::signing_in::{second_factor_required, with_session};
use crate::state::AppState;
use access::{RecoveryCode, SessionSecret, TotpCode, TotpSeed, UserName};
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::{ChangeFactorError, Enrolling};

/// A seed as a page shows it.
pub(crate) struct QrView {
    /// For scanning.
    pub(crate) picture: QrPicture,
    /// For typing.
    pub(crate) key_text: String,
}

impl QrView {
    pub(crate) fn new(seed: &TotpSeed, name: &UserName) -> Result<Self, Failure> {
        let picture = qr::draw(&seed.uri(name));
        let picture = picture.ok_or_else(|| Failure::internal("the address of a seed fits no QR code"))?;
        Ok(QrView { picture, key_text: seed.key_text().to_string() })
    }
}

#[derive(Template)]
#[template(path = "account_totp.html")]
struct EnrolPage {
    shell: Shell,
    name: String,
    qr: QrView,
    fault: Option<String>,
}

/// Recovery codes, shown once.
#[derive(Template)]
#[template(path = "recovery_codes.html")]
pub(crate) struct CodesPage {
    shell: Shell,
    codes: Vec<String>,
    go_on: String,
}

impl CodesPage {
    pub(crate) fn new(shell: Shell, codes: &[RecoveryCode], go_on: String) -> Self {
        CodesPage { shell, codes: codes.iter().map(|code| code.reveal().to_string()).collect(), go_on }
    }

    pub(crate) fn answer(&self) -> Result<Response, Failure> {
        let mut response = Html(self.render().map_err(Failure::internal)?).into_response();
        keep_nowhere(&mut response);
        Ok(response)
    }
}

/// What shows a secret is kept by no cache, the browser's for going back included.
pub(crate) fn keep_nowhere(response: &mut Response) {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// The form that confirms.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Code {
    code: String,
}

/// Draws a seed and goes to the page that shows it.
pub(crate) async fn draw(SteppedUp(by): SteppedUp) -> Result<Response, Failure> {
    by.store.draw_totp(by.user, Enrolling::Session(&by.session)).await?;
    Ok(Redirect::to("/account/totp").into_response())
}

/// The seed, until it is confirmed.
pub(crate) async fn page(SteppedUp(by): SteppedUp) -> Result<Response, Failure> {
    render(&by, None).await
}

/// Confirms it. The session goes on under another secret; recovery codes are shown this once.
pub(crate) async fn confirm(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Form(form): Form<Code>,
) -> Result<Response, Failure> {
    let confirmed = match TotpCode::parse(&form.code) {
        Some(code) => by.store.confirm_totp(by.account(), &by.session, &code).await,
        None => Err(ChangeFactorError::WrongCode),
    };
    match confirmed {
        Ok(codes) if codes.is_empty() => {
            let response = Redirect::to("/account?done=totp").into_response();
            with_session(&state, &rotated(&by).await?, response)
        }
        Ok(codes) => {
            let shell = by.caller.shell("Recovery codes", "account");
            let page = CodesPage::new(shell, &codes, "/account?done=totp".into());
            with_session(&state, &rotated(&by).await?, page.answer()?)
        }
        Err(ChangeFactorError::Fault(fault)) => Err(fault.into()),
        Err(error) => {
            let mut page = render(&by, Some(sentence(&error.to_string()))).await?;
            // Where no seed was drawn it is the way to where one is.
            if page.status().is_success() {
                *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            }
            Ok(page)
        }
    }
}

/// Removes the authenticator app.
pub(crate) async fn remove(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
) -> Result<Response, Failure> {
    let is_required = second_factor_required(&state).await?;
    match by.store.remove_totp(by.account(), is_required).await {
        Ok(()) => {
            let response = Redirect::to("/account?done=totp-removed").into_response();
            with_session(&state, &rotated(&by).await?, response)
        }
        Err(error) => Err(refusal(error)),
    }
}

/// Draws new recovery codes; the old ones are worth nothing from then on.
pub(crate) async fn draw_codes(SteppedUp(by): SteppedUp) -> Result<Response, Failure> {
    let codes = by.store.draw_recovery_codes(by.account()).await.map_err(refusal)?;
    let shell = by.caller.shell("Recovery codes", "account");
    CodesPage::new(shell, &codes, "/account".into()).answer()
}

/// SECURITY: after what an account is protected by has changed, the session goes on under another secret.
pub(crate) async fn rotated(by: &BySession) -> Result<SessionSecret, Failure> {
    by.store.rotate_session(&by.secret).await?.ok_or(Failure::NotSignedIn)
}

/// A change of factors that cannot be, as a page of its own: its button is shown where it can be only.
pub(crate) fn refusal(error: ChangeFactorError) -> Failure {
    match error {
        ChangeFactorError::Fault(fault) => fault.into(),
        ChangeFactorError::Unknown => Failure::NotFound,
        error => Failure::Conflict(sentence(&error.to_string())),
    }
}

async fn render(by: &BySession, fault: Option<String>) -> Result<Response, Failure> {
    let drawn = by.store.drawn_totp(by.user, Enrolling::Session(&by.session)).await?;
    let Some(seed) = drawn else { return Ok(Redirect::to("/account").into_response()) };
    let page = EnrolPage {
        shell: by.caller.shell("Authenticator app", "account"),
        name: by.name.to_string(),
        qr: QrView::new(&seed, &by.name)?,
        fault,
    };
    let mut response = Html(page.render().map_err(Failure::internal)?).into_response();
    keep_nowhere(&mut response);
    Ok(response)
}
