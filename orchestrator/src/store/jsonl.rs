//! Log files of JSON lines, each with a checksum in front: `<crc32, eight hexadecimal digits> <json>`.

use std::path::Path;

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
    Ok(parse_log(&bytes))
}

/// The values of a log's good lines.
pub(super) fn parse_log<T: DeserializeOwned>(bytes: &[u8]) -> LogContent<T> {
    let mut content = LogContent { values: Vec::new(), good_end: 0, bad: None };
    for (idx, text) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        match parse_line(text) {
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
    content
}

/// The value of one line, or what is wrong with it.
pub(super) fn parse_line<T: DeserializeOwned>(text: &[u8]) -> Result<T, String> {
    let text = text.strip_suffix(b"\n").ok_or("it has no end")?;
    let (sum, json) = text.split_at_checked(9).ok_or("it is too short")?;
    let sum = std::str::from_utf8(&sum[..8]).ok().and_then(|hex| u32::from_str_radix(hex, 16).ok());
    if sum != Some(crc32fast::hash(json)) {
        return Err("its checksum is wrong".into());
    }
    serde_json::from_slice(json).map_err(|error| error.to_string())
}
