//! Reading runs while another process holds the store: from its journal and its history, without a lock.
//!
//! What is read is durable, or a moment away from it. A checkpoint may take files away meanwhile; then everything is read once more.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{
    FindError, RunFilter, Store, StoreError,
    history::{self, FrameReader, HistoryRow, Manifest, Segment},
    journal, jsonl,
    live::LiveRun,
    open::manifest,
    query::{ALL_RUNS, choose},
    record::{Entry, entries},
    row::{self, Place},
    schedules::{self, ScheduleId, ScheduleState},
    tape::{self, Tape},
};
use crate::run::{EventRecord, RunId, RunRow};

/// How often a reader begins again because of a checkpoint before it gives up.
const MAX_TRIES: usize = 20;

/// What stands before a run's id in a line of the history's rows.
const BEFORE_ID: usize = "00000000 {\"row\":{\"id\":\"".len();

/// The length of an id.
const ID: usize = 26;

/// Answers about runs from journal and history alone; needs no lock and sees what is durable.
#[derive(Clone, Debug)]
pub struct LogReader {
    home: PathBuf,
}

/// Reads the runs of a state folder without holding it.
pub fn read_only(home: &Path) -> LogReader {
    LogReader { home: home.to_owned() }
}

/// What a journal says: the history behind it, and the runs in it.
#[derive(Default)]
pub(super) struct Snapshot {
    manifest: Manifest,
    runs: BTreeMap<RunId, LiveRun>,
    pub(super) schedules: BTreeMap<ScheduleId, ScheduleState>,
}

