//! Where QuantConnect is: at an address, or played in this process.

use std::{any::Any, path::PathBuf, sync::Arc};

use futures::future::BoxFuture;
use qc_api::{Clock, Credentials};

use crate::caller::Origin;

/// Where QuantConnect is.
pub enum Upstream {
    /// At the settings' address, with the settings' credentials.
    Configured,
    /// Made at first use (the demo world); the error is shown to the caller.
    Lazy(StartWorld),
}

/// Starts a world.
pub type StartWorld = Arc<dyn Fn() -> BoxFuture<'static, Result<UpstreamWorld, String>> + Send + Sync>;

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Upstream::Configured => "Configured",
            Upstream::Lazy(_) => "Lazy",
        })
    }
}

/// A QuantConnect of one's own, such as the simulator.
pub struct UpstreamWorld {
    /// Address of the API.
    pub base_url: String,
    /// Credentials it accepts.
    pub credentials: Credentials,
    /// Its time.
    pub clock: Arc<dyn Clock>,
    /// Its market as a LEAN folder, if it has one.
    pub data_folder: Option<PathBuf>,
    /// Kept as long as the server lives.
    pub keep_alive: Box<dyn Any + Send + Sync>,
}

impl std::fmt::Debug for UpstreamWorld {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamWorld")
            .field("base_url", &self.base_url)
            .field("data_folder", &self.data_folder)
            .finish_non_exhaustive()
    }
}

/// What is known once QuantConnect's side is set up.
pub(crate) struct World {
    pub(crate) base_url: String,
    pub(crate) clock: Arc<dyn Clock>,
    /// The credentials every caller has unless they gave others.
    pub(crate) credentials: Option<(Credentials, Origin)>,
    /// The market that came with the world.
    pub(crate) data_folder: Option<PathBuf>,
    pub(crate) _keep_alive: Option<Box<dyn Any + Send + Sync>>,
}
