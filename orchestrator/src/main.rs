//! The binary `sluice`.

use std::process::ExitCode;

/// An engine is many short-lived texts on a few threads, for which the system's allocator makes threads wait for each other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sluicegate::cli::main()
}
