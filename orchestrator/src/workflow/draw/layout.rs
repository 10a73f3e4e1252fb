//! Where boxes and lines go: layers from left to right, lanes for the edges that pass by, as in Sugiyama, Tagawa and Toda (1981).

use std::collections::BTreeMap;

use crate::workflow::{EdgeKind, TaskIdx, Workflow};

pub(super) const BOX_HEIGHT: f64 = 44.0;
const LANE_HEIGHT: f64 = 8.0;
const GAP_X: f64 = 48.0;
const GAP_Y: f64 = 18.0;
const MARGIN: f64 = 16.0;
const CHAR_WIDTH: f64 = 7.8;

/// How often layers are put into the order of what stands before them, and then of what stands behind.
const N_SWEEPS: usize = 4;

/// What stands in a layer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Item {
    Task(TaskIdx),
    /// An edge that passes by, and the layer.
    Lane(usize, usize),
}

/// A task's box.
pub(super) struct TaskBox {
    pub(super) task: TaskIdx,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
}

/// A line from box to box: horizontal pieces, to be joined by curves.
pub(super) struct Line {
    /// True for an edge that carries an output.
    pub(super) carries_data: bool,
    /// Beginning, end and height of each piece, from left to right.
    pub(super) pieces: Vec<(f64, f64, f64)>,
}

/// A drawing's parts and its size.
pub(super) struct Layout {
    pub(super) boxes: Vec<TaskBox>,
    pub(super) lines: Vec<Line>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Places everything.
pub(super) fn layout(workflow: &Workflow) -> Layout {
    let graph = workflow.graph();
    let layer_of: BTreeMap<TaskIdx, usize> = graph
        .layers()
        .into_iter()
        .enumerate()
        .flat_map(|(at, layer)| layer.into_iter().map(move |task| (task, at)))
        .collect();
    let edges: Vec<Edge> = graph
        .edges()
        .map(|(from, to, kind)| Edge { from, to, carries_data: matches!(kind, EdgeKind::Data { .. }) })
        .collect();
    let n_layers = layer_of.values().max().map_or(0, |last| last + 1);
    let mut layers: Vec<Vec<Item>> = vec![Vec::new(); n_layers];
    for (task, at) in &layer_of {
        layers[*at].push(Item::Task(*task));
    }
    let paths: Vec<Vec<Item>> =
        edges.iter().enumerate().map(|(idx, edge)| path(idx, edge, &layer_of, &mut layers)).collect();
    order(&mut layers, &paths);
    place(workflow, &layers, &edges, &paths)
}

struct Edge {
    from: TaskIdx,
    to: TaskIdx,
    carries_data: bool,
}

/// An edge as a walk from layer to layer; takes a lane in each that it passes.
fn path(idx: usize, edge: &Edge, layer_of: &BTreeMap<TaskIdx, usize>, layers: &mut [Vec<Item>]) -> Vec<Item> {
    let mut path = vec![Item::Task(edge.from)];
    let (from, to) = (layer_of[&edge.from], layer_of[&edge.to]);
    for (at, layer) in layers.iter_mut().enumerate().take(to).skip(from + 1) {
        layer.push(Item::Lane(idx, at));
        path.push(Item::Lane(idx, at));
    }
    path.push(Item::Task(edge.to));
    path
}

/// Puts each layer into the order of the mean place of its neighbours, so that few lines cross.
fn order(layers: &mut [Vec<Item>], paths: &[Vec<Item>]) {
    let mut before: BTreeMap<Item, Vec<Item>> = BTreeMap::new();
    let mut behind: BTreeMap<Item, Vec<Item>> = BTreeMap::new();
    for step in paths.iter().flat_map(|path| path.windows(2)) {
        before.entry(step[1]).or_default().push(step[0]);
        behind.entry(step[0]).or_default().push(step[1]);
    }
    for sweep in 0..N_SWEEPS {
        let neighbours = if sweep % 2 == 0 { &before } else { &behind };
        let places: BTreeMap<Item, f64> = layers
            .iter()
            .flat_map(|layer| {
                layer.iter().enumerate().map(|(at, item)| (*item, (at as f64 + 0.5) / layer.len() as f64))
            })
            .collect();
        for layer in layers.iter_mut() {
            let wish = |item: &Item| {
                let near: Vec<f64> =
                    neighbours.get(item).into_iter().flatten().map(|item| places[item]).collect();
                if near.is_empty() { places[item] } else { near.iter().sum::<f64>() / near.len() as f64 }
            };
            layer.sort_by(|a, b| wish(a).total_cmp(&wish(b)));
        }
    }
}

fn place(workflow: &Workflow, layers: &[Vec<Item>], edges: &[Edge], paths: &[Vec<Item>]) -> Layout {
    let item_height = |item: &Item| if matches!(item, Item::Task(_)) { BOX_HEIGHT } else { LANE_HEIGHT };
    let layer_height =
        |layer: &Vec<Item>| layer.iter().map(|item| item_height(item) + GAP_Y).sum::<f64>() - GAP_Y;
    let height = layers.iter().map(layer_height).fold(0.0, f64::max) + 2.0 * MARGIN;
    let mut spans: BTreeMap<Item, (f64, f64, f64)> = BTreeMap::new();
    let mut boxes = Vec::new();
    let mut x = MARGIN;
    for layer in layers {
        let n_chars = |item: &Item| match item {
            Item::Task(idx) => {
                let task = workflow.task(*idx);
                task.name.chars().count().max(task.kind.chars().count())
            }
            Item::Lane(..) => 0,
        };
        let width = layer.iter().map(n_chars).max().unwrap_or(0) as f64 * CHAR_WIDTH + 24.0;
        let mut y = (height - layer_height(layer)) / 2.0;
        for item in layer {
            let own = item_height(item);
            spans.insert(*item, (x, x + width, y + own / 2.0));
            if let Item::Task(task) = item {
                boxes.push(TaskBox { task: *task, x, y, width });
            }
            y += own + GAP_Y;
        }
        x += width + GAP_X;
    }
    let line = |(edge, path): (&Edge, &Vec<Item>)| Line {
        carries_data: edge.carries_data,
        pieces: path.iter().map(|item| spans[item]).collect(),
    };
    Layout { boxes, lines: edges.iter().zip(paths).map(line).collect(), width: x - GAP_X + MARGIN, height }
}
