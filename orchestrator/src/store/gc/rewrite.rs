//! The history without some runs: rows are written anew, and frames where more than half is lost.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use super::super::{
    StoreError,
    disk::{self, Points},
    history::{self, FrameReader, HistoryRow, Manifest, Segment},
    jsonl, key,
    record::Payload,
    row::{self, Place},
    state::State,
    value,
};
use crate::run::RunId;

/// Removes runs from the history, together with changes of the database. New files are written and synced beside the old ones; the
/// next journal names them, moves the rows and makes the changes, all in its first record; then the old files go.
pub(in super::super) fn rewrite_history(
    state: &mut State,
    removed: &BTreeSet<RunId>,
    mut changes: Payload,
) -> Result<(), StoreError> {
    state.sync()?;
    let folder = state.home.join("history");
    let old = state.history.manifest();
    let reader = FrameReader::of(&folder, &old.segments);
    let mut manifest = Manifest::default();
    for segment in &old.segments {
        let kept = kept_rows(state, &folder, segment, removed)?;
        match kept {
            None => manifest.segments.push(*segment),
            Some(rows) if rows.is_empty() => {}
            Some(rows) => {
                manifest.segments.push(rewrite_segment(&folder, &reader, segment, rows, &mut changes)?);
            }
        }
    }
    if manifest != old {
        disk::sync_folder(&folder)?;
    }
    state.switch(manifest, changes)
}

/// The rows of a segment that stay; `None` when all do.
fn kept_rows(
    state: &State,
    folder: &Path,
    segment: &Segment,
    removed: &BTreeSet<RunId>,
) -> Result<Option<Vec<HistoryRow>>, StoreError> {
    let bytes = history::rows_bytes(folder, segment)?;
    let mut kept = Vec::new();
    let mut n_lines = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        n_lines += 1;
        // A line that cannot be read stands for nothing; a rebuild has told of it.
        let Ok(row) = jsonl::parse_line::<HistoryRow>(line) else { continue };
        let place = Place { segment: segment.number, offset: row.offset, length: row.length };
        // A run that ended again stands further behind.
        let is_current = match state.db.get(&key::row(row.row.id))? {
            Some(packed) => row::decode(row.row.id, &packed)?.1 == place,
            None => false,
        };
        if is_current && !removed.contains(&row.row.id) {
            kept.push(row);
        }
    }
    Ok((kept.len() < n_lines).then_some(kept))
}

fn rewrite_segment(
    folder: &Path,
    reader: &FrameReader,
    old: &Segment,
    mut rows: Vec<HistoryRow>,
    changes: &mut Payload,
) -> Result<Segment, StoreError> {
    let mut new = *old;
    let n_kept: u64 = rows.iter().map(|row| row.length).sum();
    if n_kept * 2 < old.frames {
        new.frames_age += 1;
        new.frames = 0;
        let path = new.frames_path(folder);
        write_synced(&path, |out| {
            for row in &mut rows {
                let place = Place { segment: old.number, offset: row.offset, length: row.length };
                let frames = reader.read(place).map_err(std::io::Error::other)?;
                out.write_all(&frames)?;
                row.offset = new.frames;
                new.frames += row.length;
                changes.put(
                    &key::row(row.row.id),
                    &row::encode(&row.row, Place { offset: row.offset, ..place }),
                );
            }
            Ok(())
        })?;
    }
    new.rows_age += 1;
    new.rows = 0;
    write_synced(&new.rows_path(folder), |out| {
        for row in &rows {
            let line = jsonl::line(&value::to_json(row));
            out.write_all(&line)?;
            new.rows += line.len() as u64;
        }
        Ok(())
    })?;
    Ok(new)
}

fn write_synced(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> std::io::Result<()>,
) -> Result<(), StoreError> {
    let file = File::create(path).map_err(StoreError::io("create", path))?;
    let mut out = BufWriter::new(&file);
    write(&mut out).and_then(|()| out.flush()).map_err(StoreError::io("write", path))?;
    disk::sync(Points("history.sync.before", "history.sync.after"), path, &file)
}
