//! Every route there is, in one table: address, methods, who may come in, and what answers.
//!
//! The router is built from the table, so no route can be missing from it; doors are layers, so no handler can forget
//! to ask who is calling.

mod account;
mod account_counting;
pub(crate) mod account_factors;
mod account_passkeys;
mod account_providers;
mod account_sessions;
mod account_tokens;
mod admin_access;
mod admin_access_user;
mod admin_audit;
mod admin_break_glass;
mod admin_egress;
mod admin_groups;
mod admin_host;
mod admin_hosts;
mod admin_outbox;
mod admin_permissions;
mod admin_reviews;
mod admin_roles;
mod admin_rules;
mod admin_service;
mod admin_sign_in;
mod admin_usage;
mod admin_user;
mod admin_user_providers;
mod admin_users;
mod aggregate;
mod api;
mod api_contexts;
mod api_exports;
mod api_files;
mod api_precise;
mod api_repos;
mod api_search;
mod api_zoekt;
mod assets;
pub(crate) mod complete;
mod contexts;
mod data_collection;
mod dot_api;
mod dot_api_scip;
mod dot_api_stream;
mod exports;
mod fallback;
mod goto;
mod healthz;
mod home;
mod hooks;
mod link;
mod mcp;
mod openapi;
mod print;
pub(crate) mod r;
mod r_blame;
pub(crate) mod r_blob;
mod r_branches;
mod r_commit;
mod r_compare;
mod r_contributors;
mod r_log;
pub(crate) mod r_nav;
mod r_precise;
mod r_raw;
mod r_skipped;
mod r_tree;
mod r_version;
mod repos;
mod search;
mod search_view;
mod setup;
mod sign_in;
mod sign_in_passkey;
mod sign_in_provider;
mod sign_in_second;
mod step_up;
mod well_known;
mod why;

use crate::caller::{Caller, recognized, theme_of};
use crate::compatible::{caller_by_token, refusal};
use crate::failure::Failure;
use crate::state::AppState;
use crate::visitor::client_address;
use crate::{ServerConfig, recording, same_origin};
use access::{Capability, Verb};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get, post};
use std::net::IpAddr;
use std::time::{Duration, Instant};

pub(crate) use dot_api_stream::alert_of as stream_alert;

/// Who may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Anybody who reaches the server.
    Open,
    /// Whoever signed in or sent a valid token.
    SignedIn,
    /// Whoever sent a valid token, in any of the forms that clients of other code search servers use. No cookie counts.
    Token,
    /// Whoever signs what they send: webhooks of code hosts. No cookie and no token counts.
    Signed,
    /// Whoever administers the instance, in a browser: no token.
    Administrator,
    /// Whoever has a role that allows this, in a browser; numbers about the process with a token too.
    Role(Capability),
}

/// SECURITY: a token proves nothing anew and is copied easily, so none opens the administration, whatever its verbs.
pub(crate) const BROWSERS_ONLY: &str = "This is done in a browser, signed in; a token does not allow it.";

/// A route as the outside may know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteInfo {
    /// The pattern of its address.
    pub path: &'static str,
    /// The methods it answers.
    pub methods: &'static [&'static str],
    /// Who may come in.
    pub door: Door,
}

/// One row of the table.
struct Route {
    path: &'static str,
    methods: &'static [&'static str],
    door: Door,
    answer: MethodRouter<AppState>,
}

/// Every route, without what answers it.
pub(crate) fn list() -> Vec<RouteInfo> {
    let info = |route: &Route| RouteInfo { path: route.path, methods: route.methods, door: route.door };
    table().iter().map(info).collect()
}

