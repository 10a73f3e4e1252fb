//! Classes that are clusters of normally distributed points, after scikit-learn's `make_classification`.

use super::random::Random;

/// What a classification table is like.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Classification {
    /// The number of rows.
    pub(crate) n_rows: usize,
    /// The number of columns that the clusters differ in; the first ones.
    pub(crate) n_informative: usize,
    /// The number of columns that are linear combinations of informative ones; the next ones.
    pub(crate) n_redundant: usize,
    /// The number of columns that say nothing; the last ones.
    pub(crate) n_noise: usize,
    /// The share of each class, in proportion.
    pub(crate) class_shares: Vec<f64>,
    /// The number of clusters of each class.
    pub(crate) n_clusters: usize,
    /// Half the distance of clusters that are neighbours, in standard deviations of the noise columns.
    pub(crate) class_separation: f64,
    /// The share of rows whose class is drawn again, all classes alike.
    pub(crate) flip_share: f64,
    /// What decides all random numbers.
    pub(crate) seed: u64,
}

impl Default for Classification {
    fn default() -> Self {
        Self {
            n_rows: 1000,
            n_informative: 5,
            n_redundant: 2,
            n_noise: 3,
            class_shares: vec![1.0, 1.0],
            n_clusters: 2,
            class_separation: 1.0,
            flip_share: 0.01,
            seed: 0,
        }
    }
}

/// Columns and the class of each row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClassificationTable {
    /// The features: informative, redundant, noise.
    pub(crate) columns: Vec<Vec<f64>>,
    /// The classes, from 0.
    pub(crate) classes: Vec<usize>,
}

/// Where a cluster is, and how its points spread.
struct Cluster {
    centre: Vec<f64>,
    /// A row of factors for each informative column.
    spread: Vec<Vec<f64>>,
}

impl Classification {
    /// Generates the table. Without enough informative columns for as many corners of a cube, clusters share
    /// corners.
    pub(crate) fn generate(&self) -> ClassificationTable {
        let mut random = Random::new(self.seed);
        let clusters = self.clusters(&mut random);
        let mixing: Vec<Vec<f64>> =
            (0..self.n_redundant).map(|_| factors(self.n_informative, &mut random)).collect();
        let mut columns = vec![Vec::with_capacity(self.n_rows); self.n_columns()];
        let mut classes = Vec::with_capacity(self.n_rows);
        let alike = vec![1.0; self.class_shares.len()];
        for _ in 0..self.n_rows {
            let class = random.index(&self.class_shares);
            let cluster = random.index(&vec![1.0; self.n_clusters]);
            let own = &clusters[class * self.n_clusters + cluster];
            let normals = random.normals(self.n_informative);
            let informative: Vec<f64> =
                own.spread.iter().zip(&own.centre).map(|(row, centre)| centre + dot(row, &normals)).collect();
            let redundant: Vec<f64> = mixing.iter().map(|row| dot(row, &informative)).collect();
            let noise = random.normals(self.n_noise);
            let values = informative.into_iter().chain(redundant).chain(noise);
            for (column, value) in columns.iter_mut().zip(values) {
                column.push(value);
            }
            // Both are drawn always, so that the share of flips changes nothing else.
            let (is_flipped, other) = (random.chance(self.flip_share), random.index(&alike));
            classes.push(if is_flipped { other } else { class });
        }
        ClassificationTable { columns, classes }
    }

    fn n_columns(&self) -> usize {
        self.n_informative + self.n_redundant + self.n_noise
    }

    /// The clusters of the first class, then of the second, …
    fn clusters(&self, random: &mut Random) -> Vec<Cluster> {
        let n_clusters = self.class_shares.len() * self.n_clusters;
        // Bit j of a corner is the parity of some bits of the cluster's number: of one bit each, as far as
        // they go, so that corners differ; of random bits then, so that every column is informative.
        let n_bits = usize::BITS - n_clusters.saturating_sub(1).leading_zeros();
        let masks: Vec<u64> = (0..self.n_informative)
            .map(|column| {
                let random_mask = 1 + random.bits() % ((1 << n_bits) - 1).max(1);
                if column < n_bits as usize { 1 << column } else { random_mask }
            })
            .collect();
        let mut clusters = Vec::with_capacity(n_clusters);
        for cluster in 0..n_clusters as u64 {
            let is_odd = masks.iter().map(|mask| (mask & cluster).count_ones() % 2 == 1);
            let centre = is_odd
                .map(|is_odd| if is_odd { self.class_separation } else { -self.class_separation })
                .collect();
            let spread = (0..self.n_informative).map(|_| factors(self.n_informative, random)).collect();
            clusters.push(Cluster { centre, spread });
        }
        clusters
    }
}

/// Factors whose products with independent standard normal numbers sum to a variance of about 1.
fn factors(n_values: usize, random: &mut Random) -> Vec<f64> {
    let largest = (3.0 / n_values.max(1) as f64).sqrt();
    (0..n_values).map(|_| random.between(-largest, largest)).collect()
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(a, b)| a * b).sum()
}
