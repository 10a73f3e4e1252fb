//! Residuals of a regression over its predictions.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::text::{count, number};

use super::scale::{Scale, extent};

/// More rows than this are thinned evenly.
const MOST_POINTS: usize = 500;

/// Residuals (true minus predicted) of `(true, predicted)` pairs.
pub(crate) fn residuals(pairs: &[(f64, f64)]) -> Markup {
    let pairs: Vec<_> = pairs.iter().filter(|pair| pair.0.is_finite() && pair.1.is_finite()).collect();
    let Some((low, high)) = extent(pairs.iter().map(|pair| pair.1)) else { return Markup::default() };
    let Some((worst, _)) = extent(pairs.iter().map(|pair| -(pair.0 - pair.1).abs())) else {
        return Markup::default();
    };
    let step = pairs.len().div_ceil(MOST_POINTS);
    let (x, y) = (Scale::new(low, high, 56.0, 346.0), Scale::new(worst, -worst, 204.0, 10.0));
    let mut dots = String::new();
    for pair in pairs.iter().step_by(step) {
        // A line without length and with round ends is a dot, and a path of them is a tenth of as many circles.
        let _ = write!(dots, "M{} {}h0", x.px(pair.1), y.px(pair.0 - pair.1));
    }
    let label = format!("residuals of {} rows, the largest is {}", pairs.len(), number(-worst));
    html! {
        figure.plot {
            figcaption { "Residuals" span.sub { "true minus predicted"
                @if step > 1 { "; one in " (step) " of " (count(pairs.len() as u64)) " rows" } } }
            svg viewBox="0 0 354 240" width="354" height="240" role="img" aria-label=(label) {
                path.grid d="M56 10V204M56 10H346M56 204H346" {}
                path.chance d=(format!("M56 {0}H346", y.px(0.0))) {}
                path.dots d=(dots) {}
                text.tick x="50" y="14" text-anchor="end" { (number(-worst)) }
                text.tick x="50" y=(y.px(0.0)) dy="4" text-anchor="end" { "0" }
                text.tick x="50" y="206" text-anchor="end" { (number(worst)) }
                text.tick x="56" y="219" { (number(low)) }
                text.tick x="346" y="219" text-anchor="end" { (number(high)) }
                text.tick x="201" y="235" text-anchor="middle" { "predicted" }
            }
        }
    }
}
