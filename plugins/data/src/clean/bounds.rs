//! The rules about values that lie too far out: `ranges` and `outliers`.

use std::collections::BTreeMap;

use sluicegate_plugin::TaskError;

use super::{
    frame::{Frame, numeric},
    params::{Method, OutlierAction, Outliers, Range, RangeAction},
    stats,
    tally::{ColumnTally, Rule, RuleTally},
};
use crate::table::count;

/// Bounds that are inclusive: a value on a bound is inside.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    min: Option<f64>,
    max: Option<f64>,
}

impl Bounds {
    /// The value moved to the nearest bound.
    fn clip(self, value: f64) -> f64 {
        let value = self.min.map_or(value, |min| value.max(min));
        self.max.map_or(value, |max| value.min(max))
    }

    fn holds(self, value: f64) -> bool {
        self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max)
    }
}

/// Applies the stated ranges. All columns are judged by the rows that are in before.
pub(super) fn ranges(frame: &mut Frame, ranges: &BTreeMap<String, Range>) -> Result<RuleTally, TaskError> {
    let mut tally = RuleTally::new(Rule::Ranges);
    let mut dropped = Vec::new();
    for (name, range) in ranges {
        let idx = frame.idx_of(name)?;
        let bounds = Bounds { min: range.min, max: range.max };
        let outside = outside(frame, idx, bounds);
        if range.action == RangeAction::Fail && !outside.is_empty() {
            return Err(out_of_range(name, bounds, &outside));
        }
        let clip = range.action == RangeAction::Clip;
        apply(frame, &mut tally, &mut dropped, Found { idx, bounds, outside, clip });
    }
    remove(frame, &dropped);
    Ok(tally)
}

/// Applies one rule against outliers. Bounds of all columns come from the rows that are in before the rule.
pub(super) fn outliers(frame: &mut Frame, rule: &Outliers) -> Result<RuleTally, TaskError> {
    let mut tally = RuleTally::new(Rule::Outliers);
    let mut dropped = Vec::new();
    for idx in frame.select(&rule.columns, numeric)? {
        let Some(bounds) = outlier_bounds(rule, frame.present_numbers(idx)?) else {
            continue;
        };
        let outside = outside(frame, idx, bounds);
        let clip = rule.action == OutlierAction::Clip;
        apply(frame, &mut tally, &mut dropped, Found { idx, bounds, outside, clip });
    }
    remove(frame, &dropped);
    Ok(tally)
}

/// The bounds by quartiles or standard deviations; a column without values has none.
fn outlier_bounds(rule: &Outliers, values: Vec<f64>) -> Option<Bounds> {
    let (low, high, step) = match rule.method {
        Method::Iqr => {
            let sorted = stats::sorted(values);
            let (first, third) = (stats::quantile(&sorted, 0.25)?, stats::quantile(&sorted, 0.75)?);
            (first, third, third - first)
        }
        Method::ZScore => {
            let mean = stats::mean(&values)?;
            (mean, mean, stats::population_std(&values, mean))
        }
    };
    // A column of one value has no deviation; rounding in its mean must not make the value an outlier.
    let constant = rule.method == Method::ZScore && step <= f64::EPSILON * low.abs();
    (!constant).then(|| Bounds {
        min: Some(low - rule.threshold() * step),
        max: Some(high + rule.threshold() * step),
    })
}

/// What a rule found in one column.
struct Found {
    idx: usize,
    bounds: Bounds,
    /// The rows outside, with their values.
    outside: Vec<(usize, f64)>,
    clip: bool,
}

fn apply(frame: &mut Frame, tally: &mut RuleTally, dropped: &mut Vec<usize>, found: Found) {
    let name = frame.name(found.idx).to_owned();
    let Bounds { min, max } = found.bounds;
    let column = ColumnTally { n: found.outside.len(), min, max, ..ColumnTally::default() };
    if !found.clip {
        dropped.extend(found.outside.iter().map(|(row_idx, _)| *row_idx));
        tally.found(&name, column);
        return;
    }
    tally.changed(&name, column);
    if !found.outside.is_empty() {
        let mut values = frame.numbers(found.idx);
        for (row_idx, value) in found.outside {
            values[row_idx] = Some(found.bounds.clip(value));
        }
        frame.put_numbers(found.idx, values);
    }
}

fn outside(frame: &Frame, idx: usize, bounds: Bounds) -> Vec<(usize, f64)> {
    frame
        .numbers(idx)
        .into_iter()
        .enumerate()
        .filter(|(row_idx, _)| frame.keep[*row_idx])
        .filter_map(|(row_idx, value)| Some((row_idx, value?)))
        .filter(|(_, value)| !bounds.holds(*value))
        .collect()
}

fn remove(frame: &mut Frame, rows: &[usize]) {
    for row_idx in rows {
        frame.keep[*row_idx] = false;
    }
}

fn out_of_range(name: &str, bounds: Bounds, outside: &[(usize, f64)]) -> TaskError {
    const SHOWN: usize = 5;
    let mut rows: Vec<_> = outside
        .iter()
        .take(SHOWN)
        .map(|(row_idx, value)| match bounds.min {
            Some(min) if *value < min => format!("row {}: {value} is below {min}", row_idx + 1),
            _ => format!("row {}: {value} is above {}", row_idx + 1, bounds.max.unwrap_or_default()),
        })
        .collect();
    if outside.len() > SHOWN {
        rows.push(format!("and {} more", count(outside.len() - SHOWN)));
    }
    TaskError::permanent("out_of_range", format!("column `{name}` leaves its range: {}", rows.join("; ")))
}
