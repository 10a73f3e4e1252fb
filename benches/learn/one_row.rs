//! One row through a boosted model of 500 trees, in process.

use std::{hint::black_box, time::Instant};

use serde_json::{Map, Value, json};
use sluicegate_learn::TrainBoosting;
use sluicegate_model::Bundle;
use sluicegate_plugin::testing::Bench;

use crate::{data_sets::Classification, median, peers, table, write_arrays};

/// Calls, with one row each.
const N_CALLS: usize = 20_000;
/// Rows that take turns: few, because a row that was just read is in the cache.
const N_ROWS: usize = 64;

pub(crate) fn print() {
    let data = Classification {
        n_rows: 20_000,
        n_informative: 15,
        n_redundant: 5,
        n_noise: 10,
        class_shares: vec![1.0; 2],
        class_separation: 0.8,
        flip_share: 0.05,
        seed: 2,
        ..Classification::default()
    };
    let data = data.generate();
    let folder = tempfile::tempdir().unwrap();
    write_arrays(folder.path(), &data.columns, &data.classes);
    let row = |at: usize| -> Map<String, Value> {
        let columns = data.columns.iter().enumerate();
        columns.map(|(column, values)| (format!("x{column}"), json!(values[at]))).collect()
    };
    let rows: Vec<[Map<String, Value>; 1]> = (0..N_ROWS).map(|at| [row(at)]).collect();
    let bench = Bench::new(folder.path()).table("table", &table(data.columns.clone(), &data.classes));
    let params = json!({
        "target": "y", "task": "classification", "n_rounds": 500, "transforms": [{ "standardize": "*" }],
    });
    let finished = bench.run(&TrainBoosting::default(), params).unwrap();
    let bundle = Bundle::load(&finished.outputs["model"].path).unwrap();
    let mut times = Vec::new();
    for row in rows.iter().cycle().take(N_CALLS) {
        let start = Instant::now();
        black_box(bundle.predict_rows(black_box(row)).unwrap());
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    let own = median(&times);
    println!("| one row, 500 trees | microseconds | beside ours |\n|---|---|---|");
    println!("| sluice, from JSON through `standardize` | {own:.1} | 1.00 × |");
    for peer in peers::run("one_row", folder.path(), 1) {
        let micros = peer["micros"].as_f64().unwrap();
        println!("| {} | {micros:.1} | {:.2} × |", peer["name"].as_str().unwrap(), micros / own);
    }
    println!();
}
