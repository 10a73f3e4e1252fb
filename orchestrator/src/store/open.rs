//! Opening: what the journal has and the others lack is done again.

use std::{path::Path, sync::Mutex};

use super::{
    Lock, Shared, Store, StoreError,
    checkpoint::first_journal,
    db::Db,
    history::{History, Manifest, Segment},
    journal::{self, Journal, Scan},
    key,
    live::LiveRuns,
    record::{Entry, entries},
    state::{Batch, Position, Ready, State, boot_id},
    value::{self, Values},
    writer::Writer,
};

impl Store {
    /// Opens the store whose lock is held and whose format is known.
    pub(super) fn open_locked(home: &Path, lock: Lock) -> Result<Self, StoreError> {
        let db = Db::open(&home.join("db"))?;
        let state = open_state(home, db)?;
        Self::of_state(home, lock, state)
    }

    /// The store over a state that is up to date.
    pub(super) fn of_state(home: &Path, lock: Lock, state: State) -> Result<Self, StoreError> {
        let (db, live, history) = (state.db.clone(), state.live.clone(), state.history.reader());
        let shared = Shared {
            home: home.to_owned(),
            writer: Writer::start(state, home)?,
            db,
            live,
            history,
            values: Values::new(home.join("values")),
            registry: Mutex::new(()),
            _lock: lock,
        };
        Ok(Self { shared: std::sync::Arc::new(shared) })
    }
}

fn open_state(home: &Path, db: Db) -> Result<State, StoreError> {
    let folder = home.join("journal");
    let position: Option<Position> =
        db.get(key::POSITION)?.map(|bytes| value::from_json(&bytes)).transpose()?;
    let newest = journal::newest(&folder)?;
    check_presence(home, position.as_ref(), newest)?;
    let Some(number) = newest else {
        let journal = first_journal(home)?;
        return new_state(home, db, journal, &Manifest::default(), None)?
            .ok_or_else(|| StoreError::BadValue("an empty history is too short".into()));
    };
    let scan = journal::scan(&folder, number)?.whole()?;
    let manifest = manifest(&scan)?;
    if let Some(position) = position.as_ref().filter(|position| position.journal == number)
        && position.end > scan.end
    {
        let reason = format!("{} good bytes are left of at least {}", scan.end, position.end);
        return Err(StoreError::Damaged { path: scan.path, reason });
    }
    if position.is_none() && !(number == 1 && manifest.segments.is_empty()) {
        let reason = "it is empty, but there is a history".into();
        return Err(StoreError::Damaged { path: home.join("db"), reason });
    }
    if scan.n_torn() > 0 {
        tracing::warn!("cutting {} bytes of an unfinished write off the journal", scan.n_torn());
    }
    let journal = Journal::reopen(&folder, number, scan.end)?;
    journal::remove_older(&folder, number)?;
    let mut state = resume(home, &db, journal, &manifest, position.as_ref(), &scan)?;
    if state.is_long() {
        state.checkpoint()?;
    }
    Ok(state)
}

/// Refuses a folder that lost its journal.
fn check_presence(home: &Path, position: Option<&Position>, newest: Option<u64>) -> Result<(), StoreError> {
    let has_history = home.join("history").is_dir();
    let missing = match (position, newest) {
        (Some(position), newest) if newest.is_none_or(|newest| newest < position.journal) => {
            Some(position.journal)
        }
        (None, None) if has_history => Some(1),
        _ => None,
    };
    match missing {
        None => Ok(()),
        Some(number) => {
            let path = journal::path_of(&home.join("journal"), number);
            Err(StoreError::Damaged { path, reason: "the file is missing".into() })
        }
    }
}

/// What the history holds for sure, from a journal's first record.
pub(super) fn manifest(scan: &Scan) -> Result<Manifest, StoreError> {
    let first = scan.records().next().and_then(|(_, payload)| entries(payload).next());
    match first {
        Some(Ok(Entry::Manifest { json })) => value::from_json(json),
        _ => {
            Err(StoreError::Damaged { path: scan.path.clone(), reason: "its first record is missing".into() })
        }
    }
}

fn new_state(
    home: &Path,
    db: Db,
    journal: Journal,
    manifest: &Manifest,
    known: Option<Segment>,
) -> Result<Option<State>, StoreError> {
    let Some(history) = History::open(&home.join("history"), manifest, known)? else { return Ok(None) };
    let (base, live) = (journal.end, LiveRuns::default());
    let home = home.to_owned();
    Ok(Some(State { home, journal, history, db, live, boot: boot_id(), base, broken: None }))
}

/// Reads the journal into memory, and does again what database and history lack. When the machine was not started anew since,
/// they have all that was done before the position; otherwise everything since the last checkpoint is done again.
fn resume(
    home: &Path,
    db: &Db,
    mut journal: Journal,
    manifest: &Manifest,
    position: Option<&Position>,
    scan: &Scan,
) -> Result<State, StoreError> {
    let known = position.filter(|position| position.journal == scan.number && position.boot == boot_id());
    if let Some(position) = known
        && let Some(mut state) = new_state(home, db.clone(), journal, manifest, position.segment)?
    {
        replay(&mut state, scan, position.end)?;
        return Ok(state);
    } else if known.is_some() {
        tracing::warn!("the history is shorter than the database says; it is made again from the journal");
    }
    journal = Journal::reopen(&home.join("journal"), scan.number, scan.end)?;
    let state = new_state(home, db.clone(), journal, manifest, None)?;
    let mut state = state.ok_or_else(|| StoreError::BadValue("the history is too short".into()))?;
    replay(&mut state, scan, 0)?;
    Ok(state)
}

/// Takes records in: those up to `done` only into memory, those behind it everywhere.
pub(super) fn replay(state: &mut State, scan: &Scan, done: u64) -> Result<(), StoreError> {
    if let Some((end, _)) = scan.records().next() {
        state.base = end;
    }
    for (end, payload) in scan.records() {
        if end > done {
            state.journal.end = end;
            state.apply(payload, &Ready::new())?;
            continue;
        }
        let ended = state.remember(payload, &mut Batch::default())?;
        let mut live = state.live.write();
        for run in ended {
            if live.get(&run).is_some_and(|run| run.row.status.is_final()) {
                live.remove(&run);
            }
        }
    }
    state.journal.end = scan.end;
    Ok(())
}
