//! Connecting tasks: what `inputs`, `needs` and expressions name must exist and fit.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sluicegate_plugin::{Port, Ports};

use super::{
    Diagnostic, InputRef, TaskIdx,
    diagnostic::did_you_mean,
    expression::{self, Part},
    node::{Node, NodeValue, Span},
    task::{RawTask, Spanned},
};

/// What tasks can name: each other and the parameters.
pub(super) struct Names<'a> {
    pub(super) tasks: &'a [RawTask],
    /// Ports of each task; `None` when its kind is unknown.
    pub(super) ports: &'a [Option<Ports>],
    pub(super) params: &'a BTreeMap<String, Value>,
}

impl Names<'_> {
    fn find(&self, name: &str) -> Option<TaskIdx> {
        let at = self.tasks.iter().position(|task| task.name == name)?;
        u32::try_from(at).ok().map(TaskIdx)
    }

    fn unknown_task(&self, name: &str, span: Span, found: &mut Vec<Diagnostic>) {
        let hint = did_you_mean(name, self.tasks.iter().map(|task| task.name.as_str()));
        let message = format!("there is no task `{name}`");
        found.push(Diagnostic::error("E012", span, message).label("unknown task").maybe_hint(hint));
    }

    /// Finds what `needs` names.
    pub(super) fn needs(&self, task: &RawTask, found: &mut Vec<Diagnostic>) -> Vec<(TaskIdx, Span)> {
        let mut needs = Vec::new();
        for need in &task.needs {
            match self.find(&need.text) {
                Some(idx) => needs.push((idx, need.node.span.clone())),
                None => self.unknown_task(&need.text, need.node.span.clone(), found),
            }
        }
        needs
    }

    /// Finds what `inputs` names, and verifies ports and types.
    pub(super) fn inputs(
        &self,
        idx: usize,
        found: &mut Vec<Diagnostic>,
    ) -> BTreeMap<String, (InputRef, Span)> {
        let task = &self.tasks[idx];
        let ports = self.ports[idx].as_ref();
        let kind = task.uses.as_ref().map(|uses| uses.text.as_str()).unwrap_or_default();
        let mut inputs = BTreeMap::new();
        for (key, source) in &task.inputs {
            let wanted = match ports {
                None => None,
                Some(ports) => match input_type(ports, &key.name) {
                    Some(wanted) => Some(wanted),
                    None => {
                        let hint =
                            did_you_mean(&key.name, ports.inputs.iter().map(|port| port.name.as_str()))
                                .or_else(|| Some(format!("`{kind}` takes no inputs")));
                        let message = format!("`{kind}` has no input `{}`", key.name);
                        found.push(
                            Diagnostic::error("E014", key.span.clone(), message)
                                .label("unknown input")
                                .maybe_hint(hint),
                        );
                        None
                    }
                },
            };
            let Some(from) = self.output(source, found) else { continue };
            if let Some(wanted) = wanted
                && from.port_type != sluicegate_plugin::PortType::Any
                && !from.port_type.feeds(wanted)
            {
                let message = format!(
                    "input `{}` of `{}` takes a {wanted}, but `{}` gives a {}",
                    key.name, task.name, source.text, from.port_type
                );
                let span = source.node.span.clone();
                let hint = self.fitting(from.task, wanted);
                found.push(
                    Diagnostic::error("E016", span, message)
                        .label(format!("this is a {}", from.port_type))
                        .maybe_hint(hint),
                );
                continue;
            }
            inputs.insert(key.name.clone(), (from, source.node.span.clone()));
        }
        for port in ports.into_iter().flat_map(|ports| &ports.inputs) {
            if !port.optional && !task.inputs.iter().any(|(key, _)| key.name == port.name) {
                let message =
                    format!("task `{}` does not connect input `{}` of `{kind}`", task.name, port.name);
                let hint = format!(
                    "add `inputs = {{ {} = \"TASK\" }}`; it takes a {}: {}",
                    port.name, port.port_type, port.doc
                );
                found.push(
                    Diagnostic::error("E015", task.name_span.clone(), message)
                        .label("input is missing")
                        .hint(hint),
                );
            }
        }
        inputs
    }

    /// Another output of the task that would fit.
    fn fitting(&self, task: TaskIdx, wanted: sluicegate_plugin::PortType) -> Option<String> {
        let ports = self.ports[task.0 as usize].as_ref()?;
        let port = ports.outputs.iter().find(|port| port.port_type.feeds(wanted))?;
        Some(format!("`{}.{}` is a {}", self.tasks[task.0 as usize].name, port.name, port.port_type))
    }

    /// Finds the output that `task` or `task.port` names.
    fn output(&self, source: &Spanned, found: &mut Vec<Diagnostic>) -> Option<InputRef> {
        let span = source.node.span.clone();
        let (name, port) = match source.text.split_once('.') {
            Some((name, port)) => (name, Some(port)),
            None => (source.text.as_str(), None),
        };
        let Some(idx) = self.find(name) else {
            self.unknown_task(name, span, found);
            return None;
        };
        let ports = self.ports[idx.0 as usize].as_ref()?;
        let found_port: Option<&Port> = match port {
            None => ports.outputs.first(),
            Some(port) => ports.outputs.iter().find(|candidate| candidate.name == port),
        };
        if let Some(port) = found_port {
            return Some(InputRef { task: idx, port: port.name.clone(), port_type: port.port_type });
        }
        let kind =
            self.tasks[idx.0 as usize].uses.as_ref().map(|uses| uses.text.as_str()).unwrap_or_default();
        let problem = match port {
            None => Diagnostic::error("E013", span, format!("task `{name}` (`{kind}`) has no outputs"))
                .hint(format!("use `needs = [\"{name}\"]` to run after it")),
            Some(port) => {
                Diagnostic::error("E013", span, format!("task `{name}` (`{kind}`) has no output `{port}`"))
                    .maybe_hint(did_you_mean(port, ports.outputs.iter().map(|port| port.name.as_str())))
            }
        };
        found.push(problem.label("unknown output"));
        None
    }

    /// Verifies every expression of a task and returns the tasks they name.
    pub(super) fn mentions(
        &self,
        task: &RawTask,
        text: &str,
        found: &mut Vec<Diagnostic>,
    ) -> BTreeMap<TaskIdx, Span> {
        let mut mentions = BTreeMap::new();
        let mut look = |node: &Node, value: &str, bare: bool| {
            self.look(&Place { node, value, file: text }, bare, &mut mentions, found);
        };
        if let Some(when) = &task.when {
            look(&when.node, &when.text, true);
        }
        for (_, value) in &task.env {
            look(&value.node, &value.text, false);
        }
        strings(&task.with, &mut |node, value| look(node, value, false));
        mentions
    }

    fn look(
        &self,
        place: &Place<'_>,
        bare: bool,
        mentions: &mut BTreeMap<TaskIdx, Span>,
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
                    |name: &(String, Span)| place.span(name.1.start + range.start..name.1.end + range.start);
                self.name(&chain.names, &at, mentions, found);
            }
        }
    }

    /// Verifies one name of an expression.
    fn name(
        &self,
        names: &[(String, Span)],
        at: &dyn Fn(&(String, Span)) -> Span,
        mentions: &mut BTreeMap<TaskIdx, Span>,
        found: &mut Vec<Diagnostic>,
    ) {
        let unknown = |name: &(String, Span), what: &str, right: &[&str]| {
            let hint = did_you_mean(&name.0, right.iter().copied());
            Diagnostic::error("E024", at(name), format!("{what} `{}`", name.0))
                .label("unknown name")
                .maybe_hint(hint)
        };
        let second = names.get(1);
        match names[0].0.as_str() {
            "params" => {
                let known: Vec<&str> = self.params.keys().map(String::as_str).collect();
                if let Some(name) = second.filter(|name| !self.params.contains_key(&name.0)) {
                    found.push(unknown(name, "there is no parameter", &known));
                }
            }
            "run" => {
                if let Some(name) = second.filter(|name| !RUN.contains(&name.0.as_str())) {
                    found.push(unknown(name, "`run` has no", &RUN));
                }
            }
            "tasks" => {
                let Some(name) = second else { return };
                let Some(idx) = self.find(&name.0) else {
                    return self.unknown_task(&name.0, at(name), found);
                };
                mentions.entry(idx).or_insert_with(|| at(name));
                let Some(attribute) = names.get(2) else { return };
                if !TASK.contains(&attribute.0.as_str()) {
                    found.push(unknown(attribute, "a task has no", &TASK));
                }
                let ports = self.ports[idx.0 as usize].as_ref();
                if let (Some(ports), "outputs", Some(port)) = (ports, attribute.0.as_str(), names.get(3)) {
                    let known: Vec<&str> = ports.outputs.iter().map(|port| port.name.as_str()).collect();
                    if !known.contains(&port.0.as_str()) {
                        found.push(unknown(port, &format!("task `{}` has no output", name.0), &known));
                    }
                }
            }
            _ => {
                let hint = "expressions know `params`, `run` and `tasks`";
                let message = format!("the name `{}` is not known here", names[0].0);
                let near = did_you_mean(&names[0].0, ["params", "run", "tasks"].into_iter());
                let hint = near.filter(|near| near.starts_with("did")).unwrap_or_else(|| hint.into());
                found
                    .push(Diagnostic::error("E024", at(&names[0]), message).label("unknown name").hint(hint));
            }
        }
    }
}

