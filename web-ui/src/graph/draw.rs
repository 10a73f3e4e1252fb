//! A graph as SVG. Geometry is in attributes, colours in classes, so that no style attribute is needed.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::{
    icon::icon,
    text::clipped,
    view::{Edge, TaskState},
};

use super::layout::{Layout, Measures, layout};

/// A node to draw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    /// Its first line.
    pub(crate) label: String,
    /// Its second line.
    pub(crate) sub: String,
    /// The whole story, for those who hover or listen.
    pub(crate) title: String,
    /// Where it leads.
    pub(crate) href: String,
    /// How it is; without one, it is a plan's.
    pub(crate) state: Option<TaskState>,
    /// True when it stands for several tasks.
    pub(crate) is_stack: bool,
    /// How many of its tasks are in which state; empty for a single task.
    pub(crate) counts: Vec<(TaskState, usize)>,
    /// True when its panel is open.
    pub(crate) is_selected: bool,
}

const WIDTH: f64 = 184.0;
const HEIGHT: f64 = 44.0;
/// Room around, for outlines and stacks.
const MARGIN: f64 = 8.0;
/// A graph whose layers are no wider than this is drawn downwards.
const NARROW: usize = 2;

/// Draws a graph. `narrow` graphs go down and fit beside a list; others go to the right.
pub(crate) fn draw(nodes: &[Node], edges: &[Edge], label: &str) -> (Markup, bool) {
    let down = Measures { across: WIDTH, along: HEIGHT, gap: 22.0, layer_gap: 24.0 };
    let laid = layout(nodes.len(), edges, down);
    if laid.n_abreast <= NARROW && laid.across <= 2.6 * WIDTH {
        return (svg(nodes, edges, &laid, true, label), true);
    }
    let right = Measures { across: HEIGHT, along: WIDTH, gap: 12.0, layer_gap: 44.0 };
    let laid = layout(nodes.len(), edges, right);
    (svg(nodes, edges, &laid, false, label), false)
}

fn svg(nodes: &[Node], edges: &[Edge], laid: &Layout, down: bool, label: &str) -> Markup {
    let (width, height) = if down { (laid.across, laid.along) } else { (laid.along, laid.across) };
    let (width, height) = (width + 2.0 * MARGIN, height + 2.0 * MARGIN);
    let turn = |(across, along): (f64, f64)| if down { (across, along) } else { (along, across) };
    html! {
        svg.graph width=(px(width)) height=(px(height)) viewBox=(format!("0 0 {} {}", px(width), px(height)))
            role="group" aria-label=(label) {
            g.edges aria-hidden="true" {
                @for (edge, points) in edges.iter().zip(&laid.edges) {
                    path class=(edge_class(nodes, *edge)) d=(curve(points, down)) {}
                }
            }
            @for (node, &place) in nodes.iter().zip(&laid.nodes) {
                @let (x, y) = turn(place);
                @let (x, y) = if down { (x - WIDTH / 2.0, y) } else { (x, y - HEIGHT / 2.0) };
                (draw_node(node, x + MARGIN, y + MARGIN))
            }
        }
    }
}

fn draw_node(node: &Node, x: f64, y: f64) -> Markup {
    let word = node.state.map_or("plan", TaskState::word);
    let selected = if node.is_selected { " on" } else { "" };
    let n_label = if node.state.is_some() { 19 } else { 22 };
    html! {
        a href=(node.href) class={ "n s-" (word) (selected) } transform=(format!("translate({} {})", px(x), px(y))) {
            title { (node.title) }
            @if node.is_stack {
                rect.back x="5" y="5" width=(px(WIDTH)) height=(px(HEIGHT)) rx="7" {}
            }
            rect.box width=(px(WIDTH)) height=(px(HEIGHT)) rx="7" {}
            @if node.state.is_some() {
                svg x="11" y="8" width="15" height="15" { use href={ "#i-" (word) } {} }
            }
            text.l x=(if node.state.is_some() { "33" } else { "13" }) y="19.5" { (clipped(&node.label, n_label)) }
            text.k x=(if node.state.is_some() { "33" } else { "13" }) y="35" { (clipped(&node.sub, 25)) }
            @if !node.counts.is_empty() { (shares(&node.counts)) }
        }
    }
}

/// How many tasks are in which state, as a bar at the foot of a node.
fn shares(counts: &[(TaskState, usize)]) -> Markup {
    let all: usize = counts.iter().map(|(_, n)| n).sum();
    let mut at = 0.0;
    let spans: Vec<_> = counts
        .iter()
        .map(|(state, n)| {
            let width = (WIDTH - 14.0) * *n as f64 / all.max(1) as f64;
            at += width;
            (*state, 7.0 + at - width, width)
        })
        .collect();
    html! {
        @for (state, x, width) in spans {
            rect class={ "share s-" (state.word()) } x=(px(x)) y="39" width=(px(width)) height="3" {}
        }
    }
}

fn edge_class(nodes: &[Node], edge: Edge) -> &'static str {
    match (nodes[edge.from].state, nodes[edge.to].state) {
        (None, _) | (_, None) => "e",
        (Some(TaskState::Succeeded | TaskState::Cached), Some(state)) => match state {
            TaskState::Skipped | TaskState::Cancelled => "e closed",
            TaskState::Blocked => "e",
            _ => "e flow",
        },
        (Some(TaskState::Rejected | TaskState::Insufficient | TaskState::Failed | TaskState::Unknown), _) => {
            "e closed"
        }
        (Some(TaskState::Skipped | TaskState::Cancelled), _) => "e closed",
        _ => "e",
    }
}

/// A smooth way through points; it leaves and enters nodes along the graph's direction.
fn curve(points: &[(f64, f64)], down: bool) -> String {
    let turn = |(across, along): (f64, f64)| {
        let (x, y) = if down { (across, along) } else { (along, across) };
        (px(x + MARGIN), px(y + MARGIN))
    };
    let mut path = String::new();
    let (x, y) = turn(points[0]);
    let _ = write!(path, "M{x} {y}");
    for pair in points.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let (x, y) = turn(to);
        if (from.0 - to.0).abs() < 0.5 {
            let _ = write!(path, "L{x} {y}");
            continue;
        }
        let middle = f64::midpoint(from.1, to.1);
        let ((ax, ay), (bx, by)) = (turn((from.0, middle)), turn((to.0, middle)));
        let _ = write!(path, "C{ax} {ay} {bx} {by} {x} {y}");
    }
    path
}

/// A length with a tenth of a pixel.
fn px(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    format!("{rounded}")
}

/// What a state looks like in a graph, for the legend.
pub(crate) fn legend(states: &[TaskState]) -> Markup {
    html! {
        ul.legend aria-label="states" {
            @for state in states { li class={ "s-" (state.word()) } { (icon(state.word())) (state.word()) } }
        }
    }
}
