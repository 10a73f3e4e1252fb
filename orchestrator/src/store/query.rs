//! Runs, events and cached outcomes: rows and the ways to find them.

use super::{FindError, Store, StoreError, key, value, writer::Op};
use crate::run::{CacheEntry, CacheKey, EventRecord, RunId, RunRow, RunStatus};

/// Which runs to list.
#[derive(Clone, Copy, Debug)]
pub struct RunFilter<'a> {
    /// Only runs of this workflow.
    pub workflow: Option<&'a str>,
    /// Only runs in this state.
    pub status: Option<RunStatus>,
    /// At most so many.
    pub limit: usize,
}

/// Writes a run's row with its indexes.
pub(super) fn put_row(op: &mut Op, row: &RunRow, old: Option<&RunRow>) {
    let id = row.id.to_bytes().to_vec();
    op.put(key::row(row.id), value::to_json(row));
    if old.is_none() {
        op.put(key::by_time(row), id.clone());
        op.put(key::by_workflow(row), id.clone());
    }
    if row.status.is_final() {
        op.delete(key::open(row.id));
    } else {
        op.put(key::open(row.id), id);
    }
}

impl Store {
    /// A run's row.
    pub fn row(&self, run: RunId) -> Result<Option<RunRow>, StoreError> {
        self.shared.db.get(&key::row(run))?.map(|bytes| value::from_json(&bytes)).transpose()
    }

    /// Runs, newest first.
    pub fn runs(&self, filter: &RunFilter<'_>) -> Result<Vec<RunRow>, StoreError> {
        let prefix = filter.workflow.map_or_else(|| b"x/t/".to_vec(), key::of_workflow);
        let mut rows = Vec::new();
        for item in self.shared.db.prefix(&prefix) {
            if rows.len() >= filter.limit {
                break;
            }
            let row = self.row(run_id(&item?.1)?)?.ok_or_else(|| missing("a run's row"))?;
            if filter.status.is_none_or(|status| status == row.status) {
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// Runs that are not at their end, oldest first.
    pub fn open_runs(&self) -> Result<Vec<RunRow>, StoreError> {
        let mut rows = Vec::new();
        for item in self.shared.db.prefix(b"x/o/") {
            rows.push(self.row(run_id(&item?.1)?)?.ok_or_else(|| missing("a run's row"))?);
        }
        Ok(rows)
    }

    /// Finds a run by its id, by a beginning or end of it that no other has (at least four characters), or `latest`.
    pub fn find_run(&self, text: &str) -> Result<RunId, FindError> {
        if let Ok(id) = text.parse::<RunId>()
            && self.row(id)?.is_some()
        {
            return Ok(id);
        }
        let everything = RunFilter { workflow: None, status: None, limit: usize::MAX };
        let latest = RunFilter { limit: 1, ..everything };
        let rows = self.runs(if text == "latest" { &latest } else { &everything })?;
        choose(text, rows.iter().map(|row| row.id))
    }

    /// A run's events, in order.
    pub fn events(&self, run: RunId) -> Result<Vec<EventRecord>, StoreError> {
        self.shared.db.prefix(&key::events(run)).map(|item| self.shared.values.decode(&item?.1)).collect()
    }

    /// The outcome that was made from exactly these parts, by the key's hash.
    pub fn cached(&self, hash: &str) -> Result<Option<CacheEntry>, StoreError> {
        self.shared.db.get(&key::cache(hash))?.map(|bytes| self.shared.values.decode(&bytes)).transpose()
    }

    /// What the latest cached outcome of a task depended on.
    pub fn last_key(&self, workflow: &str, task: &str) -> Result<Option<CacheKey>, StoreError> {
        let Some(pointer) = self.shared.db.get(&key::last(workflow, task))? else { return Ok(None) };
        let Some(bytes) = self.shared.db.get(&pointer)? else { return Ok(None) };
        let entry: CacheEntry = self.shared.values.decode(&bytes)?;
        Ok(Some(entry.key))
    }

    /// Bytes that the database takes on the disk.
    pub fn size(&self) -> Result<u64, StoreError> {
        self.shared.db.size()
    }
}

fn missing(what: &str) -> StoreError {
    StoreError::BadValue(format!("{what} is missing"))
}

fn run_id(bytes: &[u8]) -> Result<RunId, StoreError> {
    <[u8; 16]>::try_from(bytes)
        .map(RunId::from_bytes)
        .map_err(|_| StoreError::BadValue("a run id is cut off".into()))
}

/// The one run that a text can mean; ids come newest first.
pub(super) fn choose(text: &str, ids: impl Iterator<Item = RunId>) -> Result<RunId, FindError> {
    let mut ids = ids.peekable();
    let newest = *ids.peek().ok_or(FindError::Empty)?;
    if text == "latest" {
        return Ok(newest);
    }
    let wanted = text.to_ascii_lowercase();
    let fits = |id: &RunId| {
        let id = id.to_string();
        id == wanted || (wanted.len() >= 4 && (id.starts_with(&wanted) || id.ends_with(&wanted)))
    };
    let found: Vec<RunId> = ids.filter(fits).take(4).collect();
    match found.as_slice() {
        [] => Err(FindError::None(text.into())),
        [one] => Ok(*one),
        many => {
            let candidates = many.iter().map(RunId::to_string).collect::<Vec<_>>().join(", ");
            Err(FindError::Ambiguous { text: text.into(), candidates })
        }
    }
}
