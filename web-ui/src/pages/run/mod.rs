//! `/runs/ID`: what a run did and does, at a glance first, then task by task.

mod attention;
mod detail;
mod events;
mod header;
mod link;
mod nodes;
mod page;
mod rows;
mod states;
mod timeline;

pub use page::{log, run, task};
