//! Fits against scikit-learn's numbers (tol=1e-10) and against what must hold for every fit.

use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::{Array2, Axis, concatenate};

use super::*;

const RBF: Kernel = Kernel::Rbf { gamma: 0.7 };

/// Rows with curved borders between two classes, made without a generator.
struct Waves {
    x: Array2<f64>,
    rows: Vec<usize>,
    is_first: Vec<bool>,
    targets: Vec<f64>,
    weights: Vec<f64>,
}

impl Waves {
    fn new(n_rows: u32) -> Self {
        let value = |i: f64, f: f64| (0.7 * (i + 1.0) * (f + 1.0)).sin() + 0.3 * (1.1 * i * (f + 2.0)).cos();
        let numbers = || (0..n_rows).map(f64::from);
        let x: Vec<f64> = numbers().flat_map(|i| [0.0, 1.0, 2.0].map(|f| value(i, f))).collect();
        let x = Array2::from_shape_vec((n_rows as usize, 3), x).expect("three features a row");
        let noise = numbers().map(|i| 0.3 * (5.0 * i).sin());
        let rows = || x.outer_iter().zip(noise.clone());
        Self {
            is_first: rows().map(|(x, noise)| x[0] * x[1] + 0.5 * x[2] + noise > 0.0).collect(),
            targets: rows().map(|(x, noise)| 3.0 * x[0] + x[1] * x[1] + noise).collect(),
            weights: (0..n_rows).map(|i| 1.0 + f64::from(i % 3) / 2.0).collect(),
            rows: (0..n_rows as usize).collect(),
            x,
        }
    }

    fn penalties(&self, c: f64) -> Vec<f64> {
        self.weights.iter().map(|weight| c * weight).collect()
    }

    fn classify(&self, c: f64, options: &SvmOptions) -> Machine {
        let penalties = self.penalties(c);
        let problem = BinaryProblem { rows: &self.rows, is_first: &self.is_first, penalties: &penalties };
        fit_binary(self.x.view(), &problem, options, &|| false).expect("two classes")
    }

    fn regress(&self, c: f64, options: &SvmOptions) -> Machine {
        let penalties = self.penalties(c);
        let problem = RegressionProblem {
            rows: &self.rows,
            targets: &self.targets,
            penalties: &penalties,
            epsilon: 0.1,
        };
        fit_regression(self.x.view(), &problem, options, &|| false).expect("rows with weights")
    }

    fn decision(&self, machine: &Machine, kernel: Kernel, row: usize) -> f64 {
        let terms = machine.support().map(|(position, coefficient)| {
            let (x, y) = (self.x.row(self.rows[position]), self.x.row(row));
            let difference = &x - &y;
            coefficient
                * match kernel {
                    Kernel::Linear => x.dot(&y),
                    Kernel::Rbf { gamma } => (-gamma * difference.dot(&difference)).exp(),
                    Kernel::Polynomial { gamma, coef0, degree } => {
                        (0..degree).map(|_| gamma * x.dot(&y) + coef0).product()
                    }
                    Kernel::Sigmoid { gamma, coef0 } => (gamma * x.dot(&y) + coef0).tanh(),
                }
        });
        terms.sum::<f64>() - machine.rho
    }
}

fn exact(kernel: Kernel) -> SvmOptions {
    SvmOptions { tolerance: 1e-9, ..SvmOptions::new(kernel) }
}

/// scikit-learn's kernel rows are in `f32`.
fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 2e-5 * expected.abs().max(1.0), "{found} instead of {expected}");
}

#[test]
fn classifiers_are_those_of_scikit_learn() {
    let waves = Waves::new(60);
    let cases = [
        (Kernel::Linear, 0.546_107_910, [1.000_000_916, -2.116_248_913, -1.000_000_022], 43),
        (RBF, 0.023_724_248, [0.999_999_986, -1.522_492_699, -1.955_674_732], 26),
        (
            Kernel::Polynomial { gamma: 0.5, coef0: 1.0, degree: 3 },
            0.549_325_139,
            [5.499_124_896, -2.291_721_881, -3.149_445_040],
            21,
        ),
        (
            Kernel::Sigmoid { gamma: 0.1, coef0: -0.2 },
            0.369_783_131,
            [0.999_999_920, -1.494_623_575, -0.927_505_401],
            47,
        ),
    ];
    for (kernel, rho, decisions, n_support) in cases {
        let machine = waves.classify(2.0, &exact(kernel));
        assert!(machine.converged && machine.violation <= 1e-9, "{machine:?}");
        assert_near(machine.rho, rho);
        assert_eq!(machine.support().count(), n_support, "{kernel:?}");
        for (row, decision) in decisions.into_iter().enumerate() {
            assert_near(waves.decision(&machine, kernel, row), decision);
        }
    }
}

