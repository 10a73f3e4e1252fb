//! Small pieces: empty states, previews of tables.

use maud::{Markup, html};

use crate::{
    text::{clipped, count, prose},
    view::TablePreview,
};

/// What to do where there is nothing yet.
pub(crate) fn empty(text: &str, command: &str) -> Markup {
    html! {
        div.empty {
            p { (prose(text)) }
            @if !command.is_empty() { pre.command { code { (command) } } }
        }
    }
}

/// A wide table scrolls by itself, also by keyboard.
pub(crate) fn scroll(label: &str, table: &Markup) -> Markup {
    html! { div.scroll tabindex="0" role="region" aria-label=(label) { (table) } }
}

/// The first rows of a table.
pub(crate) fn preview(label: &str, table: &TablePreview) -> Markup {
    let body = html! {
        table.preview {
            thead { tr { @for column in &table.columns { th scope="col" { (column.name) small { (column.value) } } } } }
            tbody {
                @for row in &table.rows {
                    tr { @for cell in row { td { @match cell {
                        Some(text) => (clipped(text, 80)),
                        None => span.absent { "missing" },
                    } } } }
                }
            }
        }
    };
    html! {
        (scroll(label, &body))
        p.note { (count(table.n_rows)) " rows, " (table.columns.len()) " columns" @if (table.rows.len() as u64) < table.n_rows { "; the first " (table.rows.len()) " are shown" } }
    }
}
