//! What an attempt may use at most, and what is said when it wanted more.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sluicegate_plugin::{Resources, TaskError};

use super::cgroup::{Groups, enter};

/// The period of the processor limit, in microseconds.
const PERIOD: u32 = 100_000;

/// The limits of one attempt, as far as they hold. Dropping it lifts them.
#[derive(Debug, Default)]
pub(super) struct Limit {
    memory: Option<MemoryLimit>,
    /// What is written where to lift what was set.
    lifts: Vec<(PathBuf, &'static str)>,
    warnings: Vec<String>,
}

#[derive(Debug)]
struct MemoryLimit {
    bytes: u64,
    groups: Groups,
    /// The kernel's count of killed processes before the attempt.
    oom_kills: u64,
}

impl Limit {
    /// What the log of the attempt shall begin with: the limits that do not hold, and why.
    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// An error as what it is: a program that the kernel killed because of the limit did not fail by itself.
    pub(super) fn explain(&self, error: TaskError) -> TaskError {
        let Some(MemoryLimit { bytes, groups, oom_kills }) = &self.memory else { return error };
        if groups.oom_kills().unwrap_or_default() <= *oom_kills {
            return error;
        }
        let message = format!("memory ran out: its limit is {}; {}", in_words(*bytes), error.message);
        let exit = error.exit;
        TaskError {
            exit,
            ..TaskError::transient(TaskError::OUT_OF_MEMORY, message).hint(TaskError::MORE_MEMORY)
        }
    }

    /// What is said of the limits of an attempt that runs inside the orchestrator, where nothing can be limited.
    pub(super) fn of_inline(resources: &Resources) -> Self {
        let reason = io::Error::other("the task runs inside the orchestrator");
        let memory = resources.memory.map(|bytes| not_limited("memory", &in_words(bytes), &reason));
        let cpus = resources.cpus.map(|cpus| not_limited("cpus", &cpus.to_string(), &reason));
        Self { memory: None, lifts: Vec::new(), warnings: memory.into_iter().chain(cpus).collect() }
    }

    fn set(&mut self, path: PathBuf, value: &str, lifted: &'static str) -> io::Result<()> {
        fs::write(&path, value)?;
        self.lifts.push((path, lifted));
        Ok(())
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        for (path, lifted) in self.lifts.iter().rev() {
            let _ = fs::write(path, lifted);
        }
    }
}

impl Groups {
    /// Limits this process, and all that it starts from now on. What cannot be limited becomes a warning.
    pub(super) fn limit(&self, resources: &Resources) -> Limit {
        let mut limit = Limit::default();
        if let Some(bytes) = resources.memory {
            match self.limit_memory(bytes, &mut limit) {
                Ok(()) => {
                    let oom_kills = self.oom_kills().unwrap_or_default();
                    limit.memory = Some(MemoryLimit { bytes, groups: self.clone(), oom_kills });
                }
                Err(error) => limit.warnings.push(not_limited("memory", &in_words(bytes), &error)),
            }
        }
        if let Some(cpus) = resources.cpus
            && let Err(error) = self.limit_cpus(cpus, &mut limit)
        {
            limit.warnings.push(not_limited("cpus", &cpus.to_string(), &error));
        }
        limit
    }

    /// How many processes the kernel has killed in the groups because of their limit; `None` where nobody counts.
    pub(super) fn oom_kills(&self) -> Option<u64> {
        let count = |group: &Path, file: &str| {
            let text = fs::read_to_string(group.join(file)).ok()?;
            text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse::<u64>().ok())
        };
        let unified = self.unified.as_ref().and_then(|group| count(group, "memory.events"));
        unified.or_else(|| self.memory.as_ref().and_then(|group| count(group, "memory.oom_control")))
    }

    fn limit_memory(&self, bytes: u64, limit: &mut Limit) -> io::Result<()> {
        if let Some(group) = self.with_controller("memory.max") {
            limit.set(group.join("memory.max"), &bytes.to_string(), "max")?;
            // Without this, a task would first fill the swap.
            let swap = group.join("memory.swap.max");
            return if swap.exists() { limit.set(swap, "0", "max") } else { Ok(()) };
        }
        let group = self.memory.as_ref().ok_or_else(no_group)?;
        enter(group)?;
        limit.set(group.join("memory.limit_in_bytes"), &bytes.to_string(), "-1")?;
        let with_swap = group.join("memory.memsw.limit_in_bytes");
        if with_swap.exists() { limit.set(with_swap, &bytes.to_string(), "-1") } else { Ok(()) }
    }

