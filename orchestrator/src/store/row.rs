//! Runs' rows, packed: about a hundred bytes, so that a million finished runs are a small database.

use super::{
    StoreError,
    codec::{Unpacker, put_bytes, put_number, put_signed},
    row_story as story,
};
use crate::run::{Owner, RunId, RunRow, RunStatus, RunStory, Timestamp};

/// The version of the packed form: since version 2, the run's story stands behind the rest.
const VERSION: u8 = 2;
const WITHOUT_STORY: u8 = 1;

/// Bits of the second byte's upper half: what follows in a short form.
const HAS_ENDED: u8 = 0x10;
const HAS_PARENT: u8 = 0x20;
const SHORT_HASH: u8 = 0x40;
const SHORT_BOOT: u8 = 0x80;

/// Every status. Rows keep the place in this list, so its order is part of the format: new ones go to the end.
const STATUSES: [RunStatus; 7] = [
    RunStatus::Running,
    RunStatus::Paused,
    RunStatus::Interrupted,
    RunStatus::Succeeded,
    RunStatus::Rejected,
    RunStatus::Failed,
    RunStatus::Cancelled,
];

/// Where a finished run's events are in the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Place {
    /// The segment's number.
    pub(super) segment: u32,
    /// Where the run's frames begin in it.
    pub(super) offset: u64,
    /// How long they are together.
    pub(super) length: u64,
}

/// Packs a row; its id is kept beside it.
pub(super) fn encode(row: &RunRow, place: Place) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    let hash = blake3::Hash::from_hex(&row.workflow_hash)
        .ok()
        .filter(|hash| hash.to_hex().as_str() == row.workflow_hash);
    let boot = short_boot(&row.owner.boot_id);
    let status = STATUSES.iter().position(|status| *status == row.status).unwrap_or_default();
    let mut flags = status.to_le_bytes()[0];
    flags |= if row.ended_at.is_some() { HAS_ENDED } else { 0 };
    flags |= if row.parent.is_some() { HAS_PARENT } else { 0 };
    flags |= if hash.is_some() { SHORT_HASH } else { 0 };
    flags |= if boot.is_some() { SHORT_BOOT } else { 0 };
    out.extend([VERSION, flags]);
    put_bytes(&mut out, row.workflow.as_bytes());
    match hash {
        Some(hash) => out.extend_from_slice(hash.as_bytes()),
        None => put_bytes(&mut out, row.workflow_hash.as_bytes()),
    }
    put_signed(&mut out, row.created_at.0.wrapping_sub(made_at(row.id)));
    if let Some(ended) = row.ended_at {
        put_signed(&mut out, ended.0.wrapping_sub(row.created_at.0));
    }
    for number in [u64::from(row.n_tasks), u64::from(row.n_ended), row.n_events] {
        put_number(&mut out, number);
    }
    put_number(&mut out, u64::from(row.owner.pid));
    put_number(&mut out, row.owner.start_time);
    match boot {
        Some(boot) => out.extend_from_slice(&boot),
        None => put_bytes(&mut out, row.owner.boot_id.as_bytes()),
    }
    if let Some(parent) = row.parent {
        out.extend_from_slice(&parent.to_bytes());
    }
    put_number(&mut out, u64::from(place.segment));
    put_number(&mut out, place.offset);
    put_number(&mut out, place.length);
    story::put(&mut out, &row.story, row.created_at);
    out
}

