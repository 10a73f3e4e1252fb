//! Rows of bars: last outcomes, shares of states, activity.

use maud::{Markup, html};

use crate::{
    text::{duration, encoded, relative},
    view::{Activity, OutcomeBar, RunState, TaskState},
};

use super::scale::px;

/// Bars of a row, so that those of several rows stand below each other.
const N_BARS: usize = 30;

/// The last runs as bars, in a row of as many as there could be: see [`outcome_bars`].
pub(crate) fn outcomes(bars: &[OutcomeBar], now: i64) -> Markup {
    outcome_bars(bars, N_BARS, now)
}

/// The last runs as bars: as high as they took long (by the root, so that short ones can be seen), marked below when they ended badly.
pub(crate) fn outcome_bars(bars: &[OutcomeBar], n_places: usize, now: i64) -> Markup {
    const PITCH: usize = 7;
    const HEIGHT: f64 = 24.0;
    let longest = bars.iter().map(|bar| bar.seconds).fold(0.0, f64::max);
    let n_bad = bars.iter().filter(|bar| matches!(bar.state, RunState::Failed | RunState::Rejected)).count();
    let label = format!("last {} runs, {n_bad} failed or rejected", bars.len());
    html! {
        svg.outcomes width=(n_places * PITCH) height="32" viewBox=(format!("0 0 {} 32", n_places * PITCH)) role="group" aria-label=(label) {
            @for (place, bar) in bars.iter().enumerate() {
                @let share = if longest > 0.0 { (bar.seconds.max(0.0) / longest).sqrt() } else { 1.0 };
                @let height = 4.0 + share * (HEIGHT - 4.0);
                @let x = (n_places.saturating_sub(bars.len()) + place) * PITCH;
                a href={ "/runs/" (encoded(&bar.run)) } class={ "s-" (bar.state.word()) } {
                    title { (bar.state.word()) ", " (duration(bar.seconds)) ", " (relative(now, bar.at)) }
                    rect x=(x) width="5" y=(px(HEIGHT - height)) height=(px(height)) rx="1" {}
                    @match bar.state {
                        RunState::Failed | RunState::Interrupted => path d=(format!("M{} 26l2.7 2.7-2.7 2.7-2.7-2.7z", px(x as f64 + 2.5))) {},
                        RunState::Rejected => rect x=(px(x as f64 + 0.5)) y="26.5" width="4" height="4" {},
                        _ => {},
                    }
                }
            }
        }
    }
}

/// How many tasks are in which state, as one bar and in words.
pub(crate) fn shares(counts: &[(TaskState, usize)]) -> Markup {
    let all: usize = counts.iter().map(|(_, n)| n).sum();
    let words: Vec<_> = counts.iter().map(|(state, n)| format!("{n} {}", state.word())).collect();
    let mut at = 0.0;
    let spans: Vec<_> = counts
        .iter()
        .map(|(state, n)| {
            let width = 1000.0 * *n as f64 / all.max(1) as f64;
            at += width;
            (*state, at - width, width)
        })
        .collect();
    html! {
        svg.shares viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label=(words.join(", ")) {
            @for (state, x, width) in spans {
                rect class={ "s-" (state.word()) } x=(px(x)) width=(px((width - 2.0).max(1.0))) height="10" {}
            }
        }
    }
}

/// Runs by hour or day.
pub(crate) fn activity(spans: &[Activity], now: i64) -> Markup {
    let all = |span: &Activity| span.n_succeeded + span.n_rejected + span.n_failed + span.n_cancelled;
    let most = spans.iter().map(all).max().unwrap_or(0).max(1);
    let total: u32 = spans.iter().map(all).sum();
    let (width, height) = (spans.len() * 10, 72.0);
    html! {
        svg.activity viewBox=(format!("0 0 {width} {height}")) preserveAspectRatio="none" role="img"
            aria-label=(format!("{total} runs ended, {most} at most at a time")) {
            @for (place, span) in spans.iter().enumerate() {
                @let counts = [
                    (RunState::Succeeded, span.n_succeeded), (RunState::Rejected, span.n_rejected),
                    (RunState::Failed, span.n_failed), (RunState::Cancelled, span.n_cancelled),
                ];
                g {
                    title { (relative(now, span.at)) ": " (all(span)) " runs" @for (state, n) in counts { @if n > 0 { ", " (n) " " (state.word()) } } }
                    rect.ground x=(place * 10) width="10" height=(height) {}
                    @for (state, from, to) in stacked(counts) {
                        rect class={ "s-" (state.word()) } x=(place * 10 + 1) width="8"
                            y=(px(height - f64::from(to) / f64::from(most) * (height - 2.0)))
                            height=(px(f64::from(to - from) / f64::from(most) * (height - 2.0))) {}
                    }
                }
            }
        }
    }
}

/// What is there, each on top of what was before.
fn stacked(counts: [(RunState, u32); 4]) -> Vec<(RunState, u32, u32)> {
    let mut below = 0;
    let on_top = |(state, n)| {
        below += n;
        (state, below - n, below)
    };
    counts.into_iter().filter(|(_, n)| *n > 0).map(on_top).collect()
}
