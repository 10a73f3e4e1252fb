//! One round: a random workflow, killed again and again until it has ended, and what must be true then.

use std::{
    collections::BTreeMap,
    fs::File,
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{Chance, TortureReport};
use crate::failpoint;

/// At most so many faults a round; then the run is let go on to its end.
const MAX_FAULTS: u64 = 12;

/// Longer than this no process is waited for.
const PATIENCE: Duration = Duration::from_mins(2);

/// Why a promise counts as broken.
type Broken = String;

/// One round.
pub(super) struct Round<'a> {
    pub(super) program: &'a Path,
    pub(super) folder: &'a Path,
}

/// How often each task had run when it was reported done.
type Reported = BTreeMap<String, usize>;

impl Round<'_> {
    /// Runs a random workflow to its end, whatever is done to it.
    pub(super) fn run(&self, chance: &mut Chance, report: &mut TortureReport) -> Result<(), Broken> {
        let n_tasks = self.write_workflow(chance)?;
        report.n_tasks += n_tasks;
        let mut reported = Reported::new();
        for _ in 0..=chance.below(MAX_FAULTS) {
            self.fault(chance, report, &mut reported)?;
            let story = self.sluice(&["runs", "list", "--format", "json"])?;
            let runs: Value = parse(&story)?;
            let status = runs[0]["status"].as_str().unwrap_or("no run");
            match status {
                "running" => return Err("a run that nobody drives is shown as `running`".into()),
                // A run that has ended is not gone on with by `sluice run`, which would start another.
                "succeeded" | "failed" => break,
                _ => {}
            }
        }
        self.to_the_end(report)?;
        self.verify(&reported, report)
    }

    /// Writes a workflow of shell tasks that note that they ran, and says how many there are.
    fn write_workflow(&self, chance: &mut Chance) -> Result<u64, Broken> {
        let n_tasks = 3 + chance.below(10);
        let mut text = format!("name = \"torture\"\nmax_parallel = {}\n", 1 + chance.below(4));
        for task in 0..n_tasks {
            let needs: Vec<_> = (0..chance.below(3))
                .filter(|_| task > 0)
                .map(|_| format!("\"t{}\"", chance.below(task)))
                .collect();
            let effect = if chance.below(4) == 0 { "once" } else { "idempotent" };
            let sleep = chance.below(60);
            text += &format!(
                "[tasks.t{task}]\nuses = \"shell\"\neffect = \"{effect}\"\nneeds = [{}]\n\
                 with = {{ script = 'echo t{task} >> ran; sleep 0.0{sleep:02}; echo \"\\\"t{task}\\\"\" > \"$SLUICE_OUTPUT_NAME\"', outputs = {{ name = \"value\" }} }}\n",
                needs.join(", ")
            );
        }
        let path = self.folder.join("w.toml");
        std::fs::write(&path, text).map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
        Ok(n_tasks)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command
            .args(args)
            .current_dir(self.folder)
            .env("SLUICE_HOME", self.folder.join(".sluice"))
            .env_remove("SLUICE_FAILPOINT")
            .stdin(Stdio::null());
        command
    }

    fn sluice(&self, args: &[&str]) -> Result<Output, Broken> {
        self.command(args)
            .output()
            .map_err(|error| format!("cannot start `{}`: {error}", self.program.display()))
    }

    /// Starts or goes on with the run, and lets something happen to it.
    fn fault(
        &self,
        chance: &mut Chance,
        report: &mut TortureReport,
        reported: &mut Reported,
    ) -> Result<(), Broken> {
        let path = self.folder.join("out.txt");
        let out =
            File::create(&path).map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
        let mut command = self.command(&["run", "w.toml"]);
        command.stdout(out).stderr(Stdio::null());
        let by_kill = chance.below(2) == 0;
        if by_kill {
            report.n_kills += 1;
        } else {
            let points = failpoint::ALL;
            let at = usize::try_from(chance.below(points.len() as u64)).unwrap_or(0);
            command.env("SLUICE_FAILPOINT", format!("{}@{}", points[at].0, 1 + chance.below(15)));
            report.n_failpoints += 1;
        }
        let mut child = command.spawn().map_err(|error| format!("cannot start `sluice run`: {error}"))?;
        let wait = if by_kill { Duration::from_millis(chance.below(300)) } else { PATIENCE };
        let start = Instant::now();
        while start.elapsed() < wait {
            match child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(1)),
                _ => break,
            }
        }
        if !by_kill && start.elapsed() >= PATIENCE {
            return Err(format!("a run did not end within {} s", PATIENCE.as_secs()));
        }
        let _ = child.kill();
        let _ = child.wait();
        let said = std::fs::read_to_string(&path).unwrap_or_default();
        for line in said.lines() {
            let mut words = line.split_whitespace();
            if let (Some(task), Some("done")) = (words.next(), words.next()) {
                reported.entry(task.to_owned()).or_insert_with(|| self.n_ran(task));
            }
        }
        Ok(())
    }

    fn n_ran(&self, task: &str) -> usize {
        let ran = std::fs::read_to_string(self.folder.join("ran")).unwrap_or_default();
        ran.lines().filter(|line| *line == task).count()
    }

    /// Goes on without faults, as a user would, until the run has succeeded.
    fn to_the_end(&self, report: &mut TortureReport) -> Result<(), Broken> {
        for _ in 0..40 {
            let runs: Value = parse(&self.sluice(&["runs", "list", "--format", "json"])?)?;
            let done = match runs[0]["status"].as_str() {
                Some("succeeded") => return Ok(()),
                Some("failed") => {
                    self.resolve(report)?;
                    self.sluice(&["runs", "retry", "latest"])?
                }
                _ => self.sluice(&["run", "w.toml"])?,
            };
            if !matches!(done.status.code(), Some(0 | 1)) {
                let said = String::from_utf8_lossy(&done.stderr).into_owned();
                return Err(format!("going on ended with {}: {said}", done.status));
            }
        }
        Err("the run does not come to its end".into())
    }

    /// Says what became of tasks that must happen once and whose outcome was lost.
    fn resolve(&self, report: &mut TortureReport) -> Result<(), Broken> {
        for task in self.tasks()? {
            let name = task["name"].as_str().unwrap_or_default();
            if task["state"] == "unknown" {
                let answer = if self.n_ran(name) > 0 { "succeeded" } else { "retry" };
                self.sluice(&["runs", "resolve", "latest", name, "--as", answer])?;
                report.n_resolved += 1;
            }
        }
        Ok(())
    }

    fn tasks(&self) -> Result<Vec<Value>, Broken> {
        let story: Value = parse(&self.sluice(&["runs", "show", "latest", "--format", "json"])?)?;
        Ok(story["tasks"].as_array().cloned().unwrap_or_default())
    }

    /// What must be true of a run that has ended.
    fn verify(&self, reported: &Reported, report: &mut TortureReport) -> Result<(), Broken> {
        let workflow = std::fs::read_to_string(self.folder.join("w.toml")).unwrap_or_default();
        for task in self.tasks()? {
            let name = task["name"].as_str().unwrap_or_default();
            let n_ran = self.n_ran(name);
            let once = workflow.contains(&format!("[tasks.{name}]\nuses = \"shell\"\neffect = \"once\""));
            report.n_repeated += u64::from(task["attempts"].as_u64() > Some(1));
            if n_ran == 0 {
                return Err(format!("`{name}` has succeeded, but never ran"));
            }
            if once && n_ran > 1 {
                return Err(format!("`{name}` must happen once, and ran {n_ran} times"));
            }
            if reported.get(name).is_some_and(|before| *before != n_ran) {
                return Err(format!("`{name}` ran again after it had been reported done"));
            }
        }
        let doctor = self.sluice(&["doctor"])?;
        if !doctor.status.success() {
            return Err(format!("`sluice doctor` found: {}", String::from_utf8_lossy(&doctor.stdout)));
        }
        let start = Instant::now();
        while let Some(pid) = self.left() {
            if start.elapsed() > Duration::from_secs(5) {
                return Err(format!("process {pid} is left"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// A process of this round that still lives.
    fn left(&self) -> Option<u32> {
        let mark = format!("SLUICE_HOME={}", self.folder.join(".sluice").display());
        let carries = |pid: &u32| {
            let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environ.split(|byte| *byte == 0).any(|line| line == mark.as_bytes())
        };
        let processes = std::fs::read_dir("/proc").ok()?;
        processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).find(carries)
    }
}

fn parse(output: &Output) -> Result<Value, Broken> {
    serde_json::from_slice(&output.stdout).map_err(|_| {
        format!("a command did not print JSON; it said: {}", String::from_utf8_lossy(&output.stderr))
    })
}
