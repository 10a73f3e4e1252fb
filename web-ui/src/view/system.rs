//! `/system`

use super::PluginRow;

/// A part of the store on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorePart {
    /// Its name, such as `history`, `artifacts`.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// What it holds, such as `12,345 runs`.
    pub detail: String,
}

/// A worker process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkerRow {
    /// Its process number.
    pub pid: u32,
    /// The run that it works for; empty when it is idle.
    pub run: String,
    /// The task, likewise.
    pub task: String,
    /// When it began its latest task, when it had one.
    pub since: Option<i64>,
    /// Resident memory of it and of what it started; 0 when it is not known.
    pub memory: u64,
}

/// A pool of slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolRow {
    /// Its name.
    pub name: String,
    /// Slots in use.
    pub used: u32,
    /// All slots.
    pub slots: u32,
}

/// Who did what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditRow {
    /// When.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// What, such as `run cancelled`.
    pub action: String,
    /// To what.
    pub target: String,
    /// From where, such as an address or `socket`.
    pub origin: String,
}

/// How the program is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct System {
    /// Its version.
    pub version: String,
    /// Since when it runs.
    pub started_at: i64,
    /// The folder of its state.
    pub folder: String,
    /// Where it listens.
    pub addresses: Vec<String>,
    /// Its process number.
    pub pid: u32,
    /// Its resident memory.
    pub memory: u64,
    /// Parts of the store with their sizes; empty while they are counted for the first time.
    pub store: Vec<StorePart>,
    /// When they were counted.
    pub counted_at: Option<i64>,
    /// Free space of the store's disk; 0 when it is not known.
    pub disk_free: u64,
    /// The number of tasks that may run at a time, and that do.
    pub slots: PoolRow,
    /// Pools of the project.
    pub pools: Vec<PoolRow>,
    /// Worker processes.
    pub workers: Vec<WorkerRow>,
    /// Packs and plugins.
    pub plugins: Vec<PluginRow>,
    /// Runs that go on.
    pub n_driven: usize,
    /// The number of viewers with a live stream.
    pub n_streams: usize,
    /// Problems that an operator should know of, each in one line.
    pub warnings: Vec<String>,
    /// The audit trail, newest first; empty when the viewer may not see it.
    pub audit: Vec<AuditRow>,
}
