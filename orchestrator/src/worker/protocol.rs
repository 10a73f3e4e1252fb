//! The lines that the orchestrator and a worker exchange: one JSON object a line, at most [`MAX_LINE`] bytes.
//!
//! ```text
//! > {"t":"hello","protocol":"sluice-worker","version":2,"nonce":"…"}
//! < {"t":"hello","protocol":"sluice-worker","version":2,"nonce":"…"}
//! > {"t":"execute","id":1,"spec":{…}}
//! < {"t":"progress","id":1,"fraction":0.4,"note":"epoch 4 of 10"}
//! < {"t":"result","id":1,"result":{…}}
//! > {"t":"execute","id":2,"kept":["ATTEMPT"],"spec":{…}}
//! > {"t":"cancel","id":2}
//! > {"t":"shutdown","kept":[…]}
//! ```
//!
//! `>` goes to the worker. A result that does not fit into a line is in the attempt's outcome file. `kept` names attempts whose results
//! are durable: until then the worker remembers them, and writes them to their outcome files when its orchestrator is gone.
//! Unknown keys and messages are ignored on both sides, so that either may learn a word before the other does.

use serde::{Deserialize, Serialize};
use sluicegate_plugin::{AttemptSpec, TaskError};

use crate::run::AttemptResult;

/// The protocol's name, so that a stray program is not taken for a worker.
const PROTOCOL: &str = "sluice-worker";

/// The protocol's version; each side says its own, and they must be equal.
const VERSION: u32 = 2;

/// The longest line, in bytes.
pub(super) const MAX_LINE: usize = 1 << 20;

/// The environment variable that tells a worker it was started as one.
pub(super) const NONCE: &str = "SLUICE_WORKER_NONCE";

/// The first line of each side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    protocol: String,
    version: u32,
    nonce: String,
}

/// To the worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(super) enum Request {
    Hello(Hello),
    Execute {
        id: u64,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        kept: Vec<String>,
        spec: Box<AttemptSpec>,
    },
    Cancel {
        id: u64,
    },
    Shutdown {
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        kept: Vec<String>,
    },
    #[serde(other)]
    Unknown,
}

/// From the worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(super) enum Reply {
    Hello(Hello),
    Progress {
        id: u64,
        fraction: Option<f64>,
        note: String,
    },
    /// The attempt ended. Without a result, it is in the outcome file, or `error` says why it could not be written there.
    Result {
        id: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<AttemptResult>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<TaskError>,
    },
    #[serde(other)]
    Unknown,
}

impl Hello {
    pub(super) fn new(nonce: &str) -> Self {
        Self { protocol: PROTOCOL.into(), version: VERSION, nonce: nonce.into() }
    }

    /// Tells what keeps the two sides from working together.
    pub(super) fn disagreement(&self, nonce: &str) -> Option<String> {
        if self.protocol != PROTOCOL {
            return Some(format!("it speaks `{}`, not `{PROTOCOL}`", self.protocol));
        }
        if self.version != VERSION {
            return Some(format!("it speaks version {} of the protocol, not {VERSION}", self.version));
        }
        (self.nonce != nonce).then(|| "it does not know the nonce it was started with".into())
    }
}

/// A message as a line, with its end.
pub(super) fn line(message: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec(message).expect("messages have string keys");
    text.push(b'\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_messages_and_keys_are_ignored() {
        let text = r#"{"t":"dance","partner":1}"#;
        assert!(matches!(serde_json::from_str(text).unwrap(), Request::Unknown));
        let text = r#"{"t":"cancel","id":7,"why":"bored"}"#;
        assert!(matches!(serde_json::from_str(text).unwrap(), Request::Cancel { id: 7 }));
        let text = r#"{"t":"beat","at":3}"#;
        assert!(matches!(serde_json::from_str(text).unwrap(), Reply::Unknown));
    }

    #[test]
    fn a_hello_of_another_version_or_nonce_is_told() {
        let hello = Hello::new("a");
        assert_eq!(hello.disagreement("a"), None);
        assert!(hello.disagreement("b").unwrap().contains("nonce"));
        let newer = Hello { version: 3, ..hello };
        assert_eq!(newer.disagreement("a").unwrap(), "it speaks version 3 of the protocol, not 2");
    }

    #[test]
    fn a_result_that_is_in_its_file_is_short() {
        let reply = Reply::Result { id: 1, result: None, error: None };
        assert_eq!(line(&reply), b"{\"t\":\"result\",\"id\":1}\n");
    }
}
