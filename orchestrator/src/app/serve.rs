//! The daemon: one process that holds the store, drives runs, and answers over HTTP and the Unix socket.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    time::timeout,
};

use super::{
    App, AppError, default_parallel, serve_parts::OwnDeployments, serve_schedules::OwnSchedules,
    serve_workflows::WorkflowFolder,
};
use crate::{
    artifact::write_durably,
    engine::Engine,
    run::RunStatus,
    server::{self, Listeners, ServerOptions, ServerParts, ServerState, Tls, TokenBook},
    store::Store,
};

/// The name of the socket in the folder of the state.
pub(super) const SOCKET: &str = "sluice.sock";

/// How long tasks on threads of the daemon have to end when it is stopped.
const PATIENCE: Duration = Duration::from_secs(3);

/// More open files than this are not asked for.
const MAX_FILES: u64 = 65_536;

/// How long threads that still read or write have after that.
const LAST: Duration = Duration::from_millis(300);

/// How the daemon is to run.
pub struct DaemonRequest {
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
    /// The folder of the workflows; `workflows` beside the project's file, or else that file's folder, when there is none.
    pub workflows: Option<PathBuf>,
    /// Names under which it may be reached, besides addresses and `localhost`.
    pub hosts: Vec<String>,
    /// The files of the certificates and of their key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Tasks in workers at a time, of all runs together.
    pub n_workers: Option<usize>,
    /// Where to write the address once it listens; written whole or not at all.
    pub address_file: Option<PathBuf>,
}

/// Where the daemon listens.
pub struct Listening {
    /// The address, with its port.
    pub address: SocketAddr,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// Whether nothing is asked of callers: it listens to this machine alone, and there is no token.
    pub open: bool,
    /// The folder of the workflows.
    pub workflows: PathBuf,
}

