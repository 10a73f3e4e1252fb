//! Reading lines that may not be longer than the protocol allows.

use std::io::{self, BufRead, Read};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

use super::protocol::MAX_LINE;

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a line is longer than {MAX_LINE} bytes"))
}

/// Reads a line without its end; `None` when the channel is closed, also in the middle of a line.
pub(super) fn read_line(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    reader.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line)?;
    match line.pop() {
        Some(b'\n') => Ok(Some(line)),
        Some(_) if line.len() >= MAX_LINE => Err(too_long()),
        _ => Ok(None),
    }
}

/// Lines of an asynchronous channel.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    partial: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader: BufReader::new(reader), partial: Vec::new() }
    }

    /// Reads a line as [`read_line`] does. Nothing is lost when the future is dropped: what was read stays in `partial`.
    pub(super) async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let available = self.reader.fill_buf().await?;
            if available.is_empty() {
                return Ok(None);
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            self.partial.extend_from_slice(&available[..end.unwrap_or(available.len())]);
            let n_read = end.map_or(available.len(), |at| at + 1);
            self.reader.consume(n_read);
            if self.partial.len() > MAX_LINE {
                return Err(too_long());
            }
            if end.is_some() {
                return Ok(Some(std::mem::take(&mut self.partial)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_cut_off_is_no_line() {
        let mut reader = io::Cursor::new(b"one\ntwo\nthr".to_vec());
        assert_eq!(read_line(&mut reader).unwrap(), Some(b"one".to_vec()));
        assert_eq!(read_line(&mut reader).unwrap(), Some(b"two".to_vec()));
        assert_eq!(read_line(&mut reader).unwrap(), None);
    }

    #[tokio::test]
    async fn a_line_over_the_limit_is_refused_on_both_sides() {
        let mut fits = vec![b'x'; MAX_LINE];
        fits.push(b'\n');
        let mut long = vec![b'x'; MAX_LINE + 1];
        long.push(b'\n');
        assert_eq!(read_line(&mut fits.as_slice()).unwrap().map(|line| line.len()), Some(MAX_LINE));
        assert!(read_line(&mut long.as_slice()).is_err());
        assert_eq!(Lines::new(fits.as_slice()).next().await.unwrap().map(|line| line.len()), Some(MAX_LINE));
        assert!(Lines::new(long.as_slice()).next().await.is_err());
    }
}
