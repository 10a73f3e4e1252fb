//! `/workflows/NAME`: the graph, a form to start it, its schedules, how it developed, its source.

use maud::{Markup, html};

use crate::{
    graph::{Foldable, Node, draw, fold},
    icon::icon,
    part::{Shell, diagnostics, empty, numbered, param_fields, post, run_table, shell},
    plot::{outcome_bars, trend_durations, trend_metric},
    text::{clock_minute, count, encoded, plural, when},
    view::{Page, ParamField, Severity, WorkflowPage},
};

/// More metrics than this are folded away.
const MOST_SERIES: usize = 8;

/// `/workflows/NAME`.
pub fn workflow(page: &Page, view: &WorkflowPage) -> String {
    let row = &view.row;
    let (graph, is_narrow) = graph(view);
    let main = html! {
        header.head {
            nav.trail aria-label="Breadcrumb" { a href="/workflows" { "Workflows" } span { (row.name) } }
            h1 { (row.name) @for label in &row.labels { " " a.label href={ "/workflows?q=" (encoded(label)) } { (label) } } }
            @if !row.description.is_empty() { p.lead { (row.description) } }
            p.meta {
                @if !row.file.is_empty() { a.mono href="#source" { (row.file) } }
                a href={ "/runs?workflow=" (encoded(&row.name)) } { (count(row.n_runs)) @if row.n_runs >= 30 { "+" } " runs" }
                span { (plural(view.tasks.len(), "task")) }
            }
            @if !row.outcomes.is_empty() { (outcome_bars(&row.outcomes, row.outcomes.len(), page.now)) }
        }
        @if !view.diagnostics.is_empty() { (problems(view)) }
        div.run-grid.beside[is_narrow] {
            (graph)
            div.stack { (start(page, view)) (schedules(page, view)) (last_runs(page, view)) }
        }
        (trend(page, view))
        @if !view.source.is_empty() { section.card #source aria-labelledby="source-title" { h2 #source-title { "Source" } (numbered(&view.source, &view.diagnostics)) } }
    };
    shell(page, &Shell { title: &row.name, place: "/workflows" }, &main)
}

fn problems(view: &WorkflowPage) -> Markup {
    let is_broken = view.diagnostics.iter().any(|problem| problem.severity == Severity::Error);
    html! {
        section.card.warned aria-labelledby="problems-title" {
            h2 #problems-title { @if is_broken { "The file is broken" } @else { "Warnings" } }
            @if is_broken { p { @if view.can_start { "The last good version stays in use." } @else { "It cannot be run before this is corrected." } } }
            (diagnostics(&view.diagnostics))
        }
    }
}

fn graph(view: &WorkflowPage) -> (Markup, bool) {
    let shown: Vec<usize> = (0..view.tasks.len()).filter(|&task| !view.tasks[task].is_hook).collect();
    if shown.is_empty() {
        return (Markup::default(), false);
    }
    let place = |task: usize| shown.binary_search(&task).ok();
    let foldable: Vec<_> = shown
        .iter()
        .map(|&task| Foldable { name: &view.tasks[task].name, kind: &view.tasks[task].kind, item_of: None })
        .collect();
    let edges: Vec<_> = view
        .edges
        .iter()
        .filter_map(|edge| Some(crate::view::Edge { from: place(edge.from)?, to: place(edge.to)? }))
        .collect();
    let folded = fold(&foldable, &edges, 60);
    let nodes: Vec<_> = folded
        .groups
        .iter()
        .map(|group| {
            let first = &view.tasks[shown[group.members[0]]];
            let n = group.members.len();
            Node {
                label: group.label.clone(),
                sub: if n > 1 { format!("{n} × {}", first.kind) } else { first.kind.clone() },
                title: format!("{}, {}: {}", group.label, first.kind, first.description),
                href: format!("/kinds/{}", encoded(&first.kind)),
                is_stack: n > 1 || first.has_items,
                ..Node::default()
            }
        })
        .collect();
    let (svg, is_narrow) = draw(&nodes, &folded.edges, &format!("graph of {}", view.row.name));
    let hooks: Vec<_> = view.tasks.iter().filter(|task| task.is_hook).collect();
    let body = html! {
        section.card.graph-card aria-labelledby="graph-title" {
            h2 #graph-title { "Graph" }
            div.scroll tabindex="0" role="region" aria-label="Graph" { (svg) }
            @if !hooks.is_empty() { p.note { "At its end: " @for hook in hooks { code { (hook.name) } " " } } }
        }
    };
    (body, is_narrow)
}

fn start(page: &Page, view: &WorkflowPage) -> Markup {
    let is_new =
        |field: &&ParamField| field.default.is_none() || field.error.is_some() || field.given.is_some();
    let address = format!("/workflows/{}/runs", encoded(&view.row.name));
    html! {
        @if page.may_operate() && view.can_start {
            section.card.start aria-labelledby="start-title" {
                h2 #start-title { "Start" }
                (post(page, &address, &html! {
                    div.fields { (param_fields(&view.params)) }
                    @if view.params.iter().filter(is_new).count() == 0 && view.params.is_empty() { p.note { "It has no parameters." } }
                    label.check { input type="checkbox" name="no_cache" value="true"; " do everything anew, without the cache" }
                    button.primary type="submit" { (icon("running")) "Start a run" }
                }))
            }
        }
    }
}

fn schedules(page: &Page, view: &WorkflowPage) -> Markup {
    html! {
        @if !view.schedules.is_empty() {
            section.card aria-labelledby="schedule-title" {
                h2 #schedule-title { "Schedule" }
                @for schedule in &view.schedules {
                    p { code { (schedule.expression) } " " (schedule.words) @if !schedule.timezone.is_empty() { ", " (schedule.timezone) }
                        @if schedule.is_paused { " " span.badge.s-paused { (icon("paused")) "paused" } } }
                    @if !schedule.is_paused && !schedule.next.is_empty() {
                        ol.fires { @for at in schedule.next.iter().take(3) { li { (when(page.now, *at)) span.sub { (clock_minute(*at)) } } } }
                    }
                }
                p.more { a href="/schedules" { "All schedules" } }
            }
        }
    }
}

fn last_runs(page: &Page, view: &WorkflowPage) -> Markup {
    let file = if view.row.file.is_empty() { &view.row.name } else { &view.row.file };
    html! {
        section.card aria-labelledby="runs-title" {
            h2 #runs-title { "Last runs" }
            @if view.runs.is_empty() && !view.can_start { (empty("It never ran, and cannot before its file is corrected:", &format!("sluice check {file}"))) }
            @else if view.runs.is_empty() { (empty("It never ran. The form above starts it, or:", &format!("sluice run {file}"))) }
            @else {
                (run_table(&view.runs, page.now, "Last runs"))
                p.more { a href={ "/runs?workflow=" (encoded(&view.row.name)) } { "All runs" } }
            }
        }
    }
}

fn trend(page: &Page, view: &WorkflowPage) -> Markup {
    let (first, more) = view.trend.series.split_at(view.trend.series.len().min(MOST_SERIES));
    html! {
        @if view.trend.runs.len() > 1 {
            section.card aria-labelledby="trend-title" {
                h2 #trend-title { "Over the last " (view.trend.runs.len()) " runs" }
                div.plots { (trend_durations(&view.trend.runs, page.now)) @for series in first { (trend_metric(series, &view.trend.runs, page.now)) } }
                @if !more.is_empty() { details { summary { (plural(more.len(), "more metric")) } div.plots { @for series in more { (trend_metric(series, &view.trend.runs, page.now)) } } } }
            }
        }
    }
}
