//! The programs that run a workload.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::workloads::{WIDTH, Workload};

/// dagu takes minutes and gigabytes for more.
const MAX_DAGU: usize = 500;

/// A program that can run a workload.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) write: fn(&Workload, &Path),
    program: &'static str,
}

/// `sluice`, and those of its peers that are installed.
pub(crate) fn tools() -> Vec<Tool> {
    let all = [
        Tool { name: "sluice", write: Workload::write_workflow, program: env!("CARGO_BIN_EXE_sluice") },
        Tool { name: "make", write: Workload::write_makefile, program: "make" },
        Tool { name: "ninja", write: Workload::write_ninja, program: "ninja" },
        Tool { name: "dagu", write: Workload::write_dagu, program: "dagu" },
    ];
    let installed = |tool: &Tool| {
        let version = if tool.name == "dagu" { "version" } else { "--version" };
        Command::new(tool.program).arg(version).output().is_ok()
    };
    all.into_iter().filter(installed).collect()
}

impl Tool {
    /// Tells whether the tool gets through a workload in reasonable time.
    pub(crate) fn can(&self, workload: &Workload) -> bool {
        self.name != "dagu" || workload.needs.len() <= MAX_DAGU
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(self.program);
        match self.name {
            "sluice" => command.args(["run", "bench.toml"]),
            "dagu" => command.args(["start", "--quiet", "bench.yaml"]).env("DAGU_HOME", folder.join(".dagu")),
            _ => command.arg(format!("-j{WIDTH}")),
        };
        command.current_dir(folder).env_remove("SLUICE_HOME").stdin(Stdio::null());
        command
    }

    /// Runs a workload once in an empty state and returns how long the whole process took.
    pub(crate) fn run(&self, folder: &Path) -> Duration {
        for state in [".sluice", ".dagu"] {
            let _ = fs::remove_dir_all(folder.join(state));
        }
        let mut command = self.command(folder);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let status = command.status().unwrap();
        let took = start.elapsed();
        assert!(status.success(), "{} failed", self.name);
        took
    }

    /// How often the orchestrator waited for the disk in one more run, as it says itself.
    pub(crate) fn syncs(&self, folder: &Path) -> String {
        let _ = fs::remove_dir_all(folder.join(".sluice"));
        let said = self
            .command(folder)
            .env("SLUICE_LOG", "sluicegate::store=debug")
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        let number =
            said.split("n_syncs=").nth(1).map(|rest| rest.chars().take_while(char::is_ascii_digit).collect());
        number.unwrap_or_else(|| "–".into())
    }
}

/// Bytes of all files below a folder.
pub(crate) fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(about) if about.is_dir() => size(&entry.path()),
            Ok(about) => about.len(),
            Err(_) => 0,
        })
        .sum()
}
