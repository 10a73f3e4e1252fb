//! Expressions of a task: each must parse, and name what there is.

use std::collections::BTreeMap;

use super::{
    Diagnostic, TaskIdx,
    connect::Names,
    diagnostic::did_you_mean,
    expression::{self, Part},
    node::{Node, NodeValue, Span},
    task::RawTask,
};

const RUN: [&str; 5] = ["id", "workflow", "trigger", "schedule", "scheduled_at"];
const RUN_OF_HOOK: [&str; 6] = ["id", "workflow", "trigger", "schedule", "scheduled_at", "status"];
const TASK: [&str; 4] = ["status", "outputs", "metrics", "verdict"];

/// Tasks that expressions name, each with the first place that names it.
pub(super) type Mentions = BTreeMap<TaskIdx, Span>;

/// The names that expressions of one task may use besides parameters and tasks.
struct Scope<'a> {
    is_hook: bool,
    /// Whether there is an `item`.
    has_item: bool,
    /// Its keys, when they are known.
    item_keys: Option<&'a [&'a str]>,
}

/// Verifies the expressions of a workflow's tasks.
pub(super) struct Mentioner<'a> {
    pub(super) names: &'a Names<'a>,
    /// The file's text.
    pub(super) text: &'a str,
}

impl Mentioner<'_> {
    /// Verifies every expression of a task and returns the tasks they name. `items` are the keys of its items, when known.
    pub(super) fn mentions(
        &self,
        task: &RawTask,
        items: Option<&[&str]>,
        found: &mut Vec<Diagnostic>,
    ) -> Mentions {
        let mut mentions = Mentions::new();
        let mut scope = Scope { is_hook: task.hook.is_some(), has_item: false, item_keys: None };
        if let Some(for_each) = &task.for_each {
            strings(for_each, &mut |node, value| {
                self.look(&self.place(&node.span, value), false, &scope, &mut mentions, found);
            });
            scope = Scope { has_item: true, item_keys: items, ..scope };
        }
        if let Some(when) = &task.when {
            self.look(&self.place(&when.span, &when.text), true, &scope, &mut mentions, found);
        }
        for (_, value) in &task.env {
            self.look(&self.place(&value.span, &value.text), false, &scope, &mut mentions, found);
        }
        strings(&task.with, &mut |node, value| {
            self.look(&self.place(&node.span, value), false, &scope, &mut mentions, found);
        });
        mentions
    }

    fn place<'p>(&'p self, span: &'p Span, value: &'p str) -> Place<'p> {
        Place { span, value, file: self.text }
    }

    fn look(
        &self,
        place: &Place<'_>,
        bare: bool,
        scope: &Scope<'_>,
        mentions: &mut Mentions,
        found: &mut Vec<Diagnostic>,
    ) {
        let parts = if bare {
            Ok(vec![Part::Expression(0..place.value.len())])
        } else if expression::is_template(place.value) {
            expression::parts(place.value)
        } else {
            return;
        };
        let parts = match parts {
            Ok(parts) => parts,
            Err(error) => return place.bad_expression(&error, found),
        };
        for part in parts {
            let Part::Expression(range) = part else { continue };
            let inner = &place.value[range.clone()];
            if let Err(error) = expression::compile(inner, range.start) {
                place.bad_expression(&error, found);
                continue;
            }
            for chain in expression::chains(inner) {
                let at =
                    |name: &(String, Span)| place.inner(name.1.start + range.start..name.1.end + range.start);
                self.name(&chain.names, &at, scope, mentions, found);
            }
        }
    }

    /// Verifies one name of an expression.
    fn name(
        &self,
        names: &[(String, Span)],
        at: &dyn Fn(&(String, Span)) -> Span,
        scope: &Scope<'_>,
        mentions: &mut Mentions,
        found: &mut Vec<Diagnostic>,
    ) {
        let mut unknown = |name: &(String, Span), what: &str, right: &[&str]| {
            let hint = did_you_mean(&name.0, right.iter().copied());
            let problem = Diagnostic::error("E024", at(name), format!("{what} `{}`", name.0));
            found.push(problem.label("unknown name").maybe_hint(hint));
        };
        let second = names.get(1);
        match names[0].0.as_str() {
            "params" => {
                if let Some(name) = second.filter(|name| !self.names.params.contains_key(&name.0)) {
                    let known: Vec<&str> = self.names.params.keys().map(String::as_str).collect();
                    unknown(name, "there is no parameter", &known);
                }
            }
            "run" => {
                let known = if scope.is_hook { &RUN_OF_HOOK[..] } else { &RUN };
                match second.filter(|name| !known.contains(&name.0.as_str())) {
                    Some(name) if name.0 == "status" => {
                        let hint = "the run's status is known once all tasks are at their end: in `[hooks]`";
                        let problem = Diagnostic::error("E024", at(name), "`run` has no `status` here");
                        found.push(problem.label("unknown name").hint(hint));
                    }
                    Some(name) => unknown(name, "`run` has no", known),
                    None => {}
                }
            }
            "item" if scope.has_item => {
                if let (Some(name), Some(known)) = (second, scope.item_keys)
                    && !known.contains(&name.0.as_str())
                {
                    unknown(name, "an item has no", known);
                }
            }
            "tasks" => {
                let Some(name) = second else { return };
                let Some(idx) = self.names.find(&name.0) else {
                    return self.names.unknown_task(&name.0, at(name), found);
                };
                mentions.entry(idx).or_insert_with(|| at(name));
                let Some(attribute) = names.get(2) else { return };
                if !TASK.contains(&attribute.0.as_str()) {
                    unknown(attribute, "a task has no", &TASK);
                }
                let ports = self.names.ports[idx.0 as usize].as_ref();
                if let (Some(ports), "outputs", Some(port)) = (ports, attribute.0.as_str(), names.get(3)) {
                    let known: Vec<&str> = ports.outputs.iter().map(|port| port.name.as_str()).collect();
                    if !known.contains(&port.0.as_str()) {
                        unknown(port, &format!("task `{}` has no output", name.0), &known);
                    }
                }
            }
            first => {
                let known = if scope.has_item { &ROOTS[..] } else { &ROOTS[..3] };
                let near = did_you_mean(first, known.iter().copied()).filter(|hint| hint.starts_with("did"));
                let hint = match first {
                    "item" => "a task has an `item` when it says `for_each`".to_owned(),
                    _ => near.unwrap_or_else(|| "expressions know `params`, `run` and `tasks`".into()),
                };
                let message = format!("the name `{first}` is not known here");
                let problem = Diagnostic::error("E024", at(&names[0]), message);
                found.push(problem.label("unknown name").hint(hint));
            }
        }
    }
}