/// The table.
fn table() -> Vec<Route> {
    let open = |path, methods, answer| Route { path, methods, door: Door::Open, answer };
    let signed_in = |path, answer| Route { path, methods: &["GET"], door: Door::SignedIn, answer };
    let with_methods = |path, methods, answer| Route { path, methods, door: Door::SignedIn, answer };
    vec![
        open("/healthz", &["GET"], get(healthz::healthz)),
        open("/readyz", &["GET"], get(healthz::readyz)),
        open("/.well-known/sourcekeep", &["GET"], get(well_known::sourcekeep)),
        open("/assets/{digest}/{name}", &["GET"], get(assets::asset)),
        open("/sign-in", &["GET", "POST"], get(sign_in::page).post(sign_in::submit)),
        open("/sign-in/second", &["GET", "POST"], get(sign_in_second::page).post(sign_in_second::submit)),
        open("/sign-in/second/begin", &["POST"], post(sign_in_second::begin)),
        open("/sign-in/passkey/begin", &["POST"], post(sign_in_passkey::begin)),
        open("/sign-in/passkey", &["POST"], post(sign_in_passkey::submit)),
        open("/sign-in/enrol", &["GET", "POST"], get(sign_in_second::enrol_page).post(sign_in_second::enrol)),
        open("/sign-in/enrol/begin", &["POST"], post(sign_in_second::enrol_begin)),
        open("/sign-in/provider/{id}", &["POST"], post(sign_in_provider::begin)),
        open("/sign-in/provider/{id}/back", &["GET"], get(sign_in_provider::back)),
        open("/sign-in/provider/{id}/sign-out", &["POST"], post(sign_in_provider::sign_out)),
        open("/link/{secret}/provider/{id}", &["POST"], post(link::at_provider)),
        with_methods("/account/providers/{id}/{act}", &["POST"], post(account_providers::act)),
        with_methods("/step-up/provider/{id}", &["POST"], post(account_providers::step_up)),
        open("/setup/{secret}", &["GET", "POST"], get(setup::page).post(setup::submit)),
        Route {
            path: "/sign-out",
            methods: &["POST"],
            door: Door::SignedIn,
            answer: post(sign_in::sign_out),
        },
        with_methods("/step-up", &["GET", "POST"], get(step_up::page).post(step_up::submit)),
        with_methods("/step-up/begin", &["POST"], post(step_up::begin)),
        with_methods("/account/passkeys", &["POST"], post(account_passkeys::add)),
        with_methods("/account/passkeys/begin", &["POST"], post(account_passkeys::begin)),
        with_methods("/account/passkeys/{id}/{act}", &["POST"], post(account_passkeys::act)),
        signed_in("/account", get(account::page)),
        with_methods("/account/counting", &["POST"], post(account_counting::submit)),
        with_methods("/account/password", &["POST"], post(account::change_password)),
        with_methods(
            "/account/totp",
            &["GET", "POST"],
            get(account_factors::page).post(account_factors::confirm),
        ),
        with_methods("/account/totp/draw", &["POST"], post(account_factors::draw)),
        with_methods("/account/totp/remove", &["POST"], post(account_factors::remove)),
        with_methods("/account/recovery-codes", &["POST"], post(account_factors::draw_codes)),
        with_methods(
            "/account/sessions",
            &["GET", "POST"],
            get(account_sessions::page).post(account_sessions::end_others),
        ),
        with_methods(
            "/account/tokens",
            &["GET", "POST"],
            get(account_tokens::page).post(account_tokens::create),
        ),
        signed_in("/account/access", get(admin_access_user::own)),
        with_methods("/account/tokens/{id}/revoke", &["POST"], post(account_tokens::revoke)),
        with_methods("/account/sessions/{id}/end", &["POST"], post(account_sessions::end_one)),
        open("/link/{secret}", &["GET", "POST"], get(link::page).post(link::submit)),
        Route {
            path: "/admin/users",
            methods: &["GET", "POST"],
            door: Door::Administrator,
            answer: get(admin_users::page).post(admin_users::invite),
        },
        Route {
            path: "/admin/users/{name}",
            methods: &["GET"],
            door: Door::Administrator,
            answer: get(admin_user::page),
        },
        Route {
            path: "/admin/users/{name}/{act}",
            methods: &["POST"],
            door: Door::Administrator,
            answer: post(admin_user::act),
        },
        Route {
            path: "/admin/sign-in",
            methods: &["GET", "POST"],
            door: Door::Administrator,
            answer: get(admin_sign_in::page).post(admin_sign_in::submit),
        },
        Route {
            path: "/metrics",
            methods: &["GET"],
            door: Door::Role(Capability::ReadMetrics),
            answer: get(healthz::metrics),
        },
        Route {
            path: "/admin/usage",
            methods: &["GET"],
            door: Door::Role(Capability::ReadMetrics),
            answer: get(admin_usage::page),
        },
        Route {
            path: "/api/v1/usage",
            methods: &["GET"],
            door: Door::Role(Capability::ReadMetrics),
            answer: get(admin_usage::answer),
        },
        Route {
            path: "/admin/outbox",
            methods: &["GET", "POST"],
            door: Door::Administrator,
            answer: get(admin_outbox::page).post(admin_outbox::submit),
        },
        Route {
            path: "/hooks/{id}",
            methods: &["POST"],
            door: Door::Signed,
            answer: post(hooks::receive).layer(DefaultBodyLimit::disable()),
        },
        signed_in("/", get(home::page)),
        signed_in("/search", get(search::page)),
        signed_in("/aggregate", get(aggregate::page)),
        signed_in("/why", get(why::page)),
        signed_in("/goto", get(goto::page)),
        signed_in("/repos", get(repos::page)),
        signed_in("/data-collection", get(data_collection::page)),
        with_methods("/contexts", &["GET", "POST"], get(contexts::page).post(contexts::submit)),
        with_methods("/exports", &["GET", "POST"], get(exports::page).post(exports::submit)),
        with_methods("/exports/{id}/{act}", &["POST"], post(exports::act)),
        with_methods("/r/{*address}", &["GET", "POST"], get(r::page).post(r_precise::submit)),
        signed_in("/api/v1/search", get(api_search::search)),
        signed_in("/api/v1/aggregate", get(aggregate::answer)),
        signed_in("/api/v1/complete", get(complete::complete)),
        signed_in("/api/v1/goto", get(goto::answer)),
        signed_in("/api/v1/repos", get(api_repos::list)),
        with_methods(
            "/api/v1/repos/{*address}",
            &["GET", "PATCH", "PUT", "POST", "DELETE"],
            get(api_files::resource)
                .patch(api_repos::describe)
                .put(api_precise::upload)
                .post(api_precise::upload)
                .delete(api_precise::delete),
        ),
        with_methods(
            "/api/v1/contexts",
            &["GET", "POST"],
            get(api_contexts::list).post(api_contexts::create),
        ),
        with_methods(
            "/api/v1/contexts/{*name}",
            &["GET", "PUT", "DELETE"],
            get(api_contexts::get).put(api_contexts::change).delete(api_contexts::delete),
        ),
        with_methods("/api/v1/exports", &["GET", "POST"], get(api_exports::list).post(api_exports::create)),
        with_methods(
            "/api/v1/exports/{id}",
            &["GET", "DELETE"],
            get(api_exports::get).delete(api_exports::delete),
        ),
        with_methods("/api/v1/exports/{id}/cancel", &["POST"], post(api_exports::cancel)),
        signed_in("/api/v1/exports/{id}/file", get(api_exports::file)),
        signed_in("/api/v1/status", get(api::status)),
        signed_in("/api/v1/openapi.json", get(openapi::document)),
    ]
    .into_iter()
    .chain(administration())
    .chain(compatible())
    .collect()
}

