//! Points in time as a workflow file writes them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone};
use chrono_tz::Tz;

use crate::workflow::{
    Diagnostic,
    node::{Node, NodeValue},
    settings::Fields,
};

/// A time or a day of a table, in milliseconds since 1970-01-01 UTC. Without an offset it is one of the zone; a day begins with it.
pub(super) fn point(fields: &Fields<'_>, name: &str, zone: Tz, found: &mut Vec<Diagnostic>) -> Option<i64> {
    let node = fields.table.get(name)?;
    let text = match &node.value {
        NodeValue::Datetime(text) => text.as_str(),
        NodeValue::String(text) => text,
        _ => {
            fields.wrong_type(name, "a time", node, found);
            return None;
        }
    };
    let point = parse(text, zone);
    if point.is_none() {
        found.push(no_time(&fields.what, name, node));
    }
    point
}

/// A point in time as someone writes it, in milliseconds since 1970-01-01 UTC. Without an offset it is one of the zone; a day is its first
/// moment, or its last.
pub fn parse_time(text: &str, zone: &str, is_last: bool) -> Option<i64> {
    let zone: Tz = zone.parse().ok()?;
    let day = NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok().filter(|_| is_last);
    match day {
        Some(day) => parse(&day.succ_opt()?.to_string(), zone).map(|next| next - 1),
        None => parse(text, zone),
    }
}

fn no_time(what: &str, name: &str, node: &Node) -> Diagnostic {
    let message = format!("`{name}` in {what} is no time");
    let hint =
        "write a day such as 2026-03-01, or a time such as 2026-03-01T06:00:00 or 2026-03-01T06:00:00Z";
    Diagnostic::error("E008", node.span.clone(), message).label("no time").hint(hint)
}

fn parse(text: &str, zone: Tz) -> Option<i64> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(&text.replacen(' ', "T", 1)) {
        return Some(time.timestamp_millis());
    }
    let clock = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    let clock = clock.or_else(day)?;
    // A time that clocks skip is taken as the moment at which they do.
    let at = |clock: NaiveDateTime| zone.from_local_datetime(&clock).earliest();
    let time = at(clock).or_else(|| (1..=26 * 60).find_map(|n| at(clock + chrono::TimeDelta::minutes(n))))?;
    Some(time.timestamp_millis())
}

#[cfg(test)]
mod time_tests {
    use super::*;

    #[test]
    fn a_day_begins_in_its_zone_and_a_skipped_time_is_when_clocks_skip_it() {
        let berlin = chrono_tz::Europe::Berlin;
        let shown =
            |text| DateTime::from_timestamp_millis(parse(text, berlin).unwrap()).unwrap().to_rfc3339();
        assert_eq!(shown("2026-03-01"), "2026-02-28T23:00:00+00:00");
        assert_eq!(shown("2026-07-01T06:00"), "2026-07-01T04:00:00+00:00");
        assert_eq!(shown("2026-03-01T06:00:00Z"), "2026-03-01T06:00:00+00:00");
        assert_eq!(shown("2026-03-29T02:30:00"), "2026-03-29T01:00:00+00:00");
        assert_eq!(parse("06:00:00", berlin), None);
    }
}
