//! Putting a workflow together: tasks meet their kinds, their parameters and each other.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Map, Value, json};
use sluicegate_plugin::{Effect, Ports};

use super::{
    CheckOptions, Diagnostic, KindEntry, Task, TaskIdx, Workflow,
    check::Around,
    columns::{Columns, Known},
    connect::{EdgePlaces, Names, report_cycles},
    diagnostic::did_you_mean,
    expression, items,
    mention::Mentioner,
    nested,
    node::{Node, NodeValue, Table},
    params::Given,
    schema::SchemaWalk,
    task::RawTask,
};

/// Tasks as they were read, on their way to checked ones.
pub(super) struct Assembly<'a> {
    pub(super) raw: &'a [RawTask<'a>],
    pub(super) params: &'a BTreeMap<String, Value>,
    pub(super) given: &'a Given<'a>,
    /// The file's text.
    pub(super) text: &'a str,
    pub(super) options: &'a CheckOptions<'a>,
    pub(super) around: &'a Around<'a>,
}

/// A task's parameters, and what was wrong with them.
struct Resolved<'a> {
    /// Expressions are replaced by their values where parameters alone decide them, and marked where they do not.
    /// The parameters as written, where they hold no expressions.
    with: Cow<'a, Node<'a>>,
    values: Values,
    problems: Vec<Diagnostic>,
}

/// The values of a task's parameters.
enum Values {
    /// There are no expressions: they are those of the checked task.
    AsWritten,
    /// Parameters of the workflow decide every expression.
    Evaluated(Value),
    /// Some are not known before the run, or JSON cannot hold them.
    Unknown,
}

impl Resolved<'_> {
    /// The values, when all are known; `written` are those of the checked task.
    fn known<'v>(&'v self, written: &'v Value) -> Option<&'v Value> {
        match &self.values {
            Values::AsWritten => Some(written),
            Values::Evaluated(values) => Some(values),
            Values::Unknown => None,
        }
    }
}

impl<'a> Assembly<'a> {
    /// Connects the tasks of a workflow, whose own settings were read, in the order of `raw`.
    pub(super) fn assemble(
        &self,
        workflow: &mut Workflow,
        outputs: Option<&Table>,
        found: &mut Vec<Diagnostic>,
    ) {
        let entries: Vec<_> = self.raw.iter().map(|task| self.kind(task, found)).collect();
        let mut resolved = self.parameters(workflow);
        let ports = self.ports(workflow, &entries, &resolved, found);
        let names = Names::new(self.raw, &ports, self.params);
        let mentioner = Mentioner { names: &names, text: self.text };
        let mut places = EdgePlaces::new();
        for this in (0..).map(TaskIdx).take(self.raw.len()) {
            let idx = this.0 as usize;
            let task = &mut workflow.tasks[idx];
            self.connect(this, task, &mentioner, &mut places, found);
            meet_kind(&self.raw[idx], task, entries[idx], &mut resolved[idx], found);
        }
        workflow.outputs = names.outputs(outputs, found);
        let graph = workflow.graph();
        report_cycles(&graph.cycles(), self.raw, places, found);
        self.follow_columns(workflow, &graph.order(), &entries, &resolved, found);
    }

