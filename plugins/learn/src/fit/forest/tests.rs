//! Tests of whole trees and forests. The expected trees are scikit-learn 1.9.1's on the same formula
//! (which has no tied splits: six seeds give the same trees).

use ndarray::{Array2, array};

use super::*;

impl ForestSettings {
    /// The defaults of a random forest: square root of the columns for classes, all columns for values.
    fn random_forest(criterion: Criterion) -> Self {
        let max_features = match criterion {
            Criterion::Gini | Criterion::Entropy => MaxFeatures::Sqrt,
            Criterion::SquaredError | Criterion::AbsoluteError => MaxFeatures::All,
        };
        let tree = TreeSettings { max_features, ties: Ties::FirstDrawn, ..TreeSettings::new(criterion) };
        Self { n_trees: 100, tree, bootstrap: true, max_samples: None, out_of_bag: false }
    }

    /// The defaults of extra trees: random thresholds, all rows.
    fn extra_trees(criterion: Criterion) -> Self {
        let mut settings = Self::random_forest(criterion);
        settings.tree.thresholds = Thresholds::Random;
        settings.bootstrap = false;
        settings
    }
}

const N_ROWS: u32 = 90;

/// Three columns, a class and a value for each row.
struct Example {
    features: Array2<f64>,
    classes: Vec<u32>,
    values: Vec<f64>,
    weights: Vec<f64>,
}

impl Example {
    fn new() -> Self {
        let rows = || (0..N_ROWS).map(|i| (i, row(i)));
        let signal = |i: u32, [a, b, c]: [f64; 3]| {
            a + b * 0.5 + if c > 12.0 { 4.0 } else { 0.0 } + f64::from(i * 71 % 13) / 4.0
        };
        let classes = rows().map(|(i, x)| u32::from(signal(i, x) >= 5.0) + u32::from(signal(i, x) >= 9.0));
        Self {
            features: Array2::from_shape_fn((90, 3), |(i, column)| row(u32::try_from(i).unwrap())[column]),
            classes: classes.collect(),
            values: rows().map(|(i, x)| signal(i, x) + f64::from(i * 17 % 19) / 50.0).collect(),
            weights: (0..N_ROWS).map(|i| f64::from(1 + i % 4)).collect(),
        }
    }

    fn with_missing(mut self) -> Self {
        for i in 0..N_ROWS {
            let [a, b, c] = row(i);
            let signal = a + b * 0.5 + if c > 12.0 { 4.0 } else { 0.0 } + f64::from(i * 71 % 13) / 4.0;
            if i % 7 == 3 {
                self.features[(i as usize, 0)] = f64::NAN;
            }
            if i % 5 == 1 && signal > 8.0 {
                self.features[(i as usize, 2)] = f64::NAN;
            }
        }
        self
    }

    fn classes(&self) -> TrainingRows<'_> {
        let target = Target::Classes { classes: &self.classes, n_classes: 3 };
        TrainingRows { features: self.features.view(), target, weights: None }
    }

    fn values(&self) -> TrainingRows<'_> {
        TrainingRows { features: self.features.view(), target: Target::Values(&self.values), weights: None }
    }

    fn weighted<'a>(&'a self, rows: TrainingRows<'a>) -> TrainingRows<'a> {
        TrainingRows { weights: Some(&self.weights), ..rows }
    }
}

fn row(i: u32) -> [f64; 3] {
    let [a, b, c] = [i * 37 % 101, i * 53 % 97, (i * i * 29 + i * 11) % 89].map(f64::from);
    [a / 10.0, b / 7.0 - 3.0, c / 3.0]
}

fn fit(rows: &TrainingRows<'_>, settings: &TreeSettings) -> DecisionTree {
    let tree = DecisionTree::fit(rows, settings, &|| false).unwrap();
    tree.to_ensemble().check().unwrap();
    tree
}

/// The nodes, left subtrees first: column and threshold (`L`: missing goes left), or the rows of a leaf.
fn outline(tree: &DecisionTree) -> String {
    let nodes = &tree.grown().nodes;
    let (mut parts, mut pending) = (Vec::new(), vec![0]);
    while let Some(idx) = pending.pop() {
        let node = &nodes[idx];
        if node.is_leaf() {
            parts.push(format!("leaf {}", node.n_rows));
        } else {
            let side = if node.missing_goes_left { " L" } else { "" };
            parts.push(format!("x{} {:.3}{side}", node.column, node.threshold));
            let child = node.first_child as usize;
            pending.extend([child + 1, child]);
        }
    }
    parts.join("; ")
}

fn assert_close(a: &[f64], b: &[f64]) {
    assert_eq!(a.len(), b.len());
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9), "{a:?} is not {b:?}");
}

