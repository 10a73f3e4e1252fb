//! One process at a time: a file lock with the holder's name in it.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::DirBuilderExt,
    path::Path,
    time::{Duration, Instant},
};

use rustix::fs::{FlockOperation, flock};

use super::StoreError;

/// The held lock; letting go of it opens it.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a state folder, which is made when it is absent. Waits at most `wait`.
    pub(super) fn take(home: &Path, wait: Duration) -> Result<Self, StoreError> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(home)
            .map_err(StoreError::io("create", home))?;
        let path = home.join("lock");
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(StoreError::io("open", &path))?;
        let start = Instant::now();
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(rustix::io::Errno::WOULDBLOCK) if start.elapsed() < wait => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    let mut holder = String::new();
                    let _ = file.read_to_string(&mut holder);
                    let holder = if holder.is_empty() { "another process".into() } else { holder };
                    return Err(StoreError::InUse { home: home.to_owned(), holder });
                }
                Err(error) => return Err(StoreError::io("lock", &path)(error.into())),
            }
        }
        let command: Vec<_> = std::env::args().skip(1).take(2).collect();
        let holder = format!("process {} (`sluice {}`)", std::process::id(), command.join(" "));
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(holder.as_bytes()));
        written.map_err(StoreError::io("write", &path))?;
        Ok(Self { _file: file })
    }
}
