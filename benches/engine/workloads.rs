//! Graphs of tasks, written as files for `sluice` and for its peers.

use std::{fmt::Write as _, fs, path::Path};

/// Tasks at a time.
pub(crate) const WIDTH: usize = 16;

/// What a task does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// `/bin/true`, a process.
    True,
    /// `fib(10)` in Python, a process.
    Python,
    /// The kind `noop`, no process; peers have nothing like it.
    Noop,
}

/// A graph of tasks: for each, those that it waits for.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) work: Work,
    pub(crate) needs: Vec<Vec<usize>>,
    /// The ratio to `make` that it may take, or the seconds where no peer runs it.
    pub(crate) wanted: Wanted,
}

/// What a workload may take.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    /// So many times what `make` takes in the same turn.
    Ratio(f64),
    /// So many milliseconds.
    Millis(f64),
}

const FIB: &str = "f = lambda n: n if n < 2 else f(n - 1) + f(n - 2); f(10)";

fn chain(n: usize) -> Vec<Vec<usize>> {
    (0..n).map(|task| if task == 0 { Vec::new() } else { vec![task - 1] }).collect()
}

fn layers(n: usize) -> Vec<Vec<usize>> {
    (0..n).map(|task| if task < 50 { Vec::new() } else { vec![task - 50] }).collect()
}

fn fan_out(n: usize) -> Vec<Vec<usize>> {
    vec![Vec::new(); n]
}

/// Everything that is run as whole processes.
pub(crate) fn all() -> Vec<Workload> {
    use Wanted::{Millis, Ratio};
    use Work::{Noop, Python, True};
    let workload = |name, work, needs, wanted| Workload { name, work, needs, wanted };
    vec![
        workload("one task", True, chain(1), Ratio(3.0)),
        workload("chain of 40", True, chain(40), Ratio(3.4)),
        workload("chain of 300", True, chain(300), Ratio(2.6)),
        workload("fan-out of 500", True, fan_out(500), Ratio(2.0)),
        workload("5,000 in layers of 50", True, layers(5000), Ratio(2.0)),
        workload("chain of 40", Python, chain(40), Ratio(1.15)),
        workload("chain of 300", Noop, chain(300), Millis(150.0)),
        workload("fan-out of 500", Noop, fan_out(500), Millis(60.0)),
        workload("5,000 in layers of 50", Noop, layers(5000), Millis(300.0)),
        workload("10,000 in one run", Noop, fan_out(10_000), Millis(10_000.0 / 15.0)),
    ]
}

/// A workflow of 100,000 tasks.
pub(crate) fn hundred_thousand(folder: &Path) {
    let needs = layers(100_000);
    let workload = Workload { name: "100,000", work: Work::Noop, needs, wanted: Wanted::Millis(1000.0) };
    workload.write_workflow(folder);
}

impl Workload {
    pub(crate) fn write_workflow(&self, folder: &Path) {
        let mut text = format!("name = \"bench\"\nmax_parallel = {WIDTH}\n");
        let uses = match self.work {
            Work::True => "uses = \"shell\"\nwith = { command = [\"/bin/true\"] }\n".to_owned(),
            Work::Python => {
                format!("uses = \"shell\"\nwith = {{ command = [\"python3\", \"-c\", \"{FIB}\"] }}\n")
            }
            Work::Noop => "uses = \"noop\"\n".to_owned(),
        };
        for (task, needs) in self.needs.iter().enumerate() {
            let needs: Vec<_> = needs.iter().map(|need| format!("\"t{need}\"")).collect();
            writeln!(text, "[tasks.t{task}]\nneeds = [{}]\n{uses}", needs.join(", ")).unwrap();
        }
        fs::write(folder.join("bench.toml"), text).unwrap();
    }

    fn command(&self) -> String {
        match self.work {
            Work::Python => format!("python3 -c '{FIB}'"),
            Work::True | Work::Noop => "/bin/true".to_owned(),
        }
    }

    pub(crate) fn write_makefile(&self, folder: &Path) {
        let all: Vec<_> = (0..self.needs.len()).map(|task| format!("t{task}")).collect();
        let mut text = format!(".PHONY: all {0}\nall: {0}\n", all.join(" "));
        for (task, needs) in self.needs.iter().enumerate() {
            let needs: Vec<_> = needs.iter().map(|need| format!("t{need}")).collect();
            writeln!(text, "t{task}: {}\n\t@{}", needs.join(" "), self.command()).unwrap();
        }
        fs::write(folder.join("Makefile"), text).unwrap();
    }

    pub(crate) fn write_ninja(&self, folder: &Path) {
        let mut text = format!("rule work\n  command = {}\n", self.command());
        for (task, needs) in self.needs.iter().enumerate() {
            let needs: Vec<_> = needs.iter().map(|need| format!("t{need}")).collect();
            writeln!(text, "build t{task}: work {}", needs.join(" ")).unwrap();
        }
        fs::write(folder.join("build.ninja"), text).unwrap();
    }

    pub(crate) fn write_dagu(&self, folder: &Path) {
        let mut text = format!("type: graph\nmaxActiveSteps: {WIDTH}\nsteps:\n");
        for (task, needs) in self.needs.iter().enumerate() {
            writeln!(text, "  - name: t{task}\n    command: {}", self.command()).unwrap();
            if !needs.is_empty() {
                let needs: Vec<_> = needs.iter().map(|need| format!("t{need}")).collect();
                writeln!(text, "    depends: [{}]", needs.join(", ")).unwrap();
            }
        }
        fs::write(folder.join("bench.yaml"), text).unwrap();
    }
}
