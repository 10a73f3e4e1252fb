//! `/`: what runs now, what went wrong lately, what comes next.

use maud::{Markup, html};

use crate::{
    part::{Live, Shell, empty, fires, health_badge, live, run_table, shell},
    plot::activity,
    text::{count, encoded, plural},
    view::{Overview, Page},
};

/// `/`. Part: `live`.
pub fn overview(page: &Page, view: &Overview) -> String {
    let every = if view.running.is_empty() { 15 } else { 3 };
    let body = live(&Live::Every(every), &body(page, view));
    if page.fragment.as_deref() == Some("live") {
        return body.into_string();
    }
    shell(page, &Shell { title: "Overview", place: "/" }, &body)
}

fn body(page: &Page, view: &Overview) -> Markup {
    if view.n_workflows == 0 && view.n_runs == 0 {
        return welcome();
    }
    html! {
        header.head { h1 { "Overview" } (counts(view)) }
        div.columns {
            div.wide {
                (section("Running now", "running", &html! {
                    @if view.running.is_empty() { p.empty { "Nothing runs." } } @else { (run_table(&view.running, page.now, "Runs at work")) }
                }))
                @if !view.broken.is_empty() { (broken(view)) }
                (section("Failed or rejected lately", "troubled", &html! {
                    @if view.troubled.is_empty() { p.empty { "Nothing failed, and no gate said no." } }
                    @else { (run_table(&view.troubled, page.now, "Runs that failed or were rejected")) }
                }))
                (section("Ended lately", "recent", &html! {
                    @if view.recent.is_empty() { (empty("No run has ended yet. This starts one:", "sluice run WORKFLOW.toml")) }
                    @else { (run_table(&view.recent, page.now, "Runs that ended lately")) p.more { a href="/runs" { "All runs" } } }
                }))
            }
            div.side {
                @if !view.activity.is_empty() {
                    (section(&span_words(view), "activity", &html! {
                        (activity(&view.activity, page.now))
                        p.ends { span { "earlier" } span { "now" } }
                    }))
                }
                (section("Next", "next", &html! {
                    @if view.fires.is_empty() { p.empty { "No schedule is due. " code { "[schedule]" } " in a workflow makes one." } }
                    @else { (fires(&view.fires, page.now)) p.more { a href="/schedules" { "All schedules" } } }
                }))
                (section("Deployments", "deployments", &deployments(view)))
            }
        }
    }
}

fn counts(view: &Overview) -> Markup {
    html! {
        p.meta {
            a href="/workflows" { (plural(view.n_workflows, "workflow")) }
            a href="/runs" { (count(view.n_runs)) @if view.n_runs >= 500 { "+" } " runs" }
            @if !view.running.is_empty() { b { (view.running.len()) " at work" } }
        }
    }
}

fn span_words(view: &Overview) -> String {
    let hours = u64::from(view.activity_seconds) * view.activity.len() as u64 / 3600;
    if hours > 72 { format!("Last {} days", hours / 24) } else { format!("Last {hours} hours") }
}

fn section(title: &str, id: &str, body: &Markup) -> Markup {
    html! { section.card aria-labelledby=(id) { h2 id=(id) { (title) } (body) } }
}

fn broken(view: &Overview) -> Markup {
    html! {
        section.card.warned aria-labelledby="broken" {
            h2 #broken { "Broken workflow files" }
            ul.plain {
                @for row in &view.broken {
                    li { a href={ "/workflows/" (encoded(&row.name)) } { (row.name) } " " span.mono.sub { (row.file) } ": " (plural(row.n_errors, "error")) @if row.is_used { "; the last good version stays in use" } @else { "; it cannot be run before this is corrected" } }
                }
            }
        }
    }
}

fn deployments(view: &Overview) -> Markup {
    html! {
        @if view.deployments.is_empty() { p.empty { "Nothing is deployed. A task of the kind " a href="/kinds/deploy.process" { "deploy.process" } " does it." } }
        @else {
            ul.deployed {
                @for row in &view.deployments {
                    li { (health_badge(row.health)) a href="/deployments" { (row.name) }
                        span.sub { (row.model) @if let Some(version) = row.version { " v" (version) } }
                        @if !row.remark.is_empty() { span.sub { (row.remark) } } }
                }
            }
        }
    }
}

fn welcome() -> Markup {
    html! {
        section.welcome {
            (crate::icon::MARK)
            h1 { "Nothing has flowed yet" }
            p { "A workflow takes a model from raw data to a watched service, and lets nothing through a gate that has not earned it. Put one into the workflows folder, or run one by hand:" }
            ol {
                li { "Write it" pre.command { code { "[tasks.raw]\nuses = \"data.read\"\nwith = { path = \"data/wine.csv\" }" } } }
                li { "Check it: every mistake at once, at its line" pre.command { code { "sluice check wine.toml" } } }
                li { "Run it, and watch it here" pre.command { code { "sluice run wine.toml" } } }
            }
            p { "What tasks can do: " a href="/kinds" { "Kinds" } }
        }
    }
}
