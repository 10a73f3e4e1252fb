//! What a plugin costs: a warm call beside a built-in kind's in the same worker, a table through the boundary, the first call, a program.
//!
//! `cargo bench -p sluicegate --bench plugins`. Needs a C compiler and `python3`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use arrow_array::{ArrayRef, Float64Array, RecordBatch};
use serde_json::json;
use sluicegate::{
    artifact::{ArtifactStore, hash_file},
    plugin::{PluginKind, PluginOptions, PluginSet, find},
    run::AttemptResult,
    worker::{AttemptControl, PoolOptions, WorkerPool},
};
use sluicegate_plugin::{AttemptSpec, Input, PluginSource, PortType, Resources, RunInfo, Table};

/// Columns of the table that crosses.
const N_COLUMNS: usize = 20;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let plugins = root.join("plugins");
    build_native(&plugins);
    write_program(&plugins);
    let sources = sources(&plugins, root);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let bench = Bench { home: root.join("home"), sources };
        bench.calls().await;
        bench.first_calls().await;
        bench.tables().await;
    });
}

struct Bench {
    home: PathBuf,
    sources: BTreeMap<String, PluginSource>,
}

impl Bench {
    fn pool(&self) -> WorkerPool {
        WorkerPool::new(PoolOptions {
            program: sluice(),
            args: vec!["__worker".into()],
            size: 1,
            home: self.home.clone(),
            grace: Duration::from_secs(2),
        })
    }

    fn spec(&self, kind: &str, n: usize, inputs: BTreeMap<String, Input>) -> AttemptSpec {
        let plugin = kind.split_once('.').and_then(|(name, _)| self.sources.get(name)).cloned();
        // What the plugin says of itself; `moves` is pure, and so confined.
        let plugin = plugin.map(|plugin| PluginSource { confined: kind != "faulty.nothing", ..plugin });
        AttemptSpec {
            run: RunInfo { run_id: "bench".into(), attempt_id: format!("{kind}-{n}"), ..RunInfo::default() },
            kind: kind.into(),
            plugin,
            params: json!({}),
            inputs,
            references: BTreeMap::new(),
            timeout: None,
            env: BTreeMap::new(),
            resources: Resources::default(),
            secrets: BTreeMap::new(),
            base_dir: self.home.clone(),
            attempt_dir: self.home.join(format!("runs/bench/attempts/{kind}-{n}")),
            home: self.home.clone(),
        }
    }

    async fn run(&self, pool: &WorkerPool, spec: AttemptSpec) -> (Duration, Option<u32>) {
        let (control, _handle) = AttemptControl::new(Box::new(|_, _| ()));
        let attempt_dir = spec.attempt_dir.clone();
        let start = Instant::now();
        let report = pool.execute(spec, control).await;
        let took = start.elapsed();
        assert!(matches!(report.result, AttemptResult::Succeeded { .. }), "{:?}", report.result);
        pool.kept(&[attempt_dir]);
        (took, report.worker.map(|process| process.pid))
    }

    /// Warm calls, taken in turns so that a noisy moment falls on all.
    async fn calls(&self) {
        let kinds = ["noop", "faulty.nothing", "faulty.pure", "small.nothing"];
        let pools: Vec<_> = kinds.iter().map(|_| self.pool()).collect();
        let mut took: Vec<Vec<Duration>> = vec![Vec::new(); kinds.len()];
        for n in 0..1500 {
            for (at, kind) in kinds.iter().enumerate() {
                let (time, _) = self.run(&pools[at], self.spec(kind, n, BTreeMap::new())).await;
                if n >= 100 {
                    took[at].push(time);
                }
            }
        }
        let medians: Vec<f64> = took.iter_mut().map(|times| median(times)).collect();
        println!("warm call, median of 1400, engine to worker and back");
        for (kind, median) in kinds.iter().zip(&medians) {
            println!("  {kind:<16} {:>8.1} µs   {:.2} × a built-in kind", median * 1e6, median / medians[0]);
        }
        for pool in pools {
            pool.shutdown().await;
        }
    }

    async fn first_calls(&self) {
        for kind in ["noop", "faulty.nothing", "faulty.pure", "small.nothing"] {
            let (mut cold, mut loaded) = (Vec::new(), Vec::new());
            for n in 0..15 {
                let pool = self.pool();
                cold.push(self.run(&pool, self.spec(kind, 2000 + n, BTreeMap::new())).await.0);
                pool.shutdown().await;
                let pool = self.pool();
                self.run(&pool, self.spec("noop", 3000 + n, BTreeMap::new())).await;
                loaded.push(self.run(&pool, self.spec(kind, 4000 + n, BTreeMap::new())).await.0);
                pool.shutdown().await;
            }
            println!(
                "first call of {kind:<16} {:>7.2} ms with a new worker, {:>7.2} ms in a worker that is there",
                median(&mut cold) * 1e3,
                median(&mut loaded) * 1e3
            );
        }
    }

