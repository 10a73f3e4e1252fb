//! The head of a run's page: what it is, how it is, what can be done.

use maud::{Markup, html};

use crate::{
    icon::badge,
    part::{Action, action, starter},
    plot::shares,
    text::{clipped, clock, count, duration, encoded, plural, short_id, when},
    view::{Page, RunPage, RunRow, RunState},
};

use super::states::counts;

pub(super) fn header(page: &Page, view: &RunPage) -> Markup {
    let row = &view.row;
    html! {
        header.head {
            (trail(row, None))
            h1 { (row.workflow) " " (badge(row.state.word())) }
            p.meta { (facts(page, view)) }
            @if !view.cancel_reason.is_empty() { p.meta { "Ended early: " b { (view.cancel_reason) } } }
            @if !view.params.is_empty() {
                dl.chips aria-label="Parameters" {
                    @for param in &view.params {
                        div.changed[view.changed_params.iter().any(|change| change.name == param.name)] { dt { (param.name) } dd title=(param.value) { (clipped(&param.value, 60)) } }
                    }
                }
            }
            div.actions { (actions(page, view)) }
            (progress(view))
        }
    }
}

/// Where one is.
pub(super) fn trail(row: &RunRow, task: Option<&str>) -> Markup {
    html! {
        nav.trail aria-label="Breadcrumb" {
            a href="/runs" { "Runs" }
            a href={ "/workflows/" (encoded(&row.workflow)) } { (row.workflow) }
            @match task {
                None => span.mono title=(row.id) { (short_id(&row.id)) },
                Some(task) => { a.mono href={ "/runs/" (encoded(&row.id)) } title=(row.id) { (short_id(&row.id)) } span { (task) } },
            }
        }
    }
}

fn facts(page: &Page, view: &RunPage) -> Markup {
    let row = &view.row;
    html! {
        span { "started " (when(page.now, row.created_at)) " (" (clock(row.created_at)) ")" }
        @if let Some(seconds) = row.seconds(page.now) {
            span { @if row.state.is_final() { "took " } @else { "since " } b data-since=[(!row.state.is_final()).then_some(row.created_at)] { (duration(seconds)) } }
        }
        @if row.parent.is_none() && !row.started_by.is_empty() { span { "by " (starter(row)) } }
        @if let Some(parent) = &row.parent { span { "for a task of " a.mono href={ "/runs/" (encoded(parent)) } { (short_id(parent)) } } }
        @if !view.file.is_empty() { span.mono title={ "definition " (view.definition) } { (view.file) } }
        span.mono.sub { (row.id) }
    }
}

fn actions(page: &Page, view: &RunPage) -> Markup {
    let base = format!("/runs/{}", encoded(&view.row.id));
    let at = |what: &str| format!("{base}/{what}");
    let plain = |label, what: &str, help| {
        action(page, &Action { address: &at(what), label, help, confirm: "", fields: &[] })
    };
    let cancel = || {
        action(
            page,
            &Action {
                address: &at("cancel"),
                label: "Cancel",
                help: "Stops its tasks with everything they started",
                confirm: "Cancel this run? Its tasks are stopped with everything they started.",
                fields: &[],
            },
        )
    };
    html! {
        @match view.row.state {
            RunState::Queued | RunState::Running => { (cancel()) (plain("Pause", "pause", "Lets running tasks end and starts nothing new")) },
            RunState::Paused => { (plain("Go on", "unpause", "Starts tasks again")) (cancel()) },
            RunState::Interrupted => { (plain("Go on", "retry", "Drives the run on where its process died")) (cancel()) },
            RunState::Failed | RunState::Cancelled => {
                (plain("Retry", "retry", "Repeats, with the recorded workflow, what did not succeed"))
                (plain("Run again", "rerun", "Starts a new run with the same parameters"))
            },
            RunState::Succeeded | RunState::Rejected => (plain("Run again", "rerun", "Starts a new run with the same parameters")),
        }
        @if let Some(previous) = &view.previous {
            a.button href={ "/compare?a=" (encoded(previous)) "&b=" (encoded(&view.row.id)) } { "Compare with the run before" }
        }
        @if !view.changed_params.is_empty() { span.sub { (plural(view.changed_params.len(), "parameter")) " changed since the run before" } }
    }
}

fn progress(view: &RunPage) -> Markup {
    let counts = counts(view.tasks.iter());
    html! {
        @if !view.tasks.is_empty() {
            div.progress {
                (shares(&counts))
                ul.legend { @for (state, n) in &counts { li class={ "s-" (state.word()) } { (crate::icon::icon(state.word())) b { (count(*n as u64)) } " " (state.word()) } } }
            }
        }
    }
}
