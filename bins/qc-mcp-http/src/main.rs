//! QuantConnect MCP server over streamable HTTP: flags and environment -> settings -> serve until told to stop.

mod app;
mod body;
mod connections;
#[cfg(feature = "demo")]
mod demo;
mod front;
mod guard;
mod jwks;
mod jwt;
mod limits;
mod refusal;
mod sessions;
mod tls;

use std::process::ExitCode;
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::RustlsAcceptor;
use qc_mcp_tools::settings::LogFormat;
use qc_mcp_tools::{QcServer, Settings, Transport, Upstream, logs, told_to_stop};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::connections::Connections;

/// Large columns come and go with every question, and small strings with every call: this allocator gives both again
/// without asking the system for pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long calls that are running may go on after the signal to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// How long cancelled calls get to say so.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How long the head of a request may take to arrive, and how long a connection may stay silent between two.
const HEAD_PATIENCE: Duration = Duration::from_secs(60);

/// The longest head of a request; a token has a quarter of it.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Requests at the same time over one connection of HTTP/2.
const MAX_STREAMS: u32 = 64;

fn main() -> ExitCode {
    let settings = match Settings::from_args(Transport::Http) {
        Ok(settings) => settings,
        Err(error) => error.exit(),
    };
    start_logging(&settings);
    let outcome = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let outcome = runtime.block_on(serve(settings));
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(error.to_string()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            error!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn start_logging(settings: &Settings) {
    let filter: Targets = logs::filter(settings).parse().unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let lines = match settings.team.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(lines).with(filter).init();
    logs::hide_panic_payloads();
}

async fn serve(settings: Settings) -> Result<(), String> {
    let stop_signal = told_to_stop().map_err(|error| error.to_string())?;
    let address = (settings.host.as_str(), settings.port);
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("cannot listen on {}:{}: {error}", settings.host, settings.port))?;
    let bound = listener.local_addr().map_err(|error| error.to_string())?;
    app::may_serve(&settings, bound)?;

    let server = QcServer::new(settings.clone(), upstream(&settings)?).map_err(|error| error.to_string())?;
    server.resume_watchers().await;
    let requests = CancellationToken::new();
    let app = app::build(server, requests.clone())?;
    let tls = tls::config(&settings)?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    info!("listening on {scheme}://{bound}{}", settings.path);

    let handle = Handle::new();
    let stopping = handle.clone();
    let end = async move {
        stop_signal.await;
        // Nobody new; who is here may finish, within limits.
        stopping.graceful_shutdown(None);
        tokio::time::sleep(DRAIN).await;
        requests.cancel();
        tokio::time::sleep(LAST_WORDS).await;
    };
    let listener = listener.into_std().map_err(|error| error.to_string())?;
    let mut server = axum_server::from_tcp(listener)
        .map_err(|error| error.to_string())?
        .acceptor(Connections::for_requests(settings.team.concurrent_total))
        .handle(handle)
        .first_request_timeout(HEAD_PATIENCE);
    let http = server.http_builder();
    http.http1().header_read_timeout(HEAD_PATIENCE).max_buf_size(MAX_HEAD_BYTES);
    // Whoever is gone without a word is noticed by the missing answer to a ping.
    http.http2().keep_alive_interval(HEAD_PATIENCE).max_concurrent_streams(MAX_STREAMS);
    let app = app.into_make_service();
    let serving = async {
        match tls {
            Some(config) => server.map(|plain| RustlsAcceptor::new(config).acceptor(plain)).serve(app).await,
            None => server.serve(app).await,
        }
    };
    tokio::select! {
        served = serving => served.map_err(|error| error.to_string()),
        () = end => Ok(()),
    }
}

/// Where the tools' calls go: QuantConnect, or the simulator when asked for.
fn upstream(settings: &Settings) -> Result<Upstream, String> {
    if !settings.demo {
        return Ok(Upstream::Configured);
    }
    #[cfg(feature = "demo")]
    return Ok(demo::upstream());
    #[cfg(not(feature = "demo"))]
    Err("this build has no --demo; build it with the feature `demo`".into())
}
