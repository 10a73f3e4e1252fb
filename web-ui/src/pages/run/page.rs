//! The pages of a run, a task and a log.

use maud::{Markup, html};

use crate::{
    icon::badge,
    part::{Live, Shell, live, log_lines, log_section, shell},
    text::{encoded, short_id},
    view::{LogPage, Page, RunPage, RunRow, TaskPage},
};

use super::{
    attention::attention, detail::detail, detail::panel, events::events, header::header, header::trail,
    link::Links, nodes::graph, rows::rows,
};

/// `/runs/ID`. Parts: `live`, all but the panel; `task`, the panel of the selected task; `group`, the list of tasks.
pub fn run(page: &Page, view: &RunPage) -> String {
    let links = Links::new(view);
    let opened = || view.selected.as_ref().map(|detail| panel(page, detail, links.run())).unwrap_or_default();
    match page.fragment.as_deref() {
        Some("live") => return body(page, view, &links).into_string(),
        Some("task") => return opened().into_string(),
        Some("group") => return rows(page, view, &links).into_string(),
        _ => {}
    }
    let title = format!("{} {} · {}", view.row.workflow, view.row.state.word(), short_id(&view.row.id));
    let main = html! { (body(page, view, &links)) (opened()) };
    shell(page, &Shell { title: &title, place: "/runs" }, &main)
}

fn body(page: &Page, view: &RunPage, links: &Links<'_>) -> Markup {
    let (drawn, is_narrow) = graph(page, view, links);
    live(
        &stream(&view.row, view.n_events),
        &html! {
            (header(page, view))
            (attention(page, view, links))
            div.run-grid.beside[is_narrow] { (drawn) div.stack { (rows(page, view, links)) (events(view, links)) } }
        },
    )
}

fn stream(row: &RunRow, n_events: u64) -> Live {
    if row.state.is_final() {
        return Live::Still;
    }
    let after = n_events.checked_sub(1).map(|last| format!("?after={last}")).unwrap_or_default();
    Live::Stream(format!("/api/v1/runs/{}/events{after}", encoded(&row.id)))
}

/// `/runs/ID/tasks/TASK`. Part: `live`.
pub fn task(page: &Page, view: &TaskPage) -> String {
    let task = &view.detail.task;
    let how = if task.state.is_final() { Live::Still } else { stream(&view.row, view.n_events) };
    let body = live(
        &how,
        &html! {
            header.head {
                (trail(&view.row, Some(&task.name)))
                h1 { (task.name) " " (badge(task.state.word())) }
            }
            div.detail { (detail(page, &view.detail)) }
        },
    );
    if page.fragment.as_deref() == Some("live") {
        return body.into_string();
    }
    let title = format!("{} {} · {}", task.name, task.state.word(), view.row.workflow);
    shell(page, &Shell { title: &title, place: "/runs" }, &body)
}

/// `/runs/ID/tasks/TASK/log`. Part: `log`, the lines alone.
pub fn log(page: &Page, view: &LogPage) -> String {
    if page.fragment.as_deref() == Some("log") {
        return log_lines(view).into_string();
    }
    let main = html! {
        header.head {
            nav.trail aria-label="Breadcrumb" {
                a href="/runs" { "Runs" }
                a.mono href={ "/runs/" (encoded(&view.run)) } { (short_id(&view.run)) }
                a href={ "/runs/" (encoded(&view.run)) "/tasks/" (encoded(&view.task)) } { (view.task) }
                span { "log" }
            }
            h1 { "Log of " (view.task) }
        }
        div.detail.whole { (log_section(view, true)) }
    };
    shell(page, &Shell { title: &format!("log of {}", view.task), place: "/runs" }, &main)
}
