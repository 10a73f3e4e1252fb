//! The bars of the timeline: time waiting, attempts, cache hits.

use maud::{Markup, html};

use crate::{
    text::duration,
    view::{AttemptEnd, RunTask, TaskState},
};

/// The extent of the time axis; bars stretch to the width that there is.
const WIDTH: f64 = 1000.0;
/// Nothing that happened is narrower.
const LEAST: f64 = 7.0;

/// The time that the axis shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    from: i64,
    to: i64,
}

impl Axis {
    pub(super) fn new(from: i64, to: i64) -> Self {
        Self { from, to: to.max(from + 1) }
    }

    pub(super) fn seconds(&self) -> f64 {
        (self.to - self.from) as f64 / 1000.0
    }

    fn x(&self, at: i64) -> f64 {
        ((at - self.from) as f64 / (self.to - self.from) as f64).clamp(0.0, 1.0) * WIDTH
    }
}

/// One thing on the axis.
struct Bar {
    class: &'static str,
    x: f64,
    width: f64,
}

/// The head of the timeline's column: a mark at every quarter.
pub(super) fn marks(axis: &Axis) -> Markup {
    html! {
        span.axis aria-hidden="true" {
            span { "0" }
            @for quarter in 1..4 { span { (duration(axis.seconds() * f64::from(quarter) / 4.0)) } }
        }
    }
}

/// A task in time.
pub(super) fn bar(task: &RunTask, axis: &Axis, now: i64) -> Markup {
    let bars = bars(task, axis, now);
    html! {
        @if !bars.is_empty() {
            svg viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true" {
                @for bar in bars {
                    @if bar.class == "w" { rect.w x=(tenth(bar.x)) y="4" width=(tenth(bar.width)) height="4" {} }
                    @else { rect class=(bar.class) x=(tenth(bar.x)) width=(tenth(bar.width)) height="12" {} }
                }
            }
        }
    }
}

/// Many tasks in time: from the first start to the last end, shared out among their states.
pub(super) fn span(tasks: &[&RunTask], counts: &[(TaskState, usize)], axis: &Axis, now: i64) -> Markup {
    let start = tasks.iter().filter_map(|task| task.started_at).min();
    let end = tasks.iter().filter_map(|task| task.started_at.map(|_| task.ended_at.unwrap_or(now))).max();
    html! {
        @if let (Some(start), Some(end)) = (start, end) {
            @let x = axis.x(start);
            @let width = (axis.x(end) - x).max(LEAST * counts.len() as f64);
            @let x = x.min(WIDTH - width);
            svg viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true" {
                @for (class, from, width) in parts(counts, x, width) { rect class={ "s-" (class) } x=(tenth(from)) width=(tenth(width)) height="12" {} }
            }
        }
    }
}

/// Where each state's part of a span begins, and how wide it is: as many as there are, and no less than can be seen.
fn parts(counts: &[(TaskState, usize)], x: f64, width: f64) -> Vec<(&'static str, f64, f64)> {
    let all: usize = counts.iter().map(|(_, n)| n).sum();
    let free = width - LEAST * counts.len() as f64;
    let mut at = x;
    let part = |(state, n): &(TaskState, usize)| {
        let width = LEAST + free * *n as f64 / all.max(1) as f64;
        at += width;
        (state.word(), at - width, width)
    };
    counts.iter().map(part).collect()
}

/// What the bars show, in words.
pub(super) fn story(task: &RunTask, now: i64) -> String {
    let mut parts = Vec::new();
    if let (Some(ready), Some(start)) = (task.ready_at, task.started_at)
        && start - ready > 500
    {
        parts.push(format!("waited {} for a slot", duration((start - ready) as f64 / 1000.0)));
    }
    if task.attempts.len() > 1 || task.attempts.iter().any(|attempt| !attempt.error.is_empty()) {
        for attempt in &task.attempts {
            let took =
                duration((attempt.ended_at.unwrap_or(now) - attempt.started_at).max(0) as f64 / 1000.0);
            let error = if attempt.error.is_empty() { String::new() } else { format!(": {}", attempt.error) };
            parts.push(format!("attempt {} {} after {took}{error}", attempt.number, attempt.end.word()));
        }
    }
    parts.join("; ")
}

