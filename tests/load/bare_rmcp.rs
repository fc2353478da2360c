//! The least server that rmcp makes: one tool that answers nothing much, over stdio or, with PORT in the environment, over
//! HTTP. What the programs' calls a second are measured against; see docs/testing.md.

use std::sync::Arc;

use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::transport::stdio;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ServerHandler, ServiceExt as _, tool, tool_handler, tool_router};

#[derive(Clone)]
struct Bare {
    tool_router: ToolRouter<Bare>,
}

#[tool_router]
impl Bare {
    /// Says that there is nothing. Named as the tool of the programs it is compared with.
    #[tool]
    async fn list_quantbook_instances(&self) -> String {
        "no instances".to_owned()
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Bare {}

fn bare() -> Bare {
    Bare { tool_router: Bare::tool_router() }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Ok(port) = std::env::var("PORT") else {
        bare().serve(stdio()).await?.waiting().await?;
        return Ok(());
    };
    let config = StreamableHttpServerConfig::default().with_legacy_session_mode(false).with_json_response(true);
    let mcp = StreamableHttpService::new(|| Ok(bare()), Arc::new(LocalSessionManager::default()), config);
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, axum::Router::new().route_service("/mcp", mcp)).await?)
}
