//! `/deployments`: what is in service, and what was.

use maud::{Markup, html};

use crate::{
    part::{Action, Live, Shell, action, empty, health_badge, live, shell},
    text::{encoded, short_id, when},
    view::{DeploymentHealth, DeploymentRow, Deployments, Page},
};

/// `/deployments`. Part: `live`.
pub fn deployments(page: &Page, view: &Deployments) -> String {
    let body = live(
        &Live::Every(10),
        &html! {
            @if view.rows.is_empty() {
                (empty("Nothing is deployed. A task behind a gate does it:", "[tasks.release]\nuses   = \"deploy.process\"\nneeds  = [\"gate\"]\ninputs = { model = \"model\" }"))
            } @else { div.card { (table(page, &view.rows, "Deployments", true)) } }
            @if !view.earlier.is_empty() { details.card { summary { h2 { "Earlier" } } (table(page, &view.earlier, "Earlier deployments", false)) } }
        },
    );
    if page.fragment.as_deref() == Some("live") {
        return body.into_string();
    }
    let main = html! { header.head { h1 { "Deployments" } } (body) };
    shell(page, &Shell { title: "Deployments", place: "/deployments" }, &main)
}

fn table(page: &Page, rows: &[DeploymentRow], caption: &str, may_stop: bool) -> Markup {
    html! {
        table.deployments { caption.sr { (caption) }
            thead { tr { th scope="col" { "Health" } th scope="col" { "Deployment" } th scope="col" { "Model" } th scope="col" { "Address" } th scope="col" { "Since" } th scope="col" { span.sr { "Actions" } } } }
            tbody { @for row in rows { tr {
                td { (health_badge(row.health)) @if !row.remark.is_empty() { p.sub { (row.remark) } } }
                td.main { b { (row.name) } " " span.sub { "#" (row.generation) " " (row.target) } }
                td { a href={ "/models/" (encoded(&row.model)) } { (row.model) } @if let Some(version) = row.version { " v" (version) } }
                td { @if row.address.starts_with("http://") || row.address.starts_with("https://") { a.mono href=(row.address) rel="noreferrer" { (row.address) } } @else { span.mono { (row.address) } } }
                td { (when(page.now, row.updated_at)) " " a.mono.sub href={ "/runs/" (encoded(&row.run)) } { (short_id(&row.run)) } }
                td { @if may_stop && !matches!(row.health, DeploymentHealth::Stopped | DeploymentHealth::Failed) {
                    (action(page, &Action { address: &format!("/deployments/{}/stop", encoded(&row.name)), label: "Stop", help: "Takes it out of service", confirm: "Take this deployment out of service?", fields: &[] }))
                } }
            } } }
        }
    }
}