impl LogReader {
    /// Reads until no checkpoint comes in between.
    pub(super) fn steadily<T>(&self, read: impl Fn(&Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let folder = self.home.join("journal");
        let mut number = journal::newest(&folder)?;
        let mut result = read(self);
        for _ in 0..MAX_TRIES {
            let now = journal::newest(&folder)?;
            if result.is_ok() || now == number {
                break;
            }
            number = now;
            result = read(self);
        }
        result
    }

    /// Reads the journal; events only of the run that is asked for.
    pub(super) fn snapshot(&self, wanted: Option<RunId>) -> Result<Snapshot, StoreError> {
        let folder = self.home.join("journal");
        let Some(number) = journal::newest(&folder)? else { return Ok(Snapshot::default()) };
        let scan = journal::scan(&folder, number)?.whole()?;
        let mut runs: BTreeMap<RunId, LiveRun> = BTreeMap::new();
        let mut schedules = BTreeMap::new();
        for (_, payload) in scan.records() {
            for entry in entries(payload) {
                match entry? {
                    Entry::Tape { run, row, frames, tail } => {
                        let tape = if wanted == Some(run) {
                            Tape { frames: frames.to_vec(), tail: tail.to_vec() }
                        } else {
                            Tape::default()
                        };
                        runs.insert(run, LiveRun { row: row::decode(run, row)?.0, tape });
                    }
                    Entry::Row { run, row } => {
                        let row = row::decode(run, row)?.0;
                        match runs.get_mut(&run) {
                            Some(known) => known.row = row,
                            None => drop(runs.insert(run, LiveRun { row, tape: Tape::default() })),
                        }
                    }
                    Entry::Events { run, lines } if wanted == Some(run) => {
                        if let Some(known) = runs.get_mut(&run) {
                            known.tape.push(lines);
                        }
                    }
                    Entry::Schedule { json } => {
                        let state = schedules::decode(json)?;
                        schedules.insert(state.id.clone(), state);
                    }
                    _ => {}
                }
            }
        }
        Ok(Snapshot { manifest: manifest(&scan)?, runs, schedules })
    }

    /// Goes through the history's rows, last one first, until `look` has enough.
    fn backwards(
        &self,
        manifest: &Manifest,
        mut look: impl FnMut(&Segment, &[u8]) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let folder = self.home.join("history");
        for segment in manifest.segments.iter().rev() {
            if history::rows_backwards(&folder, segment, |line| look(segment, line))? {
                break;
            }
        }
        Ok(())
    }

    fn history_row(&self, segment: &Segment, line: &[u8]) -> Result<HistoryRow, StoreError> {
        jsonl::parse_line(&[line, b"\n"].concat()).map_err(|reason| StoreError::Damaged {
            path: segment.rows_path(&self.home.join("history")),
            reason: format!("a line is damaged ({reason})"),
        })
    }

    fn events(&self, run: RunId) -> Result<Vec<EventRecord>, StoreError> {
        let Snapshot { manifest, mut runs, .. } = self.snapshot(Some(run))?;
        if let Some(found) = runs.remove(&run) {
            return found.tape.events();
        }
        let mut found = None;
        self.backwards(&manifest, |segment, line| {
            if id_of(line) == Some(run) {
                let row = self.history_row(segment, line)?;
                found = Some(Place { segment: segment.number, offset: row.offset, length: row.length });
            }
            Ok(found.is_some())
        })?;
        let Some(place) = found else { return Ok(Vec::new()) };
        let reader = FrameReader::of(&self.home.join("history"), &manifest.segments);
        tape::parse(&reader.lines(place)?)
    }

    fn runs(&self, filter: &RunFilter<'_>) -> Result<Vec<RunRow>, StoreError> {
        let Snapshot { manifest, runs, .. } = self.snapshot(None)?;
        let mut seen: BTreeSet<RunId> = runs.keys().copied().collect();
        let mut rows: BTreeMap<RunId, RunRow> = BTreeMap::new();
        rows.extend(runs.into_values().map(|run| (run.row.id, run.row)).filter(|(_, row)| filter.fits(row)));
        self.backwards(&manifest, |segment, line| {
            let row = self.history_row(segment, line)?.row;
            while rows.len() > filter.limit {
                rows.pop_first();
            }
            // What stands before this line ended before; when that is older than all that is wanted, the search is over.
            let oldest = rows.first_key_value().map(|(_, oldest)| oldest.created_at);
            if rows.len() == filter.limit && oldest > row.ended_at {
                return Ok(true);
            }
            if seen.insert(row.id) && filter.fits(&row) {
                rows.insert(row.id, row);
            }
            Ok(false)
        })?;
        Ok(rows.into_values().rev().take(filter.limit).collect())
    }

    fn find_run(&self, text: &str) -> Result<RunId, FindError> {
        let newest = self.steadily(|reader| reader.runs(&RunFilter { limit: 1, ..ALL_RUNS }))?;
        let newest = newest.first().ok_or(FindError::Empty)?.id;
        if text == "latest" {
            return Ok(newest);
        }
        let wanted = text.to_ascii_lowercase();
        if wanted.len() < 4 {
            return Err(FindError::None(text.into()));
        }
        let found = self.steadily(|reader| {
            let Snapshot { manifest, runs, .. } = reader.snapshot(None)?;
            let mut ids: BTreeSet<RunId> = runs.into_keys().collect();
            reader.backwards(&manifest, |_, line| {
                ids.extend(id_of(line));
                Ok(false)
            })?;
            Ok(ids)
        })?;
        let those = |fits: &dyn Fn(&str) -> bool| -> Vec<RunId> {
            found.iter().filter(|id| fits(&id.to_string())).copied().collect()
        };
        let mut fitting = those(&|id| id.starts_with(&wanted));
        if fitting.is_empty() {
            fitting = those(&|id| id.ends_with(&wanted));
        }
        choose(text, &fitting)
    }
}

/// The id in a line of the history's rows, without reading the rest.
fn id_of(line: &[u8]) -> Option<RunId> {
    std::str::from_utf8(line.get(BEFORE_ID..BEFORE_ID + ID)?).ok()?.parse().ok()
}

/// Where to ask about runs: the store, or its files while another process holds it.
pub enum RunSource {
    /// The open store.
    Store(Store),
    /// The store's files.
    Logs(LogReader),
}

impl From<Store> for RunSource {
    fn from(store: Store) -> Self {
        Self::Store(store)
    }
}

impl From<LogReader> for RunSource {
    fn from(logs: LogReader) -> Self {
        Self::Logs(logs)
    }
}

impl RunSource {
    /// Runs, newest first.
    pub fn runs(&self, filter: &RunFilter<'_>) -> Result<Vec<RunRow>, StoreError> {
        match self {
            Self::Store(store) => store.runs(filter),
            Self::Logs(logs) => logs.steadily(|logs| logs.runs(filter)),
        }
    }

    /// Finds a run; see [`Store::find_run`].
    pub fn find_run(&self, text: &str) -> Result<RunId, FindError> {
        match self {
            Self::Store(store) => store.find_run(text),
            Self::Logs(logs) => logs.find_run(text),
        }
    }

    /// A run's events, in order.
    pub fn events(&self, run: RunId) -> Result<Vec<EventRecord>, StoreError> {
        match self {
            Self::Store(store) => store.events(run),
            Self::Logs(logs) => logs.steadily(|logs| logs.events(run)),
        }
    }
}
