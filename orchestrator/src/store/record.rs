//! What a journal's record holds: the changes of one group of commits, one after the other.

use super::{
    StoreError,
    codec::{Unpacker, put_bytes, put_number},
    row::{self, Place},
    tape::Tape,
};
use crate::run::{RunId, RunRow};

const PUT: u8 = 1;
const DELETE: u8 = 2;
const ROW: u8 = 3;
const EVENTS: u8 = 4;
const TAPE: u8 = 5;
const MANIFEST: u8 = 6;
const LEDGER: u8 = 7;
const SCHEDULE: u8 = 8;

/// One change.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entry<'a> {
    /// A key of the database gets a value.
    Put { key: &'a [u8], value: &'a [u8] },
    /// A key of the database goes.
    Delete { key: &'a [u8] },
    /// A run's row, packed; stands before the run's events.
    Row { run: RunId, row: &'a [u8] },
    /// New events of a run, as lines.
    Events { run: RunId, lines: &'a [u8] },
    /// Everything that a live run has, from an earlier journal or from the history.
    Tape { run: RunId, row: &'a [u8], frames: &'a [u8], tail: &'a [u8] },
    /// What the history holds for sure; only in a journal's first record.
    Manifest { json: &'a [u8] },
    /// A line of the registry's ledger, and where it begins.
    Ledger { offset: u64, line: &'a [u8] },
    /// All that is known of a schedule; a program that does not know this kind refuses the journal, rather than fire again.
    Schedule { json: &'a [u8] },
}

/// Writes entries.
#[derive(Default)]
pub(super) struct Payload {
    pub(super) bytes: Vec<u8>,
}

impl Payload {
    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) {
        self.bytes.push(PUT);
        put_bytes(&mut self.bytes, key);
        put_bytes(&mut self.bytes, value);
    }

    pub(super) fn delete(&mut self, key: &[u8]) {
        self.bytes.push(DELETE);
        put_bytes(&mut self.bytes, key);
    }

    pub(super) fn row(&mut self, row: &RunRow) {
        self.bytes.push(ROW);
        self.bytes.extend_from_slice(&row.id.to_bytes());
        put_bytes(&mut self.bytes, &row::encode(row, Place::default()));
    }

    pub(super) fn events(&mut self, run: RunId, lines: &[u8]) {
        self.bytes.push(EVENTS);
        self.bytes.extend_from_slice(&run.to_bytes());
        put_bytes(&mut self.bytes, lines);
    }

    pub(super) fn tape(&mut self, row: &RunRow, tape: &Tape) {
        self.bytes.push(TAPE);
        self.bytes.extend_from_slice(&row.id.to_bytes());
        put_bytes(&mut self.bytes, &row::encode(row, Place::default()));
        put_bytes(&mut self.bytes, &tape.frames);
        put_bytes(&mut self.bytes, &tape.tail);
    }

    pub(super) fn manifest(&mut self, json: &[u8]) {
        self.bytes.push(MANIFEST);
        put_bytes(&mut self.bytes, json);
    }

    pub(super) fn schedule(&mut self, json: &[u8]) {
        self.bytes.push(SCHEDULE);
        put_bytes(&mut self.bytes, json);
    }

    pub(super) fn ledger(&mut self, offset: u64, line: &[u8]) {
        self.bytes.push(LEDGER);
        put_number(&mut self.bytes, offset);
        put_bytes(&mut self.bytes, line);
    }
}

/// Reads entries.
pub(super) fn entries(payload: &[u8]) -> impl Iterator<Item = Result<Entry<'_>, StoreError>> {
    let mut packed = Unpacker::new(payload);
    let mut failed = false;
    std::iter::from_fn(move || {
        if packed.is_empty() || failed {
            return None;
        }
        let entry = entry(&mut packed);
        failed = entry.is_err();
        Some(entry)
    })
}

fn entry<'a>(packed: &mut Unpacker<'a>) -> Result<Entry<'a>, StoreError> {
    Ok(match packed.byte()? {
        PUT => Entry::Put { key: packed.bytes()?, value: packed.bytes()? },
        DELETE => Entry::Delete { key: packed.bytes()? },
        ROW => Entry::Row { run: RunId::from_bytes(packed.array()?), row: packed.bytes()? },
        EVENTS => Entry::Events { run: RunId::from_bytes(packed.array()?), lines: packed.bytes()? },
        TAPE => Entry::Tape {
            run: RunId::from_bytes(packed.array()?),
            row: packed.bytes()?,
            frames: packed.bytes()?,
            tail: packed.bytes()?,
        },
        MANIFEST => Entry::Manifest { json: packed.bytes()? },
        SCHEDULE => Entry::Schedule { json: packed.bytes()? },
        LEDGER => Entry::Ledger { offset: packed.number()?, line: packed.bytes()? },
        tag => {
            return Err(StoreError::BadValue(format!("the journal has an entry of the unknown kind {tag}")));
        }
    })
}
