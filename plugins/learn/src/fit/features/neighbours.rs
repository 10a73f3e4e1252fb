//! Distances to near neighbours and counts within a distance, on a line and in the plane.

/// Ranges of at most this many points are searched one by one.
const LEAF: usize = 12;

/// Distances to this many neighbours are kept, the point itself included.
pub(crate) const KEPT: usize = NEIGHBOURS + 1;

/// Number of neighbours the estimators look at, scikit-learn's default.
pub(crate) const NEIGHBOURS: usize = 3;

/// Returns the distance to each point's neighbour number `rank` on a line of ascending values.
///
/// The `rank` nearest neighbours and the point form a window of consecutive values; the best of the windows
/// around the point gives the distance. There must be more values than `rank`.
pub(crate) fn line_distances(sorted: &[f64], rank: usize) -> Vec<f64> {
    let distance = |index: usize| {
        let starts = index.saturating_sub(rank)..=index.min(sorted.len().saturating_sub(rank + 1));
        let reach = |start: usize| {
            (sorted[index] - sorted[start]).max(sorted[(start + rank).min(sorted.len() - 1)] - sorted[index])
        };
        starts.map(reach).fold(f64::INFINITY, f64::min)
    };
    (0..sorted.len()).map(distance).collect()
}

/// Counts the ascending values strictly nearer to `centre` than `distance`; at distance 0 those equal to it.
pub(crate) fn count_nearer(sorted: &[f64], centre: f64, distance: f64) -> usize {
    let radius = if distance > 0.0 { distance.next_down() } else { 0.0 };
    let start = sorted.partition_point(|value| centre - value > radius);
    let end = sorted.partition_point(|value| value - centre <= radius);
    end.saturating_sub(start)
}

/// A balanced tree of points in the plane that answers near-neighbour queries.
///
/// Bentley, "Multidimensional binary search trees used for associative searching", Comm. ACM 18, 1975. A node
/// is a range of the array; its middle point splits the rest.
pub(crate) struct PlaneTree {
    /// Points, ordered so that each range's middle point splits it.
    points: Vec<[f64; 2]>,
    /// Axis along which the point splits its range.
    axes: Vec<usize>,
}

impl PlaneTree {
    /// Builds the tree in `O(n log n)`.
    pub(crate) fn new(points: Vec<[f64; 2]>) -> Self {
        let mut tree = Self { axes: vec![0; points.len()], points };
        split(&mut tree.points, &mut tree.axes);
        tree
    }

    /// Returns the distance, larger of the two coordinates' differences, to neighbour number `NEIGHBOURS`.
    ///
    /// The point itself must be in the tree and is not counted.
    pub(crate) fn distance(&self, point: [f64; 2]) -> f64 {
        let mut nearest = [f64::INFINITY; KEPT];
        self.search(0, self.points.len(), point, &mut nearest);
        nearest[NEIGHBOURS]
    }

    /// Puts the points of a range into the ascending list of the nearest distances.
    fn search(&self, start: usize, end: usize, point: [f64; 2], nearest: &mut [f64; KEPT]) {
        if end - start <= LEAF {
            for known in &self.points[start..end] {
                insert(nearest, chebyshev(*known, point));
            }
            return;
        }
        let middle = usize::midpoint(start, end);
        let axis = self.axes[middle];
        let offset = point[axis] - self.points[middle][axis];
        insert(nearest, chebyshev(self.points[middle], point));
        let (low, high) = ((start, middle), (middle + 1, end));
        let (near, far) = if offset < 0.0 { (low, high) } else { (high, low) };
        self.search(near.0, near.1, point, nearest);
        if offset.abs() < nearest[KEPT - 1] {
            self.search(far.0, far.1, point, nearest);
        }
    }
}

/// Orders a range so that its middle point splits it along the axis of the larger extent, and so on within.
fn split(points: &mut [[f64; 2]], axes: &mut [usize]) {
    if points.len() <= LEAF {
        return;
    }
    let longer = usize::from(extent(points, 1) > extent(points, 0));
    let middle = points.len() / 2;
    points.select_nth_unstable_by(middle, |one, other| one[longer].total_cmp(&other[longer]));
    axes[middle] = longer;
    split(&mut points[..middle], &mut axes[..middle]);
    split(&mut points[middle + 1..], &mut axes[middle + 1..]);
}

/// Returns the difference between the largest and the smallest coordinate.
fn extent(points: &[[f64; 2]], axis: usize) -> f64 {
    let widen = |(low, high): (f64, f64), point: &[f64; 2]| (low.min(point[axis]), high.max(point[axis]));
    let (low, high) = points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), widen);
    high - low
}

/// Returns the larger of the two coordinates' differences.
fn chebyshev(one: [f64; 2], other: [f64; 2]) -> f64 {
    (one[0] - other[0]).abs().max((one[1] - other[1]).abs())
}

/// Puts a distance into an ascending list and drops the largest.
fn insert(nearest: &mut [f64; KEPT], distance: f64) {
    if distance < nearest[KEPT - 1] {
        let mut place = KEPT - 1;
        while place > 0 && nearest[place - 1] > distance {
            nearest[place] = nearest[place - 1];
            place -= 1;
        }
        nearest[place] = distance;
    }
}

/// Tests of what the public functions do not show.
#[cfg(test)]
mod tests {
    use super::*;

    /// Points with many ties.
    fn points(count: u32) -> Vec<[f64; 2]> {
        (0..count).map(|row| [f64::from(row * 37 % 23), f64::from(row * row % 17) / 3.0]).collect()
    }

    /// The tree finds the same distances as a full search.
    #[test]
    fn tree_agrees_with_a_full_search() {
        for count in [4, 13, 200] {
            let points = points(count);
            let tree = PlaneTree::new(points.clone());
            for &point in &points {
                let mut all: Vec<f64> = points.iter().map(|other| chebyshev(point, *other)).collect();
                all.sort_by(f64::total_cmp);
                assert_eq!(tree.distance(point).to_bits(), all[NEIGHBOURS].to_bits());
            }
        }
    }

    /// Windows and counts agree with a full search.
    #[test]
    fn line_agrees_with_a_full_search() {
        let mut sorted: Vec<f64> = points(90).iter().map(|point| point[0] * point[1]).collect();
        sorted.sort_by(f64::total_cmp);
        for rank in 1..=3 {
            for (value, distance) in sorted.iter().zip(line_distances(&sorted, rank)) {
                let mut all: Vec<f64> = sorted.iter().map(|other| (value - other).abs()).collect();
                all.sort_by(f64::total_cmp);
                assert_eq!(distance.to_bits(), all[rank].to_bits());
                let nearer = all.iter().filter(|gap| **gap < distance || **gap <= 0.0).count();
                assert_eq!(count_nearer(&sorted, *value, distance), nearer);
            }
        }
    }
}
