//! The journal: everything that was committed since the last checkpoint, in order, in one file.
//!
//! A record is a mark, its length, a checksum and its payload. The file is only ever appended to and synced once a group. Plain
//! appends cost no more than writes into space that was made ready before (measured on ext4), and leave no doubt about where the end is.

use std::{
    fs::File,
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use super::{
    StoreError,
    disk::{self, Points},
};

/// A journal's first bytes; the last of them is the format's version.
const HEADER: &[u8; 8] = b"sluicej\x01";

/// A record's first bytes, by which records behind a damaged one are found.
const MARK: [u8; 4] = *b"\xf5rec";

/// Mark, length, checksum.
pub(super) const RECORD_HEAD: usize = 12;

/// The open journal.
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    pub(super) number: u64,
    /// Where the next record goes.
    pub(super) end: u64,
}

impl Journal {
    /// Makes a journal with its first record, whole or not at all: the rename is the moment from which it is the journal.
    pub(super) fn create(folder: &Path, number: u64, first: &[u8]) -> Result<Self, StoreError> {
        disk::create_folder(folder)?;
        let path = path_of(folder, number);
        let new = path.with_extension("new");
        let mut bytes = HEADER.to_vec();
        frame(&mut bytes, |out| out.extend_from_slice(first))?;
        let file = File::options()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(&new)
            .map_err(StoreError::io("create", &new))?;
        file.write_all_at(&bytes, 0).map_err(StoreError::io("write", &new))?;
        disk::sync(Points("journal.sync.before", "journal.sync.after"), &new, &file)?;
        let points = Points("journal.switch.before", "journal.switch.after");
        disk::step(points, "rename", &new, || std::fs::rename(&new, &path))?;
        disk::sync_folder(folder)?;
        Ok(Self { path, file, number, end: bytes.len() as u64 })
    }

    /// Opens a journal that was read, behind its last good record; what is behind that is cut off.
    pub(super) fn reopen(folder: &Path, number: u64, end: u64) -> Result<Self, StoreError> {
        let path = path_of(folder, number);
        let file =
            File::options().read(true).write(true).open(&path).map_err(StoreError::io("open", &path))?;
        let length = file.metadata().map_err(StoreError::io("read", &path))?.len();
        if length > end {
            file.set_len(end).map_err(StoreError::io("cut", &path))?;
        }
        Ok(Self { path, file, number, end })
    }

    /// Opens a journal that is to be replaced, damaged or not, and changes nothing in it.
    pub(super) fn as_it_is(folder: &Path, number: u64, end: u64) -> Result<Self, StoreError> {
        let path = path_of(folder, number);
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        Ok(Self { path, file, number, end })
    }

    /// Appends a record and waits until it is on the disk. After a failure the file is cut back; whether the disk has the record is
    /// unknown after a failed sync, and the next opening decides by what it finds.
    pub(super) fn append(&mut self, record: &[u8]) -> Result<(), StoreError> {
        let write = Points("journal.write.before", "journal.write.after");
        let sync = Points("journal.sync.before", "journal.sync.after");
        let (file, end) = (&self.file, self.end);
        let done = disk::step(write, "write", &self.path, || file.write_all_at(record, end))
            .and_then(|()| disk::sync(sync, &self.path, file));
        match done {
            Ok(()) => {
                self.end += record.len() as u64;
                Ok(())
            }
            Err(error) => {
                let _ = file.set_len(end).and_then(|()| file.sync_data());
                Err(error)
            }
        }
    }

    /// Removes the file: a newer journal has taken its place.
    pub(super) fn remove(self) -> Result<(), StoreError> {
        let points = Points("journal.drop.before", "journal.drop.after");
        disk::step(points, "remove", &self.path, || std::fs::remove_file(&self.path))
    }
}

/// Writes a record whose payload `fill` appends.
pub(super) fn frame(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) -> Result<(), StoreError> {
    let start = out.len();
    out.extend_from_slice(&MARK);
    out.extend_from_slice(&[0; 8]);
    fill(out);
    let length = u32::try_from(out.len() - start - RECORD_HEAD)
        .map_err(|_| StoreError::BadValue("a commit of over 4 GB does not fit into a record".into()))?;
    out[start + 4..start + 8].copy_from_slice(&length.to_le_bytes());
    let sum = checksum(&out[start + 4..start + 8], &out[start + RECORD_HEAD..]);
    out[start + 8..start + RECORD_HEAD].copy_from_slice(&sum.to_le_bytes());
    Ok(())
}

fn checksum(length: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(length);
    hasher.update(payload);
    hasher.finalize()
}

/// A journal as it was found.
pub(super) struct Scan {
    pub(super) path: PathBuf,
    pub(super) number: u64,
    bytes: Vec<u8>,
    /// The payloads of good records.
    records: Vec<Range<usize>>,
    /// Where the last good record ends.
    pub(super) end: u64,
    /// Bytes that are no good record but have one behind them: damage, not the end of a write.
    pub(super) damage: Vec<Range<usize>>,
}

impl Scan {
    /// Payloads of good records, each with where its record ends.
    pub(super) fn records(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.records.iter().map(|range| (range.end as u64, &self.bytes[range.clone()]))
    }

