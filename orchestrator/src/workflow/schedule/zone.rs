//! When a zone's offset changes. The zone's own table is not public, so that it is asked day by day.

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

/// A day, in seconds: how far a change of offset is looked for at a time. None is undone sooner.
pub(super) const DAY: i64 = 86_400;

/// A change of a zone's offset: the first second with the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) at: i64,
    pub(super) offset: i64,
}

/// The seconds by which a zone's clocks are ahead.
pub(super) fn offset_at(zone: Tz, at: i64) -> Option<i64> {
    let time = DateTime::from_timestamp(at, 0)?.naive_utc();
    Some(i64::from(zone.offset_from_utc_datetime(&time).fix().local_minus_utc()))
}

/// The first change of the offset, which is known for `after`, behind that second and up to another.
pub(super) fn first_change(zone: Tz, after: i64, until: i64, offset: i64) -> Option<Change> {
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
