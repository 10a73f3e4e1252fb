//! Many small runs in one process, as a daemon has them.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Instant};

use sluicegate::{
    app::built_in_kinds,
    artifact::ArtifactStore,
    catalog::Catalog,
    engine::{Engine, EngineOptions, StartRequest, StoreHost},
    run::Owner,
    store::{Store, StoreOptions},
    worker::{PoolOptions, WorkerPool},
    workflow::{CheckOptions, Source, Workflow, check},
    world::SystemWorld,
};

use crate::median;

/// Runs of one measurement.
const N_RUNS: usize = 5000;

/// Runs at a time.
const N_CLIENTS: usize = 16;

fn engine(home: &Path, catalog: &Arc<Catalog>) -> (Engine, Store) {
    let store = Store::open(home, StoreOptions { wait: std::time::Duration::ZERO }).unwrap();
    let world = Arc::new(SystemWorld);
    let pool = WorkerPool::new(PoolOptions {
        program: env!("CARGO_BIN_EXE_sluice").into(),
        args: vec!["__worker".into()],
        size: 2,
        home: home.to_owned(),
        grace: std::time::Duration::from_secs(1),
    });
    let engine = Engine::new(EngineOptions {
        home: home.to_owned(),
        store: store.clone(),
        artifacts: ArtifactStore::open(&home.join("artifacts")).unwrap(),
        pool,
        catalog: catalog.clone(),
        host: Arc::new(StoreHost::new(store.clone(), world.clone())),
        world,
        owner: Owner { pid: std::process::id(), start_time: 0, boot_id: String::new() },
        max_parallel: 16,
        pools: BTreeMap::new(),
    });
    (engine, store)
}

fn three_steps(catalog: &Catalog) -> Workflow {
    let text = "name = \"three\"\n[tasks.a]\nuses = \"noop\"\n[tasks.b]\nuses = \"noop\"\nneeds = [\"a\"]\n[tasks.c]\nuses = \"noop\"\nneeds = [\"b\"]\n";
    let source = Source { name: "three.toml".into(), bytes: text.into() };
    let none = BTreeMap::new();
    let options = CheckOptions {
        overrides: &none,
        base_dir: Path::new("/"),
        kinds: catalog,
        load: &|path| std::fs::read(path),
        project_pools: &none_pools(),
        scheduled: false,
    };
    check(&source, &options).workflow.unwrap()
}

fn none_pools() -> BTreeMap<String, u32> {
    BTreeMap::new()
}

/// Prints a table.
pub(crate) fn print() {
    let catalog = Arc::new(built_in_kinds());
    let workflow = three_steps(&catalog);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("| three-step runs of `noop` in one process | runs/s | median | p99 | syncs a run | wanted |");
    println!("|---|---|---|---|---|---|");
    for n_clients in [1, N_CLIENTS] {
        let home = tempfile::tempdir().unwrap();
        let n_runs = if n_clients == 1 { N_RUNS / 10 } else { N_RUNS };
        let (engine, store) = engine(home.path(), &catalog);
        let start = Instant::now();
        let mut latencies = runtime.block_on(async {
            let mut clients = tokio::task::JoinSet::new();
            for _ in 0..n_clients {
                let (engine, workflow) = (engine.clone(), workflow.clone());
                clients.spawn(async move { client(&engine, &workflow, n_runs / n_clients).await });
            }
            clients.join_all().await.concat()
        });
        let rate = latencies.len() as f64 / start.elapsed().as_secs_f64();
        latencies.sort_by(f64::total_cmp);
        let p99 = latencies[latencies.len() * 99 / 100] * 1000.0;
        let syncs = store.n_syncs() as f64 / latencies.len() as f64;
        let wanted = if n_clients == 1 { "–" } else { "≥ 2,500 runs/s, median < 4 ms" };
        println!(
            "| {n_clients} at a time | {rate:.0} | {:.2} ms | {p99:.2} ms | {syncs:.2} | {wanted} |",
            median(latencies) * 1000.0
        );
        runtime.block_on(engine.shutdown());
    }
    println!();
}

/// Starts one run after the other, and says how many seconds each took.
async fn client(engine: &Engine, workflow: &Workflow, n_runs: usize) -> Vec<f64> {
    let mut latencies = Vec::with_capacity(n_runs);
    for _ in 0..n_runs {
        let start = Instant::now();
        let request = StartRequest {
            workflow: workflow.clone(),
            base_dir: "/".into(),
            file: "three.toml".into(),
            use_cache: true,
            started_by: String::new(),
        };
        let handle = engine.start(request).await.unwrap();
        handle.wait().await.unwrap();
        latencies.push(start.elapsed().as_secs_f64());
    }
    latencies
}