#[test]
fn a_tree_by_the_gini_index_is_that_of_scikit_learn() {
    let example = Example::new();
    let settings = TreeSettings { max_depth: Some(3), ..TreeSettings::new(Criterion::Gini) };
    let tree = fit(&example.classes(), &settings);
    let expected = "x0 2.550; x1 -2.357; leaf 5; x2 16.667 L; leaf 13; leaf 6; x2 12.833; x1 5.643 L; leaf 14; \
                    leaf 8; x0 3.250; leaf 4; leaf 40";
    assert_eq!(outline(&tree), expected);
    assert_close(&tree.importances(), &[0.447_167_334_927_8, 0.312_263_830_596_7, 0.240_568_834_475_5]);
    assert_close(&[tree.grown().nodes[0].impurity], &[0.487_901_234_567_9]);
    assert_eq!((tree.grown().depth(), tree.grown().n_leaves()), (3, 7));
}

#[test]
fn a_weighted_best_first_tree_by_entropy_is_that_of_scikit_learn() {
    let example = Example::new();
    let mut settings = TreeSettings::new(Criterion::Entropy);
    (settings.max_leaf_nodes, settings.min_samples_leaf) = (Some(5), 4);
    let tree = fit(&example.weighted(example.classes()), &settings);
    let expected = "x0 3.550; x1 5.929 L; x1 -2.357; leaf 5; leaf 16; leaf 11; x2 8.500; leaf 12; leaf 46";
    assert_eq!(outline(&tree), expected);
    assert_close(&tree.importances(), &[0.458_776_917_974_98, 0.317_166_972_264_52, 0.224_056_109_760_5]);
    assert_close(&[tree.grown().nodes[0].impurity], &[1.217_579_619_968_477]);
}

#[test]
fn regression_trees_are_those_of_scikit_learn() {
    let example = Example::new();
    let mut settings = TreeSettings::new(Criterion::SquaredError);
    (settings.max_depth, settings.min_impurity_decrease) = (Some(3), 0.1);
    let expected = "x0 3.850; x1 3.857 L; x1 -2.357; leaf 5; leaf 16; x2 11.833; leaf 5; leaf 9; x1 2.000; \
                    x2 9.333; leaf 4; leaf 13; x2 12.500; leaf 13; leaf 25";
    assert_eq!(outline(&fit(&example.values(), &settings)), expected);
    let settings = TreeSettings { max_depth: Some(2), ..TreeSettings::new(Criterion::AbsoluteError) };
    let tree = fit(&example.weighted(example.values()), &settings);
    assert_eq!(outline(&tree), "x0 3.550; x1 5.929 L; leaf 21; leaf 11; x1 2.000; leaf 18; leaf 40");
    assert_close(&[tree.grown().nodes[0].impurity], &[3.565_438_821_268_413]);
}

#[test]
fn missing_values_go_where_scikit_learn_sends_them() {
    let example = Example::new().with_missing();
    let settings = TreeSettings { max_depth: Some(3), ..TreeSettings::new(Criterion::Gini) };
    let expected = "x0 2.550; x1 -2.357; leaf 5; x2 15.833 L; leaf 11; leaf 4; x2 16.000; x1 6.357 L; leaf 18; \
                    leaf 10; x0 3.250; leaf 3; leaf 39";
    assert_eq!(outline(&fit(&example.classes(), &settings)), expected);
    let settings = TreeSettings { max_leaf_nodes: Some(6), ..TreeSettings::new(Criterion::SquaredError) };
    let expected = "x0 3.850; x1 3.857 L; leaf 18; leaf 11; x2 11.833; x1 7.214 L; leaf 12; leaf 4; x1 2.000; \
                    leaf 14; leaf 31";
    assert_eq!(outline(&fit(&example.weighted(example.values()), &settings)), expected);
}

#[test]
fn pruning_leaves_the_tree_of_scikit_learn() {
    let example = Example::new();
    let settings = TreeSettings { ccp_alpha: 0.021, ..TreeSettings::new(Criterion::Gini) };
    let expected = "x0 2.550; x1 -2.357; leaf 5; x2 16.667 L; x2 7.000; leaf 3; leaf 10; x1 4.571; leaf 2; \
                    leaf 4; x2 12.833; x1 5.643 L; x0 8.700 L; leaf 11; leaf 3; leaf 8; leaf 44";
    assert_eq!(outline(&fit(&example.classes(), &settings)), expected);
}

