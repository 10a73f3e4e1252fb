//! The graph of a plan: which tasks go before which.

use sluicegate_web::view::Edge;

use crate::workflow::{TaskIdx, Workflow};

/// Which tasks go before which; hooks stand apart.
pub(super) fn edges(workflow: &Workflow) -> Vec<Edge> {
    let graph = workflow.graph();
    let mut edges = Vec::new();
    for (to, task) in workflow.tasks.iter().enumerate().filter(|(_, task)| task.hook.is_none()) {
        let _ = task;
        let idx = TaskIdx(u32::try_from(to).unwrap_or(u32::MAX));
        let before = graph.upstream(idx).into_iter().filter(|up| workflow.task(*up).hook.is_none());
        edges.extend(before.map(|up| Edge { from: up.0 as usize, to }));
    }
    edges
}