/// The pages of the administration, each behind the capability it needs.
fn administration() -> Vec<Route> {
    let page = |path, needs, answer| Route { path, methods: &["GET"], door: Door::Role(needs), answer };
    let form =
        |path, needs, answer| Route { path, methods: &["GET", "POST"], door: Door::Role(needs), answer };
    let act = |path, needs, answer| Route { path, methods: &["POST"], door: Door::Role(needs), answer };
    use Capability::{
        BreakGlass, ManageHosts, ManagePermissions, ManageRoles, ManageUsers, ReadAudit, RunReviews,
    };
    use admin_reviews as reviews;
    use {
        admin_audit as audit, admin_break_glass as emergency, admin_roles as roles, admin_service as service,
    };
    vec![
        form("/admin/groups", ManagePermissions, get(admin_groups::page).post(admin_groups::create)),
        form("/admin/groups/{name}", ManagePermissions, get(admin_groups::one).post(admin_groups::act)),
        form("/admin/access", ManagePermissions, get(admin_access::page).post(admin_access::act)),
        page("/admin/access/{name}", ManagePermissions, get(admin_access_user::page)),
        form("/admin/rules", ManagePermissions, get(admin_rules::page).post(admin_rules::act)),
        page("/admin/audit", ReadAudit, get(audit::page)),
        page("/admin/audit/file", ReadAudit, get(audit::file)),
        page("/admin/egress", ReadAudit, get(admin_egress::page)),
        page("/admin/egress/file", ReadAudit, get(admin_egress::file)),
        form("/admin/roles", ManageRoles, get(roles::page).post(roles::save)),
        act("/admin/roles/assign", ManageRoles, post(roles::assign)),
        act("/admin/roles/{name}/remove", ManageRoles, post(roles::remove)),
        form("/admin/service-accounts", ManageUsers, get(service::page).post(service::create)),
        act("/admin/service-accounts/{name}/{act}", ManageUsers, post(service::act)),
        act("/admin/service-accounts/{name}/tokens/{id}/revoke", ManageUsers, post(service::revoke)),
        form("/admin/hosts", ManageHosts, get(admin_hosts::page).post(admin_hosts::add)),
        page("/admin/hosts/new", ManageHosts, get(admin_hosts::new)),
        page("/admin/hosts/{id}", ManageHosts, get(admin_host::page)),
        form("/admin/hosts/{id}/{act}", ManageHosts, get(admin_host::back).post(admin_host::act)),
        form("/admin/reviews", RunReviews, get(reviews::page).post(reviews::start)),
        form("/admin/reviews/{id}", RunReviews, get(reviews::one).post(reviews::decide)),
        page("/admin/reviews/{id}/file", RunReviews, get(reviews::file)),
        form("/admin/break-glass", BreakGlass, get(emergency::page).post(emergency::take)),
        act("/admin/break-glass/{id}/end", BreakGlass, post(emergency::end)),
    ]
}