#[test]
fn tied_columns_are_decided_by_position_in_a_tree_and_by_lot_in_a_forest() {
    let features = array![[1.0, 1.0], [2.0, 2.0]];
    let target = Target::Classes { classes: &[0, 1], n_classes: 2 };
    let rows = TrainingRows { features: features.view(), target, weights: None };
    assert_eq!(outline(&fit(&rows, &TreeSettings::new(Criterion::Gini))), "x0 1.500; leaf 1; leaf 1");
    let mut settings = ForestSettings::random_forest(Criterion::Gini);
    settings.tree.max_features = MaxFeatures::All;
    let forest = RandomForest::fit(&rows, &settings, &|| false).unwrap();
    assert!((0.3..0.7).contains(&forest.importances[0]), "{:?}", forest.importances);
}

#[test]
fn degenerate_tables_give_a_single_leaf() {
    let cases =
        [array![[1.0]], array![[2.0], [2.0], [2.0]], array![[f64::NAN], [f64::NAN]], Array2::zeros((3, 0))];
    for features in cases {
        let values = [1.0, 2.0, 6.0];
        let values = &values[..features.nrows()];
        let rows = TrainingRows { features: features.view(), target: Target::Values(values), weights: None };
        for criterion in [Criterion::SquaredError, Criterion::AbsoluteError] {
            let ensemble = fit(&rows, &TreeSettings::new(criterion)).to_ensemble();
            assert_eq!(ensemble.nodes.len(), 1);
            let mut outputs = vec![0.0; values.len()];
            ensemble.predict(features.as_slice().unwrap(), &mut outputs);
            let forest =
                RandomForest::fit(&rows, &ForestSettings::extra_trees(criterion), &|| false).unwrap();
            let mut of_forest = vec![0.0; values.len()];
            forest.ensemble.predict(features.as_slice().unwrap(), &mut of_forest);
            assert_close(&outputs, &of_forest);
        }
    }
}

#[test]
fn huge_and_tiny_numbers_are_split() {
    for scale in [1e-30, 1e-9, 1.0, 1e30, 1e300] {
        let features = array![[-scale], [scale], [2.0 * scale], [3.0 * scale]];
        let target = Target::Classes { classes: &[0, 1, 1, 1], n_classes: 2 };
        let rows = TrainingRows { features: features.view(), target, weights: None };
        assert_eq!(fit(&rows, &TreeSettings::new(Criterion::Gini)).grown().n_leaves(), 2);
    }
}

#[test]
fn a_shift_of_the_targets_shifts_the_predictions() {
    let mut example = Example::new();
    let settings = TreeSettings { max_depth: Some(4), ..TreeSettings::new(Criterion::SquaredError) };
    let before = fit(&example.values(), &settings);
    example.values.iter_mut().for_each(|value| *value += 1e9);
    let after = fit(&example.values(), &settings);
    assert_eq!(outline(&before), outline(&after));
    let pairs = before.grown().values.iter().zip(&after.grown().values);
    assert!(pairs.into_iter().all(|(before, after)| (after - 1e9 - before).abs() < 1e-5));
}

#[test]
fn weights_act_like_repeated_rows() {
    let example = Example::new();
    let repeated: Vec<usize> = (0..90).flat_map(|i| std::iter::repeat_n(i, 1 + i % 4)).collect();
    let features = example.features.select(ndarray::Axis(0), &repeated);
    let classes: Vec<u32> = repeated.iter().map(|i| example.classes[*i]).collect();
    let target = Target::Classes { classes: &classes, n_classes: 3 };
    let rows = TrainingRows { features: features.view(), target, weights: None };
    let settings = TreeSettings::new(Criterion::Gini);
    let weighted = fit(&example.weighted(example.classes()), &settings);
    let repeated = fit(&rows, &settings);
    assert_eq!(weighted.grown().values, repeated.grown().values);
    assert_eq!(weighted.importances(), repeated.importances());
}

#[test]
fn forests_do_not_depend_on_the_number_of_threads() {
    let example = Example::new().with_missing();
    let fits = |n_threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| {
            let mut settings = ForestSettings::random_forest(Criterion::Gini);
            settings.out_of_bag = true;
            let random =
                RandomForest::fit(&example.weighted(example.classes()), &settings, &|| false).unwrap();
            let settings = ForestSettings::extra_trees(Criterion::SquaredError);
            let extra = RandomForest::fit(&example.values(), &settings, &|| false).unwrap();
            let isolation = IsolationSettings { contamination: Some(0.1), ..IsolationSettings::default() };
            (random, extra, IsolationForest::fit(example.features.view(), &isolation, &|| false).unwrap())
        })
    };
    let one = fits(1);
    assert_eq!(one, fits(2));
    assert_eq!(one, fits(8));
}

