//! Which runs go.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{Store, StoreError},
    GcOptions,
    mark::Marks,
    sweep::{folder_of, size_of},
};
use crate::run::{RunId, RunRow};

/// Finished runs beyond the limits; never one that belongs to an open run.
pub(super) fn runs_to_remove(
    store: &Store,
    marks: &Marks,
    options: &GcOptions,
) -> Result<BTreeSet<RunId>, StoreError> {
    let mut kept = needed_by_open_runs(&marks.runs);
    // A schedule that still names a run would start it again if it were gone.
    kept.extend(store.schedules().iter().flat_map(|schedule| schedule.open.iter().map(|fire| fire.run)));
    let finished: Vec<&RunRow> = marks.runs.iter().filter(|row| row.status.is_final()).collect();
    let beyond = |(position, row): &(usize, &&RunRow)| {
        let too_many = options.keep_runs.is_some_and(|keep| *position >= keep);
        let too_old = options.ended_before.is_some_and(|limit| row.ended_at < Some(limit));
        too_many || too_old
    };
    let mut removed: BTreeSet<RunId> = finished
        .iter()
        .enumerate()
        .filter(beyond)
        .map(|(_, row)| row.id)
        .filter(|id| !kept.contains(id))
        .collect();
    if let Some(limit) = options.max_bytes {
        shrink(store, marks, limit, &finished, &kept, &mut removed)?;
    }
    Ok(removed)
}

/// Open runs, the runs whose tasks started them, and the runs that their tasks started.
fn needed_by_open_runs(runs: &[RunRow]) -> BTreeSet<RunId> {
    let parents: BTreeMap<RunId, RunId> = runs.iter().filter_map(|row| Some((row.id, row.parent?))).collect();
    let mut below: BTreeSet<RunId> =
        runs.iter().filter(|row| !row.status.is_final()).map(|row| row.id).collect();
    let mut kept = BTreeSet::new();
    for open in &below {
        let mut next = Some(*open);
        while let Some(id) = next.filter(|id| kept.insert(*id)) {
            next = parents.get(&id).copied();
        }
    }
    // The newest come first, and a run is newer than the one that started it.
    for row in runs.iter().rev() {
        if row.parent.is_some_and(|parent| below.contains(&parent)) {
            below.insert(row.id);
        }
    }
    kept.extend(below);
    kept
}

/// Adds the oldest runs until what is left fits.
fn shrink(
    store: &Store,
    marks: &Marks,
    limit: u64,
    finished: &[&RunRow],
    kept: &BTreeSet<RunId>,
    removed: &mut BTreeSet<RunId>,
) -> Result<(), StoreError> {
    let mut total = size_of(&store.shared.home);
    let mut n_names: BTreeMap<usize, usize> = marks.registered.iter().map(|number| (*number, 1)).collect();
    for number in marks.named.values().flatten() {
        *n_names.entry(*number).or_default() += 1;
    }
    let unnamed = marks.artifacts.iter().enumerate().filter(|(number, _)| !n_names.contains_key(number));
    total = total.saturating_sub(unnamed.map(|(_, (_, size))| size).sum());
    let goes_first = |row: &&&RunRow| !removed.contains(&row.id);
    let (gone, left): (Vec<&RunRow>, Vec<&RunRow>) = {
        let left = finished.iter().rev().filter(goes_first).copied().collect();
        (finished.iter().filter(|row| removed.contains(&row.id)).copied().collect(), left)
    };
    let n_gone = gone.len();
    for (position, row) in gone.into_iter().chain(left).enumerate() {
        if position >= n_gone && (total <= limit || kept.contains(&row.id)) {
            continue;
        }
        let frames = store.finished(row.id)?.map_or(0, |(_, place)| place.length);
        let mut freed = frames + size_of(&folder_of(&store.shared.home, row.id));
        for number in marks.named.get(&row.id).into_iter().flatten() {
            let left = n_names.entry(*number).or_default();
            *left = left.saturating_sub(1);
            if *left == 0 {
                freed += marks.artifacts[*number].1;
            }
        }
        total = total.saturating_sub(freed);
        removed.insert(row.id);
    }
    Ok(())
}
