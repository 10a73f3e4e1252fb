//! Places for the nodes of a layered graph, after Sugiyama: layers by the longest way, an order in each layer with few crossings, and places in
//! that order as near to the neighbours as the order allows.
//!
//! *Along* is the direction from layer to layer, *across* the direction in a layer; who draws decides which is down.

use crate::view::Edge;

use super::fold::layers;

/// Sizes in pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measures {
    /// A node's extent across.
    pub(crate) across: f64,
    /// A node's extent along.
    pub(crate) along: f64,
    /// The least space between neighbours in a layer.
    pub(crate) gap: f64,
    /// The space between layers.
    pub(crate) layer_gap: f64,
}

/// Where everything is: centres across, begins along.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    /// Each node's centre across and begin along.
    pub(crate) nodes: Vec<(f64, f64)>,
    /// Each edge's points, from the end of one node to the begin of the other.
    pub(crate) edges: Vec<Vec<(f64, f64)>>,
    /// The whole extent across.
    pub(crate) across: f64,
    /// The whole extent along.
    pub(crate) along: f64,
    /// The most nodes in a layer.
    pub(crate) n_abreast: usize,
}

/// A place in a layer: a node, or a point where an edge passes.
struct Slot {
    extent: f64,
    before: Vec<usize>,
    behind: Vec<usize>,
    /// Its centre across.
    at: f64,
}

/// Edges that pass more layers than this together go straight.
const MOST_POINTS: usize = 4_000;
/// The extent of a passing edge.
const LANE: f64 = 14.0;

/// Lays a graph without cycles out.
pub(crate) fn layout(n_nodes: usize, edges: &[Edge], measures: Measures) -> Layout {
    if n_nodes == 0 {
        return Layout::default();
    }
    let layer_of = snug_layers(n_nodes, edges);
    let n_layers = layer_of.iter().max().map_or(0, |deepest| deepest + 1);
    let mut slots: Vec<Slot> = (0..n_nodes).map(|_| Slot::new(measures.across)).collect();
    let mut layers: Vec<Vec<usize>> = vec![Vec::new(); n_layers];
    for (node, &layer) in layer_of.iter().enumerate() {
        layers[layer].push(node);
    }
    let n_points: usize =
        edges.iter().map(|edge| layer_of[edge.to].saturating_sub(layer_of[edge.from] + 1)).sum();
    let mut chains: Vec<Vec<usize>> = Vec::with_capacity(edges.len());
    for edge in edges {
        let mut chain = vec![edge.from];
        if n_points <= MOST_POINTS {
            for layer in &mut layers[(layer_of[edge.from] + 1).min(layer_of[edge.to])..layer_of[edge.to]] {
                layer.push(slots.len());
                chain.push(slots.len());
                slots.push(Slot::new(LANE));
            }
        }
        chain.push(edge.to);
        for pair in chain.windows(2) {
            slots[pair[0]].behind.push(pair[1]);
            slots[pair[1]].before.push(pair[0]);
        }
        chains.push(chain);
    }
    order(&mut layers, &slots);
    place(&layers, &mut slots, measures.gap);
    finish(&layer_of, &chains, &slots, n_nodes, measures)
}

impl Slot {
    fn new(extent: f64) -> Self {
        Self { extent, before: Vec::new(), behind: Vec::new(), at: 0.0 }
    }
}

/// Layers by the longest way; what has nothing before it stands right before what it feeds.
fn snug_layers(n_nodes: usize, edges: &[Edge]) -> Vec<usize> {
    let mut layer = layers(n_nodes, edges);
    let mut has_before = vec![false; n_nodes];
    let mut first_behind: Vec<Option<usize>> = vec![None; n_nodes];
    for edge in edges {
        has_before[edge.to] = true;
        let behind = first_behind[edge.from].get_or_insert(layer[edge.to]);
        *behind = (*behind).min(layer[edge.to]);
    }
    for node in 0..n_nodes {
        if let (false, Some(behind)) = (has_before[node], first_behind[node]) {
            layer[node] = behind.saturating_sub(1);
        }
    }
    layer
}