    fn limit_cpus(&self, cpus: f64, limit: &mut Limit) -> io::Result<()> {
        let quota = quota(cpus);
        if let Some(group) = self.with_controller("cpu.max") {
            return limit.set(group.join("cpu.max"), &format!("{quota} {PERIOD}"), "max");
        }
        let group = self.cpu.as_ref().ok_or_else(no_group)?;
        enter(group)?;
        fs::write(group.join("cpu.cfs_period_us"), PERIOD.to_string())?;
        limit.set(group.join("cpu.cfs_quota_us"), &quota.to_string(), "-1")
    }

    /// The unified group, when it can limit; this process is in it then.
    fn with_controller(&self, file: &str) -> Option<&PathBuf> {
        let group = self.unified.as_ref()?;
        fs::create_dir_all(group).ok()?;
        if !group.join(file).exists() {
            return None;
        }
        self.gather().ok()?;
        Some(group)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of processors is small and not negative"
)]
fn quota(cpus: f64) -> u64 {
    // The kernel takes no less than a millisecond.
    (cpus * f64::from(PERIOD)).round().max(1000.0) as u64
}

fn no_group() -> io::Error {
    io::Error::other("no control group with this controller can be written")
}

fn not_limited(what: &str, limit: &str, error: &io::Error) -> String {
    format!("`resources.{what}` = {limit} does not hold on this machine: {error}")
}

/// A number of bytes for people.
pub(super) fn in_words(bytes: u64) -> String {
    const UNITS: [(&str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = UNITS.into_iter().find(|(_, bits)| bytes >> bits > 0 && bytes.trailing_zeros() >= *bits);
    unit.map_or_else(|| format!("{bytes} bytes"), |(name, bits)| format!("{} {name}", bytes >> bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unified_hierarchy_is_limited_and_the_limits_are_lifted() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["memory.max", "memory.swap.max", "cpu.max"] {
            fs::write(at(name), "max").unwrap();
        }
        fs::write(at("memory.events"), "oom 0\noom_kill 2\n").unwrap();
        fs::write(at("cgroup.procs"), std::process::id().to_string()).unwrap();
        let groups = Groups { unified: Some(folder.path().to_owned()), ..Groups::default() };
        let read =
            || ["memory.max", "memory.swap.max", "cpu.max"].map(|name| fs::read_to_string(at(name)).unwrap());
        let limit = groups.limit(&Resources { memory: Some(64 << 20), cpus: Some(1.5) });
        assert_eq!(read(), ["67108864", "0", "150000 100000"]);
        assert!(limit.warnings().is_empty());
        let failed = TaskError::transient("exit_code", "`sh` was killed by signal 9");
        assert_eq!(limit.explain(failed.clone()), failed);
        fs::write(at("memory.events"), "oom 1\noom_kill 3\n").unwrap();
        let error = limit.explain(failed);
        assert_eq!(error.code, TaskError::OUT_OF_MEMORY);
        assert_eq!(error.message, "memory ran out: its limit is 64 MiB; `sh` was killed by signal 9");
        drop(limit);
        assert_eq!(read(), ["max", "max", "max"]);
    }

    #[test]
    fn a_limit_that_cannot_hold_is_a_warning_that_says_why() {
        let limit = Groups::default().limit(&Resources { memory: Some(1 << 30), cpus: Some(0.5) });
        assert_eq!(
            limit.warnings(),
            [
                "`resources.memory` = 1 GiB does not hold on this machine: no control group with this controller can be written",
                "`resources.cpus` = 0.5 does not hold on this machine: no control group with this controller can be written",
            ]
        );
    }

    #[test]
    fn bytes_are_told_in_the_largest_whole_unit() {
        assert_eq!(
            [1 << 30, 1536 << 20, 4096, 1000].map(in_words),
            ["1 GiB", "1536 MiB", "4 KiB", "1000 bytes"]
        );
    }
}
