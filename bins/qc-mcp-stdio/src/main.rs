//! QuantConnect MCP server over stdio: flags and environment -> settings -> serve until the client goes.

#[cfg(feature = "demo")]
mod demo;
mod hangup;

use std::process::ExitCode;
use std::time::Duration;

use qc_mcp_tools::{QcServer, Settings, Transport, Upstream, logs, told_to_stop};
use rmcp::ServiceExt;
use rmcp::service::ServerInitializeError;
use rmcp::transport::io::stdio_pipes;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::hangup::Watched;

/// Answers to what was asked before the client hung up may still be written for this long.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// Threads that are still busy at the very end are not waited for longer than this.
const LAST_WORDS: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let settings = match Settings::from_args(Transport::Stdio) {
        Ok(settings) => settings,
        Err(error) => error.exit(),
    };
    start_logging(&settings);
    // Reading and writing a pipe keeps one thread busy; the second answers while a call waits.
    let outcome = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => {
            let outcome = runtime.block_on(serve(settings));
            // A read of a terminal cannot be called back; it must not hold up the end.
            runtime.shutdown_timeout(LAST_WORDS);
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

/// Everything is said on stderr: stdout carries the protocol.
fn start_logging(settings: &Settings) {
    let filter: Targets = logs::filter(settings).parse().unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    tracing_subscriber::registry().with(lines).with(filter).init();
    logs::hide_panic_payloads();
}

async fn serve(settings: Settings) -> Result<(), String> {
    let stop = told_to_stop().map_err(|error| error.to_string())?;
    let upstream = upstream(&settings)?;
    let server = QcServer::new(settings, upstream).map_err(|error| error.to_string())?;
    server.resume_watchers().await;
    let gone = CancellationToken::new();
    let (input, output) = stdio_pipes();
    let input = Watched::new(input, gone.clone());
    let conversation = async {
        match server.serve((input, output)).await {
            Ok(running) => {
                info!("a client is connected");
                running.waiting().await.map(drop).map_err(|error| error.to_string())
            }
            // Nobody spoke: a client that looked whether the program starts.
            Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
            // The error itself quotes the message, which may hold a token.
            Err(_) => Err("the first message was not the opening of a conversation".to_owned()),
        }
    };
    tokio::select! {
        outcome = conversation => outcome,
        () = async { gone.cancelled().await; tokio::time::sleep(LAST_ANSWERS).await } => Ok(()),
        () = stop => Ok(()),
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