/// Orders each layer by the middle of its neighbours, down and up in turn, and keeps the order with the fewest crossings.
fn order(layers: &mut Vec<Vec<usize>>, slots: &[Slot]) {
    let mut rank = vec![0usize; slots.len()];
    let renumber = |layer: &[usize], rank: &mut [usize]| {
        for (place, &slot) in layer.iter().enumerate() {
            rank[slot] = place;
        }
    };
    for layer in layers.iter() {
        renumber(layer, &mut rank);
    }
    let mut best = layers.clone();
    let mut fewest = crossings(layers, slots, &rank);
    for round in 0..8 {
        if fewest == 0 {
            break;
        }
        let down = round % 2 == 0;
        for step in 1..layers.len() {
            let at = if down { step } else { layers.len() - 1 - step };
            let centre = |&slot: &usize| {
                let neighbours = if down { &slots[slot].before } else { &slots[slot].behind };
                match neighbours.len() {
                    0 => rank[slot] as f64,
                    n => neighbours.iter().map(|&other| rank[other] as f64).sum::<f64>() / n as f64,
                }
            };
            let mut keyed: Vec<(f64, usize)> = layers[at].iter().map(|slot| (centre(slot), *slot)).collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            layers[at] = keyed.into_iter().map(|(_, slot)| slot).collect();
            renumber(&layers[at], &mut rank);
        }
        let now = crossings(layers, slots, &rank);
        if now < fewest {
            fewest = now;
            best.clone_from(layers);
        }
    }
    *layers = best;
}

/// Pairs of edges between neighbouring layers that cross, counted with a tree of sums.
fn crossings(layers: &[Vec<usize>], slots: &[Slot], rank: &[usize]) -> usize {
    let mut total = 0;
    for layer in layers {
        let mut ends: Vec<usize> = Vec::new();
        for &slot in layer {
            let mut behind: Vec<usize> = slots[slot].behind.iter().map(|&next| rank[next]).collect();
            behind.sort_unstable();
            ends.extend(behind);
        }
        let width = ends.iter().max().map_or(0, |most| most + 1);
        let mut sums = vec![0usize; width + 1];
        for (seen, &end) in ends.iter().enumerate() {
            let (mut not_crossed, mut at) = (0, end + 1);
            while at > 0 {
                not_crossed += sums[at];
                at &= at - 1;
            }
            total += seen - not_crossed;
            at = end + 1;
            while at <= width {
                sums[at] += 1;
                at += at & at.wrapping_neg();
            }
        }
    }
    total
}

/// Moves every layer as near to its neighbours as its order allows.
fn place(layers: &[Vec<usize>], slots: &mut [Slot], gap: f64) {
    for layer in layers {
        let wanted: Vec<f64> = vec![0.0; layer.len()];
        settle(layer, &wanted, slots, gap);
    }
    for round in 0..10 {
        let down = round % 2 == 0;
        for step in 0..layers.len() {
            let layer = &layers[if down { step } else { layers.len() - 1 - step }];
            let wanted: Vec<f64> = layer
                .iter()
                .map(|&slot| {
                    let neighbours = if down { &slots[slot].before } else { &slots[slot].behind };
                    match neighbours.len() {
                        0 => slots[slot].at,
                        n => neighbours.iter().map(|&other| slots[other].at).sum::<f64>() / n as f64,
                    }
                })
                .collect();
            settle(layer, &wanted, slots, gap);
        }
    }
}

/// The places with the least squared distance to the wanted ones that keep order and gaps: neighbours that push each other move as a block.
fn settle(layer: &[usize], wanted: &[f64], slots: &mut [Slot], gap: f64) {
    // Without the room that those before it need, each place may only not be before its neighbour's: pool adjacent violators.
    let mut room = Vec::with_capacity(layer.len());
    let mut at = 0.0;
    for (place, &slot) in layer.iter().enumerate() {
        if place > 0 {
            at += f64::midpoint(slots[layer[place - 1]].extent, slots[slot].extent) + gap;
        }
        room.push(at);
    }
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for (want, room) in wanted.iter().zip(&room) {
        let mut block = (want - room, 1);
        while let Some(&(mean, n)) = blocks.last().filter(|(mean, _)| *mean > block.0) {
            block = ((mean * n as f64 + block.0 * block.1 as f64) / (n + block.1) as f64, n + block.1);
            blocks.pop();
        }
        blocks.push(block);
    }
    let means = blocks.iter().flat_map(|&(mean, n)| std::iter::repeat_n(mean, n));
    for ((&slot, mean), room) in layer.iter().zip(means).zip(&room) {
        slots[slot].at = mean + room;
    }
}

