//! Cron lines with their Unix meaning, on top of the crate `cron`, which has another.
//!
//! Fields are read here, so that each mistake has its place; the crate gets lists of plain numbers and finds the next time on a
//! clock that is never set (its zone is UTC). It numbers days from 1 = Sunday, and wants both days to fit where Unix
//! wants either; both is translated here.

use std::{collections::BTreeSet, ops::Range, str::FromStr};

use chrono::NaiveDateTime;
use cron::Schedule as Engine;

/// One mistake in a cron line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronProblem {
    /// What is wrong.
    pub message: String,
    /// Where in the line, in bytes.
    pub at: Range<usize>,
    /// The next step.
    pub hint: Option<String>,
}

/// A cron line that was understood.
#[derive(Clone, Debug)]
pub struct UnixCron {
    /// A time fits when it fits one of these.
    engines: Vec<Engine>,
    /// Whether it fires in every hour or every few hours, rather than at times of the day.
    is_hourly: bool,
}

struct Field {
    name: &'static str,
    min: u32,
    max: u32,
    /// Names of values, the first of which stands for `first_name`.
    names: &'static [&'static str],
    first_name: u32,
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const fn plain(name: &'static str, min: u32, max: u32) -> Field {
    Field { name, min, max, names: &[], first_name: 0 }
}

const FIELDS: [Field; 7] = [
    plain("second", 0, 59),
    plain("minute", 0, 59),
    plain("hour", 0, 23),
    plain("day of the month", 1, 31),
    Field { name: "month", min: 1, max: 12, names: &MONTHS, first_name: 1 },
    Field { name: "day of the week", min: 0, max: 7, names: &DAYS, first_name: 0 },
    plain("year", 1970, 2100),
];

const DAY: usize = 3;
const WEEKDAY: usize = 5;

const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// What one field allows.
struct Allowed {
    /// It begins with `*`: for the two days this means that only the other one counts.
    has_star: bool,
    values: BTreeSet<u32>,
}

