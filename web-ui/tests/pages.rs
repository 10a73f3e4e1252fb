//! Pages as a browser and a hostile workflow see them.

mod samples;

use sluicegate_web::view::{self, Page};
use sluicegate_web::{self as web};

/// Every page with rich data.
fn pages(page: &Page) -> Vec<(&'static str, String)> {
    vec![
        ("overview", web::overview(page, &samples::overview())),
        ("workflows", web::workflows(page, &samples::workflows())),
        ("workflow", web::workflow(page, &samples::workflow_page())),
        ("runs", web::runs(page, &samples::runs())),
        ("run", web::run(page, &samples::running_with_panel())),
        ("rejected", web::run(page, &samples::with_panel())),
        ("failed", web::run(page, &samples::failed())),
        ("many", web::run(page, &samples::many_open(1_000))),
        ("items", web::run(page, &samples::items(1_000))),
        ("task", web::task(page, &samples::task_page())),
        ("failure", web::task(page, &samples::task_page_of(samples::detail_of_failure()))),
        ("regression", web::task(page, &samples::regression_page())),
        ("log", web::log(page, &samples::log_page())),
        ("compare", web::compare(page, &samples::compare())),
        ("models", web::models(page, &samples::models())),
        ("model", web::model(page, &samples::model_page())),
        ("deployments", web::deployments(page, &samples::deployments())),
        ("schedules", web::schedules(page, &samples::schedules())),
        ("kinds", web::kinds(page, &samples::kinds())),
        ("kind", web::kind(page, &samples::kind_page())),
        ("system", web::system(page, &samples::system())),
        ("api", web::api_docs(page, &samples::api_docs())),
        ("login", web::login(page, &view::Login { next: "/".into(), problem: "no".into() })),
        (
            "error",
            web::error(page, &view::ErrorPage { status: 404, message: "x".into(), hints: vec!["y".into()] }),
        ),
    ]
}

/// Names and values of the attributes of every tag, roughly as a browser reads them.
fn attributes(html: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for tag in html.split('<').skip(1).filter(|tag| tag.starts_with(|c: char| c.is_ascii_alphabetic())) {
        let (name, mut rest) = tag.split_at(tag.find([' ', '>', '/']).unwrap_or(tag.len()));
        while let Some(space) = rest.find(' ') {
            let (end, next) = (rest.find('>').unwrap_or(rest.len()), &rest[space + 1..]);
            if end < space {
                break;
            }
            let stop = next.find(['=', ' ', '>']).unwrap_or(next.len());
            let attribute = next[..stop].to_owned();
            match next[stop..].strip_prefix("=\"") {
                Some(value) => {
                    let close = value.find('"').expect("an attribute ends");
                    found.push((name.to_owned(), attribute, value[..close].to_owned()));
                    rest = &value[close + 1..];
                }
                None => {
                    found.push((name.to_owned(), attribute, String::new()));
                    rest = &next[stop..];
                }
            }
        }
    }
    found
}

#[test]
fn no_page_needs_more_than_its_content_security_policy_allows() {
    for (name, html) in pages(&samples::page()) {
        assert_eq!(html.matches("<style").count(), 0, "{name}");
        for script in html.split("<script").skip(1) {
            assert!(script.starts_with(" src=\"/assets/app-"), "{name}: {}", &script[..60]);
            assert!(script.split_once('>').is_some_and(|(_, rest)| rest.starts_with("</script>")), "{name}");
        }
        for (tag, attribute, value) in attributes(&html) {
            assert!(attribute != "style" && !attribute.starts_with("on"), "{name}: {tag} {attribute}");
            if ["src", "action"].contains(&attribute.as_str()) || (tag == "link" && attribute == "href") {
                assert!(
                    value.starts_with('/') && !value.starts_with("//"),
                    "{name}: {tag} {attribute}={value}"
                );
            }
            if attribute == "href" {
                let is_ours = value.starts_with(['/', '#', '?']) || value.starts_with("http://127.0.0.1:80");
                assert!(is_ours && !value.starts_with("//"), "{name}: {value}");
            }
        }
        for address in html.split('"').filter(|text| text.starts_with("/assets/")) {
            assert!(web::asset(address).is_some(), "{name}: {address}");
        }
    }
}

