//! `--demo`: the simulator and its synthetic market instead of QuantConnect, started by the first call that needs them.

use std::path::Path;
use std::sync::Arc;

use qc_mcp_tools::{Upstream, UpstreamWorld};
use qc_sim::{Sim, SimOptions};

/// A world that costs nothing until it is asked for.
pub(crate) fn upstream() -> Upstream {
    Upstream::Lazy(Arc::new(|| Box::pin(start())))
}

async fn start() -> Result<UpstreamWorld, String> {
    let sim = Sim::start_with(SimOptions::demo()).await.map_err(|error| error.to_string())?;
    Ok(UpstreamWorld {
        base_url: sim.base_url().to_owned(),
        credentials: sim.credentials().map_err(|error| error.to_string())?,
        clock: sim.clock(),
        data_folder: sim.data_folder().map(Path::to_path_buf),
        keep_alive: Box::new(sim),
    })
}
