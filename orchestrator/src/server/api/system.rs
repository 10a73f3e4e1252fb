//! The daemon itself: its version, what it does now, the size of its store; and news of all runs.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{
    engine::WorkerNews,
    run::RunRow,
    server::{
        endpoint::Endpoints,
        error::ApiError,
        extract::{S, Who},
        metrics::resident,
        sse::{self, Source, frame},
        state::ServerState,
        views::{RunSummary, rfc3339},
    },
};

/// The version of the daemon.
#[derive(Debug, Serialize, JsonSchema)]
struct VersionView {
    name: &'static str,
    version: &'static str,
    /// Who asks, and what they may do.
    you: YouView,
}

/// Who asks.
#[derive(Debug, Serialize, JsonSchema)]
struct YouView {
    name: String,
    role: &'static str,
}

/// What the daemon does now.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct SystemView {
    pub(in crate::server) version: &'static str,
    pub(in crate::server) process: u32,
    pub(in crate::server) since: String,
    /// The folder of the state.
    pub(in crate::server) home: String,
    /// Runs that go on.
    pub(in crate::server) n_driven: usize,
    /// Tasks that run in workers, and how many could at a time.
    pub(in crate::server) worker_tasks: usize,
    pub(in crate::server) worker_slots: usize,
    /// Worker processes, idle ones too.
    pub(in crate::server) workers: Vec<WorkerView>,
    /// Pools that all workflows share.
    pub(in crate::server) pools: Vec<PoolView>,
    /// Bytes.
    pub(in crate::server) database_size: u64,
    pub(in crate::server) resident_memory: u64,
}

/// A worker process.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct WorkerView {
    pub(in crate::server) process: u32,
    /// The run and the task that it works for; absent while it is idle.
    pub(in crate::server) run: Option<String>,
    pub(in crate::server) task: Option<String>,
    /// When it began its latest task.
    pub(in crate::server) since: Option<String>,
    /// Resident bytes of it and of what it started.
    pub(in crate::server) memory: u64,
}

/// A pool of slots.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct PoolView {
    pub(in crate::server) name: String,
    pub(in crate::server) used: u32,
    pub(in crate::server) slots: u32,
}

impl WorkerView {
    fn of(news: WorkerNews) -> Self {
        let (run, task) = news.work.map(|work| (work.run, work.task)).unzip();
        Self { process: news.process.pid, run, task, since: news.since.map(rfc3339), memory: news.memory }
    }
}

impl SystemView {
    pub(in crate::server) fn of(state: &ServerState) -> Result<Self, ApiError> {
        let (worker_tasks, worker_slots) = state.parts.engine.load_of_workers();
        let pools = state.parts.engine.pools().into_iter();
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            process: std::process::id(),
            since: rfc3339(state.since),
            home: state.parts.home.display().to_string(),
            n_driven: state.parts.engine.n_driven(),
            worker_tasks,
            worker_slots,
            workers: state.parts.engine.workers()?.into_iter().map(WorkerView::of).collect(),
            pools: pools
                .map(|pool| PoolView { name: pool.name, used: pool.used, slots: pool.slots })
                .collect(),
            database_size: state.parts.store.size()?,
            resident_memory: resident(),
        })
    }
}

pub(super) fn add(endpoints: &mut Endpoints) {
    endpoints
        .get("/api/v1/version", "version.show")
        .about("Say which daemon this is, and who it takes the caller for")
        .json::<VersionView>()
        .to(version);
    endpoints
        .get("/api/v1/system", "system.show")
        .about("Say what the daemon does now, and what it takes")
        .json::<SystemView>()
        .to(show);
    endpoints
        .get("/api/v1/events", "events.follow")
        .about("Follow all runs: an event `run` whenever something happened to one; nothing that was missed comes again")
        .other("text/event-stream")
        .to(follow);
}

async fn version(Who(who): Who) -> Json<VersionView> {
    Json(VersionView {
        name: "sluicegate",
        version: env!("CARGO_PKG_VERSION"),
        you: YouView { name: who.name, role: who.role.word() },
    })
}

async fn show(State(state): S) -> Result<Json<SystemView>, ApiError> {
    state.blocking(SystemView::of).await.map(Json)
}

async fn follow(State(state): S) -> Response {
    let feed = state.parts.engine.follow_all();
    let source = AllRuns { feed, state: state.clone(), greeted: false };
    sse::reply(&state, source).into_response()
}

struct AllRuns {
    feed: broadcast::Receiver<RunRow>,
    state: std::sync::Arc<ServerState>,
    greeted: bool,
}

impl Source for AllRuns {
    async fn next(&mut self) -> Option<Bytes> {
        if !self.greeted {
            self.greeted = true;
            return Some(Bytes::from_static(b": hello\n\n"));
        }
        match self.feed.recv().await {
            Ok(row) => Some(frame(None, "run", &RunSummary::of(&row, self.state.now()))),
            // Whoever shows lists reads them again.
            Err(RecvError::Lagged(_)) => Some(frame(None, "missed", &serde_json::json!({}))),
            Err(RecvError::Closed) => None,
        }
    }
}
