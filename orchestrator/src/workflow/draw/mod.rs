//! A workflow's graph as text, Graphviz, Mermaid and SVG.

mod layout;
mod markup;
mod svg;
mod text;

pub use markup::{dot, mermaid};
pub use svg::svg;
pub use text::text;

use super::EdgeKind;

/// What stands at an edge: the output's name, when it is not the only one that matters.
fn edge_label(kind: &EdgeKind) -> &str {
    match kind {
        EdgeKind::Data { from, .. } => from,
        EdgeKind::Order => "",
        EdgeKind::Mention => "value",
    }
}
