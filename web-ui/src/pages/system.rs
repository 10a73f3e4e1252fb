//! `/system`: how the program is.

use maud::{Markup, html};

use crate::{
    part::{Live, Shell, live, scroll, shell},
    plot::shares,
    text::{clock, count, duration, encoded, plural, short_id, size, when},
    view::{Page, PluginRow, PoolRow, System, TaskState, WorkerRow},
};

/// `/system`. Part: `live`.
pub fn system(page: &Page, view: &System) -> String {
    let body = live(&Live::Every(5), &body(page, view));
    if page.fragment.as_deref() == Some("live") {
        return body.into_string();
    }
    let main = html! { header.head { h1 { "System" } } (body) };
    shell(page, &Shell { title: "System", place: "/system" }, &main)
}

fn body(page: &Page, view: &System) -> Markup {
    html! {
        @for warning in &view.warnings { p.notice.bad role="alert" { (crate::icon::icon("interrupted")) (crate::text::prose(warning)) } }
        (tiles(page, view))
        div.columns {
            div.wide { (workers(page, view)) (plugins(&view.plugins)) (audit(view)) }
            div.side { (slots(view)) (store(page, view)) (program(page, view)) }
        }
    }
}

fn tiles(page: &Page, view: &System) -> Markup {
    let total: u64 = view.store.iter().map(|part| part.bytes).sum();
    let up = (page.now - view.started_at).max(0) as f64 / 1000.0;
    html! {
        dl.tiles {
            div { dt { "up for" } dd title=(crate::text::rfc3339(view.started_at)) { (duration(up)) } }
            div { dt { "runs at work" } dd { (count(view.n_driven as u64)) } }
            div { dt { "tasks in workers" } dd { (view.slots.used) " of " (view.slots.slots) } }
            div { dt { "memory" } dd { (size(view.memory)) } }
            div { dt { "store" } dd { @if view.store.is_empty() { span.absent { "being counted" } } @else { (size(total)) } } }
            @if view.disk_free > 0 { div { dt { "free on its disk" } dd { (size(view.disk_free)) } } }
        }
    }
}

fn workers(page: &Page, view: &System) -> Markup {
    html! {
        section.card aria-labelledby="workers" { h2 #workers { "Workers" }
            @if view.workers.is_empty() { p.empty { "No worker is alive; the first task starts one." } }
            @else { (scroll("Workers", &html! { table {
                thead { tr { th scope="col" { "process" } th scope="col" { "runs" } th scope="col" { "since" } th.num scope="col" { "memory" } } }
                tbody { @for worker in &view.workers { (worker_row(page, worker)) } }
            } })) }
        }
    }
}

fn worker_row(page: &Page, worker: &WorkerRow) -> Markup {
    let is_idle = worker.task.is_empty();
    html! {
        tr {
            td.mono { (worker.pid) }
            td { @if is_idle { span.absent { "idle" } }
                @else { a href={ "/runs/" (encoded(&worker.run)) "?task=" (encoded(&worker.task)) } { (worker.task) } " " span.id title=(worker.run) { (short_id(&worker.run)) } } }
            td { @if let Some(since) = worker.since.filter(|_| !is_idle) { (when(page.now, since)) } }
            td.num { @if worker.memory > 0 { (size(worker.memory)) } }
        }
    }
}

fn plugins(plugins: &[PluginRow]) -> Markup {
    html! {
        @if !plugins.is_empty() {
            section.card aria-labelledby="plugins" { h2 #plugins { "Packs and plugins" }
                (plugin_table(plugins))
                p.more { a href="/kinds" { "All kinds" } } }
        }
    }
}

/// Packs and plugins, those that could not be loaded with the reason.
pub(super) fn plugin_table(plugins: &[PluginRow]) -> Markup {
    scroll(
        "Packs and plugins",
        &html! { table {
            thead { tr { th scope="col" { "name" } th scope="col" { "version" } th scope="col" { "form" } th.num scope="col" { "kinds" } th scope="col" { "file" } } }
            tbody { @for plugin in plugins { tr {
                th scope="row" { (plugin.name) } td { (plugin.version) } td { (plugin.form) } td.num { (plugin.n_kinds) }
                td { span.mono.sub.path { (plugin.path) } @if !plugin.error.is_empty() { p.problem { "It could not be loaded: " (crate::text::prose(&plugin.error)) } } }
            } } }
        } },
    )
}

fn audit(view: &System) -> Markup {
    html! {
        @if !view.audit.is_empty() {
            section.card aria-labelledby="audit" { h2 #audit { "Audit trail" }
                (scroll("Audit trail", &html! { table.events {
                    thead { tr { th scope="col" { "time" } th scope="col" { "who" } th scope="col" { "did" } th scope="col" { "to" } th scope="col" { "from" } } }
                    tbody { @for row in &view.audit { tr { td { (clock(row.at)) } td { (row.actor) } td { (row.action) } td { (row.target) } td.sub { (row.origin) } } } }
                } })) }
        }
    }
}

fn slots(view: &System) -> Markup {
    html! {
        section.card aria-labelledby="slots" { h2 #slots { "Slots" }
            (pool(&PoolRow { name: "workers".into(), ..view.slots.clone() }))
            @for row in &view.pools { (pool(row)) }
            @if view.pools.is_empty() { p.note { "Pools that all workflows share stand under " code { "[pools]" } " in " code { "sluice.toml" } "." } }
        }
    }
}

fn pool(row: &PoolRow) -> Markup {
    let free = row.slots.saturating_sub(row.used);
    let counts = [(TaskState::Running, row.used as usize), (TaskState::Blocked, free as usize)];
    html! {
        div.pool { p { b { (row.name) } " " span.sub { (count(u64::from(row.used))) " of " (plural(row.slots as usize, "slot")) " in use" } } (shares(&counts)) }
    }
}

fn store(page: &Page, view: &System) -> Markup {
    html! {
        section.card aria-labelledby="store" { h2 #store { "Store" }
            table { tbody { @for part in &view.store { tr { th scope="row" { (part.name) p.sub { (part.detail) } } td.num { (size(part.bytes)) } } } } }
            @if let Some(at) = view.counted_at { p.note { "counted " (when(page.now, at)) } }
            p.note { span.mono.path { (view.folder) } }
            p.note { code { "sluice gc" } " frees what nothing needs" }
        }
    }
}

fn program(page: &Page, view: &System) -> Markup {
    html! {
        section.card aria-labelledby="program" { h2 #program { "Program" }
            dl.params {
                dt { "version" } dd { (view.version) }
                dt { "process" } dd { (view.pid) }
                dt { "started" } dd { (when(page.now, view.started_at)) }
                dt { "viewers" } dd { (view.n_streams) " live" }
                @if !view.addresses.is_empty() { dt { "listens at" } dd { @for address in &view.addresses { code.path { (address) } " " } } }
            }
        }
    }
}
