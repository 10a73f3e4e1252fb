//! `/kinds`: what tasks can do; the documentation of a kind from what it says of itself.

use maud::{Markup, html};

use crate::{
    doc::{markdown, schema},
    part::{Shell, empty, shell},
    text::{encoded, plural, prose},
    view::{KindPage, KindPort, Kinds, Page},
};

use super::system::plugin_table;

/// `/kinds`.
pub fn kinds(page: &Page, view: &Kinds) -> String {
    let mut packs: Vec<&str> = Vec::new();
    for row in &view.rows {
        if !packs.contains(&row.pack.as_str()) {
            packs.push(&row.pack);
        }
    }
    let main = html! {
        header.head { h1 { "Kinds and plugins" } p.lead { "What a task can do: " code { "uses = \"KIND\"" } "." } }
        @if view.rows.is_empty() { (empty("No kind is known.", "sluice kinds list")) }
        div.packs { @for pack in packs {
            section.card aria-label=(pack) { h2 { (pack) }
                dl.kinds { @for row in view.rows.iter().filter(|row| row.pack == pack) { dt { a.row href={ "/kinds/" (encoded(&row.name)) } { (row.name) } } dd { (prose(&row.summary)) } } } }
        } }
        section.card aria-labelledby="plugins" { h2 #plugins { "Packs and plugins" }
            (plugin_table(&view.plugins)) }
    };
    shell(page, &Shell { title: "Kinds", place: "/kinds" }, &main)
}

/// `/kinds/NAME`.
pub fn kind(page: &Page, view: &KindPage) -> String {
    let effect = match view.effect.as_str() {
        "pure" => "its outcome is used again while nothing that it depends on changes",
        "idempotent" => "it may be repeated, and is not cached unless the task says so",
        "once" => "it is never repeated on its own",
        _ => "",
    };
    let main = html! {
        header.head {
            nav.trail aria-label="Breadcrumb" { a href="/kinds" { "Kinds" } span { (view.row.name) } }
            h1.mono { (view.row.name) }
            p.lead { (view.row.summary) }
            p.meta { span { "pack " (view.row.pack) } @if !view.version.is_empty() { span { "version " (view.version) } }
                @if !view.effect.is_empty() { span title=(effect) { "effect " b { (view.effect) } } }
                @if !view.placement.is_empty() { span { (if view.placement == "inline" { "runs in the orchestrator" } else { "runs in a worker process" }) } } }
        }
        div.columns {
            div.wide {
                section.card.doc { (markdown(&view.doc)) @if view.doc.trim().is_empty() { p { (view.row.summary) } } }
                section.card aria-labelledby="params" { h2 #params { "Parameters" } (schema(&view.schema)) }
                @if !view.errors.is_empty() { section.card aria-labelledby="errors" { h2 #errors { "Errors" } dl.kinds { @for error in &view.errors { dt { code { (error.code) } } dd { (prose(&error.doc)) } } } } }
            }
            div.side {
                (ports("Inputs", &view.inputs, &view.more_inputs))
                (ports("Outputs", &view.outputs, &view.more_outputs))
                section.card { h2 { "In a workflow" } pre.command { code { (example(view)) } } }
                @if !view.used_by.is_empty() { section.card { h2 { "Used by " (plural(view.used_by.len(), "workflow")) } ul.plain { @for name in &view.used_by { li { a href={ "/workflows/" (encoded(name)) } { (name) } } } } } }
            }
        }
    };
    shell(page, &Shell { title: &view.row.name, place: "/kinds" }, &main)
}

fn ports(title: &str, ports: &[KindPort], more: &str) -> Markup {
    html! {
        section.card { h2 { (title) }
            @if ports.is_empty() && more.is_empty() { p.empty { "none" } }
            dl.kinds { @for port in ports { dt { b { (port.name) } " " span.type { (port.port_type) } @if port.is_optional { span.sub { " optional" } } } dd { (prose(&port.doc)) } }
                @if !more.is_empty() { dt { (more) } } } }
    }
}

/// The least that a task of the kind needs.
fn example(view: &KindPage) -> String {
    let short = view.row.name.rsplit('.').next().unwrap_or(&view.row.name);
    let mut text = format!("[tasks.{short}]\nuses = \"{}\"", view.row.name);
    let inputs: Vec<_> = view
        .inputs
        .iter()
        .filter(|port| !port.is_optional)
        .map(|port| format!("{} = \"TASK\"", port.name))
        .collect();
    if !inputs.is_empty() {
        text.push_str(&format!("\ninputs = {{ {} }}", inputs.join(", ")));
    }
    let required =
        view.schema["required"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str);
    let params: Vec<_> = required.map(|name| format!("{name} = …")).collect();
    if !params.is_empty() {
        text.push_str(&format!("\nwith = {{ {} }}", params.join(", ")));
    }
    text
}
