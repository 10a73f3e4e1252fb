//! What a person should see first: what failed, what a gate said no to, what nobody knows.

use maud::{Markup, html};

use crate::{
    ansi,
    icon::badge,
    part::{Action, action, verdict},
    text::{encoded, plural, prose},
    view::{FailedTask, Page, RunPage, RunTask, TaskState},
};

use super::link::Links;

/// So many are shown; the rest is counted.
const MOST: usize = 6;

pub(super) fn attention(page: &Page, view: &RunPage, links: &Links<'_>) -> Markup {
    let is_shown = |task: &&RunTask| task.state.is_trouble() && task.item_of.is_none();
    let n = view.tasks.iter().filter(is_shown).count();
    html! {
        @if n > 0 {
            section.attention aria-labelledby="attention-title" {
                h2.sr #attention-title { "What needs attention" }
                @for task in view.tasks.iter().filter(is_shown).take(MOST) {
                    div class={ "case s-" (task.state.word()) } {
                        p { (badge(task.state.word())) a.case-task href=(links.task(&task.name)) data-panel { (task.name) } span.case-why { (prose(&task.remark)) } }
                        @if let Some(failed) = view.failed.iter().find(|failed| failed.task == task.name) { (story(view, failed)) }
                        @if let Some((_, found)) = view.verdicts.iter().find(|(gate, _)| *gate == task.name) { (verdict(found)) }
                        @if task.state == TaskState::Unknown { (resolve(page, &view.row.id, &task.name)) }
                    }
                }
                @if n > MOST { p.note { "and " (plural(n - MOST, "more task")) } }
            }
        }
    }
}

/// What to do about a task that failed, and how its log ends.
fn story(view: &RunPage, failed: &FailedTask) -> Markup {
    let log = format!("/runs/{}/tasks/{}/log", encoded(&view.row.id), encoded(&failed.task));
    html! {
        @for hint in &failed.hints { p.hint { (prose(hint)) } }
        @if !failed.log.is_empty() {
            pre.tail aria-label={ "The end of the log of " (failed.task) } { code { (ansi::to_html(&failed.log)) } }
            p.more { a href=(log) { "Whole log" } }
        }
    }
}

/// A person says what became of a task that must not happen twice.
pub(super) fn resolve(page: &Page, run: &str, task: &str) -> Markup {
    let address = format!("/runs/{}/tasks/{}/resolve", encoded(run), encoded(task));
    let choice = |label, value| {
        action(
            page,
            &Action {
                address: &address,
                label,
                help: "",
                confirm: "Only you can know. Is it so?",
                fields: &[("as", value)],
            },
        )
    };
    html! {
        div.actions { span { "What became of it?" }
            (choice("It succeeded", "succeeded")) (choice("It failed", "failed")) (choice("It did not happen: try again", "retry")) }
    }
}
