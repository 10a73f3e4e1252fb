//! Fits beside what a user would pick instead, on the same rows, in turns.
//!
//! `cargo bench -p sluicegate-learn --bench learn [-- NAME…]` prints a table for each work, then what one row costs
//! (`one row`). `-- quality` compares scores on eight data sets instead. The peers run when `python3`, or the
//! interpreter that `BENCH_PYTHON` names, has them. `benches/README.md` says how to read it.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a benchmark prints, and stops at the first surprise"
)]

mod data_sets;
mod one_row;
mod peers;
mod quality;

use std::{io::Write, path::Path, sync::Arc, time::Instant};

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use data_sets::Classification;
use serde_json::{Value, json};
use sluicegate_learn::{TrainBoosting, TrainForest, TrainLogistic, TrainMlp, TrainSvm};
use sluicegate_model::{Bundle, Output};
use sluicegate_plugin::{Kind, Table, testing::Bench};

/// Turns in which all fit once.
const N_TURNS: usize = 3;

/// What is fitted, by whom.
struct Work {
    name: &'static str,
    peers: &'static str,
    kind: Box<dyn Kind>,
    params: Value,
    data: Classification,
}

fn works() -> Vec<Work> {
    let table = |n_rows: usize, n_columns: usize, n_classes: usize| Classification {
        n_rows,
        n_informative: n_columns / 2,
        n_redundant: n_columns / 6,
        n_noise: n_columns - n_columns / 2 - n_columns / 6,
        class_shares: vec![1.0; n_classes],
        class_separation: 0.8,
        flip_share: 0.05,
        seed: 1,
        ..Classification::default()
    };
    let work = |name, peers, kind: Box<dyn Kind>, mut params: Value, data| {
        params["target"] = json!("y");
        Work { name, peers, kind, params, data }
    };
    let classes = json!({ "task": "classification" });
    let boosting = || Box::<TrainBoosting>::default();
    vec![
        work("boosting 100,000 × 30", "boosting", boosting(), classes.clone(), table(100_000, 30, 2)),
        work("boosting 1,000,000 × 30", "boosting", boosting(), classes.clone(), table(1_000_000, 30, 2)),
        work("forest 50,000 × 30", "forest", Box::<TrainForest>::default(), classes, table(50_000, 30, 2)),
        work("svm rbf 5,000 × 20", "svm_rbf", Box::<TrainSvm>::default(), json!({}), table(5_000, 20, 2)),
        work(
            "svm linear 5,000 × 20",
            "svm_linear",
            Box::<TrainSvm>::default(),
            json!({ "kernel": "linear" }),
            table(5_000, 20, 2),
        ),
        work(
            "mlp 784–100–10, 10,000 rows",
            "mlp",
            Box::<TrainMlp>::default(),
            json!({ "task": "classification", "max_iter": 20, "n_iter_no_change": 1000, "on_no_convergence": "warn" }),
            table(10_000, 784, 10),
        ),
        work(
            "logistic 1,000,000 × 40",
            "logistic",
            Box::<TrainLogistic>::default(),
            json!({}),
            table(1_000_000, 40, 2),
        ),
    ]
}

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if wanted.iter().any(|part| part == "quality") {
        return quality::print();
    }
    let n_threads = rayon::current_num_threads();
    println!("medians of {N_TURNS} turns, {n_threads} threads\n");
    for work in works() {
        if wanted.is_empty() || wanted.iter().any(|part| work.name.contains(part.as_str())) {
            run(&work, n_threads);
        }
    }
    if wanted.is_empty() || wanted.iter().any(|part| "one row".contains(part.as_str())) {
        one_row::print();
    }
}

/// One work: everyone's times, memory and scores on the training rows.
fn run(work: &Work, n_threads: usize) {
    let data = work.data.generate();
    let folder = tempfile::tempdir().unwrap();
    write_arrays(folder.path(), &data.columns, &data.classes);
    let table = table(data.columns, &data.classes);
    let mut results: Vec<(String, Vec<f64>, f64)> = Vec::new();
    for _ in 0..N_TURNS {
        let mut turn = vec![ours(work, &table, &data.classes)];
        for peer in peers::run(work.peers, folder.path(), n_threads) {
            let number = |key: &str| peer[key].as_f64().unwrap();
            turn.push((peer["name"].as_str().unwrap().to_owned(), number("seconds"), number("score")));
        }
        for (name, seconds, score) in turn {
            match results.iter_mut().find(|(own, ..)| *own == name) {
                Some((_, times, _)) => times.push(seconds),
                None => results.push((name, vec![seconds], score)),
            }
        }
    }
    println!("| {} | seconds | beside ours | score |\n|---|---|---|---|", work.name);
    let own = median(&results[0].1);
    for (name, times, score) in &results {
        println!("| {name} | {:.2} | {:.2} × | {score:.4} |", median(times), median(times) / own);
    }
    println!();
}

/// The middle of a few values.
fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A table of the columns `x0`, `x1`, … and the class `y`.
fn table(columns: Vec<Vec<f64>>, classes: &[usize]) -> Table {
    let mut named: Vec<(String, ArrayRef)> = Vec::new();
    for (at, column) in columns.into_iter().enumerate() {
        named.push((format!("x{at}"), Arc::new(Float64Array::from(column))));
    }
    let classes = classes.iter().map(|class| i64::try_from(*class).unwrap());
    named.push(("y".into(), Arc::new(Int64Array::from_iter_values(classes))));
    Table::from_batch(RecordBatch::try_from_iter(named).unwrap())
}

fn ours(work: &Work, table: &Table, classes: &[usize]) -> (String, f64, f64) {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new(folder.path()).table("table", table);
    let start = Instant::now();
    let finished = bench.run(work.kind.as_ref(), work.params.clone()).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let bundle = Bundle::load(&finished.outputs["model"].path).unwrap();
    let Output::Classes(predicted) = bundle.predict_table(table).unwrap().output else { panic!("classes") };
    let n_right = predicted.iter().zip(classes).filter(|(one, other)| one == other).count();
    ("sluice".into(), seconds, n_right as f64 / classes.len() as f64)
}

/// Writes the rows for the peers: 64-bit numbers, row after row.
fn write_arrays(folder: &Path, columns: &[Vec<f64>], classes: &[usize]) {
    let n_rows = classes.len();
    let mut file = std::io::BufWriter::new(std::fs::File::create(folder.join("x.f64")).unwrap());
    for row in 0..n_rows {
        for column in columns {
            file.write_all(&column[row].to_le_bytes()).unwrap();
        }
    }
    file.flush().unwrap();
    let y: Vec<u8> = classes.iter().flat_map(|class| (*class as f64).to_le_bytes()).collect();
    std::fs::write(folder.join("y.f64"), y).unwrap();
    std::fs::write(folder.join("shape"), format!("{n_rows} {}", columns.len())).unwrap();
}
