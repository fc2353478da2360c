//! A running simulator: started, asked about itself, stopped when dropped.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use jiff::Timestamp;
use qc_api::{Client, Clock, Config, Credentials, Effect};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::body::Body;
use crate::clock::SimClock;
use crate::error::{Error, Result};
use crate::faults::Faults;
use crate::journal::Journal;
use crate::market::{self, Market};
use crate::options::{ClockMode, FolderMode, SimOptions};
use crate::routes::{self, Failure, Route};
use crate::shelf::Shelf;
use crate::world::{Call, World};
use crate::{lock, seed, server};

/// When virtual time begins, unless told otherwise: a Monday after the last day of the market.
const VIRTUAL_START: &str = "2026-01-05T14:30:00Z";

/// A simulated QuantConnect, served on 127.0.0.1 until it is dropped.
#[derive(Debug)]
pub struct Sim {
    shared: Arc<Shared>,
    base_url: String,
    serving: JoinHandle<()>,
    folder: Option<Folder>,
}

/// What requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: SimOptions,
    /// `http://127.0.0.1:port`.
    pub(crate) root: String,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) world: Mutex<World>,
    pub(crate) market: OnceLock<Arc<Market>>,
    pub(crate) shelf: Shelf,
    pub(crate) journal: Journal,
    pub(crate) faults: Faults,
}

#[derive(Debug)]
enum Folder {
    Temporary(tempfile::TempDir),
    Kept(PathBuf),
}

impl Sim {
    /// Starts with the default options: virtual time, a free port, every oddity on.
    ///
    /// # Errors
    /// [`Error::Listen`] when no port can be opened.
    pub async fn start() -> Result<Self> {
        Self::start_with(SimOptions::default()).await
    }

    /// Starts as told. Returns when requests are accepted.
    ///
    /// # Errors
    /// [`Error::Listen`] when the port is taken; [`Error::File`], [`Error::Market`] when the data folder cannot be
    /// written; [`Error::World`] when a saved world cannot be read.
    pub async fn start_with(options: SimOptions) -> Result<Self> {
        let folder = write_folder(&options).await?;
        let saved = match options.saved_world.as_deref() {
            Some(path) if path.exists() => Some(World::load(path)?),
            _ => None,
        };
        // Virtual time goes on where a saved world ended, or its jobs would lie in the future.
        let since = |start: Timestamp| saved.as_ref().map_or(start, |world| start.max(world.now));
        let clock = Arc::new(match options.clock {
            ClockMode::Virtual => SimClock::virtual_from(since(VIRTUAL_START.parse().unwrap_or_default())),
            ClockMode::VirtualFrom(start) => SimClock::virtual_from(since(start)),
            ClockMode::Real => SimClock::real(),
        });
        let world = saved.unwrap_or_else(|| seed::world_of(&options, clock.now()));
        let listen = |source| Error::Listen { port: options.port, source };
        let listener = TcpListener::bind(("127.0.0.1", options.port)).await.map_err(listen)?;
        let port = listener.local_addr().map_err(listen)?.port();
        let shelf = Shelf::new(options.seed, folder.as_ref().map(|folder| folder.path().to_owned()));
        let root = format!("http://127.0.0.1:{port}");
        let base_url = format!("{root}/api/v2");
        let journal = Journal::keeping(options.journal);
        let shared = Arc::new(Shared {
            options,
            root,
            clock,
            world: Mutex::new(world),
            market: OnceLock::new(),
            shelf,
            journal,
            faults: Faults::default(),
        });
        let serving = tokio::spawn(server::serve(listener, Arc::clone(&shared)));
        Ok(Self { shared, base_url, serving, folder })
    }

    /// Where it is served, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// A client of any account, by its user id and its token.
    ///
    /// # Errors
    /// Passes on what [`Credentials::new`] and [`Client::new`] say.
    pub fn client_of(&self, user: i64, token: &str) -> Result<Client> {
        self.client_with(Credentials::new(user.to_string(), token)?)
    }

    /// Credentials of the seeded account.
    ///
    /// # Errors
    /// Never for the seeded account; passes on what [`Credentials::new`] says.
    pub fn credentials(&self) -> Result<Credentials> {
        Ok(Credentials::new(seed::USER_ID.to_string(), seed::TOKEN)?.with_organization(seed::ORGANIZATION_ID))
    }

