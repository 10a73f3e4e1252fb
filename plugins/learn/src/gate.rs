//! The kind `gate`: what has not earned it does not pass. A pure function of a report.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_plugin::{
    CheckedRequirement, Context, Decision, Description, Port, PortType, Problem, Task, TaskError, Verdict,
};

use crate::{
    metrics::higher_is_better,
    report::{ChampionReport, REPORT_VERSION, Report, look_up},
};

/// Judges a report.
pub struct Gate;

/// Parameters of `gate`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateParams {
    /// What must hold; every requirement must be met.
    #[schemars(length(min = 1))]
    require: Vec<Requirement>,
    /// What a comparison says while there is no champion.
    #[serde(default)]
    on_no_champion: WithoutChampion,
    /// What a comparison says when the champion could not be judged on the rows.
    #[serde(default = "reject")]
    on_champion_error: WithoutChampion,
}

/// One requirement.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Requirement {
    /// The metric's name as in the report; `recall[CLASS]`, `precision[CLASS]` or `f1[CLASS]` for one class.
    #[schemars(length(min = 1))]
    metric: String,
    /// The least value that passes.
    #[serde(default)]
    min: Option<f64>,
    /// The greatest value that passes.
    #[serde(default)]
    max: Option<f64>,
    /// How to compare with the champion.
    #[serde(default)]
    mode: Mode,
    /// By how much the candidate may be worse (`non_inferior`) or must be better (`superior`), in units of the metric.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    margin: f64,
    /// Whether more is better. Known for the metrics of `evaluate`; errors and losses are better when lower.
    #[serde(default)]
    higher_is_better: Option<bool>,
}

/// How a requirement compares with the champion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Not at all: `min` and `max` alone count.
    #[default]
    Threshold,
    /// Not worse than the champion by more than `margin`.
    NonInferior,
    /// Better than the champion by at least `margin`, and better at all.
    Superior,
}

/// What a comparison without a champion means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WithoutChampion {
    /// It passes.
    #[default]
    Pass,
    /// It does not.
    Reject,
}

fn reject() -> WithoutChampion {
    WithoutChampion::Reject
}

const DOC: &str = r#"
Bounds are inclusive. A metric that the report lacks never passes: the verdict is then `insufficient`. When a gate does not pass, what stands
behind it is skipped and the run ends `rejected`.

```toml
[tasks.gate]
uses   = "gate"
inputs = { report = "scores" }
[[tasks.gate.with.require]]
metric = "recall"
min    = 0.95
[[tasks.gate.with.require]]
metric = "f1"
mode   = "non_inferior"     # to the champion; passes while there is none
margin = 0.01
```
"#;

impl Task for Gate {
    type Params = GateParams;

    fn describe(&self) -> Description {
        Description::new("gate", "1", "Lets through what meets every requirement.")
            .doc(DOC)
            .input(Port::new("report", PortType::Report, "what an evaluation found"))
            .output(Port::new("verdict", PortType::Verdict, "the decision, requirement by requirement"))
            .error("bad_report", "The report cannot be read, or has a newer format.")
    }

    fn check(&self, params: &GateParams) -> Vec<Problem> {
        let mut problems = Vec::new();
        if params.require.is_empty() {
            problems.push(
                Problem::new("/require", "a gate without requirements would let everything through")
                    .hint("add one: `require = [{ metric = \"accuracy\", min = 0.9 }]`"),
            );
        }
        for (idx, requirement) in params.require.iter().enumerate() {
            problems.extend(requirement.check(&format!("/require/{idx}")));
        }
        problems
    }

    fn run(&self, ctx: &Context, params: GateParams) -> Result<(), TaskError> {
        let report: Report =
            ctx.json("report").map_err(|error| TaskError { code: "bad_report".into(), ..error })?;
        if report.version > REPORT_VERSION {
            let message = format!(
                "the report has format {}; this program reads formats up to {REPORT_VERSION}",
                report.version
            );
            return Err(TaskError::permanent("bad_report", message));
        }
        let verdict = judge(&params, &report);
        for requirement in &verdict.requirements {
            ctx.info(&format!("{}: {}", requirement.decision, requirement.reason));
        }
        let reasons: Vec<&str> = verdict
            .requirements
            .iter()
            .filter(|requirement| {
                verdict.decision == Decision::Pass || requirement.decision != Decision::Pass
            })
            .map(|requirement| requirement.reason.as_str())
            .collect();
        ctx.summary(reasons.join("; "));
        ctx.write_json("verdict", PortType::Verdict, &verdict)?;
        ctx.verdict(verdict);
        Ok(())
    }
}

