//! Foreign code becomes kinds: native libraries with the C ABI of `sluicegate.h`, and programs that speak the plugin protocol.
//!
//! In the orchestrator, [`PluginSet`] finds plugins and asks them, each in a child of its own that may write nowhere. In a worker, [`Loader`]
//! loads them and runs their tasks. No foreign code ever runs in the orchestrator itself. All `unsafe` code of this crate is here.

#![expect(unsafe_code, reason = "the boundary with foreign code")]

mod asked;
mod confine;
mod find;
mod hash;
mod inspector;
mod library;
mod loader;
mod manifest;
mod pins;
mod program;
mod protocol;
mod refusal;
mod sdk;
mod serve;
mod set;
mod talk;
mod template;

pub use find::{FoundPlugin, Misfit, PLUGIN_FILE, find, find_at};
pub use inspector::INSPECT_COMMAND;
pub use loader::Loader;
pub use pins::{LOCK_FILE, Pins};
pub use program::CONFINE_COMMAND;
pub use refusal::Refusal;
pub use serve::{become_confined, serve_library};
pub use set::{Plugin, PluginAbout, PluginKind, PluginOptions, PluginSet};
pub use template::{Language, TemplateError, write_template};

use sluicegate_plugin::TaskError;

/// Adds why a write of a confined task was refused.
fn explain_refused_write(error: TaskError) -> TaskError {
    let is_refused =
        ["Permission denied", "os error 13", "EACCES"].iter().any(|sign| error.message.contains(sign));
    if !is_refused {
        return error;
    }
    error.hint(
        "a kind that says it is `pure` may write only below its staging folder; one that writes elsewhere is `idempotent` or `once`",
    )
}
