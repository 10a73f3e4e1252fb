//! The built-in pack `system`: programs and scripts as tasks.

mod masked;
mod noop;
mod outputs;
mod probe;
mod program;
mod python;
mod shell;
mod text;
mod wait;

use sluicegate_plugin::Pack;

pub use noop::Noop;
pub use python::Python;
pub use shell::Shell;

/// The kinds `shell`, `python` and `noop`.
pub fn pack() -> Pack {
    Pack::new("system").with(Shell).with(Python).with(Noop)
}
