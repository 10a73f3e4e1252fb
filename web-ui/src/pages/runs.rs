//! `/runs`: every run, newest first.

use maud::{Markup, html};

use crate::{
    part::{Live, Shell, empty, live, run_table, shell},
    text::{count, encoded},
    view::{Page, RunState, Runs},
};

/// `/runs`. Part: `live`.
pub fn runs(page: &Page, view: &Runs) -> String {
    let how = match (view.is_later_page, view.rows.iter().any(|row| !row.state.is_final())) {
        (true, _) => Live::Still,
        (false, true) => Live::Every(3),
        (false, false) => Live::Every(15),
    };
    let is_filtered = !view.workflow.is_empty() || !view.states.is_empty() || !view.query.is_empty();
    let body = live(
        &how,
        &html! {
            @if view.rows.is_empty() && is_filtered { p.empty { "No run matches. " a href="/runs" { "Show all" } } }
            @else if view.rows.is_empty() { (empty("Nothing ran yet. This starts a run:", "sluice run WORKFLOW.toml")) }
            @else { div.card { (run_table(&view.rows, page.now, "Runs, newest first")) } }
        },
    );
    if page.fragment.as_deref() == Some("live") {
        return body.into_string();
    }
    let main = html! {
        header.head { h1 { "Runs" @if view.n_all > 0 { " " span.sub { (count(view.n_all)) } } } (filter(view)) }
        (body)
        nav.pages aria-label="Pages" {
            @if view.is_later_page { a href={ "/runs?" (query(view)) } rel="first" { "Newest" } }
            @if !view.next.is_empty() { a href={ "/runs?" (query(view)) "after=" (encoded(&view.next)) } rel="next" data-next { "Older" } }
        }
    };
    shell(page, &Shell { title: "Runs", place: "/runs" }, &main)
}

fn filter(view: &Runs) -> Markup {
    html! {
        form.filter role="search" method="get" action="/runs" {
            label { span.sr { "Workflow" }
                select name="workflow" {
                    option value="" { "every workflow" }
                    @for workflow in &view.workflows { option value=(workflow) selected[*workflow == view.workflow] { (workflow) } }
                } }
            fieldset { legend.sr { "State" }
                // Runs are recorded when they begin: none waits in a list.
                @for state in RunState::ALL.into_iter().filter(|state| *state != RunState::Queued) {
                    label class={ "pick s-" (state.word()) } { input type="checkbox" name="state" value=(state.word()) checked[view.states.contains(&state)]; (crate::icon::icon(state.word())) (state.word()) }
                } }
            label { span.sr { "Beginning of an id" } input type="search" name="q" value=(view.query) placeholder="Id"; }
            button type="submit" { "Filter" }
            @if !view.workflow.is_empty() || !view.states.is_empty() || !view.query.is_empty() { a href="/runs" { "all" } }
            a.button.push href="/compare" { "Compare two …" }
        }
    }
}

/// The filters as a query that more can be added to.
fn query(view: &Runs) -> String {
    let mut query = String::new();
    if !view.workflow.is_empty() {
        query.push_str(&format!("workflow={}&", encoded(&view.workflow)));
    }
    for state in &view.states {
        query.push_str(&format!("state={}&", state.word()));
    }
    if !view.query.is_empty() {
        query.push_str(&format!("q={}&", encoded(&view.query)));
    }
    query
}
