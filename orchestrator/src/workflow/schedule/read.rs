//! Reading `[schedule]` and `[[schedule]]`.

use chrono_tz::Tz;
use sluicegate_plugin::nearest;

use super::{
    CatchUp, DstFold, DstGap, On, Overlap, Schedule, TimeRule, Timing, UnixCron, event,
    time::point,
    trigger::{self, TRIGGER_KEYS},
};
use crate::workflow::{
    Diagnostic, Severity,
    node::{Node, NodeValue, Span, Table},
    params,
    settings::{Fields, NAME, bad_name, is_name, wrong_type},
};

/// Keys of a schedule.
pub(in crate::workflow) const SCHEDULE_KEYS: [&str; 14] = [
    "name",
    "enabled",
    "cron",
    "timezone",
    "dst_gap",
    "dst_fold",
    "jitter",
    "start",
    "end",
    "overlap",
    "catch_up",
    "catch_up_window",
    "catch_up_limit",
    "params",
];

/// How far back times are caught up when the file does not say, in seconds.
const WINDOW: f64 = 7.0 * 86_400.0;

/// How many times are caught up when the file does not say.
const LIMIT: u32 = 100;

/// The years in which changes of clocks are looked at for warnings: enough to see every rule that holds today.
const YEARS: std::ops::Range<i32> = 2026..2036;

/// Reads the schedules and triggers of a workflow, each with its place.
pub(in crate::workflow) fn read(fields: &Fields<'_>, found: &mut Vec<Diagnostic>) -> Vec<(Schedule, Span)> {
    let declared = fields.table.get("params").and_then(Node::as_table);
    let mut names: Vec<(String, Span)> = Vec::new();
    let mut schedules = Vec::new();
    for (key, word) in [("schedule", "default"), ("trigger", "trigger")] {
        let tables = tables(fields, key, found);
        let is_only = tables.len() == 1;
        for (at, (table, span)) in tables.into_iter().enumerate() {
            let fallback = if is_only { word.to_owned() } else { format!("{word}-{}", at + 1) };
            let own = Own { table, span: span.clone(), declared, fallback };
            let (name, schedule) = if key == "schedule" { own.schedule(found) } else { own.trigger(found) };
            if let Some((_, first)) = names.iter().find(|(known, _)| *known == name.0) {
                let message = format!("`{}` is the name of two schedules or triggers", name.0);
                let problem = Diagnostic::error("E004", name.1.clone(), message).label("here again");
                found
                    .push(problem.hint("give each a `name` of its own").related(first.clone(), "here first"));
            }
            names.push(name);
            schedules.extend(schedule.map(|schedule| (schedule, span)));
        }
    }
    schedules
}

/// One table, or a list of them.
fn tables<'a>(fields: &Fields<'a>, key: &str, found: &mut Vec<Diagnostic>) -> Vec<(&'a Table<'a>, Span)> {
    let Some((name, node)) = fields.table.entry(key) else { return Vec::new() };
    let mut tables = Vec::new();
    match &node.value {
        NodeValue::Table(table) => tables.push((table, name.span.clone())),
        NodeValue::Array(items) => {
            for item in items {
                match item.as_table() {
                    Some(table) => tables.push((table, item.span.clone())),
                    None => found.push(wrong_type(&format!("each `{key}`"), "a table", item)),
                }
            }
        }
        _ => fields.wrong_type(key, "a table, or a list of tables", node, found),
    }
    tables
}

/// A table that is being read.
struct Own<'a> {
    table: &'a Table<'a>,
    span: Span,
    /// The workflow's parameters.
    declared: Option<&'a Table<'a>>,
    /// The name of one that has none.
    fallback: String,
}

type Named = ((String, Span), Option<Schedule>);

