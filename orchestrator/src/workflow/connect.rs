//! Connecting tasks: what `inputs`, `needs` and expressions name must exist and fit.

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap},
};

use serde_json::Value;
use sluicegate_plugin::{Port, PortType, Ports};

use super::{
    Diagnostic, InputRef, TaskIdx,
    diagnostic::did_you_mean,
    node::{Span, Table},
    settings::{Spanned, TASK_NAME, bad_name, is_task_name, wrong_type},
    task::RawTask,
};

/// So many names are compared with unknown ones in all, so that a large file full of mistakes is answered soon.
const MAX_COMPARED: usize = 1_000_000;

/// What tasks can name: each other and the parameters.
pub(super) struct Names<'a> {
    pub(super) tasks: &'a [RawTask<'a>],
    /// Ports of each task; `None` when its kind is unknown.
    pub(super) ports: &'a [Option<Ports>],
    pub(super) params: &'a BTreeMap<String, Value>,
    idx_of: HashMap<&'a str, TaskIdx>,
    n_compared: Cell<usize>,
}

impl<'a> Names<'a> {
    pub(super) fn new(
        tasks: &'a [RawTask<'a>],
        ports: &'a [Option<Ports>],
        params: &'a BTreeMap<String, Value>,
    ) -> Self {
        let named = tasks.iter().zip((0..).map(TaskIdx)).filter(|(task, _)| task.hook.is_none());
        let idx_of = named.map(|(task, idx)| (&*task.name, idx)).collect();
        Self { tasks, ports, params, idx_of, n_compared: Cell::new(0) }
    }

    /// A task, but no hook, by its name.
    pub(super) fn find(&self, name: &str) -> Option<TaskIdx> {
        self.idx_of.get(name).copied()
    }

    pub(super) fn unknown_task(&self, name: &str, span: Span, found: &mut Vec<Diagnostic>) {
        let n_compared = self.n_compared.get() + self.tasks.len();
        self.n_compared.set(n_compared);
        let names = self.tasks.iter().filter(|task| task.hook.is_none()).map(|task| &*task.name);
        let hint = if n_compared <= MAX_COMPARED { did_you_mean(name, names) } else { None };
        let message = format!("there is no task `{name}`");
        found.push(Diagnostic::error("E012", span, message).label("unknown task").maybe_hint(hint));
    }

    /// Finds what `needs` names.
    pub(super) fn needs(&self, task: &RawTask, found: &mut Vec<Diagnostic>) -> Vec<(TaskIdx, Span)> {
        let mut needs = Vec::new();
        for need in &task.needs {
            match self.find(&need.text) {
                Some(idx) => needs.push((idx, need.span.clone())),
                None => self.unknown_task(&need.text, need.span.clone(), found),
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
                Some(ports) => match input_type(ports, &key.text) {
                    Some(wanted) => Some(wanted),
                    None => {
                        let hint =
                            did_you_mean(&key.text, ports.inputs.iter().map(|port| port.name.as_str()))
                                .or_else(|| Some(format!("`{kind}` takes no inputs")));
                        let message = format!("`{kind}` has no input `{}`", key.text);
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
            if !self.joins(key, ports, &from, source, found) {
                continue;
            }
            if let Some(wanted) = wanted
                && from.port_type != PortType::Any
                && !from.port_type.feeds(wanted)
            {
                let message = format!(
                    "input `{}` of `{}` takes a {wanted}, but `{}` gives a {}",
                    key.text, task.name, source.text, from.port_type
                );
                let span = source.span.clone();
                let hint = self.fitting(from.task, wanted);
                found.push(
                    Diagnostic::error("E016", span, message)
                        .label(format!("this is a {}", from.port_type))
                        .maybe_hint(hint),
                );
                continue;
            }
            inputs.insert(key.text.clone(), (from, source.span.clone()));
        }
        for port in ports.into_iter().flat_map(|ports| &ports.inputs) {
            if !port.optional && !task.inputs.iter().any(|(key, _)| key.text == port.name) {
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

    /// What a task gives once for each item: values join to a list; others need a kind that takes any number of inputs.
    fn joins(
        &self,
        key: &Spanned,
        ports: Option<&Ports>,
        from: &InputRef,
        source: &Spanned,
        found: &mut Vec<Diagnostic>,
    ) -> bool {
        let task = &self.tasks[from.task.0 as usize];
        let Some(ports) = ports.filter(|_| task.for_each.is_some() && from.port_type != PortType::Value)
        else {
            return true;
        };
        let is_declared = ports.inputs.iter().any(|port| port.name == key.text);
        if !is_declared && ports.more_inputs.is_some() {
            return true;
        }
        let message = format!(
            "task `{}` gives a {} for each of its items, and input `{}` takes one",
            task.name, from.port_type, key.text
        );
        let hint = format!(
            "connect it to a kind that takes further inputs, such as `shell`: they arrive as `{0}_0`, `{0}_1`, …",
            key.text
        );
        found.push(
            Diagnostic::error("E027", source.span.clone(), message).label("one for each item").hint(hint),
        );
        false
    }

    /// Finds what `[outputs]` names.
    pub(super) fn outputs(
        &self,
        table: Option<&Table>,
        found: &mut Vec<Diagnostic>,
    ) -> BTreeMap<String, InputRef> {
        let mut outputs = BTreeMap::new();
        for (key, node) in table.into_iter().flat_map(|table| &table.entries) {
            if !is_task_name(&key.name) {
                found.push(bad_name(&key.name, "an output", TASK_NAME, &key.span));
            }
            let Some(text) = node.as_str() else {
                found.push(wrong_type(&format!("output `{}`", key.name), "a string", node));
                continue;
            };
            let source = Spanned::new((text, node));
            let Some(from) = self.output(&source, found) else { continue };
            let task = &self.tasks[from.task.0 as usize];
            if task.for_each.is_some() && from.port_type != PortType::Value {
                let message =
                    format!("task `{}` gives a {} for each of its items", task.name, from.port_type);
                let problem = Diagnostic::error("E027", source.span, message).label("one for each item");
                found.push(problem.hint("an output of a workflow is one thing; let another task join them"));
                continue;
            }
            outputs.insert(key.name.to_string(), from);
        }
        outputs
    }

    /// Another output of the task that would fit.
    fn fitting(&self, task: TaskIdx, wanted: PortType) -> Option<String> {
        let ports = self.ports[task.0 as usize].as_ref()?;
        let port = ports.outputs.iter().find(|port| port.port_type.feeds(wanted))?;
        Some(format!("`{}.{}` is a {}", self.tasks[task.0 as usize].name, port.name, port.port_type))
    }

    /// Finds the output that `task` or `task.port` names.
    fn output(&self, source: &Spanned, found: &mut Vec<Diagnostic>) -> Option<InputRef> {
        let span = source.span.clone();
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
}

fn input_type(ports: &Ports, name: &str) -> Option<PortType> {
    ports.inputs.iter().find(|port| port.name == name).map(|port| port.port_type).or(ports.more_inputs)
}

/// Edges with the place that makes each, for telling about cycles; the first place of an edge counts.
pub(super) type EdgePlaces = Vec<((TaskIdx, TaskIdx), Span)>;

/// Reports cycles as paths, each at the places that close them.
pub(super) fn report_cycles(
    cycles: &[Vec<TaskIdx>],
    tasks: &[RawTask],
    places: EdgePlaces,
    found: &mut Vec<Diagnostic>,
) {
    if cycles.is_empty() {
        return;
    }
    let places: HashMap<_, _> = places.into_iter().rev().collect();
    for cycle in cycles {
        let name = |idx: &TaskIdx| &*tasks[idx.0 as usize].name;
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
