//! What is not what it was.

use maud::{Markup, html};

use crate::{text::shortened, view::Change};

use super::tables::scroll;

/// A table of names with what was and what is.
pub(crate) fn changes(caption: &str, changes: &[Change]) -> Markup {
    html! {
        @if !changes.is_empty() {
            (scroll(caption, &html! { table.changes {
                caption { (caption) }
                thead { tr { th scope="col" { "what" } th scope="col" { "before" } th scope="col" { "after" } } }
                tbody {
                    @for change in changes {
                        tr {
                            th scope="row" { code { (change.name) } }
                            td { (side(change.before.as_deref(), "new")) }
                            td { (side(change.after.as_deref(), "gone")) }
                        }
                    }
                }
            } }))
        }
    }
}

fn side(value: Option<&str>, absent: &str) -> Markup {
    html! {
        @match value {
            Some(value) => code title=(value) { (shortened(value)) },
            None => span.absent { (absent) },
        }
    }
}
