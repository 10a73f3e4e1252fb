//! The binary `sluice-server`, in this package so that `cargo install` brings it along.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(sluicegate_serve::main(std::env::args_os()))
}
