//! All about a task: in the panel of the run's page, and as a page of its own.

use maud::{Markup, html};

use crate::{
    ansi,
    icon::badge,
    part::{Action, action, changes, log_section, metrics, preview, scroll, verdict},
    plot::{confusion, curves, residuals},
    text::{clock, duration, encoded, number, plural, prose, short_id, shortened, size, when},
    view::{CacheReason, Evaluation, Page, Pair, PortView, TaskDetail, TaskState},
};

use super::attention::resolve;

/// What is known of a task, the most wanted first.
pub(super) fn detail(page: &Page, view: &TaskDetail) -> Markup {
    html! {
        (facts(page, view))
        @if let Some(failure) = &view.failure {
            div.failure role="group" aria-label="Failure" {
                @let (first, rest) = failure.message.split_once('\n').unwrap_or((&failure.message, ""));
                p { b.code { (failure.code) } " " (prose(first)) }
                @if !rest.trim().is_empty() { pre.tail { (ansi::to_html(rest)) } }
                @for hint in &failure.hints { p.hint { (prose(hint)) } }
            }
        }
        @if let Some(found) = &view.verdict { section { h3 { "Verdict" } (verdict(found)) } }
        @if !view.metrics.is_empty() { section { (metrics(&view.metrics, view.evaluation.as_ref().map_or("", |evaluation| &evaluation.champion))) } }
        @if let Some(evaluation) = &view.evaluation { (plots(evaluation)) }
        (log_section(&view.log, false))
        (ports("Outputs", &view.outputs))
        (ports("Inputs", &view.inputs))
        (params(&view.params))
        (why(&view.why))
        (attempts(page, view))
    }
}

fn facts(page: &Page, view: &TaskDetail) -> Markup {
    let task = &view.task;
    let base = format!("/runs/{}", encoded(&view.run));
    html! {
        p.meta {
            a href={ "/kinds/" (encoded(&task.kind)) } { (task.kind) }
            @if let Some(start) = task.started_at { span { "started " (when(page.now, start)) } }
            @if let Some(seconds) = task.seconds(page.now).filter(|_| task.state != TaskState::Cached) { span { (if task.state.is_final() { "took " } else { "since " }) b { (duration(seconds)) } } }
            @if task.attempts.len() > 1 { span { (plural(task.attempts.len(), "attempt")) } }
            @if let Some(retry) = task.retry_at { span { "next attempt " (when(page.now, retry)) } }
            @if let Some(child) = &task.child { span { "its run is " a.mono href={ "/runs/" (encoded(child)) } { (short_id(child)) } } }
        }
        @if !view.description.is_empty() { p { (view.description) } }
        @if !task.remark.is_empty() && view.failure.is_none() { p.remark { (prose(&task.remark)) } }
        p.why { (prose(&view.why.text))
            @if let Some(origin) = &view.why.origin { " " a.mono href={ "/runs/" (encoded(origin)) } { "run " (short_id(origin)) } } }
        @if task.state == TaskState::Unknown { (resolve(page, &view.run, &task.name)) }
        @if task.state.is_final() && !task.is_hook && task.item_of.is_none() {
            div.actions { (action(page, &Action {
                address: &format!("{base}/rerun"),
                label: "Rerun from here",
                help: "Starts a new run that repeats this task and what stands behind it",
                confirm: "",
                fields: &[("from", &task.name)],
            })) }
        }
        @if !view.before.is_empty() || !view.behind.is_empty() {
            p.meta.near {
                @if !view.before.is_empty() { span { "after " @for name in &view.before { a href={ (base) "?task=" (encoded(name)) } data-panel { (name) } " " } } }
                @if !view.behind.is_empty() { span { "before " @for name in &view.behind { a href={ (base) "?task=" (encoded(name)) } data-panel { (name) } " " } } }
            }
        }
    }
}

