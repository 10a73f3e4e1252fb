//! The graph for Graphviz and Mermaid.

use super::edge_label;
use crate::workflow::{EdgeKind, TaskIdx, Workflow};

/// The graph in Graphviz's language.
pub fn dot(workflow: &Workflow) -> String {
    let mut drawing = format!(
        "digraph \"{}\" {{\n  rankdir = LR;\n  node [shape = box, style = rounded];\n",
        workflow.name
    );
    for task in &workflow.tasks {
        drawing += &format!("  \"{}\" [label = \"{}\\n{}\"];\n", task.name, task.name, task.kind);
    }
    for (before, behind, kind) in workflow.graph().edges() {
        let style = if matches!(kind, EdgeKind::Data { .. }) { "solid" } else { "dashed" };
        let (before, behind) = (&workflow.task(before).name, &workflow.task(behind).name);
        drawing +=
            &format!("  \"{before}\" -> \"{behind}\" [label = \"{}\", style = {style}];\n", edge_label(kind));
    }
    drawing + "}\n"
}

/// The graph in Mermaid's language.
pub fn mermaid(workflow: &Workflow) -> String {
    let mut drawing = String::from("flowchart LR\n");
    for (idx, task) in (0u32..).zip(&workflow.tasks) {
        drawing += &format!("  t{idx}[\"{}<br><small>{}</small>\"]\n", task.name, task.kind);
    }
    for (TaskIdx(before), TaskIdx(behind), kind) in workflow.graph().edges() {
        let arrow = if matches!(kind, EdgeKind::Data { .. }) { "-->" } else { "-.->" };
        let label = edge_label(kind);
        let label = if label.is_empty() { String::new() } else { format!("|{label}|") };
        drawing += &format!("  t{before} {arrow}{label} t{behind}\n");
    }
    drawing
}
