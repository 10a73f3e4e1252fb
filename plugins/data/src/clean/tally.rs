//! What cleaning did, rule by rule: the report, the metrics and the summary.

use std::collections::BTreeMap;

use serde::Serialize;
use sluicegate_plugin::{Context, TaskError};

use super::frame::Frame;
use crate::table::{count, counted};

/// What cleaning did.
#[derive(Debug, Serialize)]
pub(super) struct Tally {
    /// The version of this document.
    format_version: u32,
    /// Rows of the input.
    rows_in: usize,
    /// Rows of the output.
    rows_out: usize,
    /// What each rule did, in the order in which they ran.
    rules: Vec<RuleTally>,
}

/// What one rule did.
#[derive(Debug, Default, Serialize)]
pub(super) struct RuleTally {
    /// The rule, by its parameter.
    rule: Rule,
    /// Rows that it removed.
    rows_removed: usize,
    /// Values that it changed.
    values_changed: usize,
    /// What it found by column. A row may be counted in several columns.
    columns: BTreeMap<String, ColumnTally>,
}

/// What a rule found in one column.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct ColumnTally {
    /// Rows that the rule would remove because of this column, or values that it changed.
    pub(super) n: usize,
    /// What it put in, as text, when that is one value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) filled_with: Option<String>,
    /// The lower bound, when the rule has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) min: Option<f64>,
    /// The upper bound, when the rule has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max: Option<f64>,
}

/// A rule, by its parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Rule {
    #[default]
    Trim,
    Missing,
    FillMissing,
    DropMissing,
    Ranges,
    Outliers,
    DropDuplicates,
}

impl Rule {
    /// The rules that can remove rows.
    const REMOVING: [Self; 4] = [Self::DropMissing, Self::Ranges, Self::Outliers, Self::DropDuplicates];

    /// The parameter's name.
    fn name(self) -> &'static str {
        match self {
            Self::Trim => "trim",
            Self::Missing => "missing",
            Self::FillMissing => "fill_missing",
            Self::DropMissing => "drop_missing",
            Self::Ranges => "ranges",
            Self::Outliers => "outliers",
            Self::DropDuplicates => "drop_duplicates",
        }
    }

    /// What it removes, in the summary.
    fn noun(self, n: usize) -> String {
        match self {
            Self::DropMissing => format!("{} missing", count(n)),
            Self::Ranges => format!("{} out of range", count(n)),
            Self::Outliers => counted(n, "outlier"),
            Self::DropDuplicates => counted(n, "duplicate"),
            Self::Trim | Self::Missing | Self::FillMissing => count(n),
        }
    }
}

impl RuleTally {
    /// An account of one rule that has done nothing yet.
    pub(super) fn new(rule: Rule) -> Self {
        Self { rule, ..Self::default() }
    }

    /// Notes changed values of a column.
    pub(super) fn changed(&mut self, column: &str, tally: ColumnTally) {
        self.values_changed += tally.n;
        self.found(column, tally);
    }

    /// Notes what was found in a column.
    pub(super) fn found(&mut self, column: &str, tally: ColumnTally) {
        self.columns.insert(column.into(), tally);
    }
}

impl Tally {
    /// An account of a table that has not been cleaned yet.
    pub(super) fn new(rows_in: usize) -> Self {
        Self { format_version: 1, rows_in, rows_out: rows_in, rules: Vec::new() }
    }

    /// Adds what a rule did; the rows it removed show in the frame.
    pub(super) fn add(&mut self, mut rule: RuleTally, frame: &Frame) {
        let n_kept = frame.n_kept();
        rule.rows_removed = self.rows_out - n_kept;
        self.rows_out = n_kept;
        self.rules.push(rule);
    }

    /// Fails when all rows are gone, or more than the stated share.
    pub(super) fn judge(&self, max_removed_fraction: f64) -> Result<(), TaskError> {
        let removed = self.rows_in - self.rows_out;
        if self.rows_out == 0 {
            let what = format!("all {} were removed: {}", counted(self.rows_in, "row"), self.removals());
            return Err(TaskError::permanent("no_rows", what));
        }
        let fraction = removed as f64 / self.rows_in as f64;
        if fraction <= max_removed_fraction {
            return Ok(());
        }
        let what = format!(
            "{} of {} were removed ({:.1} %), more than `max_removed_fraction` {max_removed_fraction} allows: {}",
            count(removed),
            counted(self.rows_in, "row"),
            100.0 * fraction,
            self.removals(),
        );
        Err(TaskError::permanent("too_many_rows_removed", what)
            .hint("look at the named columns, or raise `max_removed_fraction`"))
    }

    /// Records metrics and the summary.
    pub(super) fn publish(&self, ctx: &Context) {
        ctx.metric("rows_in", self.rows_in as f64);
        ctx.metric("rows_out", self.rows_out as f64);
        for rule in Rule::REMOVING {
            ctx.metric(&format!("removed_by_{}", rule.name()), self.removed_by(rule) as f64);
        }
        let changed: usize = self.rules.iter().map(|rule| rule.values_changed).sum();
        ctx.metric("values_changed", changed as f64);
        let mut notes = Vec::new();
        let removed: Vec<_> = Rule::REMOVING
            .into_iter()
            .map(|rule| (rule, self.removed_by(rule)))
            .filter(|(_, n)| *n > 0)
            .map(|(rule, n)| rule.noun(n))
            .collect();
        if !removed.is_empty() {
            notes.push(format!("removed: {}", removed.join(", ")));
        }
        if changed > 0 {
            notes.push(format!("changed: {}", counted(changed, "value")));
        }
        let rows = counted(self.rows_out, "row");
        ctx.summary(if notes.is_empty() { rows } else { format!("{rows} ({})", notes.join("; ")) });
    }

    /// Writes what each rule did to the log.
    pub(super) fn log(&self, ctx: &Context) {
        for rule in &self.rules {
            ctx.info(&format!(
                "{}: {} removed, {} changed{}",
                rule.rule.name(),
                counted(rule.rows_removed, "row"),
                counted(rule.values_changed, "value"),
                worst(&rule.columns).map(|text| format!(" ({text})")).unwrap_or_default(),
            ));
        }
    }

    fn removed_by(&self, rule: Rule) -> usize {
        self.rules.iter().filter(|tally| tally.rule == rule).map(|tally| tally.rows_removed).sum()
    }

    fn removals(&self) -> String {
        let of = |rule: &RuleTally| {
            let text = rule.rule.noun(rule.rows_removed);
            match worst(&rule.columns) {
                Some(worst) => format!("{text} ({worst})"),
                None => text,
            }
        };
        self.rules.iter().filter(|rule| rule.rows_removed > 0).map(of).collect::<Vec<_>>().join(", ")
    }
}

/// The columns in which a rule found most.
fn worst(columns: &BTreeMap<String, ColumnTally>) -> Option<String> {
    const SHOWN: usize = 3;
    let mut found: Vec<_> = columns.iter().filter(|(_, tally)| tally.n > 0).collect();
    found.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.n));
    let more = found.len().saturating_sub(SHOWN);
    let mut parts: Vec<_> =
        found.iter().take(SHOWN).map(|(name, tally)| format!("`{name}`: {}", count(tally.n))).collect();
    if more > 0 {
        parts.push(format!("and {more} more columns"));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}
