//! Metrics, and whether a difference is for the better.

use maud::{Markup, html};

use crate::{
    text::{number, plural, signed},
    view::Metric,
};

use super::tables::scroll;

/// Differences that are less than this, and less than this part of the value, are none to look at.
const LITTLE: f64 = 1e-4;
const LITTLE_PART: f64 = 1e-3;

/// A difference from a value with its sign and, when it can be said, whether it is for the better.
pub(crate) fn better(from: f64, to: f64, higher_is_better: Option<bool>) -> Markup {
    let difference = to - from;
    let is_little =
        difference != 0.0 && difference.abs() < LITTLE && difference.abs() < from.abs() * LITTLE_PART;
    let verdict = match higher_is_better {
        Some(higher) if difference != 0.0 && !is_little => Some((difference > 0.0) == higher),
        _ => None,
    };
    let (class, word) = match verdict {
        Some(true) => ("better", "better"),
        Some(false) => ("worse", "worse"),
        None => ("even", ""),
    };
    html! {
        span class={ "delta " (class) } title=(difference) {
            @if is_little { "≈ 0" }
            @else { (if difference > 0.0 { "▲ " } else if difference < 0.0 { "▼ " } else { "" }) (signed(difference)) }
            @if !word.is_empty() { span.sr { " " (word) } }
        }
    }
}

/// Tells whether a metric is a variant of another one, as `recall_macro` is of `recall`.
pub(crate) fn is_variant<'a>(name: &str, all: impl Iterator<Item = &'a str>) -> bool {
    let mut all = all;
    all.any(|other| name.strip_prefix(other).is_some_and(|rest| rest.starts_with('_')))
}

/// Metrics, with the champion's where there is one; variants are folded away.
pub(crate) fn metrics(metrics: &[Metric], champion: &str) -> Markup {
    let names = || metrics.iter().map(|metric| metric.name.as_str());
    let (variants, main): (Vec<_>, Vec<_>) =
        metrics.iter().partition(|metric| is_variant(&metric.name, names()));
    html! {
        @if !metrics.is_empty() {
            (scroll("Metrics", &table("Metrics", &main, champion)))
            @if !variants.is_empty() {
                details.variants { summary { (plural(variants.len(), "more metric")) } (scroll("More metrics", &table("", &variants, champion))) }
            }
        }
    }
}

fn table(caption: &str, metrics: &[&Metric], champion: &str) -> Markup {
    let compares = metrics.iter().any(|metric| metric.champion.is_some());
    html! {
        table.metrics {
            @if caption.is_empty() { caption.sr { "More metrics" } } @else { caption { (caption) } }
            thead { tr { th scope="col" { "metric" } th.num scope="col" { "value" }
                @if compares { th.num scope="col" { (if champion.is_empty() { "champion" } else { champion }) } th.num scope="col" { "difference" } } } }
            tbody {
                @for metric in metrics {
                    tr {
                        th scope="row" { (metric.name) }
                        td.num title=(metric.value) { (number(metric.value)) }
                        @if compares {
                            td.num { @if let Some(champion) = metric.champion { (number(champion)) } }
                            td.num { @if let Some(champion) = metric.champion { (better(champion, metric.value, metric.higher_is_better)) } }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{better, is_variant, metrics};
    use crate::view::Metric;

    #[test]
    fn a_difference_says_whether_it_is_for_the_better() {
        let html = |from, to, higher| better(from, to, higher).into_string();
        assert!(html(0.9, 0.95, Some(true)).contains("class=\"delta better\""));
        assert!(html(0.9, 0.95, Some(false)).contains("class=\"delta worse\""));
        assert!(html(0.9, 0.95, None).contains("class=\"delta even\""));
        assert!(html(0.9, 0.9, Some(true)).contains("±0"));
        assert!(html(0.9957, 0.995_63, Some(true)).contains("≈ 0"));
        // A small value may differ by little and still by much.
        assert!(html(1e-6, 2e-6, Some(false)).contains("worse"));
    }

    #[test]
    fn variants_are_folded_and_none_is_lost() {
        let names = ["f1", "f1_macro", "recall", "roc_auc", "roc_auc_ovr_macro"];
        let variants: Vec<_> = names.into_iter().filter(|name| is_variant(name, names.into_iter())).collect();
        assert_eq!(variants, ["f1_macro", "roc_auc_ovr_macro"]);
        let all: Vec<_> =
            names.iter().map(|name| Metric { name: (*name).into(), ..Metric::default() }).collect();
        let html = metrics(&all, "").into_string();
        assert!(names.iter().all(|name| html.contains(name)) && html.contains("2 more metrics"));
    }
}