impl Own<'_> {
    fn name(&self, found: &mut Vec<Diagnostic>) -> (String, Span) {
        match self.table.get("name").and_then(|node| Some((node.as_str()?, node))) {
            Some((name, node)) => {
                if !is_name(name) {
                    found.push(bad_name(name, "a schedule", NAME, &node.span));
                }
                (name.to_owned(), node.span.clone())
            }
            None => (self.fallback.clone(), self.span.clone()),
        }
    }

    /// What all have in common; all that is wrong with it is reported, also when there is nothing that could start a run.
    fn with(
        &self,
        name: &str,
        on: Option<On>,
        fields: &Fields<'_>,
        found: &mut Vec<Diagnostic>,
    ) -> Option<Schedule> {
        let given = fields.table("params", found);
        if let (Some(given), Some(on)) = (given, &on) {
            event::verify(given, on, &fields.what, found);
        }
        let params = given.map(|given| params::given_in_file(self.declared, given, &fields.what, found));
        let enabled = fields.boolean("enabled", found).is_none_or(|(truth, _)| truth);
        let overlap = fields.choice("overlap", "a way to overlap", &Overlap::ALL, found);
        let on = on?;
        // An event that comes while a run goes on says something that the run does not know; a time only says that it came.
        let usual = if matches!(on, On::Time(_)) { Overlap::Skip } else { Overlap::Queue };
        Some(Schedule {
            name: name.to_owned(),
            enabled,
            on,
            overlap: overlap.unwrap_or(usual),
            params: params.unwrap_or_default(),
        })
    }

    fn schedule(self, found: &mut Vec<Diagnostic>) -> Named {
        let name = self.name(found);
        let fields = Fields::new(self.table, format!("schedule `{}`", name.0), &SCHEDULE_KEYS, &[], found);
        fields.string("name", found);
        let rule = rule(&fields, &self.span, found);
        let schedule = self.with(&name.0, rule.map(On::Time), &fields, found);
        (name, schedule)
    }

    fn trigger(self, found: &mut Vec<Diagnostic>) -> Named {
        let name = self.name(found);
        let fields = Fields::new(self.table, format!("trigger `{}`", name.0), &TRIGGER_KEYS, &[], found);
        fields.string("name", found);
        let on = trigger::read(&fields, &self.span, found);
        let schedule = self.with(&name.0, on, &fields, found);
        (name, schedule)
    }
}

/// Reads what says when; reports all that is wrong with it.
fn rule(fields: &Fields<'_>, span: &Span, found: &mut Vec<Diagnostic>) -> Option<TimeRule> {
    let line = fields.string("cron", found);
    if fields.table.get("cron").is_none() {
        let message = format!("{} has no `cron`", fields.what);
        let problem = Diagnostic::error("E009", span.clone(), message).label("`cron` is missing");
        found.push(problem.hint("add `cron = \"0 3 * * *\"` for every day at three"));
    }
    let cron = line.and_then(|(line, node)| cron(line, node, found));
    let zone = zone(fields, found);
    let gap = fields.choice("dst_gap", "what becomes of a skipped time", &DstGap::ALL, found);
    let fold = fields.choice("dst_fold", "what becomes of a repeated time", &DstFold::ALL, found);
    // Without a zone that is known, which of the two comes first can be told nevertheless.
    let clocks = zone.unwrap_or(Tz::UTC);
    let (start, end) = (point(fields, "start", clocks, found), point(fields, "end", clocks, found));
    let is_turned = start.zip(end).is_some_and(|(start, end)| start > end);
    if is_turned {
        report_turned(fields, span, found);
    }
    let jitter = fields.duration("jitter", found).unwrap_or_default();
    let catch_up = fields.choice("catch_up", "a way to catch up", &CatchUp::ALL, found).unwrap_or_default();
    let catch_up_window = fields.duration("catch_up_window", found).unwrap_or(WINDOW);
    let limit = fields.integer("catch_up_limit", 1, 1000, found).and_then(|n| u32::try_from(n).ok());
    let ((line, node), cron, zone) = (line?, cron?, zone?);
    let is_hourly = cron.is_hourly();
    let rule = TimeRule {
        cron: line.to_owned(),
        timezone: zone.name().to_owned(),
        dst_gap: gap.unwrap_or(if is_hourly { DstGap::Skip } else { DstGap::RunAfter }),
        dst_fold: fold.unwrap_or(if is_hourly { DstFold::Both } else { DstFold::First }),
        jitter,
        start,
        end,
        catch_up,
        catch_up_window,
        catch_up_limit: limit.unwrap_or(LIMIT),
    };
    let is_good = !is_turned && verify(&rule, fields, node, gap.is_none() && !is_hourly, found);
    is_good.then_some(rule)
}