impl App {
    /// Serves until the process is asked to stop (SIGTERM, SIGINT or SIGHUP). Tasks in workers then go on without it, and the next start
    /// takes them over. `listening` hears where it listens.
    pub fn serve(&self, request: DaemonRequest, listening: impl FnOnce(&Listening)) -> Result<(), AppError> {
        let has_tokens = !TokenBook::of(&self.home).list()?.is_empty();
        let loopback_only = request.bind.ip().is_loopback();
        if !loopback_only && !has_tokens {
            return Err(AppError::Invalid {
                message: format!("{} can be reached from elsewhere, and there is no token", request.bind),
                hint: "make one with `sluice tokens add NAME --role admin`, or bind to 127.0.0.1".into(),
            });
        }
        raise_limit();
        let tls = request.tls.as_ref().map(|(chain, key)| Tls::read(chain, key)).transpose()?;
        let folder = self.workflow_folder(request.workflows.as_deref())?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| AppError::Internal(format!("cannot start the runtime: {error}")))?;
        let store = self.store()?;
        let done = runtime.block_on(async {
            let mut stop = Stop::listen()?;
            let n_workers = request.n_workers.unwrap_or_else(|| default_parallel().max(4));
            let engine = self.daemon_engine(store.clone(), n_workers)?;
            engine.respect_orphans()?;
            // Before anyone can start a run: what claims to run now is left over.
            let interrupted = engine.mark_interrupted().await?;
            let listeners = Listeners::bind(request.bind, self.home.join(SOCKET), tls.clone()).await?;
            let address = listeners
                .address()
                .map_err(|error| AppError::Internal(format!("the address cannot be read: {error}")))?;
            if let Some(path) = &request.address_file {
                std::path::absolute(path)
                    .and_then(|path| write_durably(&path, format!("{address}\n").as_bytes()))
                    .map_err(|source| AppError::Unwritable { path: path.clone(), source })?;
            }
            let (stop_tx, stopping) = watch::channel(false);
            let library = Arc::new(self.library(std::slice::from_ref(&folder), true));
            let (scheduler, schedules) = self.scheduler(&engine, &store, Arc::clone(&library), true);
            let own_schedules = OwnSchedules::new(schedules.clone());
            let workflows = WorkflowFolder::new(self.clone(), folder.clone(), library);
            let parts = self.server_parts(&engine, store, workflows, own_schedules)?;
            let options = ServerOptions {
                hosts: request.hosts,
                loopback_only,
                addresses: vec![address.to_string(), self.home.join(SOCKET).display().to_string()],
            };
            let state = ServerState::open(parts, options, stopping.clone())
                .map_err(|source| AppError::Unwritable { path: self.home.clone(), source })?;
            let serving = tokio::spawn(server::serve(Arc::new(state), listeners, stopping));
            let open = loopback_only && !has_tokens;
            listening(&Listening { address, tls: tls.is_some(), open, workflows: folder });
            let open_runs = interrupted
                .into_iter()
                .filter(|row| row.parent.is_none() && row.status == RunStatus::Interrupted);
            resume(&engine, open_runs.map(|row| row.id).collect()).await;
            // Only now: a schedule must know which of its runs go on.
            let mut scheduling = tokio::spawn(scheduler.run());
            let died = tokio::select! {
                () = stop.asked() => None,
                // Without its scheduler the daemon would look well and start nothing.
                ended = &mut scheduling => Some(ended),
            };
            let _ = stop_tx.send(true);
            schedules.stop();
            let scheduled = async {
                match died {
                    Some(ended) => Some(ended),
                    None => timeout(PATIENCE, scheduling).await.ok(),
                }
            };
            // Together, so that the slowest of them decides how long a stop takes.
            let (scheduled, served, ()) = tokio::join!(scheduled, serving, engine.leave(PATIENCE));
            match scheduled {
                Some(Ok(ended)) => ended?,
                Some(Err(panic)) => return Err(AppError::Internal(format!("the scheduler failed: {panic}"))),
                None => tracing::warn!("the scheduler did not end in time; what it decided is durable"),
            }
            served.map_err(|panic| AppError::Internal(format!("the server failed: {panic}")))
        });
        runtime.shutdown_timeout(LAST);
        done
    }

    /// What the server works with.
    fn server_parts(
        &self,
        engine: &Engine,
        store: Store,
        workflows: WorkflowFolder,
        schedules: OwnSchedules,
    ) -> Result<ServerParts, AppError> {
        Ok(ServerParts {
            home: self.home.clone(),
            engine: engine.clone(),
            artifacts: self.artifacts()?,
            catalog: self.catalog().clone(),
            world: self.world.clone(),
            workflows: Arc::new(workflows),
            deployments: Arc::new(OwnDeployments::new(
                self.home.clone(),
                self.host(&store),
                self.artifacts()?,
            )),
            schedules: Some(Arc::new(schedules)),
            store,
        })
    }
}

/// Takes as many open files as the system gives, within reason: each connection is one.
fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let most = maximum.unwrap_or(MAX_FILES).min(MAX_FILES);
    if current.is_some_and(|current| current < most)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum })
    {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}

/// Drives on what an earlier process left; what was paused stays paused.
async fn resume(engine: &Engine, runs: Vec<crate::run::RunId>) {
    for run in runs {
        let engine = engine.clone();
        let resumed = tokio::task::spawn_blocking(move || engine.resume_as_it_was(run).map(drop)).await;
        match resumed {
            Ok(Ok(())) => tracing::info!("run {run} goes on"),
            Ok(Err(error)) => tracing::error!("run {run} cannot go on: {error}"),
            Err(panic) => tracing::error!("run {run} cannot go on: {panic}"),
        }
    }
}

/// The signals that stop the daemon.
struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
    // What other commands send to pause a run means nothing here, and must not end the process.
    _ignored: [tokio::signal::unix::Signal; 2],
}

impl Stop {
    fn listen() -> Result<Self, AppError> {
        let listen = |kind| {
            signal(kind).map_err(|error| AppError::Internal(format!("cannot listen for signals: {error}")))
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
            _ignored: [listen(SignalKind::user_defined1())?, listen(SignalKind::user_defined2())?],
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
