//! Which tasks may start: the graph's progress as a plain data structure.
//!
//! Finishing a task returns those it made ready. Ready tasks come out by priority, then longest remaining path first, then in file
//! order. The sets in here only sort what the tasks' states say: [`TaskQueue::moved`] is told of every change of a state.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    iter::Peekable,
};

use super::{TaskState, Timestamp};
use crate::workflow::{RunIf, Task, TaskIdx, Workflow};

/// What a task holds of pools and mutexes while it has a slot: a key and how many.
pub(super) type Claims = Vec<(String, u32)>;

/// Smaller goes first.
type Urgency = (Reverse<i32>, Reverse<u32>);

/// Progress through the graph.
#[derive(Clone, Debug, Default)]
pub(super) struct TaskQueue {
    upstream: Vec<Vec<TaskIdx>>,
    downstream: Vec<Vec<TaskIdx>>,
    n_missing: Vec<u32>,
    urgency: Vec<Urgency>,
    class_of: Vec<usize>,
    /// Every set of claims that tasks of the run make; the first is empty.
    classes: Vec<Claims>,
    /// Ready tasks by class.
    ready: Vec<BTreeSet<(Urgency, TaskIdx)>>,
    /// Ready tasks that want a failure before them.
    alarms: BTreeSet<TaskIdx>,
    wants_failure: Vec<bool>,
    is_hook: Vec<bool>,
    /// Tasks that hold a slot.
    active: BTreeSet<TaskIdx>,
    waiting: BTreeSet<(Timestamp, TaskIdx)>,
    n_ended: u32,
    n_open_tasks: u32,
    n_open_hooks: u32,
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
            classes: vec![Claims::new()],
            ready: vec![BTreeSet::new()],
            ..Self::default()
        };
        let mut known = BTreeMap::from([(Claims::new(), 0)]);
        for (idx, task) in (0u32..).map(TaskIdx).zip(&workflow.tasks) {
            let upstream = graph.upstream(idx);
            queue.n_missing[idx.0 as usize] = u32::try_from(upstream.len()).unwrap_or(u32::MAX);
            for up in &upstream {
                queue.downstream[up.0 as usize].push(idx);
            }
            queue.upstream[idx.0 as usize] = upstream;
            let class = queue.class(claims(task, workflow), &mut known);
            queue.class_of.push(class);
            queue.wants_failure.push(task.run_if == RunIf::AnyFailed);
            queue.is_hook.push(task.hook.is_some());
            *queue.n_open(idx) += 1;
        }
        let mut rank = vec![0; n_tasks];
        for idx in graph.order().into_iter().rev() {
            let below = queue.downstream[idx.0 as usize].iter().map(|d| rank[d.0 as usize]).max();
            rank[idx.0 as usize] = below.map_or(0, |rank: u32| rank + 1);
        }
        let urgency = rank.into_iter().zip(&workflow.tasks);
        queue.urgency = urgency.map(|(rank, task)| (Reverse(task.priority), Reverse(rank))).collect();
        let free = (0u32..).map(TaskIdx).take(n_tasks);
        let free =
            free.filter(|t| queue.n_missing[t.0 as usize] == 0 && !queue.is_hook[t.0 as usize]).collect();
        (queue, free)
    }

    fn class(&mut self, claims: Claims, known: &mut BTreeMap<Claims, usize>) -> usize {
        *known.entry(claims).or_insert_with_key(|claims| {
            self.classes.push(claims.clone());
            self.ready.push(BTreeSet::new());
            self.classes.len() - 1
        })
    }

    fn n_open(&mut self, task: TaskIdx) -> &mut u32 {
        if self.is_hook[task.0 as usize] { &mut self.n_open_hooks } else { &mut self.n_open_tasks }
    }

    /// Adds tasks that stand for the items of a task, which waits for them from now on. They claim what `item` claims.
    pub(super) fn expand(&mut self, task: TaskIdx, n_items: u32, item: &Task, workflow: &Workflow) {
        let mut known = self.classes.iter().cloned().zip(0..).collect();
        let class = self.class(claims(item, workflow), &mut known);
        let urgency = self.urgency[task.0 as usize];
        for _ in 0..n_items {
            self.upstream.push(Vec::new());
            self.downstream.push(vec![task]);
            self.n_missing.push(0);
            self.urgency.push(urgency);
            self.class_of.push(class);
            self.wants_failure.push(false);
            self.is_hook.push(self.is_hook[task.0 as usize]);
            *self.n_open(task) += 1;
        }
        self.n_missing[task.0 as usize] = n_items;
    }

    /// Sorts a task anew after its state changed.
    pub(super) fn moved(&mut self, task: TaskIdx, from: &TaskState, to: &TaskState) {
        let at = task.0 as usize;
        match from {
            TaskState::Ready => {
                self.ready[self.class_of[at]].remove(&(self.urgency[at], task));
                self.alarms.remove(&task);
            }
            TaskState::Waiting { until } => drop(self.waiting.remove(&(*until, task))),
            TaskState::Claimed | TaskState::Running { .. } => drop(self.active.remove(&task)),
            _ => {}
        }
        match to {
            TaskState::Ready => {
                self.ready[self.class_of[at]].insert((self.urgency[at], task));
                if self.wants_failure[at] {
                    self.alarms.insert(task);
                }
            }
            TaskState::Waiting { until } => drop(self.waiting.insert((*until, task))),
            TaskState::Claimed | TaskState::Running { .. } => drop(self.active.insert(task)),
            _ => {}
        }
        if to.is_final() && !from.is_final() {
            self.n_ended += 1;
            *self.n_open(task) -= 1;
        }
    }

    /// Counts a task as ended for those behind it, and returns the tasks that now wait for nothing.
    pub(super) fn end(&mut self, task: TaskIdx) -> Vec<TaskIdx> {
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

    /// Tells whether every task before a task, or for one of its items, has ended.
    pub(super) fn waits_for_nothing(&self, task: TaskIdx) -> bool {
        self.n_missing[task.0 as usize] == 0
    }

    /// At most `n_at_most` ready tasks, the most urgent first. `admit` is asked for each that claims something; once it refuses, less urgent tasks
    /// that claim of the same have to wait too, so that none is overtaken for ever.
    pub(super) fn choose(&self, n_at_most: usize, mut admit: impl FnMut(&Claims) -> bool) -> Vec<TaskIdx> {
        let mut heads: Vec<(usize, Peekable<_>)> =
            self.ready.iter().enumerate().map(|(class, ready)| (class, ready.iter().peekable())).collect();
        let mut chosen = Vec::new();
        while chosen.len() < n_at_most {
            let next = (0..heads.len()).filter_map(|at| Some((*heads[at].1.peek()?, at))).min();
            let Some((&(_, task), at)) = next else { break };
            let claims = &self.classes[heads[at].0];
            if claims.is_empty() || admit(claims) {
                chosen.push(task);
                heads[at].1.next();
            } else {
                let refused: Vec<&String> = claims.iter().map(|(key, _)| key).collect();
                heads
                    .retain(|(class, _)| !self.classes[*class].iter().any(|(key, _)| refused.contains(&key)));
            }
        }
        chosen
    }

    /// What the tasks that hold a slot have claimed, by key.
    pub(super) fn held(&self) -> BTreeMap<&str, u32> {
        let mut held = BTreeMap::new();
        if self.classes.len() > 1 {
            for task in &self.active {
                for (key, n_slots) in &self.classes[self.class_of[task.0 as usize]] {
                    *held.entry(key.as_str()).or_default() += n_slots;
                }
            }
        }
        held
    }

    /// Every key that tasks of the run claim.
    pub(super) fn keys(&self) -> BTreeSet<&str> {
        self.classes.iter().flatten().map(|(key, _)| key.as_str()).collect()
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

    /// The tasks directly behind a task.
    pub(super) fn downstream(&self, task: TaskIdx) -> &[TaskIdx] {
        &self.downstream[task.0 as usize]
    }

    /// Ready tasks that want a failure before them.
    pub(super) fn alarms(&self) -> impl Iterator<Item = TaskIdx> {
        self.alarms.iter().copied()
    }

    /// Tasks between two attempts, the next one first.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (Timestamp, TaskIdx)> {
        self.waiting.iter().copied()
    }

    /// The number of tasks that hold a slot.
    pub(super) fn n_active(&self) -> usize {
        self.active.len()
    }

    /// The number of tasks and hooks that ended.
    pub(super) fn n_ended(&self) -> u32 {
        self.n_ended
    }

    /// Tells whether every task ended, hooks left aside.
    pub(super) fn all_tasks_ended(&self) -> bool {
        self.n_open_tasks == 0
    }

    /// Tells whether every hook ended, or there is none.
    pub(super) fn all_hooks_ended(&self) -> bool {
        self.n_open_hooks == 0
    }
}

/// What a task claims. Pools of the workflow are shared by its runs, those of the project by all runs, and mutexes too. A task with items
/// claims nothing itself, nor does one that runs a workflow, whose tasks could wait for what it holds.
fn claims(task: &Task, workflow: &Workflow) -> Claims {
    let mut claims = Claims::new();
    if task.for_each.is_none() && task.nested.is_none() {
        if let Some(pool) = &task.pool {
            claims.push((pool_key(&pool.name, workflow), pool.slots));
        }
        if let Some(mutex) = &task.mutex {
            claims.push((format!("mutex {mutex}"), 1));
        }
    }
    claims
}

/// The key of a pool.
fn pool_key(pool: &str, workflow: &Workflow) -> String {
    if workflow.pools.contains_key(pool) {
        format!("pool {pool} of {}", workflow.name)
    } else {
        project_pool_key(pool)
    }
}

/// The key of a pool that all runs of a project share.
pub(crate) fn project_pool_key(pool: &str) -> String {
    format!("pool {pool}")
}

/// The pool of a key.
pub(crate) fn project_pool_name(key: &str) -> &str {
    key.strip_prefix("pool ").unwrap_or(key)
}
