//! Runs page by page, newest first, whatever the length of the history.

use super::{Store, StoreError, key, query::missing, row};
use crate::run::{RunId, RunRow, RunStatus, Timestamp};

/// A page looks at so many rows at most, so that a filter which hardly any run fits costs no more than others.
const MAX_LOOKED_AT: usize = 20_000;

/// Which runs a page has.
#[derive(Clone, Copy, Debug, Default)]
pub struct PageFilter<'a> {
    /// Only runs of this workflow.
    pub workflow: Option<&'a str>,
    /// Only runs in this state.
    pub status: Option<RunStatus>,
    /// Only runs that were made at this time or later.
    pub since: Option<Timestamp>,
    /// Only runs that were made before this time.
    pub until: Option<Timestamp>,
    /// Only runs that are older than this one.
    pub before: Option<RunId>,
    /// At most so many.
    pub limit: usize,
}

/// Runs, newest first.
#[derive(Clone, Debug, Default)]
pub struct RowPage {
    /// The runs.
    pub rows: Vec<RunRow>,
    /// What `before` is for the next page; `None` at the end. A page may be short, or empty, and still be followed by another.
    pub next: Option<RunId>,
}

impl PageFilter<'_> {
    /// The oldest and the newest id that can fit.
    fn ids(&self) -> Option<(RunId, RunId)> {
        let millis = |at: Timestamp| at.0.max(0).unsigned_abs();
        let low =
            self.since.map_or(0, |since| u128::from_be_bytes(RunId::from_parts(millis(since), 0).to_bytes()));
        let below = |id: RunId| u128::from_be_bytes(id.to_bytes()).checked_sub(1);
        let mut high = u128::MAX;
        if let Some(until) = self.until {
            high = high.min(below(RunId::from_parts(millis(until), 0))?);
        }
        if let Some(before) = self.before {
            high = high.min(below(before)?);
        }
        let id = |number: u128| RunId::from_bytes(number.to_be_bytes());
        (low <= high).then(|| (id(low), id(high)))
    }
}

impl Store {
    /// A page of runs.
    pub fn page(&self, filter: &PageFilter<'_>) -> Result<RowPage, StoreError> {
        let Some((low, high)) = filter.ids() else { return Ok(RowPage::default()) };
        // Memory first: a run that ends meanwhile is then in one of the two, or in both, but never in neither.
        let live: Vec<RunRow> =
            self.shared.live.read().range(low..=high).map(|(_, run)| run.row.clone()).collect();
        let mut live = live.into_iter().rev().peekable();
        let prefix = filter.workflow.map_or_else(|| b"r/".to_vec(), key::of_workflow);
        let bound = |id: RunId| [prefix.as_slice(), &id.to_bytes()].concat();
        let finished = self.shared.db.range(&bound(low), &bound(high)).rev();
        let mut finished = finished.take(if filter.wants_finished() { usize::MAX } else { 0 });
        let mut page = RowPage::default();
        let (mut n_looked_at, mut next_finished) = (0, None);
        loop {
            if next_finished.is_none() {
                next_finished = match finished.next().transpose()? {
                    Some((key, packed)) => Some((key::run_of(&key)?, packed)),
                    None => None,
                };
            }
            let in_db = next_finished.as_ref().map(|(id, _)| *id);
            let in_memory = live.peek().map(|row| row.id);
            let Some(id) = in_db.max(in_memory) else { break };
            if page.rows.len() >= filter.limit || n_looked_at >= MAX_LOOKED_AT {
                // The one that was looked at last is not looked at again.
                page.next = u128::from_be_bytes(id.to_bytes())
                    .checked_add(1)
                    .map(|number| RunId::from_bytes(number.to_be_bytes()));
                break;
            }
            n_looked_at += 1;
            let packed = next_finished.take_if(|(other, _)| *other == id).map(|(_, packed)| packed);
            let row = match (live.next_if(|row| row.id == id), packed) {
                (Some(row), _) => Some(row).filter(|row| filter.fits(row)),
                (None, Some(packed)) => self.fitting(filter, id, packed)?,
                (None, None) => None,
            };
            page.rows.extend(row);
        }
        Ok(page)
    }

    fn fitting(
        &self,
        filter: &PageFilter<'_>,
        id: RunId,
        packed: sled::IVec,
    ) -> Result<Option<RunRow>, StoreError> {
        let packed = if filter.workflow.is_none() {
            packed
        } else {
            self.shared.db.get(&key::row(id))?.ok_or_else(|| missing("a run's row"))?
        };
        if let Some(wanted) = filter.status
            && row::status_of(&packed)? != wanted
        {
            return Ok(None);
        }
        Ok(Some(row::decode(id, &packed)?.0))
    }
}

impl PageFilter<'_> {
    fn wants_finished(&self) -> bool {
        self.status.is_none_or(RunStatus::is_final)
    }

    fn fits(&self, row: &RunRow) -> bool {
        self.workflow.is_none_or(|workflow| workflow == row.workflow)
            && self.status.is_none_or(|status| status == row.status)
    }
}
