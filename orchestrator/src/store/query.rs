//! Runs, events and cached outcomes: the ways to find them.

use super::{FindError, Store, StoreError, key, row, tape};
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

impl RunFilter<'_> {
    /// Tells whether a row is wanted.
    pub(super) fn fits(&self, row: &RunRow) -> bool {
        self.workflow.is_none_or(|workflow| workflow == row.workflow)
            && self.status.is_none_or(|status| status == row.status)
    }
}

/// Every run.
pub(super) const ALL_RUNS: RunFilter<'static> = RunFilter { workflow: None, status: None, limit: usize::MAX };

impl Store {
    /// A run's row.
    pub fn row(&self, run: RunId) -> Result<Option<RunRow>, StoreError> {
        if let Some(live) = self.shared.live.read().get(&run) {
            return Ok(Some(live.row.clone()));
        }
        Ok(self.finished(run)?.map(|(row, _)| row))
    }

    /// A finished run's row, and where its events are.
    pub(super) fn finished(&self, run: RunId) -> Result<Option<(RunRow, row::Place)>, StoreError> {
        self.shared.db.get(&key::row(run))?.map(|bytes| row::decode(run, &bytes)).transpose()
    }

    /// Runs, newest first.
    pub fn runs(&self, filter: &RunFilter<'_>) -> Result<Vec<RunRow>, StoreError> {
        // Memory first: a run that ends meanwhile is then in one of the two, or in both, but never in neither.
        let live: Vec<RunRow> = self.shared.live.read().values().map(|run| run.row.clone()).collect();
        let mut live = live.into_iter().rev().peekable();
        let mut rows = Vec::new();
        if filter.status.is_none_or(RunStatus::is_final) {
            let prefix = filter.workflow.map_or_else(|| b"r/".to_vec(), key::of_workflow);
            for item in self.shared.db.prefix(&prefix).rev() {
                let (key, packed) = item?;
                let run = key::run_of(&key)?;
                while let Some(newer) = live.next_if(|newer| newer.id > run) {
                    rows.extend(Some(newer).filter(|row| filter.fits(row)));
                }
                if rows.len() >= filter.limit {
                    break;
                }
                if live.peek().is_some_and(|row| row.id == run) {
                    continue;
                }
                let packed = if filter.workflow.is_none() {
                    packed
                } else {
                    self.shared.db.get(&key::row(run))?.ok_or_else(|| missing("a run's row"))?
                };
                if filter.status.is_none_or(|status| row::status_of(&packed).is_ok_and(|is| is == status)) {
                    rows.push(row::decode(run, &packed)?.0);
                }
            }
        }
        rows.extend(live.filter(|row| filter.fits(row)));
        rows.truncate(filter.limit);
        Ok(rows)
    }

    /// Runs that are not at their end, oldest first.
    pub fn open_runs(&self) -> Result<Vec<RunRow>, StoreError> {
        let live = self.shared.live.read();
        Ok(live.values().map(|run| &run.row).filter(|row| !row.status.is_final()).cloned().collect())
    }

    /// Finds a run by its id, by a beginning or end of it that no other has (at least four characters), or `latest`.
    pub fn find_run(&self, text: &str) -> Result<RunId, FindError> {
        let newest = self.ids(key::ids_from(""))?.into_iter().next_back().ok_or(FindError::Empty)?;
        if text == "latest" {
            return Ok(newest);
        }
        if let Ok(id) = text.parse::<RunId>()
            && self.row(id)?.is_some()
        {
            return Ok(id);
        }
        let wanted = text.to_ascii_lowercase();
        if wanted.len() < 4 {
            return Err(FindError::None(text.into()));
        }
        let mut found = self.ids(key::ids_from(&wanted))?;
        if found.is_empty() {
            found = self.ids_that_end_with(&wanted)?;
        }
        choose(text, &found)
    }

    /// Some runs of a range of ids, in their order: the oldest three and the newest.
    fn ids(&self, range: Option<(RunId, RunId)>) -> Result<Vec<RunId>, StoreError> {
        let Some((from, to)) = range else { return Ok(Vec::new()) };
        let live: Vec<RunId> = self.shared.live.read().range(from..=to).map(|(id, _)| *id).collect();
        let mut ids = std::collections::BTreeSet::from_iter(live);
        let finished = || self.shared.db.range(&key::row(from), &key::row(to));
        for item in finished().take(3).chain(finished().next_back()) {
            ids.insert(key::run_of(&item?.0)?);
        }
        Ok(ids.into_iter().collect())
    }

    fn ids_that_end_with(&self, end: &str) -> Result<Vec<RunId>, StoreError> {
        let mut found: Vec<RunId> =
            self.shared.live.read().keys().filter(|id| id.to_string().ends_with(end)).copied().collect();
        for item in self.shared.db.prefix(b"r/").rev() {
            let id = key::run_of(&item?.0)?;
            if id.to_string().ends_with(end) && !found.contains(&id) {
                found.push(id);
            }
        }
        Ok(found)
    }

    /// A run's events, in order.
    pub fn events(&self, run: RunId) -> Result<Vec<EventRecord>, StoreError> {
        tape::parse(&self.lines(run)?)
    }

    /// A run's events as lines.
    pub(super) fn lines(&self, run: RunId) -> Result<Vec<u8>, StoreError> {
        let live = self.shared.live.read().get(&run).map(|live| live.tape.clone());
        match (live, self.finished(run)?) {
            (Some(tape), _) => tape.lines(),
            (None, Some((_, place))) => self.shared.history.lines(place),
            (None, None) => Ok(Vec::new()),
        }
    }

    /// The outcome that was made from exactly these parts, by the key's hash.
    pub fn cached(&self, hash: &str) -> Result<Option<CacheEntry>, StoreError> {
        self.cached_at(&key::cache(hash))
    }

    /// What the latest cached outcome of a task depended on.
    pub fn last_key(&self, workflow: &str, task: &str) -> Result<Option<CacheKey>, StoreError> {
        let Some(pointer) = self.shared.db.get(&key::last(workflow, task))? else { return Ok(None) };
        Ok(self.cached_at(&pointer)?.map(|entry| entry.key))
    }

    /// A cached outcome. One that cannot be read serves nobody: its task runs again, and `doctor` tells of it.
    fn cached_at(&self, key: &[u8]) -> Result<Option<CacheEntry>, StoreError> {
        let Some(kept) = self.shared.db.get(key)? else { return Ok(None) };
        match self.shared.values.decode(&kept) {
            Ok(entry) => Ok(Some(entry)),
            Err(error) => {
                tracing::warn!("a cached outcome is not used: {error}");
                Ok(None)
            }
        }
    }

    /// Bytes that the database takes on the disk.
    pub fn size(&self) -> Result<u64, StoreError> {
        self.shared.db.size()
    }

    /// Syncs that the stores of this process have made.
    pub fn n_syncs(&self) -> u64 {
        super::disk::n_syncs()
    }
}

pub(super) fn missing(what: &str) -> StoreError {
    StoreError::BadValue(format!("{what} is missing"))
}

/// The one run that a text can mean, of those that it fits.
pub(super) fn choose(text: &str, found: &[RunId]) -> Result<RunId, FindError> {
    match found {
        [] => Err(FindError::None(text.into())),
        [one] => Ok(*one),
        many => {
            let candidates = many.iter().take(4).map(RunId::to_string).collect::<Vec<_>>().join(", ");
            Err(FindError::Ambiguous { text: text.into(), candidates })
        }
    }
}
