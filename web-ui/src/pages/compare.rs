//! `/compare`: two runs side by side: what changed, what it did to the metrics.

use maud::{Markup, html};

use crate::{
    icon::{badge, dot},
    part::{Shell, better, changes, empty, line_diff, shell},
    text::{duration, encoded, number, plural, prose, short_id, when},
    view::{Compare, CompareTask, Page, RunRow},
};

/// `/compare?a=&b=`.
pub fn compare(page: &Page, view: &Compare) -> String {
    let main = html! {
        header.head { h1 { "Compare" } (choose(view)) }
        @if !view.problem.is_empty() { p.notice.bad role="alert" { (view.problem) } }
        @match (&view.before, &view.after) {
            (Some(before), Some(after)) => (compared(page, view, before, after)),
            _ => (choices(page, view)),
        }
    };
    shell(page, &Shell { title: "Compare", place: "/runs" }, &main)
}

fn choose(view: &Compare) -> Markup {
    let value = |run: &Option<RunRow>, typed: &str| {
        run.as_ref().map_or_else(|| typed.to_owned(), |run| run.id.clone())
    };
    html! {
        form.filter method="get" action="/compare" {
            label { "before " input.mono name="a" value=(value(&view.before, &view.typed[0])) placeholder="run" list="runs" required; }
            label { "after " input.mono name="b" value=(value(&view.after, &view.typed[1])) placeholder="run" list="runs" required; }
            datalist #runs { @for run in view.choices.iter().take(50) { option value=(run.id) { (run.workflow) " " (run.state.word()) } } }
            button type="submit" { "Compare" }
        }
    }
}

fn choices(page: &Page, view: &Compare) -> Markup {
    html! {
        @if view.choices.len() < 2 { (empty("Two runs are needed to compare.", "sluice runs diff BEFORE AFTER")) }
        @else {
            form.card method="get" action="/compare" {
                table.runs { caption.sr { "Runs to compare" }
                    thead { tr { th scope="col" { "before" } th scope="col" { "after" } th scope="col" { "state" } th scope="col" { "run" } th scope="col" { "started" } } }
                    tbody { @for (at, run) in view.choices.iter().enumerate() { tr {
                        td { input type="radio" name="a" value=(run.id) checked[at == 1] aria-label={ "before: " (run.id) }; }
                        td { input type="radio" name="b" value=(run.id) checked[at == 0] aria-label={ "after: " (run.id) }; }
                        td { (badge(run.state.word())) } td { (run.workflow) " " span.id { (short_id(&run.id)) } } td { (when(page.now, run.created_at)) }
                    } } } }
                button.primary type="submit" { "Compare" }
            }
        }
    }
}

fn compared(page: &Page, view: &Compare, before: &RunRow, after: &RunRow) -> Markup {
    let (same, changed): (Vec<_>, Vec<_>) = view.tasks.iter().partition(|task| is_same(task));
    let is_all_same = changed.is_empty() && view.params.is_empty() && !view.definition_changed;
    html! {
        div.versus { (side(page, "before", before)) (side(page, "after", after)) }
        @if before.workflow != after.workflow { p.note { "These are runs of different workflows." } }
        @if is_all_same { p.empty { "Nothing differs but the time." } }
        (metric_table(view))
        @if !view.params.is_empty() { section.card { (changes("Parameters", &view.params)) } }
        @if view.definition_changed {
            section.card { h2 { "The workflow's file differs" }
                @if let Some([old, new]) = &view.sources { (line_diff(old, new)) } @else { p.note { "The files themselves are not kept with these runs." } } }
        }
        @if !changed.is_empty() {
            section.card { h2 { (plural(changed.len(), "task")) " differ" }
                @for task in changed { (task_section(task)) } }
        }
        @if !same.is_empty() { details.card { summary { h2 { (plural(same.len(), "task")) " the same" } } p.same { @for task in same { span { (states(task)) (task.name) " " span.sub { (took(task)) } } } } } }
    }
}

fn side(page: &Page, label: &str, run: &RunRow) -> Markup {
    html! {
        section.card.side-run {
            h2 { (label) }
            p { a.row href={ "/runs/" (encoded(&run.id)) } { (run.workflow) } " " span.id title=(run.id) { (short_id(&run.id)) } " " (badge(run.state.word())) }
            p.meta { span { (when(page.now, run.created_at)) } @if let Some(seconds) = run.seconds(page.now) { span { "took " (duration(seconds)) } }
                @if !run.started_by.is_empty() { span { "by " (run.started_by) } } }
            @if !run.remark.is_empty() { p.remark { (prose(&run.remark)) } }
        }
    }
}

/// Metrics of all tasks that moved, first of all: that is what one compares for.
fn metric_table(view: &Compare) -> Markup {
    let rows: Vec<_> = view
        .tasks
        .iter()
        .flat_map(|task| task.metrics.iter().map(move |metric| (task, metric)))
        .filter(|(_, metric)| metric.before != metric.after)
        .collect();
    html! {
        @if !rows.is_empty() {
            section.card { table.metrics {
                caption { "What it did to the metrics" }
                thead { tr { th scope="col" { "task" } th scope="col" { "metric" } th.num scope="col" { "before" } th.num scope="col" { "after" } th.num scope="col" { "difference" } } }
                tbody { @for (task, metric) in rows { tr {
                    td { (task.name) } th scope="row" { (metric.name) }
                    td.num { @if let Some(value) = metric.before { (number(value)) } }
                    td.num { @if let Some(value) = metric.after { (number(value)) } }
                    td.num { @if let (Some(before), Some(after)) = (metric.before, metric.after) { (better(after - before, metric.higher_is_better)) } }
                } } }
            } }
        }
    }
}

fn task_section(task: &CompareTask) -> Markup {
    html! { div.differs { h3 { (states(task)) (task.name) " " span.sub { (took(task)) } } (changes("What it depends on", &task.changes)) } }
}

fn states(task: &CompareTask) -> Markup {
    let one = |state: Option<crate::view::TaskState>| html! { @match state { Some(state) => (dot(state.word())), None => span.absent { "absent" } } };
    html! { @if task.state_before == task.state_after { (one(task.state_after)) } @else { (one(task.state_before)) " → " (one(task.state_after)) } " " }
}

fn took(task: &CompareTask) -> String {
    match (task.seconds_before, task.seconds_after) {
        (Some(before), Some(after)) => format!("{} → {}", duration(before), duration(after)),
        (None, Some(after)) => format!("ran in {}", duration(after)),
        (Some(before), None) => format!("ran in {} before", duration(before)),
        (None, None) => String::new(),
    }
}

fn is_same(task: &CompareTask) -> bool {
    task.state_before == task.state_after
        && task.changes.is_empty()
        && task.metrics.iter().all(|metric| metric.before == metric.after)
}