fn bars(task: &RunTask, axis: &Axis, now: i64) -> Vec<Bar> {
    let bar = |class, from: i64, to: i64, least: f64| {
        let x = axis.x(from);
        let width = (axis.x(to) - x).max(least);
        Bar { class, x: x.min(WIDTH - width), width }
    };
    let mut bars = Vec::new();
    let first = task.attempts.first().map(|attempt| attempt.started_at).or(task.started_at);
    let is_queued = matches!(task.state, TaskState::Ready | TaskState::Running);
    if let Some(ready) = task.ready_at {
        let until = first.or(is_queued.then_some(now)).unwrap_or(ready);
        if until > ready {
            bars.push(bar("w", ready, until, 0.0));
        }
    }
    let mut before: Option<i64> = None;
    for attempt in &task.attempts {
        if let Some(end) = before.filter(|end| attempt.started_at > *end) {
            bars.push(bar("w", end, attempt.started_at, 0.0));
        }
        let end = attempt.ended_at.unwrap_or(now);
        bars.push(bar(class(task, attempt.end), attempt.started_at, end, LEAST));
        before = Some(end);
    }
    if let (TaskState::Waiting, Some(end)) = (task.state, before) {
        bars.push(bar("w", end, now.max(end), LEAST));
    }
    if let (true, Some(start)) = (task.attempts.is_empty(), task.started_at) {
        let end = task.ended_at.unwrap_or(if task.state.is_final() { start } else { now });
        bars.push(bar(state_class(task.state), start, end, LEAST));
    }
    bars
}

fn class(task: &RunTask, end: AttemptEnd) -> &'static str {
    match end {
        AttemptEnd::Running => "s-running",
        AttemptEnd::Succeeded => state_class(task.state),
        AttemptEnd::Failed | AttemptEnd::TimedOut => "s-failed",
        AttemptEnd::Cancelled => "s-cancelled",
        AttemptEnd::Lost => "s-unknown",
    }
}

fn state_class(state: TaskState) -> &'static str {
    match state {
        TaskState::Cached => "s-cached",
        TaskState::Rejected => "s-rejected",
        TaskState::Insufficient => "s-insufficient",
        TaskState::Running => "s-running",
        TaskState::Failed => "s-failed",
        TaskState::Unknown => "s-unknown",
        TaskState::Cancelled => "s-cancelled",
        _ => "s-succeeded",
    }
}

fn tenth(value: f64) -> String {
    format!("{}", (value * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::{Axis, bars, story};
    use crate::view::{AttemptEnd, AttemptSpan, RunTask, TaskState};

    fn attempt(number: u32, from: i64, to: Option<i64>, end: AttemptEnd) -> AttemptSpan {
        AttemptSpan { number, started_at: from, ended_at: to, end, error: String::new() }
    }

    #[test]
    fn waiting_for_a_slot_attempts_and_time_between_them_are_all_there() {
        let task = RunTask {
            state: TaskState::Succeeded,
            ready_at: Some(0),
            started_at: Some(1_000),
            ended_at: Some(10_000),
            attempts: vec![
                attempt(1, 1_000, Some(4_000), AttemptEnd::Failed),
                attempt(2, 6_000, Some(10_000), AttemptEnd::Succeeded),
            ],
            ..RunTask::default()
        };
        let bars = bars(&task, &Axis::new(0, 10_000), 99_999);
        let seen: Vec<_> = bars.iter().map(|bar| (bar.class, bar.x, bar.x + bar.width)).collect();
        let expected = [
            ("w", 0.0, 100.0),
            ("s-failed", 100.0, 400.0),
            ("w", 400.0, 600.0),
            ("s-succeeded", 600.0, 1000.0),
        ];
        assert_eq!(seen, expected);
        assert_eq!(
            story(&task, 99_999),
            "waited 1.0 s for a slot; attempt 1 failed after 3.0 s; attempt 2 succeeded after 4.0 s"
        );
    }

    #[test]
    fn a_cache_hit_is_a_mark_inside_the_axis() {
        let task = RunTask {
            state: TaskState::Cached,
            started_at: Some(10_000),
            ended_at: Some(10_000),
            ..RunTask::default()
        };
        let bars = bars(&task, &Axis::new(0, 10_000), 10_000);
        assert_eq!(bars.len(), 1);
        assert!(bars[0].x + bars[0].width <= 1000.0 && bars[0].width >= 7.0);
    }
}
