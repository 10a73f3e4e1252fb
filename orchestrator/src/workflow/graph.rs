//! The graph of a workflow's tasks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use petgraph::{
    Direction,
    algo::kosaraju_scc,
    graph::{DiGraph, NodeIndex},
};

use super::{TaskIdx, Workflow};

/// Why one task comes before another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EdgeKind {
    /// An output feeds an input.
    Data {
        /// The output.
        from: String,
        /// The input.
        to: String,
    },
    /// `needs`.
    Order,
    /// An expression names the task.
    Mention,
}

/// The graph of a workflow's tasks. Edges point from a task to those that come after it.
#[derive(Clone, Debug)]
pub struct TaskGraph {
    graph: DiGraph<TaskIdx, EdgeKind>,
    hooks: Vec<TaskIdx>,
}

fn node(task: TaskIdx) -> NodeIndex {
    NodeIndex::new(task.0 as usize)
}

impl TaskGraph {
    /// Builds the graph.
    pub(super) fn new(workflow: &Workflow) -> Self {
        let mut graph = DiGraph::with_capacity(workflow.tasks.len(), workflow.tasks.len());
        for idx in (0u32..).map(TaskIdx).take(workflow.tasks.len()) {
            graph.add_node(idx);
        }
        // A hook waits for the whole run, not for the tasks that it mentions.
        let tasks = (0u32..).map(TaskIdx).zip(&workflow.tasks).filter(|(_, task)| task.hook.is_none());
        for (idx, task) in tasks {
            for (port, from) in &task.inputs {
                let kind = EdgeKind::Data { from: from.port.clone(), to: port.clone() };
                graph.add_edge(node(from.task), node(idx), kind);
            }
            for need in &task.needs {
                graph.add_edge(node(*need), node(idx), EdgeKind::Order);
            }
            for mention in &task.mentions {
                graph.add_edge(node(*mention), node(idx), EdgeKind::Mention);
            }
        }
        let hooks = (0u32..).map(TaskIdx).zip(&workflow.tasks).filter(|(_, task)| task.hook.is_some());
        Self { graph, hooks: hooks.map(|(idx, _)| idx).collect() }
    }

    fn neighbours(&self, task: TaskIdx, direction: Direction) -> Vec<TaskIdx> {
        let mut found: Vec<_> =
            self.graph.neighbors_directed(node(task), direction).map(|next| self.graph[next]).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Tasks directly before a task, in the order of the file.
    pub fn upstream(&self, task: TaskIdx) -> Vec<TaskIdx> {
        self.neighbours(task, Direction::Incoming)
    }

    /// Tasks directly behind a task, in the order of the file.
    fn downstream(&self, task: TaskIdx) -> Vec<TaskIdx> {
        self.neighbours(task, Direction::Outgoing)
    }

    /// Every edge: before, behind, why.
    pub fn edges(&self) -> impl Iterator<Item = (TaskIdx, TaskIdx, &EdgeKind)> {
        self.graph
            .raw_edges()
            .iter()
            .map(|edge| (self.graph[edge.source()], self.graph[edge.target()], &edge.weight))
    }

    /// All tasks, each after those before it; otherwise in the order of the file. Tasks on a cycle are left out.
    pub fn order(&self) -> Vec<TaskIdx> {
        let mut n_missing: Vec<usize> =
            self.graph.node_indices().map(|idx| self.upstream(self.graph[idx]).len()).collect();
        let mut ready: BTreeSet<TaskIdx> =
            self.graph.node_weights().copied().filter(|task| n_missing[task.0 as usize] == 0).collect();
        let mut order = Vec::with_capacity(n_missing.len());
        while let Some(task) = ready.pop_first() {
            order.push(task);
            for next in self.downstream(task) {
                let missing = &mut n_missing[next.0 as usize];
                *missing -= 1;
                if *missing == 0 {
                    ready.insert(next);
                }
            }
        }
        order
    }

    /// Tasks by the length of the longest way to them; hooks, which come when all others are at their end, are the last layer.
    pub fn layers(&self) -> Vec<Vec<TaskIdx>> {
        let mut layer_of = vec![0; self.graph.node_count()];
        let mut layers: Vec<Vec<TaskIdx>> = Vec::new();
        for task in self.order().into_iter().filter(|task| !self.hooks.contains(task)) {
            let layer = self.upstream(task).iter().map(|up| layer_of[up.0 as usize] + 1).max().unwrap_or(0);
            layer_of[task.0 as usize] = layer;
            if layers.len() <= layer {
                layers.push(Vec::new());
            }
            layers[layer].push(task);
        }
        if !self.hooks.is_empty() {
            layers.push(self.hooks.clone());
        }
        layers
    }

    /// One cycle out of every knot of the graph, each as the tasks along it, beginning with the first in the file.
    pub fn cycles(&self) -> Vec<Vec<TaskIdx>> {
        if self.order().len() == self.graph.node_count() {
            return Vec::new();
        }
        // Unlike Tarjan's, Kosaraju's algorithm needs no recursion, which a long chain would take too deep.
        let mut cycles: Vec<_> = kosaraju_scc(&self.graph)
            .into_iter()
            .filter(|knot| knot.len() > 1 || self.graph.contains_edge(knot[0], knot[0]))
            .map(|knot| self.shortest_cycle(&knot.into_iter().map(|idx| self.graph[idx]).collect()))
            .collect();
        cycles.sort_unstable();
        cycles
    }

    /// The shortest way from the first task of a knot back to itself, breadth first.
    fn shortest_cycle(&self, knot: &BTreeSet<TaskIdx>) -> Vec<TaskIdx> {
        let start = knot.first().copied().unwrap_or(TaskIdx(0));
        let mut before = BTreeMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(task) = queue.pop_front() {
            for next in self.downstream(task) {
                if next == start {
                    let mut path = vec![task];
                    while let Some(previous) = before.get(path.last().expect("it is never empty")) {
                        path.push(*previous);
                    }
                    path.reverse();
                    return path;
                }
                if knot.contains(&next) && !before.contains_key(&next) {
                    before.insert(next, task);
                    queue.push_back(next);
                }
            }
        }
        vec![start]
    }
}
