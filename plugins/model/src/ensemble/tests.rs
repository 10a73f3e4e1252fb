//! Tests of prediction.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// `x0 <= 1` to 10, else `x1` in the bitset {0, 3, 70} to 20, else 30.
fn sample() -> TreeEnsemble {
    let mut ensemble = TreeEnsemble::new(2, 1, 1);
    ensemble.roots.push(0);
    ensemble.nodes = vec![
        Node::split(0, 1.0, true, 1),
        Node::leaf(0),
        Node::categorical(1, 0, false, 3),
        Node::leaf(1),
        Node::leaf(2),
    ];
    ensemble.values = vec![10.0, 20.0, 30.0];
    ensemble.categories = vec![1 | 1 << 3, 1 << 6];
    ensemble.n_category_words = 2;
    ensemble
}

fn predict_row(ensemble: &TreeEnsemble, row: &[f64]) -> f64 {
    let mut outputs = [0.0];
    ensemble.predict_row(row, &mut outputs);
    outputs[0]
}

#[test]
fn a_node_has_sixteen_bytes() {
    assert_eq!(size_of::<Node>(), 16);
}

#[test]
fn rows_go_where_thresholds_bitsets_and_missing_values_send_them() {
    let ensemble = sample();
    ensemble.check().unwrap();
    let cases = [
        ([1.0, 9.0], 10.0),
        ([f64::NAN, 9.0], 10.0),
        ([2.0, 0.0], 20.0),
        ([2.0, 3.0], 20.0),
        ([2.0, 70.0], 20.0),
        ([2.0, 1.0], 30.0),
        ([2.0, -1.0], 30.0),
        ([2.0, 1e300], 30.0),
        ([2.0, f64::INFINITY], 30.0),
        ([2.0, f64::NAN], 30.0),
    ];
    for (row, expected) in cases {
        assert_eq!(predict_row(&ensemble, &row).to_bits(), f64::to_bits(expected), "{row:?}");
        assert_eq!(ensemble.leaf_values(0, &row), [expected]);
    }
}

#[test]
fn trees_add_up_with_base_and_scale() {
    let mut ensemble = sample();
    ensemble.append(&sample());
    ensemble.check().unwrap();
    (ensemble.base, ensemble.scale) = (vec![1.0], 0.5);
    assert_eq!(predict_row(&ensemble, &[2.0, 3.0]).to_bits(), 21.0_f64.to_bits());
}

#[test]
fn trees_with_one_value_take_turns_at_the_outputs() {
    let mut ensemble = TreeEnsemble::new(1, 2, 1);
    for value in [1.0, 20.0, 300.0] {
        let mut tree = TreeEnsemble::new(1, 2, 1);
        (tree.roots, tree.nodes, tree.values) = (vec![0], vec![Node::leaf(0)], vec![value]);
        ensemble.append(&tree);
    }
    let mut outputs = [0.0; 2];
    ensemble.predict_row(&[0.0], &mut outputs);
    assert_eq!(outputs.map(f64::to_bits), [301.0, 20.0].map(f64::to_bits));
}

#[test]
fn many_rows_are_predicted_like_one() {
    let mut ensemble = sample();
    for _ in 0..4 {
        ensemble.append(&ensemble.clone());
    }
    for n_rows in [0_u16, 1, 7, 8, 9, 127, 128, 129, 1000] {
        let rows: Vec<f64> = (0..n_rows * 2)
            .map(|i| if i % 13 == 0 { f64::NAN } else { f64::from(i * 31 % 9) - 2.0 })
            .collect();
        let mut outputs = vec![0.0; n_rows.into()];
        ensemble.predict(&rows, &mut outputs);
        let expected: Vec<f64> = rows.chunks(2).map(|row| predict_row(&ensemble, row)).collect();
        assert_eq!(outputs, expected);
    }
}

#[test]
fn unsound_ensembles_are_refused() {
    type Break = fn(&mut TreeEnsemble);
    let breaks: [Break; 8] = [
        |e| e.roots.push(5),
        |e| e.nodes[0].next = 0,
        |e| e.nodes[2].next = 4,
        |e| e.nodes[0].feature = 2,
        |e| e.nodes[1].next = 3,
        |e| e.nodes[2].threshold = 1.0,
        |e| e.nodes[2].threshold = f64::NAN,
        |e| e.base = vec![0.0; 2],
    ];
    for unsound in breaks {
        let mut ensemble = sample();
        unsound(&mut ensemble);
        assert!(ensemble.check().is_err(), "{ensemble:?}");
    }
}

/// Boosted trees as training makes them: of some depth, with missing values and categories.
fn grown(n_trees: usize, n_splits: usize, seed: u64) -> TreeEnsemble {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut ensemble = TreeEnsemble::new(4, 1, 1);
    (ensemble.n_category_words, ensemble.base) = (1, vec![0.25]);
    let add_leaf = |ensemble: &mut TreeEnsemble, value: f64| {
        ensemble.nodes.push(Node::leaf(to_u32(ensemble.values.len())));
        ensemble.values.push(value);
    };
    for _ in 0..n_trees {
        let root = ensemble.nodes.len();
        ensemble.roots.push(to_u32(root));
        add_leaf(&mut ensemble, random.gen_range(-1.0..1.0));
        for _ in 0..n_splits {
            let leaves: Vec<usize> =
                (root..ensemble.nodes.len()).filter(|node| ensemble.nodes[*node].is_leaf()).collect();
            let (at, next) = (leaves[random.gen_range(0..leaves.len())], to_u32(ensemble.nodes.len()));
            let (column, goes_left) = (random.gen_range(0..4), random.gen_bool(0.5));
            ensemble.nodes[at] = if column == 3 {
                ensemble.categories.push(random.r#gen());
                Node::categorical(column, to_u32(ensemble.categories.len()) - 1, goes_left, next)
            } else {
                Node::split(column, f64::from(random.gen_range(-3..4)), goes_left, next)
            };
            for _ in 0..2 {
                add_leaf(&mut ensemble, random.gen_range(-1.0..1.0));
            }
        }
    }
    ensemble
}

#[test]
fn a_row_alone_is_predicted_as_by_walking() {
    for (n_splits, seed) in [(0, 1), (1, 2), (7, 3), (30, 4), (63, 5), (64, 6)] {
        let ensemble = grown(35, n_splits, seed);
        ensemble.check().unwrap();
        let scorer = LazyRowScorer::default();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for _ in 0..300 {
            // Values on thresholds, between them, beyond them and none.
            let row: [f64; 4] = std::array::from_fn(|_| match random.gen_range(0..6) {
                0 => f64::NAN,
                1 => f64::INFINITY,
                2 => f64::from(random.gen_range(-3..4)),
                _ => random.gen_range(-4.0..70.0),
            });
            let (mut walked, mut scored) = ([0.0], [0.0]);
            ensemble.predict_row(&row, &mut walked);
            scorer.predict_row(&ensemble, &row, &mut scored);
            assert_eq!(walked[0].to_bits(), scored[0].to_bits(), "{n_splits} splits: {row:?}");
        }
    }
}
