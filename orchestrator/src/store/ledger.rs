//! The ledger: everything that happened to models and deployments, in a log of its own.

use serde::{Deserialize, Serialize};
use sluicegate_plugin::{Deployment, ModelVersion};

use super::{jsonl, key, registry::AliasRecord, value, writer::Op};

/// The version of the ledger's lines.
const VERSION: u16 = 1;

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LedgerLine {
    /// The format's version.
    pub(super) v: u16,
    /// What happened.
    pub(super) entry: LedgerEntry,
}

/// Something that happened to a model or a deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub(super) enum LedgerEntry {
    /// A version was registered.
    Registered(ModelVersion),
    /// An alias moved; the number counts the model's moves from 0.
    AliasMoved(u64, AliasRecord),
    /// A deployment changed.
    Deployed(Deployment),
}

impl LedgerLine {
    pub(super) fn new(entry: LedgerEntry) -> Self {
        Self { v: VERSION, entry }
    }

    /// The line in the log.
    pub(super) fn to_line(&self) -> Vec<u8> {
        jsonl::line(&value::to_json(self))
    }

    /// The rows that follow from the line. Records stay far below the size at which sled wants files.
    pub(super) fn put_rows(&self, op: &mut Op) {
        match &self.entry {
            LedgerEntry::Registered(version) => {
                op.put(key::version(&version.model, version.version), value::to_json(version));
            }
            LedgerEntry::AliasMoved(number, record) => {
                op.put(key::alias_move(&record.step.model, *number), value::to_json(record));
            }
            LedgerEntry::Deployed(deployment) => {
                op.put(key::deployment(&deployment.name, deployment.generation), value::to_json(deployment));
            }
        }
    }
}
