//! Mutual information between a column and a target, estimated from near neighbours.

use std::{collections::BTreeMap, f64::consts::TAU};

use rand::{
    Rng, SeedableRng,
    distributions::{OpenClosed01, Standard},
};
use rand_chacha::ChaCha8Rng;

use super::{
    error::Error,
    neighbours::{NEIGHBOURS, PlaneTree, count_nearer, line_distances},
    numeric::{binary_scale, check_columns, check_length, divide, encode, float, mean, population_variance},
    scores::{Score, check_target},
    special::digamma,
};

/// Size of the noise that breaks ties, relative to the values.
const NOISE: f64 = 1e-10;

/// Scores each column by its mutual information, in nats, with the classes.
///
/// `discrete` says which columns hold codes rather than measurements. Those are scored by the plain estimate from
/// joint frequencies, the others by Ross's estimator with three neighbours ("Mutual information between
/// discrete and continuous data sets", `PLoS` ONE 9(2), 2014) after noise from `seed` has broken ties. Each
/// column draws its own noise. A measured column has no score (`None`) if no class occurs twice.
///
/// # Errors
///
/// The columns are empty, uneven or not finite; the classes or `discrete` have the wrong length.
pub(crate) fn mutual_info_classif(
    columns: &[&[f64]],
    discrete: &[bool],
    classes: &[usize],
    seed: u64,
) -> Result<Vec<Score>, Error> {
    check_length(check_columns(columns)?, classes.len())?;
    check_length(columns.len(), discrete.len())?;
    let (codes, _) = encode(classes, Ord::cmp);
    let score = |(index, (column, coded)): (usize, (&&[f64], &bool))| {
        untested(if *coded {
            Some(between_codes(&encode_values(column), &codes))
        } else {
            between_values_and_codes(&jitter(column, seed, index), &codes)
        })
    };
    Ok(columns.iter().zip(discrete).enumerate().map(score).collect())
}

/// Scores each column by its mutual information, in nats, with a measured target.
///
/// `discrete` says which columns hold codes rather than measurements. Those are scored by Ross's estimator, the
/// others by the first estimator of Kraskov, Stogbauer and Grassberger ("Estimating mutual information", Phys.
/// Rev. E 69, 2004), both with three neighbours after noise from `seed` has broken ties. A column of codes has
/// no score (`None`) if no code occurs twice.
///
/// # Errors
///
/// The columns are empty, uneven or not finite; the target has another length or is not finite; `discrete` has
/// the wrong length; a column is measured and there are fewer than four rows.
pub(crate) fn mutual_info_regression(
    columns: &[&[f64]],
    discrete: &[bool],
    target: &[f64],
    seed: u64,
) -> Result<Vec<Score>, Error> {
    let rows = check_target(columns, target)?;
    check_length(columns.len(), discrete.len())?;
    if rows <= NEIGHBOURS && discrete.contains(&false) {
        return Err(Error::TooFewRows { needed: NEIGHBOURS + 1, found: rows });
    }
    let target = jitter(target, seed, columns.len());
    let sorted_target = sorted(&target);
    let score = |(index, (column, coded)): (usize, (&&[f64], &bool))| {
        untested(if *coded {
            between_values_and_codes(&target, &encode_values(column))
        } else {
            Some(between_values(&jitter(column, seed, index), &target, &sorted_target))
        })
    };
    Ok(columns.iter().zip(discrete).enumerate().map(score).collect())
}

/// Wraps an estimate, which has no p-value; one that overflowed becomes `None`.
fn untested(score: Option<f64>) -> Score {
    Score { score: score.filter(|value| value.is_finite()), p_value: None }
}

/// Scales values to standard deviation 1 and adds noise of 1e-10 of their mean size, at least of 1.
///
/// Values whose deviation is below ten machine epsilons are not scaled, as in scikit-learn. `stream` separates
/// the noise of different columns.
fn jitter(values: &[f64], seed: u64, stream: usize) -> Vec<f64> {
    let scale = binary_scale(values.iter().copied()).max(f64::MIN_POSITIVE);
    let small: Vec<f64> = values.iter().map(|value| value / scale).collect();
    let deviation = population_variance(&small).sqrt();
    let flat = deviation * scale < 10.0 * f64::EPSILON;
    let mut scaled = if flat { values.to_vec() } else { small };
    divide(&mut scaled, if flat { 1.0 } else { deviation });
    let size = mean(&scaled.iter().map(|value| value.abs()).collect::<Vec<f64>>());
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(stream as u64);
    for value in &mut scaled {
        *value += NOISE * size.max(1.0) * standard_normal(&mut random);
    }
    scaled
}

