//! `/schedules`: what starts when, and what became of it.

use maud::{Markup, html};

use crate::{
    icon::icon,
    part::{Action, Live, Shell, action, empty, fires, live, shell},
    text::{clock_minute, encoded, when},
    view::{Page, ScheduleRow, Schedules},
};

/// `/schedules`. Part: `live`.
pub fn schedules(page: &Page, view: &Schedules) -> String {
    let body = live(&Live::Every(15), &body(page, view));
    if page.fragment.as_deref() == Some("live") {
        return body.into_string();
    }
    let main = html! { header.head { h1 { "Schedules" } } (body) };
    shell(page, &Shell { title: "Schedules", place: "/schedules" }, &main)
}

fn body(page: &Page, view: &Schedules) -> Markup {
    html! {
        @if view.rows.is_empty() {
            (empty("No workflow has a schedule. This in a workflow's file starts it every night:", "[schedule]\ncron     = \"0 3 * * *\"\ntimezone = \"Europe/Berlin\""))
        } @else {
            div.columns {
                div.wide { div.card { table.schedules { caption.sr { "Schedules" }
                    thead { tr { th scope="col" { "Workflow" } th scope="col" { "When" } th scope="col" { "Next" } th scope="col" { "Last" } th scope="col" { span.sr { "Actions" } } } }
                    tbody { @for row in &view.rows { (schedule(page, row)) } } } } }
                div.side { section.card aria-labelledby="upcoming" { h2 #upcoming { "Coming up" }
                    @if view.upcoming.is_empty() { p.empty { "Nothing is due." } } @else { (fires(&view.upcoming, page.now)) }
                    p.note { "What a schedule will do, fire by fire: " code { "sluice schedule simulate" } } } }
            }
        }
    }
}

/// Tells whether what fires it is worth a word: a cron line speaks for itself.
fn has_kind(row: &ScheduleRow) -> bool {
    row.trigger != "cron" && !row.trigger.is_empty()
}

fn schedule(page: &Page, row: &ScheduleRow) -> Markup {
    let (what, label, help) = if row.is_paused {
        ("resume", "Resume", "Lets it fire again")
    } else {
        ("pause", "Pause", "Lets it fire no more until someone resumes it")
    };
    html! {
        tr {
            td.main { a.row href={ "/workflows/" (encoded(&row.workflow)) } { (row.workflow) } p.sub { (row.name) @if !row.name.is_empty() && has_kind(row) { ", " } @if has_kind(row) { (row.trigger) } } }
            td { code { (row.expression) } p.sub { (row.words) @if !row.timezone.is_empty() { " " (row.timezone) } }
                p.sub { @if !row.overlap.is_empty() { "overlap " (row.overlap) } @if !row.catch_up.is_empty() { ", catch up " (row.catch_up) } } }
            td { @if row.is_paused { span.badge.s-paused { (icon("paused")) "paused" } p.sub { (row.pause_reason) } }
                @else { @for (at, next) in row.next.iter().take(3).enumerate() { @if at == 0 { p { (when(page.now, *next)) } } @else { p.sub { (clock_minute(*next)) } } } } }
            td { @for fire in row.last.iter().take(3) { p.sub { (when(page.now, fire.at)) " "
                @match &fire.run { Some(run) => a href={ "/runs/" (encoded(run)) } { (fire.decision) }, None => span title=(fire.reason) { (fire.decision) } } } } }
            td { (action(page, &Action { address: &format!("/schedules/{}/{what}", encoded(&row.id)), label, help, confirm: "", fields: &[("reason", "")] })) }
        }
    }
}