/// Reads the line; each mistake has its place in the file.
fn cron(line: &str, node: &Node, found: &mut Vec<Diagnostic>) -> Option<UnixCron> {
    match UnixCron::parse(line) {
        Ok(cron) if cron.never_fires() => {
            let message = format!("`{line}` never fires: there is no such day");
            let hint = "look at the day and the month";
            found.push(Diagnostic::error("E033", node.span.clone(), message).label("never").hint(hint));
            None
        }
        Ok(cron) => Some(cron),
        Err(problems) => {
            // Places in the line are places in the file when it stands there as it is, between two or six quotes.
            let n_quotes = node.span.len().saturating_sub(line.len());
            let start = node.span.start + n_quotes / 2;
            for problem in problems {
                let at = match n_quotes {
                    2 | 6 => start + problem.at.start..start + problem.at.end,
                    _ => node.span.clone(),
                };
                let at = if at.is_empty() { node.span.clone() } else { at };
                let diagnostic = Diagnostic::error("E031", at, problem.message).label("here");
                found.push(diagnostic.maybe_hint(problem.hint));
            }
            None
        }
    }
}

/// The zone; `UTC` when the table says nothing.
fn zone(fields: &Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<Tz> {
    if fields.table.get("timezone").is_none() {
        return Some(Tz::UTC);
    }
    let (name, node) = fields.string("timezone", found)?;
    if let Ok(zone) = name.parse::<Tz>() {
        return Some(zone);
    }
    let names = || chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    let city = |name: &'static str| name.rsplit('/').next().unwrap_or(name);
    let near = nearest(name, names()).or_else(|| {
        nearest(&name.replace(' ', "_"), names().map(city))
            .and_then(|near| names().find(|name| city(name) == near))
    });
    let hint = near.map_or_else(
        || "zones are named `Europe/Berlin` or `UTC`, as in the IANA time zone database".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    let problem = Diagnostic::error("E032", node.span.clone(), format!("there is no time zone `{name}`"));
    found.push(problem.label("unknown").hint(hint));
    None
}

fn report_turned(fields: &Fields<'_>, span: &Span, found: &mut Vec<Diagnostic>) {
    let at = |name: &str| fields.table.get(name).map_or(span.clone(), |node| node.span.clone());
    let problem = Diagnostic::error("E035", at("end"), format!("{} ends before it starts", fields.what));
    found.push(problem.label("before `start`").related(at("start"), "starts here").hint("exchange them"));
}

/// What is wrong, or odd, with a rule as a whole; false when it cannot be used.
fn verify(
    rule: &TimeRule,
    fields: &Fields<'_>,
    line: &Node,
    warns_of_gaps: bool,
    found: &mut Vec<Diagnostic>,
) -> bool {
    let Some(timing) = Timing::new(rule) else { return false };
    let at = |name: &str| fields.table.get(name).map_or(line.span.clone(), |node| node.span.clone());
    let first = timing.next_after(rule.start.unwrap_or_default());
    if first.is_none() {
        let message = format!("`{}` never fires between `start` and `end`", rule.cron);
        let problem = Diagnostic::error("E033", line.span.clone(), message).label("never");
        found.push(problem.hint("widen them, or correct the line"));
        return false;
    }
    if warns_of_gaps && let Some((clock, fire)) = timing.first_in_gap(YEARS) {
        let there = fire.with_timezone(&timing.zone());
        let message = format!(
            "clocks in `{}` never show {} on {}: it fires at {} then",
            rule.timezone,
            clock.format("%H:%M"),
            clock.format("%Y-%m-%d"),
            there.format("%H:%M")
        );
        let hint = "take another time, or say `dst_gap = \"run_after\"` or `\"skip\"` if you mean it";
        found.push(warning("E034", line.span.clone(), message).label("falls into a gap").hint(hint));
    }
    let second = first.and_then(|first| timing.next_after(first));
    if let (Some(first), Some(second)) = (first, second)
        && rule.jitter * 1000.0 > (second - first) as f64
    {
        let message = format!("`jitter` in {} is longer than the time between two fires", fields.what);
        let problem = warning("E037", at("jitter"), message).label("too long");
        found.push(problem.hint("a fire may come after the next one was due; make it shorter"));
    }
    true
}

pub(super) fn warning(code: &'static str, span: Span, message: String) -> Diagnostic {
    Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, span, message) }
}
