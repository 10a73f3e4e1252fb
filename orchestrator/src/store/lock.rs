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

/// How often to look who holds the lock, a millisecond apart.
const N_LOOKS: usize = 100;

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
                    let holder = holder_of(&mut file);
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

/// Who holds the lock, in its own words. One who has just taken it has not written them yet: until then the file is
/// empty, or has the words of one who is gone.
fn holder_of(file: &mut File) -> String {
    for _ in 0..N_LOOKS {
        let mut text = String::new();
        let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_string(&mut text));
        let pid = text.split_whitespace().nth(1).and_then(|word| word.parse::<u32>().ok());
        if read.is_ok() && pid.is_some_and(|pid| Path::new(&format!("/proc/{pid}")).exists()) {
            return text;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    "another process".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_holder_who_is_gone_are_not_the_next_ones() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("lock");
        let refusal = || match Lock::take(home.path(), Duration::ZERO) {
            Err(StoreError::InUse { holder, .. }) => holder,
            other => panic!("{:?}", other.map(drop)),
        };
        // Someone has the lock, and the file still has what a daemon wrote before it was killed.
        std::fs::write(&path, format!("process {} (`sluice serve`)", u32::MAX)).unwrap();
        let held = File::options().read(true).write(true).open(&path).unwrap();
        flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert_eq!(refusal(), "another process");
        let mine = format!("process {} (`sluice gc`)", std::process::id());
        std::fs::write(&path, &mine).unwrap();
        assert_eq!(refusal(), mine);
        drop(held);
        drop(Lock::take(home.path(), Duration::ZERO).unwrap());
    }
}