impl UnixCron {
    /// Reads a line of five fields, of six with seconds in front, or of seven with years behind; or a nickname such as `@daily`.
    pub fn parse(line: &str) -> Result<Self, Vec<CronProblem>> {
        let trimmed = line.trim();
        if trimmed.starts_with('@') {
            let known = NICKNAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(trimmed));
            return known.map_or_else(|| Err(vec![unknown_nickname(line)]), |(_, line)| Self::parse(line));
        }
        let words = words(line);
        let skip = match words.len() {
            5 => 1,
            6 | 7 => 0,
            n => return Err(vec![wrong_count(line, n)]),
        };
        let mut problems = Vec::new();
        let mut allowed: Vec<Allowed> = FIELDS.iter().map(Field::all).collect();
        if skip == 1 {
            allowed[0].values = BTreeSet::from([0]);
            allowed[0].has_star = false;
        }
        for (at, (start, word)) in words.iter().enumerate() {
            let field = &FIELDS[at + skip];
            let before = problems.len();
            let read = field.read(word, *start, &mut problems);
            if problems.len() == before {
                allowed[at + skip] = read;
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let is_hourly = allowed[2].has_star;
        let whole = 0..line.len();
        let engines =
            engines(&allowed).map_err(|message| vec![CronProblem { message, at: whole, hint: None }])?;
        Ok(Self { engines, is_hourly })
    }

    /// Whether its hours are `*` or `*/n`: it goes on through the day, rather than happening at times of the day.
    pub fn is_hourly(&self) -> bool {
        self.is_hourly
    }

    /// The first time after another on a clock that is never set; nothing when there is none up to the year 2100.
    pub fn next_on_clock(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let next = |engine: &Engine| engine.after(&after.and_utc()).next();
        self.engines.iter().filter_map(next).min().map(|time| time.naive_utc())
    }

    /// Whether no time fits at all, such as the 30th of February.
    pub fn never_fires(&self) -> bool {
        self.next_on_clock(chrono::DateTime::UNIX_EPOCH.naive_utc() - chrono::TimeDelta::seconds(1)).is_none()
    }
}

/// The words of a line, each with its place.
fn words(line: &str) -> Vec<(usize, &str)> {
    line.split_whitespace().map(|word| (word.as_ptr() as usize - line.as_ptr() as usize, word)).collect()
}

fn unknown_nickname(line: &str) -> CronProblem {
    let names: Vec<_> = NICKNAMES.iter().map(|(name, _)| format!("`{name}`")).collect();
    let hint = if line.trim().eq_ignore_ascii_case("@reboot") {
        "runs start at times, not when a program starts; give a time".to_owned()
    } else {
        format!("it can be {}", names.join(", "))
    };
    CronProblem {
        message: format!("`{}` is no nickname of a cron line", line.trim()),
        at: 0..line.len(),
        hint: Some(hint),
    }
}

fn wrong_count(line: &str, n: usize) -> CronProblem {
    let hint = "five are minute, hour, day of the month, month and day of the week; six have seconds in front, seven also years behind";
    let message = format!("a cron line has five, six or seven fields, found {n}");
    CronProblem { message, at: 0..line.len(), hint: Some(hint.into()) }
}

/// Tells the crate: days of the week count from 1 = Sunday, and either day suffices unless one of them is `*`.
fn engines(allowed: &[Allowed]) -> Result<Vec<Engine>, String> {
    let list = |at: usize| {
        let values = &allowed[at].values;
        let is_full = values.len() == FIELDS[at].all().values.len();
        if at == WEEKDAY {
            let days: BTreeSet<u32> = values.iter().map(|day| day % 7 + 1).collect();
            return if days.len() == 7 { "*".to_owned() } else { join(&days) };
        }
        if is_full { "*".to_owned() } else { join(values) }
    };
    let engine = |day: &str, weekday: &str| {
        let [second, minute, hour, month, year] = [0, 1, 2, 4, 6].map(list);
        Engine::from_str(&format!("{second} {minute} {hour} {day} {month} {weekday} {year}"))
            .map_err(|error| format!("the line cannot be used: {error}"))
    };
    let (day, weekday) = (list(DAY), list(WEEKDAY));
    if allowed[DAY].has_star || allowed[WEEKDAY].has_star {
        Ok(vec![engine(&day, &weekday)?])
    } else {
        Ok(vec![engine(&day, "*")?, engine("*", &weekday)?])
    }
}

fn join(values: &BTreeSet<u32>) -> String {
    values.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

impl Field {
    fn all(&self) -> Allowed {
        Allowed { has_star: true, values: (self.min..=self.max).collect() }
    }

    /// Reads a field: a list of `*`, `a`, `a-b`, each with `/step`.
    fn read(&self, word: &str, start: usize, problems: &mut Vec<CronProblem>) -> Allowed {
        let mut allowed = Allowed { has_star: word.starts_with(['*', '?']), values: BTreeSet::new() };
        let mut at = start;
        for item in word.split(',') {
            let place = at..at + item.len();
            at = place.end + 1;
            match self.item(item) {
                Ok(values) => allowed.values.extend(values),
                Err((message, hint)) => {
                    problems.push(CronProblem {
                        message: format!("{message} in the field for the {}", self.name),
                        at: place,
                        hint,
                    });
                }
            }
        }
        allowed
    }

    fn item(&self, item: &str) -> Result<impl Iterator<Item = u32> + use<>, (String, Option<String>)> {
        let (range, step) = match item.split_once('/') {
            None => (item, None),
            Some((range, step)) => match step.parse::<u32>() {
                Ok(step @ 1..) => (range, Some(step)),
                _ => {
                    return Err((
                        format!("`{step}` is no step"),
                        Some("a step is a number above zero".into()),
                    ));
                }
            },
        };
        let (from, to) = match range.split_once('-') {
            None if matches!(range, "*" | "?") => (self.min, self.top()),
            None => {
                let from = self.value(range)?;
                (from, if step.is_some() { self.top() } else { from })
            }
            Some((from, to)) => {
                let (from, mut to) = (self.value(from)?, self.value(to)?);
                if self.max == 7 && to == 0 && from > 0 {
                    to = 7;
                }
                if from > to {
                    let hint = format!("write two ranges: `{from}-{},{}-{to}`", self.top(), self.min);
                    return Err((format!("`{range}` ends before it begins"), Some(hint)));
                }
                (from, to)
            }
        };
        let step = usize::try_from(step.unwrap_or(1)).unwrap_or(usize::MAX);
        Ok((from..=to).step_by(step))
    }

    /// The highest value of `*`: for days of the week Saturday, because 7 is Sunday again.
    fn top(&self) -> u32 {
        if self.max == 7 { 6 } else { self.max }
    }

    fn value(&self, text: &str) -> Result<u32, (String, Option<String>)> {
        if let Some(at) = self.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            return Ok(self.first_name + u32::try_from(at).unwrap_or_default());
        }
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<u32>() {
            Ok(value) if is_number && (self.min..=self.max).contains(&value) => Ok(value),
            _ => Err((format!("`{text}` is no value"), Some(self.hint(text)))),
        }
    }

    fn hint(&self, text: &str) -> String {
        let special = text.bytes().last().is_some_and(|byte| matches!(byte, b'L' | b'W' | b'l' | b'w'))
            || text.contains('#');
        let range = format!("it takes numbers from {} to {}", self.min, self.max);
        match self.names {
            _ if special => format!("`L`, `W` and `#` are not known; {range}"),
            [] => range,
            [first, .., last] => format!("{range}, or names from `{first}` to `{last}`"),
            [_] => range,
        }
    }
}
