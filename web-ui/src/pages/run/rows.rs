//! The list of tasks with the timeline: one row a task, or one a group where there are many.

use std::cell::Cell;

use maud::{Markup, html};

use crate::{
    graph::{Foldable, Group, fold},
    icon::icon,
    part::scroll,
    text::{count, duration, encoded, prose, short_id},
    view::{Page, RunPage, RunTask, TaskState},
};

use super::{
    link::Links,
    states::{counts, together},
    timeline::{Axis, bar, marks, span, story},
};

/// A run with more tasks than this shows groups.
const MOST_ROWS: usize = 150;
/// Rows of a group at a time.
const GROUP_ROWS: usize = 200;
/// Rows for tasks that need to be seen although their group is closed.
const MOST_URGENT: usize = 12;
/// The same for all groups together.
const MOST_URGENT_ALL: usize = 60;

struct Rows<'a> {
    page: &'a Page,
    view: &'a RunPage,
    links: &'a Links<'a>,
    axis: Axis,
    /// How many more rows of closed groups may be shown.
    urgent_left: Cell<usize>,
}

/// The list with the timeline.
pub(super) fn rows(page: &Page, view: &RunPage, links: &Links<'_>) -> Markup {
    let last = view.tasks.iter().filter_map(|task| task.ended_at).max().unwrap_or(view.row.created_at);
    let end = view.row.ended_at.unwrap_or(if view.row.state.is_final() { last } else { page.now });
    let rows = Rows {
        page,
        view,
        links,
        axis: Axis::new(view.row.created_at, end.max(last)),
        urgent_left: Cell::new(MOST_URGENT_ALL),
    };
    let is_folded = view.tasks.len() > MOST_ROWS;
    html! {
        section.card.tasks-card #tasks aria-labelledby="tasks-title" {
            h2 #tasks-title { "Tasks and timeline" }
            (scroll("Tasks and timeline", &html! {
                table.tasks {
                    thead { tr { th scope="col" { "Task" } th.b scope="col" { span.sr { "Timeline" } (marks(&rows.axis)) } th.num scope="col" { "Took" } th scope="col" { "What happened" } } }
                    @if is_folded { (rows.folded()) } @else { tbody { (rows.flat()) } }
                }
            }))
        }
    }
}

