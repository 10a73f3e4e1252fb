//! Writes every page, with much and with nothing in it, to a folder, to be looked at: `cargo run -p sluicegate-web --example gallery DIR`.

#[path = "../tests/samples/mod.rs"]
mod samples;

use std::path::Path;

use sluicegate_web as web;
use sluicegate_web::view::{self, Page};

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "gallery".into());
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder.join("assets"))?;
    for theme in [view::Theme::Light, view::Theme::Dark] {
        let page = Page { theme, ..samples::page() };
        let suffix = if theme == view::Theme::Dark { "-dark" } else { "" };
        for (name, html) in pages(&page) {
            std::fs::write(folder.join(format!("{name}{suffix}.html")), with_assets(folder, &html)?)?;
        }
    }
    Ok(())
}

/// Saves the assets that a page names, and makes their addresses fit a file that is opened from the folder.
fn with_assets(folder: &Path, html: &str) -> std::io::Result<String> {
    for address in html.split('"').filter(|text| text.starts_with("/assets/")) {
        let asset = web::asset(address).expect("pages name only assets that there are");
        std::fs::write(folder.join(&address[1..]), asset.bytes)?;
    }
    Ok(html.replace("\"/assets/", "\"assets/"))
}

fn pages(page: &Page) -> Vec<(&'static str, String)> {
    let noticed = Page {
        notice: Some(view::Notice { is_error: false, text: "Run 5WD6HEF has started.".into() }),
        ..page.clone()
    };
    let stranger = Page { user: None, ..page.clone() };
    vec![
        ("overview", web::overview(page, &samples::overview())),
        ("overview-empty", web::overview(page, &view::Overview::default())),
        ("workflows", web::workflows(page, &samples::workflows())),
        (
            "workflows-empty",
            web::workflows(page, &view::Workflows { folder: "workflows/".into(), ..Default::default() }),
        ),
        ("workflow", web::workflow(page, &samples::workflow_page())),
        ("runs", web::runs(page, &samples::runs())),
        ("runs-empty", web::runs(page, &view::Runs::default())),
        ("run-running", web::run(&noticed, &samples::running())),
        ("run-rejected", web::run(page, &samples::rejected())),
        ("run-failed", web::run(page, &samples::failed())),
        ("run-panel", web::run(page, &samples::with_panel())),
        ("run-panel-running", web::run(page, &samples::running_with_panel())),
        ("run-1000", web::run(page, &samples::many(1_000))),
        ("run-1000-open", web::run(page, &samples::many_open(1_000))),
        ("run-wide", web::run(page, &samples::wide())),
        ("run-items", web::run(page, &samples::items(1_000))),
        ("run-10000", web::run(page, &samples::many(10_000))),
        ("run-empty", web::run(page, &view::RunPage::default())),
        ("task", web::task(page, &samples::task_page())),
        ("task-gate", web::task(page, &samples::task_page_of(samples::detail_of_gate()))),
        ("task-failed", web::task(page, &samples::task_page_of(samples::detail_of_failure()))),
        ("task-regression", web::task(page, &samples::regression_page())),
        ("log", web::log(page, &samples::log_page())),
        ("compare", web::compare(page, &samples::compare())),
        (
            "compare-choose",
            web::compare(page, &view::Compare { choices: samples::rows(), ..Default::default() }),
        ),
        ("models", web::models(page, &samples::models())),
        ("models-empty", web::models(page, &view::Models::default())),
        ("model", web::model(page, &samples::model_page())),
        ("deployments", web::deployments(page, &samples::deployments())),
        ("deployments-empty", web::deployments(page, &view::Deployments::default())),
        ("schedules", web::schedules(page, &samples::schedules())),
        ("schedules-empty", web::schedules(page, &view::Schedules::default())),
        ("kinds", web::kinds(page, &samples::kinds())),
        ("kind", web::kind(page, &samples::kind_page())),
        ("system", web::system(page, &samples::system())),
        ("api", web::api_docs(page, &samples::api_docs())),
        (
            "login",
            web::login(&stranger, &view::Login { next: "/runs".into(), problem: "No such token.".into() }),
        ),
        (
            "error-404",
            web::error(
                page,
                &view::ErrorPage {
                    status: 404,
                    message: "no run is named `01K3X`".into(),
                    hints: vec!["`sluice runs list` lists them".into()],
                },
            ),
        ),
        ("error-500", web::error(page, &view::ErrorPage { status: 500, ..Default::default() })),
    ]
}
