//! K-means clustering of one column.
//!
//! The meaning is that of `KMeans(n_init=1, max_iter=300, tol=1e-4)` in scikit-learn with given first centres.

use super::sums::{as_float, mean, population_variance};

/// Greatest number of rounds.
const MAXIMUM_ROUNDS: usize = 300;

/// Part of the variance of the column below which the squared shift of the centres ends the search.
const TOLERANCE: f64 = 1e-4;

/// Returns the centres of the clusters in rising order.
///
/// Each round assigns every value to its nearest centre and moves each centre to the mean of its values. It ends when
/// no value changes its cluster or the centres hardly move.
///
/// Source: Lloyd (1982), Least squares quantization in PCM, IEEE Transactions on Information Theory 28(2).
pub(crate) fn cluster_centers(values: &[f64], first_centers: &[f64]) -> Vec<f64> {
    let offset = mean(values);
    let centered: Vec<f64> = values.iter().map(|value| value - offset).collect();
    let mut centers: Vec<f64> = first_centers.iter().map(|center| center - offset).collect();
    let tolerance = population_variance(values) * TOLERANCE;
    let mut labels = Vec::new();
    for _ in 0..MAXIMUM_ROUNDS {
        let new_labels: Vec<usize> = centered.iter().map(|value| nearest(&centers, *value)).collect();
        let new_centers = cluster_means(&centered, &new_labels, &centers);
        let shift: f64 = new_centers.iter().zip(&centers).map(|(new, old)| (new - old).powi(2)).sum();
        let is_settled = new_labels == labels || shift <= tolerance;
        (labels, centers) = (new_labels, new_centers);
        if is_settled {
            break;
        }
    }
    let mut sorted: Vec<f64> = centers.iter().map(|center| center + offset).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// Returns the number of the centre nearest to a value, the first one of several.
///
/// Compares `c^2 - 2 c x`, which orders the centres as the squared distance does.
fn nearest(centers: &[f64], value: f64) -> usize {
    let mut best = (0, f64::INFINITY);
    for (number, center) in centers.iter().enumerate() {
        let distance = center * center - 2.0 * (value * center);
        if distance < best.1 {
            best = (number, distance);
        }
    }
    best.0
}

/// The running sum and size of a cluster.
#[derive(Clone, Copy, Default)]
struct Cluster {
    /// Sum of the values.
    sum: f64,
    /// Number of the values.
    size: usize,
}

/// Returns the mean of each cluster.
///
/// A cluster that stays empty takes the place of the first largest one: its mean if that cluster has a lower number,
/// and the plain sum of its values if not, which is what `KMeans` computes.
fn cluster_means(values: &[f64], labels: &[usize], centers: &[f64]) -> Vec<f64> {
    let mut clusters = vec![Cluster::default(); centers.len()];
    for (value, label) in values.iter().zip(labels) {
        clusters[*label].sum += value;
        clusters[*label].size += 1;
    }
    fill_empty_clusters(&mut clusters, values, labels, centers);
    let largest_size = clusters.iter().map(|cluster| cluster.size).max().unwrap_or_default();
    let largest = clusters.iter().position(|cluster| cluster.size == largest_size).unwrap_or_default();
    let mut means: Vec<f64> = clusters.iter().map(|cluster| cluster.sum).collect();
    for (number, cluster) in clusters.iter().enumerate() {
        means[number] =
            if cluster.size > 0 { means[number] * (1.0 / as_float(cluster.size)) } else { means[largest] };
    }
    means
}

/// Moves the values farthest from their centres, the later rows first, into the empty clusters, unless every value lies
/// on its centre.
fn fill_empty_clusters(clusters: &mut [Cluster], values: &[f64], labels: &[usize], centers: &[f64]) {
    let empty: Vec<usize> = (0..clusters.len()).filter(|number| clusters[*number].size == 0).collect();
    if empty.is_empty() {
        return;
    }
    let distance = |row: usize| (values[row] - centers[labels[row]]).powi(2);
    let mut rows: Vec<usize> = (0..values.len()).rev().collect();
    rows.sort_by(|left, right| distance(*right).total_cmp(&distance(*left)));
    if rows.first().is_none_or(|row| distance(*row) == 0.0) {
        return;
    }
    for (number, row) in empty.into_iter().zip(rows) {
        let old = &mut clusters[labels[row]];
        old.sum -= values[row];
        old.size = old.size.saturating_sub(1);
        clusters[number] = Cluster { sum: values[row], size: 1 };
    }
}
