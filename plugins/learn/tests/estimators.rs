//! Kinds that train trees, networks, machines and anomaly models, tried as their users see them.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Data, uniform};
use serde_json::{Value, json};
use sluicegate_learn::{
    Evaluate, TrainAnomaly, TrainForest, TrainKnn, TrainMlp, TrainNaiveBayes, TrainSvm, TrainSvr, TrainTree,
};
use sluicegate_model::{Bundle, Output};
use sluicegate_plugin::{Finished, Kind, PortType, Table, TaskError, testing::Bench};

fn all(data: &Data) -> Table {
    data.table(&(0..data.rows.len()).collect::<Vec<_>>())
}

fn try_train(kind: &dyn Kind, table: &Table, params: Value) -> Result<(Bundle, Finished), TaskError> {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new(folder.path()).table("table", table);
    let mut finished = bench.run(kind, params)?;
    let bundle = Bundle::load(&finished.outputs["model"].path).unwrap();
    finished.outputs.retain(|_, output| output.path.exists());
    Ok((bundle, finished))
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let data = Data::load("breast_cancer");
    let table = all(&data);
    let kinds: [(Box<dyn Kind>, Value); 4] = [
        (
            Box::new(TrainForest::default()),
            json!({ "target": "diagnosis", "n_trees": 10, "out_of_bag": true }),
        ),
        (
            Box::new(TrainForest::default()),
            json!({ "target": "diagnosis", "n_trees": 10, "method": "extra_trees" }),
        ),
        (
            Box::new(TrainMlp::default()),
            json!({ "target": "diagnosis", "layers": [8], "max_iter": 5, "transforms": [{ "standardize": "*" }], "on_no_convergence": "warn" }),
        ),
        (
            Box::new(TrainSvm::default()),
            json!({ "target": "diagnosis", "transforms": [{ "standardize": "*" }], "probability": "sigmoid" }),
        ),
    ];
    for (kind, params) in kinds {
        let bytes = |n_threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            pool.install(|| try_train(kind.as_ref(), &table, params.clone()).unwrap().0.to_bytes())
        };
        let one = bytes(1);
        assert_eq!(one, bytes(2), "{params}");
        assert_eq!(one, bytes(8), "{params}");
        assert_eq!(Bundle::from_bytes(&one).unwrap().to_bytes(), one, "{params}");
    }
}

#[test]
fn calibrated_machines_give_probabilities_that_mean_something() {
    for (dataset, target, method) in
        [("breast_cancer", "diagnosis", "sigmoid"), ("iris", "class", "isotonic")]
    {
        let data = Data::load(dataset);
        let table = all(&data);
        let params =
            json!({ "target": target, "transforms": [{ "standardize": "*" }], "probability": method });
        let (bundle, _) = try_train(&TrainSvm::default(), &table, params).unwrap();
        let predictions = bundle.predict_table(&table).unwrap();
        let n_classes = predictions.classes.len();
        let probabilities = predictions.probabilities.as_deref().unwrap();
        let Output::Classes(predicted) = &predictions.output else { panic!() };
        let mut n_right = 0;
        let mut loss = 0.0;
        for (row, own) in probabilities.chunks(n_classes).enumerate() {
            assert!(
                (own.iter().sum::<f64>() - 1.0).abs() < 1e-12 && own.iter().all(|p| (0.0..=1.0).contains(p))
            );
            let name = data.rows[row].last().unwrap();
            let truth = predictions.classes.iter().position(|class| class.to_string() == *name).unwrap();
            n_right += usize::from(predicted[row] == truth);
            loss -= own[truth].max(1e-9).ln();
        }
        let n_rows = data.rows.len() as f64;
        assert!(n_right as f64 > 0.95 * n_rows, "{dataset}: {n_right}");
        assert!(loss / n_rows < 0.15, "{dataset}: {}", loss / n_rows);
    }
}

