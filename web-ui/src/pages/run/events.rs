//! The events of a run, newest first.

use maud::{Markup, html};

use crate::{
    text::{clock, count},
    view::RunPage,
};

use super::link::Links;

pub(super) fn events(view: &RunPage, links: &Links<'_>) -> Markup {
    html! {
        @if !view.events.is_empty() {
            details.card #events {
                summary { h2 { "Events" span.sub { " " (count(view.n_events)) @if (view.events.len() as u64) < view.n_events { ", the last " (view.events.len()) " are shown" } } } }
                div.scroll tabindex="0" role="region" aria-label="Events" {
                    table.events {
                        thead { tr { th.num scope="col" { "number" } th scope="col" { "time" } th scope="col" { "event" } th scope="col" { "task" } th scope="col" { "detail" } } }
                        tbody {
                            @for event in &view.events {
                                tr {
                                    td.num { (event.seq) }
                                    td { (clock(event.at)) }
                                    td { (event.what) }
                                    td { @if !event.task.is_empty() { a href=(links.task(&event.task)) data-panel { (event.task) } } }
                                    td { (event.detail) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
