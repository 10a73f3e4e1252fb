//! Fires of schedules: those to come, and what became of others.

use maud::{Markup, html};

use crate::{
    text::{clock_minute, encoded, short_id, when},
    view::Fire,
};

/// A list of fires, soonest or latest first as they are given.
pub(crate) fn fires(fires: &[Fire], now: i64) -> Markup {
    html! {
        ol.fires {
            @for fire in fires {
                li {
                    (when(now, fire.at))
                    a href={ "/workflows/" (encoded(&fire.workflow)) } { (fire.workflow) }
                    @if fire.decision.is_empty() { span.sub { (clock_minute(fire.at)) } }
                    @else {
                        span.sub { (fire.decision) @if !fire.reason.is_empty() { ": " (fire.reason) } }
                        @if let Some(run) = &fire.run { a.mono href={ "/runs/" (encoded(run)) } { (short_id(run)) } }
                    }
                }
            }
        }
    }
}
