//! What a user finds after a kill at every durable step, and the table of it in `docs/durability.md`.

use std::{collections::BTreeMap, process::Stdio};

use serde_json::Value;

use crate::project::{Project, Ran, repository, wait_until};
use sluicegate::failpoint;

/// Set it to write the table instead of comparing it.
const UPDATE: &str = "SLUICE_UPDATE_DOCS";

/// Tasks one after the other: programs, a large value that the cache keeps, a model that is registered, one that must happen once.
const WORKFLOW: &str = r#"
name = "trial"
max_parallel = 1

[tasks.first]
uses = "shell"
with = { script = 'echo first >> ran; echo 1 > "$SLUICE_OUTPUT_N"', outputs = { n = "value" } }

[tasks.large]
uses = "shell"
cache = true
effect = "pure"
needs = ["first"]
with = { script = 'echo large >> ran; printf "\"%09000d\"" 7 > "$SLUICE_OUTPUT_TEXT"', outputs = { text = "value" } }

[tasks.raw]
uses = "data.read"
needs = ["large"]
with = { path = "iris.csv" }

[tasks.model]
uses = "train.logistic"
inputs = { table = "raw" }
with = { target = "class", transforms = [{ standardize = "*" }] }

[tasks.register]
uses = "register"
inputs = { model = "model" }

[tasks.once]
uses = "shell"
effect = "once"
needs = ["register"]
with = { script = "echo once >> ran" }

[tasks.last]
uses = "shell"
needs = ["once"]
with = { script = "echo last >> ran" }
"#;

/// At which hit a point strikes, so that it does so in the middle of the run; the first where nothing is said.
fn hit_of(point: &str) -> u32 {
    match point {
        "engine.commit.before" | "engine.commit.after" => 7,
        "worker.begin.before" | "worker.tell.before" | "worker.tell.after" => 5,
        point if point.starts_with("journal.write") || point.starts_with("journal.sync") => 8,
        point if point.starts_with("sled.apply") => 4,
        _ => 1,
    }
}

struct Trial {
    project: Project,
    /// Tasks that were reported done before the kill.
    reported: Vec<String>,
}

/// What a user finds.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    right_after: String,
    repeated: String,
    end: String,
}

impl Trial {
    fn new() -> Self {
        let project = Project::new();
        // Long enough that the journal is worth a checkpoint when the store is closed.
        project.file("w.toml", format!("{WORKFLOW}{}", "# a comment\n".repeat(8000)));
        let data = repository().join("workflows/data/iris.csv");
        project.file("iris.csv", std::fs::read(data).expect("the data"));
        Self { project, reported: Vec::new() }
    }

    /// Runs a command with a failpoint armed; tells whether it struck the command itself.
    fn strike(&mut self, args: &[&str], armed: &str) -> bool {
        let output = self
            .project
            .command(args)
            .env("SLUICE_FAILPOINT", armed)
            .stdout(Stdio::piped())
            .output()
            .expect("the binary starts");
        let done = |line: &str| {
            let mut words = line.split_whitespace();
            let (task, state) = (words.next()?, words.next()?);
            (state == "done").then(|| task.to_owned())
        };
        self.reported = String::from_utf8_lossy(&output.stdout).lines().filter_map(done).collect();
        output.status.code().is_none()
    }

    fn status(&self) -> String {
        let runs = self.project.sluice(&["runs", "list", "--format", "json"]).expect(0).json();
        runs[0]["status"].as_str().unwrap_or("no run").to_owned()
    }

    fn n_ran(&self, task: &str) -> usize {
        self.project.read("ran").lines().filter(|line| *line == task).count()
    }

    /// Goes on as a user would: the same command again; what failed is repeated, and what nobody knows the end of is looked after first.
    fn go_on(&self) -> (Ran, bool) {
        if self.status() != "failed" {
            let again = self.project.sluice(&["run", "w.toml"]);
            if again.code != 1 {
                return (again, false);
            }
        }
        let is_unknown = self.project.task("latest", "once")["state"] == "unknown";
        if is_unknown {
            let answer = if self.n_ran("once") > 0 { "succeeded" } else { "retry" };
            self.project.sluice(&["runs", "resolve", "latest", "once", "--as", answer]).expect(0);
        }
        (self.project.sluice(&["runs", "retry", "latest"]), is_unknown)
    }

    fn found(&self, right_after: String, (end, asked): (Ran, bool)) -> Found {
        let end = end.expect(0);
        let story = self.project.sluice(&["runs", "show", "latest", "--format", "json"]).expect(0).json();
        let again = |task: &&Value| task["attempts"].as_u64().is_some_and(|n| n > 1);
        let name = |task: &Value| format!("`{}`", task["name"].as_str().unwrap_or_default());
        let repeated: Vec<_> =
            story["tasks"].as_array().expect("tasks").iter().filter(again).map(name).collect();
        let end = match (asked, right_after.as_str()) {
            (true, _) => "succeeded, after `runs resolve`".into(),
            (false, "failed") => "succeeded, after `runs retry`".into(),
            _ => verb(&end),
        };
        let repeated = if repeated.is_empty() { "–".into() } else { repeated.join(", ") };
        Found { right_after, repeated, end }
    }