    /// A client of the seeded account that shares the simulator's clock.
    ///
    /// # Errors
    /// Passes on what [`Client::new`] says.
    pub fn client(&self) -> Result<Client> {
        self.client_with(self.credentials()?)
    }

    fn client_with(&self, credentials: Credentials) -> Result<Client> {
        let mut config = Config::new(credentials);
        config.base_url = self.base_url.clone();
        config.clock = self.clock();
        Ok(Client::new(config)?)
    }

    /// The clock jobs follow.
    pub fn clock(&self) -> Arc<SimClock> {
        Arc::clone(&self.shared.clock)
    }

    /// Everything the simulator was asked.
    pub fn journal(&self) -> Journal {
        self.shared.journal.clone()
    }

    /// Misbehaviour on demand.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// The paths of all endpoints the simulator serves, in order.
    pub fn served_paths() -> Vec<&'static str> {
        routes::paths()
    }

    /// The market's LEAN data folder, when one was asked for.
    pub fn data_folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(Folder::path)
    }
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    /// The time the server believes it is.
    pub(crate) fn server_now(&self) -> Timestamp {
        self.clock.now().checked_add(self.faults.skew()).unwrap_or(Timestamp::MAX)
    }

    /// The zip behind a link of the object store, for whoever holds the link.
    pub(crate) fn download(&self, job: &str) -> Option<Vec<u8>> {
        let world = lock(&self.world);
        let job = world.downloads.get(job).filter(|job| job.ready <= self.clock.now())?;
        let organization = world.organizations.iter().find(|organization| organization.id == job.organization)?;
        let objects: Vec<(&str, Vec<u8>)> =
            job.keys.iter().filter_map(|key| Some((key.as_str(), organization.objects.get(key)?.bytes()))).collect();
        qc_data::write::zip_of(objects.iter().map(|(key, bytes)| (*key, bytes.as_slice()))).ok()
    }

    /// A bought data file, for whoever holds the link.
    pub(crate) fn bought(&self, token: &str) -> Option<Vec<u8>> {
        let path = lock(&self.world).purchases.get(token)?.path.clone();
        self.shelf.read(&path)
    }

    /// Signs in at a brokerage, for whoever opens the page. Gives the brokerage's name.
    pub(crate) fn sign_in(&self, token: &str) -> Option<String> {
        let mut world = lock(&self.world);
        let login = world.logins.get_mut(token)?;
        login.done = true;
        let brokerage = login.brokerage.clone();
        self.save(&mut world);
        Some(brokerage)
    }

    /// Lets the world answer one request.
    pub(crate) fn ask(&self, route: &Route, user: i64, body: Body) -> std::result::Result<Value, Failure> {
        let call = Call {
            user,
            now: self.clock.now(),
            jobs: self.options.job_times(),
            options: &self.options,
            root: &self.root,
            market: &self.market,
            shelf: &self.shelf,
        };
        let mut world = lock(&self.world);
        let answer = route.run(&mut world, &call, body);
        if answer.is_ok() && route.effect != Effect::Read {
            self.save(&mut world);
        }
        answer
    }

    /// Writes the world to its file, if it has one.
    fn save(&self, world: &mut World) {
        let Some(path) = self.options.saved_world.as_deref() else { return };
        world.now = self.clock.now();
        if let Err(error) = world.save(path) {
            tracing::warn!(%error, "the world could not be saved");
        }
    }
}

async fn write_folder(options: &SimOptions) -> Result<Option<Folder>> {
    let folder = match &options.folder {
        FolderMode::None => return Ok(None),
        FolderMode::Temporary => {
            let made = tempfile::Builder::new().prefix("qc-sim-").tempdir();
            Folder::Temporary(made.map_err(|source| Error::File { path: std::env::temp_dir(), source })?)
        }
        FolderMode::At(path) => Folder::Kept(path.clone()),
    };
    let path = folder.path().to_owned();
    let seed = options.seed;
    // Files are written on a thread that may block.
    match tokio::task::spawn_blocking(move || market::write(&path, seed)).await {
        Ok(written) => written.map(|_| Some(folder)),
        Err(_) => Ok(None),
    }
}
