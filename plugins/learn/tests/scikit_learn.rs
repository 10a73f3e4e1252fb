//! Models and metrics against golden numbers of scikit-learn 1.9.1.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Data, fixture, indices, numbers};
use serde_json::{Value, json};
use sluicegate_learn::{
    Classification, CrossValidate, TrainBoosting, TrainForest, TrainLinear, TrainLogistic, TrainMlp,
    TrainSvm, TrainSvr, TrainTree, classification_metrics, regression_metrics,
};
use sluicegate_model::{Bundle, Estimator, FittedTransform};
use sluicegate_plugin::{Kind, testing::Bench};

/// The kind and parameters of a golden model; `None` for estimators that are not ours.
fn kind_of(estimator: &str, settings: &Value) -> (Box<dyn Kind>, Value) {
    let c = &settings["C"];
    match estimator {
        "linear_regression" => (Box::new(TrainLinear::default()), json!({})),
        "ridge" => {
            (Box::new(TrainLinear::default()), json!({ "method": "ridge", "alpha": settings["alpha"] }))
        }
        "lasso" => (
            Box::new(TrainLinear::default()),
            json!({ "method": "lasso", "alpha": settings["alpha"], "tol": 1e-10, "max_iter": 100_000 }),
        ),
        "elastic_net" => (
            Box::new(TrainLinear::default()),
            json!({
                "method": "elastic_net", "alpha": settings["alpha"], "l1_ratio": settings["l1_ratio"], "tol": 1e-10,
                "max_iter": 100_000,
            }),
        ),
        "logistic_regression" => {
            (Box::new(TrainLogistic::default()), json!({ "c": c, "tol": 1e-9, "max_iter": 10_000 }))
        }
        "svc_linear" => (Box::new(TrainSvm::default()), json!({ "c": c, "kernel": "linear" })),
        "svc_rbf" => {
            (Box::new(TrainSvm::default()), json!({ "c": c, "kernel": { "rbf": { "gamma": "scale" } } }))
        }
        "svc_poly" => {
            let polynomial =
                json!({ "degree": settings["degree"], "gamma": "scale", "coef0": settings["coef0"] });
            (Box::new(TrainSvm::default()), json!({ "c": c, "kernel": { "polynomial": polynomial } }))
        }
        "svr" => (
            Box::new(TrainSvr::default()),
            json!({ "c": c, "epsilon": settings["epsilon"], "tol": settings["tol"] }),
        ),
        "decision_tree" => (
            Box::new(TrainTree::default()),
            json!({ "task": "classification", "max_depth": settings["max_depth"] }),
        ),
        "random_forest" => (
            Box::new(TrainForest::default()),
            json!({ "task": "classification", "n_trees": settings["n_estimators"] }),
        ),
        "hist_gradient_boosting" => (Box::new(TrainBoosting::default()), json!({ "task": "classification" })),
        "mlp" => (
            Box::new(TrainMlp::default()),
            json!({
                "task": "classification", "layers": settings["hidden_layer_sizes"], "max_iter": settings["max_iter"],
                "on_no_convergence": "warn",
            }),
        ),
        other => panic!("no kind for {other}"),
    }
}

fn train(data: &Data, golden: &Value) -> Bundle {
    let (kind, mut params) = kind_of(golden["estimator"].as_str().unwrap(), &golden["settings"]);
    params["target"] = json!(data.target());
    if golden["standardized"] == true {
        params["transforms"] = json!([{ "standardize": "*" }]);
    }
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new(folder.path()).table("table", &data.table(&indices(&golden["train_rows"])));
    let finished = bench.run(kind.as_ref(), params).unwrap();
    Bundle::load(&finished.outputs["model"].path).unwrap()
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1.0_f64, |most, value| most.max(value.abs()));
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance * scale, "{what}: {found} instead of {expected}");
    }
}

/// Golden models that are to be met in more than their score.
fn exact_models() -> Vec<Value> {
    let models = fixture("models.json")["models"].as_array().unwrap().clone();
    models.into_iter().filter(|golden| golden["expected"]["tolerance"] == "exact").collect()
}