/// The row of a run, and where its events are when it is finished.
pub(super) fn decode(id: RunId, bytes: &[u8]) -> Result<(RunRow, Place), StoreError> {
    let mut packed = Unpacker::new(bytes);
    let version = packed.byte()?;
    if ![VERSION, WITHOUT_STORY].contains(&version) {
        return Err(StoreError::BadValue(format!("the row of run `{id}` has an unknown form")));
    }
    let flags = packed.byte()?;
    let status = status(flags)?;
    let workflow = packed.text()?;
    let workflow_hash = if flags & SHORT_HASH == 0 {
        packed.text()?
    } else {
        blake3::Hash::from_bytes(packed.array()?).to_hex().to_string()
    };
    let created_at = Timestamp(made_at(id).wrapping_add(packed.signed()?));
    let ended_at = if flags & HAS_ENDED == 0 {
        None
    } else {
        Some(Timestamp(created_at.0.wrapping_add(packed.signed()?)))
    };
    let (n_tasks, n_ended, n_events) = (packed.small()?, packed.small()?, packed.number()?);
    let (pid, start_time) = (packed.small()?, packed.number()?);
    let boot_id = if flags & SHORT_BOOT == 0 { packed.text()? } else { long_boot(packed.array()?) };
    let parent = if flags & HAS_PARENT == 0 { None } else { Some(RunId::from_bytes(packed.array()?)) };
    let place = Place { segment: packed.small()?, offset: packed.number()?, length: packed.number()? };
    let story =
        if version == WITHOUT_STORY { RunStory::default() } else { story::take(&mut packed, created_at)? };
    let row = RunRow {
        id,
        workflow,
        workflow_hash,
        status,
        created_at,
        ended_at,
        n_tasks,
        n_ended,
        owner: Owner { pid, start_time, boot_id },
        n_events,
        parent,
        story,
    };
    Ok((row, place))
}

/// The status alone, for filters.
pub(super) fn status_of(bytes: &[u8]) -> Result<RunStatus, StoreError> {
    status(bytes.get(1).copied().unwrap_or(u8::MAX))
}

fn status(flags: u8) -> Result<RunStatus, StoreError> {
    STATUSES
        .get(usize::from(flags & 0x0f))
        .copied()
        .ok_or_else(|| StoreError::BadValue("a run's row has an unknown status".into()))
}

/// The time that is in a run's id, to which the row's times are relative.
fn made_at(id: RunId) -> i64 {
    let bytes = id.to_bytes();
    bytes[..6].iter().fold(0, |millis, byte| (millis << 8) | i64::from(*byte))
}

/// The sixteen bytes of a boot id as the kernel writes it; `None` for any other text.
fn short_boot(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let number = u128::from_str_radix(&digits, 16).ok()?;
    let bytes = number.to_be_bytes();
    (long_boot(bytes) == text).then_some(bytes)
}

fn long_boot(bytes: [u8; 16]) -> String {
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> RunRow {
        RunRow {
            id: RunId::from_parts(1_700_000_000_000, 7),
            workflow: "iris".into(),
            workflow_hash: blake3::hash(b"file").to_hex().to_string(),
            status: RunStatus::Rejected,
            created_at: Timestamp(1_700_000_000_001),
            ended_at: Some(Timestamp(1_700_000_003_000)),
            n_tasks: 9,
            n_ended: 9,
            owner: Owner {
                pid: 4711,
                start_time: 123_456,
                boot_id: "4b3a0d2e-8f1a-4c7e-9a55-0123456789ab".into(),
            },
            n_events: 40,
            parent: None,
            story: RunStory { started_by: "ana".into(), ..RunStory::default() },
        }
    }

    #[test]
    fn a_packed_row_is_small_and_comes_back_whole() {
        let place = Place { segment: 3, offset: 40_000_000, length: 1500 };
        let packed = encode(&row(), place);
        assert!(packed.len() <= 100, "{} bytes", packed.len());
        assert_eq!(decode(row().id, &packed).unwrap(), (row(), place));
        assert_eq!(status_of(&packed).unwrap(), RunStatus::Rejected);
        let odd = RunRow {
            workflow_hash: "hash".into(),
            ended_at: None,
            parent: Some(RunId::from_parts(1, 1)),
            owner: Owner { boot_id: "boot".into(), ..row().owner },
            ..row()
        };
        assert_eq!(decode(odd.id, &encode(&odd, place)).unwrap(), (odd, place));
    }

    #[test]
    fn a_row_of_the_first_form_has_no_story() {
        let place = Place { segment: 1, offset: 2, length: 3 };
        let plain = RunRow { story: RunStory::default(), ..row() };
        let mut packed = encode(&plain, place);
        packed[0] = WITHOUT_STORY;
        // An empty story is one byte.
        packed.pop();
        assert_eq!(decode(row().id, &packed).unwrap(), (plain, place));
        packed[0] = VERSION + 1;
        assert!(decode(row().id, &packed).unwrap_err().to_string().contains("unknown form"));
    }

    #[test]
    fn a_cut_row_is_refused() {
        let packed = encode(&row(), Place::default());
        assert!((0..packed.len()).all(|end| decode(row().id, &packed[..end]).is_err()));
    }
}
