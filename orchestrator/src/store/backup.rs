//! A store in one file, and a store from such a file.
//!
//! The file is a tar archive, compressed by zstd. It has what cannot be made again: journal, history, ledger, cached
//! values, logs, artifacts, the trail and the hashes of tokens. The database is made anew from them.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read, Write},
    path::{Component, Path, PathBuf},
};

use serde::Serialize;

use super::{Lock, RebuildReport, StoreError, check_format, disk, journal, rebuild};

/// Compression: as quick as the disk is.
const LEVEL: i32 = 3;

/// What hangs together, in the order in which it must be opened: nothing names what is not there yet.
const LOGS: [&str; 2] = ["journal", "history"];

/// Files that stand for themselves.
const FILES: [&str; 6] =
    ["version", "ledger.jsonl", "tokens.json", "audit.jsonl", "refusals.jsonl", "starts.jsonl"];

/// Folders of files that are written once.
const FOLDERS: [&str; 4] = ["values", "runs", "last-good", "artifacts"];

/// How often the logs are opened again when a checkpoint comes in between.
const ATTEMPTS: usize = 20;

/// What a backup has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BackupReport {
    /// Its files.
    pub n_files: u64,
    /// Their bytes, before they were compressed.
    pub n_bytes: u64,
}

/// Writes a store into one file, while others may use it. The file appears when it is whole and on the disk.
///
/// # Errors
///
/// A file cannot be read or written; then no backup is left behind.
pub fn backup(home: &Path, to: &Path) -> Result<BackupReport, StoreError> {
    let staged = to.with_added_extension(format!("{}.part", std::process::id()));
    let written = write_archive(home, &staged).and_then(|report| {
        appear(&staged, to)?;
        Ok(report)
    });
    if written.is_err() {
        let _ = fs::remove_file(&staged);
    }
    written
}

/// Gives what is whole its name, durably.
fn appear(staged: &Path, name: &Path) -> Result<(), StoreError> {
    fs::rename(staged, name).map_err(StoreError::io("write", name))?;
    let folder = name.parent().filter(|folder| !folder.as_os_str().is_empty());
    disk::sync_folder(folder.unwrap_or(Path::new(".")))
}

fn write_archive(home: &Path, to: &Path) -> Result<BackupReport, StoreError> {
    let failed = |error| StoreError::io("write", to)(error);
    let file = File::options().write(true).create_new(true).open(to).map_err(failed)?;
    let packed = zstd::Encoder::new(file, LEVEL).map_err(failed)?;
    let mut archive = Archive { tar: tar::Builder::new(packed), to, report: BackupReport::default() };
    for (name, file) in open_logs(home)? {
        archive.add(home, &name, file)?;
    }
    let mut files = names_in(home, Path::new(""))?.files;
    files.retain(|name| is_single_file(name));
    for folder in FOLDERS {
        files.extend(names_below(home, Path::new(folder))?);
    }
    for name in files {
        if let Some(file) = open(&home.join(&name))? {
            archive.add(home, &name, file)?;
        }
    }
    let Archive { tar, report, .. } = archive;
    let file = tar.into_inner().and_then(zstd::Encoder::finish).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    Ok(report)
}

/// Journal and history, opened at one moment: a checkpoint makes a new journal, so that none came in between when the
/// newest one is still the same. What is open stays readable, whatever is removed.
fn open_logs(home: &Path) -> Result<Vec<(PathBuf, File)>, StoreError> {
    let folder = home.join(LOGS[0]);
    for _ in 0..ATTEMPTS {
        let before = journal::newest(&folder)?;
        let mut opened = Vec::new();
        for log in LOGS {
            for name in names_below(home, Path::new(log))? {
                if let Some(file) = open(&home.join(&name))? {
                    opened.push((name, file));
                }
            }
        }
        if journal::newest(&folder)? == before {
            return Ok(opened);
        }
    }
    let busy = io::Error::other("checkpoints come faster than its files can be opened");
    Err(StoreError::io("read", &folder)(busy))
}

/// What is in a folder of the state, by paths below the state.
#[derive(Default)]
struct Names {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

/// What is in a folder of the state, in order; nothing when the folder is missing.
fn names_in(home: &Path, folder: &Path) -> Result<Names, StoreError> {
    let path = home.join(folder);
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Names::default()),
        Err(error) => return Err(StoreError::io("read", &path)(error)),
    };
    let mut names = Names::default();
    for entry in entries {
        let entry = entry.map_err(StoreError::io("read", &path))?;
        let name = folder.join(entry.file_name());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => names.folders.push(name),
            Ok(kind) if kind.is_file() => names.files.push(name),
            // Sockets and the like, and what was removed in the meantime.
            _ => {}
        }
    }
    names.files.sort();
    names.folders.sort();
    Ok(names)
}