#[test]
fn fitted_models_agree_in_coefficients_probabilities_and_predictions() {
    for golden in exact_models() {
        let golden = &golden;
        let (dataset, estimator) =
            (golden["dataset"].as_str().unwrap(), golden["estimator"].as_str().unwrap());
        let what = format!("{dataset} {estimator}");
        let data = Data::load(dataset);
        let bundle = train(&data, golden);
        let expected = &golden["expected"];
        let rows = bundle.predict_table(&data.table(&indices(&golden["test_rows"]))).unwrap().to_json_rows();
        if estimator == "svr" {
            let found: Vec<_> = rows.iter().map(|row| row["prediction"].as_f64().unwrap()).collect();
            assert_close(&found, &numbers(&expected["predictions"]), 1e-6, &what);
            continue;
        }
        if ["linear_regression", "ridge", "lasso", "elastic_net"].contains(&estimator) {
            let found: Vec<_> = rows.iter().map(|row| row["prediction"].as_f64().unwrap()).collect();
            assert_close(&found, &numbers(&expected["predictions"]), 1e-6, &what);
            let Estimator::Linear { coefficients, intercept } = &bundle.estimator else { panic!("{what}") };
            assert_close(coefficients, &numbers(&expected["coef"]), 1e-6, &what);
            assert_close(&[*intercept], &numbers(&expected["intercept"]), 1e-6, &what);
            continue;
        }
        let classes = data.classes();
        let found = rows
            .iter()
            .map(|row| classes.iter().position(|class| *class == common::text(&row["prediction"])).unwrap());
        let same =
            found.zip(indices(&expected["predictions"])).filter(|(found, wanted)| found == wanted).count();
        if estimator == "logistic_regression" && dataset == "digits" {
            assert!(same + 1 >= rows.len(), "{what}: {same} of {} agree", rows.len());
        } else if estimator == "logistic_regression" {
            assert_eq!(same, rows.len(), "{what}");
            assert_logistic(&bundle, &rows, expected, &classes, &what);
        } else {
            assert!(same as f64 >= 0.99 * rows.len() as f64, "{what}: {same} of {} agree", rows.len());
        }
    }
}

#[test]
fn fitted_models_that_depend_on_chance_agree_in_their_score() {
    let models = fixture("models.json")["models"].as_array().unwrap().clone();
    let models: Vec<_> =
        models.into_iter().filter(|golden| golden["expected"]["tolerance"] != "exact").collect();
    assert!(models.len() >= 12, "{}", models.len());
    for golden in models {
        let data = Data::load(golden["dataset"].as_str().unwrap());
        let test_rows = indices(&golden["test_rows"]);
        let predicted = train(&data, &golden).predict_table(&data.table(&test_rows)).unwrap().to_json_rows();
        let is_right = |row: usize, predicted: &Value| {
            *data.rows[row].last().unwrap() == common::text(&predicted["prediction"])
        };
        let n_right =
            test_rows.iter().zip(&predicted).filter(|(row, predicted)| is_right(**row, predicted)).count();
        let score = n_right as f64 / test_rows.len() as f64;
        let expected = &golden["expected"];
        let tolerance =
            expected["tolerance"].as_str().unwrap().rsplit(' ').next().unwrap().parse::<f64>().unwrap();
        let wanted = expected["score"].as_f64().unwrap();
        let (dataset, estimator) = (&golden["dataset"], &golden["estimator"]);
        assert!(score >= wanted - tolerance, "{dataset} {estimator}: {score} instead of {wanted}");
    }
}

fn assert_logistic(bundle: &Bundle, rows: &[Value], expected: &Value, classes: &[String], what: &str) {
    let Estimator::Logistic { coefficients, intercepts } = &bundle.estimator else { panic!("{what}") };
    // Ours counts classes by name; the fixtures' 1 is `benign`, which is our first.
    let sign = if classes.len() == 2 { -1.0 } else { 1.0 };
    let flat: Vec<_> = coefficients.iter().flatten().map(|weight| sign * weight).collect();
    // The golden solver stopped a little before the optimum (gradient 4e-6); ours ends at 1e-9 and less.
    assert_close(&flat, &numbers(&expected["coef"]), 2e-6, what);
    let flat: Vec<_> = intercepts.iter().map(|weight| sign * weight).collect();
    assert_close(&flat, &numbers(&expected["intercept"]), 2e-6, what);
    let probabilities = rows.iter().take(20);
    let found: Vec<f64> = probabilities
        .flat_map(|row| {
            classes.iter().map(|class| row["probabilities"][class].as_f64().unwrap()).collect::<Vec<_>>()
        })
        .collect();
    assert_close(&found, &numbers(&expected["probabilities_first_20"]), 1e-6, what);
}

