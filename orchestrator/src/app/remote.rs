//! The daemon that holds the store, as a command reaches it: HTTP over the Unix socket.

use std::path::PathBuf;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::UnixStream, runtime::Runtime};

use super::{App, AppError, run::runtime, serve::SOCKET};

/// A daemon that answers.
pub(super) struct Daemon {
    path: PathBuf,
    pub(super) runtime: Runtime,
}

/// A refusal or a failure of the daemon.
fn failed(message: impl Into<String>) -> AppError {
    AppError::Daemon { message: message.into(), hints: Vec::new(), code: "failed".into() }
}

fn broken(error: &dyn std::error::Error) -> AppError {
    failed(format!("the daemon does not answer: {}", sluicegate_plugin::with_causes(error)))
}

impl App {
    /// The daemon of this state, when one listens.
    pub(super) fn daemon(&self) -> Result<Option<Daemon>, AppError> {
        let path = self.home.join(SOCKET);
        // A socket that a daemon left behind when it was killed refuses.
        match std::os::unix::net::UnixStream::connect(&path) {
            Ok(_) => Ok(Some(Daemon { path, runtime: runtime()? })),
            Err(_) => Ok(None),
        }
    }

    /// Asks the daemon, when one listens.
    pub(super) fn ask_daemon(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Option<Value>, AppError> {
        let Some(daemon) = self.daemon()? else { return Ok(None) };
        daemon.runtime.block_on(daemon.call(method, path, body)).map(Some)
    }
}

impl Daemon {
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response<Incoming>, AppError> {
        let stream = UnixStream::connect(&self.path).await.map_err(|error| broken(&error))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        tokio::spawn(connection);
        let text = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(text)))
            .map_err(|error| broken(&error))?;
        let reply = sender.send_request(request).await.map_err(|error| broken(&error))?;
        if reply.status().is_success() {
            return Ok(reply);
        }
        let status = reply.status();
        let text = reply.into_body().collect().await.map_err(|error| broken(&error))?.to_bytes();
        let value: Value = serde_json::from_slice(&text).unwrap_or_default();
        Err(refusal(&value["error"]).unwrap_or_else(|| failed(format!("the daemon answered {status}"))))
    }

    /// Asks for something, and waits for the whole answer.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, AppError> {
        let reply = self.send(method, path, body).await?;
        let text = reply.into_body().collect().await.map_err(|error| broken(&error))?.to_bytes();
        serde_json::from_slice(&text).map_err(|error| broken(&error))
    }

    /// Follows a stream of events.
    pub(super) async fn stream(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<EventReader, AppError> {
        let body = self.send(method, path, body).await?.into_body();
        Ok(EventReader { body, bytes: Vec::new() })
    }
}

fn refusal(error: &Value) -> Option<AppError> {
    let message = error["message"].as_str()?.to_owned();
    let hints = error["hints"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut hints: Vec<String> = hints.map(str::to_owned).collect();
    for problem in error["diagnostics"].as_array().into_iter().flatten() {
        let line = problem["line"].as_u64().map_or_else(String::new, |line| format!("line {line}: "));
        hints.push(format!("{line}{}", problem["message"].as_str().unwrap_or_default()));
    }
    Some(AppError::Daemon { message, hints, code: error["code"].as_str().unwrap_or_default().into() })
}

/// Events of a stream, one after the other.
pub(super) struct EventReader {
    body: Incoming,
    bytes: Vec<u8>,
}

impl EventReader {
    /// The name and the data of the next event; `None` when the daemon has closed the stream. May be dropped while it waits, and called
    /// again.
    pub(super) async fn next(&mut self) -> Result<Option<(String, String)>, AppError> {
        loop {
            while let Some(end) = self.bytes.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.bytes.drain(..end + 2).collect();
                let text = String::from_utf8_lossy(&block);
                let field = |name: &str| {
                    text.lines()
                        .find_map(|line| line.strip_prefix(name).map(|rest| rest.trim_start().to_owned()))
                };
                // A block without an event is a beat.
                if let (Some(event), Some(data)) = (field("event:"), field("data:")) {
                    return Ok(Some((event, data)));
                }
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(frame) => {
                    let frame = frame.map_err(|error| broken(&error))?;
                    self.bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
                }
            }
        }
    }
}
