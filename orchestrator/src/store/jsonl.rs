//! Log files of JSON lines, each with a checksum in front: `<crc32, eight hexadecimal digits> <json>`.

use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

use super::StoreError;

/// JSON as a line of a log.
pub(super) fn line(json: &[u8]) -> Vec<u8> {
    let mut text = format!("{:08x} ", crc32fast::hash(json)).into_bytes();
    text.extend_from_slice(json);
    text.push(b'\n');
    text
}

/// What reading a log found.
pub(super) struct LogContent<T> {
    /// The values of good lines, up to the first bad one.
    pub(super) values: Vec<T>,
    /// Where the good lines end, in bytes.
    pub(super) good_end: u64,
    /// What stands behind them: the line's number and what is wrong.
    pub(super) bad: Option<BadLine>,
}

/// A line that cannot be trusted.
#[derive(Debug)]
pub(super) struct BadLine {
    /// Its number, from 1.
    pub(super) number: usize,
    /// What is wrong.
    pub(super) reason: String,
    /// Nothing follows it: it was being written when the program ended.
    pub(super) is_last: bool,
}

/// Reads a log; an absent file is an empty log.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<LogContent<T>, StoreError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(StoreError::io("read", path)(error)),
    };
    let mut content = LogContent { values: Vec::new(), good_end: 0, bad: None };
    for (idx, text) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        match parse(text) {
            Ok(value) => {
                content.values.push(value);
                content.good_end += text.len() as u64;
            }
            Err(reason) => {
                let is_last = content.good_end + text.len() as u64 == bytes.len() as u64;
                content.bad = Some(BadLine { number: idx + 1, reason, is_last });
                break;
            }
        }
    }
    Ok(content)
}

fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, String> {
    let text = text.strip_suffix(b"\n").ok_or("it has no end")?;
    let (sum, json) = text.split_at_checked(9).ok_or("it is too short")?;
    let sum = std::str::from_utf8(&sum[..8]).ok().and_then(|hex| u32::from_str_radix(hex, 16).ok());
    if sum != Some(crc32fast::hash(json)) {
        return Err("its checksum is wrong".into());
    }
    serde_json::from_slice(json).map_err(|error| error.to_string())
}

/// An open log that is only ever appended to.
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    end: u64,
    /// Its name may not be on the disk yet.
    is_new: bool,
}

impl LogFile {
    /// Opens a log for appending after its good lines; a half-written last line is cut off.
    pub(super) fn open(path: &Path, good_end: u64) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(StoreError::io("create", folder))?;
        }
        let is_new = !path.exists();
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(StoreError::io("open", path))?;
        file.set_len(good_end).map_err(StoreError::io("cut", path))?;
        Ok(Self { path: path.to_owned(), file, end: good_end, is_new })
    }

    /// Appends lines; with `sync`, waits until they are on the disk. After a failure the file is cut back.
    pub(super) fn append(&mut self, lines: &[u8], sync: bool) -> Result<(), StoreError> {
        let written = self.file.seek(SeekFrom::Start(self.end)).and_then(|_| self.file.write_all(lines));
        let written = if sync { written.and_then(|()| self.sync()) } else { written };
        match written {
            Ok(()) => {
                self.end += lines.len() as u64;
                Ok(())
            }
            Err(error) => {
                let _ = self.file.set_len(self.end);
                Err(StoreError::io("write", &self.path)(error))
            }
        }
    }

    fn sync(&mut self) -> std::io::Result<()> {
        self.file.sync_data()?;
        if self.is_new {
            // The file's name is in its folder, and the folder's in the one above.
            for folder in self.path.ancestors().skip(1).take(2) {
                File::open(folder)?.sync_all()?;
            }
            self.is_new = false;
        }
        Ok(())
    }
}
