//! From times on a clock to points in time: zones, gaps and folds.
//!
//! Between two changes of a zone's offset, clocks simply go; there a cron line's times are found with that offset. At a change that
//! skips clock times, those that were skipped happen at the change or not at all; after a change that repeats clock times, the rule for
//! folds decides about each. So results only ever move forward.

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::{
    DstFold, DstGap, TimeRule, UnixCron,
    zone::{DAY, first_change, offset_at},
};

/// Further than this no clock is set, forward or back, all at once.
const NEAR: i64 = 2 * DAY;

/// Times of a rule, ready to be asked.
#[derive(Clone, Debug)]
pub struct Timing {
    cron: UnixCron,
    zone: Tz,
    gap: DstGap,
    fold: DstFold,
    start: Option<i64>,
    end: Option<i64>,
}

impl Timing {
    /// The times of a rule; nothing when its line or its zone means nothing, which a check has reported.
    pub fn new(rule: &TimeRule) -> Option<Self> {
        Some(Self {
            cron: UnixCron::parse(&rule.cron).ok()?,
            zone: rule.timezone.parse().ok()?,
            gap: rule.dst_gap,
            fold: rule.dst_fold,
            start: rule.start,
            end: rule.end,
        })
    }

    /// The zone.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The first time after a point, both in milliseconds since 1970-01-01 UTC; nothing when there is none up to the year 2100.
    pub fn next_after(&self, after: i64) -> Option<i64> {
        let after = self.start.map_or(after, |start| after.max(start.saturating_sub(1)));
        let next = self.next_second(after.div_euclid(1000))?.checked_mul(1000)?;
        Some(next).filter(|next| self.end.is_none_or(|end| *next <= end))
    }

    fn next_second(&self, after: i64) -> Option<i64> {
        let mut after = after;
        let mut offset = offset_at(self.zone, after)?;
        loop {
            let next = self.cron.next_on_clock(clock(after, offset)?);
            let next = next.map(|next| next.and_utc().timestamp() - offset);
            let near = after + NEAR;
            // Also when there is no next time: clocks that are set back show again what was the last of all.
            let Some(change) =
                first_change(self.zone, after, next.map_or(near, |next| next.min(near)), offset)
            else {
                let next = next?;
                if next > near {
                    // Clocks show nothing that fits until shortly before, however often they are set in between.
                    after = next - NEAR;
                    offset = offset_at(self.zone, after)?;
                } else if self.counts(next, offset) {
                    return Some(next);
                } else {
                    after = next;
                }
                continue;
            };
            let skipped_until = change.at + change.offset - offset;
            if self.gap == DstGap::RunAfter && next.is_some_and(|next| next < skipped_until) {
                return Some(change.at);
            }
            after = change.at - 1;
            offset = change.offset;
        }
    }

    /// Whether a time counts, given that clocks may show it twice.
    fn counts(&self, at: i64, offset: i64) -> bool {
        if self.fold == DstFold::Both {
            return true;
        }
        let Some(clock) = clock(at, offset) else { return false };
        match self.zone.from_local_datetime(&clock) {
            MappedLocalTime::Ambiguous(first, second) => {
                let counted = if self.fold == DstFold::First { first } else { second };
                counted.timestamp() == at
            }
            _ => true,
        }
    }

    /// The first time on a clock from one year to another that the zone's clocks skip, with the moment at which they do.
    pub(super) fn first_in_gap(&self, years: std::ops::Range<i32>) -> Option<(NaiveDateTime, DateTime<Utc>)> {
        let second = |year| Some(Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).single()?.timestamp());
        let (mut at, end) = (second(years.start)?, second(years.end)?);
        let mut offset = offset_at(self.zone, at)?;
        while let Some(change) = first_change(self.zone, at, end, offset) {
            if change.offset > offset {
                let next = self.cron.next_on_clock(clock(change.at - 1, offset)?)?;
                let is_skipped = next < clock(change.at, change.offset)?;
                let fire = DateTime::from_timestamp(change.at, 0)?;
                if is_skipped && self.start.is_none_or(|start| start <= fire.timestamp_millis()) {
                    return Some((next, fire));
                }
            }
            (at, offset) = (change.at, change.offset);
        }
        None
    }
}

/// What clocks with an offset show.
fn clock(at: i64, offset: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp(at, 0)?.naive_utc().checked_add_signed(TimeDelta::seconds(offset))
}
