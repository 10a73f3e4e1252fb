//! A confusion matrix, as the table that it is.

use maud::{Markup, html};

use crate::text::{clipped, number};

/// More classes than this are not shown cell by cell.
const MOST: usize = 24;

/// Counts with true classes as rows and predicted ones as columns, shaded by their share of the row.
pub(crate) fn confusion(classes: &[String], counts: &[Vec<f64>]) -> Markup {
    let is_square = counts.len() == classes.len() && counts.iter().all(|row| row.len() == classes.len());
    html! {
        @if !is_square || classes.is_empty() {}
        @else if classes.len() > MOST {
            p.note { "The confusion matrix of " (classes.len()) " classes is in the report." }
        } @else {
            table.confusion {
                caption { "Confusion matrix" span.sub { "rows are true classes, columns predicted ones" } }
                thead { tr { td {} @for class in classes { th scope="col" title=(class) { (clipped(class, 14)) } } th scope="col" { "rows" } } }
                tbody {
                    @for (at, (class, row)) in classes.iter().zip(counts).enumerate() {
                        @let sum: f64 = row.iter().sum();
                        tr {
                            th scope="row" title=(class) { (clipped(class, 18)) }
                            @for (column, count) in row.iter().enumerate() {
                                td class=(format!("{} q{}", if at == column { "hit" } else { "miss" }, shade(*count, sum))) {
                                    (number(*count))
                                    @if sum > 0.0 { small { (format!("{:.0} %", 100.0 * count / sum)) } }
                                }
                            }
                            td.sum { (number(sum)) }
                        }
                    }
                }
            }
        }
    }
}

/// Ten shades.
fn shade(count: f64, sum: f64) -> u8 {
    let share = if sum > 0.0 { (count / sum).clamp(0.0, 1.0) } else { 0.0 };
    // What is there at all has a shade.
    let shades = [0.0, 0.03, 0.08, 0.15, 0.25, 0.4, 0.55, 0.7, 0.85, 0.95];
    let above = shades.iter().filter(|least| share > **least).count();
    u8::try_from(above.min(9)).unwrap_or(9)
}

#[cfg(test)]
mod tests {
    use super::{confusion, shade};

    #[test]
    fn only_what_is_there_has_a_shade() {
        assert_eq!(shade(0.0, 10.0), 0);
        assert_eq!(shade(1.0, 1000.0), 1);
        assert_eq!(shade(10.0, 10.0), 9);
        assert_eq!(shade(1.0, 0.0), 0);
    }

    #[test]
    fn a_matrix_that_is_not_square_is_not_shown() {
        assert_eq!(confusion(&["a".into()], &[vec![1.0, 2.0]]).into_string(), "");
    }
}
