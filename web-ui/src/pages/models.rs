//! `/models`: versions, and what stands for which.

use maud::{Markup, html};

use crate::{
    icon::badge_as,
    part::{Action, Shell, action, empty, health_badge, is_variant, post, scroll, shell},
    text::{encoded, number, plural, prose, short_id, shortened, size, when},
    view::{AliasMove, Metric, ModelPage, ModelVersion, Models, Page},
};

/// `/models`.
pub fn models(page: &Page, view: &Models) -> String {
    let main = html! {
        header.head { h1 { "Models" } }
        @if view.rows.is_empty() {
            (empty("No model is registered yet. A task of the kind `register` behind a gate does it:", "[tasks.keep]\nuses   = \"register\"\nneeds  = [\"gate\"]\ninputs = { model = \"model\" }"))
        } @else {
            div.card { table.models { caption.sr { "Models" }
                thead { tr { th scope="col" { "Model" } th scope="col" { "Aliases" } th scope="col" { "Latest" } th.num scope="col" { "Versions" } th.num scope="col" { "In service" } } }
                tbody { @for row in &view.rows { tr {
                    td.main { a.row href={ "/models/" (encoded(&row.name)) } { (row.name) } }
                    td { @for alias in &row.aliases { span.alias { (alias.alias) " " b { "v" (alias.version) } } " " } }
                    td { "v" (row.latest) " " span.sub { (when(page.now, row.registered_at)) } }
                    td.num { (row.n_versions) } td.num { @if row.n_deployments > 0 { (row.n_deployments) } }
                } } } } }
        }
    };
    shell(page, &Shell { title: "Models", place: "/models" }, &main)
}

