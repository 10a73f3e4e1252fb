//! `/api/docs`: the `OpenAPI` document, to be read without a network.

use maud::{Markup, html};
use serde_json::Value;

use crate::{
    doc::{markdown, schema_in},
    part::{Shell, shell},
    text::prose,
    view::{ApiDocs, Page},
};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// `/api/docs`.
pub fn api_docs(page: &Page, view: &ApiDocs) -> String {
    let document = &view.document;
    let empty = serde_json::Map::new();
    let paths = document["paths"].as_object().unwrap_or(&empty);
    let operations: Vec<_> = paths
        .iter()
        .flat_map(|(path, item)| {
            METHODS.iter().filter_map(move |method| Some((path, *method, item, item.get(*method)?)))
        })
        .collect();
    let main = html! {
        header.head { h1 { (document["info"]["title"].as_str().unwrap_or("API")) }
            p.meta { span { "version " (document["info"]["version"].as_str().unwrap_or("?")) } span { "OpenAPI " (document["openapi"].as_str().unwrap_or("?")) } a href="/api/openapi.json" { "openapi.json" } }
            (markdown(document["info"]["description"].as_str().unwrap_or_default())) }
        div.api {
            nav.card aria-label="Operations" { ul.plain { @for (path, method, _, operation) in &operations { li { a href={ "#" (anchor(method, path)) } title=(path) { (verb(method)) span { (prose(summary(operation, path))) } } } } } }
            div { @for (path, method, item, operation) in &operations { (operation_card(document, path, method, item, operation)) } }
        }
    };
    shell(page, &Shell { title: "API", place: "" }, &main)
}

fn anchor(method: &str, path: &str) -> String {
    format!("{method}{}", path.replace(['/', '{', '}'], "-"))
}

fn verb(method: &str) -> Markup {
    html! { span class={ "verb v-" (method) } { (method.to_uppercase()) } }
}

fn summary<'a>(operation: &'a Value, path: &'a str) -> &'a str {
    operation["summary"].as_str().filter(|summary| !summary.is_empty()).unwrap_or(path)
}

fn operation_card(document: &Value, path: &str, method: &str, item: &Value, operation: &Value) -> Markup {
    let parameters: Vec<&Value> = [item, operation]
        .iter()
        .filter_map(|owner| owner["parameters"].as_array())
        .flatten()
        .map(|parameter| resolve(document, parameter))
        .collect();
    let body = resolve(document, &operation["requestBody"]);
    html! {
        section.card.operation id=(anchor(method, path)) {
            h2 { (verb(method)) code { (path) } }
            p.lead { (prose(summary(operation, ""))) }
            (markdown(operation["description"].as_str().unwrap_or_default()))
            @if !parameters.is_empty() {
                table { caption { "Parameters" } tbody { @for parameter in &parameters { tr {
                    th scope="row" { code { (parameter["name"].as_str().unwrap_or_default()) } @if parameter["required"] == true { span.must { " required" } } }
                    td.sub { (parameter["in"].as_str().unwrap_or_default()) }
                    td { (schema_in(document, &parameter["schema"])) }
                    td { (parameter["description"].as_str().unwrap_or_default()) }
                } } } }
            }
            @if let Some(content) = body["content"].as_object() { h3 { "Body" } @for (media, content) in content { p.sub { (media) } (schema_in(document, &content["schema"])) } }
            @if let Some(responses) = operation["responses"].as_object() {
                h3 { "Answers" }
                dl.kinds { @for (status, response) in responses { @let response = resolve(document, response);
                    dt { code { (status) } } dd { (response["description"].as_str().unwrap_or_default())
                        @if let Some(content) = response["content"].as_object() { @for (media, content) in content { details { summary { (media) } (schema_in(document, &content["schema"])) } } } } } }
            }
        }
    }
}

/// What a reference within the document stands for.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).unwrap_or(value),
        None => value,
    }
}
