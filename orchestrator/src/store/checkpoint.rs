//! Checkpoints: from time to time history and database are synced, and a new, short journal takes the old one's place.
//!
//! The order makes every kill harmless:
//!
//! 1. The history is synced. The old journal still has everything.
//! 2. The database is written out and synced. The old journal still has everything, and says it again at the next open.
//! 3. The next journal is written under another name and synced: what the history holds for sure, and all that live runs and
//!    schedules have.
//!    It counts only once it has its own name; the rename is the moment of the switch.
//! 4. The old journal is removed. One that is left over is removed at the next open, because a newer one is there.

use super::{
    StoreError, disk,
    history::Manifest,
    journal::{self, Journal},
    record::Payload,
    state::{Batch, State},
    value,
};

/// A checkpoint is due when the journal has grown by so much.
const LIMIT: u64 = 64 << 20;

/// A journal up to this length is not worth a checkpoint when the store is closed; the next open reads it in no time.
const SHORT: u64 = 64 << 10;

impl State {
    /// Whether the journal has grown long. Live runs are carried from one journal to the next, so they do not count.
    pub(super) fn wants_checkpoint(&self) -> bool {
        self.journal.end > self.base + LIMIT
    }

    /// Whether the journal is too long to be left for the next open.
    pub(super) fn is_long(&self) -> bool {
        self.journal.end > self.base.max(SHORT)
    }

    /// Syncs everything and goes over to a new journal.
    pub(super) fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.sync()?;
        let manifest = self.history.manifest();
        self.switch(manifest, Payload::default())
    }

    /// Waits until history, ledger and database are on the disk.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        self.history.sync()?;
        super::ledger::sync(&self.home)?;
        // A database without a position belongs to a store that never came so far, or was lost; this one must not look like that.
        let mut batch = Batch::default();
        self.note_position(&mut batch);
        self.fill(batch)?;
        self.db.sync()
    }

    /// Goes over to a new journal that begins with a manifest and changes of the database.
    ///
    /// Segments that were written anew for that manifest are synced; the files that they replace go last.
    pub(super) fn switch(&mut self, manifest: Manifest, changes: Payload) -> Result<(), StoreError> {
        let mut first = first_record(&manifest);
        for run in self.live.read().values() {
            first.tape(&run.row, &run.tape);
        }
        for schedule in self.live.schedules().values() {
            first.schedule(&value::to_json(schedule));
        }
        first.bytes.extend(changes.bytes);
        let folder = self.home.join("journal");
        let next = Journal::create(&folder, self.journal.number + 1, &first.bytes)?;
        self.base = next.end;
        let old = std::mem::replace(&mut self.journal, next);
        let is_new = manifest != self.history.manifest();
        if is_new {
            self.history.follow(manifest.segments);
        }
        let mut batch = Batch::default();
        self.remember(&first.bytes, &mut batch)?;
        self.write(batch, true)?;
        old.remove()?;
        if is_new { self.history.remove_strangers() } else { Ok(()) }
    }

    /// The process ends with this store: what the next open reads from a short journal is not written out now.
    pub(super) fn leave(&self) {
        if self.broken.is_none() && !self.is_long() {
            self.db.leave();
        }
    }

    /// The last handle is closed.
    pub(super) fn close(&mut self) {
        if self.broken.is_none()
            && self.is_long()
            && let Err(error) = self.checkpoint()
        {
            tracing::error!("the store could not be tidied up when it was closed: {error}");
        }
    }
}

/// A journal's first record, up to its manifest.
pub(super) fn first_record(manifest: &Manifest) -> Payload {
    let mut first = Payload::default();
    first.manifest(&value::to_json(manifest));
    first
}

/// Makes the first journal of a new store.
pub(super) fn first_journal(home: &std::path::Path) -> Result<Journal, StoreError> {
    let folder = home.join("journal");
    journal::remove_older(&folder, 0)?;
    disk::create_folder(&folder)?;
    disk::sync_folder(home)?;
    Journal::create(&folder, 1, &first_record(&Manifest::default()).bytes)
}
