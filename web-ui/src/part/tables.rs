//! Small pieces: empty states, previews of tables.

use maud::{Markup, html};

use crate::{
    text::{count, prose, short_cell},
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
            thead { tr { @for (at, column) in table.columns.iter().enumerate() { th.num[is_number(table, at)] scope="col" { (column.name) small { (column.value) } } } } }
            tbody {
                @for row in &table.rows {
                    tr { @for (at, cell) in row.iter().enumerate() { td.num[is_number(table, at)] title=[cell.as_ref().filter(|text| text.len() > 10)] { @match cell {
                        Some(text) => (short_cell(text)),
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

fn is_number(table: &TablePreview, column: usize) -> bool {
    let is = |kind: &str| {
        ["int", "uint", "float", "decimal"].iter().any(|prefix| kind.to_lowercase().starts_with(prefix))
    };
    table.columns.get(column).is_some_and(|column| is(&column.value))
}
