//! The file that is read: how it is opened, and how messages name it.

use std::{
    fs::File,
    io::{BufRead, BufReader, ErrorKind, Read},
    path::{Path, PathBuf},
};

use sluicegate_plugin::{TaskError, nearest};

/// A file to read.
pub(super) struct SourceFile {
    /// Where it is.
    pub(super) path: PathBuf,
    /// What messages call it: the path as the author wrote it, or the input.
    pub(super) name: String,
}

/// Why a file cannot be read at all, apart from its content.
pub(super) enum Unreadable {
    /// There is none; the nearest name in its folder.
    Missing(Option<String>),
    /// It is something else: a directory, a socket.
    NotAFile(&'static str),
    /// The system refused.
    Io(std::io::Error),
}

impl SourceFile {
    /// A file under the name that the author gave it.
    pub(super) fn at(base_dir: &Path, path: &str) -> Self {
        Self { path: base_dir.join(path), name: format!("`{path}`") }
    }

    /// Opens the file and tells its size in bytes.
    pub(super) fn open(&self) -> Result<(File, u64), Unreadable> {
        let metadata = std::fs::metadata(&self.path).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Unreadable::Missing(self.near_name()),
            _ => Unreadable::Io(error),
        })?;
        if metadata.is_dir() {
            return Err(Unreadable::NotAFile("a directory"));
        }
        if !metadata.is_file() {
            return Err(Unreadable::NotAFile("not a regular file"));
        }
        let file = File::open(&self.path).map_err(Unreadable::Io)?;
        Ok((file, metadata.len()))
    }

    /// Opens the file, or fails the attempt.
    pub(super) fn open_for_run(&self) -> Result<(File, u64), TaskError> {
        self.open().map_err(|reason| self.unreadable(reason))
    }

    fn unreadable(&self, reason: Unreadable) -> TaskError {
        match reason {
            Unreadable::Io(error) => TaskError::io("open", &self.path, &error),
            Unreadable::NotAFile(what) => {
                TaskError::permanent("not_a_file", format!("{} is {what}", self.name))
            }
            Unreadable::Missing(near) => {
                let error = TaskError::permanent("missing_file", format!("there is no file {}", self.name));
                error.hint(missing_file_hint(near.as_deref()))
            }
        }
    }

    /// A failure that lies in the file's content.
    pub(super) fn bad(&self, code: &str, what: impl std::fmt::Display) -> TaskError {
        TaskError::permanent(code, format!("{}: {what}", self.name))
    }

    /// A read that the system broke off.
    pub(super) fn io(&self, error: &std::io::Error) -> TaskError {
        TaskError::io("read", &self.path, error)
    }

    /// The number, from 1, of the line on which the record that starts at a byte is, skipping line ends there.
    pub(super) fn line_at(&self, byte: u64) -> Option<u64> {
        let file = File::open(&self.path).ok()?;
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let mut line = 1;
        let mut left = byte;
        loop {
            let buffer = reader.fill_buf().ok().filter(|buffer| !buffer.is_empty())?;
            let n = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            line += n_line_ends(&buffer[..n]);
            reader.consume(n);
            left -= n as u64;
            if left == 0 {
                break;
            }
        }
        for byte in reader.bytes().map_while(Result::ok).take_while(|byte| matches!(byte, b'\r' | b'\n')) {
            line += u64::from(byte == b'\n');
        }
        Some(line)
    }

    fn near_name(&self) -> Option<String> {
        let folder = self.path.parent()?;
        let wanted = self.path.file_name()?.to_string_lossy().into_owned();
        let names: Vec<_> = std::fs::read_dir(folder)
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
            .collect();
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        names.sort_unstable();
        nearest(&wanted, names).map(ToOwned::to_owned)
    }
}

#[expect(clippy::naive_bytecount, reason = "only on the way to a message")]
fn n_line_ends(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// The next step when a file is missing.
pub(super) fn missing_file_hint(near: Option<&str>) -> String {
    match near {
        Some(name) => format!("did you mean `{name}` in the same folder?"),
        None => "the path starts from the workflow's folder".into(),
    }
}
