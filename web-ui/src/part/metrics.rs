//! Metrics, and whether a difference is for the better.

use maud::{Markup, html};

use crate::{
    text::{number, signed},
    view::Metric,
};

/// A difference with its sign and, when it can be said, whether it is for the better.
pub(crate) fn better(difference: f64, higher_is_better: Option<bool>) -> Markup {
    let verdict = match higher_is_better {
        Some(higher) if difference != 0.0 => Some((difference > 0.0) == higher),
        _ => None,
    };
    let (class, word) = match verdict {
        Some(true) => ("better", "better"),
        Some(false) => ("worse", "worse"),
        None => ("same", ""),
    };
    html! {
        span class={ "delta " (class) } {
            (if difference > 0.0 { "▲ " } else if difference < 0.0 { "▼ " } else { "" }) (signed(difference))
            @if !word.is_empty() { span.sr { " " (word) } }
        }
    }
}

/// Metrics, with the champion's where there is one.
pub(crate) fn metrics(metrics: &[Metric], champion: &str) -> Markup {
    let compares = metrics.iter().any(|metric| metric.champion.is_some());
    html! {
        @if !metrics.is_empty() {
            table.metrics {
                caption { "Metrics" }
                thead { tr { th scope="col" { "metric" } th.num scope="col" { "value" }
                    @if compares { th.num scope="col" { (if champion.is_empty() { "champion" } else { champion }) } th.num scope="col" { "difference" } } } }
                tbody {
                    @for metric in metrics {
                        tr {
                            th scope="row" { (metric.name) }
                            td.num title=(metric.value) { (number(metric.value)) }
                            @if compares {
                                td.num { @if let Some(champion) = metric.champion { (number(champion)) } }
                                td.num { @if let Some(champion) = metric.champion { (better(metric.value - champion, metric.higher_is_better)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
