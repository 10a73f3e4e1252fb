//! Keys: a letter for the kind of row, then its parts, big-endian, so that ranges come in order.

use crate::run::{RunId, RunRow};

/// An event: `e/<run><seq>`.
pub(super) fn event(run: RunId, seq: u64) -> Vec<u8> {
    [b"e/".as_slice(), &run.to_bytes(), &seq.to_be_bytes()].concat()
}

/// All events of a run.
pub(super) fn events(run: RunId) -> Vec<u8> {
    [b"e/".as_slice(), &run.to_bytes()].concat()
}

/// A run's row: `r/<run>`.
pub(super) fn row(run: RunId) -> Vec<u8> {
    [b"r/".as_slice(), &run.to_bytes()].concat()
}

/// All runs, newest first: `x/t/<!created><run>`.
pub(super) fn by_time(row: &RunRow) -> Vec<u8> {
    [b"x/t/".as_slice(), &newest_first(row), &row.id.to_bytes()].concat()
}

/// Runs of a workflow, newest first: `x/w/<hash of the name><!created><run>`.
pub(super) fn by_workflow(row: &RunRow) -> Vec<u8> {
    [of_workflow(&row.workflow).as_slice(), &newest_first(row), &row.id.to_bytes()].concat()
}

/// The beginning that all runs of a workflow share.
pub(super) fn of_workflow(name: &str) -> Vec<u8> {
    [b"x/w/".as_slice(), &blake3::hash(name.as_bytes()).as_bytes()[..16]].concat()
}

/// Runs that are not at their end: `x/o/<run>`.
pub(super) fn open(run: RunId) -> Vec<u8> {
    [b"x/o/".as_slice(), &run.to_bytes()].concat()
}

/// A cached outcome: `c/<hash>`.
pub(super) fn cache(hash: &str) -> Vec<u8> {
    [b"c/".as_slice(), hash.as_bytes()].concat()
}

/// The latest cached outcome of a task: `l/<hash of workflow and task>`.
pub(super) fn last(workflow: &str, task: &str) -> Vec<u8> {
    let hash = blake3::hash(format!("{workflow}\0{task}").as_bytes());
    [b"l/".as_slice(), &hash.as_bytes()[..16]].concat()
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

fn newest_first(row: &RunRow) -> [u8; 8] {
    (!row.created_at.0.unsigned_abs()).to_be_bytes()
}
