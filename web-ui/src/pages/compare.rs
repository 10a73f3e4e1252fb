//! `/compare`: two runs side by side: what changed, what it did to the metrics.

use maud::{Markup, html};

use crate::{
    icon::{badge, dot},
    part::{Shell, better, changes, empty, is_variant, line_diff, scroll, shell, starter},
    text::{duration, encoded, number, plural, prose, short_id, when},
    view::{Compare, CompareMetric, CompareTask, Page, RunRow},
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
                table.choose { caption.sr { "Runs to compare" }
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
                @if run.parent.is_some() || !run.started_by.is_empty() { span { "by " (starter(run)) } } }
            @if !run.remark.is_empty() { p.remark { (prose(&run.remark)) } }
        }
    }
}

/// A metric that moved, with its task.
type Moved<'v> = (&'v CompareTask, &'v CompareMetric);

/// Metrics of all tasks that moved, first of all: that is what one compares for. Variants are folded away.
fn metric_table(view: &Compare) -> Markup {
    let moved = |task: &'_ CompareTask, metric: &CompareMetric| {
        let names = task.metrics.iter().map(|other| other.name.as_str());
        (metric.before != metric.after).then(|| is_variant(&metric.name, names))
    };
    let (mut main, mut variants): (Vec<Moved<'_>>, Vec<Moved<'_>>) = (Vec::new(), Vec::new());
    for task in &view.tasks {
        for metric in &task.metrics {
            match moved(task, metric) {
                Some(true) => variants.push((task, metric)),
                Some(false) => main.push((task, metric)),
                None => {}
            }
        }
    }
    html! {
        @if !main.is_empty() {
            section.card aria-labelledby="metrics-title" {
                h2 #metrics-title { "What it did to the metrics" }
                (balance(&main))
                (scroll("Metrics", &moved_table(&main)))
                @if !variants.is_empty() {
                    details.variants { summary { (plural(variants.len(), "more metric")) } (scroll("More metrics", &moved_table(&variants))) }
                }
            }
        }
    }
}

fn moved_table(rows: &[Moved<'_>]) -> Markup {
    let has_champion = rows.iter().any(|(_, metric)| metric.champion.is_some());
    html! {
        table.metrics {
            thead { tr { th scope="col" { "task" } th scope="col" { "metric" } th.num scope="col" { "before" } th.num scope="col" { "after" } th.num scope="col" { "difference" }
                @if has_champion { th.num scope="col" { "champion" } th.num scope="col" { "after − champion" } } } }
            tbody { @for (at, (task, metric)) in rows.iter().enumerate() { tr {
                td { @if at == 0 || rows[at - 1].0.name != task.name { (task.name) } } th scope="row" { (metric.name) }
                td.num { (value(metric.before)) }
                td.num { (value(metric.after)) }
                td.num { (difference(metric.before, metric.after, metric.higher_is_better)) }
                @if has_champion {
                    td.num title=(task.champion) { @if metric.champion.is_some() { (value(metric.champion)) } }
                    td.num { (difference(metric.champion, metric.after, metric.higher_is_better)) }
                }
            } } }
        }
    }
}

/// How many metrics became better and how many worse, in words.
fn balance(rows: &[Moved<'_>]) -> Markup {
    let n = |wanted: bool| {
        let is = |metric: &CompareMetric| {
            let difference = metric.after? - metric.before?;
            (difference != 0.0).then_some((difference > 0.0) == metric.higher_is_better?)
        };
        rows.iter().filter(|(_, metric)| is(metric) == Some(wanted)).count()
    };
    let (n_better, n_worse) = (n(true), n(false));
    html! {
        @if n_better + n_worse > 0 {
            p.meta { span.better { "▲ " (n_better) " better" } span.worse { "▼ " (n_worse) " worse" } }
        }
    }
}

fn value(value: Option<f64>) -> Markup {
    html! { @match value { Some(value) => span title=(value) { (number(value)) }, None => span.absent { "absent" } } }
}

fn difference(from: Option<f64>, to: Option<f64>, higher_is_better: Option<bool>) -> Markup {
    html! { @if let (Some(from), Some(to)) = (from, to) { (better(from, to, higher_is_better)) } }
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