    /// What is promised whatever happened.
    fn verify(&self, point: &str) {
        assert!(self.n_ran("once") == 1, "{point}: `once` ran {} times", self.n_ran("once"));
        for task in ["first", "large", "last"] {
            let n = self.n_ran(task);
            let reported = self.reported.iter().any(|done| done == task);
            assert!(n == 1 || (n == 2 && !reported), "{point}: `{task}` ran {n} times, reported: {reported}");
        }
        assert_eq!(self.status(), "succeeded", "{point}");
        self.project.sluice(&["doctor"]).expect(0);
        wait_until("no process is left", || self.project.processes().is_empty());
    }
}

fn verb(end: &Ran) -> String {
    end.stdout
        .lines()
        .rev()
        .find_map(|line| line.split(" in ").next().filter(|word| !word.contains(' ')))
        .unwrap_or("–")
        .into()
}

/// Lets a point strike, goes on, and says what was found; `None` when the workflow never passes the point.
fn trial(point: &str, action: &str) -> Option<Found> {
    let mut trial = Trial::new();
    let armed = format!("{point}@{}{action}", hit_of(point));
    if point.starts_with("gc.") {
        trial.project.sluice(&["run", "w.toml"]).expect(0);
        trial.project.sluice(&["run", "w.toml", "--no-cache"]).expect(0);
        let struck = trial.strike(&["gc", "--keep-runs", "1"], &armed);
        assert!(struck || !action.is_empty(), "{point} does not strike");
        trial.project.sluice(&["gc", "--keep-runs", "1"]).expect(0);
        trial.project.sluice(&["doctor"]).expect(0);
        let left = trial.project.sluice(&["runs", "list", "--format", "json"]).expect(0).json();
        assert_eq!(left.as_array().map(Vec::len), Some(1), "{point}");
        return Some(Found {
            right_after: "succeeded".into(),
            repeated: "–".into(),
            end: "the same `gc` again removes the rest".into(),
        });
    }
    let struck = trial.strike(&["run", "w.toml"], &armed);
    let status = trial.status();
    assert_ne!(status, "running", "{point}");
    // A worker that dies once its task has been reported ends nothing.
    if !struck && status == "succeeded" && action.is_empty() && !point.starts_with("worker.") {
        return None;
    }
    if status == "succeeded" {
        trial.verify(point);
        return Some(Found { right_after: status, repeated: "–".into(), end: "it had ended".into() });
    }
    let end = trial.go_on();
    let found = trial.found(status, end);
    trial.verify(point);
    Some(found)
}

/// Trials of every point, two at a time.
fn trials(action: &'static str, points: Vec<&'static str>) -> BTreeMap<&'static str, Option<Found>> {
    let halves: Vec<Vec<&str>> =
        (0..2).map(|half| points.iter().skip(half).step_by(2).copied().collect()).collect();
    std::thread::scope(|scope| {
        let work = |half: Vec<&'static str>| {
            move || half.into_iter().map(|point| (point, trial(point, action))).collect::<Vec<_>>()
        };
        let threads: Vec<_> = halves.into_iter().map(|half| scope.spawn(work(half))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no trial fails")).collect()
    })
}

#[test]
fn a_kill_at_every_durable_step_keeps_what_is_promised() {
    let points: Vec<_> = failpoint::ALL.iter().map(|(point, _)| *point).collect();
    let found = trials("", points);
    let mut table = String::from(
        "| killed at | what it interrupts | the run right after | started again | how the run ends |\n|---|---|---|---|---|\n",
    );
    for (point, interrupts) in failpoint::ALL {
        let found = found[point].as_ref().unwrap_or_else(|| panic!("no run passes `{point}`"));
        let Found { right_after, repeated, end } = found;
        table += &format!("| `{point}` | {interrupts} | {right_after} | {repeated} | {end} |\n");
    }
    let path = repository().join("docs/durability.md");
    let text = std::fs::read_to_string(&path).expect("the document");
    let (before, rest) = text.split_once("<!-- kills:begin -->\n").expect("its beginning is marked");
    let (written, after) = rest.split_once("<!-- kills:end -->").expect("its end is marked");
    if std::env::var_os(UPDATE).is_some() {
        let text = format!("{before}<!-- kills:begin -->\n{table}<!-- kills:end -->{after}");
        std::fs::write(&path, text).expect("the document is written");
    } else {
        for (written, found) in written.lines().zip(table.lines()) {
            assert_eq!(written, found, "`{UPDATE}=1` writes the table anew");
        }
        assert_eq!(written.lines().count(), table.lines().count(), "`{UPDATE}=1` writes the table anew");
    }
}

#[test]
fn a_write_that_fails_or_is_said_to_have_failed_ends_the_run_and_the_next_goes_on() {
    let points: Vec<_> = failpoint::ALL
        .iter()
        .map(|(point, _)| *point)
        .filter(|point| {
            ["journal.write", "journal.sync", "sled.apply", "ledger"].iter().any(|of| point.starts_with(of))
        })
        .filter(|point| point.ends_with(".before"))
        .collect();
    for action in ["=error", "=error-after"] {
        for (point, found) in trials(action, points.clone()) {
            let found = found.unwrap_or_else(|| panic!("no run passes `{point}`"));
            assert!(found.end.starts_with("succeeded"), "{point}{action}: {found:?}");
        }
    }
}

#[test]
fn torture_keeps_its_promises_and_leaves_nothing() {
    let project = Project::new();
    let folder = project.path("disk");
    let folder = folder.to_str().expect("UTF-8");
    let ran = project.sluice(&["torture", "--rounds", "2", "--folder", folder, "--format", "json"]).expect(0);
    assert_eq!(ran.json()["report"]["n_rounds"], 2);
    assert_eq!(std::fs::read_dir(folder).expect("the folder").count(), 0);
}