fn judge(params: &GateParams, report: &Report) -> Verdict {
    let requirements: Vec<_> =
        params.require.iter().map(|requirement| requirement.judge(params, report)).collect();
    let any = |decision| requirements.iter().any(|requirement| requirement.decision == decision);
    let decision = if any(Decision::Reject) {
        Decision::Reject
    } else if any(Decision::Insufficient) || requirements.is_empty() {
        Decision::Insufficient
    } else {
        Decision::Pass
    };
    Verdict { decision, requirements }
}

impl Requirement {
    fn check(&self, pointer: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let at = |key: &str| format!("{pointer}/{key}");
        if self.mode == Mode::Threshold && self.min.is_none() && self.max.is_none() {
            let message = format!("the requirement on `{}` asks for nothing", self.metric);
            problems.push(Problem::new(pointer, message).hint("give `min`, `max` or `mode`"));
        }
        if let (Some(min), Some(max)) = (self.min, self.max)
            && min > max
        {
            let message = format!("no value of `{}` is at least {min} and at most {max}", self.metric);
            problems.push(Problem::new(at("min"), message));
        }
        for (key, bound) in [("min", self.min), ("max", self.max), ("margin", Some(self.margin))] {
            if bound.is_some_and(|bound| !bound.is_finite()) {
                problems.push(Problem::new(at(key), format!("`{key}` must be a finite number")));
            }
        }
        if self.margin < 0.0 {
            problems.push(Problem::new(at("margin"), "`margin` must not be below zero"));
        }
        if self.margin != 0.0 && self.mode == Mode::Threshold {
            problems.push(
                Problem::new(at("margin"), "`margin` goes with a `mode` that compares")
                    .hint("add `mode = \"non_inferior\"`"),
            );
        }
        problems
    }

    fn judge(&self, params: &GateParams, report: &Report) -> CheckedRequirement {
        let asked = self.asked();
        let name = &self.metric;
        let seen = look_up(&report.metrics, &report.by_class, name);
        let of = |decision, champion, reason: String| CheckedRequirement {
            metric: name.clone(),
            asked: asked.clone(),
            seen,
            champion,
            decision,
            reason,
        };
        let Some(value) = seen else {
            let near = sluicegate_plugin::nearest(name, report.metrics.keys().map(String::as_str));
            let hint = near.map(|near| format!("; there is `{near}`")).unwrap_or_default();
            return of(Decision::Insufficient, None, format!("{name} is not in the report{hint}"));
        };
        let shown = number(value);
        if let Some(min) = self.min.filter(|min| value < *min) {
            return of(Decision::Reject, None, format!("{name} {shown} is below {min}"));
        }
        if let Some(max) = self.max.filter(|max| value > *max) {
            return of(Decision::Reject, None, format!("{name} {shown} is above {max}"));
        }
        let bounds = self.bounds();
        if self.mode == Mode::Threshold {
            return of(Decision::Pass, None, format!("{name} {shown} {bounds}"));
        }
        let without = |answer, what: &str| {
            let decision = if answer == WithoutChampion::Pass { Decision::Pass } else { Decision::Reject };
            of(decision, None, format!("{name} {shown}, {what}"))
        };
        let Some(champion) = &report.champion else {
            return without(params.on_no_champion, "there is no other champion to compare with");
        };
        if let Some(error) = &champion.error {
            let what =
                format!("the champion {} v{} could not be judged: {error}", champion.model, champion.version);
            return without(params.on_champion_error, &what);
        }
        let Some(theirs) = look_up(&champion.metrics, &champion.by_class, name) else {
            return of(Decision::Insufficient, None, format!("{name} of the champion is not in the report"));
        };
        let (decision, reason) = self.compare(value, theirs, champion);
        of(decision, Some(theirs), reason)
    }

    fn compare(&self, value: f64, theirs: f64, champion: &ChampionReport) -> (Decision, String) {
        let better =
            if self.higher_is_better.unwrap_or_else(|| higher_is_better(&self.metric)) { 1.0 } else { -1.0 };
        let gain = better * (value - theirs);
        // Rounding of the subtraction must not turn a margin that is met exactly into one that is missed.
        let slack = 4.0 * f64::EPSILON * value.abs().max(theirs.abs()).max(1.0);
        let (passes, asked) = match self.mode {
            Mode::Superior => {
                (gain > 0.0 && gain + slack >= self.margin, format!("better by {}", self.margin))
            }
            _ => (gain + slack >= -self.margin, format!("not worse by more than {}", self.margin)),
        };
        let shown = format!(
            "{} {} against {} of {} v{}",
            self.metric,
            number(value),
            number(theirs),
            champion.model,
            champion.version
        );
        if passes {
            (Decision::Pass, format!("{shown}: {asked}"))
        } else {
            (
                Decision::Reject,
                format!("{shown} is not {}", asked.replace("not worse", "within the margin: worse")),
            )
        }
    }

