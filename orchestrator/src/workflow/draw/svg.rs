//! The graph as SVG: layers from left to right, tasks as boxes, curves between them.

use std::fmt::Write;

use super::layout::{BOX_HEIGHT, Line, layout};
use crate::workflow::Workflow;

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1c2330}.kind{font-size:11px;fill:#5b6675}\
rect{fill:#fff;stroke:#8592a6}path{fill:none;stroke:#8592a6;stroke-width:1.3}.order{stroke-dasharray:4 3}#tip path{fill:#8592a6;stroke:none}\
@media(prefers-color-scheme:dark){text{fill:#e6eaf0}.kind{fill:#9aa6b6}rect{fill:#1b222d;stroke:#5b6878}path{stroke:#6c7a8c}#tip path{fill:#6c7a8c}}";

/// The head of an arrow.
const TIP: &str = "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
<path d=\"M0 1L8 4L0 7Z\"/></marker></defs>";

/// The graph as an SVG document that follows the reader's light or dark scheme.
pub fn svg(workflow: &Workflow) -> String {
    let layout = layout(workflow);
    let (width, height) = (layout.width, layout.height);
    let mut drawing = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">\
         <title>{}</title><style>{STYLE}</style>{TIP}\n",
        escape(&workflow.name)
    );
    for line in &layout.lines {
        let class = if line.carries_data { "data" } else { "order" };
        let _ = writeln!(drawing, "<path class=\"{class}\" marker-end=\"url(#tip)\" d=\"{}\"/>", curve(line));
    }
    for place in &layout.boxes {
        let (x, y, width) = (place.x, place.y, place.width);
        let (text_x, name_y, kind_y) = (x + 12.0, y + 19.0, y + 35.0);
        let task = workflow.task(place.task);
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

/// From the right side of the first box along the lanes to the left side of the last.
fn curve(line: &Line) -> String {
    let mut path = String::new();
    for (idx, step) in line.pieces.windows(2).enumerate() {
        let ((_, x1, y1), (x2, end, y2)) = (step[0], step[1]);
        let middle = f64::midpoint(x1, x2);
        if idx == 0 {
            let _ = write!(path, "M{x1:.1} {y1:.1}");
        }
        let _ = write!(path, "C{middle:.1} {y1:.1} {middle:.1} {y2:.1} {x2:.1} {y2:.1}");
        if idx + 2 < line.pieces.len() {
            let _ = write!(path, "H{end:.1}");
        }
    }
    path
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