/// The addresses of the compatible interfaces. Older clients write two slashes before `.api`.
fn compatible() -> Vec<Route> {
    let get_only = |path, answer| Route { path, methods: &["GET"], door: Door::Token, answer };
    let post_only = |path, answer: MethodRouter<AppState>| {
        let answer = answer.layer(DefaultBodyLimit::max(dot_api::BODY_BYTES_MAX));
        Route { path, methods: &["POST"], door: Door::Token, answer }
    };
    let zoekt = |path, answer: MethodRouter<AppState>| {
        let answer = answer.fallback(api_zoekt::only_post);
        let answer = answer.layer(DefaultBodyLimit::max(api_zoekt::BODY_BYTES_MAX));
        Route { path, methods: &["POST"], door: Door::Token, answer }
    };
    vec![
        zoekt("/api/search", post(api_zoekt::search)),
        zoekt("/api/list", post(api_zoekt::list)),
        Route { path: "/print", methods: &["GET"], door: Door::SignedIn, answer: get(print::print) },
        Route { path: "/mcp", methods: &["POST"], door: Door::Token, answer: any(mcp::mcp) },
        get_only("/.api/search/stream", get(dot_api_stream::stream)),
        get_only("//.api/search/stream", get(dot_api_stream::stream)),
        post_only("/.api/graphql", post(dot_api::graphql)),
        post_only("//.api/graphql", post(dot_api::graphql)),
        Route {
            path: "/.api/scip/upload",
            methods: &["GET", "POST"],
            door: Door::Token,
            answer: get(dot_api_scip::probe).post(dot_api_scip::upload),
        },
        Route {
            path: "//.api/scip/upload",
            methods: &["GET", "POST"],
            door: Door::Token,
            answer: get(dot_api_scip::probe).post(dot_api_scip::upload),
        },
        Route {
            path: "/.api/lsif/upload",
            methods: &["POST"],
            door: Door::Token,
            answer: post(dot_api_scip::lsif),
        },
        get_only("/.api/src-cli/version", get(dot_api::src_cli_version)),
        get_only("//.api/src-cli/version", get(dot_api::src_cli_version)),
    ]
}

/// The router, doors in place.
pub(crate) fn router(state: AppState) -> Router {
    let mut router = Router::new();
    for route in table() {
        let answer = match route.door {
            Door::Open => route.answer,
            Door::SignedIn => route.answer.layer(from_fn_with_state(state.clone(), signed_in)),
            // SECURITY: no cookie counts behind this door, so that no form of another site can use one.
            Door::Token => {
                let answer = route.answer.layer(from_fn_with_state(state.clone(), by_token));
                router = router.route(route.path, answer);
                continue;
            }
            Door::Role(capability) => {
                route.answer.layer(from_fn_with_state((state.clone(), capability), by_role))
            }
            // SECURITY: nothing but the signature counts, so no form of another site can lend it anything.
            Door::Signed => {
                router = router.route(route.path, route.answer);
                continue;
            }
            Door::Administrator => route.answer.layer(from_fn_with_state(state.clone(), administrator)),
        };
        router = router.route(route.path, answer.layer(from_fn(forms_of_ours)));
    }
    // In front of every door, so that it tells nobody more than another.
    router.method_not_allowed_fallback(fallback::wrong_method).fallback(fallback::unknown).with_state(state)
}