#[test]
fn regressions_are_those_of_scikit_learn() {
    let waves = Waves::new(60);
    let cases = [
        (Kernel::Linear, -0.491_428_892, [3.122_644_770, 2.767_370_735, 2.791_694_920], 57),
        (RBF, -0.800_063_693, [3.487_866_303, 2.476_647_152, 2.593_811_655], 50),
        (
            Kernel::Polynomial { gamma: 0.5, coef0: 1.0, degree: 3 },
            -0.012_211_927,
            [4.462_026_793, 2.412_820_298, 2.593_810_689],
            46,
        ),
    ];
    for (kernel, rho, predictions, n_support) in cases {
        let machine = waves.regress(2.0, &exact(kernel));
        assert!(machine.converged);
        assert_near(machine.rho, rho);
        assert_eq!(machine.support().count(), n_support, "{kernel:?}");
        for (row, prediction) in predictions.into_iter().enumerate() {
            assert_near(waves.decision(&machine, kernel, row), prediction);
        }
    }
}

#[test]
fn coefficients_keep_to_their_boxes_and_sum_to_zero() {
    let waves = Waves::new(300);
    let machine = waves.classify(0.5, &SvmOptions::new(RBF));
    for ((coefficient, c), is_first) in
        machine.coefficients.iter().zip(waves.penalties(0.5)).zip(&waves.is_first)
    {
        let alpha = if *is_first { *coefficient } else { -coefficient };
        assert!((0.0..=c).contains(&alpha));
    }
    assert!(machine.coefficients.iter().sum::<f64>().abs() < 1e-10);
}

#[test]
fn features_in_cents_or_in_millions_give_the_same_classes() {
    let waves = Waves::new(300);
    let classes = |waves: &Waves, kernel, c| -> Vec<bool> {
        let machine = waves.classify(c, &SvmOptions::new(kernel));
        waves.rows.iter().map(|row| waves.decision(&machine, kernel, *row) > 0.0).collect()
    };
    for factor in [2.0_f64.powi(-40), 0.01, 1e6, 2.0_f64.powi(70)] {
        let scaled = Waves { x: &waves.x * factor, ..Waves::new(300) };
        let gamma = 0.7 / (factor * factor);
        assert_eq!(classes(&scaled, Kernel::Rbf { gamma }, 1.0), classes(&waves, RBF, 1.0));
        let c = 1.0 / (factor * factor);
        assert_eq!(classes(&scaled, Kernel::Linear, c), classes(&waves, Kernel::Linear, 1.0));
        let cubic = |gamma| Kernel::Polynomial { gamma, coef0: 1.0, degree: 3 };
        assert_eq!(classes(&scaled, cubic(gamma), 1.0), classes(&waves, cubic(0.7), 1.0));
    }
}

#[test]
fn features_far_from_zero_lose_no_digits() {
    let waves = Waves::new(300);
    let moved = Waves { x: &waves.x + 1e4, ..Waves::new(300) };
    for kernel in [Kernel::Linear, RBF] {
        let (near, far) = (waves.classify(1.0, &exact(kernel)), moved.classify(1.0, &exact(kernel)));
        for row in 0..20 {
            let expected = waves.decision(&near, kernel, row);
            assert!((moved.decision(&far, kernel, row) - expected).abs() < 1e-4, "{kernel:?}");
        }
    }
}

#[test]
fn the_size_of_the_cache_and_the_number_of_threads_change_no_bit() {
    let waves = Waves::new(9000);
    let wide = concatenate(Axis(1), &vec![waves.x.view(); 20]).expect("equal numbers of rows");
    let waves = Waves { x: wide, ..waves };
    let fit = |n_threads, cache_bytes| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().expect("threads");
        let options = SvmOptions { cache_bytes, max_iter: Some(1100), ..SvmOptions::new(RBF) };
        pool.install(|| waves.classify(10.0, &options))
    };
    let expected = fit(1, 200 << 20);
    assert_eq!(fit(2, 200 << 20), expected);
    assert_eq!(fit(8, 0), expected);
}

