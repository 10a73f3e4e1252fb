//! Small files that are whole or absent, also after a power cut.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

/// Two threads may write the same file at the same time; each has a temporary file of its own.
static N_STAGED: AtomicU64 = AtomicU64::new(0);

/// Writes a file so that a reader sees the old content or the new, never a part: temporary file, sync, rename, sync of the folder.
pub fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = N_STAGED.fetch_add(1, Ordering::Relaxed);
    let staged = folder.join(format!(".{name}.{}-{number}.tmp", std::process::id()));
    let written = File::create(&staged).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let done = written.and_then(|()| std::fs::rename(&staged, path)).and_then(|()| sync_folder(folder));
    if done.is_err() {
        let _ = std::fs::remove_file(&staged);
    }
    done
}

/// Makes a folder, with those above it, and makes their names durable.
pub fn create_folder_durably(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
        create_folder_durably(above)?;
    }
    match std::fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync_folder(folder.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

/// Makes renames in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
