//! What every request can reach.

use std::{io, path::PathBuf, sync::Arc};

use tokio::sync::watch;

use super::{
    access::{Sessions, TokenBook},
    audit::Audit,
    error::ApiError,
    facade::{Deployments, Schedules, Workflows},
    limits::Buckets,
    metrics::Metrics,
    sizes::Ledger,
    starts::Starts,
};
use crate::{
    artifact::ArtifactStore,
    catalog::Catalog,
    engine::Engine,
    run::{Run, RunId, Timestamp},
    store::Store,
    world::World,
};

/// Requests that an address may make at once.
const BURST: f64 = 4000.0;

/// Requests that an address may make in a second, over time.
const PER_SECOND: f64 = 2000.0;

/// Wrong tokens that an address may try at once.
const MISTAKES: f64 = 500.0;

/// Wrong tokens that an address may try in a second, over time.
const MISTAKES_PER_SECOND: f64 = 5.0;

/// What the rest of the program gives the server to work with.
pub struct ServerParts {
    /// The folder of the state.
    pub home: PathBuf,
    /// Starts, steers and follows runs.
    pub engine: Engine,
    /// The store.
    pub store: Store,
    /// The artifacts.
    pub artifacts: ArtifactStore,
    /// The kinds.
    pub catalog: Arc<Catalog>,
    /// Time and chance.
    pub world: Arc<dyn World>,
    /// The workflow files.
    pub workflows: Arc<dyn Workflows>,
    /// The deployments' own side.
    pub deployments: Arc<dyn Deployments>,
    /// The scheduler, when there is one; its routes appear only then.
    pub schedules: Option<Arc<dyn Schedules>>,
}

/// How the server behaves.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    /// Names under which it may be reached, besides addresses and `localhost`.
    pub hosts: Vec<String>,
    /// Whether all that can reach it are processes of this machine.
    pub loopback_only: bool,
    /// Where it listens, for people.
    pub addresses: Vec<String>,
}

/// What every request can reach.
pub struct ServerState {
    pub(super) parts: ServerParts,
    pub(super) options: ServerOptions,
    pub(super) tokens: TokenBook,
    pub(super) sessions: Sessions,
    pub(super) audit: Audit,
    pub(super) starts: Starts,
    pub(super) rate: Buckets,
    pub(super) mistakes: Buckets,
    pub(super) metrics: Metrics,
    pub(super) sizes: Ledger,
    /// True once the server is to stop; streams end then.
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) since: Timestamp,
    /// What the latest clearing away did, and when.
    pub(super) cleared: std::sync::Mutex<Option<(Timestamp, crate::store::GcReport)>>,
}

impl ServerState {
    /// Opens what the server keeps in the folder of the state.
    pub fn open(
        parts: ServerParts,
        options: ServerOptions,
        stopping: watch::Receiver<bool>,
    ) -> io::Result<Self> {
        let (home, now) = (parts.home.clone(), parts.world.now());
        Ok(Self {
            parts,
            options,
            tokens: TokenBook::of(&home),
            sessions: Sessions::open(&home)?,
            audit: Audit::open(&home)?,
            starts: Starts::open(&home, now)?,
            rate: Buckets::new(BURST, PER_SECOND),
            mistakes: Buckets::new(MISTAKES, MISTAKES_PER_SECOND),
            metrics: Metrics::new(),
            sizes: Ledger::of(&home),
            stopping,
            since: now,
            cleared: std::sync::Mutex::default(),
        })
    }

    pub(super) fn now(&self) -> Timestamp {
        self.parts.world.now()
    }

    /// The project's name, which is that of the folder that holds the state.
    pub(super) fn project(&self) -> String {
        let folder = self.parts.home.parent().and_then(std::path::Path::file_name);
        folder.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Reads a run back.
    pub(super) fn load(&self, run: RunId) -> Result<Run, ApiError> {
        let records = self.parts.store.events(run)?;
        if records.is_empty() {
            return Err(no_run(&run.to_string()));
        }
        Ok(Run::replay(run, &records)?)
    }

    /// Does something that reads or writes files, on a thread that may wait.
    pub(super) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let state = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&state)).await;
        done.unwrap_or_else(|panic| Err(ApiError::internal(&panic)))
    }
}

pub(super) fn no_run(text: &str) -> ApiError {
    ApiError::not_found(format!("no run has the id `{text}`"))
        .hint("`sluice runs list`, or `GET /api/v1/runs`, lists them")
}
