//! Small files that are whole or absent, also after a power cut.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

/// Writes a file so that a reader sees the old content or the new, never a part: temporary file, sync, rename, sync of the folder.
pub fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let staged = folder.join(format!(".{name}.{}.tmp", std::process::id()));
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

/// Makes renames in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
