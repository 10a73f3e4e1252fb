//! The built-in pack `system`: programs and scripts as tasks.

mod outputs;
mod program;
mod python;
mod shell;

use sluicegate_plugin::Pack;

pub use python::Python;
pub use shell::Shell;

/// The kinds `shell` and `python`.
pub fn pack() -> Pack {
    Pack::new("system").with(Shell).with(Python)
}
