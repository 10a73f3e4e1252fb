//! What every kind must do, whoever wrote it.

use std::{collections::BTreeMap, path::Path, time::Duration};

use serde_json::{Value, json};
use sluicegate_plugin::{Column, PortSchema, SchemaCheck, Table, TaskError};

use super::{
    Check, Verdict,
    bench::{Bench, GRACE, Subject, Tried},
    case::{Case, Given},
    compare,
};
use crate::{catalog::CatalogEntry, run::AttemptResult};

/// How soon a task is asked to stop that is tried for that.
const STOP_AFTER: Duration = Duration::from_millis(50);

/// One kind on the bench.
pub(super) struct Suite<'a> {
    pub(super) bench: &'a mut Bench,
    pub(super) entry: &'a CatalogEntry,
    pub(super) cases: &'a [(String, Case)],
    pub(super) base_dir: &'a Path,
    pub(super) checks: Vec<Check>,
}

impl Suite<'_> {
    /// Tries everything.
    pub(super) async fn run(mut self) -> Vec<Check> {
        self.check("parameters are documented", Self::documented);
        self.check("bad parameters are told", Self::bad_parameters);
        let own: Vec<_> =
            self.cases.iter().filter(|(_, case)| case.kind == self.entry.description.name).cloned().collect();
        // What fails by itself cannot show how it stops.
        let mut first_good = None;
        if own.is_empty() {
            let case = Case::bare(&self.entry.description.name);
            if self.needs_nothing() {
                let verdict = self.case(&case).await;
                self.note("a run without parameters", verdict);
                if !self.has_failed() {
                    first_good = Some(case);
                }
            } else {
                self.note(
                    "a good run",
                    Verdict::Skipped("there is no case in `tests/` for this kind".into()),
                );
            }
        }
        for (name, case) in &own {
            let verdict = self.case(case).await;
            self.note(&format!("case `{name}`"), verdict);
            if first_good.is_none() && !self.has_failed() && case.error.is_none() && case.problem.is_none() {
                first_good = Some(case.clone());
            }
        }
        if let Some(case) = first_good {
            let verdict = self.bad_run(&case).await;
            self.note("bad parameters fail an attempt and not the worker", verdict);
            let verdict = self.stop(&case).await;
            self.note("a task stops when it is asked to", verdict);
        }
        self.checks
    }

    /// Tells whether the last check failed.
    fn has_failed(&self) -> bool {
        self.checks.last().is_some_and(|check| matches!(check.verdict, Verdict::Failed(_)))
    }

    fn check(&mut self, name: &str, check: fn(&Self) -> Verdict) {
        let verdict = check(self);
        self.note(name, verdict);
    }

    fn note(&mut self, name: &str, verdict: Verdict) {
        self.checks.push(Check {
            kind: Some(self.entry.description.name.clone()),
            name: name.into(),
            verdict,
        });
    }

    fn subject(&self) -> Subject<'_> {
        Subject {
            kind: &self.entry.description.name,
            plugin: self.entry.plugin.clone(),
            base_dir: self.base_dir,
        }
    }

    /// Tells whether the kind can be run with nothing at all.
    fn needs_nothing(&self) -> bool {
        let required = self.entry.schema()["required"].as_array().is_some_and(|names| !names.is_empty());
        let inputs = &self.entry.description.ports.inputs;
        !required && inputs.iter().all(|port| port.optional) && self.entry.plugin.is_some()
    }

    fn documented(&self) -> Verdict {
        let schema = self.entry.schema();
        let properties = schema["properties"].as_object().into_iter().flatten();
        let bare: Vec<_> = properties
            .filter(|(_, property)| {
                property["description"].as_str().unwrap_or_default().is_empty() && property["$ref"].is_null()
            })
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        if bare.is_empty() {
            Verdict::Passed
        } else {
            Verdict::Warned(format!("no description: {}", bare.join(", ")))
        }
    }

    /// Parameters of wrong types and names, asked about; the kind must answer, whatever it is asked.
    fn bad_parameters(&self) -> Verdict {
        let schema = self.entry.schema();
        let names = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
        let mut tried = vec![json!({ "no such parameter": 1 }), json!([]), json!(null), json!("text")];
        for name in names {
            tried.extend(
                [json!(null), json!([[]]), json!({ "x": {} }), json!(-1e308), json!("\u{0}")]
                    .map(|value| json!({ &name: value })),
            );
        }
        for params in &tried {
            for problem in self.entry.kind.check(params) {
                if problem.message.contains("while it was asked") {
                    return Verdict::Failed(format!("with {params}: {}", problem.message));
                }
            }
        }
        Verdict::Passed
    }

    /// Runs a case, and compares.
    async fn case(&mut self, case: &Case) -> Verdict {
        if let Some(expected) = &case.problem {
            return self.problem(case, &expected.pointer, &expected.message);
        }
        let first = match self.attempt(case, case.with.clone(), None).await {
            Ok(tried) => tried,
            Err(why) => return Verdict::Failed(why),
        };
        if let Some(expected) = &case.error {
            return match first.result.error() {
                Some(error) if error.code == expected.code && error.message.contains(&expected.message) => {
                    Verdict::Passed
                }
                _ => Verdict::Failed(format!("expected the error `{}`; {}", expected.code, told(&first))),
            };
        }
        let AttemptResult::Succeeded { outcome } = &first.result else {
            return Verdict::Failed(told(&first));
        };
        let declared =
            self.entry.kind.ports(&case.with).unwrap_or_else(|| self.entry.description.ports.clone());
        if let Some(port) =
            outcome.outputs.keys().find(|port| declared.outputs.iter().all(|known| known.name != **port))
        {
            return Verdict::Failed(format!("it wrote output `{port}`, which it does not declare"));
        }
        for (port, wanted) in &case.outputs {
            let Some(found) = outcome.outputs.get(port) else {
                return Verdict::Failed(format!("output `{port}` was not written"));
            };
            if let Err(why) = self.compare(&self.bench.artifact(&found.hash), found.value.as_ref(), wanted) {
                return Verdict::Failed(format!("output `{port}`: {why}"));
            }
        }
        for (name, wanted) in &case.metrics {
            match outcome.metrics.get(name) {
                Some(found) if compare::values(&json!(found), &json!(wanted)) => {}
                found => return Verdict::Failed(format!("metric `{name}` is {found:?}, expected {wanted}")),
            }
        }
        let hashes = |result: &AttemptResult| match result {
            AttemptResult::Succeeded { outcome } => {
                outcome.outputs.iter().map(|(port, output)| (port.clone(), output.hash.clone())).collect()
            }
            _ => BTreeMap::new(),
        };
        if self.entry.description.effect != sluicegate_plugin::Effect::Pure {
            return Verdict::Passed;
        }
        match self.attempt(case, case.with.clone(), None).await {
            Ok(second) if hashes(&second.result) == hashes(&first.result) => Verdict::Passed,
            Ok(_) => Verdict::Failed(
                "it says that it is pure, but a second run with the same inputs wrote something else".into(),
            ),
            Err(why) => Verdict::Failed(why),
        }
    }

    async fn attempt(
        &mut self,
        case: &Case,
        params: Value,
        stop_after: Option<Duration>,
    ) -> Result<Tried, String> {
        let inputs = self.bench.inputs(case, self.base_dir)?;
        let kind = self.entry.description.name.clone();
        let subject = Subject { kind: &kind, plugin: self.entry.plugin.clone(), base_dir: self.base_dir };
        Ok(self.bench.run(&subject, params, inputs, &case.secrets, stop_after).await)
    }

    fn compare(&self, path: &Path, value: Option<&Value>, wanted: &Value) -> Result<(), String> {
        match Given::parse(wanted)? {
            Given::Table(wanted) => {
                let found = Table::read(path).map_err(|error| error.to_string())?;
                compare::tables(&found, &wanted)
            }
            Given::Value(wanted) => {
                let read =
                    || serde_json::from_slice(&std::fs::read(path).unwrap_or_default()).unwrap_or_default();
                let found = value.cloned().unwrap_or_else(read);
                if compare::values(&found, &wanted) {
                    Ok(())
                } else {
                    Err(format!("it is {found}, expected {wanted}"))
                }
            }
            Given::File(name) => {
                let wanted = std::fs::read(self.base_dir.join("tests").join(&name))
                    .map_err(|error| error.to_string())?;
                let found = std::fs::read(path).map_err(|error| error.to_string())?;
                if found == wanted {
                    Ok(())
                } else {
                    Err(format!("it is not the content of `{}`", name.display()))
                }
            }
        }
    }

    /// Looks for a problem that must be found before a run.
    fn problem(&self, case: &Case, pointer: &str, message: &str) -> Verdict {
        let mut problems = self.entry.kind.check(&case.with);
        let mut check = SchemaCheck { base_dir: self.base_dir.to_owned(), ..SchemaCheck::default() };
        for (port, given) in &case.inputs {
            if let Ok(Given::Table(table)) = Given::parse(given) {
                let columns: Vec<Column> = table.columns();
                check.inputs.insert(port.clone(), PortSchema { columns, target: None });
            }
        }
        self.entry.kind.schema(&case.with, &mut check);
        problems.extend(check.problems);
        if problems.iter().any(|problem| problem.pointer == pointer && problem.message.contains(message)) {
            return Verdict::Passed;
        }
        let found: Vec<_> =
            problems.iter().map(|problem| format!("`{}`: {}", problem.pointer, problem.message)).collect();
        Verdict::Failed(format!(
            "expected a problem at `{pointer}`; found {}",
            if found.is_empty() { "none".into() } else { found.join("; ") }
        ))
    }

    async fn bad_run(&mut self, case: &Case) -> Verdict {
        let before = match self.attempt(case, case.with.clone(), None).await {
            Ok(tried) => tried,
            Err(why) => return Verdict::Failed(why),
        };
        if !matches!(before.result, AttemptResult::Succeeded { .. }) {
            return Verdict::Skipped("its good run does not succeed".into());
        }
        let bad = json!({ "no such parameter": [[]] });
        let tried = match self.attempt(case, bad, None).await {
            Ok(tried) => tried,
            Err(why) => return Verdict::Failed(why),
        };
        let is_told = tried.result.error().is_some_and(|error| error.code == "bad_params");
        match tried.result {
            AttemptResult::Failed { .. } if is_told && tried.worker == before.worker => Verdict::Passed,
            AttemptResult::Failed { .. } if is_told => Verdict::Failed("the worker did not live on".into()),
            _ => Verdict::Failed(format!("expected the error `bad_params`; {}", told(&tried))),
        }
    }

    async fn stop(&mut self, case: &Case) -> Verdict {
        let tried = match self.attempt(case, case.with.clone(), Some(STOP_AFTER)).await {
            Ok(tried) => tried,
            Err(why) => return Verdict::Failed(why),
        };
        let subject = self.subject();
        let is_alive = tried.worker.is_some_and(|pid| sluicegate_plugin::ProcessId::of(pid).is_some());
        match (&tried.result, is_alive) {
            (AttemptResult::Succeeded { .. } | AttemptResult::Cancelled, true) => Verdict::Passed,
            (AttemptResult::Cancelled, false) => Verdict::Failed(format!(
                "`{}` did not stop within {} s, and was killed; look at `cancelled` in long loops",
                subject.kind,
                GRACE.as_secs()
            )),
            _ => Verdict::Failed(told(&tried)),
        }
    }
}

impl Case {
    /// A case with nothing.
    fn bare(kind: &str) -> Self {
        Self {
            kind: kind.into(),
            with: json!({}),
            inputs: BTreeMap::new(),
            secrets: BTreeMap::new(),
            outputs: BTreeMap::new(),
            metrics: BTreeMap::new(),
            error: None,
            problem: None,
        }
    }
}

/// How an attempt ended, in words.
fn told(tried: &Tried) -> String {
    let text = match &tried.result {
        AttemptResult::Succeeded { .. } => "it succeeded".into(),
        AttemptResult::TimedOut { after, .. } => format!("it did not end within {after} s, and was stopped"),
        AttemptResult::Cancelled => "it was cancelled".into(),
        result => result.error().map_or_else(
            || "it was lost".into(),
            |error: TaskError| format!("{} ({})", error.message, error.code),
        ),
    };
    let last: Vec<_> = tried.log.lines().rev().take(3).collect();
    if last.is_empty()
        || matches!(tried.result, AttemptResult::Succeeded { .. } | AttemptResult::Failed { .. })
    {
        return text;
    }
    format!("{text}; its log ends:\n{}", last.into_iter().rev().collect::<Vec<_>>().join("\n"))
}
