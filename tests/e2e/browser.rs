//! The page in a real browser: Chromium, driven by its own driver.
//!
//! Without the two the tests say that they were skipped; with `CI=true` they fail. A picture of what went wrong is in
//! `browser/` of the build's folder.

use std::{
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use thirtyfour::prelude::*;

use crate::{
    daemon::Daemon,
    project::{Project, wait_until},
};

/// How long the page may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);

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
fn browse(name: &str, test: impl AsyncFn(&WebDriver) -> WebDriverResult<()>) {
    browse_on(Screen::Desk, name, test);
}

fn browse_on(screen: Screen, name: &str, test: impl AsyncFn(&WebDriver) -> WebDriverResult<()>) {
    let Some(driver) = driver() else { return };
    // The driver's client wants to know who would speak TLS, although it speaks none here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut wanted = DesiredCapabilities::chrome();
        // No name is resolved: whatever a page would want from elsewhere fails.
        for argument in [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--window-size=1280,900",
            "--disable-background-networking",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ] {
            wanted.add_arg(argument).expect("an argument");
        }
        if screen == Screen::Phone {
            // A window has a least width, and a phone's screen is less.
            let phone =
                serde_json::json!({ "deviceMetrics": { "width": 390, "height": 844, "pixelRatio": 1 } });
            wanted.add_experimental_option("mobileEmulation", phone).expect("an option");
        }
        let address = format!("http://127.0.0.1:{}", driver.port);
        let browser = WebDriver::new(&address, wanted).await.expect("the browser starts");
        let done = tokio::time::timeout(4 * PATIENCE, test(&browser)).await;
        let failed = match done {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("it took too long".to_owned()),
        };
        if let Some(why) = failed {
            let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("browser");
            std::fs::create_dir_all(&folder).expect("a folder");
            let picture = folder.join(format!("{name}.png"));
            let taken = browser.screenshot(&picture).await;
            let text = browser.source().await.unwrap_or_default();
            let _ = browser.quit().await;
            panic!("{why}\nthe picture is in {} ({taken:?})\n{text}", picture.display());
        }
        browser.quit().await.expect("the browser ends");
    });
}

/// Waits until an element holds a text.
async fn until_text(browser: &WebDriver, css: &str, text: &str) -> WebDriverResult<WebElement> {
    let text = text.to_owned();
    browser
        .query(By::Css(css))
        .with_filter(move |element: WebElement| {
            let text = text.clone();
            async move { Ok(element.text().await.is_ok_and(|found| found.contains(&text))) }
        })
        .wait(PATIENCE, Duration::from_millis(50))
        .first()
        .await
}

