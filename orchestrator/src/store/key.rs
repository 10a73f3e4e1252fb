//! Keys: a letter for the kind of row, then its parts, big-endian, so that ranges come in order.

use super::StoreError;
use crate::run::{RunId, RunRow};

/// A run's row: `r/<run>`.
pub(super) fn row(run: RunId) -> Vec<u8> {
    [b"r/".as_slice(), &run.to_bytes()].concat()
}

/// The run of a row's key.
pub(super) fn run_of(key: &[u8]) -> Result<RunId, StoreError> {
    key.last_chunk::<16>()
        .map(|bytes| RunId::from_bytes(*bytes))
        .ok_or_else(|| StoreError::BadValue("a run id is cut off".into()))
}

/// The lowest and the highest id that begin with a text; `None` when no id can.
pub(super) fn ids_from(beginning: &str) -> Option<(RunId, RunId)> {
    let (lowest, highest) = ("00000000000000000000000000", "7zzzzzzzzzzzzzzzzzzzzzzzzz");
    let filled =
        |rest: &str| format!("{beginning}{}", rest.get(beginning.len()..).unwrap_or_default()).parse().ok();
    Some((filled(lowest)?, filled(highest)?)).filter(|(from, to)| from <= to)
}

/// Finished runs of a workflow: `x/w/<hash of the name><run>`. Ids sort by time, so the newest is the last.
pub(super) fn by_workflow(row: &RunRow) -> Vec<u8> {
    [of_workflow(&row.workflow).as_slice(), &row.id.to_bytes()].concat()
}

/// The beginning that all runs of a workflow share.
pub(super) fn of_workflow(name: &str) -> Vec<u8> {
    [b"x/w/".as_slice(), &blake3::hash(name.as_bytes()).as_bytes()[..16]].concat()
}

/// A cached outcome: `c/<hash>`.
pub(super) fn cache(hash: &str) -> Vec<u8> {
    match blake3::Hash::from_hex(hash) {
        Ok(hash) => [b"c/".as_slice(), hash.as_bytes()].concat(),
        Err(_) => [b"c/".as_slice(), hash.as_bytes()].concat(),
    }
}

/// How far the database has come in the journal.
pub(super) const POSITION: &[u8] = b"j/pos";

/// The remembered hash of a file: `h/<hash of the path>`.
pub(super) fn file_hash(path: &std::path::Path) -> Vec<u8> {
    let hash = blake3::hash(path.as_os_str().as_encoded_bytes());
    [b"h/".as_slice(), &hash.as_bytes()[..16]].concat()
}

/// The latest cached outcome of a task: `l/<hash of workflow and task>`.
pub(super) fn last(workflow: &str, task: &str) -> Vec<u8> {
    let hash = blake3::hash(format!("{workflow}\0{task}").as_bytes());
    [b"l/".as_slice(), &hash.as_bytes()[..16]].concat()
}

/// A decision of a schedule: `s/l/<workflow>\0<schedule>\0<number>`.
pub(super) fn decision(workflow: &str, schedule: &str, number: u64) -> Vec<u8> {
    [decisions(workflow, schedule).as_slice(), &number.to_be_bytes()].concat()
}

/// All decisions of a schedule.
pub(super) fn decisions(workflow: &str, schedule: &str) -> Vec<u8> {
    [b"s/l/".as_slice(), workflow.as_bytes(), b"\0", schedule.as_bytes(), b"\0"].concat()
}

/// A model version: `m/v/<model>\0<version>`.
pub(super) fn version(model: &str, version: u64) -> Vec<u8> {
    [versions(model).as_slice(), &version.to_be_bytes()].concat()
}

/// All versions of a model.
pub(super) fn versions(model: &str) -> Vec<u8> {
    [b"m/v/".as_slice(), model.as_bytes(), b"\0"].concat()
}

/// A move of an alias: `m/a/<model>\0<number>`.
pub(super) fn alias_move(model: &str, number: u64) -> Vec<u8> {
    [alias_moves(model).as_slice(), &number.to_be_bytes()].concat()
}

/// All moves of a model's aliases.
pub(super) fn alias_moves(model: &str) -> Vec<u8> {
    [b"m/a/".as_slice(), model.as_bytes(), b"\0"].concat()
}

/// A generation of a deployment: `d/<name>\0<generation>`.
pub(super) fn deployment(name: &str, generation: u64) -> Vec<u8> {
    [deployments(name).as_slice(), &generation.to_be_bytes()].concat()
}

/// All generations of a deployment.
pub(super) fn deployments(name: &str) -> Vec<u8> {
    [b"d/".as_slice(), name.as_bytes(), b"\0"].concat()
}
