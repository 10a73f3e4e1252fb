//! Cron lines against an independent cron, and every kind of gap and fold by hand.

use chrono::{DateTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use croner::parser::{CronParser, Seconds, Year};
use proptest::prelude::*;

use super::*;

fn rule(cron: &str, timezone: &str, dst_gap: DstGap, dst_fold: DstFold) -> TimeRule {
    TimeRule {
        cron: cron.into(),
        timezone: timezone.into(),
        dst_gap,
        dst_fold,
        jitter: 0.0,
        start: None,
        end: None,
        catch_up: CatchUp::None,
        catch_up_window: 0.0,
        catch_up_limit: 1,
    }
}

/// The first fires after a time, as the zone's clocks show them.
fn fires(rule: &TimeRule, after: &str, n: usize) -> Vec<String> {
    let timing = Timing::new(rule).unwrap();
    let mut at = DateTime::parse_from_rfc3339(after).unwrap().timestamp_millis();
    let mut fires = Vec::new();
    for _ in 0..n {
        let Some(next) = timing.next_after(at) else { break };
        assert!(next > at, "results move forward");
        let shown = DateTime::from_timestamp_millis(next).unwrap().with_timezone(&timing.zone());
        fires.push(shown.format("%m-%d %H:%M%:z").to_string());
        at = next;
    }
    fires
}

#[test]
fn a_skipped_time_happens_after_the_gap_or_not_at_all() {
    use DstFold::First;
    let berlin = |cron, gap| fires(&rule(cron, "Europe/Berlin", gap, First), "2026-03-28T12:00:00+01:00", 2);
    assert_eq!(berlin("30 2 * * *", DstGap::RunAfter), ["03-29 03:00+02:00", "03-30 02:30+02:00"]);
    assert_eq!(berlin("30 2 * * *", DstGap::Skip), ["03-30 02:30+02:00", "03-31 02:30+02:00"]);
    // Many skipped times are one fire, and one with the time at which clocks go on is the same fire.
    assert_eq!(berlin("*/20 2 * * *", DstGap::RunAfter), ["03-29 03:00+02:00", "03-30 02:00+02:00"]);
    assert_eq!(berlin("0,30 2,3 * * *", DstGap::RunAfter), ["03-29 03:00+02:00", "03-29 03:30+02:00"]);
    assert_eq!(berlin("0 3 * * *", DstGap::Skip), ["03-29 03:00+02:00", "03-30 03:00+02:00"]);
    let new_york = rule("30 2 * * *", "America/New_York", DstGap::RunAfter, First);
    assert_eq!(fires(&new_york, "2026-03-07T12:00:00-05:00", 2), ["03-08 03:00-04:00", "03-09 02:30-04:00"]);
}

#[test]
fn a_repeated_time_happens_at_first_or_again_or_both_times() {
    let berlin = |fold| {
        fires(&rule("30 2 * * *", "Europe/Berlin", DstGap::Skip, fold), "2026-10-24T12:00:00+02:00", 3)
    };
    assert_eq!(berlin(DstFold::First), ["10-25 02:30+02:00", "10-26 02:30+01:00", "10-27 02:30+01:00"]);
    assert_eq!(berlin(DstFold::Second), ["10-25 02:30+01:00", "10-26 02:30+01:00", "10-27 02:30+01:00"]);
    assert_eq!(berlin(DstFold::Both), ["10-25 02:30+02:00", "10-25 02:30+01:00", "10-26 02:30+01:00"]);
    let half_hours = rule("*/30 * * * *", "Europe/Berlin", DstGap::Skip, DstFold::Both);
    let wanted = [
        "10-25 02:00+02:00",
        "10-25 02:30+02:00",
        "10-25 02:00+01:00",
        "10-25 02:30+01:00",
        "10-25 03:00+01:00",
    ];
    assert_eq!(fires(&half_hours, "2026-10-25T01:30:00+02:00", 5), wanted);
    let new_york = rule("30 1 * * *", "America/New_York", DstGap::Skip, DstFold::Second);
    assert_eq!(fires(&new_york, "2026-10-31T12:00:00-04:00", 2), ["11-01 01:30-05:00", "11-02 01:30-05:00"]);
}

#[test]
fn a_question_from_the_very_edge_of_a_change_is_answered_alike() {
    let gap = rule("30 2 * * *", "Europe/Berlin", DstGap::RunAfter, DstFold::First);
    for after in ["2026-03-29T00:59:59Z", "2026-03-29T00:59:58Z", "2026-03-28T23:00:00Z"] {
        assert_eq!(fires(&gap, after, 1), ["03-29 03:00+02:00"], "{after}");
    }
    assert_eq!(fires(&gap, "2026-03-29T01:00:00Z", 1), ["03-30 02:30+02:00"]);
    let fold = rule("0 2 * * *", "Europe/Berlin", DstGap::Skip, DstFold::Second);
    assert_eq!(fires(&fold, "2026-10-25T00:59:59Z", 1), ["10-25 02:00+01:00"]);
    assert_eq!(fires(&fold, "2026-10-25T01:00:00Z", 1), ["10-26 02:00+01:00"]);
}

#[test]
fn half_an_hour_odd_offsets_and_a_lost_day_are_changes_like_any_other() {
    // Lord Howe's clocks go half an hour forward and back.
    let howe = |cron, gap, fold, after| fires(&rule(cron, "Australia/Lord_Howe", gap, fold), after, 2);
    let autumn = howe("45 1 * * *", DstGap::Skip, DstFold::Both, "2026-04-04T12:00:00+11:00");
    assert_eq!(autumn, ["04-05 01:45+11:00", "04-05 01:45+10:30"]);
    let spring = howe("15 2 * * *", DstGap::RunAfter, DstFold::First, "2026-10-03T12:00:00+10:30");
    assert_eq!(spring, ["10-04 02:30+11:00", "10-05 02:15+11:00"]);
    let kathmandu = rule("0 0 * * *", "Asia/Kathmandu", DstGap::RunAfter, DstFold::First);
    assert_eq!(fires(&kathmandu, "2026-01-01T00:00:00Z", 1), ["01-02 00:00+05:45"]);
    // Apia had no 30 December in 2011.
    let apia =
        |gap| fires(&rule("0 9 * * *", "Pacific/Apia", gap, DstFold::First), "2011-12-29T12:00:00-10:00", 2);
    assert_eq!(apia(DstGap::Skip), ["12-31 09:00+14:00", "01-01 09:00+14:00"]);
    assert_eq!(apia(DstGap::RunAfter), ["12-31 00:00+14:00", "12-31 09:00+14:00"]);
}

#[test]
fn lines_mean_what_they_mean_to_unix() {
    let utc = |cron, n| fires(&rule(cron, "UTC", DstGap::Skip, DstFold::First), "2026-01-01T00:00:00Z", n);
    assert_eq!(utc("0 9 * * 1", 2), ["01-05 09:00+00:00", "01-12 09:00+00:00"], "1 is Monday");
    assert_eq!(utc("0 9 * * 0", 1), utc("0 9 * * 7", 1));
    assert_eq!(utc("0 9 * * SUN", 1), ["01-04 09:00+00:00"]);
    assert_eq!(utc("0 9 * * fri-sun", 3), ["01-02 09:00+00:00", "01-03 09:00+00:00", "01-04 09:00+00:00"]);
    let either = ["01-02 00:00+00:00", "01-09 00:00+00:00", "01-13 00:00+00:00", "01-16 00:00+00:00"];
    assert_eq!(utc("0 0 13 * FRI", 4), either, "every 13th and every Friday");
    assert_eq!(
        utc("0 0 */10 * FRI", 1),
        ["05-01 00:00+00:00"],
        "a day that begins with a star is no day of its own"
    );
    assert_eq!(utc("@monthly", 2), ["02-01 00:00+00:00", "03-01 00:00+00:00"]);
    assert_eq!(utc("15 0 6 1 1 ? 2027-2028", 3), ["01-01 06:00+00:00", "01-01 06:00+00:00"]);
    assert_eq!(utc("5/20 0 1 feb *", 3), ["02-01 00:05+00:00", "02-01 00:25+00:00", "02-01 00:45+00:00"]);
}

#[test]
fn each_mistake_in_a_line_has_its_place() {
    let places = |line: &str| -> Vec<(String, String)> {
        let problems = UnixCron::parse(line).unwrap_err();
        problems.into_iter().map(|problem| (line[problem.at].to_owned(), problem.message)).collect()
    };
    let found = places("60 24 0 13,5-2 8");
    let at: Vec<&str> = found.iter().map(|(at, _)| at.as_str()).collect();
    assert_eq!(at, ["60", "24", "0", "13", "5-2", "8"]);
    assert_eq!(found[0].1, "`60` is no value in the field for the minute");
    assert_eq!(found[4].1, "`5-2` ends before it begins in the field for the month");
    assert_eq!(places("* * *")[0].1, "a cron line has five, six or seven fields, found 3");
    assert_eq!(places("*/0 * * * *")[0].1, "`0` is no step in the field for the minute");
    for bad in [
        "",
        "@reboot",
        "@dayly",
        "a * * * *",
        "1- * * * *",
        "-1 * * * *",
        ", * * * *",
        "* * L * *",
        "+1 * * * *",
    ] {
        assert!(UnixCron::parse(bad).is_err(), "{bad}");
    }
    assert!(UnixCron::parse("0 0 30 2 *").unwrap().never_fires());
    assert!(!UnixCron::parse("0 0 29 2 *").unwrap().never_fires());
}

#[test]
fn start_and_end_are_inside() {
    let at = |text: &str| Some(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis());
    let bounded = TimeRule {
        start: at("2026-02-01T03:00:00Z"),
        end: at("2026-02-02T03:00:00Z"),
        ..rule("0 3 * * *", "UTC", DstGap::Skip, DstFold::First)
    };
    assert_eq!(fires(&bounded, "2020-01-01T00:00:00Z", 9), ["02-01 03:00+00:00", "02-02 03:00+00:00"]);
}

#[test]
fn every_zone_says_at_every_change_what_a_walk_over_the_seconds_says() {
    // Troll has two hours, Dublin's winter counts backwards, Casablanca rests for a month, Lord Howe has half an hour.
    for (zone, change) in [
        ("Antarctica/Troll", "2026-03-29T01:00:00Z"),
        ("Antarctica/Troll", "2026-10-25T01:00:00Z"),
        ("Europe/Dublin", "2026-10-25T01:00:00Z"),
        ("Africa/Casablanca", "2026-02-15T02:00:00Z"),
        ("Africa/Casablanca", "2026-03-22T02:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
        ("Pacific/Apia", "2011-12-30T10:00:00Z"),
        ("Asia/Beirut", "2026-03-28T22:00:00Z"),
        ("America/Caracas", "2016-05-01T07:00:00Z"),
        ("Asia/Pyongyang", "2018-05-04T15:00:00Z"),
    ] {
        let tz: Tz = zone.parse().unwrap();
        let change = DateTime::parse_from_rfc3339(change).unwrap().to_utc();
        let before = (change - chrono::TimeDelta::seconds(1)).with_timezone(&tz);
        assert_ne!(
            before.naive_local() + chrono::TimeDelta::seconds(1),
            change.with_timezone(&tz).naive_local()
        );
        let timing = Timing::new(&rule("*/10 * * * *", zone, DstGap::Skip, DstFold::Both)).unwrap();
        let (start, end) = (change - chrono::TimeDelta::hours(6), change + chrono::TimeDelta::hours(30));
        let walked: Vec<i64> = (start.timestamp() + 1..=end.timestamp())
            .filter(|second| {
                let shown = DateTime::from_timestamp(*second, 0).unwrap().with_timezone(&tz);
                shown.second() == 0 && shown.minute() % 10 == 0
            })
            .map(|second| second * 1000)
            .collect();
        let all =
            std::iter::successors(timing.next_after(start.timestamp_millis()), |at| timing.next_after(*at));
        let found: Vec<i64> = all.take_while(|at| *at <= end.timestamp_millis()).collect();
        assert_eq!(found, walked, "{zone}");
    }
}

/// One field of a random line.
fn field(min: u32, max: u32) -> impl Strategy<Value = String> {
    prop_oneof![9 => day_field(min, max), 1 => (2u32..12).prop_map(|step| format!("*/{step}"))]
}

/// The same without a step from `*`: whether a day that begins with a star counts beside the other one is not the same everywhere.
fn day_field(min: u32, max: u32) -> impl Strategy<Value = String> {
    let value = min..=max;
    let list = |values: Vec<u32>| values.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    prop_oneof![
        3 => Just("*".to_owned()),
        4 => value.clone().prop_map(|value| value.to_string()),
        1 => (value.clone(), value.clone()).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (value.clone(), value.clone(), 1u32..20)
            .prop_map(|(a, b, step)| format!("{}-{}/{step}", a.min(b), a.max(b))),
        1 => prop::collection::vec(value, 1..4).prop_map(list),
    ]
}

/// The same, and sometimes with names.
fn named_field(min: u32, max: u32, names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let name = 0..names.len();
    prop_oneof![
        4 => day_field(min, max),
        1 => name.clone().prop_map(|at| names[at].to_owned()),
        // From a day to the same day is one day to us, and a week to others.
        1 => (name.clone(), name)
            .prop_filter("two names", |(a, b)| a != b)
            .prop_map(|(a, b)| format!("{}-{}", names[a.min(b)], names[a.max(b)])),
    ]
}

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A line for times from a year on: five fields, six with seconds, or seven with years.
fn line(from: i32) -> impl Strategy<Value = String> {
    let month = prop_oneof![1 => field(1, 12), 1 => named_field(1, 12, &MONTHS)];
    let fields = (field(0, 59), field(0, 23), day_field(1, 31), month, named_field(0, 7, &DAYS));
    let years = prop_oneof![
        4 => Just(None),
        1 => (0..4i32).prop_map(move |n| Some(format!(" {}", from + n))),
        1 => (0..4i32).prop_map(move |n| Some(format!(" {from}-{}", from + n))),
        1 => (2..5i32).prop_map(move |step| Some(format!(" {from}-{}/{step}", from + 9))),
    ];
    (fields, prop::option::of(field(0, 59)), years).prop_map(
        |((minute, hour, day, month, weekday), second, years)| {
            let second = second.or_else(|| years.as_ref().map(|_| "0".to_owned()));
            let second = second.map(|second| format!("{second} ")).unwrap_or_default();
            format!("{second}{minute} {hour} {day} {month} {weekday}{}", years.unwrap_or_default())
        },
    )
}

fn lines() -> impl Strategy<Value = (i32, String)> {
    (1990i32..2060).prop_flat_map(|year| (Just(year), line(year)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn random_lines_zones_and_years_agree_with_an_independent_cron(
        (year, line) in lines(),
        zone in 0..chrono_tz::TZ_VARIANTS.len(),
        // Often in the months in which clocks change.
        day in prop_oneof![1u32..365, 80u32..92, 270u32..310],
        second in 0i64..86_400,
    ) {
        let zone: Tz = chrono_tz::TZ_VARIANTS[zone];
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Optional).build();
        let theirs = parser.parse(&line).expect("croner reads the line");
        let is_fixed = matches!(theirs.determine_job_type(), croner::JobType::FixedTime);
        let (gap, fold) = if is_fixed { (DstGap::RunAfter, DstFold::First) } else { (DstGap::Skip, DstFold::Both) };
        let timing = Timing::new(&rule(&line, zone.name(), gap, fold)).unwrap();
        let start = Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap() + chrono::TimeDelta::days(i64::from(day));
        let mut at = start + chrono::TimeDelta::seconds(second);
        for _ in 0..4 {
            let Ok(expected) = theirs.find_next_occurrence(&at.with_timezone(&zone), false) else { break };
            // A change of more than two hours, as when a zone moves across the date line, is more than croner looks through.
            let offset = |at: DateTime<Utc>| {
                use chrono::Offset;
                zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
            };
            let day = chrono::TimeDelta::days(1);
            let around = [at - day, at, at + day, expected.to_utc() - day, expected.to_utc(), expected.to_utc() + day].map(offset);
            let spread = around.iter().max().unwrap() - around.iter().min().unwrap();
            if spread > 7200 {
                break;
            }
            let found = timing.next_after(at.timestamp_millis()).map(|at| DateTime::from_timestamp_millis(at).unwrap());
            prop_assert_eq!(found, Some(expected.to_utc()), "`{}` in {} after {}", &line, zone, at.with_timezone(&zone));
            at = expected.to_utc();
        }
    }
}

/// The first change of a zone's offset in a year, found by looking at every minute around it: the first moment of the new offset, and by how
/// many seconds clocks go forward.
fn change_in(zone: Tz, year: i32) -> Option<(DateTime<Utc>, i64)> {
    use chrono::{Offset, TimeDelta};
    let offset =
        |at: DateTime<Utc>| i64::from(zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc());
    let start = Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap();
    let hour = (0..365 * 24)
        .map(|n| start + TimeDelta::hours(n))
        .find(|at| offset(*at) != offset(*at + TimeDelta::hours(1)))?;
    let second = (1..=3600).map(|n| hour + TimeDelta::seconds(n)).find(|at| offset(*at) != offset(hour))?;
    Some((second, offset(second) - offset(hour)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_gap_and_every_fold_does_what_the_file_says(
        zone in 0..chrono_tz::TZ_VARIANTS.len(),
        year in 1971i32..2060,
        part in 0i64..1000,
    ) {
        use chrono::{MappedLocalTime, TimeDelta};
        let zone: Tz = chrono_tz::TZ_VARIANTS[zone];
        let Some((change, forward)) = change_in(zone, year) else { return Ok(()) };
        // A time on the clock in the stretch that is skipped, or shown twice.
        let before = (change - TimeDelta::seconds(1)).with_timezone(&zone).naive_local() + TimeDelta::seconds(1);
        let into = TimeDelta::seconds(forward.abs() * part / 1000);
        let clock = if forward > 0 { before + into } else { before - TimeDelta::seconds(-forward) + into };
        let line = clock.format("%-S %-M %-H %-d %-m * %Y").to_string();
        let fires = |gap, fold| -> Vec<DateTime<Utc>> {
            let timing = Timing::new(&rule(&line, zone.name(), gap, fold)).unwrap();
            let start = (change - TimeDelta::days(3)).timestamp_millis();
            let all = std::iter::successors(timing.next_after(start), |at| timing.next_after(*at));
            all.map(|at| DateTime::from_timestamp_millis(at).unwrap()).collect()
        };
        match zone.from_local_datetime(&clock) {
            MappedLocalTime::None => {
                prop_assert!(fires(DstGap::Skip, DstFold::Both).is_empty());
                prop_assert_eq!(fires(DstGap::RunAfter, DstFold::Both), [change]);
            }
            MappedLocalTime::Ambiguous(first, second) => {
                let (first, second) = (first.to_utc(), second.to_utc());
                prop_assert_eq!(fires(DstGap::RunAfter, DstFold::First), [first]);
                prop_assert_eq!(fires(DstGap::RunAfter, DstFold::Second), [second]);
                prop_assert_eq!(fires(DstGap::RunAfter, DstFold::Both), [first, second]);
            }
            MappedLocalTime::Single(only) => prop_assert_eq!(fires(DstGap::Skip, DstFold::First), [only.to_utc()]),
        }
    }
}
