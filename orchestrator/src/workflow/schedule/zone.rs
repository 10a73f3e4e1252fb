//! When a zone's offset changes. The zone's own table is not public, so that it is asked day by day; for far times once for all.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

/// How far a change of offset is looked for at a time; none is undone sooner.
pub(super) const DAY: i64 = 86_400;

/// Changes further away than this are looked up in a list that is made once for each zone.
const NEAR: i64 = 400 * DAY;

/// What the lists cover: the years that cron lines know.
const YEARS: std::ops::Range<i64> = 0..4_133_980_800;

/// A change of a zone's offset: the first second with the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) at: i64,
    pub(super) offset: i64,
}

/// The changes of zones that were asked about far times, by the zone's name.
static LISTS: Mutex<BTreeMap<&'static str, Arc<[Change]>>> = Mutex::new(BTreeMap::new());

/// The seconds by which a zone's clocks are ahead.
pub(super) fn offset_at(zone: Tz, at: i64) -> Option<i64> {
    let time = DateTime::from_timestamp(at, 0)?.naive_utc();
    Some(i64::from(zone.offset_from_utc_datetime(&time).fix().local_minus_utc()))
}

/// The first change of the offset, which is known for `after`, behind that second and up to another.
pub(super) fn first_change(zone: Tz, after: i64, until: i64, offset: i64) -> Option<Change> {
    let far = after.saturating_add(NEAR);
    let near = search(zone, after, until.min(far), offset);
    if near.is_some() || until <= far {
        return near;
    }
    if !YEARS.contains(&after) {
        return search(zone, far, until, offset);
    }
    let list = list(zone);
    let next = list.get(list.partition_point(|change| change.at <= after)).copied();
    next.filter(|change| change.at <= until)
}

fn list(zone: Tz) -> Arc<[Change]> {
    let mut lists = LISTS.lock().unwrap_or_else(PoisonError::into_inner);
    let made = lists.entry(zone.name()).or_insert_with(|| {
        let first =
            Some(Change { at: YEARS.start, offset: offset_at(zone, YEARS.start).unwrap_or_default() });
        let all = std::iter::successors(first, |last| search(zone, last.at, YEARS.end, last.offset));
        all.skip(1).collect()
    });
    Arc::clone(made)
}

/// Looks day by day.
fn search(zone: Tz, after: i64, until: i64, offset: i64) -> Option<Change> {
    let mut low = after;
    while low < until {
        let mut high = until.min(low + DAY);
        if offset_at(zone, high)? == offset {
            low = high;
            continue;
        }
        while high - low > 1 {
            let middle = low.midpoint(high);
            if offset_at(zone, middle)? == offset { low = middle } else { high = middle }
        }
        return Some(Change { at: high, offset: offset_at(zone, high)? });
    }
    None
}

#[cfg(test)]
mod zone_tests {
    use super::*;

    #[test]
    fn near_and_far_changes_are_the_same_ones() {
        for zone in
            [chrono_tz::Europe::Berlin, chrono_tz::Africa::Casablanca, Tz::UTC, chrono_tz::Pacific::Apia]
        {
            let mut at = 1_000_000_000;
            for _ in 0..30 {
                let offset = offset_at(zone, at).unwrap();
                let until = at + 3000 * DAY;
                let far = first_change(zone, at, until, offset);
                assert_eq!(far, search(zone, at, until, offset), "{zone} {at}");
                let Some(change) = far else { break };
                at = change.at;
            }
        }
    }
}
