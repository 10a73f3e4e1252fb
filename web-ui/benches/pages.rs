//! Time and size of the heavy pages: `cargo bench -p sluicegate-web`.

#[path = "../tests/samples/mod.rs"]
mod samples;

use std::time::{Duration, Instant};

use sluicegate_web::{self as web, view::RunPage};

#[expect(clippy::print_stdout, reason = "a benchmark prints")]
fn measure(name: &str, render: impl Fn() -> String) {
    let mut times: Vec<Duration> = (0..21)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(render());
            start.elapsed()
        })
        .collect();
    times.sort();
    let bytes = render().len();
    println!(
        "{name:<32} {:>9.3} ms  (worst {:>9.3})  {:>8.1} kB",
        ms(times[10]),
        ms(times[20]),
        bytes as f64 / 1e3
    );
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn main() {
    let page = samples::page();
    let run = |name: &str, view: RunPage| measure(name, || web::run(&page, &view));
    run("run of 12 tasks", samples::rejected());
    run("the same with a panel", samples::with_panel());
    run("run of 1,000 tasks", samples::many(1_000));
    run("the same, a group open", samples::many_open(1_000));
    run("run of 1,000 items", samples::items(1_000));
    run("run of 10,000 tasks", samples::many(10_000));
    let (overview, runs, workflows) = (samples::overview(), samples::runs(), samples::workflows());
    measure("overview", || web::overview(&page, &overview));
    measure("runs, 40 rows", || web::runs(&page, &runs));
    measure("workflows, 5 rows", || web::workflows(&page, &workflows));
}
