//! Which way to search, and many queries at once.

use rayon::prelude::*;

use super::blocks::Blocks;
use super::expansion::Expansion;
use super::metric::{Absolutes, Largest, Metric, Powers, Ranking, Squares};
use super::nearest::{Candidate, Nearest};
use super::tree::KdTree;

/// The number of queries that one thread answers together.
const TILE: usize = 64;

/// The number of blocks that stay in the cache while all queries of a tile pass.
const CHUNK_BLOCKS: usize = 64;

/// Tables of more columns are scanned: their trees leave out too little.
const MAX_TREE_COLUMNS: usize = 16;

/// The number of rows that are looked up to see whether a tree pays.
const N_PROBES: usize = 32;

/// How rows are found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Search {
    /// By a k-d tree.
    Tree(KdTree),
    /// By computing all distances.
    Scan(Blocks),
    /// By computing all distances approximately first.
    Expansion(Expansion),
}

/// Rows to search, and what to find.
#[derive(Clone, Copy)]
pub(super) struct Space<'a> {
    /// The number of neighbours.
    pub(super) k: usize,
    /// The metric.
    pub(super) metric: Metric,
    /// Rows as the metric wants them.
    pub(super) points: &'a [f64],
    /// The number of columns of `points`.
    pub(super) n_columns: usize,
}

impl Space<'_> {
    /// Whether a tree looks at few enough blocks to be faster than a scan, tried with rows of the table
    /// itself.
    fn tree_pays(&self, tree: &KdTree) -> bool {
        let n_rows = self.points.len() / self.n_columns;
        let n_probes = n_rows.min(N_PROBES);
        let probes = (0..n_probes).map(|probe| {
            let row = probe * n_rows / n_probes;
            let query = &self.points[row * self.n_columns..(row + 1) * self.n_columns];
            // A probe finds itself, which a query does not.
            let mut nearest = Nearest::new(self.k + 1);
            match self.metric {
                Metric::Euclidean | Metric::Cosine => tree.search(Squares, query, &mut nearest),
                Metric::Manhattan => tree.search(Absolutes, query, &mut nearest),
                Metric::Minkowski { p } => tree.search(Powers(p), query, &mut nearest),
                Metric::Chebyshev => tree.search(Largest, query, &mut nearest),
            }
        });
        let n_seen: usize = probes.sum();
        // How many times longer a block takes in a tree, which jumps, than in a scan; powers take long
        // everywhere.
        let slowdown = match self.metric {
            Metric::Euclidean | Metric::Cosine => 8,
            Metric::Manhattan | Metric::Chebyshev => 5,
            Metric::Minkowski { .. } => 1,
        };
        n_seen * slowdown < tree.n_blocks() * n_probes
    }

    /// Turns rankings into distances.
    fn distances(&self, query: &[f64], mut found: Vec<Candidate>) -> Vec<(f64, usize)> {
        if self.metric.is_without_direction(query) {
            return (0..found.len()).map(|row| (1.0, row)).collect();
        }
        for (ranking, _) in &mut found {
            *ranking = self.metric.distance(*ranking);
        }
        found
    }
}

impl Search {
    /// Prepares the fastest search; `None` when told to stop.
    pub(super) fn fastest(space: Space<'_>, stop: &(dyn Fn() -> bool + Sync)) -> Option<Self> {
        if space.n_columns <= MAX_TREE_COLUMNS {
            let tree = KdTree::new(space.points, space.n_columns, stop)?;
            if space.tree_pays(&tree) {
                return Some(Self::Tree(tree));
            }
        }
        let expansion = match space.metric {
            Metric::Euclidean | Metric::Cosine => Expansion::new(space.points, space.n_columns),
            _ => None,
        };
        Some(expansion.map_or_else(|| Self::scan(space), Self::Expansion))
    }

    /// Prepares a scan.
    pub(super) fn scan(space: Space<'_>) -> Self {
        let rows: Vec<usize> = (0..space.points.len() / space.n_columns).collect();
        let mut blocks = Blocks::new(space.n_columns);
        blocks.append(space.points, &rows);
        Self::Scan(blocks)
    }

    /// The distances and numbers of the nearest rows of each query, nearest first; `None` when told to stop.
    pub(super) fn nearest(
        &self,
        space: Space<'_>,
        queries: &[f64],
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Option<Vec<Vec<(f64, usize)>>> {
        let tile = |queries: &[f64]| match space.metric {
            Metric::Euclidean | Metric::Cosine => self.tile(space, Squares, queries, stop),
            Metric::Manhattan => self.tile(space, Absolutes, queries, stop),
            Metric::Minkowski { p } => self.tile(space, Powers(p), queries, stop),
            Metric::Chebyshev => self.tile(space, Largest, queries, stop),
        };
        let n_columns = space.n_columns;
        // One query must not wait for other threads.
        if queries.len() <= TILE * n_columns {
            return tile(queries);
        }
        let order = self.order(n_columns, queries);
        let tiles = order.par_chunks(TILE).map(|order| {
            let rows = order.iter().flat_map(|row| &queries[row * n_columns..(row + 1) * n_columns]);
            tile(&rows.copied().collect::<Vec<f64>>())
        });
        let tiles: Vec<_> = tiles.collect::<Option<_>>()?;
        let mut found = vec![Vec::new(); order.len()];
        for (row, nearest) in order.iter().zip(tiles.into_iter().flatten()) {
            found[*row] = nearest;
        }
        Some(found)
    }

    /// An order of queries in which a tree finds what it reads next in the cache.
    fn order(&self, n_columns: usize, queries: &[f64]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..queries.len() / n_columns).collect();
        if let Self::Tree(tree) = self {
            let leaves: Vec<usize> = queries.par_chunks(n_columns).map(|query| tree.leaf(query)).collect();
            order.sort_by_key(|row| leaves[*row]);
        }
        order
    }

    fn tile<R: Ranking>(
        &self,
        space: Space<'_>,
        ranking: R,
        queries: &[f64],
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Option<Vec<Vec<(f64, usize)>>> {
        let rows = queries.chunks_exact(space.n_columns);
        let mut nearest: Vec<Nearest> = rows.clone().map(|_| Nearest::new(space.k)).collect();
        match self {
            Self::Tree(tree) => {
                for (query, nearest) in rows.clone().zip(&mut nearest) {
                    if stop() {
                        return None;
                    }
                    tree.search(ranking, query, nearest);
                }
            }
            Self::Scan(blocks) => {
                for first in (0..blocks.len()).step_by(CHUNK_BLOCKS) {
                    if stop() {
                        return None;
                    }
                    let chunk = first..(first + CHUNK_BLOCKS).min(blocks.len());
                    for (query, nearest) in rows.clone().zip(&mut nearest) {
                        blocks.scan(ranking, chunk.clone(), query, nearest);
                    }
                }
            }
            Self::Expansion(expansion) => {
                if !expansion.search(space.points, queries, &mut nearest, stop) {
                    return None;
                }
            }
        }
        let found = rows.zip(nearest).map(|(query, nearest)| space.distances(query, nearest.into_found()));
        Some(found.collect())
    }
}
