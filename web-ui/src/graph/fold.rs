//! Ten thousand tasks as a hundred groups.
//!
//! Items stand with the task that they are items of. Where the rest is still too much, tasks that are alike are put together: of the
//! same kind, with the same name but for numbers, in the same layer; then of the same kind in a layer; then a layer; then neighbouring
//! layers. All of these keep the graph of the groups free of cycles, because no step joins tasks of a layer with tasks that lie between.

use std::collections::BTreeMap;

use crate::view::Edge;

/// What folding needs to know of a task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Foldable<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) item_of: Option<usize>,
}

/// Tasks that are shown as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// Names it in addresses: the name of its first task.
    pub(crate) key: String,
    /// What people read.
    pub(crate) label: String,
    /// Its tasks, in the order of the file. A task with items comes before its items.
    pub(crate) members: Vec<usize>,
    /// True when the first member is a task and the others are its items.
    pub(crate) has_items: bool,
}

/// Groups in the order of their first tasks, and the edges between them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Folded {
    pub(crate) groups: Vec<Group>,
    pub(crate) edges: Vec<Edge>,
}

/// Folds tasks to about `limit` groups at most; each task is in exactly one.
pub(crate) fn fold(tasks: &[Foldable<'_>], edges: &[Edge], limit: usize) -> Folded {
    let own: Vec<usize> = (0..tasks.len()).map(|task| owner(tasks, task)).collect();
    let layers = layers(tasks.len(), edges);
    let roots: Vec<usize> = (0..tasks.len()).filter(|&task| own[task] == task).collect();
    let n_layers = layers.iter().max().map_or(0, |deepest| deepest + 1);
    let coarse: [&dyn Fn(usize) -> (usize, String); 4] = [
        &|task| (layers[task], format!("{}\n{}", tasks[task].kind, stem(tasks[task].name))),
        &|task| (layers[task], tasks[task].kind.to_owned()),
        &|task| (layers[task], String::new()),
        &|task| (layers[task] * limit.max(1) / n_layers.max(1), String::new()),
    ];
    // By task: the first task of its group.
    let mut first_of = own.clone();
    if roots.len() > limit {
        for key in coarse {
            let mut first: BTreeMap<(usize, String), usize> = BTreeMap::new();
            for &task in &roots {
                first_of[task] = *first.entry(key(task)).or_insert(task);
            }
            if first.len() <= limit {
                break;
            }
        }
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &task in &roots {
        members.entry(first_of[task]).or_default().push(task);
    }
    for (task, &root) in own.iter().enumerate().filter(|(task, root)| task != *root) {
        members.entry(first_of[root]).or_default().push(task);
    }
    let mut place = vec![0; tasks.len()];
    for (at, &first) in members.keys().enumerate() {
        place[first] = at;
    }
    let group_of = |task: usize| place[first_of[own[task]]];
    let n = tasks.len();
    let mut between: Vec<(usize, usize)> = edges
        .iter()
        .filter(|edge| edge.from < n && edge.to < n)
        .map(|edge| (group_of(edge.from), group_of(edge.to)))
        .filter(|(from, to)| from != to)
        .collect();
    between.sort_unstable();
    between.dedup();
    let groups = members.into_iter().map(|(first, members)| group(tasks, &own, first, members)).collect();
    Folded { groups, edges: between.into_iter().map(|(from, to)| Edge { from, to }).collect() }
}

/// The task that stands for an item; an item of an item belongs to the outermost.
fn owner(tasks: &[Foldable<'_>], task: usize) -> usize {
    let mut at = task;
    // No more steps than there are tasks, whatever the data say.
    for _ in 0..tasks.len() {
        match tasks[at].item_of.filter(|&owner| owner < tasks.len() && owner != at) {
            Some(owner) => at = owner,
            None => return at,
        }
    }
    task
}

/// A label names no more kinds of names than this.
const MOST_STEMS: usize = 3;

fn group(tasks: &[Foldable<'_>], own: &[usize], first: usize, members: Vec<usize>) -> Group {
    let n_roots = members.iter().filter(|&&task| own[task] == task).count();
    let label = match n_roots {
        1 => tasks[first].name.to_owned(),
        _ => {
            let mut stems: Vec<&str> = Vec::new();
            for &task in members.iter().filter(|&&task| own[task] == task) {
                let stem = stem(tasks[task].name);
                if !stem.is_empty() && !stems.contains(&stem) {
                    stems.push(stem);
                }
                if stems.len() > MOST_STEMS {
                    break;
                }
            }
            match stems.len() {
                0 => tasks[first].kind.to_owned(),
                n if n > MOST_STEMS => format!("{} and others", stems[0]),
                _ => format!("{} …", stems.join(", ")),
            }
        }
    };
    let has_items = n_roots == 1 && members.len() > 1;
    Group { key: tasks[first].name.to_owned(), label, members, has_items }
}

/// A name without the numbers at its end: `train-0012` is `train`.
fn stem(name: &str) -> &str {
    let base = name.split('[').next().unwrap_or(name);
    base.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '_' | '.'))
}

/// The layer of each node: the longest way to it. Nodes of a cycle, which no checked workflow has, stay in layer 0.
pub(super) fn layers(n: usize, edges: &[Edge]) -> Vec<usize> {
    let mut behind: Vec<Vec<usize>> = vec![Vec::new(); n];
    let mut n_before = vec![0usize; n];
    for edge in edges.iter().filter(|edge| edge.from < n && edge.to < n && edge.from != edge.to) {
        behind[edge.from].push(edge.to);
        n_before[edge.to] += 1;
    }
    let mut layer = vec![0; n];
    let mut open: Vec<usize> = (0..n).filter(|&node| n_before[node] == 0).collect();
    while let Some(node) = open.pop() {
        for &next in &behind[node] {
            layer[next] = layer[next].max(layer[node] + 1);
            n_before[next] -= 1;
            if n_before[next] == 0 {
                open.push(next);
            }
        }
    }
    layer
}

#[cfg(test)]
mod tests {
    use super::{Foldable, fold, layers};
    use crate::view::Edge;

    fn edge(from: usize, to: usize) -> Edge {
        Edge { from, to }
    }

    #[test]
    fn few_tasks_stay_single_and_items_stand_with_their_task() {
        let task = |name, item_of| Foldable { name, kind: "noop", item_of };
        let tasks = [task("a", None), task("b", None), task("b[0]", Some(1)), task("b[1]", Some(1))];
        let folded = fold(&tasks, &[edge(0, 1)], 10);
        assert_eq!(folded.groups.len(), 2);
        assert_eq!(folded.groups[1].members, [1, 2, 3]);
        assert!(folded.groups[1].has_items);
        assert_eq!(folded.edges, [edge(0, 1)]);
    }

    #[test]
    fn any_shape_folds_below_the_limit_and_keeps_every_task_once() {
        let names: Vec<String> = (0..10_000).map(|n| format!("t{n:05}x{}", n % 7)).collect();
        let kinds = ["a", "b", "c"];
        let tasks: Vec<_> = names
            .iter()
            .enumerate()
            .map(|(n, name)| Foldable { name, kind: kinds[n % 3], item_of: None })
            .collect();
        let chain: Vec<_> = (1..10_000).map(|n| edge(n - 1, n)).collect();
        let wide: Vec<_> = (1..10_000).map(|n| edge(0, n)).collect();
        for edges in [chain, wide, Vec::new()] {
            let folded = fold(&tasks, &edges, 100);
            assert!(folded.groups.len() <= 100, "{}", folded.groups.len());
            let mut all: Vec<_> = folded.groups.iter().flat_map(|group| group.members.clone()).collect();
            all.sort_unstable();
            assert_eq!(all, (0..10_000).collect::<Vec<_>>());
            let depth = layers(folded.groups.len(), &folded.edges);
            assert!(folded.edges.iter().all(|edge| depth[edge.from] < depth[edge.to]), "no cycles");
        }
    }

    #[test]
    fn data_that_make_no_sense_do_no_harm() {
        let task = |item_of| Foldable { name: "x", kind: "k", item_of };
        let folded = fold(&[task(Some(1)), task(Some(0)), task(Some(9))], &[edge(0, 7), edge(2, 2)], 1);
        assert_eq!(folded.groups.iter().map(|group| group.members.len()).sum::<usize>(), 3);
        assert!(folded.edges.is_empty());
    }
}
