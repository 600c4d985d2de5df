//! The protocol.

use crate::answer::Answer;
use crate::names::Names;
use crate::{files, names, repositories, search_tool, tools};
use compat::Backend;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, Implementation,
    JsonObject, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{RoleServer, ServerHandler};
use std::sync::Arc;

/// Most bytes of a request.
pub const BODY_BYTES_MAX: usize = 256 << 10;

/// The service that answers requests of HTTP.
pub type Service = StreamableHttpService<Handler, NeverSessionManager>;

/// Whose rights a request has: put into the request's extensions by whoever recognised them.
#[derive(Clone)]
pub struct Caller {
    /// What there is for them.
    pub backend: Arc<dyn Backend>,
    /// What names mean in it.
    pub names: Arc<dyn Names>,
}

/// Answers requests of the protocol.
#[derive(Clone, Copy, Debug)]
pub struct Handler;

/// Makes the service: without sessions, one JSON answer for each request. Host and origin are checked before it.
pub fn service() -> Service {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(BODY_BYTES_MAX)
        .disable_allowed_hosts();
    StreamableHttpService::new(|| Ok(Handler), Arc::new(NeverSessionManager::default()), config)
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("sourcekeep", env!("CARGO_PKG_VERSION")))
            .with_instructions(tools::INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::all()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::all().into_iter().find(|tool| tool.name == name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let parts = context.extensions.get::<http::request::Parts>();
        let Some(caller) = parts.and_then(|parts| parts.extensions.get::<Caller>()) else {
            return Err(ErrorData::internal_error("this request has no caller", None));
        };
        let arguments = request.arguments.unwrap_or_default();
        let answer = call(caller, &request.name, arguments).await?;
        Ok(result(answer).into())
    }
}

async fn call(caller: &Caller, name: &str, arguments: JsonObject) -> Result<Answer, ErrorData> {
    let (backend, of_names) = (caller.backend.as_ref(), caller.names.as_ref());
    Ok(match name {
        tools::DEFINITION => names::definition(backend, of_names, arguments).await,
        tools::REFERENCES => names::references(backend, of_names, arguments).await,
        tools::CALL_GRAPH => names::call_graph(backend, of_names, arguments).await,
        tools::OUTLINE => names::outline(backend, of_names, arguments).await,
        tools::SEARCH => search_tool::search(backend, arguments).await,
        tools::SYMBOLS => search_tool::symbols(backend, arguments).await,
        tools::READ_FILE => files::read_file(backend, arguments).await,
        tools::LIST_FILES => files::list_files(backend, arguments).await,
        tools::LIST_REPOSITORIES => repositories::list(backend, arguments).await,
        _ => {
            let message = format!("there is no tool '{}'", name.chars().take(80).collect::<String>());
            return Err(ErrorData::invalid_params(message, None));
        }
    })
}

fn result(answer: Answer) -> CallToolResult {
    let content = vec![ContentBlock::text(answer.text)];
    match answer.structured {
        Some(structured) => {
            let mut result = CallToolResult::structured(structured);
            result.content = content;
            result
        }
        None => CallToolResult::error(content),
    }
}