fn plots(evaluation: &Evaluation) -> Markup {
    html! {
        section.plots aria-label="Evaluation" {
            @if !evaluation.champion_error.is_empty() { p.note { "The champion could not be judged: " (evaluation.champion_error) } }
            (confusion(&evaluation.classes, &evaluation.confusion))
            (curves(evaluation))
            @if !evaluation.residuals.is_empty() { (residuals(&evaluation.residuals)) }
            @if evaluation.by_class.len() > 1 {
                table {
                    caption { "By class" @if !evaluation.positive.is_empty() { span.sub { "positive is " (evaluation.positive) } } }
                    thead { tr { th scope="col" { "class" } th.num scope="col" { "precision" } th.num scope="col" { "recall" } th.num scope="col" { "F1" } th.num scope="col" { "rows" } } }
                    tbody { @for class in evaluation.by_class.iter().take(40) { tr { th scope="row" { (class.class) } td.num { (number(class.precision)) } td.num { (number(class.recall)) } td.num { (number(class.f1)) } td.num { (number(class.support)) } } } }
                }
            }
        }
    }
}

fn ports(title: &str, ports: &[PortView]) -> Markup {
    html! {
        @if !ports.is_empty() {
            section.ports {
                h3 { (title) }
                @for port in ports {
                    details open[port.preview.is_some() && ports.len() == 1] {
                        summary { b { (port.port) } span.type { (port.port_type) }
                            @if !port.from.is_empty() { span.sub { "from " (port.from) } }
                            @if let Some(table) = &port.preview { span.sub { (crate::text::count(table.n_rows)) " × " (table.columns.len()) } }
                            @if port.size > 0 { span.sub { (size(port.size)) } } }
                        @if let Some(value) = &port.value { pre.value { (value) } }
                        @if let Some(table) = &port.preview { (preview(&format!("The first rows of {}", port.port), table)) }
                        p.note { @if port.hash.is_empty() { "It is not there." } @else { code title=(port.hash) { (shortened(&port.hash)) } }
                            @if !port.url.is_empty() { " " a href=(port.url) download { "download" } } }
                    }
                }
            }
        }
    }
}

fn params(params: &[Pair]) -> Markup {
    html! {
        @if !params.is_empty() {
            section { h3 { "Parameters" } dl.params { @for param in params { dt { (param.name) } dd { code { (param.value) } } } } }
        }
    }
}

fn why(why: &CacheReason) -> Markup {
    html! {
        @if !why.changes.is_empty() { section { (changes("What changed since its last success", &why.changes)) } }
        @if !why.parts.is_empty() {
            details.key { summary { "What its outcome depends on" span.sub { " key " (why.key) } }
                (scroll("Parts of the cache key", &html! { table { tbody { @for part in &why.parts { tr { th scope="row" { code { (part.name) } } td { code title=(part.value) { (shortened(&part.value)) } } } } } } })) }
        }
    }
}

fn attempts(page: &Page, view: &TaskDetail) -> Markup {
    html! {
        @if view.task.attempts.len() > 1 {
            section { table { caption { "Attempts" }
                thead { tr { th scope="col" { "attempt" } th scope="col" { "end" } th scope="col" { "started" } th.num scope="col" { "took" } th scope="col" { "why" } } }
                tbody { @for attempt in &view.task.attempts { tr {
                    td { (attempt.number) } td { (attempt.end.word()) } td { (clock(attempt.started_at)) }
                    td.num { (duration((attempt.ended_at.unwrap_or(page.now) - attempt.started_at).max(0) as f64 / 1000.0)) }
                    td { (prose(&attempt.error)) }
                } } } } }
        }
    }
}

/// The panel of the run's page; its part `task`.
pub(super) fn panel(page: &Page, view: &TaskDetail, close: &str) -> Markup {
    let own = format!("/runs/{}/tasks/{}", encoded(&view.run), encoded(&view.task.name));
    html! {
        aside #panel aria-labelledby="panel-title" data-state=(view.task.state.word()) {
            header.panel-head {
                h2 #panel-title tabindex="-1" { a href=(own) { (view.task.name) } " " (badge(view.task.state.word())) }
                a.close href=(close) data-close aria-label="Close" title="Close (Esc)" { "×" }
            }
            (detail(page, view))
        }
    }
}
