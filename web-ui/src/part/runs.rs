//! Runs in rows.

use maud::{Markup, html};

use crate::{
    icon::{badge, icon},
    text::{clock_minute, duration, encoded, plural, prose, rfc3339, short_id, when},
    view::{Decision, DeploymentHealth, RunRow, RunState},
};

/// A table of runs.
pub(crate) fn run_table(rows: &[RunRow], now: i64, caption: &str) -> Markup {
    html! {
        table.runs {
            caption.sr { (caption) }
            thead { tr {
                th scope="col" { "State" } th scope="col" { "Run" } th scope="col" { "What happened" }
                th scope="col" { "Started" } th.num scope="col" { "Took" } th scope="col" { "By" }
            } }
            tbody { @for row in rows { (run_row(row, now)) } }
        }
    }
}

fn run_row(row: &RunRow, now: i64) -> Markup {
    let is_open = !row.state.is_final();
    html! {
           tr {
               td { (badge(row.state.word())) }
               td.main { a.row href={ "/runs/" (encoded(&row.id)) } { (row.workflow) } " " span.id title=(row.id) { (short_id(&row.id)) }
    }
               td.what {
                   @if !row.remark.is_empty() { span.remark title=(row.remark) { (prose(&row.remark)) } }
                   @else if is_open && row.n_tasks > 0 { (progress(row)) }
                   @else if row.decision == Some(Decision::Pass) { span.passed { (icon("succeeded")) "its gate passed" } }
                   @if row.n_alike > 0 { a.sub href={ "/runs?workflow=" (encoded(&row.workflow)) "&state=" (row.state.word()) } { "and " (plural(row.n_alike, "run")) " before it alike" } }
               }
               td.when { (when(now, row.created_at)) }
               td.num.took { @if let Some(seconds) = row.seconds(now) { (duration(seconds)) } }
               td.by { (starter(row)) }
           }
       }
}

/// A run that began so many milliseconds after it was due has a time of its own to tell.
const LATE: i64 = 60_000;

/// What or who started a run: a run, a schedule with the time that was due, a person.
pub(crate) fn starter(row: &RunRow) -> Markup {
    let due = row.due_at.map(|due| format!("due {}", rfc3339(due)));
    html! {
        @if let Some(parent) = &row.parent { a href={ "/runs/" (encoded(parent)) } title=(parent) { "run " (short_id(parent)) } }
        @else {
            span title=[due] { (prose(&row.started_by)) }
            @if let Some(due) = row.due_at.filter(|due| row.created_at - due >= LATE) { span.sub { " for " (clock_minute(due)) } }
        }
    }
}

fn progress(row: &RunRow) -> Markup {
    let label = format!("{} of {} tasks", row.n_ended, row.n_tasks);
    html! { progress max=(row.n_tasks) value=(row.n_ended) aria-label=(label) {} span.sub { (row.n_ended) "/" (row.n_tasks) } }
}

/// How a deployment is.
pub(crate) fn health_badge(health: DeploymentHealth) -> Markup {
    let (class, shape) = match health {
        DeploymentHealth::Ready => (RunState::Succeeded, "succeeded"),
        DeploymentHealth::Starting => (RunState::Running, "running"),
        DeploymentHealth::NotReady => (RunState::Rejected, "waiting"),
        DeploymentHealth::Gone | DeploymentHealth::Failed => (RunState::Failed, "failed"),
        DeploymentHealth::Stopped => (RunState::Cancelled, "cancelled"),
    };
    html! { span class={ "badge s-" (class.word()) } { (icon(shape)) (health.word()) } }
}
