//! The graph as text: layer by layer, each task with what it waits for.

use crate::workflow::Workflow;

/// The graph as text.
pub fn text(workflow: &Workflow) -> String {
    let graph = workflow.graph();
    let width = workflow.tasks.iter().map(|task| task.name.chars().count()).max().unwrap_or(0);
    let kinds = workflow.tasks.iter().map(|task| task.kind.chars().count()).max().unwrap_or(0);
    let mut drawing = format!("{}\n", workflow.name);
    for (number, layer) in graph.layers().iter().enumerate() {
        for (at, idx) in layer.iter().enumerate() {
            let task = workflow.task(*idx);
            let before: Vec<_> =
                graph.upstream(*idx).iter().map(|up| workflow.task(*up).name.as_str()).collect();
            let lead = if at == 0 { format!("{:>3}", number + 1) } else { "   ".into() };
            let arrow = if before.is_empty() { String::new() } else { format!("  <- {}", before.join(", ")) };
            let line = format!("{lead}  {:<width$}  {:<kinds$}{arrow}", task.name, task.kind);
            drawing += line.trim_end();
            drawing.push('\n');
        }
    }
    drawing
}