    /// A table in and out. `reads` takes every batch and gives nothing; `moves` hands the stream on, and the host writes the artifact.
    async fn tables(&self) {
        let artifacts = ArtifactStore::open(&self.home.join("artifacts")).expect("artifacts");
        println!("a table of {N_COLUMNS} float64 columns through a native plugin");
        println!(
            "      rows      reads      moves   of which writing the artifact   anonymous memory of the worker"
        );
        for n_rows in [10_000, 100_000, 1_000_000] {
            let input = self.home.join(format!("table-{n_rows}"));
            table(n_rows).write(&input).expect("written");
            let (hash, _) = hash_file(&input).expect("hashed");
            let inputs = || {
                let input = Input {
                    port_type: PortType::Table,
                    hash: hash.clone(),
                    path: input.clone(),
                    value: None,
                };
                BTreeMap::from([("table".to_owned(), input)])
            };
            let pool = self.pool();
            let mut took: [Vec<Duration>; 3] = Default::default();
            let mut memory = 0.0_f64;
            for n in 0..7 {
                let (reads, pid) = self.run(&pool, self.spec("faulty.reads", n_rows + n, inputs())).await;
                took[0].push(reads);
                let spec = self.spec("faulty.moves", n_rows + n, inputs());
                took[1].push(self.run(&pool, spec).await.0);
                memory = memory.max(anonymous_peak(pid));
                took[2].push(write_alone(&artifacts, &input, &self.home));
            }
            let [reads, moves, write] = took.each_mut().map(|times| median(times) * 1e3);
            println!("{n_rows:>10} {reads:>7.2} ms {moves:>7.1} ms {write:>20.1} ms {memory:>25.1} MiB");
            pool.shutdown().await;
        }
    }
}

/// The same batches written and adopted as an artifact, without a plugin.
fn write_alone(artifacts: &ArtifactStore, input: &Path, home: &Path) -> Duration {
    let table = Table::read(input).expect("a table");
    let staged = home.join("staged");
    let start = Instant::now();
    table.write(&staged).expect("written");
    artifacts.adopt(&staged).expect("adopted");
    start.elapsed()
}

fn table(n_rows: usize) -> Table {
    let batch = |from: usize, n_rows: usize| {
        let column = |column_idx: usize| -> ArrayRef {
            let values = (from..from + n_rows).map(|row| row as f64 * 0.5 + column_idx as f64);
            Arc::new(Float64Array::from_iter_values(values))
        };
        RecordBatch::try_from_iter((0..N_COLUMNS).map(|idx| (format!("c{idx}"), column(idx))))
            .expect("a batch")
    };
    let batches: Vec<_> =
        (0..n_rows).step_by(65_536).map(|from| batch(from, 65_536.min(n_rows - from))).collect();
    Table::new(batches[0].schema(), batches)
}

/// What a process holds that is no file, in MiB.
fn anonymous_peak(pid: Option<u32>) -> f64 {
    let status =
        pid.and_then(|pid| std::fs::read_to_string(format!("/proc/{pid}/status")).ok()).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok()).unwrap_or_default()
        / 1024.0
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

fn sluice() -> PathBuf {
    let binary = env!("CARGO_BIN_EXE_sluice");
    PathBuf::from(binary)
}

fn build_native(plugins: &Path) {
    std::fs::create_dir_all(plugins).expect("a folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-w"])
        .arg("-I")
        .arg(root.join("plugins/sdk/include"))
        .arg(root.join("tests/plugins/faulty.c"))
        .arg("-o")
        .arg(plugins.join("faulty.so"))
        .status()
        .expect("a C compiler");
    assert!(status.success());
}

fn write_program(plugins: &Path) {
    let folder = plugins.join("small");
    std::fs::create_dir_all(&folder).expect("a folder");
    let program = "import sluicegate as sg\nplugin = sg.Plugin(\"small\", version=\"1\")\n\n\n@plugin.kind(\"small.nothing\", version=\"1\")\ndef nothing(ctx):\n    \"\"\"Does nothing.\"\"\"\n\n\nif __name__ == \"__main__\":\n    plugin.run()\n";
    std::fs::write(folder.join("plugin.py"), program).expect("written");
    let file = "name = \"small\"\ncommand = [\"python3\", \"plugin.py\"]\n";
    std::fs::write(folder.join("plugin.toml"), file).expect("written");
}

fn sources(plugins: &Path, root: &Path) -> BTreeMap<String, PluginSource> {
    let folders = vec![plugins.to_owned()];
    let (found, misfits) = find(&folders);
    assert!(misfits.is_empty(), "{misfits:?}");
    let options = PluginOptions { folders, lock: root.join("plugins.lock"), home: None, sluice: sluice() };
    let set = PluginSet::new(options);
    let source = |name: &String| {
        let plugin = set.plugin(name).expect("found").unwrap_or_else(|refusal| panic!("{refusal}"));
        let PluginKind { source, .. } = plugin.kinds().next().expect("a kind");
        (name.clone(), source)
    };
    found.keys().map(source).collect()
}
