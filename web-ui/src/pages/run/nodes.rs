//! A run's graph.

use maud::{Markup, html};

use crate::{
    graph::{Foldable, Node, draw, fold, legend},
    text::{duration, plural},
    view::{Page, RunPage, RunTask, TaskState},
};

use super::{
    link::Links,
    states::{counts, together},
};

/// More tasks than this are put together.
const MOST_NODES: usize = 40;

/// The graph, and whether it fits beside the list.
pub(super) fn graph(page: &Page, view: &RunPage, links: &Links<'_>) -> (Markup, bool) {
    let shown: Vec<usize> = (0..view.tasks.len()).filter(|&task| !view.tasks[task].is_hook).collect();
    if shown.len() < 2 {
        return (Markup::default(), false);
    }
    // Hooks stand at the end of the list of a file, and items behind them: places move when hooks are left out.
    let place = |task: usize| shown.binary_search(&task).ok();
    let foldable: Vec<_> = shown
        .iter()
        .map(|&task| Foldable {
            name: &view.tasks[task].name,
            kind: &view.tasks[task].kind,
            item_of: view.tasks[task].item_of.and_then(place),
        })
        .collect();
    let edges: Vec<_> = view
        .edges
        .iter()
        .filter_map(|edge| Some(crate::view::Edge { from: place(edge.from)?, to: place(edge.to)? }))
        .collect();
    let folded = fold(&foldable, &edges, MOST_NODES);
    let nodes: Vec<_> = folded
        .groups
        .iter()
        .map(|group| {
            let members: Vec<_> = group.members.iter().map(|&at| &view.tasks[shown[at]]).collect();
            node(page, view, links, &group.label, &members, group.has_items)
        })
        .collect();
    let label = format!("graph of {}", view.row.workflow);
    let (svg, is_narrow) = draw(&nodes, &folded.edges, &label);
    let mut states: Vec<TaskState> = counts(view.tasks.iter()).into_iter().map(|(state, _)| state).collect();
    states.truncate(12);
    let body = html! {
        section.card.graph-card aria-labelledby="graph-title" {
            h2 #graph-title { "Graph" @if folded.groups.iter().any(|group| group.members.len() > 1 && !group.has_items) { span.sub { " " (plural(shown.len(), "task")) ", alike ones together" } } }
            div.scroll tabindex="0" role="region" aria-label="Graph" { (svg) }
            @if states.len() > 3 { (legend(&states)) }
        }
    };
    (body, is_narrow)
}

fn node(
    page: &Page,
    view: &RunPage,
    links: &Links<'_>,
    label: &str,
    members: &[&RunTask],
    has_items: bool,
) -> Node {
    let first = members[0];
    if let [task] = members {
        let took = task.seconds(page.now).map(duration);
        let sub = match (&took, task.state) {
            (Some(took), state) if state != TaskState::Cached => format!("{took} · {}", task.kind),
            _ => task.kind.clone(),
        };
        return Node {
            label: label.to_owned(),
            title: format!("{}, {}: {} {}", task.name, task.kind, task.state.word(), task.remark),
            sub,
            href: links.task(&task.name),
            state: Some(task.state),
            is_selected: view.selected.as_ref().is_some_and(|detail| detail.task.name == task.name),
            ..Node::default()
        };
    }
    // A task with items is counted by its items alone.
    let counted = if has_items { &members[1..] } else { members };
    let is_of_one_kind = counted.iter().all(|task| task.kind == first.kind);
    let counts = counts(counted.iter().copied());
    let words: Vec<_> = counts.iter().map(|(state, n)| format!("{n} {}", state.word())).collect();
    Node {
        label: label.to_owned(),
        sub: if is_of_one_kind {
            format!("{} × {}", counted.len(), first.kind)
        } else {
            plural(counted.len(), "task")
        },
        title: format!("{label}: {}", words.join(", ")),
        href: if has_items {
            links.task(&first.name)
        } else {
            format!("{}#tasks", links.group(&first.name, 0))
        },
        state: Some(if has_items { first.state } else { together(&counts) }),
        is_stack: true,
        counts,
        is_selected: false,
    }
}
