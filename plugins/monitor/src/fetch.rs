//! Fetching a page: bounded in time and size, and without telling secrets.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use reqwest::{
    Client, Response, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};
use sluicegate_plugin::{TaskError, with_causes};

use crate::redact::redacted;

/// The most that is read of a page.
const MAX_BYTES: usize = 16 << 20;

/// The most redirects that are followed.
const MAX_REDIRECTS: usize = 5;

/// A page as it came.
pub(crate) struct Fetched {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) text: String,
    /// How long it took.
    pub(crate) elapsed: Duration,
}

/// Fetches one address, again and again.
pub(crate) struct Fetcher {
    client: Client,
    url: Url,
    headers: HeaderMap,
}

impl Fetcher {
    /// A fetcher; `timeout` is for each try.
    pub(crate) fn new(
        url: Url,
        headers: &BTreeMap<String, String>,
        timeout: Duration,
    ) -> Result<Self, TaskError> {
        // The process may have installed a provider already; then that one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .connect_timeout(timeout)
            .read_timeout(timeout)
            .timeout(timeout)
            .user_agent(concat!("sluicegate/", env!("CARGO_PKG_VERSION")))
            .redirect(same_origin());
        if url.scheme() == "http" {
            // No redirect leads to another scheme, so the system's certificates need not be there, or be read.
            builder = builder.tls_certs_only([]);
        }
        if is_loopback(&url) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| {
            TaskError::permanent("no_client", format!("no HTTP client: {}", with_causes(&error)))
        })?;
        Ok(Self { client, url, headers: header_map(headers)? })
    }

    /// Fetches the page once.
    pub(crate) async fn fetch(&self) -> Result<Fetched, TaskError> {
        let start = Instant::now();
        let failed = |error: reqwest::Error| {
            let message =
                format!("`{}` does not answer: {}", redacted(&self.url), with_causes(&error.without_url()));
            TaskError::transient("unreachable", message)
        };
        let request = self.client.get(self.url.clone()).headers(self.headers.clone());
        let mut response = request.send().await.map_err(failed)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > MAX_BYTES {
                let message =
                    format!("`{}` answers with more than {} MiB", redacted(&self.url), MAX_BYTES >> 20);
                return Err(TaskError::permanent("too_large", message));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Fetched { status: status(&response), text: text(bytes), elapsed: start.elapsed() })
    }
}

fn status(response: &Response) -> u16 {
    response.status().as_u16()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Headers may hold secrets, and another host or scheme must not get them.
fn same_origin() -> Policy {
    Policy::custom(|attempt| {
        let same = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
        if same && attempt.previous().len() <= MAX_REDIRECTS { attempt.follow() } else { attempt.stop() }
    })
}

/// A proxy stands between here and elsewhere, never between here and here.
fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

/// Reads headers. Values may be secrets and are never shown.
pub(crate) fn header_map(headers: &BTreeMap<String, String>) -> Result<HeaderMap, TaskError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let bad = |what: &str| TaskError::permanent("bad_header", format!("header `{name}` has {what}"));
        let mut value = HeaderValue::from_str(value).map_err(|_| bad("a value that cannot be sent"))?;
        value.set_sensitive(true);
        let name = HeaderName::try_from(name).map_err(|_| bad("a name that cannot be sent"))?;
        map.insert(name, value);
    }
    Ok(map)
}