#[test]
fn every_form_that_posts_carries_the_token_and_none_is_shown_to_viewers() {
    for (name, html) in pages(&samples::page()) {
        for form in html.split("<form").skip(1).filter(|form| form.contains("method=\"post\"")) {
            let form = form.split("</form>").next().expect("the form");
            assert!(form.contains("name=\"csrf\" value=\"f3a9c1\""), "{name}: {form}");
        }
    }
    let user = Some(view::User { name: "vera".into(), role: view::Role::Viewer });
    for (name, html) in pages(&Page { user, ..samples::page() }) {
        let posts: Vec<_> = html
            .split("<form")
            .skip(1)
            .filter(|form| form.contains("method=\"post\""))
            .filter(|form| !form.contains("action=\"/logout\"") && !form.contains("action=\"/login\""))
            .collect();
        assert!(posts.is_empty(), "{name}: {posts:?}");
    }
}

#[test]
fn ids_are_unique_and_every_page_has_its_landmarks() {
    for (name, html) in pages(&samples::page()) {
        let mut ids: Vec<_> =
            attributes(&html).into_iter().filter(|(_, name, _)| name == "id").map(|(.., id)| id).collect();
        let n = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), n, "{name}");
        for mark in [
            "<html lang=\"en\"",
            "<main",
            "<h1",
            "class=\"skip\"",
            " · Sluicegate</title>",
            "name=\"viewport\"",
        ] {
            assert_eq!(html.matches(mark).count(), 1, "{name}: {mark}");
        }
        let labelled = attributes(&html).into_iter().filter(|(_, name, _)| name == "aria-labelledby");
        for (.., target) in labelled {
            assert!(ids.contains(&target), "{name}: {target}");
        }
    }
}

#[test]
fn a_part_is_the_same_alone_and_in_its_page() {
    let whole = samples::page();
    let part = |name: &str| Page { fragment: Some(name.into()), ..samples::page() };
    let pairs = [
        (web::overview(&whole, &samples::overview()), web::overview(&part("live"), &samples::overview())),
        (web::workflows(&whole, &samples::workflows()), web::workflows(&part("live"), &samples::workflows())),
        (web::runs(&whole, &samples::runs()), web::runs(&part("live"), &samples::runs())),
        (web::run(&whole, &samples::with_panel()), web::run(&part("live"), &samples::with_panel())),
        (web::run(&whole, &samples::with_panel()), web::run(&part("task"), &samples::with_panel())),
        (web::run(&whole, &samples::many_open(1_000)), web::run(&part("group"), &samples::many_open(1_000))),
        (web::task(&whole, &samples::task_page()), web::task(&part("live"), &samples::task_page())),
        (web::log(&whole, &samples::log_page()), web::log(&part("log"), &samples::log_page())),
        (
            web::deployments(&whole, &samples::deployments()),
            web::deployments(&part("live"), &samples::deployments()),
        ),
        (web::schedules(&whole, &samples::schedules()), web::schedules(&part("live"), &samples::schedules())),
        (web::system(&whole, &samples::system()), web::system(&part("live"), &samples::system())),
    ];
    for (whole, part) in pairs {
        assert!(!part.is_empty() && !part.contains("<html"));
        assert!(whole.contains(&part), "{part}");
    }
    // A page without that part comes whole.
    assert!(web::models(&part("live"), &samples::models()).contains("<html"));
}

