//! `/system`: how the program is.

use maud::{Markup, html};

use crate::{
    part::{Live, Shell, live, shell},
    plot::shares,
    text::{clock, count, encoded, plural, short_id, size, when},
    view::{Page, PoolRow, System, TaskState},
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
    let total: u64 = view.store.iter().map(|part| part.bytes).sum();
    html! {
        @for warning in &view.warnings { p.notice.bad role="alert" { (crate::icon::icon("interrupted")) (warning) } }
        dl.tiles {
            div { dt { "up since" } dd { (when(page.now, view.started_at)) } }
            div { dt { "memory" } dd { (size(view.memory)) } }
            div { dt { "store" } dd { (size(total)) } }
            @if view.disk_free > 0 { div { dt { "free on its disk" } dd { (size(view.disk_free)) } } }
            div { dt { "tasks at a time" } dd { (view.slots.used) " of " (view.slots.slots) } }
            div { dt { "live viewers" } dd { (view.n_streams) } }
        }
        div.columns {
            div.wide {
                section.card aria-labelledby="workers" { h2 #workers { "Workers" }
                    @if view.workers.is_empty() { p.empty { "No worker is alive; the first task starts one." } }
                    @else { table { thead { tr { th scope="col" { "process" } th scope="col" { "does" } th scope="col" { "since" } th.num scope="col" { "memory" } } }
                        tbody { @for worker in &view.workers { tr { td.mono { (worker.pid) }
                            td { @if worker.run.is_empty() { span.absent { "idle" } } @else { a href={ "/runs/" (encoded(&worker.run)) "?task=" (encoded(&worker.task)) } { (worker.task) } " " span.id { (short_id(&worker.run)) } } }
                            td { (when(page.now, worker.since)) } td.num { @if worker.memory > 0 { (size(worker.memory)) } } } } } } } }
                @if !view.audit.is_empty() { section.card aria-labelledby="audit" { h2 #audit { "Audit trail" }
                    table.events { thead { tr { th scope="col" { "time" } th scope="col" { "who" } th scope="col" { "did" } th scope="col" { "to" } th scope="col" { "from" } } }
                        tbody { @for row in &view.audit { tr { td { (clock(row.at)) } td { (row.actor) } td { (row.action) } td { (row.target) } td.sub { (row.origin) } } } } } } }
            }
            div.side {
                section.card aria-labelledby="slots" { h2 #slots { "Slots" } (pool(&PoolRow { name: "tasks at a time".into(), ..view.slots.clone() })) @for row in &view.pools { (pool(row)) } }
                section.card aria-labelledby="store" { h2 #store { "Store" }
                    table { tbody { @for part in &view.store { tr { th scope="row" { (part.name) } td.num { (size(part.bytes)) } td.sub { (part.detail) } } } } }
                    p.note { span.mono { (view.folder) } " · " code { "sluice gc" } " frees what nothing needs" } }
                section.card { h2 { "Program" } dl.params { dt { "version" } dd { (view.version) } dt { "process" } dd { (view.pid) } @if !view.addresses.is_empty() { dt { "listens at" } dd { @for address in &view.addresses { code { (address) } " " } } } } }
            }
        }
    }
}

fn pool(row: &PoolRow) -> Markup {
    let free = row.slots.saturating_sub(row.used);
    let counts = [(TaskState::Running, row.used as usize), (TaskState::Blocked, free as usize)];
    html! {
        div.pool { p { b { (row.name) } " " span.sub { (count(u64::from(row.used))) " of " (count(u64::from(row.slots))) @if row.n_waiting > 0 { ", " (plural(row.n_waiting as usize, "task")) " waiting" } } } (shares(&counts)) }
    }
}