const ROOTS: [&str; 4] = ["params", "run", "tasks", "item"];

/// A string of the file, for mapping places in it to places in the file.
struct Place<'a> {
    span: &'a Span,
    value: &'a str,
    file: &'a str,
}

impl Place<'_> {
    /// A part of the string as a place in the file; the whole string when escapes make that unclear.
    fn inner(&self, inner: Span) -> Span {
        let raw = self.file.get(self.span.clone()).unwrap_or_default();
        match raw.find(self.value) {
            Some(start) => self.span.start + start + inner.start..self.span.start + start + inner.end,
            None => self.span.clone(),
        }
    }

    fn bad_expression(&self, error: &expression::ExpressionError, found: &mut Vec<Diagnostic>) {
        let span = error.at.clone().map_or_else(|| self.span.clone(), |at| self.inner(at));
        let message = format!("bad expression: {}", error.message);
        let hint = "expressions look like `{{ params.seed }}` or `{{ tasks.scores.metrics.recall }}`; `when` takes one without braces";
        found.push(Diagnostic::error("E023", span, message).label("here").hint(hint));
    }
}

/// Calls `look` for every string in a tree.
fn strings(node: &Node, look: &mut dyn FnMut(&Node, &str)) {
    match &node.value {
        NodeValue::String(text) => look(node, text),
        NodeValue::Array(items) => items.iter().for_each(|item| strings(item, look)),
        NodeValue::Table(table) => table.entries.iter().for_each(|(_, node)| strings(node, look)),
        _ => {}
    }
}