#[test]
fn a_machine_for_features_in_cents_is_that_for_features_in_units() {
    let data = Data::load("diabetes");
    let table = all(&data);
    let machine = |factor: f64, gamma: f64| {
        let rows = data.rows.iter().map(|row| {
            let mut row = row.clone();
            for cell in row.iter_mut().take(10) {
                *cell = (cell.parse::<f64>().unwrap() * factor).to_string();
            }
            row
        });
        let data = Data { names: data.names.clone(), rows: rows.collect() };
        let params = json!({ "target": "progression", "kernel": { "rbf": { "gamma": gamma } }, "c": 50.0 });
        let (bundle, _) = try_train(&TrainSvr::default(), &all(&data), params).unwrap();
        let Output::Values(values) = bundle.predict_table(&all(&data)).unwrap().output else { panic!() };
        values
    };
    let (units, cents) = (machine(1.0, 40.0), machine(100.0, 0.004));
    assert_eq!(units.len(), table.n_rows());
    let spread =
        units.iter().copied().fold(f64::MIN, f64::max) - units.iter().copied().fold(f64::MAX, f64::min);
    assert!(spread > 50.0, "{spread}");
    for (one, other) in units.iter().zip(&cents) {
        assert!((one - other).abs() < 1e-2, "{one} and {other}");
    }
}

#[test]
fn neighbours_and_naive_bayes_know_iris_and_survive_their_files() {
    let data = Data::load("iris");
    let table = all(&data);
    let kinds: [(Box<dyn Kind>, Value); 3] = [
        (Box::new(TrainKnn::default()), json!({ "target": "class", "k": 3 })),
        (
            Box::new(TrainKnn::default()),
            json!({ "target": "class", "metric": { "minkowski": 3 }, "weights": "distance" }),
        ),
        (Box::new(TrainNaiveBayes::default()), json!({ "target": "class" })),
    ];
    for (kind, params) in kinds {
        let (bundle, _) = try_train(kind.as_ref(), &table, params.clone()).unwrap();
        assert_eq!(Bundle::from_bytes(&bundle.to_bytes()).unwrap(), bundle);
        let predictions = bundle.predict_table(&table).unwrap();
        let Output::Classes(predicted) = &predictions.output else { panic!() };
        let is_right = |(row, class): (usize, &usize)| {
            predictions.classes[*class].to_string() == *data.rows[row].last().unwrap()
        };
        let n_right = predicted.iter().enumerate().filter(|pair| is_right(*pair)).count();
        assert!(n_right >= 143, "{params}: {n_right}");
    }
    let error = try_train(&TrainKnn::default(), &table, json!({ "target": "class", "k": 151 }))
        .map(drop)
        .unwrap_err();
    assert_eq!(error.code, "too_few_rows");
    let negative = json!({ "target": "class", "distribution": "categorical" });
    let error = try_train(&TrainNaiveBayes::default(), &table, negative).map(drop).unwrap_err();
    assert!(error.code == "bad_feature" && error.message.contains("sepal_length_cm"), "{}", error.message);
}

#[test]
fn a_tree_can_be_read_and_drawn() {
    let data = Data::load("iris");
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new(folder.path()).table("table", &all(&data));
    let finished = bench.run(&TrainTree::default(), json!({ "target": "class", "max_depth": 2 })).unwrap();
    let read = |port: &str| std::fs::read_to_string(&finished.outputs[port].path).unwrap();
    let text = read("text");
    assert!(text.contains("petal_") && text.contains("setosa"), "{text}");
    assert!(read("dot").starts_with("digraph"));
    assert!((finished.metrics["depth"] - 2.0).abs() < f64::EPSILON);
    assert_eq!(Table::read(&finished.outputs["importances"].path).unwrap().n_rows(), 4);
}

#[test]
fn a_class_of_more_weight_is_found_more_often() {
    let data = Data::load("breast_cancer");
    let table = all(&data);
    let n_malignant = |class_weight: Value| {
        let params = json!({ "target": "diagnosis", "max_depth": 2, "class_weight": class_weight });
        let (bundle, _) = try_train(&TrainTree::default(), &table, params).unwrap();
        let Output::Classes(classes) = bundle.predict_table(&table).unwrap().output else { panic!() };
        classes.into_iter().filter(|class| *class == 1).count()
    };
    assert!(n_malignant(json!({ "malignant": 20.0 })) > n_malignant(json!({ "malignant": 0.05 })) + 10);
}

