//! A live run's events in memory: finished zstd frames, and the lines that came after them.

use std::{cell::RefCell, io::Read};

use super::{StoreError, value};
use crate::run::EventRecord;

/// Lines are packed into a frame when there are so many bytes of them.
const FRAME: usize = 256 << 10;

/// zstd's own default: events shrink to a tenth, at hundreds of megabytes a second.
const LEVEL: i32 = 3;

/// A run's events: frames, then raw lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Tape {
    pub(super) frames: Vec<u8>,
    pub(super) tail: Vec<u8>,
}

/// A last frame that was packed before it was needed, for a tape that has come exactly so far.
pub(super) struct LastFrame {
    n_frames: usize,
    n_tail: usize,
    frame: Vec<u8>,
}

impl Tape {
    /// Adds lines.
    pub(super) fn push(&mut self, lines: &[u8]) {
        self.tail.extend_from_slice(lines);
        if self.tail.len() >= FRAME {
            self.frames.extend(compress(&self.tail));
            self.tail.clear();
        }
    }

    /// Packs what will be the last frame once `lines` are added; worth it before a lock is taken.
    pub(super) fn last_frame(&self, lines: &[u8]) -> LastFrame {
        let tail = [self.tail.as_slice(), lines].concat();
        LastFrame { n_frames: self.frames.len(), n_tail: tail.len(), frame: compress(&tail) }
    }

    /// All events as frames.
    pub(super) fn packed(&self, ready: Option<&LastFrame>) -> Vec<u8> {
        let fits = |last: &&LastFrame| last.n_frames == self.frames.len() && last.n_tail == self.tail.len();
        let mut frames = self.frames.clone();
        match ready.filter(fits) {
            Some(last) => frames.extend_from_slice(&last.frame),
            None if self.tail.is_empty() => {}
            None => frames.extend(compress(&self.tail)),
        }
        frames
    }

    /// The events, in order.
    pub(super) fn events(&self) -> Result<Vec<EventRecord>, StoreError> {
        parse(&self.lines()?)
    }

    /// The events as lines.
    pub(super) fn lines(&self) -> Result<Vec<u8>, StoreError> {
        let mut lines = decompress(&self.frames)?;
        lines.extend_from_slice(&self.tail);
        Ok(lines)
    }
}

/// Events as lines.
pub(super) fn lines(records: &[EventRecord]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(512 * records.len());
    for record in records {
        lines.extend(value::to_json(record));
        lines.push(b'\n');
    }
    lines
}

/// Events from lines.
pub(super) fn parse(lines: &[u8]) -> Result<Vec<EventRecord>, StoreError> {
    lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(value::from_json).collect()
}

thread_local! {
    /// A context is large; each thread keeps one.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
}

/// Packs bytes into one frame with a checksum.
pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = kept.get_or_insert_with(|| {
            let mut compressor = zstd::bulk::Compressor::new(LEVEL).expect("the level is one of zstd's");
            compressor.include_checksum(true).expect("zstd has checksums");
            compressor
        });
        compressor.compress(bytes).expect("the buffer is as large as the worst case")
    })
}

/// Unpacks frames that follow each other; a wrong byte in any of them is noticed.
pub(super) fn decompress(frames: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    if frames.is_empty() {
        return Ok(bytes);
    }
    zstd::stream::read::Decoder::with_buffer(frames)
        .and_then(|mut decoder| decoder.read_to_end(&mut bytes))
        .map_err(|error| StoreError::BadValue(format!("packed events are damaged ({error})")))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_tail_are_one_stream_and_a_flipped_byte_is_noticed() {
        let mut tape = Tape::default();
        let line = [b"x".repeat(1000), b"\n".to_vec()].concat();
        for _ in 0..600 {
            tape.push(&line);
        }
        assert!(!tape.frames.is_empty() && !tape.tail.is_empty());
        let ready = tape.last_frame(&line);
        tape.push(&line);
        let packed = tape.packed(Some(&ready));
        assert_eq!(packed, tape.packed(None), "the frame that was ready fits");
        assert_eq!(decompress(&packed).unwrap(), line.repeat(601));
        for at in [5, packed.len() / 2, packed.len() - 2] {
            let mut bad = packed.clone();
            bad[at] ^= 1;
            assert!(decompress(&bad).is_err(), "byte {at}");
        }
        assert!(decompress(&packed[..packed.len() - 3]).is_err(), "the end is missing");
    }
}
