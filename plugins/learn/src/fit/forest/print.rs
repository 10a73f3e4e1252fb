//! A tree as text for people and as a graph for Graphviz.

use std::fmt::Write;

use super::grown::GrownNode;
use super::tree::DecisionTree;

/// What the columns and classes are called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TreeNames<'a> {
    /// The name of each column.
    pub(crate) columns: &'a [String],
    /// The name of each class; empty for a tree that predicts values.
    pub(crate) classes: &'a [String],
}

impl DecisionTree {
    /// The tree as indented text: two lines for each split, the prediction after the condition that leads to a leaf.
    pub(crate) fn print_tree(&self, names: TreeNames<'_>) -> String {
        let mut text = String::new();
        let nodes = &self.grown().nodes;
        let Some(root) = nodes.first() else { return text };
        if root.is_leaf() {
            return format!("{}\n", self.leaf_text(root, names));
        }
        let mut pending = vec![(0, 0, false), (0, 0, true)];
        while let Some((parent, depth, is_left)) = pending.pop() {
            let parent: &GrownNode = &nodes[parent];
            let child = parent.first_child as usize + usize::from(!is_left);
            let node = &nodes[child];
            let condition = self.condition(parent, is_left, names);
            let prediction =
                if node.is_leaf() { format!(": {}", self.leaf_text(node, names)) } else { String::new() };
            writeln!(text, "{:indent$}{condition}{prediction}", "", indent = 4 * depth)
                .expect("a string takes any text");
            if !node.is_leaf() {
                pending.extend([(child, depth + 1, false), (child, depth + 1, true)]);
            }
        }
        text
    }

    /// The tree as a graph in Graphviz's language.
    pub(crate) fn to_dot(&self, names: TreeNames<'_>) -> String {
        let mut text =
            String::from("digraph tree {\n    node [shape=box, style=rounded, fontname=\"sans-serif\"];\n");
        for (idx, node) in self.grown().nodes.iter().enumerate() {
            let label = if node.is_leaf() {
                self.leaf_text(node, names)
            } else {
                format!("{}\n{}", self.condition(node, true, names), rows_text(node))
            };
            let label = label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            writeln!(text, "    {idx} [label=\"{label}\"];").expect("a string takes any text");
            if !node.is_leaf() {
                let child = node.first_child;
                writeln!(
                    text,
                    "    {idx} -> {child} [label=\"yes\"];\n    {idx} -> {} [label=\"no\"];",
                    child + 1
                )
                .expect("a string takes any text");
            }
        }
        text.push_str("}\n");
        text
    }

    fn condition(&self, node: &GrownNode, is_left: bool, names: TreeNames<'_>) -> String {
        let name = names.columns.get(node.column as usize).map_or("?", String::as_str);
        let missing_may_come = self.has_missing(node.column);
        let takes_missing = missing_may_come && node.missing_goes_left == is_left;
        // Beyond every number: the split only asks whether the value is there.
        if node.threshold >= f64::MAX {
            return format!("{name} is {}", if is_left { "present" } else { "missing" });
        }
        let sign = if is_left { "<=" } else { ">" };
        let missing = if takes_missing { " or missing" } else { "" };
        format!("{name} {sign} {}{missing}", number(node.threshold))
    }

    fn leaf_text(&self, node: &GrownNode, names: TreeNames<'_>) -> String {
        let value = self.grown().value(node);
        if names.classes.is_empty() {
            return format!("{} ({})", number(value[0]), rows_text(node));
        }
        let mut class = 0;
        for (idx, share) in value.iter().enumerate() {
            if *share > value[class] {
                class = idx;
            }
        }
        let name = names.classes.get(class).map_or("?", String::as_str);
        format!("{name} ({:.1} % of {})", 100.0 * value[class], rows_text(node))
    }
}

fn rows_text(node: &GrownNode) -> String {
    if node.n_rows == 1 { "1 row".into() } else { format!("{} rows", node.n_rows) }
}

/// A number with six significant digits, more than anybody compares by eye.
fn number(value: f64) -> String {
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    let magnitude = rounded.abs();
    if magnitude == 0.0 || (1e-4..1e15).contains(&magnitude) {
        format!("{rounded}")
    } else {
        format!("{rounded:e}")
    }
}