const RUN: [&str; 2] = ["id", "workflow"];
const TASK: [&str; 4] = ["status", "outputs", "metrics", "verdict"];

/// A string of the file, for mapping places in it to places in the file.
struct Place<'a> {
    node: &'a Node,
    value: &'a str,
    file: &'a str,
}

impl Place<'_> {
    /// A part of the string as a place in the file; the whole string when escapes make that unclear.
    fn span(&self, inner: Span) -> Span {
        let raw = self.file.get(self.node.span.clone()).unwrap_or_default();
        match raw.find(self.value) {
            Some(start) => {
                self.node.span.start + start + inner.start..self.node.span.start + start + inner.end
            }
            None => self.node.span.clone(),
        }
    }

    fn bad_expression(&self, error: &expression::ExpressionError, found: &mut Vec<Diagnostic>) {
        let span = error.at.clone().map_or_else(|| self.node.span.clone(), |at| self.span(at));
        let message = format!("bad expression: {}", error.message);
        let hint = "expressions look like `{{ params.seed }}` or `{{ tasks.scores.metrics.recall }}`; `when` takes one without braces";
        found.push(Diagnostic::error("E023", span, message).label("here").hint(hint));
    }
}

/// Calls `look` for every string in a tree.
pub(super) fn strings(node: &Node, look: &mut dyn FnMut(&Node, &str)) {
    match &node.value {
        NodeValue::String(text) => look(node, text),
        NodeValue::Array(items) => items.iter().for_each(|item| strings(item, look)),
        NodeValue::Table(table) => table.entries.iter().for_each(|(_, node)| strings(node, look)),
        _ => {}
    }
}

