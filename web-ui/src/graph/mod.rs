//! The graph of a workflow or a run: folded to what one can look at, laid out in layers, drawn as SVG.

mod draw;
mod fold;
mod layout;

pub(crate) use draw::{Node, draw, legend};
pub(crate) use fold::{Foldable, Group, fold};