    /// Gives every task its parameters as written, and resolves them.
    fn parameters(&self, workflow: &mut Workflow) -> Vec<Resolved<'a>> {
        let mut resolved = Vec::with_capacity(self.raw.len());
        for (raw, task) in self.raw.iter().zip(&mut workflow.tasks) {
            let written = raw.with.to_json();
            resolved.push(self.resolve_with(raw, written.is_some()));
            // What JSON cannot hold is reported by the schema.
            task.with = written.unwrap_or_else(|| json!({}));
        }
        resolved
    }

    /// The ports of every task; opens the workflows that tasks run.
    fn ports(
        &self,
        workflow: &mut Workflow,
        entries: &[Option<KindEntry<'_>>],
        resolved: &[Resolved<'_>],
        found: &mut Vec<Diagnostic>,
    ) -> Vec<Option<Ports>> {
        let mut ports = Vec::with_capacity(entries.len());
        for (idx, entry) in entries.iter().enumerate() {
            let task = &mut workflow.tasks[idx];
            ports.push(entry.and_then(|entry| {
                if entry.description.name != nested::KIND {
                    return Some(ports_of(entry, &resolved[idx], &task.with));
                }
                let opened = nested::open(&task.name, &resolved[idx].with, self.options, self.around, found)?;
                task.nested = Some(Box::new(opened.nested));
                opened.ports
            }));
        }
        ports
    }

    /// Finds what a task names.
    fn connect(
        &self,
        this: TaskIdx,
        task: &mut Task,
        mentioner: &Mentioner<'_>,
        places: &mut EdgePlaces,
        found: &mut Vec<Diagnostic>,
    ) {
        let idx = this.0 as usize;
        let raw = &self.raw[idx];
        let inputs = mentioner.names.inputs(idx, found);
        let needs = mentioner.names.needs(raw, found);
        let items = raw.for_each.as_ref().map(|node| self.resolve(node));
        let mentions = mentioner.mentions(raw, items.as_ref().and_then(items::keys).as_deref(), found);
        if let (Some(node), Some(resolved)) = (&raw.for_each, &items) {
            items::verify(&raw.name, node, resolved, found);
            task.for_each = node.to_json();
        }
        if raw.hook.is_none() {
            let edges = inputs.values().map(|(from, span)| (from.task, span));
            let edges = edges.chain(needs.iter().map(|(task, span)| (*task, span)));
            let edges = edges.chain(mentions.iter().map(|(task, span)| (*task, span)));
            places.extend(edges.map(|(from, span)| ((from, this), span.clone())));
        }
        task.inputs = inputs.into_iter().map(|(port, (from, _))| (port, from)).collect();
        task.needs = needs.into_iter().map(|(need, _)| need).collect();
        task.mentions = mentions.into_keys().collect();
    }

    fn kind(&self, task: &RawTask<'_>, found: &mut Vec<Diagnostic>) -> Option<KindEntry<'a>> {
        let uses = task.uses.as_ref()?;
        let entry = self.options.kinds.kind(&uses.text);
        if entry.is_none() {
            let message = format!("there is no kind `{}`", uses.text);
            let (message, hint) = match self.options.kinds.why_missing(&uses.text) {
                Some((why, hint)) => (format!("{message}: {why}"), hint),
                None => {
                    let names = self.options.kinds.names();
                    let near = did_you_mean(&uses.text, names.iter().copied());
                    (message, near.unwrap_or("`sluice kinds list` lists them".into()))
                }
            };
            found
                .push(Diagnostic::error("E010", uses.span.clone(), message).label("unknown kind").hint(hint));
        }
        entry
    }

    fn resolve_with(&self, task: &'a RawTask<'a>, is_json: bool) -> Resolved<'a> {
        if !has_expressions(&task.with) {
            let values = if is_json { Values::AsWritten } else { Values::Unknown };
            return Resolved { with: Cow::Borrowed(&task.with), values, problems: Vec::new() };
        }
        let with = self.resolve(&task.with);
        let values = with.to_json().map_or(Values::Unknown, Values::Evaluated);
        Resolved { with: Cow::Owned(with), values, problems: Vec::new() }
    }

    /// The tree with expressions replaced by their values where parameters alone decide them, and marked where they do not.
    fn resolve<'n>(&self, node: &Node<'n>) -> Node<'n> {
        let mut resolved = node.clone();
        match &mut resolved.value {
            NodeValue::String(text) if expression::is_template(text) => return self.resolve_text(node, text),
            NodeValue::Array(items) => items.iter_mut().for_each(|item| *item = self.resolve(item)),
            NodeValue::Table(table) => {
                table.entries.iter_mut().for_each(|(_, item)| *item = self.resolve(item));
            }
            _ => {}
        }
        resolved
    }

    fn resolve_text(&self, node: &Node<'_>, text: &str) -> Node<'static> {
        let unknown = Node { span: node.span.clone(), value: NodeValue::Dynamic };
        let Ok(parts) = expression::parts(text) else { return unknown };
        let is_decided = |chain: &expression::Chain| {
            let known = match chain.names.get(1) {
                Some((name, _)) => !self.given.unknown.contains(name),
                None => self.given.unknown.is_empty(),
            };
            chain.names[0].0 == "params" && known
        };
        let all_decided = parts.iter().all(|part| match part {
            expression::Part::Text(_) => true,
            expression::Part::Expression(range) => {
                expression::chains(&text[range.clone()]).iter().all(is_decided)
            }
        });
        if !all_decided {
            return unknown;
        }
        let scope = json!({ "params": self.params });
        expression::evaluate(&Value::String(text.into()), &scope)
            .map_or(unknown, |value| node.with_json(&value))
    }

    fn follow_columns(
        &self,
        workflow: &Workflow,
        order: &[TaskIdx],
        entries: &[Option<KindEntry<'_>>],
        resolved: &[Resolved<'_>],
        found: &mut Vec<Diagnostic>,
    ) {
        let mut columns = Columns::default();
        for idx in order {
            let at = idx.0 as usize;
            let Some(entry) = entries[at] else { continue };
            let with = &*resolved[at].with;
            let task = &workflow.tasks[at];
            let problems = &resolved[at].problems;
            let whole = resolved[at].known(&task.with).filter(|_| problems.is_empty());
            let params = whole.map_or_else(|| Cow::Owned(salvaged(with, problems)), Cow::Borrowed);
            let starts_run = task.inputs.is_empty() && task.needs.is_empty() && task.mentions.is_empty();
            let known = Known {
                idx: *idx,
                name: &task.name,
                kind_name: &task.kind,
                kind: entry.kind,
                complete: whole.is_some(),
                runs_after_others: !starts_run || task.hook.is_some(),
                runs_once: task.for_each.is_none(),
                params: &params,
                with,
                inputs: &task.inputs,
            };
            columns.follow(&known, self.options.base_dir, found);
        }
    }
}

/// Verifies a task's parameters and settings against its kind, and fills in what the kind says of itself.
fn meet_kind(
    raw: &RawTask<'_>,
    task: &mut Task,
    entry: Option<KindEntry<'_>>,
    resolved: &mut Resolved<'_>,
    found: &mut Vec<Diagnostic>,
) {
    task.effect = raw.effect.unwrap_or(task.effect);
    if let Some(entry) = entry {
        let walk = SchemaWalk { root: entry.schema, kind: &task.kind };
        walk.walk(&resolved.with, entry.schema, "", &mut resolved.problems);
        found.extend(resolved.problems.iter().cloned());
        entry.version.clone_into(&mut task.kind_version);
        task.placement = entry.description.placement;
        task.effect = raw.effect.unwrap_or(entry.description.effect);
    }
    let is_cached = raw.cache.as_ref().map_or(task.effect == Effect::Pure, |(cache, _)| *cache);
    // The end of a run is never the same as that of another.
    task.cache = is_cached && raw.hook.is_none();
    if let (Some((true, span)), Effect::Once) = (&raw.cache, task.effect) {
        let message = format!("task `{}` must happen once and cannot come from the cache", raw.name);
        let hint = "remove `cache = true`, or say `effect = \"pure\"` if it touches nothing";
        found.push(Diagnostic::error("E008", span.clone(), message).label("contradicts `effect`").hint(hint));
    }
}

fn has_expressions(node: &Node) -> bool {
    match &node.value {
        NodeValue::String(text) => expression::is_template(text),
        NodeValue::Array(items) => items.iter().any(has_expressions),
        NodeValue::Table(table) => table.entries.iter().any(|(_, node)| has_expressions(node)),
        _ => false,
    }
}

/// The ports under a task's parameters. While some are known only at run time, the others still name the outputs: they are asked with the
/// expressions as texts, then without them. What the kind declares is the last resort.
fn ports_of(entry: KindEntry<'_>, resolved: &Resolved<'_>, written: &Value) -> Ports {
    let ask = |params: &Value| entry.kind.ports(params);
    let asked = match resolved.known(written) {
        Some(known) => ask(known),
        None => ask(written).or_else(|| ask(&salvaged(&resolved.with, &[]))),
    };
    asked.unwrap_or_else(|| entry.description.ports.clone())
}

/// The parameters that are known and that nothing is wrong with: what they say of columns can still be followed.
fn salvaged(with: &Node, problems: &[Diagnostic]) -> Value {
    let NodeValue::Table(table) = &with.value else { return json!({}) };
    let good = table.entries.iter().filter(|(key, node)| {
        let blamed =
            |span: &std::ops::Range<usize>| span.start >= key.span.start && span.end <= node.span.end;
        !problems.iter().any(|problem| problem.span.as_ref().is_some_and(blamed))
    });
    good.filter_map(|(key, node)| Some((key.name.to_string(), node.to_json()?))).collect::<Map<_, _>>().into()
}
