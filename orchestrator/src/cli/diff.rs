//! `runs diff`: what differs between two runs.

use serde_json::{Value, json};

use super::{
    args::{DiffArgs, Format},
    exit::Exit,
    out::{Out, Style},
    table::{TextTable, duration},
    why::change_text,
};
use crate::{
    app::{App, AppError},
    run::{MetricDiff, RunDiff, TaskDiff},
    workflow,
};

pub(super) fn diff(app: &App, args: &DiffArgs, out: &mut Out) -> Result<Exit, AppError> {
    let diff = {
        let history = app.history()?;
        let [before, after] = [&args.before, &args.after].map(|run| history.load(history.find(run)?));
        RunDiff::of(&before?, &after?)
    };
    let failed =
        args.fail_if.as_deref().map(|condition| holds(&diff, condition)).transpose()?.unwrap_or(false);
    if args.format.format == Format::Json {
        let mut value = json!(diff);
        value["failed"] = json!(failed);
        out.json(&value);
    } else {
        print(&diff, out);
        if failed {
            out.error(&format!("`{}` holds", args.fail_if.as_deref().unwrap_or_default()));
        }
    }
    Ok(if failed { Exit::Failed } else { Exit::Succeeded })
}

/// Evaluates a condition over the differences of metrics.
fn holds(diff: &RunDiff, condition: &str) -> Result<bool, AppError> {
    let scope = diff.differences();
    let names: Vec<_> =
        scope.keys().filter(|name| *name != "tasks").map(|name| format!("`{name}`")).collect();
    workflow::evaluate_condition(condition, &json!(scope)).map_err(|error| AppError::Invalid {
        message: format!("`--fail-if {condition}` cannot be evaluated: {error}"),
        hint: match names.as_slice() {
            [] => "the runs have no metric in common".into(),
            _ => format!("it can name the differences of {}, or `tasks.TASK.METRIC`", names.join(", ")),
        },
    })
}

fn print(diff: &RunDiff, out: &mut Out) {
    out.line(&format!("before  {} {}", diff.before, diff.status[0]));
    out.line(&format!("after   {} {}", diff.after, diff.status[1]));
    if diff.definition_changed {
        out.line("the workflow's file differs");
    }
    for change in &diff.params {
        out.line(&format!("params.{}", change_text(change)));
    }
    let same = diff.tasks.iter().filter(|task| task.is_same()).count();
    for task in diff.tasks.iter().filter(|task| !task.is_same()) {
        out.line("");
        print_task(task, out);
    }
    if same > 0 {
        let noun = if same == 1 { "task is" } else { "tasks are" };
        out.line(&format!("\n{same} {noun} the same"));
    }
}

fn print_task(task: &TaskDiff, out: &mut Out) {
    let words = task.state.map(|state| state.unwrap_or("absent"));
    let state =
        if words[0] == words[1] { words[0].to_owned() } else { format!("{} -> {}", words[0], words[1]) };
    let took = match task.seconds {
        [Some(before), Some(after)] => format!(", {} -> {}", duration(before), duration(after)),
        _ => String::new(),
    };
    out.line(&format!("{}  {state}{took}", out.paint(Style::Bold, &task.name)));
    for change in &task.key {
        out.line(&format!("  {}", change_text(change)));
    }
    let changed: Vec<_> = task.metrics.iter().filter(|metric| metric.before != metric.after).collect();
    let changed: Vec<_> =
        changed.into_iter().filter(|metric| words[0] == words[1] || metric.difference.is_some()).collect();
    if changed.is_empty() {
        return;
    }
    let mut table = TextTable::new(&["  METRIC", "BEFORE", "AFTER", "DIFFERENCE"]);
    for metric in changed {
        table.row(metric_row(metric));
    }
    table.print(out);
}

fn metric_row(metric: &MetricDiff) -> Vec<(Style, String)> {
    let shown = |value: Option<f64>| value.map_or("–".into(), number);
    let difference = metric.difference.map_or(String::new(), |value| format!("{value:+.6}"));
    vec![
        (Style::Plain, format!("  {}", metric.metric)),
        (Style::Dim, shown(metric.before)),
        (Style::Plain, shown(metric.after)),
        (Style::Bold, difference),
    ]
}

/// Whole numbers as such, others with six decimals.
fn number(value: f64) -> String {
    match Value::from(value).as_f64() {
        Some(value) if value.fract() == 0.0 => format!("{value}"),
        _ => format!("{value:.6}"),
    }
}