    /// Bytes behind the last good record: what was being written when the process ended.
    pub(super) fn n_torn(&self) -> usize {
        self.bytes.len() - usize::try_from(self.end).unwrap_or_default()
    }

    /// Refuses a journal with damage in it.
    pub(super) fn whole(self) -> Result<Self, StoreError> {
        match self.damage.first() {
            None => Ok(self),
            Some(range) => {
                let reason = format!(
                    "bytes {} to {} are no record, but good ones follow",
                    range.start,
                    range.end.saturating_sub(1)
                );
                Err(StoreError::Damaged { path: self.path, reason })
            }
        }
    }
}

/// The number of the newest journal; `None` when there is none.
pub(super) fn newest(folder: &Path) -> Result<Option<u64>, StoreError> {
    Ok(numbers(folder)?.into_iter().max())
}

/// Removes journals that a newer one replaced, and one that was being made.
pub(super) fn remove_older(folder: &Path, number: u64) -> Result<(), StoreError> {
    for older in numbers(folder)?.into_iter().filter(|older| *older < number) {
        let path = path_of(folder, older);
        std::fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
    }
    let half = path_of(folder, number + 1).with_extension("new");
    match std::fs::remove_file(&half) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::io("remove", &half)(error))
        }
        _ => Ok(()),
    }
}

fn numbers(folder: &Path) -> Result<Vec<u64>, StoreError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io("read", folder)(error)),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry.map_err(StoreError::io("read", folder))?.file_name();
        numbers.extend(
            name.to_str().and_then(|name| name.strip_suffix(".wal")).and_then(|n| n.parse::<u64>().ok()),
        );
    }
    Ok(numbers)
}

pub(super) fn path_of(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:06}.wal"))
}

/// Reads a journal and finds its good records.
pub(super) fn scan(folder: &Path, number: u64) -> Result<Scan, StoreError> {
    let path = path_of(folder, number);
    let bytes = std::fs::read(&path).map_err(StoreError::io("read", &path))?;
    let damaged = |reason: String| StoreError::Damaged { path: path.clone(), reason };
    match bytes.get(..HEADER.len()) {
        Some(head) if head == HEADER => {}
        Some(head) if head[..7] == HEADER[..7] => {
            let (found, known) = (u32::from(head[7]), u32::from(HEADER[7]));
            return Err(StoreError::Newer { home: path, found, known });
        }
        _ => return Err(damaged("it does not begin as a journal does".into())),
    }
    let (mut records, mut damage) = (Vec::new(), Vec::new());
    let (mut at, mut end) = (HEADER.len(), HEADER.len());
    while at < bytes.len() {
        if let Some(payload) = record_at(&bytes, at) {
            if at > end {
                damage.push(end..at);
            }
            at = payload.end;
            end = at;
            records.push(payload);
        } else {
            let next = bytes[at + 1..].windows(MARK.len()).position(|window| window == MARK);
            let Some(next) = next else { break };
            at += 1 + next;
        }
    }
    Ok(Scan { path, number, bytes, records, end: end as u64, damage })
}

fn record_at(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let head = bytes.get(at..at + RECORD_HEAD)?;
    let word = |range: Range<usize>| Some(u32::from_le_bytes(head[range].try_into().ok()?));
    let start = at + RECORD_HEAD;
    let end = start.checked_add(usize::try_from(word(4..8)?).ok()?)?;
    let payload = bytes.get(start..end)?;
    (head[..4] == MARK && word(8..12)? == checksum(&head[4..8], payload)).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(folder: &Path) -> Journal {
        let mut journal = Journal::create(folder, 1, b"first").unwrap();
        for text in ["one", "two", "three"] {
            let mut record = Vec::new();
            frame(&mut record, |out| out.extend_from_slice(text.as_bytes())).unwrap();
            journal.append(&record).unwrap();
        }
        journal
    }

    fn texts(scan: &Scan) -> Vec<String> {
        scan.records().map(|(_, payload)| String::from_utf8_lossy(payload).into_owned()).collect()
    }

    #[test]
    fn a_torn_end_is_cut_and_damage_before_good_records_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        drop(journal(folder.path()));
        let path = path_of(folder.path(), 1);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 2]).unwrap();
        let torn = scan(folder.path(), 1).unwrap().whole().unwrap();
        assert_eq!(texts(&torn), ["first", "one", "two"]);
        assert!(torn.n_torn() > 0);
        let mut bad = whole.clone();
        let at = whole.windows(3).position(|window| window == b"one").unwrap();
        bad[at] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        let damaged = scan(folder.path(), 1).unwrap();
        assert_eq!(texts(&damaged), ["first", "two", "three"]);
        assert_eq!(damaged.damage.len(), 1);
        assert!(matches!(damaged.whole(), Err(StoreError::Damaged { .. })));
    }

    #[test]
    fn every_cut_leaves_a_prefix_of_the_records() {
        let folder = tempfile::tempdir().unwrap();
        drop(journal(folder.path()));
        let path = path_of(folder.path(), 1);
        let whole = std::fs::read(&path).unwrap();
        let all = texts(&scan(folder.path(), 1).unwrap());
        for end in HEADER.len()..whole.len() {
            std::fs::write(&path, &whole[..end]).unwrap();
            let found = texts(&scan(folder.path(), 1).unwrap().whole().unwrap());
            assert_eq!(found, all[..found.len()]);
        }
    }
}
