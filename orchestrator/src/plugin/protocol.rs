//! The lines that `sluice` and a plugin program exchange: one JSON object a line, at most [`MAX_LINE`] bytes. `docs/plugin-protocol.md`
//! describes them for authors. Unknown keys and messages are ignored on both sides.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sluicegate_plugin::{
    About, Answer, AskRequest, Input, Manifest, PortType, RunInfo, Secret, TaskError, Verdict,
};

/// The protocol's name.
pub(super) const PROTOCOL: &str = "sluice-plugin";

/// The protocol's version.
pub(super) const VERSION: u32 = 1;

/// The longest line, in bytes.
pub(super) const MAX_LINE: usize = 1 << 20;

/// To the program.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(super) enum Request {
    Hello {
        protocol: String,
        version: u32,
    },
    Ask {
        id: u64,
        kind: String,
        about: About,
        #[serde(flatten)]
        request: Box<AskRequest>,
    },
    Execute(Box<Execute>),
    Cancel {
        id: u64,
    },
    Bye,
    #[serde(other)]
    Unknown,
}

/// An attempt, as a program is given it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Execute {
    pub(super) id: u64,
    pub(super) kind: String,
    pub(super) params: Value,
    pub(super) run: RunInfo,
    pub(super) inputs: BTreeMap<String, Input>,
    pub(super) outputs: PathBuf,
    pub(super) base_dir: PathBuf,
    pub(super) env: BTreeMap<String, String>,
    pub(super) secrets: BTreeMap<String, Secret>,
}

/// From the program.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(super) enum Reply {
    Hello(Box<Hello>),
    /// Instead of a hello: why the plugin cannot be used.
    Refused {
        error: TaskError,
    },
    Answer {
        id: u64,
        #[serde(flatten)]
        answer: Box<Answer>,
    },
    Log {
        #[serde(default)]
        level: Level,
        message: String,
    },
    Metric {
        name: String,
        value: Option<f64>,
    },
    Progress {
        fraction: Option<f64>,
        #[serde(default)]
        note: String,
    },
    Summary {
        text: String,
    },
    Output {
        port: String,
        #[serde(rename = "type")]
        port_type: PortType,
        #[serde(default, deserialize_with = "present")]
        value: Option<Value>,
    },
    Verdict {
        verdict: Verdict,
    },
    Result {
        id: u64,
        #[serde(default)]
        error: Option<StatedError>,
    },
    #[serde(other)]
    Unknown,
}

/// How loud a line of the log is.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    #[default]
    Info,
    Warn,
    Error,
}

/// What a program says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) protocol: String,
    pub(super) version: u32,
    pub(super) name: String,
    #[serde(default)]
    pub(super) plugin_version: String,
    /// What the plugin was made with, for people.
    #[serde(default)]
    pub(super) sdk: String,
    #[serde(default)]
    pub(super) kinds: Vec<Value>,
}

/// Why a task fails; what a program leaves out has a careful value.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StatedError {
    #[serde(default = "failed")]
    pub(super) code: String,
    pub(super) message: String,
    #[serde(default)]
    pub(super) hints: Vec<String>,
    #[serde(default = "yes")]
    pub(super) retryable: bool,
}

fn failed() -> String {
    "failed".into()
}

fn yes() -> bool {
    true
}

/// A field that is there has a value, even when that is `null`.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl From<StatedError> for TaskError {
    fn from(stated: StatedError) -> Self {
        let StatedError { code, message, hints, retryable } = stated;
        let error = if retryable { Self::transient(&code, message) } else { Self::permanent(&code, message) };
        hints.into_iter().fold(error, Self::hint)
    }
}

impl Request {
    pub(super) fn hello() -> Self {
        Self::Hello { protocol: PROTOCOL.into(), version: VERSION }
    }
}

impl Hello {
    pub(super) fn new(name: &str, plugin_version: &str, sdk: &str, kinds: &[Manifest]) -> Self {
        Self {
            protocol: PROTOCOL.into(),
            version: VERSION,
            name: name.into(),
            plugin_version: plugin_version.into(),
            sdk: sdk.into(),
            kinds: kinds.iter().map(|kind| serde_json::json!(kind)).collect(),
        }
    }
}

/// A message as a line, with its end; an error when it does not fit.
pub(super) fn line(message: &impl Serialize) -> Result<Vec<u8>, String> {
    let mut text = serde_json::to_vec(message).map_err(|error| error.to_string())?;
    text.push(b'\n');
    if text.len() <= MAX_LINE {
        return Ok(text);
    }
    Err(format!("a message of {} bytes does not fit into a line of {MAX_LINE}", text.len()))
}

/// The variables that let a Python plugin find the SDK that is built in.
pub(super) fn python_path(folder: &Path) -> std::ffi::OsString {
    let own = folder.as_os_str().to_owned();
    match std::env::var_os("PYTHONPATH").filter(|path| !path.is_empty()) {
        Some(path) => [path, own].join(std::ffi::OsStr::new(":")),
        None => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_messages_and_keys_are_ignored_and_what_is_left_out_is_careful() {
        let read = |text: &str| serde_json::from_str::<Reply>(text).unwrap();
        assert!(matches!(read(r#"{"t":"dance","id":1}"#), Reply::Unknown));
        assert!(matches!(
            read(r#"{"t":"log","id":1,"message":"m","mood":"good"}"#),
            Reply::Log { level: Level::Info, .. }
        ));
        let Reply::Result { error: Some(error), .. } =
            read(r#"{"t":"result","id":1,"error":{"message":"no"}}"#)
        else {
            panic!("an error was stated")
        };
        assert_eq!(TaskError::from(error), TaskError::transient("failed", "no"));
    }

    #[test]
    fn a_question_is_one_flat_object() {
        let request = Box::new(AskRequest::of(&serde_json::json!({ "low": 1 })));
        let ask = Request::Ask { id: 7, kind: "acme.clip".into(), about: About::Check, request };
        let text = String::from_utf8(line(&ask).unwrap()).unwrap();
        assert_eq!(
            text,
            "{\"t\":\"ask\",\"id\":7,\"kind\":\"acme.clip\",\"about\":\"check\",\"params\":{\"low\":1}}\n"
        );
    }
}
