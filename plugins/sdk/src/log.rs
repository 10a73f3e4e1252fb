//! The log of an attempt: a plain file that is there only when something was written.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{AttemptSpec, Mask};

/// The log of an attempt. Cheap to clone. The file is made with the first line, or when a program needs it.
#[derive(Clone)]
pub struct AttemptLog(Arc<Inner>);

struct Inner {
    path: PathBuf,
    mask: Mask,
    file: Mutex<Option<File>>,
}

impl AttemptLog {
    /// The log of an attempt, which hides the attempt's secrets.
    pub fn of(spec: &AttemptSpec) -> Self {
        let (path, mask) = (Self::path_of(&spec.attempt_dir), Mask::of(&spec.secrets));
        Self(Arc::new(Inner { path, mask, file: Mutex::default() }))
    }

    /// Where the log of an attempt is: beside the attempt's folder, and named after it.
    pub fn path_of(attempt_dir: &Path) -> PathBuf {
        let mut name = attempt_dir.as_os_str().to_owned();
        name.push(".txt");
        name.into()
    }

    /// Where it is, or would be.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// What it hides.
    pub fn mask(&self) -> &Mask {
        &self.0.mask
    }

    /// Writes a line, in one piece and without the attempt's secrets.
    pub fn line(&self, text: &str) -> io::Result<()> {
        let text = format!("{}\n", self.0.mask.text(text));
        let mut file = self.opened()?;
        file.as_mut().map_or(Ok(()), |file| file.write_all(text.as_bytes()))
    }

    /// Another handle on the file, for a program's output. What goes there is not masked.
    pub fn file(&self) -> io::Result<File> {
        self.opened()?.as_ref().map_or_else(|| Err(io::Error::other("it is closed")), File::try_clone)
    }

    /// Tells whether the file is open already.
    pub fn is_open(&self) -> bool {
        self.lock().is_some()
    }

    /// Removes the file when nothing was written. Later lines make it again.
    pub fn close(&self) {
        if let Some(file) = self.lock().take()
            && file.metadata().is_ok_and(|about| about.len() == 0)
        {
            // A log that cannot be removed is empty, and does no harm.
            let _ = std::fs::remove_file(&self.0.path);
        }
    }

    fn opened(&self) -> io::Result<MutexGuard<'_, Option<File>>> {
        let mut file = self.lock();
        if file.is_none() {
            *file = Some(open(&self.0.path)?);
        }
        Ok(file)
    }

    fn lock(&self) -> MutexGuard<'_, Option<File>> {
        self.0.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens a log to write at its end. Its folder is there, but for the run's first one.
fn open(path: &Path) -> io::Result<File> {
    let open = || File::options().create(true).append(true).open(path);
    match (open(), path.parent()) {
        (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
            std::fs::create_dir_all(folder)?;
            open()
        }
        (opened, _) => opened,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    #[test]
    fn a_log_without_lines_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let log = AttemptLog::of(Bench::new(folder.path()).spec());
        log.close();
        drop(log.file().unwrap());
        assert!(log.path().exists());
        log.close();
        assert!(!log.path().exists());
        log.line("a line").unwrap();
        log.close();
        assert_eq!(std::fs::read_to_string(log.path()).unwrap(), "a line\n");
    }

    #[test]
    fn a_dot_in_the_name_of_a_task_does_not_shorten_the_name_of_its_log() {
        let path = AttemptLog::path_of(Path::new("attempts/a.b-1"));
        assert_eq!(path, Path::new("attempts/a.b-1.txt"));
    }
}
