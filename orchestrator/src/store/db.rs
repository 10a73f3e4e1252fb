//! Sled, with what it needs to be trusted.

use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    StoreError,
    disk::{self, Points},
};

/// Memory for pages; the default of a gigabyte is for larger databases.
const CACHE: u64 = 64 << 20;

/// How often sled writes out by itself. A checkpoint does that when it is due; in between it would only compete with
/// commits.
const WRITE_OUT: u64 = 60_000;

/// How long sled may take to let go of its own lock after an earlier handle was dropped.
const REOPEN: Duration = Duration::from_secs(5);

/// The open database. Cheap to clone.
#[derive(Clone)]
pub(super) struct Db {
    sled: sled::Db,
    /// Sled's own file, to sync it: sled's `flush` only hands the pages to the kernel.
    file: Arc<File>,
    path: Arc<Path>,
    /// Has rows that nothing else can make again.
    has_light_rows: Arc<AtomicBool>,
}

impl Db {
    /// Opens the database in a folder.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        remove_stray_snapshots(path)?;
        let sled = guarded_open(path)?;
        let path = path.join("db");
        let file =
            File::options().read(true).write(true).open(&path).map_err(StoreError::io("open", &path))?;
        Ok(Self { sled, file: Arc::new(file), path: path.into(), has_light_rows: Arc::default() })
    }

    /// Applies a batch: readers see it, the disk may not have it yet.
    pub(super) fn apply(&self, batch: sled::Batch) -> Result<(), StoreError> {
        Ok(self.sled.apply_batch(batch)?)
    }

    /// Waits until everything that was applied is on the disk.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.sled.flush()?;
        disk::sync(Points("sled.sync.before", "sled.sync.after"), &self.path, &self.file)
    }

    /// Puts a row that may be lost.
    pub(super) fn put_lightly(&self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.has_light_rows.store(true, Ordering::Relaxed);
        self.sled.insert(key, value)?;
        Ok(())
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, StoreError> {
        Ok(self.sled.get(key)?)
    }

    /// Everything under a prefix, in the order of its keys.
    pub(super) fn prefix(
        &self,
        prefix: &[u8],
    ) -> impl DoubleEndedIterator<Item = Result<(sled::IVec, sled::IVec), StoreError>> + use<> {
        self.sled.scan_prefix(prefix).map(|item| item.map_err(StoreError::from))
    }

    /// Everything from one key to another, both included, in the order of the keys.
    pub(super) fn range(
        &self,
        from: &[u8],
        to: &[u8],
    ) -> impl DoubleEndedIterator<Item = Result<(sled::IVec, sled::IVec), StoreError>> + use<> {
        self.sled.range(from.to_vec()..=to.to_vec()).map(|item| item.map_err(StoreError::from))
    }

    /// Lets the process end without writing out what was applied since the last sync; the journal has it. A row that
    /// was put lightly is worth writing, so a database with one closes as always. The database cannot be opened again
    /// in this process.
    pub(super) fn leave(&self) {
        if !self.has_light_rows.load(Ordering::Relaxed) {
            // Sled writes out when its last handle is dropped.
            std::mem::forget(self.sled.clone());
        }
    }

    /// Bytes on the disk.
    pub(super) fn size(&self) -> Result<u64, StoreError> {
        Ok(self.sled.size_on_disk()?)
    }
}

/// A kill while sled opens leaves a snapshot that was being written; its name sorts last, and sled would take it for
/// the newest. An empty one is as bad.
fn remove_stray_snapshots(path: &Path) -> Result<(), StoreError> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io("read", path)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(StoreError::io("read", path))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let empty = entry.metadata().is_ok_and(|about| about.len() == 0);
        if name.starts_with("snap.") && (name.ends_with(".generating") || empty) {
            tracing::warn!("removing the half-written snapshot {name}");
            std::fs::remove_file(entry.path()).map_err(StoreError::io("remove", &entry.path()))?;
        }
    }
    Ok(())
}

/// Opens on a thread of its own: a damaged database may panic instead of returning an error.
fn guarded_open(path: &Path) -> Result<sled::Db, StoreError> {
    let start = std::time::Instant::now();
    loop {
        let owned = path.to_owned();
        let opened = std::thread::spawn(move || {
            catch_unwind(AssertUnwindSafe(|| {
                sled::Config::new().path(&owned).cache_capacity(CACHE).flush_every_ms(Some(WRITE_OUT)).open()
            }))
        });
        let damaged = |reason: String| StoreError::Damaged { path: path.to_owned(), reason };
        match opened.join() {
            Ok(Ok(Ok(sled))) => return Ok(sled),
            // This process holds the folder's lock, so the holder is an earlier handle that is still closing, or a process
            // that has left the database and is ending.
            Ok(Ok(Err(sled::Error::Io(error)))) if is_lock(&error) && start.elapsed() < REOPEN => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Ok(Ok(Err(sled::Error::Io(error)))) => return Err(StoreError::io("open", path)(error)),
            Ok(Ok(Err(error))) => return Err(damaged(error.to_string())),
            Ok(Err(_)) | Err(_) => return Err(damaged("opening it panicked".into())),
        }
    }
}

fn is_lock(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::WouldBlock || error.to_string().contains("could not acquire lock")
}