/// Draws from the standard normal distribution (Box and Muller, Ann. Math. Statist. 29, 1958).
fn standard_normal(random: &mut ChaCha8Rng) -> f64 {
    let radius: f64 = random.sample(OpenClosed01);
    let angle: f64 = random.sample(Standard);
    (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()
}

/// Numbers the distinct values of a column of codes; the two zeros are one value.
fn encode_values(column: &[f64]) -> Vec<usize> {
    let unsigned: Vec<f64> = column.iter().map(|value| value + 0.0).collect();
    encode(&unsigned, f64::total_cmp).0
}

/// Returns the values in ascending order.
fn sorted(values: &[f64]) -> Vec<f64> {
    let mut result = values.to_vec();
    result.sort_unstable_by(f64::total_cmp);
    result
}

/// Estimates from joint frequencies (Shannon, "A mathematical theory of communication", 1948).
fn between_codes(one: &[usize], other: &[usize]) -> f64 {
    let rows = float(one.len());
    let (one_counts, other_counts) = (frequencies(one.iter().copied()), frequencies(other.iter().copied()));
    let mut sum = 0.0;
    for ((left, right), joint) in frequencies(one.iter().copied().zip(other.iter().copied())) {
        let expected =
            one_counts.get(&left).unwrap_or(&0.0) * (other_counts.get(&right).unwrap_or(&0.0) / rows);
        sum += joint / rows * (joint / expected).ln();
    }
    // Independent codes must give 0, not what rounding leaves.
    if sum < f64::EPSILON { 0.0 } else { sum }
}

/// Counts how often each entry occurs.
fn frequencies<T: Ord>(entries: impl Iterator<Item = T>) -> BTreeMap<T, f64> {
    let mut counts = BTreeMap::new();
    for entry in entries {
        *counts.entry(entry).or_insert(0.0) += 1.0;
    }
    counts
}

/// Estimates by Ross's formula: for each value, how many of all values lie nearer than its neighbour in its class.
///
/// Classes that occur once are left out; `None` if nothing is left.
fn between_values_and_codes(values: &[f64], codes: &[usize]) -> Option<f64> {
    let mut classes: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for (value, code) in values.iter().zip(codes) {
        classes.entry(*code).or_default().push(*value);
    }
    classes.retain(|_, members| members.len() > 1);
    let all = sorted(&classes.values().flatten().copied().collect::<Vec<f64>>());
    if all.is_empty() {
        return None;
    }
    let mut sum = 0.0;
    for members in classes.values() {
        let members = sorted(members);
        let rank = NEIGHBOURS.min(members.len() - 1);
        sum += float(members.len()) * (digamma(float(rank)) - digamma(float(members.len())));
        for (centre, distance) in members.iter().zip(line_distances(&members, rank)) {
            sum -= digamma(float(count_nearer(&all, *centre, distance)));
        }
    }
    Some((digamma(float(all.len())) + sum / float(all.len())).max(0.0))
}

/// Estimates by the first formula of Kraskov, Stogbauer and Grassberger.
///
/// For each row it counts, along each axis, the rows nearer than its third neighbour in the plane.
fn between_values(column: &[f64], target: &[f64], sorted_target: &[f64]) -> f64 {
    let points: Vec<[f64; 2]> = column.iter().zip(target).map(|(one, other)| [*one, *other]).collect();
    let sorted_column = sorted(column);
    let tree = PlaneTree::new(points.clone());
    let term = |point: &[f64; 2]| {
        let distance = tree.distance(*point);
        let along_column = count_nearer(&sorted_column, point[0], distance);
        let along_target = count_nearer(sorted_target, point[1], distance);
        digamma(float(along_column)) + digamma(float(along_target))
    };
    let rows = float(points.len());
    let average = points.iter().map(term).sum::<f64>() / rows;
    (digamma(rows) + digamma(float(NEIGHBOURS)) - average).max(0.0)
}
