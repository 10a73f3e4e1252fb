//! A client of `chromedriver`: the few commands that the tests of the page need.
//!
//! The protocol is `WebDriver` of the W3C: JSON over HTTP, which is that of `project`. A client from a library would
//! bring features of `serde_json` with it that the product is not built with: the tests would try another program than
//! the one that users have.

use std::{
    fmt::Display,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::project::http;

/// How long the page may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// The key under which a driver names an element: section 12 of the specification.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What a driver or a page did not do.
pub(crate) type Failure = String;

/// A browser with one window; it ends when its driver is killed.
pub(crate) struct Browser {
    driver: String,
    session: String,
}

/// An element of the page.
pub(crate) struct Element<'a> {
    browser: &'a Browser,
    id: String,
}

impl Browser {
    /// Opens a browser with the options of Chromium.
    pub(crate) fn open(port: u16, options: &Value) -> Result<Self, Failure> {
        let mut browser = Self { driver: format!("http://127.0.0.1:{port}"), session: String::new() };
        let limit = PATIENCE.as_millis();
        let limits = json!({ "pageLoad": limit, "script": limit });
        let wanted = json!({ "browserName": "chrome", "timeouts": limits, "goog:chromeOptions": options });
        let opened =
            browser.ask("POST", "/session", &json!({ "capabilities": { "alwaysMatch": wanted } }))?;
        let id = opened["sessionId"].as_str().ok_or_else(|| format!("no session: {opened}"))?;
        browser.session = format!("/session/{id}");
        Ok(browser)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        let body = if method == "GET" { String::new() } else { body.to_string() };
        let path = format!("{}{path}", self.session);
        let (status, reply) = http(method, &self.driver, &path, &body);
        let reply: Value = serde_json::from_str(&reply).map_err(|error| format!("{error}: {reply}"))?;
        match status {
            200 => Ok(reply["value"].clone()),
            _ => Err(format!("{path}: {}", reply["value"]["message"])),
        }
    }

    pub(crate) fn goto(&self, address: impl Display) -> Result<(), Failure> {
        self.ask("POST", "/url", &json!({ "url": address.to_string() })).map(drop)
    }

    /// The first element that a CSS selector finds at once.
    pub(crate) fn find(&self, css: &str) -> Result<Element<'_>, Failure> {
        self.find_below("", css)
    }

    /// The first element that a CSS selector finds below another one, or in the page when `below` is empty.
    fn find_below(&self, below: &str, css: &str) -> Result<Element<'_>, Failure> {
        let wanted = json!({ "using": "css selector", "value": css });
        let found = self.ask("POST", &format!("{below}/element"), &wanted)?;
        let id = found[ELEMENT].as_str().ok_or_else(|| format!("no element: {found}"))?.to_owned();
        Ok(Element { browser: self, id })
    }

    /// The first element that a CSS selector finds, and that satisfies a condition, before the time is over.
    fn wait(
        &self,
        css: &str,
        patience: Duration,
        is_wanted: impl Fn(&Element) -> bool,
    ) -> Result<Element<'_>, Failure> {
        let start = Instant::now();
        loop {
            let found = self.find(css);
            match found {
                Ok(element) if is_wanted(&element) => return Ok(element),
                Ok(_) if start.elapsed() > patience => return Err(format!("`{css}` is not as wanted")),
                Err(error) if start.elapsed() > patience => return Err(error),
                _ => std::thread::park_timeout(Duration::from_millis(50)),
            }
        }
    }

    /// Waits until an element is there.
    pub(crate) fn until(&self, css: &str) -> Result<Element<'_>, Failure> {
        self.wait(css, PATIENCE, |_| true)
    }

    /// Waits a moment for an element that need not come.
    pub(crate) fn soon(&self, css: &str) -> Option<Element<'_>> {
        self.wait(css, Duration::from_secs(1), |_| true).ok()
    }

    /// Waits until an element holds a text.
    pub(crate) fn until_text(&self, css: &str, text: &str) -> Result<(), Failure> {
        let wanted = |element: &Element| element.text().is_ok_and(|found| found.contains(text));
        self.wait(css, PATIENCE, wanted).map(drop).map_err(|error| format!("{error}: `{text}`"))
    }

    /// Waits until an element is there, and clicks it.
    pub(crate) fn click(&self, css: &str) -> Result<(), Failure> {
        self.until(css)?.click()
    }

    /// Runs a script and returns what it returns.
    pub(crate) fn execute(&self, script: &str) -> Result<Value, Failure> {
        self.ask("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    pub(crate) fn source(&self) -> Result<String, Failure> {
        Ok(self.ask("GET", "/source", &Value::Null)?.as_str().unwrap_or_default().to_owned())
    }

    /// Writes a picture of the page.
    pub(crate) fn screenshot(&self, path: &Path) -> Result<(), Failure> {
        let picture = self.ask("GET", "/screenshot", &Value::Null)?;
        let text = path.with_extension("base64");
        std::fs::write(&text, picture.as_str().unwrap_or_default()).map_err(|error| error.to_string())?;
        let decoded =
            Command::new("base64").arg("-d").arg(&text).output().map_err(|error| error.to_string())?;
        std::fs::write(path, decoded.stdout).map_err(|error| error.to_string())
    }

    pub(crate) fn quit(&self) -> Result<(), Failure> {
        self.ask("DELETE", "", &json!({})).map(drop)
    }
}

impl Element<'_> {
    fn ask(&self, method: &str, what: &str, body: &Value) -> Result<Value, Failure> {
        self.browser.ask(method, &format!("/element/{}/{what}", self.id), body)
    }

    /// The text that is shown.
    pub(crate) fn text(&self) -> Result<String, Failure> {
        Ok(self.ask("GET", "text", &Value::Null)?.as_str().unwrap_or_default().to_owned())
    }

    pub(crate) fn attribute(&self, name: &str) -> Result<Option<String>, Failure> {
        let value = self.ask("GET", &format!("attribute/{name}"), &Value::Null)?;
        Ok(value.as_str().map(str::to_owned))
    }

    /// The first element inside that a CSS selector finds.
    pub(crate) fn find(&self, css: &str) -> Result<Element<'_>, Failure> {
        self.browser.find_below(&format!("/element/{}", self.id), css)
    }

    /// Scrolls there if need be, and clicks.
    pub(crate) fn click(&self) -> Result<(), Failure> {
        self.ask("POST", "click", &json!({})).map(drop)
    }

    /// Types a text in place of what a field holds.
    pub(crate) fn fill(&self, text: &str) -> Result<(), Failure> {
        self.ask("POST", "clear", &json!({}))?;
        self.ask("POST", "value", &json!({ "text": text })).map(drop)
    }
}
