//! The C ABI of native plugins: the tables of `include/sluicegate.h`, and the plugin's side of it, which [`crate::plugin!`] fills in.
//!
//! All of this crate's `unsafe` code is here. The host's side is the orchestrator's.

#![expect(unsafe_code, reason = "the boundary with foreign code")]

mod guest;
pub mod raw;
mod serve;

pub(crate) use guest::HostLink;
pub use serve::{answer, describe, run};

/// The header, for those who write plugins in C.
pub const HEADER: &str = include_str!("../../include/sluicegate.h");
