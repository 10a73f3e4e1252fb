//! The graph as SVG: layers from left to right, tasks as boxes, curves between them.

use std::fmt::Write;

use crate::workflow::{EdgeKind, TaskIdx, Workflow};

const BOX_HEIGHT: f64 = 44.0;
const GAP_X: f64 = 56.0;
const GAP_Y: f64 = 18.0;
const MARGIN: f64 = 16.0;
const CHAR_WIDTH: f64 = 7.8;

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1c2330}.kind{font-size:11px;fill:#5b6675}\
rect{fill:#fff;stroke:#8592a6}path{fill:none;stroke:#8592a6;stroke-width:1.3}.order{stroke-dasharray:4 3}\
@media(prefers-color-scheme:dark){text{fill:#e6eaf0}.kind{fill:#9aa6b6}rect{fill:#1b222d;stroke:#5b6878}path{stroke:#6c7a8c}}";

struct Placed {
    x: f64,
    y: f64,
    width: f64,
}

/// The graph as an SVG document that follows the reader's light or dark scheme.
pub fn svg(workflow: &Workflow) -> String {
    let graph = workflow.graph();
    let layers = graph.layers();
    let tallest = layers.iter().map(Vec::len).max().unwrap_or(0) as f64;
    let height = tallest * (BOX_HEIGHT + GAP_Y) - GAP_Y + 2.0 * MARGIN;
    let mut places: Vec<Placed> =
        workflow.tasks.iter().map(|_| Placed { x: 0.0, y: 0.0, width: 0.0 }).collect();
    let mut x = MARGIN;
    for layer in &layers {
        let n_chars = |idx: &TaskIdx| {
            let task = workflow.task(*idx);
            task.name.chars().count().max(task.kind.chars().count())
        };
        let width = layer.iter().map(n_chars).max().unwrap_or(0) as f64 * CHAR_WIDTH + 24.0;
        let used = layer.len() as f64 * (BOX_HEIGHT + GAP_Y) - GAP_Y;
        let mut y = (height - used) / 2.0;
        for idx in layer {
            places[idx.0 as usize] = Placed { x, y, width };
            y += BOX_HEIGHT + GAP_Y;
        }
        x += width + GAP_X;
    }
    let width = x - GAP_X + MARGIN;
    let mut drawing = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">\
         <title>{}</title><style>{STYLE}</style>\n",
        escape(&workflow.name)
    );
    for (before, behind, kind) in graph.edges() {
        let (from, to) = (&places[before.0 as usize], &places[behind.0 as usize]);
        let (x1, y1, x2, y2) =
            (from.x + from.width, from.y + BOX_HEIGHT / 2.0, to.x, to.y + BOX_HEIGHT / 2.0);
        let bend = (x2 - x1) / 2.0;
        let class = if matches!(kind, EdgeKind::Data { .. }) { "data" } else { "order" };
        let (c1, c2) = (x1 + bend, x2 - bend);
        let _ = writeln!(
            drawing,
            "<path class=\"{class}\" d=\"M{x1:.1} {y1:.1}C{c1:.1} {y1:.1} {c2:.1} {y2:.1} {x2:.1} {y2:.1}\"/>"
        );
    }
    for (task, place) in workflow.tasks.iter().zip(&places) {
        let Placed { x, y, width } = place;
        let (text_x, name_y, kind_y) = (x + 12.0, y + 19.0, y + 35.0);
        let _ = writeln!(
            drawing,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BOX_HEIGHT}\" rx=\"7\"/>\
             <text x=\"{text_x:.1}\" y=\"{name_y:.1}\">{}</text><text class=\"kind\" x=\"{text_x:.1}\" y=\"{kind_y:.1}\">{}</text>",
            escape(&task.name),
            escape(&task.kind)
        );
    }
    drawing + "</svg>\n"
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
