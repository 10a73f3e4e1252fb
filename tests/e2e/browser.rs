//! The page in a real browser: Chromium, driven by its own driver.
//!
//! Without the two the tests say that they were skipped; with `CI=true` they fail. A picture of what went wrong is in
//! `browser/` of the build's folder.

use std::{
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde_json::json;

use crate::{
    daemon::Daemon,
    project::{Project, wait_until},
    webdriver::{Browser, Failure},
};

/// A driver that is killed when it is dropped, with the browsers that it started.
struct Driver {
    child: Child,
    port: u16,
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn driver() -> Option<Driver> {
    let missing: Vec<_> = ["chromedriver", "chromium"].into_iter().filter(|name| !is_there(name)).collect();
    if !missing.is_empty() {
        let missing = missing.join(" and ");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing} must be there: see `.ci/run`");
        #[expect(clippy::print_stderr, reason = "whoever runs the tests must know that these did not run")]
        {
            eprintln!("skipped, because {missing} is not there: `apt-get install chromium chromium-driver`");
        }
        return None;
    }
    let port = free_port();
    let child = Command::new("chromedriver")
        .arg(format!("--port={port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the driver starts");
    let driver = Driver { child, port };
    wait_until("the driver listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    Some(driver)
}

/// What a page is seen on.
#[derive(Clone, Copy, PartialEq)]
enum Screen {
    Desk,
    Phone,
}

/// Does something in a browser; leaves a picture when it fails.
fn browse(name: &str, test: impl FnOnce(&Browser) -> Result<(), Failure>) {
    browse_on(Screen::Desk, name, test);
}

fn browse_on(screen: Screen, name: &str, test: impl FnOnce(&Browser) -> Result<(), Failure>) {
    let Some(driver) = driver() else { return };
    // No name is resolved: whatever a page would want from elsewhere fails.
    let mut options = json!({ "args": [
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--window-size=1280,900",
        "--disable-background-networking",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ] });
    if screen == Screen::Phone {
        // A window has a least width, and a phone's screen is less.
        options["mobileEmulation"] =
            json!({ "deviceMetrics": { "width": 390, "height": 844, "pixelRatio": 1 } });
    }
    let browser = Browser::open(driver.port, &options).expect("the browser starts");
    if let Err(why) = test(&browser) {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("browser");
        std::fs::create_dir_all(&folder).expect("a folder");
        let picture = folder.join(format!("{name}.png"));
        let taken = browser.screenshot(&picture);
        let text = browser.source().unwrap_or_default();
        let _ = browser.quit();
        panic!("{why}\nthe picture is in {} ({taken:?})\n{text}", picture.display());
    }
    browser.quit().expect("the browser ends");
}

fn project() -> Project {
    let project = Project::new();
    project.file("sluice.toml", "");
    project.file(
        "workflows/steps.toml",
        r#"
name = "steps"
[params]
greeting = { type = "string", default = "hello" }
[tasks.first]
uses = "shell"
with = { script = "echo \"$G from the log\"; while [ ! -e ../go ]; do sleep 0.02; done", env = { G = "{{ params.greeting }}" } }
[tasks.second]
uses = "noop"
needs = ["first"]
"#,
    );
    project
}

#[test]
fn a_run_is_started_from_the_form_and_watched_to_its_end() {
    let project = project();
    let daemon = Daemon::start(&project);
    let address = format!("http://{}", daemon.address);
    browse("start", |browser| {
        browser.goto(format!("{address}/workflows/steps"))?;
        browser.find("[id='param.greeting']")?.fill("servus")?;
        browser.click("form[action='/workflows/steps/runs'] button[type=submit]")?;
        browser.until_text("main", "running")?;
        browser.click("#live a[href*='task=first']")?;
        browser.until_text("#log-lines", "servus from the log")?;
        // Nothing is loaded again: the page hears of the end by itself.
        project.file("go", "");
        browser.until_text("#live", "succeeded")?;
        browser.until_text("h1", "steps")?;
        Ok(())
    });
}

#[test]
fn a_live_page_survives_a_restart_of_the_daemon() {
    let project = project();
    let daemon = Daemon::start(&project);
    let address = daemon.address.clone();
    let id = daemon.run("steps");
    let daemon = std::cell::RefCell::new(Some(daemon));
    browse("restart", |browser| {
        browser.goto(format!("http://{address}/runs/{id}"))?;
        browser.until_text("#link", "live")?;
        drop(daemon.borrow_mut().take());
        browser.until_text("#link", "reconnecting")?;
        *daemon.borrow_mut() = Some(Daemon::start_with(&project, &["--bind", &address]));
        browser.until_text("#link", "live")?;
        project.file("go", "");
        browser.until_text("#live", "succeeded")?;
        Ok(())
    });
}

#[test]
fn a_run_is_cancelled_by_its_button_and_two_are_compared() {
    let project = project();
    let daemon = Daemon::start(&project);
    let address = format!("http://{}", daemon.address);
    let first = daemon.run("steps");
    browse("cancel", |browser| {
        browser.goto(format!("{address}/runs/{first}"))?;
        browser.click("form[action$='/cancel'] button[type=submit]")?;
        browser.click("dialog[open] button[value=yes]")?;
        browser.until_text("#live", "cancelled")?;
        project.file("go", "");
        let second = daemon.run("steps");
        daemon.wait_for(&second, "succeeded");
        browser.goto(format!("{address}/compare?a={first}&b={second}"))?;
        browser.until_text("main", "second")?;
        browser.until_text("main", "cancelled")?;
        browser.until_text("main", "succeeded")?;
        Ok(())
    });
}

#[test]
fn a_model_is_promoted_by_its_form() {
    let project = Project::with_examples();
    project.file("sluice.toml", "");
    project.sluice(&["run", "workflows/iris.toml"]).expect(0);
    let models = project.sluice(&["models", "list", "--format", "json"]).expect(0).json();
    let name = models[0]["name"].as_str().expect("a model").to_owned();
    let daemon = Daemon::start(&project);
    let address = format!("http://{}", daemon.address);
    browse("promote", |browser| {
        browser.goto(format!("{address}/models/{name}"))?;
        let shown = browser.until(&format!("form[action='/models/{name}/promote']"))?;
        // The form may be folded away.
        browser.execute("document.querySelectorAll('details').forEach((one) => { one.open = true; });")?;
        shown.find("[name=alias]")?.fill("staging")?;
        shown.find("[name=reason]")?.fill("looks good")?;
        shown.find("button[type=submit]")?.click()?;
        if let Some(yes) = browser.soon("dialog[open] button[value=yes]") {
            yes.click()?;
        }
        browser.until_text(".notice", "stands for version 1 now")?;
        browser.until_text("main", "looks good")?;
        Ok(())
    });
    let shown = project.sluice(&["models", "show", &name, "--format", "json"]).expect(0).json();
    assert_eq!(shown["aliases"]["staging"], 1);
}

#[test]
fn every_page_does_without_a_network_and_without_scrolling_sideways_on_a_phone() {
    let project = project();
    let daemon = Daemon::start(&project);
    let address = format!("http://{}", daemon.address);
    project.file("go", "");
    let id = daemon.run("steps");
    daemon.wait_for(&id, "succeeded");
    let run = format!("/runs/{id}");
    let (task, log) = (format!("{run}/tasks/first"), format!("{run}/tasks/first/log"));
    let panel = format!("{run}?task=first");
    let pages = [
        "/",
        "/workflows",
        "/workflows/steps",
        "/runs",
        &run,
        &panel,
        &task,
        &log,
        "/compare",
        "/models",
        "/deployments",
        "/schedules",
        "/kinds",
        "/kinds/evaluate",
        "/system",
        "/api/docs",
        "/nowhere",
    ];
    browse_on(Screen::Phone, "offline", |browser| {
        for page in pages {
            browser.goto(format!("{address}{page}"))?;
            let seen = browser.execute(
                "const loaded = performance.getEntriesByType('resource').map((entry) => entry.name);
                 return {
                     elsewhere: loaded.filter((name) => new URL(name).origin !== location.origin),
                     n_loaded: loaded.length,
                     styled: getComputedStyle(document.body).display,
                 };",
            )?;
            assert_eq!(seen["elsewhere"], json!([]), "{page}");
            assert!(seen["n_loaded"].as_u64() >= Some(2), "style sheet and script of {page}: {seen}");
            assert_eq!(seen["styled"], "flex", "{page}");
            assert_eq!(overflow(browser)?, 0, "{page} is wider than the screen");
        }
        Ok(())
    });
}

/// By how many pixels the page is wider than the screen.
fn overflow(browser: &Browser) -> Result<i64, Failure> {
    let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth;";
    Ok(browser.execute(script)?.as_i64().unwrap_or(i64::MAX))
}

#[test]
fn an_evaluation_is_drawn_and_compared_on_a_phone() {
    let project = Project::with_examples();
    project.file("sluice.toml", "");
    for least in ["0.5", "1.0"] {
        let least = format!("min_recall={least}");
        project.sluice(&["run", "workflows/breast-cancer.toml", "-p", "target=docker", "-p", &least]);
    }
    let daemon = Daemon::start(&project);
    let runs = daemon.get("/api/v1/runs").json();
    let id = |at: usize| runs["runs"][at]["id"].as_str().expect("a run").to_owned();
    let (later, earlier) = (id(0), id(1));
    browse_on(Screen::Phone, "curves", |browser| {
        let address = format!("http://{}", daemon.address);
        browser.goto(format!("{address}/runs/{later}"))?;
        browser.click("#tasks a[href*='task=scores']")?;
        browser.until_text("#panel", "ROC curve")?;
        let path = browser.find("#panel path.curve")?;
        assert!(path.attribute("d")?.is_some_and(|d| d.starts_with('M') && d.contains('L')));
        browser.find("#panel circle.decided")?;
        browser.click("#panel details.thresholds summary")?;
        browser.until_text("#panel details.thresholds", "false alarms")?;
        assert_eq!(overflow(browser)?, 0, "the panel");
        for page in [format!("/runs/{later}/tasks/scores"), format!("/compare?a={earlier}&b={later}")] {
            browser.goto(format!("{address}{page}"))?;
            assert_eq!(overflow(browser)?, 0, "{page}");
        }
        Ok(())
    });
}
