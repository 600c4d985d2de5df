//! `/api/v1/openapi.json`: the API, described from the types that answer.

use crate::failure::{Problem, QueryFault};
use axum::Json;
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sourcekeep",
        description = "Search and read the code you may see. Sign in with `Authorization: Bearer sk_…`. Errors are RFC 9457 problem documents.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(
        super::api_search::search,
        super::aggregate::answer,
        super::complete::complete,
        super::goto::answer,
        super::admin_usage::answer,
        super::api_repos::list,
        super::api_repos::describe,
        super::api_contexts::list,
        super::api_contexts::create,
        super::api_contexts::get,
        super::api_contexts::change,
        super::api_contexts::delete,
        super::api_files::resource,
        super::api_exports::list,
        super::api_exports::create,
        super::api_exports::get,
        super::api_exports::cancel,
        super::api_exports::delete,
        super::api_exports::file,
        super::api::status
    ),
    components(schemas(Problem, QueryFault, super::r_skipped::SkippedFileList, super::r_log::LogShape, super::r_blame::BlameShape, super::r_compare::CompareShape, super::r_nav::DefinitionsShape, super::r_nav::HoverShape, super::r_nav::ReferencesShape, super::r_nav::CallShape, super::r_nav::HierarchyShape, super::r_nav::OutlineShape)),
    modifiers(&Bearer)
)]
struct Description;

/// Adds how callers say who they are.
struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        openapi.components.get_or_insert_default().add_security_scheme("token", scheme);
        openapi.security = Some(vec![SecurityRequirement::new("token", [] as [&str; 0])]);
    }
}

/// The document.
pub(crate) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Description::openapi())
}