async fn click(browser: &WebDriver, css: &str) -> WebDriverResult<()> {
    let element = browser.query(By::Css(css)).wait(PATIENCE, Duration::from_millis(50)).first().await?;
    element.scroll_into_view().await?;
    element.click().await
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
    browse("start", async |browser| {
        browser.goto(format!("{address}/workflows/steps")).await?;
        let field = browser.find(By::Id("param.greeting")).await?;
        field.clear().await?;
        field.send_keys("servus").await?;
        click(browser, "form[action='/workflows/steps/runs'] button[type=submit]").await?;
        until_text(browser, "main", "running").await?;
        click(browser, "#live a[href*='task=first']").await?;
        until_text(browser, "#log-lines", "servus from the log").await?;
        // Nothing is loaded again: the page hears of the end by itself.
        project.file("go", "");
        until_text(browser, "#live", "succeeded").await?;
        until_text(browser, "h1", "steps").await?;
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
    browse("restart", async |browser| {
        browser.goto(format!("http://{address}/runs/{id}")).await?;
        until_text(browser, "#link", "live").await?;
        drop(daemon.borrow_mut().take());
        until_text(browser, "#link", "reconnecting").await?;
        *daemon.borrow_mut() = Some(Daemon::start_with(&project, &["--bind", &address]));
        until_text(browser, "#link", "live").await?;
        project.file("go", "");
        until_text(browser, "#live", "succeeded").await?;
        Ok(())
    });
}

#[test]
fn a_run_is_cancelled_by_its_button_and_two_are_compared() {
    let project = project();
    let daemon = Daemon::start(&project);
    let address = format!("http://{}", daemon.address);
    let first = daemon.run("steps");
    browse("cancel", async |browser| {
        browser.goto(format!("{address}/runs/{first}")).await?;
        click(browser, "form[action$='/cancel'] button[type=submit]").await?;
        click(browser, "dialog[open] button[value=yes]").await?;
        until_text(browser, "#live", "cancelled").await?;
        project.file("go", "");
        let second = daemon.run("steps");
        daemon.wait_for(&second, "succeeded");
        browser.goto(format!("{address}/compare?a={first}&b={second}")).await?;
        until_text(browser, "main", "second").await?;
        until_text(browser, "main", "cancelled").await?;
        until_text(browser, "main", "succeeded").await?;
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
    browse("promote", async |browser| {
        browser.goto(format!("{address}/models/{name}")).await?;
        let form = format!("form[action='/models/{name}/promote']");
        let shown = browser.query(By::Css(&form)).wait(PATIENCE, Duration::from_millis(50)).first().await?;
        // The form may be folded away.
        browser
            .execute("document.querySelectorAll('details').forEach((one) => { one.open = true; });", vec![])
            .await?;
        let alias = shown.find(By::Css("[name=alias]")).await?;
        alias.clear().await?;
        alias.send_keys("staging").await?;
        shown.find(By::Css("[name=reason]")).await?.send_keys("looks good").await?;
        shown.find(By::Css("button[type=submit]")).await?.click().await?;
        if let Ok(yes) = browser
            .query(By::Css("dialog[open] button[value=yes]"))
            .wait(Duration::from_secs(1), Duration::from_millis(50))
            .first()
            .await
        {
            yes.click().await?;
        }
        until_text(browser, ".notice", "stands for version 1 now").await?;
        until_text(browser, "main", "looks good").await?;
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
    browse_on(Screen::Phone, "offline", async |browser| {
        for page in pages {
            browser.goto(format!("{address}{page}")).await?;
            let seen = browser
                .execute(
                    "const loaded = performance.getEntriesByType('resource').map((entry) => entry.name);
                     return {
                         elsewhere: loaded.filter((name) => new URL(name).origin !== location.origin),
                         n_loaded: loaded.length,
                         styled: getComputedStyle(document.body).display,
                     };",
                    vec![],
                )
                .await?
                .json()
                .clone();
            assert_eq!(seen["elsewhere"], serde_json::json!([]), "{page}");
            assert!(seen["n_loaded"].as_u64() >= Some(2), "style sheet and script of {page}: {seen}");
            assert_eq!(seen["styled"], "flex", "{page}");
            assert_eq!(overflow(browser).await?, 0, "{page} is wider than the screen");
        }
        Ok(())
    });
}

/// By how many pixels the page is wider than the screen.
async fn overflow(browser: &WebDriver) -> WebDriverResult<i64> {
    let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth;";
    let seen = browser.execute(script, vec![]).await?;
    Ok(seen.json().as_i64().unwrap_or(i64::MAX))
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
    browse_on(Screen::Phone, "curves", async |browser| {
        let address = format!("http://{}", daemon.address);
        browser.goto(format!("{address}/runs/{later}")).await?;
        click(browser, "#tasks a[href*='task=scores']").await?;
        until_text(browser, "#panel", "ROC curve").await?;
        let path = browser.find(By::Css("#panel path.curve")).await?;
        assert!(path.attr("d").await?.is_some_and(|d| d.starts_with('M') && d.contains('L')));
        browser.find(By::Css("#panel circle.decided")).await?;
        click(browser, "#panel details.thresholds summary").await?;
        until_text(browser, "#panel details.thresholds", "false alarms").await?;
        assert_eq!(overflow(browser).await?, 0, "the panel");
        for page in [format!("/runs/{later}/tasks/scores"), format!("/compare?a={earlier}&b={later}")] {
            browser.goto(format!("{address}{page}")).await?;
            assert_eq!(overflow(browser).await?, 0, "{page}");
        }
        Ok(())
    });
}
