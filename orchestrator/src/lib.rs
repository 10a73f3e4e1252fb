//! The library behind `sluice`: workflows, runs, the store, workers and the engine that drives them.
//!
//! `ARCHITECTURE.md` has the map: what each module knows and must not know.

pub mod artifact;
pub mod catalog;
pub mod engine;
pub mod failpoint;
pub mod plugin;
pub mod run;
pub mod scheduler;
pub mod server;
pub mod store;
pub mod worker;
pub mod workflow;
pub mod world;

pub mod app;
pub mod cli;