#[test]
fn a_forest_predicts_rows_it_has_not_seen() {
    let example = Example::new();
    let mut settings = ForestSettings::random_forest(Criterion::SquaredError);
    settings.out_of_bag = true;
    let forest = RandomForest::fit(&example.values(), &settings, &|| false).unwrap();
    let out_of_bag = forest.out_of_bag.unwrap();
    assert_eq!((out_of_bag.n_rows, out_of_bag.predictions.len()), (90, 90));
    // scikit-learn's out-of-bag score is 0.869 to 0.891 over ten seeds.
    assert!((0.86..0.90).contains(&out_of_bag.score), "{}", out_of_bag.score);
    assert!((forest.importances.iter().sum::<f64>() - 1.0).abs() < 1e-12);
}

#[test]
fn fits_stop_when_asked_and_refuse_what_they_cannot_do() {
    let mut example = Example::new();
    let isolation = IsolationForest::fit(example.features.view(), &IsolationSettings::default(), &|| true);
    assert_eq!(isolation.unwrap_err(), FitError::Stopped);
    // Each of many small trees is grown before it asks by itself.
    let many = ForestSettings::random_forest(Criterion::Gini);
    let stopped = RandomForest::fit(&example.classes(), &many, &|| true);
    assert_eq!(stopped.unwrap_err(), FitError::Stopped);
    let settings = TreeSettings::new(Criterion::SquaredError);
    let wrong = DecisionTree::fit(&example.classes(), &settings, &|| false);
    assert_eq!(wrong.unwrap_err(), FitError::WrongCriterion);
    example.weights.fill(0.0);
    let empty = DecisionTree::fit(&example.weighted(example.values()), &settings, &|| false);
    assert_eq!(empty.unwrap_err(), FitError::NoRows);
    let n = 200_000;
    let features = Array2::from_shape_fn((n, 3), |(i, j)| ((i * 7919 + j) % 10_007) as f64);
    let values: Vec<f64> = features.column(0).to_vec();
    let rows = TrainingRows { features: features.view(), target: Target::Values(&values), weights: None };
    let forest = RandomForest::fit(&rows, &ForestSettings::random_forest(Criterion::SquaredError), &|| true);
    assert_eq!(forest.unwrap_err(), FitError::Stopped);
}

#[test]
fn an_isolated_row_has_the_lowest_score() {
    let mut features = Example::new().features;
    features.row_mut(17).fill(60.0);
    let settings = IsolationSettings { contamination: Some(0.05), ..IsolationSettings::default() };
    let forest = IsolationForest::fit(features.view(), &settings, &|| false).unwrap();
    let scores = forest.score_samples(features.view());
    assert!((0..90).all(|i| i == 17 || scores[i] > scores[17]));
    // scikit-learn's score of the row is −0.899 to −0.883 over ten seeds.
    assert!((-0.91..-0.87).contains(&scores[17]), "{}", scores[17]);
    let n_outliers = forest.decision_function(features.view()).iter().filter(|score| **score < 0.0).count();
    assert_eq!(n_outliers, 5);
}

#[test]
fn a_tree_prints_as_text_and_as_a_graph() {
    let features = array![[1.0, 0.0], [2.0, f64::NAN], [3.0, 1.0], [4.0, 1.5], [5.0, 1.5]];
    let target = Target::Classes { classes: &[0, 0, 1, 1, 0], n_classes: 2 };
    let rows = TrainingRows { features: features.view(), target, weights: None };
    let tree = fit(&rows, &TreeSettings::new(Criterion::Gini));
    let columns = ["age".to_owned(), "so-called \"income\"".to_owned()];
    let classes = ["no".to_owned(), "yes".to_owned()];
    let names = TreeNames { columns: &columns, classes: &classes };
    let expected = "\
age <= 2.5: no (100.0 % of 2 rows)
age > 2.5
    age <= 4.5: yes (100.0 % of 2 rows)
    age > 4.5: no (100.0 % of 1 row)
";
    assert_eq!(tree.print_tree(names), expected);
    let dot = tree.to_dot(names);
    assert!(
        dot.contains("0 [label=\"age <= 2.5\\n5 rows\"];") && dot.contains("0 -> 1 [label=\"yes\"];"),
        "{dot}"
    );
    let features = array![[0.0], [f64::NAN]];
    let rows = TrainingRows { features: features.view(), target: Target::Values(&[1.0, 2.5]), weights: None };
    let tree = fit(&rows, &TreeSettings::new(Criterion::SquaredError));
    let names = TreeNames { columns: &columns[1..], classes: &[] };
    let expected =
        "so-called \"income\" is present: 1 (1 row)\nso-called \"income\" is missing: 2.5 (1 row)\n";
    assert_eq!(tree.print_tree(names), expected);
    assert!(tree.to_dot(names).contains("so-called \\\"income\\\" is present"));
}