fn finish(
    layer_of: &[usize],
    chains: &[Vec<usize>],
    slots: &[Slot],
    n_nodes: usize,
    measures: Measures,
) -> Layout {
    let least = slots.iter().map(|slot| slot.at - slot.extent / 2.0).fold(f64::INFINITY, f64::min);
    let most = slots.iter().map(|slot| slot.at + slot.extent / 2.0).fold(f64::NEG_INFINITY, f64::max);
    let pitch = measures.along + measures.layer_gap;
    let begin = |layer: usize| layer as f64 * pitch;
    let edges = chains
        .iter()
        .map(|chain| {
            let (first, last) = (chain[0], chain[chain.len() - 1]);
            let mut points = vec![(slots[first].at - least, begin(layer_of[first]) + measures.along)];
            for (step, &slot) in chain[1..chain.len() - 1].iter().enumerate() {
                let at = begin(layer_of[first] + 1 + step);
                points.push((slots[slot].at - least, at));
                points.push((slots[slot].at - least, at + measures.along));
            }
            points.push((slots[last].at - least, begin(layer_of[last])));
            points
        })
        .collect();
    let mut abreast = vec![0usize; layer_of.iter().max().map_or(0, |deepest| deepest + 1)];
    for &layer in layer_of {
        abreast[layer] += 1;
    }
    Layout {
        nodes: (0..n_nodes).map(|node| (slots[node].at - least, begin(layer_of[node]))).collect(),
        edges,
        across: most - least,
        along: abreast.len() as f64 * pitch - measures.layer_gap,
        n_abreast: abreast.into_iter().max().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::{Layout, Measures, layout};
    use crate::view::Edge;

    const MEASURES: Measures = Measures { across: 100.0, along: 40.0, gap: 20.0, layer_gap: 30.0 };

    fn edges(pairs: &[(usize, usize)]) -> Vec<Edge> {
        pairs.iter().map(|&(from, to)| Edge { from, to }).collect()
    }

    fn assert_nothing_overlaps(layout: &Layout) {
        for (a, first) in layout.nodes.iter().enumerate() {
            assert!(first.0 >= 49.99 && first.0 <= layout.across - 49.99, "inside");
            assert!(first.1 >= 0.0 && first.1 + 40.0 <= layout.along + 0.01, "inside");
            for second in &layout.nodes[a + 1..] {
                let apart = (first.1 - second.1).abs() >= 40.0 || (first.0 - second.0).abs() >= 119.99;
                assert!(apart, "{first:?} {second:?}");
            }
        }
    }

    #[test]
    fn a_chain_is_straight() {
        let layout = layout(4, &edges(&[(0, 1), (1, 2), (2, 3)]), MEASURES);
        assert!(layout.nodes.iter().all(|node| (node.0 - 50.0).abs() < 1e-6));
        assert!((layout.along - (4.0 * 40.0 + 3.0 * 30.0)).abs() < 1e-6);
    }

    #[test]
    fn a_diamond_is_symmetric() {
        let layout = layout(4, &edges(&[(0, 1), (0, 2), (1, 3), (2, 3)]), MEASURES);
        assert_nothing_overlaps(&layout);
        let middle = f64::midpoint(layout.nodes[1].0, layout.nodes[2].0);
        assert!((layout.nodes[0].0 - middle).abs() < 1e-6 && (layout.nodes[3].0 - middle).abs() < 1e-6);
    }

    #[test]
    fn nodes_of_random_graphs_never_overlap_and_edges_go_forward() {
        let mut state = 7u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(state >> 33).expect("31 bits") % below
        };
        for _ in 0..60 {
            let n = 1 + random(40);
            let mut pairs = Vec::new();
            for to in 1..n {
                for _ in 0..random(3) {
                    pairs.push((random(to), to));
                }
            }
            pairs.sort_unstable();
            pairs.dedup();
            let layout = layout(n, &edges(&pairs), MEASURES);
            assert_nothing_overlaps(&layout);
            for points in &layout.edges {
                assert!(points.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{points:?}");
            }
        }
    }

    #[test]
    fn edges_that_can_do_without_crossing_do() {
        let layout = layout(4, &edges(&[(0, 3), (1, 2)]), MEASURES);
        assert!((layout.nodes[0].0 < layout.nodes[1].0) == (layout.nodes[3].0 < layout.nodes[2].0));
    }
}
