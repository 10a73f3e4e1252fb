//! Which tasks may start: the graph's progress as a plain data structure.
//!
//! Finishing a task returns those it made ready. Ready tasks come out longest remaining path first, then in file order.

use std::collections::BTreeSet;

use crate::workflow::{TaskIdx, Workflow};

/// Progress through the graph. Knows counts and order, not states.
#[derive(Clone, Debug, Default)]
pub(super) struct TaskQueue {
    upstream: Vec<Vec<TaskIdx>>,
    downstream: Vec<Vec<TaskIdx>>,
    n_missing: Vec<u32>,
    rank: Vec<u32>,
    ready: BTreeSet<(std::cmp::Reverse<u32>, TaskIdx)>,
    n_ended: u32,
}

impl TaskQueue {
    /// The queue of a workflow in which nothing ran yet, and the tasks that may start at once.
    pub(super) fn new(workflow: &Workflow) -> (Self, Vec<TaskIdx>) {
        let graph = workflow.graph();
        let n_tasks = workflow.tasks.len();
        let mut queue = Self {
            upstream: vec![Vec::new(); n_tasks],
            downstream: vec![Vec::new(); n_tasks],
            n_missing: vec![0; n_tasks],
            rank: vec![0; n_tasks],
            ..Self::default()
        };
        for idx in (0u32..).map(TaskIdx).take(n_tasks) {
            let upstream: BTreeSet<TaskIdx> = graph.upstream(idx).into_iter().collect();
            queue.n_missing[idx.0 as usize] = u32::try_from(upstream.len()).unwrap_or(u32::MAX);
            for up in &upstream {
                queue.downstream[up.0 as usize].push(idx);
            }
            queue.upstream[idx.0 as usize] = upstream.into_iter().collect();
        }
        for idx in graph.order().into_iter().rev() {
            let below = queue.downstream[idx.0 as usize].iter().map(|d| queue.rank[d.0 as usize]).max();
            queue.rank[idx.0 as usize] = below.map_or(0, |rank| rank + 1);
        }
        let free: Vec<_> =
            (0u32..).map(TaskIdx).take(n_tasks).filter(|t| queue.n_missing[t.0 as usize] == 0).collect();
        (queue, free)
    }

    /// Puts a task among the ready ones.
    pub(super) fn push(&mut self, task: TaskIdx) {
        self.ready.insert((std::cmp::Reverse(self.rank[task.0 as usize]), task));
    }

    /// Takes a task out of the ready ones.
    pub(super) fn remove(&mut self, task: TaskIdx) {
        self.ready.remove(&(std::cmp::Reverse(self.rank[task.0 as usize]), task));
    }

    /// Ready tasks, the most urgent first.
    pub(super) fn ready(&self) -> impl Iterator<Item = TaskIdx> {
        self.ready.iter().map(|(_, task)| *task)
    }

    /// Counts a task as ended and returns the tasks that now wait for nothing.
    pub(super) fn end(&mut self, task: TaskIdx) -> Vec<TaskIdx> {
        self.remove(task);
        self.n_ended += 1;
        let downstream = std::mem::take(&mut self.downstream[task.0 as usize]);
        let mut free = Vec::new();
        for &next in &downstream {
            let missing = &mut self.n_missing[next.0 as usize];
            *missing = missing.saturating_sub(1);
            if *missing == 0 {
                free.push(next);
            }
        }
        self.downstream[task.0 as usize] = downstream;
        free
    }

    /// Everything behind a task that `wanted` lets through, nearest first; what stands only behind the others is left out.
    pub(super) fn downstream_while(&self, task: TaskIdx, wanted: impl Fn(TaskIdx) -> bool) -> Vec<TaskIdx> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut next = 0;
        let mut frontier = vec![task];
        while next < frontier.len() {
            for &below in &self.downstream[frontier[next].0 as usize] {
                if seen.insert(below) && wanted(below) {
                    found.push(below);
                    frontier.push(below);
                }
            }
            next += 1;
        }
        found
    }

    /// The tasks directly before a task.
    pub(super) fn upstream(&self, task: TaskIdx) -> &[TaskIdx] {
        &self.upstream[task.0 as usize]
    }

    /// The number of tasks that ended.
    pub(super) fn n_ended(&self) -> u32 {
        self.n_ended
    }
}
