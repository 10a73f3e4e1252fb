//! What a finished task leaves behind, before its outputs are addressed by content.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::Value;

use crate::{PortType, Verdict};

/// What a task wrote to an output port.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The port's type.
    pub port_type: PortType,
    /// The staged file.
    pub path: PathBuf,
    /// The value itself, for a `value` port.
    pub value: Option<Value>,
}

/// What a task that went well leaves behind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finished {
    /// Outputs by port.
    pub outputs: BTreeMap<String, Output>,
    /// Metrics by name, the last value of each.
    pub metrics: BTreeMap<String, f64>,
    /// What a gate decided.
    pub verdict: Option<Verdict>,
    /// One line for the progress display.
    pub summary: Option<String>,
}