/// How long an upload may take.
const UPLOAD_TIME_MAX: Duration = Duration::from_secs(3600);

/// How long a request may take. Searches have limits of their own, which end with an answer.
pub(crate) fn time_for(path: &str, config: &ServerConfig) -> Duration {
    match path {
        "/.api/graphql" | "//.api/graphql" | "/api/search" | "/api/list" | "/mcp" | "/search"
        | "/api/v1/search" | "/aggregate" | "/api/v1/aggregate" => {
            search::LONGEST.max(config.request_timeout)
        }
        // A large index over a slow line; who is silent is cut off earlier.
        "/.api/scip/upload" | "//.api/scip/upload" => UPLOAD_TIME_MAX.max(config.request_timeout),
        _ if path.starts_with("/api/v1/repos/") && path.ends_with("/-/precise") => {
            UPLOAD_TIME_MAX.max(config.request_timeout)
        }
        _ => config.request_timeout,
    }
}

async fn signed_in(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let address = address_of(&state, &request);
    let found = match caller_of(&state, request.headers(), address).await {
        Err(Failure::NotSignedIn) if print::is_for_programs(request.uri()) => {
            caller_by_token(&state, request.uri(), request.headers(), address).await
        }
        found => found,
    };
    match found {
        Ok(caller) => recording::admit(&state, caller, request, next).await,
        Err(failure) => failure.into_response(),
    }
}

async fn by_token(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let address = address_of(&state, &request);
    match caller_by_token(&state, request.uri(), request.headers(), address).await {
        Ok(caller) => recording::admit(&state, caller, request, next).await,
        Err(failure) => refusal(failure, request.uri()),
    }
}

async fn administrator(State(state): State<AppState>, request: Request, next: Next) -> Response {
    match caller_of(&state, request.headers(), address_of(&state, &request)).await {
        Ok(caller) if !caller.actor.is_administrator() => {
            recording::deny(&state, &caller, request, "This is for administrators.").await
        }
        Ok(caller) if !caller.is_by_session() => {
            recording::deny(&state, &caller, request, BROWSERS_ONLY).await
        }
        Ok(caller) => recording::admit(&state, caller, request, next).await,
        Err(failure) => failure.into_response(),
    }
}

/// Where a request came from.
fn address_of(state: &AppState, request: &Request) -> Option<IpAddr> {
    Some(client_address(request.extensions(), request.headers(), &state.config))
}

async fn by_role(
    State((state, capability)): State<(AppState, Capability)>,
    request: Request,
    next: Next,
) -> Response {
    match caller_of(&state, request.headers(), address_of(&state, &request)).await {
        Ok(caller) if !caller.actor.can(capability) => {
            recording::deny(&state, &caller, request, "Your role does not allow this page.").await
        }
        // Whoever watches over the process is a program: its numbers are what a token is for.
        Ok(caller) if !caller.is_by_session() && capability != Capability::ReadMetrics => {
            recording::deny(&state, &caller, request, BROWSERS_ONLY).await
        }
        Ok(caller) => recording::admit(&state, caller, request, next).await,
        Err(failure) => failure.into_response(),
    }
}

pub(crate) async fn caller_of(
    state: &AppState,
    headers: &HeaderMap,
    address: Option<IpAddr>,
) -> Result<Caller, Failure> {
    let begun = Instant::now();
    let recognized = recognized(headers, address, state).await?.ok_or(Failure::NotSignedIn)?;
    if !recognized.actor.may(Verb::Read) {
        return Err(Failure::NotAllowed("This token does not allow reading."));
    }
    let access = state.store.access_set_of(&recognized).await?;
    state.metrics.admitted(begun.elapsed());
    Ok(Caller::new(recognized.actor, access, headers, address, theme_of(headers)))
}

/// Whatever changes something must come from a page of ours, or carry a token: no browser adds one to another site's form,
/// and where one is sent no cookie counts.
async fn forms_of_ours(request: Request, next: Next) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD)
        && !request.headers().contains_key(header::AUTHORIZATION)
        && let Err(failure) = same_origin::check(request.uri(), request.headers())
    {
        return failure.into_response();
    }
    next.run(request).await
}
