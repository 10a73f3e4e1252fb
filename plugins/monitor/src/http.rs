//! The kind `monitor.http`.

use std::{collections::BTreeMap, time::Duration};

use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use sluicegate_plugin::{
    Context, Description, DurationParam, Effect, LogLevel, Placement, Port, PortType, Problem, Task,
    TaskError,
};

use crate::{
    expect::{Expectation, Place},
    fetch::{Fetched, Fetcher, header_map},
    page::{Check, Page, PageFormat},
    redact::redacted,
};

/// How often a cancelled run is noticed while waiting.
const LOOK: Duration = Duration::from_millis(50);

/// At most so many breaches are named in one message.
const MAX_BREACHES: usize = 20;

/// Looks at an HTTP address until its values are as expected.
pub struct MonitorHttp;

/// Parameters of `monitor.http`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MonitorHttpParams {
    /// The address, `http://` or `https://`. User, password and secret query values are never shown.
    url: String,
    /// What must hold. At least one.
    #[schemars(length(min = 1))]
    expect: Vec<Expectation>,
    /// How to read the page. `auto` goes by `expect`: JSON pointers mean JSON, series mean Prometheus.
    #[serde(default)]
    format: Format,
    /// How often to look before giving up.
    #[serde(default = "five")]
    #[schemars(range(min = 1, max = 100_000))]
    attempts: u32,
    /// How long to wait between two looks.
    #[serde(default = "second")]
    interval: DurationParam,
    /// How long one look may take.
    #[serde(default = "five_seconds")]
    timeout: DurationParam,
    /// The HTTP status that the page must have.
    #[serde(default = "ok")]
    #[schemars(range(min = 100, max = 599))]
    status: u16,
    /// Request headers by name. Their values are never shown.
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// How to read a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    #[default]
    Auto,
    Json,
    Prometheus,
}

fn five() -> u32 {
    5
}

fn second() -> DurationParam {
    DurationParam::from_millis(1000)
}

fn five_seconds() -> DurationParam {
    DurationParam::from_millis(5000)
}

fn ok() -> u16 {
    200
}

const DOC: &str = r#"
Fetches a page, JSON or Prometheus text, and compares values on it. It looks up to `attempts` times, `interval` apart, until every
expectation holds; otherwise it fails and names each breach with what was expected and what was seen.

```toml
[tasks.watch]
uses = "monitor.http"
[tasks.watch.with]
url    = "{{ tasks.serve.outputs.address }}/metrics"
expect = [
  { value = "sluice_model_info", min = 1 },
  { value = 'sluice_inference_requests_total{outcome="error"}', max = 0 },
]
```

For JSON, `value` is a JSON pointer (RFC 6901): `{ value = "/status", equals = "ready" }`. Bounds are inclusive. A value that is missing,
or NaN, or a text where a number is asked, never holds.

The output `observation` has `url`, `status`, `seconds`, `attempt` and `checks`, a list of `value`, `expected`, `seen` and `holds`. Metrics:
`checks`, `breaches`, `attempts`, `seconds`. Redirects are followed on the same host and scheme only. It is not cached.
"#;

impl Task for MonitorHttp {
    type Params = MonitorHttpParams;

    fn describe(&self) -> Description {
        Description::new("monitor.http", "1", "Looks at an HTTP address until its values are as expected.")
            .doc(DOC)
            .effect(Effect::Idempotent)
            .placement(Placement::Inline)
            .output(Port::new("observation", PortType::Value, "What was seen in the look that passed."))
            .error("breached", "Not every expectation held, in the last look either. Worth another attempt.")
            .error("unreachable", "The address did not answer in time. Worth another attempt.")
            .error("bad_status", "The page has another status than `status`. Worth another attempt.")
            .error("not_readable", "The page is not in the format. Worth another attempt.")
            .error("too_large", "The page has more than 16 MiB.")
            .error("bad_header", "A header cannot be sent.")
            .error("no_client", "The system's certificates cannot be read.")
    }

    fn check(&self, params: &MonitorHttpParams) -> Vec<Problem> {
        let mut found = Vec::new();
        if let Err(error) = parse_url(&params.url) {
            let hint = "write `http://host:port/path`; `tasks.NAME.outputs.address` of a deployment has it";
            found.push(Problem::new("/url", error).hint(hint));
        }
        if params.expect.is_empty() {
            let hint = "add `{ value = \"/status\", equals = \"ready\" }` or the like";
            found.push(Problem::new("/expect", "nothing is expected").hint(hint));
        }
        if params.attempts == 0 {
            found.push(Problem::new("/attempts", "`attempts` must be at least 1"));
        }
        if let Err(error) = header_map(&params.headers) {
            found.push(Problem::new("/headers", error.message));
        }
        for (idx, expectation) in params.expect.iter().enumerate() {
            expectation.check(&format!("/expect/{idx}"), &mut found);
        }
        check_format(params, &mut found);
        found
    }

