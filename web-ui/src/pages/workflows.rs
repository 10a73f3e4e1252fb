//! `/workflows`: every workflow with its last outcomes.

use maud::{Markup, html};

use crate::{
    icon::icon,
    part::{Live, Shell, empty, live, shell},
    plot::outcomes,
    text::{count, encoded, plural, when},
    view::{Page, WorkflowRow, Workflows},
};

/// `/workflows`. Part: `live`.
pub fn workflows(page: &Page, view: &Workflows) -> String {
    let body = live(
        &Live::Every(10),
        &html! {
            @if view.rows.is_empty() && view.query.is_empty() {
                (empty(&format!("There is no workflow in {} yet. Every `*.toml` that is saved there appears here; a file anywhere runs by hand:", folder(view)), "sluice run WORKFLOW.toml"))
            } @else if view.rows.is_empty() { p.empty { "No workflow matches." } }
            @else { div.card { (table(page, view)) } }
        },
    );
    if page.fragment.as_deref() == Some("live") {
        return body.into_string();
    }
    let main = html! {
        header.head { h1 { "Workflows" }
            form.filter role="search" method="get" action="/workflows" {
                label { span.sr { "Search" } input type="search" name="q" value=(view.query) placeholder="Name or label"; }
                button type="submit" { "Search" }
                @if !view.query.is_empty() { a href="/workflows" { "all" } }
            }
        }
        (body)
    };
    shell(page, &Shell { title: "Workflows", place: "/workflows" }, &main)
}

fn folder(view: &Workflows) -> &str {
    if view.folder.is_empty() {
        "`workflows/` beside `sluice.toml`, or in what `--workflows` names,"
    } else {
        &view.folder
    }
}

fn table(page: &Page, view: &Workflows) -> Markup {
    html! {
        table.workflows {
            caption.sr { "Workflows" }
            thead { tr { th scope="col" { "Workflow" } th scope="col" { "Last runs" } th scope="col" { "Next" } th.num scope="col" { "Runs" } } }
            tbody { @for row in &view.rows { (workflow_row(page, row)) } }
        }
    }
}

fn workflow_row(page: &Page, row: &WorkflowRow) -> Markup {
    html! {
        tr {
            td.main {
                a.row href={ "/workflows/" (encoded(&row.name)) } { (row.name) }
                @for label in &row.labels { " " a.label href={ "/workflows?q=" (encoded(label)) } { (label) } }
                @if row.n_errors > 0 { " " span.badge.s-failed { (icon("failed")) (plural(row.n_errors, "error")) } }
                @if !row.description.is_empty() { p.sub { (row.description) } }
            }
            td.bars { @if row.outcomes.is_empty() { span.absent { "never ran" } } @else { (outcomes(&row.outcomes, page.now)) } }
            td.next {
                @if row.is_paused { span.badge.s-paused { (icon("paused")) "paused" } }
                @else if let Some(at) = row.next_fire { (when(page.now, at)) }
                @for line in &row.schedules { br; code.sub { (line) } }
            }
            td.num { (count(row.n_runs)) @if row.n_runs >= 30 { "+" } }
        }
    }
}