fn input_type(ports: &Ports, name: &str) -> Option<sluicegate_plugin::PortType> {
    ports.inputs.iter().find(|port| port.name == name).map(|port| port.port_type).or(ports.more_inputs)
}

/// Edges with the place that makes each, for telling about cycles.
pub(super) type EdgePlaces = BTreeMap<(TaskIdx, TaskIdx), Span>;

/// Reports cycles as paths, each at the places that close them.
pub(super) fn report_cycles(
    cycles: &[Vec<TaskIdx>],
    tasks: &[RawTask],
    places: &EdgePlaces,
    found: &mut Vec<Diagnostic>,
) {
    for cycle in cycles {
        let name = |idx: &TaskIdx| tasks[idx.0 as usize].name.as_str();
        let path: Vec<_> = cycle.iter().chain(cycle.first()).map(name).collect();
        let message = format!("tasks wait for each other: {}", path.join(" -> "));
        let edges: Vec<(TaskIdx, TaskIdx)> =
            cycle.iter().copied().zip(cycle.iter().copied().cycle().skip(1)).take(cycle.len()).collect();
        let mut spans = edges.iter().filter_map(|edge| Some((edge, places.get(edge)?)));
        let Some((edge, span)) = spans.next() else { continue };
        let label = |edge: &(TaskIdx, TaskIdx)| format!("`{}` waits for `{}`", name(&edge.1), name(&edge.0));
        let mut problem = Diagnostic::error("E017", span.clone(), message).label(label(edge));
        for (edge, span) in spans.take(8) {
            problem = problem.related(span.clone(), label(edge));
        }
        found.push(problem.hint("remove one of these connections"));
    }
}

/// The set of tasks that a map of places names.
pub(super) fn keys(places: &BTreeMap<TaskIdx, Span>) -> Vec<TaskIdx> {
    places.keys().copied().collect::<BTreeSet<_>>().into_iter().collect()
}