#[test]
fn fitted_scalers_agree() {
    for golden in fixture("models.json")["scalers"].as_array().unwrap() {
        let data = Data::load(golden["dataset"].as_str().unwrap());
        let all: Vec<_> = (0..data.rows.len()).collect();
        for (name, first, second) in
            [("standardize", "mean", "scale"), ("min_max", "min", "max"), ("robust", "center", "scale")]
        {
            let expected = &golden[if name == "standardize" { "standard" } else { name }];
            let folder = tempfile::tempdir().unwrap();
            let bench = Bench::new(folder.path()).table("table", &data.table(&all));
            let kind: Box<dyn Kind> = if data.target() == "class" {
                Box::new(TrainLogistic::default())
            } else {
                Box::new(TrainLinear::default())
            };
            let params = json!({ "target": data.target(), "transforms": [{ name: "*" }] });
            let finished = bench.run(kind.as_ref(), params).unwrap();
            let bundle = Bundle::load(&finished.outputs["model"].path).unwrap();
            let FittedTransform::Scale { offset, scale: scales, .. } = &bundle.transforms[0] else {
                panic!("{name}")
            };
            assert_close(offset, &numbers(&expected[first]), 1e-12, name);
            let expected_scale: Vec<f64> = match name {
                "min_max" => numbers(&expected["max"])
                    .iter()
                    .zip(numbers(&expected["min"]))
                    .map(|(max, min)| max - min)
                    .collect(),
                _ => numbers(&expected[second]),
            };
            assert_close(scales, &expected_scale, 1e-12, name);
        }
    }
}

#[test]
fn unshuffled_cross_validation_has_the_same_score_in_every_fold() {
    for golden in fixture("models.json")["cross_validation"].as_array().unwrap() {
        let estimator = match golden["estimator"].as_str().unwrap() {
            "logistic_regression" => json!({ "logistic": {} }),
            _ => json!({ "svm": { "kernel": { "rbf": { "gamma": "scale" } } } }),
        };
        let data = Data::load(golden["dataset"].as_str().unwrap());
        let all: Vec<_> = (0..data.rows.len()).collect();
        let folder = tempfile::tempdir().unwrap();
        let bench = Bench::new(folder.path()).table("table", &data.table(&all));
        let params = json!({
            "target": data.target(), "transforms": [{ "standardize": "*" }], "estimator": estimator,
            "folds": 5, "shuffle": false,
        });
        let report = bench.run(&CrossValidate, params).unwrap().json("report");
        let found: Vec<_> = report["folds"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fold| fold["accuracy"].as_f64().unwrap())
            .collect();
        assert_close(&found, &numbers(&golden["scores"]), 1e-12, golden["dataset"].as_str().unwrap());
    }
}

/// Labels as indices into the sorted classes.
fn labels(value: &Value, classes: &[String]) -> Vec<usize> {
    let found = value.as_array().unwrap().iter().map(Value::to_string);
    found.map(|label| classes.iter().position(|class| *class == label).unwrap()).collect()
}

#[test]
fn classification_metrics_agree_to_twelve_digits() {
    for golden in fixture("metrics.json")["classification"].as_array().unwrap() {
        let mut classes: Vec<_> = ["y_true", "y_pred"]
            .iter()
            .flat_map(|name| golden[name].as_array().unwrap().iter().map(Value::to_string))
            .collect();
        classes.sort();
        classes.dedup();
        let (truth, predicted) = (labels(&golden["y_true"], &classes), labels(&golden["y_pred"], &classes));
        let probabilities = golden["y_proba"].as_array().map(|_| numbers(&golden["y_proba"]));
        // Two classes have the probability of the second one only.
        let probabilities = probabilities
            .map(|p| if p.len() == truth.len() { p.iter().flat_map(|p| [1.0 - p, *p]).collect() } else { p });
        let scores = golden["y_score"].as_array().map(|_| numbers(&golden["y_score"]));
        let judged = |probabilities: Option<&[f64]>| {
            classification_metrics(&Classification {
                truth: &truth,
                predicted: &predicted,
                n_classes: classes.len(),
                positive: classes.len() - 1,
                probabilities,
                scores: scores.as_deref(),
            })
        };
        let (by_probability, _, confusion) = judged(probabilities.as_deref());
        let (by_score, ..) = judged(None);
        for (name, expected) in golden["expected"].as_object().unwrap() {
            let what = format!("{} {name}", golden["name"]);
            match name.as_str() {
                "confusion_matrix" => assert_eq!(confusion.concat(), numbers(expected), "{what}"),
                "roc_auc" | "average_precision" => {
                    assert_close(&[by_score[name]], &numbers(expected), 1e-12, &what);
                }
                _ => assert_close(&[by_probability[name]], &numbers(expected), 1e-12, &what),
            }
        }
    }
}

#[test]
fn regression_metrics_agree_to_twelve_digits() {
    for golden in fixture("metrics.json")["regression"].as_array().unwrap() {
        let found = regression_metrics(&numbers(&golden["y_true"]), &numbers(&golden["y_pred"]));
        for (name, expected) in golden["expected"].as_object().unwrap() {
            assert_close(&[found[name]], &numbers(expected), 1e-12, &format!("{} {name}", golden["name"]));
        }
    }
}