    fn run(&self, ctx: &Context, params: MonitorHttpParams) -> Result<(), TaskError> {
        let url = parse_url(&params.url).map_err(|error| TaskError::permanent("bad_params", error))?;
        let fetcher = Fetcher::new(url.clone(), &params.headers, params.timeout.get())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| TaskError::transient("io", format!("cannot start a runtime: {error}")))?;
        runtime.block_on(watch(ctx, &params, &fetcher, &redacted(&url)))
    }
}

/// An address that is not one may still hold a secret, so the message does not repeat it.
fn parse_url(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(url) => Err(format!("`url` starts with `{}:`, not with `http:` or `https:`", url.scheme())),
        Err(error) => Err(format!("`url` is no address: {error}")),
    }
}

/// All expectations must look at one format, and at the one that is stated.
fn check_format(params: &MonitorHttpParams, found: &mut Vec<Problem>) {
    let format = format_of(params);
    for (idx, expectation) in params.expect.iter().enumerate() {
        let (is, wanted) = match (expectation.place(), format) {
            (Ok(Place::Pointer(_)), PageFormat::Prometheus) => ("a JSON pointer", "Prometheus metrics"),
            (Ok(Place::Series(_)), PageFormat::Json) => ("a Prometheus series", "JSON"),
            _ => continue,
        };
        let message = format!("`{}` is {is}, but the page is read as {wanted}", expectation.value);
        let hint = "look at two pages by two tasks, or correct `format`; a JSON pointer starts with `/`";
        found.push(Problem::new(format!("/expect/{idx}/value"), message).hint(hint));
    }
}

fn format_of(params: &MonitorHttpParams) -> PageFormat {
    match params.format {
        Format::Json => PageFormat::Json,
        Format::Prometheus => PageFormat::Prometheus,
        Format::Auto => match params.expect.first().map(Expectation::place) {
            Some(Ok(Place::Series(_))) => PageFormat::Prometheus,
            _ => PageFormat::Json,
        },
    }
}

/// Looks until all holds; the last failure stands.
async fn watch(
    ctx: &Context,
    params: &MonitorHttpParams,
    fetcher: &Fetcher,
    shown: &str,
) -> Result<(), TaskError> {
    let mut attempt = 1;
    loop {
        ctx.check_cancelled()?;
        match look(ctx, params, fetcher, shown).await {
            Ok((page, checks)) => return report(ctx, &page, &checks, attempt, shown),
            Err(error) if attempt >= params.attempts || !error.retryable => return Err(error),
            Err(error) => ctx.log(LogLevel::Warn, &format!("look {attempt}: {error}")),
        }
        wait(ctx, params.interval.get()).await?;
        attempt += 1;
    }
}

async fn wait(ctx: &Context, interval: Duration) -> Result<(), TaskError> {
    let mut left = interval;
    while !left.is_zero() {
        ctx.check_cancelled()?;
        let pause = left.min(LOOK);
        tokio::time::sleep(pause).await;
        left -= pause;
    }
    Ok(())
}

async fn look(
    ctx: &Context,
    params: &MonitorHttpParams,
    fetcher: &Fetcher,
    shown: &str,
) -> Result<(Fetched, Vec<Check>), TaskError> {
    let fetched = tokio::select! {
        fetched = fetcher.fetch() => fetched?,
        error = cancelled(ctx) => return Err(error),
    };
    if fetched.status != params.status {
        let message = format!("`{shown}` answers with status {}, expected {}", fetched.status, params.status);
        return Err(TaskError::transient("bad_status", message));
    }
    let page = Page::parse(&fetched.text, format_of(params)).map_err(|error| {
        TaskError::transient("not_readable", format!("`{shown}` cannot be read: {error}"))
    })?;
    let checks: Vec<_> = params.expect.iter().flat_map(|expectation| page.check(expectation)).collect();
    let breaches: Vec<_> = checks.iter().filter(|check| !check.holds).map(Check::breach).collect();
    if breaches.is_empty() {
        return Ok((fetched, checks));
    }
    let more = match breaches.len().saturating_sub(MAX_BREACHES) {
        0 => String::new(),
        n_more => format!("; and {n_more} more"),
    };
    let listed = breaches[..breaches.len().min(MAX_BREACHES)].join("; ");
    let n_all = checks.len();
    let message = format!("{} of {n_all} checks of `{shown}` do not hold: {listed}{more}", breaches.len());
    Err(TaskError::transient("breached", message))
}

async fn cancelled(ctx: &Context) -> TaskError {
    while !ctx.is_cancelled() {
        tokio::time::sleep(LOOK).await;
    }
    TaskError::cancelled()
}

fn report(
    ctx: &Context,
    page: &Fetched,
    checks: &[Check],
    attempt: u32,
    shown: &str,
) -> Result<(), TaskError> {
    let seconds = page.elapsed.as_secs_f64();
    ctx.metric("checks", checks.len() as f64);
    ctx.metric("breaches", 0.0);
    ctx.metric("attempts", f64::from(attempt));
    ctx.metric("seconds", seconds);
    let observation = json!({
        "url": shown, "status": page.status, "seconds": seconds, "attempt": attempt, "checks": checks,
    });
    ctx.write_value("observation", observation)?;
    ctx.summary(format!("{0} of {0} checks hold", checks.len()));
    Ok(())
}

#[cfg(test)]
mod tests;
