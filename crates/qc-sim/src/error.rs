//! What can go wrong while the simulator starts or writes its market: never what it answers to a request.

use std::path::PathBuf;

/// Result of starting a simulator or writing its market.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the simulator could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The port could not be opened.
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    Listen {
        /// The port asked for; 0 means any.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file or folder could not be written or read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The market's folder could not be written.
    #[error("cannot write the synthetic market: {0}")]
    Market(#[from] qc_data::Error),
    /// A saved world does not look like one.
    #[error("{}: not a saved world: {message}", path.display())]
    World {
        /// The file.
        path: PathBuf,
        /// Where and why reading stopped.
        message: String,
    },
    /// The client for the simulator could not be built.
    #[error(transparent)]
    Client(#[from] qc_api::Error),
}