#[test]
fn anomalies_are_found_and_judged_like_classes() {
    let n = 400;
    let (a, b) = (uniform(n, 21), uniform(n, 22));
    let is_far = |row: usize| row % 40 == 7;
    let cell = |value: f64, row: usize| (if is_far(row) { value + 6.0 } else { value }).to_string();
    let data = Data {
        names: ["a", "b", "anomaly"].map(str::to_owned).to_vec(),
        rows: (0..n).map(|row| vec![cell(a[row], row), cell(b[row], row), is_far(row).to_string()]).collect(),
    };
    let table = common::with_truths(&all(&data), "anomaly");
    for params in [
        json!({ "contamination": 0.025 }),
        json!({ "method": "one_class_svm", "nu": 0.025, "transforms": [{ "standardize": "*" }] }),
    ] {
        let (bundle, finished) = try_train(&TrainAnomaly, &table, params.clone()).unwrap();
        assert!(finished.metrics["n_anomalies"] >= 5.0, "{params}: {:?}", finished.metrics);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        std::fs::write(&path, bundle.to_bytes()).unwrap();
        let bench = Bench::new(folder.path()).table("table", &table).file("model", PortType::Model, path);
        let judged = bench.run(&Evaluate, json!({})).unwrap();
        assert!(judged.metrics["roc_auc"] > 0.97, "{params}: {:?}", judged.metrics);
    }
}

#[test]
fn what_does_not_converge_is_an_error_or_a_warning() {
    let data = Data::load("breast_cancer");
    let table = all(&data);
    let kinds: [(Box<dyn Kind>, Value); 2] = [
        (Box::new(TrainSvm::default()), json!({ "target": "diagnosis", "kernel": "linear", "max_iter": 10 })),
        (
            Box::new(TrainMlp::default()),
            json!({ "target": "diagnosis", "transforms": [{ "standardize": "*" }], "max_iter": 2 }),
        ),
    ];
    for (kind, mut params) in kinds {
        let error = try_train(kind.as_ref(), &table, params.clone()).map(drop).unwrap_err();
        assert_eq!(error.code, "no_convergence", "{}", error.message);
        assert!(error.hints.iter().any(|hint| hint.contains("on_no_convergence")));
        params["on_no_convergence"] = json!("warn");
        let (_, finished) = try_train(kind.as_ref(), &table, params).unwrap();
        assert!(finished.metrics["converged"].abs() < f64::EPSILON);
    }
}

#[test]
fn little_data_gives_a_model_or_an_error_and_never_a_panic() {
    let one = |value: &str| Data {
        names: ["a", "y"].map(str::to_owned).to_vec(),
        rows: vec![vec!["1.0".into(), value.into()]],
    };
    let constant = Data {
        names: ["a", "y"].map(str::to_owned).to_vec(),
        rows: (0..6).map(|row| vec!["1.0".into(), ["x", "z"][row % 2].into()]).collect(),
    };
    let kinds: [Box<dyn Kind>; 4] = [
        Box::new(TrainTree::default()),
        Box::new(TrainForest::default()),
        Box::new(TrainMlp::default()),
        Box::new(TrainSvm::default()),
    ];
    for kind in kinds {
        let error =
            try_train(kind.as_ref(), &all(&one("x")), json!({ "target": "y" })).map(drop).unwrap_err();
        assert_eq!(error.code, "one_class", "{}", error.message);
        if let Err(error) = try_train(kind.as_ref(), &all(&constant), json!({ "target": "y" })) {
            assert!(["no_convergence", "no_fit"].contains(&error.code.as_str()), "{}", error.message);
        }
    }
    let regressions: [Box<dyn Kind>; 4] = [
        Box::new(TrainTree::default()),
        Box::new(TrainForest::default()),
        Box::new(TrainMlp::default()),
        Box::new(TrainSvr::default()),
    ];
    for kind in regressions {
        let table = all(&one("2.5"));
        if let Ok((bundle, _)) = try_train(kind.as_ref(), &table, json!({ "target": "y" })) {
            let Output::Values(values) = bundle.predict_table(&table).unwrap().output else { panic!() };
            assert!(values[0].is_finite());
        }
    }
}