    fn bounds(&self) -> String {
        let bounds = [self.min.map(|min| format!("≥ {min}")), self.max.map(|max| format!("≤ {max}"))];
        bounds.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    fn asked(&self) -> String {
        let comparison = match self.mode {
            Mode::Threshold => None,
            Mode::NonInferior => Some(format!("not worse than the champion by more than {}", self.margin)),
            Mode::Superior => Some(format!("better than the champion by at least {}", self.margin)),
        };
        let bounds = Some(self.bounds()).filter(|bounds| !bounds.is_empty());
        [bounds, comparison].into_iter().flatten().collect::<Vec<_>>().join(" and ")
    }
}

/// A metric for people: four decimals, or more digits where it is small.
fn number(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.001 { format!("{value:.3e}") } else { format!("{value:.4}") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;
    use sluicegate_plugin::{PortType, testing::Bench};

    use super::*;

    fn verdict(report: serde_json::Value, params: serde_json::Value) -> Verdict {
        let folder = tempfile::tempdir().unwrap();
        let bench = Bench::new(folder.path()).json("report", PortType::Report, &report);
        bench.run(&Gate, params).unwrap().verdict.unwrap()
    }

    fn report(f1: f64, champion: Option<f64>) -> serde_json::Value {
        let champion = champion.map(|f1| ChampionReport {
            model: "m".into(),
            version: 3,
            hash: String::new(),
            metrics: BTreeMap::from([("f1".to_owned(), f1)]),
            by_class: BTreeMap::new(),
            curve: None,
            predictions: Vec::new(),
            error: None,
        });
        let report = Report {
            version: 1,
            task: "classification".into(),
            n_rows: 4,
            model: String::new(),
            rows: String::new(),
            seed: None,
            metrics: BTreeMap::from([("f1".to_owned(), f1), ("log_loss".to_owned(), 0.3)]),
            lower_is_better: Vec::new(),
            classes: Vec::new(),
            positive: None,
            by_class: BTreeMap::new(),
            confusion: Vec::new(),
            curve: None,
            folds: Vec::new(),
            truth: Vec::new(),
            predictions: Vec::new(),
            champion,
        };
        serde_json::to_value(report).unwrap()
    }

    #[test]
    fn bounds_are_inclusive() {
        let require = |min: f64| json!({ "require": [{ "metric": "f1", "min": min }] });
        assert_eq!(verdict(report(0.95, None), require(0.95)).decision, Decision::Pass);
        let rejected = verdict(report(0.95, None), require(0.951));
        assert_eq!(
            (rejected.decision, rejected.requirements[0].reason.as_str()),
            (Decision::Reject, "f1 0.9500 is below 0.951")
        );
    }

    #[test]
    fn a_missing_metric_never_passes() {
        let found = verdict(report(0.95, None), json!({ "require": [{ "metric": "recal", "max": 5.0 }] }));
        assert_eq!(found.decision, Decision::Insufficient);
    }

    #[test]
    fn non_inferiority_allows_exactly_the_margin() {
        let params = json!({ "require": [{ "metric": "f1", "mode": "non_inferior", "margin": 0.01 }] });
        assert_eq!(verdict(report(0.95, Some(0.96)), params.clone()).decision, Decision::Pass);
        assert_eq!(verdict(report(0.949, Some(0.96)), params.clone()).decision, Decision::Reject);
        assert_eq!(verdict(report(0.1, None), params).decision, Decision::Pass);
        let strict =
            json!({ "require": [{ "metric": "f1", "mode": "superior" }], "on_no_champion": "reject" });
        assert_eq!(verdict(report(0.96, Some(0.96)), strict.clone()).decision, Decision::Reject);
        assert_eq!(verdict(report(0.96, None), strict).decision, Decision::Reject);
    }

    #[test]
    fn a_gate_that_asks_for_nothing_is_refused() {
        let params =
            |require: serde_json::Value| serde_json::from_value(json!({ "require": require })).unwrap();
        assert_eq!(Task::check(&Gate, &params(json!([]))).len(), 1);
        assert_eq!(Task::check(&Gate, &params(json!([{ "metric": "f1" }])))[0].pointer, "/require/0");
        assert_eq!(
            Task::check(&Gate, &params(json!([{ "metric": "f1", "min": 2, "max": 1 }])))[0].pointer,
            "/require/0/min"
        );
    }
}