const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&`";

/// Nothing of [`HOSTILE`] became markup, and it is there as text.
fn assert_harmless(name: &str, html: &str) {
    assert!(!html.contains("<script>"), "{name}");
    assert!(!html.contains("<img"), "{name}");
    for (tag, attribute, _) in attributes(html) {
        assert!(
            !attribute.starts_with("on") && !attribute.contains(['\'', '"', '<']),
            "{name}: {tag} {attribute}"
        );
    }
    assert!(html.contains("&lt;script&gt;") || html.contains("%3Cscript%3E"), "{name}: it is shown");
}

fn bad() -> String {
    HOSTILE.to_owned()
}

fn hostile_page() -> Page {
    Page {
        csrf: bad(),
        project: bad(),
        version: bad(),
        user: Some(view::User { name: bad(), role: view::Role::Admin }),
        notice: Some(view::Notice { is_error: true, text: bad() }),
        ..samples::page()
    }
}

#[test]
fn hostile_runs_and_tasks_stay_text() {
    let page = hostile_page();
    let mut run = samples::with_panel();
    run.row.id = bad();
    run.row.workflow = bad();
    run.row.started_by = bad();
    run.row.parent = Some(bad());
    run.file = bad();
    run.cancel_reason = bad();
    run.group = bad();
    run.params = vec![view::Pair::new(bad(), bad())];
    run.previous = Some(bad());
    for task in &mut run.tasks {
        task.name.push_str(HOSTILE);
        task.kind = bad();
        task.remark = bad();
        task.child = Some(bad());
        task.attempts.iter_mut().for_each(|attempt| attempt.error = bad());
    }
    run.events.iter_mut().for_each(|event| (event.what, event.task, event.detail) = (bad(), bad(), bad()));
    let detail = run.selected.as_mut().expect("a panel");
    detail.run = bad();
    detail.task = run.tasks[8].clone();
    detail.description = bad();
    detail.why.text = bad();
    detail.why.parts = vec![view::Pair::new(bad(), bad())];
    detail.why.changes = vec![view::Change { name: bad(), before: Some(bad()), after: None }];
    detail.failure = Some(view::TaskFailure { code: bad(), message: bad(), hints: vec![bad()] });
    detail.params = vec![view::Pair::new(bad(), bad())];
    for port in detail.inputs.iter_mut().chain(&mut detail.outputs) {
        (port.port, port.port_type, port.from, port.hash) = (bad(), bad(), bad(), bad());
        port.value = Some(bad());
        if let Some(table) = &mut port.preview {
            table.columns = vec![view::Pair::new(bad(), bad())];
            table.rows = vec![vec![Some(bad())]];
        }
    }
    detail.metrics[0].name = bad();
    let evaluation = detail.evaluation.as_mut().expect("an evaluation");
    (evaluation.classes, evaluation.champion, evaluation.positive) = (vec![bad(), bad()], bad(), bad());
    evaluation.champion_error = bad();
    (detail.log.run, detail.log.task, detail.log.text) = (bad(), bad(), format!("\u{1b}[31m{HOSTILE}"));
    detail.before = vec![bad()];
    assert_harmless("run", &web::run(&page, &run));
    let detail = run.selected.clone().expect("a panel");
    assert_harmless(
        "task",
        &web::task(&page, &view::TaskPage { row: run.row.clone(), detail: detail.clone(), n_events: 1 }),
    );
    assert_harmless("log", &web::log(&page, &detail.log));

    let runs = view::Runs {
        rows: vec![run.row.clone()],
        workflow: bad(),
        query: bad(),
        workflows: vec![bad()],
        next: bad(),
        ..view::Runs::default()
    };
    assert_harmless("runs", &web::runs(&page, &runs));
    let mut compare = samples::compare();
    (compare.before, compare.after) = (Some(run.row.clone()), Some(run.row.clone()));
    compare.sources = Some([bad(), bad()]);
    compare.tasks.iter_mut().for_each(|task| task.name = bad());
    compare.problem = bad();
    assert_harmless("compare", &web::compare(&page, &compare));
}

#[test]
fn hostile_workflows_models_and_documents_stay_text() {
    let page = hostile_page();
    let mut workflow = samples::workflow_page();
    (workflow.row.name, workflow.row.description, workflow.row.file) = (bad(), bad(), bad());
    workflow.row.labels = vec![bad()];
    workflow.source = format!("{HOSTILE}\n# {HOSTILE}\n[{HOSTILE}]\n{HOSTILE} = {HOSTILE}");
    workflow.tasks.iter_mut().for_each(|task| (task.name, task.kind) = (bad(), bad()));
    for field in &mut workflow.params {
        (field.name, field.help, field.given) = (bad(), bad(), Some(bad()));
        field.error = Some(bad());
        field.choices = vec![bad()];
    }
    workflow.diagnostics.iter_mut().for_each(|problem| (problem.message, problem.hint) = (bad(), bad()));
    workflow.trend.series.iter_mut().for_each(|series| (series.task, series.metric) = (bad(), bad()));
    assert_harmless("workflow", &web::workflow(&page, &workflow));
    let rows = vec![workflow.row.clone()];
    assert_harmless(
        "workflows",
        &web::workflows(&page, &view::Workflows { rows, folder: bad(), query: bad() }),
    );

    let mut model = samples::model_page();
    model.name = bad();
    model.aliases.iter_mut().for_each(|alias| alias.alias = bad());
    model.history.iter_mut().for_each(|step| (step.actor, step.reason) = (bad(), bad()));
    model.versions.iter_mut().for_each(|version| (version.run, version.task) = (bad(), bad()));
    assert_harmless("model", &web::model(&page, &model));
    let mut deployments = samples::deployments();
    deployments.rows.iter_mut().for_each(|row| (row.name, row.address, row.remark) = (bad(), bad(), bad()));
    assert_harmless("deployments", &web::deployments(&page, &deployments));
    let mut kind = samples::kind_page();
    kind.doc = format!(
        "# {HOSTILE}\n{HOSTILE}\n\n- {HOSTILE}\n\n| {HOSTILE} |\n|---|\n| {HOSTILE} |\n\n[x](javascript:alert(1)) [{HOSTILE}](https://x/{HOSTILE})\n```\n{HOSTILE}\n```"
    );
    kind.schema = serde_json::json!({ "properties": { HOSTILE: { "enum": [HOSTILE], "description": HOSTILE, "default": HOSTILE } } });
    kind.row.name = bad();
    assert_harmless("kind", &web::kind(&page, &kind));
    let document = serde_json::json!({ "info": { "title": HOSTILE }, "paths": { HOSTILE: { "get": { "summary": HOSTILE, "responses": { HOSTILE: { "description": HOSTILE } } } } } });
    assert_harmless("api", &web::api_docs(&page, &view::ApiDocs { document }));
    assert_harmless("login", &web::login(&page, &view::Login { next: bad(), problem: bad() }));
    assert_harmless(
        "error",
        &web::error(&page, &view::ErrorPage { status: 500, message: bad(), hints: vec![bad()] }),
    );
}

#[test]
fn an_address_that_runs_something_is_no_link() {
    let mut deployments = samples::deployments();
    deployments.rows[0].address = "javascript:alert(1)".into();
    let html = web::deployments(&samples::page(), &deployments);
    assert!(html.contains("javascript:alert(1)") && !html.contains("href=\"javascript"));
}

#[test]
fn pages_of_many_tasks_stay_small() {
    let page = samples::page();
    for view in [samples::many(1_000), samples::many_open(1_000), samples::items(1_000)] {
        let html = web::run(&page, &view);
        assert!(html.len() < 300_000, "{} bytes", html.len());
    }
    assert!(web::run(&page, &samples::many(10_000)).len() < 500_000);
}

#[test]
fn every_task_can_be_reached_in_a_folded_run() {
    let view = samples::many(1_000);
    let closed = web::run(&samples::page(), &view);
    assert!(!closed.contains("?task=load-00001"));
    let open = web::run(&samples::page(), &samples::many_open(1_000));
    for n in 0..50 {
        assert!(open.contains(&format!("?task=load-{n:05}&amp;group=load-00000")), "{n}");
    }
    let later = view::RunPage { group: "train".into(), group_page: 4, ..samples::items(1_000) };
    let items = web::run(&samples::page(), &view::RunPage { group: "train".into(), ..samples::items(1_000) });
    assert!(items.contains("train[10]") && items.contains("rows=4"));
    assert!(web::run(&samples::page(), &later).contains("train[990]"));
}

#[test]
fn a_run_at_its_end_asks_for_nothing_and_one_at_work_listens_behind_what_it_shows() {
    let page = samples::page();
    assert!(!web::run(&page, &samples::rejected()).contains("data-stream"));
    let html = web::run(&page, &samples::running());
    assert!(html.contains("data-stream=\"/api/v1/runs/01K3XM4T9QZJ8V7RB2C5WD6HEF/events?after=40\""));
}

#[test]
fn empty_pages_say_what_to_do_next() {
    let page = samples::page();
    for html in [
        web::overview(&page, &view::Overview::default()),
        web::workflows(&page, &view::Workflows::default()),
        web::runs(&page, &view::Runs::default()),
    ] {
        assert!(html.contains("sluice run"));
    }
    assert!(web::models(&page, &view::Models::default()).contains("register"));
    assert!(web::deployments(&page, &view::Deployments::default()).contains("deploy.process"));
    assert!(web::schedules(&page, &view::Schedules::default()).contains("[schedule]"));
    web::run(&page, &view::RunPage::default());
    web::task(&page, &view::TaskPage::default());
    web::compare(&page, &view::Compare::default());
    web::model(&page, &view::ModelPage::default());
    web::kind(&page, &view::KindPage::default());
    web::system(&page, &view::System::default());
    web::api_docs(&page, &view::ApiDocs::default());
    web::log(&page, &view::LogPage::default());
}
