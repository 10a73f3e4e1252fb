//! What kinds themselves say of a task before it runs: their own checks, and columns followed through the graph.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use serde_json::Value;
use sluicegate_plugin::{Kind, PortSchema, Problem, SchemaCheck};

use super::{Diagnostic, InputRef, TaskIdx, node::Node};

/// Known columns of outputs.
#[derive(Default)]
pub(super) struct Columns {
    known: BTreeMap<(TaskIdx, String), PortSchema>,
}

/// A task with known parameters.
pub(super) struct Known<'a> {
    pub(super) idx: TaskIdx,
    pub(super) name: &'a str,
    pub(super) kind_name: &'a str,
    pub(super) kind: &'a dyn Kind,
    pub(super) params: &'a Value,
    /// False when some of the parameters are wrong or not yet known, and left out.
    pub(super) complete: bool,
    pub(super) runs_after_others: bool,
    /// False for a task that runs once for each item: what its outputs hold is not followed.
    pub(super) runs_once: bool,
    pub(super) with: &'a Node<'a>,
    pub(super) inputs: &'a BTreeMap<String, InputRef>,
}

impl Columns {
    /// Asks a kind about one task; tasks must come in the order of the graph.
    pub(super) fn follow(&mut self, task: &Known<'_>, base_dir: &Path, found: &mut Vec<Diagnostic>) {
        let before = found.len();
        if task.complete {
            report("E022", task, guarded(|| task.kind.check(task.params)), found);
        }
        if found.len() > before {
            return;
        }
        let mut check = SchemaCheck {
            base_dir: base_dir.to_owned(),
            runs_after_others: task.runs_after_others,
            connected: Some(task.inputs.keys().cloned().collect()),
            ..SchemaCheck::default()
        };
        for (port, from) in task.inputs {
            if let Some(schema) = self.known.get(&(from.task, from.port.clone())) {
                check.inputs.insert(port.clone(), schema.clone());
            }
        }
        let asked = guarded(|| {
            task.kind.schema(task.params, &mut check);
            Vec::new()
        });
        let panicked = asked.is_err();
        report("E025", task, asked, found);
        if panicked {
            return;
        }
        report("E025", task, Ok(check.problems), found);
        if !task.runs_once {
            return;
        }
        self.known.extend(check.outputs.into_iter().map(|(port, schema)| ((task.idx, port), schema)));
    }
}

fn guarded(ask: impl FnOnce() -> Vec<Problem>) -> Result<Vec<Problem>, ()> {
    catch_unwind(AssertUnwindSafe(ask)).map_err(drop)
}

fn report(
    code: &'static str,
    task: &Known<'_>,
    answer: Result<Vec<Problem>, ()>,
    found: &mut Vec<Diagnostic>,
) {
    match answer {
        Ok(problems) => {
            for problem in problems {
                let span = task.with.span_at(&problem.pointer);
                let message = format!("task `{}`: {}", task.name, problem.message);
                found.push(Diagnostic::error(code, span, message).label("here").maybe_hint(problem.hint));
            }
        }
        Err(()) => {
            let message = format!("kind `{}` panicked while it checked task `{}`", task.kind_name, task.name);
            let hint = "this is a mistake in the kind; please report it";
            found.push(Diagnostic::error("E022", task.with.span.clone(), message).label("here").hint(hint));
        }
    }
}