/// The files below a folder of the state.
fn names_below(home: &Path, folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let Names { mut files, folders } = names_in(home, folder)?;
    for folder in folders {
        files.extend(names_below(home, &folder)?);
    }
    Ok(files)
}

/// Whether a file directly in the state's folder belongs to a backup: one of [`FILES`], or one that was put aside, such
/// as `audit.jsonl.2`.
fn is_single_file(name: &Path) -> bool {
    let Some(name) = name.to_str() else { return false };
    let number = |rest: &str| rest.strip_prefix('.').is_some_and(|number| number.parse::<u8>().is_ok());
    FILES.iter().any(|known| name.strip_prefix(known).is_some_and(|rest| rest.is_empty() || number(rest)))
}

fn open(path: &Path) -> Result<Option<File>, StoreError> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("open", path)(error)),
    }
}

/// An archive that is being written.
struct Archive<'a, W: Write> {
    tar: tar::Builder<W>,
    to: &'a Path,
    report: BackupReport,
}

impl<W: Write> Archive<'_, W> {
    /// Adds a file as long as it is now; what is appended while it is read belongs to the next backup.
    fn add(&mut self, home: &Path, name: &Path, file: File) -> Result<(), StoreError> {
        let size = file.metadata().map_err(StoreError::io("read", &home.join(name)))?.len();
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o600);
        header.set_mtime(0);
        let written = self.tar.append_data(&mut header, name, file.take(size));
        written.map_err(StoreError::io("write", self.to))?;
        self.report.n_files += 1;
        self.report.n_bytes += size;
        Ok(())
    }
}

/// Makes a store from a backup. The state's folder must be missing or empty, and appears when everything is in it.
///
/// # Errors
///
/// The folder holds something, the file is no backup or is damaged, or a file cannot be written. The folder is then as
/// it was before.
pub fn restore(from: &Path, home: &Path) -> Result<RebuildReport, StoreError> {
    let taken = fs::read_dir(home).is_ok_and(|mut entries| entries.next().is_some());
    if taken {
        let error = io::Error::new(ErrorKind::AlreadyExists, "it holds a state already; move it away first");
        return Err(StoreError::io("restore to", home)(error));
    }
    let staged = home.with_added_extension(format!("{}.part", std::process::id()));
    let restored = unpack(from, &staged).and_then(|()| rebuild(&staged)).and_then(|report| {
        let _ = fs::remove_dir(home);
        appear(&staged, home)?;
        Ok(report)
    });
    if restored.is_err() {
        let _ = fs::remove_dir_all(&staged);
    }
    restored
}

fn unpack(from: &Path, to: &Path) -> Result<(), StoreError> {
    let unreadable = |error| StoreError::io("read", from)(error);
    let packed = zstd::Decoder::new(File::open(from).map_err(unreadable)?).map_err(unreadable)?;
    let mut archive = tar::Archive::new(packed);
    // The lock is taken before anything else, as by every command, so that the folder is private from the start.
    let _lock = Lock::take(to, super::A_MOMENT)?;
    let mut has_version = false;
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let name = entry.path().map_err(unreadable)?.into_owned();
        if !is_ours(&name) || !entry.header().entry_type().is_file() {
            let what = format!("`{}` in it belongs to no state", name.display());
            return Err(unreadable(io::Error::new(ErrorKind::InvalidData, what)));
        }
        has_version |= name == Path::new("version");
        let path = to.join(&name);
        let written = write_file(&path, &mut entry);
        written.map_err(StoreError::io("write", &path))?;
    }
    if !has_version {
        let error = io::Error::new(ErrorKind::InvalidData, "it is no backup of a state");
        return Err(unreadable(error));
    }
    check_format(to).map(drop)
}

/// Whether a path of an archive is one that a backup has.
fn is_ours(name: &Path) -> bool {
    let plain = name.components().all(|part| matches!(part, Component::Normal(_)));
    let first = name.components().next().and_then(|part| part.as_os_str().to_str()).unwrap_or_default();
    let below = LOGS.contains(&first) || FOLDERS.contains(&first);
    plain && (below || is_single_file(name))
}

fn write_file(path: &Path, content: &mut impl Read) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    let mut file = File::options().write(true).create_new(true).open(path)?;
    io::copy(content, &mut file)?;
    file.sync_all()
}