#[test]
fn a_shrunk_fit_is_optimal_for_all_rows() {
    let waves = Waves::new(1500);
    for (kernel, c) in [(Kernel::Linear, 3.0), (RBF, 300.0)] {
        let machine = waves.classify(c, &SvmOptions::new(kernel));
        assert!(machine.converged && machine.n_iter > 1500, "{} {kernel:?}", machine.n_iter);
        // The slope of the objective of each coefficient, against those of all others.
        let slopes = waves.rows.iter().map(|row| {
            (if waves.is_first[*row] { 1.0 } else { -1.0 }) - waves.decision(&machine, kernel, *row)
        });
        let (mut up, mut low) = (f64::NEG_INFINITY, f64::INFINITY);
        for (row, slope) in slopes.enumerate() {
            let (coefficient, c) = (machine.coefficients[row], waves.penalties(c)[row]);
            let (least, largest) = if waves.is_first[row] { (0.0, c) } else { (-c, 0.0) };
            up = if coefficient < largest { up.max(slope) } else { up };
            low = if coefficient > least { low.min(slope) } else { low };
        }
        assert!(up - low < 1.5e-3, "{} {kernel:?}", up - low);
    }
}

#[test]
fn iterations_are_limited_and_the_violation_is_told() {
    let machine = Waves::new(300).classify(10.0, &SvmOptions { max_iter: Some(20), ..SvmOptions::new(RBF) });
    assert_eq!((machine.n_iter, machine.converged), (20, false));
    assert!(machine.violation > 1e-3);
}

#[test]
fn a_fit_stops_when_asked() {
    let waves = Waves::new(6000);
    let penalties = waves.penalties(1000.0);
    let problem = BinaryProblem { rows: &waves.rows, is_first: &waves.is_first, penalties: &penalties };
    let n_looks = AtomicUsize::new(0);
    let stop = || n_looks.fetch_add(1, Ordering::Relaxed) >= 3;
    let result = fit_binary(waves.x.view(), &problem, &SvmOptions::new(Kernel::Linear), &stop);
    assert_eq!(result, Err(FitError::Stopped));
}

#[test]
fn one_class_and_no_rows_are_errors() {
    let x = Array2::zeros((2, 1));
    let fit = |rows: &[usize], is_first: &[bool], penalties: &[f64]| {
        let problem = BinaryProblem { rows, is_first, penalties };
        fit_binary(x.view(), &problem, &SvmOptions::new(RBF), &|| false)
    };
    assert_eq!(fit(&[0, 1], &[true, true], &[1.0, 1.0]), Err(FitError::OneClass));
    assert_eq!(fit(&[0, 1], &[true, false], &[1.0, 0.0]), Err(FitError::OneClass));
    assert_eq!(fit(&[], &[], &[]), Err(FitError::NoRows));
    let problem = RegressionProblem { rows: &[], targets: &[], penalties: &[], epsilon: 0.1 };
    assert_eq!(fit_regression(x.view(), &problem, &SvmOptions::new(RBF), &|| false), Err(FitError::NoRows));
}

#[test]
fn degenerate_rows_give_finite_machines() {
    for kernel in [Kernel::Linear, RBF, Kernel::Polynomial { gamma: 1.0, coef0: 0.0, degree: 2 }] {
        for x in [Array2::zeros((4, 2)), Array2::from_elem((4, 2), 7.0), Array2::zeros((4, 0))] {
            let problem = BinaryProblem {
                rows: &[0, 1, 2, 3],
                is_first: &[true, true, true, false],
                penalties: &[1.0; 4],
            };
            let machine = fit_binary(x.view(), &problem, &SvmOptions::new(kernel), &|| false).expect("fits");
            assert!(machine.converged && machine.n_iter < 10, "{machine:?}");
            let problem = RegressionProblem { rows: &[2], targets: &[5.0], penalties: &[1.0], epsilon: 0.1 };
            let machine =
                fit_regression(x.view(), &problem, &SvmOptions::new(kernel), &|| false).expect("fits");
            assert_eq!((machine.coefficients.as_slice(), machine.rho), (&[0.0][..], -5.0));
        }
    }
}

#[test]
fn kernel_values_beyond_f64_are_an_error() {
    let x = Array2::from_shape_vec((2, 1), vec![1e200, -1e200]).expect("two values");
    let problem = BinaryProblem { rows: &[0, 1], is_first: &[true, false], penalties: &[1.0; 2] };
    let result = fit_binary(x.view(), &problem, &SvmOptions::new(Kernel::Linear), &|| false);
    assert!(matches!(result, Err(FitError::NotFinite(_))), "{result:?}");
}

#[test]
fn few_features_and_a_considerable_penalty_converge() {
    let machine = Waves::new(300).classify(30.0, &SvmOptions::new(Kernel::Linear));
    assert!(machine.converged && machine.n_iter < 200_000, "{}", machine.n_iter);
}
