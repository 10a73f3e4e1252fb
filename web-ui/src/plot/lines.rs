//! How runs of a workflow developed: a metric, or their durations, over the runs.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::{
    text::{duration, encoded, number, relative},
    view::{TrendRun, TrendSeries},
};

use super::scale::{Scale, extent};

const WIDTH: f64 = 350.0;
const HEIGHT: f64 = 110.0;
const LEFT: f64 = 58.0;

/// The durations of runs, as bars in the colour of their state.
pub(crate) fn trend_durations(runs: &[TrendRun], now: i64) -> Markup {
    let longest = runs.iter().map(|run| run.seconds).fold(0.0, f64::max);
    let y = Scale::new(0.0, longest, HEIGHT - 8.0, 10.0);
    let pitch = (WIDTH - LEFT - 6.0) / runs.len().max(1) as f64;
    html! {
        figure.plot.trend {
            figcaption { "Duration" span.sub { @if let Some(last) = runs.last() { "last " b { (duration(last.seconds)) } } } }
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="group" aria-label=(format!("durations of {} runs, the longest {}", runs.len(), duration(longest))) {
                (frame(&duration(longest), "0"))
                @for (place, run) in runs.iter().enumerate() {
                    @let left = LEFT + place as f64 * pitch;
                    a href={ "/runs/" (encoded(&run.run)) } class={ "s-" (run.state.word()) } {
                        title { (run.state.word()) ", " (duration(run.seconds)) ", " (relative(now, run.at)) }
                        path d=(format!("M{0:.1} {1}V{2}h{3:.1}V{1}z", left + pitch * 0.12, px(HEIGHT - 8.0), y.px(run.seconds.max(longest * 0.02)), pitch * 0.76)) {}
                    }
                }
            }
        }
    }
}

/// A metric over runs, as a line with gaps where a run did not report it.
pub(crate) fn trend_metric(series: &TrendSeries, runs: &[TrendRun], now: i64) -> Markup {
    let known: Vec<(usize, f64)> = series
        .values
        .iter()
        .enumerate()
        .filter_map(|(place, value)| Some((place, (*value)?)))
        .filter(|(_, value)| value.is_finite())
        .collect();
    let Some((least, most)) = extent(known.iter().map(|(_, value)| *value)) else { return Markup::default() };
    let y = Scale::new(least, most, HEIGHT - 12.0, 12.0);
    let x = Scale::new(-0.5, runs.len() as f64 - 0.5, LEFT, WIDTH - 6.0);
    let mut path = String::new();
    for (at, (place, value)) in known.iter().enumerate() {
        let joins = at > 0 && known[at - 1].0 + 1 == *place;
        let _ = write!(path, "{}{} {}", if joins { 'L' } else { 'M' }, x.px(*place as f64), y.px(*value));
    }
    let last = known.last().map(|(_, value)| number(*value)).unwrap_or_default();
    html! {
        figure.plot.trend {
            figcaption { (series.metric) span.sub { (series.task) ", last " b { (last) } } }
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="group"
                aria-label=(format!("{} of {} over {} runs, from {} to {}", series.metric, series.task, known.len(), number(least), number(most))) {
                (frame(&number(most), &number(least)))
                path.curve d=(path) {}
                @for (place, value) in &known {
                    @if let Some(run) = runs.get(*place) {
                        a href={ "/runs/" (encoded(&run.run)) } class={ "s-" (run.state.word()) } {
                            title { (number(*value)) ", run " (run.state.word()) ", " (relative(now, run.at)) }
                            circle cx=(x.px(*place as f64)) cy=(y.px(*value)) r="3.2" {}
                        }
                    }
                }
            }
        }
    }
}

fn frame(most: &str, least: &str) -> Markup {
    html! {
        path.grid d=(format!("M{LEFT} 10H{0}M{LEFT} {1}H{0}", WIDTH - 4.0, HEIGHT - 8.0)) {}
        text.tick x=(LEFT - 6.0) y="14" text-anchor="end" { (most) }
        text.tick x=(LEFT - 6.0) y=(HEIGHT - 5.0) text-anchor="end" { (least) }
    }
}

fn px(value: f64) -> String {
    super::scale::px(value)
}