/// `/models/NAME`.
pub fn model(page: &Page, view: &ModelPage) -> String {
    let main = html! {
        header.head {
            nav.trail aria-label="Breadcrumb" { a href="/models" { "Models" } span { (view.name) } }
            h1 { (view.name) }
            p.meta { span { (plural(view.versions.len(), "version")) } }
        }
        div.columns {
            div.wide {
                section.card aria-labelledby="versions" { h2 #versions { "Versions" } @for version in &view.versions { (version_block(page, view, version)) } }
            }
            div.side {
                section.card aria-labelledby="aliases" { h2 #aliases { "Aliases" }
                    @if view.aliases.is_empty() { p.empty { "No version has an alias." } }
                    @for alias in &view.aliases {
                        div.alias-row { p { span.alias { (alias.alias) } " is " b { "v" (alias.version) } }
                            @if let Some(previous) = alias.previous { (rollback(page, view, &alias.alias, previous)) } }
                    }
                    (promote(page, view)) }
                section.card aria-labelledby="in-service" { h2 #in-service { "Deployments" }
                    @if view.deployments.is_empty() { p.empty { "It is not in service." } }
                    ul.deployed { @for row in &view.deployments { li { (health_badge(row.health)) a href="/deployments" { (row.name) } span.sub { @if let Some(version) = row.version { "v" (version) " " } (row.address) } } } } }
                section.card aria-labelledby="history" { h2 #history { "History of aliases" }
                    @if view.history.is_empty() { p.empty { "No alias has moved." } }
                    ol.history { @for step in &view.history { (moved(page, step)) } } }
            }
        }
        @if view.versions.iter().any(|version| !version.metrics.is_empty()) { section.card aria-labelledby="all-metrics" { h2 #all-metrics { "Metrics of all versions" } (metric_grid(view)) } }
    };
    shell(page, &Shell { title: &view.name, place: "/models" }, &main)
}

fn version_block(page: &Page, view: &ModelPage, version: &ModelVersion) -> Markup {
    let aliases = view.aliases.iter().filter(|alias| alias.version == version.version);
    html! {
        details.version id={ "v" (version.version) } open[view.versions.first().is_some_and(|first| first.version == version.version)] {
            summary { b { "v" (version.version) } @for alias in aliases { " " span.alias { (alias.alias) } }
                @if let Some(decision) = version.decision { " " (badge_as(decision.look().word(), decision.word())) }
                span.sub { (when(page.now, version.registered_at)) }
                @for metric in main_metrics(version).into_iter().take(3) { span.sub { (metric.name) " " b { (number(metric.value)) } } } }
            dl.params {
                dt { "from" } dd { a href={ "/runs/" (encoded(&version.run)) "?task=" (encoded(&version.task)) } { (if version.workflow.is_empty() { "run" } else { &version.workflow }) " " (short_id(&version.run)) } " task " code { (version.task) } }
                dt { "bundle" } dd { code title=(version.bundle) { (shortened(&version.bundle)) } " " (size(version.size)) @if !version.url.is_empty() { " " a href=(version.url) download { "download" } } }
                dt { "as" } dd { code { "sluice models serve " (view.name) "@" (version.version) } }
            }
            @if !version.lineage.is_empty() { ol.lineage aria-label="Lineage" { @for step in &version.lineage { li { b { (step.name) } code title=(step.value) { (shortened(&step.value)) } } } } }
            @if !version.metrics.is_empty() { dl.chips { @for metric in main_metrics(version) { div { dt { (metric.name) } dd { (number(metric.value)) } } } } }
        }
    }
}

/// Metrics without variants of others; the table of all versions has them all.
fn main_metrics(version: &ModelVersion) -> Vec<&Metric> {
    let names = || version.metrics.iter().map(|metric| metric.name.as_str());
    version.metrics.iter().filter(|metric| !is_variant(&metric.name, names())).collect()
}

fn rollback(page: &Page, view: &ModelPage, alias: &str, previous: u64) -> Markup {
    action(
        page,
        &Action {
            address: &format!("/models/{}/rollback", encoded(&view.name)),
            label: &format!("Roll back to v{previous}"),
            help: "Lets the alias stand for the version before",
            confirm: &format!("Let `{alias}` stand for v{previous} again?"),
            fields: &[("alias", alias), ("reason", "rolled back by hand")],
        },
    )
}

fn promote(page: &Page, view: &ModelPage) -> Markup {
    html! {
        @if page.may_operate() && !view.versions.is_empty() {
            details.promote { summary { "Promote a version" }
                (post(page, &format!("/models/{}/promote", encoded(&view.name)), &html! {
                    div.fields {
                        div.field { label for="promote-version" { "version" } select #promote-version name="version" { @for version in &view.versions { option value=(version.version) { "v" (version.version) } } } }
                        div.field { label for="promote-alias" { "alias" } input #promote-alias name="alias" value="champion" required autocomplete="off"; }
                        div.field.wide { label for="promote-reason" { "reason" } input #promote-reason name="reason" required placeholder="why it has earned it" autocomplete="off"; }
                    }
                    button.primary type="submit" { "Promote" }
                })) }
        }
    }
}

fn moved(page: &Page, step: &AliasMove) -> Markup {
    html! {
        li { p { span.alias { (step.alias) } " " @if let Some(from) = step.from { "v" (from) " → " } b { "v" (step.to) } " " span.sub { (when(page.now, step.at)) } }
            p { (prose(&step.reason)) }
            p.sub { "by " @if step.run.is_empty() { (step.actor) } @else { a href={ "/runs/" (encoded(&step.run)) } { (step.actor) } } } }
    }
}

fn metric_grid(view: &ModelPage) -> Markup {
    let mut names: Vec<&str> = Vec::new();
    for metric in view.versions.iter().flat_map(|version| &version.metrics) {
        if !names.contains(&metric.name.as_str()) {
            names.push(&metric.name);
        }
    }
    scroll(
        "Metrics of all versions",
        &html! {
            table.metrics { thead { tr { th scope="col" { "version" } @for name in &names { th.num scope="col" { (name) } } } }
                tbody { @for version in &view.versions { tr { th scope="row" { a href={ "#v" (version.version) } { "v" (version.version) } }
                    @for name in &names { td.num { @if let Some(metric) = version.metrics.iter().find(|metric| metric.name == **name) { (number(metric.value)) } } } } } } }
        },
    )
}
