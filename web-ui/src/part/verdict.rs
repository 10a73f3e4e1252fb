//! What a gate said, line by line.

use maud::{Markup, html};

use crate::{
    icon::{badge_as, icon},
    text::{number, prose},
    view::{Decision, Verdict},
};

/// The decision, and each requirement with what was asked and what was seen.
pub(crate) fn verdict(verdict: &Verdict) -> Markup {
    let word = match verdict.decision {
        Decision::Pass => "The gate is open: every requirement is met.",
        Decision::Reject => "The gate stays shut: a requirement is not met.",
        Decision::Insufficient => "The gate stays shut: there is too little evidence.",
    };
    html! {
        div class={ "verdict s-" (verdict.decision.look().word()) } {
            p.decision { (icon(verdict.decision.look().word())) (word) }
            table {
                caption.sr { "Requirements" }
                thead { tr { th scope="col" { "requirement" } th scope="col" { "asked" } th.num scope="col" { "seen" } th.num scope="col" { "champion" } th scope="col" { "why" } } }
                tbody {
                    @for line in &verdict.requirements {
                        tr {
                            th scope="row" { (badge_as(line.decision.look().word(), line.decision.word())) " " (line.metric) }
                            td { (line.asked) }
                            td.num { @match line.seen { Some(seen) => (number(seen)), None => span.absent { "not reported" } } }
                            td.num { @if let Some(champion) = line.champion { (number(champion)) } }
                            td.reason { (prose(&line.reason)) }
                        }
                    }
                }
            }
        }
    }
}
