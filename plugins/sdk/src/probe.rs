//! Finding out whether something happened whose outcome was lost.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{RunInfo, Secret};

/// What a kind knows of an attempt whose outcome was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// It did its work.
    Happened,
    /// It did not, and it may be tried again.
    DidNotHappen,
    /// Nobody knows; a person has to look.
    Unknown,
}

/// Which attempt is asked about, and where.
#[derive(Clone, Debug)]
pub struct ProbeContext {
    /// The attempt. Its id is what the attempt itself was given, as a program finds it in `SLUICE_ATTEMPT_ID`.
    pub run: RunInfo,
    /// The workflow's folder: relative paths in parameters start here.
    pub base_dir: PathBuf,
    /// Environment variables for programs.
    pub env: BTreeMap<String, String>,
    /// Secrets by name, which are environment variables of programs too.
    pub secrets: BTreeMap<String, Secret>,
}