impl Rows<'_> {
    /// Every task, items behind the task that they are items of.
    fn flat(&self) -> Markup {
        let tasks = &self.view.tasks;
        let items = |owner: usize| tasks.iter().filter(move |task| task.item_of == Some(owner));
        html! {
            @for (at, task) in tasks.iter().enumerate().filter(|(_, task)| task.item_of.is_none_or(|owner| owner >= tasks.len())) {
                (self.row(task))
                @for item in items(at) { (self.row(item)) }
            }
        }
    }

    /// Groups, one of them open.
    fn folded(&self) -> Markup {
        let foldable: Vec<_> = self
            .view
            .tasks
            .iter()
            .map(|task| Foldable { name: &task.name, kind: &task.kind, item_of: task.item_of })
            .collect();
        let folded = fold(&foldable, &self.view.edges, MOST_ROWS);
        html! { @for group in &folded.groups { tbody { (self.group(group)) } } }
    }

    fn group(&self, group: &Group) -> Markup {
        let members: Vec<&RunTask> = group.members.iter().map(|&at| &self.view.tasks[at]).collect();
        if let [task] = members.as_slice() {
            return self.row(task);
        }
        let is_open = self.links.is_open(&group.key);
        // The task that has the items keeps a row of its own; what folds is its items.
        let (own, members) =
            if group.has_items { (Some(members[0]), &members[1..]) } else { (None, &members[..]) };
        let body = if is_open { self.open(group, members) } else { self.urgent(members) };
        html! { @if let Some(task) = own { (self.row(task)) } (self.summary(group, members, is_open)) (body) }
    }

    fn summary(&self, group: &Group, members: &[&RunTask], is_open: bool) -> Markup {
        let counts = counts(members.iter().copied());
        let state = together(&counts).word();
        let words: Vec<_> =
            counts.iter().map(|(state, n)| format!("{} {}", count(*n as u64), state.word())).collect();
        let start = members.iter().filter_map(|task| task.started_at).min();
        let end = members.iter().filter_map(|task| task.ended_at).max().unwrap_or(self.page.now);
        let label = if group.has_items { "items" } else { &group.label };
        let address = if is_open { self.links.run().to_owned() } else { self.links.group(&group.key, 0) };
        html! {
            tr class={ "group s-" (state) @if group.has_items { " item" } } id={ "g-" (group.key) } {
                td.t { a.row href=(address) data-swap aria-expanded=(is_open) { (icon(state)) (label) } " " span.n { (count(members.len() as u64)) } }
                td.b { (span(members, &counts, &self.axis, self.page.now)) }
                td.num { @if let Some(start) = start { (duration((end - start).max(0) as f64 / 1000.0)) } }
                td.r { (words.join(", ")) }
            }
        }
    }

    /// What runs or needs a person although its group is closed.
    fn urgent(&self, members: &[&RunTask]) -> Markup {
        let is_urgent = |task: &&&RunTask| task.state.is_trouble() || task.state == TaskState::Running;
        let n = members.iter().filter(is_urgent).count();
        let n_shown = n.min(MOST_URGENT).min(self.urgent_left.get());
        self.urgent_left.set(self.urgent_left.get() - n_shown);
        html! {
            @for task in members.iter().filter(is_urgent).take(n_shown) { (self.row_in(task, "item")) }
            @if n > n_shown && n_shown > 0 { tr.item { td.t colspan="4" { "and " (count((n - n_shown) as u64)) " more that run or need attention" } } }
        }
    }

    fn open(&self, group: &Group, members: &[&RunTask]) -> Markup {
        let n_pages = members.len().div_ceil(GROUP_ROWS);
        let page = self.view.group_page.min(n_pages - 1);
        let shown = &members[page * GROUP_ROWS..((page + 1) * GROUP_ROWS).min(members.len())];
        html! {
            @for task in shown { (self.row_in(task, "item")) }
            @if n_pages > 1 {
                tr.item { td.t colspan="4" { nav.pages aria-label={ "Pages of " (group.label) } {
                    @for other in 0..n_pages {
                        a href=(self.links.group(&group.key, other)) data-swap aria-current=[(other == page).then_some("true")] { (other + 1) }
                    }
                } } }
            }
        }
    }

    fn row(&self, task: &RunTask) -> Markup {
        self.row_in(task, if task.item_of.is_some() { "item" } else { "" })
    }

    fn row_in(&self, task: &RunTask, class: &str) -> Markup {
        let word = task.state.word();
        let story = story(task, self.page.now);
        let ran = task.state != TaskState::Cached;
        let is_selected = self.view.selected.as_ref().is_some_and(|detail| detail.task.name == task.name);
        html! {
            tr id={ "t-" (task.name) } class={ "s-" (word) " " (class) @if is_selected { " on" } } {
                td.t { a.row href=(self.links.task(&task.name)) data-panel { (icon(word)) (task.name) }
                    span.k { (task.kind) @if task.is_hook { ", hook" } } }
                td.b title=[(!story.is_empty()).then_some(&story)] { (bar(task, &self.axis, self.page.now)) }
                td.num { @if let Some(seconds) = task.seconds(self.page.now).filter(|_| ran) { (duration(seconds)) } @else if !ran { span.sub { "cached" } } }
                td.r { span.sr { (word) " " (story) }
                    @if task.attempts.len() > 1 { span.tries { (task.attempts.len()) " attempts" } " " }
                    @if let Some(child) = &task.child { a.mono href={ "/runs/" (encoded(child)) } { "run " (short_id(child)) } " " }
                    (prose(&task.remark)) }
            }
        }
    }
}
