//! From a file to a workflow or to all its problems.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value, json};
use sluicegate_plugin::{Description, Effect, Kind, Placement, Ports, Resources};

use super::{
    Diagnostic, Severity, Source, Task, TaskIdx, Workflow,
    columns::{Columns, Known},
    connect::{EdgePlaces, Names, keys, report_cycles},
    diagnostic::did_you_mean,
    expression,
    node::{Node, NodeValue, Table},
    params, parse,
    schema::SchemaWalk,
    settings::Fields,
    task::{self, RawTask, env_map},
};

const KEYS: [&str; 7] = ["name", "description", "labels", "params", "max_parallel", "defaults", "tasks"];
const LATER: [&str; 3] = ["schedule", "pools", "hooks"];

/// At most so many problems are kept.
const MAX_PROBLEMS: usize = 1000;

/// A kind as the check sees it.
#[derive(Clone, Copy)]
pub struct KindEntry<'a> {
    /// What it says of itself.
    pub description: &'a Description,
    /// The JSON Schema of its parameters.
    pub schema: &'a Value,
    /// The kind.
    pub kind: &'a dyn Kind,
}

/// Where the check finds kinds.
pub trait KindSource {
    /// A kind by name.
    fn kind(&self, name: &str) -> Option<KindEntry<'_>>;
    /// All names.
    fn names(&self) -> Vec<&str>;
}

/// What a file is checked with.
pub struct CheckOptions<'a> {
    /// Parameters given from outside, as text.
    pub overrides: &'a BTreeMap<String, String>,
    /// The folder that relative paths start from.
    pub base_dir: &'a Path,
    /// The kinds at hand.
    pub kinds: &'a dyn KindSource,
}

/// What a check found.
#[derive(Debug)]
pub struct Checked {
    /// The workflow, when there is no error.
    pub workflow: Option<Workflow>,
    /// What is wrong, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks a file. Reports every problem it can find in one go; writes nothing.
pub fn check(source: &Source, options: &CheckOptions<'_>) -> Checked {
    let mut found = Vec::new();
    let workflow =
        parse::parse(source, &mut found).and_then(|tree| build(&tree, source, options, &mut found));
    found.sort_by_key(|problem| problem.span.as_ref().map_or(usize::MAX, |span| span.start));
    found.dedup();
    found.truncate(MAX_PROBLEMS);
    let broken = found.iter().any(|problem| problem.severity == Severity::Error);
    Checked { workflow: workflow.filter(|_| !broken), diagnostics: found }
}

fn build(
    tree: &Table,
    source: &Source,
    options: &CheckOptions<'_>,
    found: &mut Vec<Diagnostic>,
) -> Option<Workflow> {
    let fields = Fields::new(tree, "the workflow", &KEYS, &LATER, found);
    let name = fields.string("name", found).map_or_else(
        || stem(&source.name),
        |(name, node)| {
            let good = !name.is_empty()
                && name.len() <= 64
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
            if !good {
                let message = format!(
                    "`{}` cannot be the name of a workflow",
                    name.chars().take(80).collect::<String>()
                );
                let hint = "use letters, digits, `.`, `_` and `-`, at most 64 of them";
                found
                    .push(Diagnostic::error("E011", node.span.clone(), message).label("bad name").hint(hint));
            }
            name.to_owned()
        },
    );
    let description =
        fields.string("description", found).map(|(text, _)| text.to_owned()).unwrap_or_default();
    let labels = fields.strings("labels", found).into_iter().map(|(text, _)| text.to_owned()).collect();
    let max_parallel = fields.integer("max_parallel", 1, 1024, found).and_then(|n| usize::try_from(n).ok());
    let params = params::resolve(fields.table("params", found), options.overrides, found);
    let defaults = task::read_defaults(fields.table("defaults", found), found);
    let raw: Vec<RawTask> = fields
        .table("tasks", found)
        .into_iter()
        .flat_map(|table| &table.entries)
        .filter_map(|(key, node)| task::read(key, node, &defaults, found))
        .collect();
    if raw.is_empty()
        && tree.get("tasks").is_none_or(|node| node.as_table().is_some_and(|table| table.entries.is_empty()))
    {
        let hint = "add one: `[tasks.NAME]` with `uses = \"KIND\"`";
        found.push(Diagnostic::elsewhere("E003", "the workflow has no tasks").hint(hint));
    }
    let tasks = Assembly { raw: &raw, params: &params, text: source.text(), options }.assemble(found)?;
    Some(Workflow {
        name,
        description,
        labels,
        params,
        max_parallel,
        timeout: None,
        pools: BTreeMap::new(),
        outputs: BTreeMap::new(),
        tasks,
        hash: blake3::hash(&source.bytes).to_hex().to_string(),
        source: source.text().to_owned(),
    })
}

/// The parameters that are known and that nothing is wrong with: what they say of columns can still be followed.
fn salvaged(with: &Node, found: &[Diagnostic]) -> Value {
    let NodeValue::Table(table) = &with.value else { return json!({}) };
    let good = table.entries.iter().filter(|(key, node)| {
        let blamed =
            |span: &std::ops::Range<usize>| span.start >= key.span.start && span.end <= node.span.end;
        !found.iter().any(|problem| problem.span.as_ref().is_some_and(blamed))
    });
    good.filter_map(|(key, node)| Some((key.name.clone(), node.to_json()?)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn stem(name: &str) -> String {
    let stem =
        Path::new(name).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let good: String =
        stem.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect();
    if good.is_empty() { "workflow".into() } else { good }
}

/// Raw tasks on their way to checked ones.
struct Assembly<'a> {
    raw: &'a [RawTask],
    params: &'a BTreeMap<String, Value>,
    text: &'a str,
    options: &'a CheckOptions<'a>,
}

impl Assembly<'_> {
    fn assemble(&self, found: &mut Vec<Diagnostic>) -> Option<Vec<Task>> {
        let entries: Vec<Option<KindEntry<'_>>> =
            self.raw.iter().map(|task| self.kind(task, found)).collect();
        let resolved: Vec<Node> = self.raw.iter().map(|task| self.resolve(&task.with)).collect();
        let ports: Vec<Option<Ports>> = entries
            .iter()
            .zip(&resolved)
            .map(|(entry, with)| entry.map(|entry| ports(entry, with)))
            .collect();
        let names = Names { tasks: self.raw, ports: &ports, params: self.params };
        let mut places = EdgePlaces::new();
        let mut tasks = Vec::new();
        let mut good_params = Vec::new();
        for (idx, raw) in self.raw.iter().enumerate() {
            let this = TaskIdx(u32::try_from(idx).ok()?);
            let inputs = names.inputs(idx, found);
            let needs = names.needs(raw, found);
            let mentions = names.mentions(raw, self.text, found);
            let edges = inputs.values().map(|(from, span)| (from.task, span));
            let edges = edges.chain(needs.iter().map(|(task, span)| (*task, span)));
            for (from, span) in edges.chain(mentions.iter().map(|(task, span)| (*task, span))) {
                places.entry((from, this)).or_insert_with(|| span.clone());
            }
            let before = found.len();
            if let (Some(entry), Some(uses)) = (entries[idx], &raw.uses) {
                SchemaWalk { root: entry.schema, kind: &uses.text }.walk(
                    &resolved[idx],
                    entry.schema,
                    "",
                    found,
                );
            }
            good_params.push(found.len() == before);
            Self::verify_cache(raw, entries[idx], found);
            tasks.push(assembled(
                raw,
                entries[idx],
                &inputs,
                needs.iter().map(|(task, _)| *task).collect(),
                keys(&mentions),
            ));
        }
        let graph = Workflow {
            name: String::new(),
            description: String::new(),
            labels: Vec::new(),
            params: BTreeMap::new(),
            max_parallel: None,
            timeout: None,
            pools: BTreeMap::new(),
            outputs: BTreeMap::new(),
            tasks,
            hash: String::new(),
            source: String::new(),
        };
        report_cycles(&graph.graph().cycles(), self.raw, &places, found);
        self.follow_columns(&graph, &entries, &resolved, &good_params, found);
        Some(graph.tasks)
    }

    fn kind(&self, task: &RawTask, found: &mut Vec<Diagnostic>) -> Option<KindEntry<'_>> {
        let uses = task.uses.as_ref()?;
        let entry = self.options.kinds.kind(&uses.text);
        if entry.is_none() {
            let names = self.options.kinds.names();
            let hint = did_you_mean(&uses.text, names.iter().copied())
                .unwrap_or("`sluice kinds list` lists them".into());
            let message = format!("there is no kind `{}`", uses.text);
            found.push(
                Diagnostic::error("E010", uses.node.span.clone(), message).label("unknown kind").hint(hint),
            );
        }
        entry
    }

    /// The tree with expressions replaced by their values where parameters alone decide them, and marked where they do not.
    fn resolve(&self, node: &Node) -> Node {
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

    fn resolve_text(&self, node: &Node, text: &str) -> Node {
        let unknown = Node { span: node.span.clone(), value: NodeValue::Dynamic };
        let Ok(parts) = expression::parts(text) else { return unknown };
        let only_params = parts.iter().all(|part| match part {
            expression::Part::Text(_) => true,
            expression::Part::Expression(range) => {
                expression::chains(&text[range.clone()]).iter().all(|chain| chain.names[0].0 == "params")
            }
        });
        if !only_params {
            return unknown;
        }
        let scope = json!({ "params": self.params });
        expression::evaluate(&Value::String(text.into()), &scope)
            .map_or(unknown, |value| node.with_json(&value))
    }

    fn verify_cache(raw: &RawTask, entry: Option<KindEntry<'_>>, found: &mut Vec<Diagnostic>) {
        let effect = raw.effect.or(entry.map(|entry| entry.description.effect));
        if let (Some((true, span)), Some(Effect::Once)) = (&raw.cache, effect) {
            let message = format!("task `{}` must happen once and cannot come from the cache", raw.name);
            let hint = "remove `cache = true`, or say `effect = \"pure\"` if it touches nothing";
            found.push(
                Diagnostic::error("E008", span.clone(), message).label("contradicts `effect`").hint(hint),
            );
        }
    }

    fn follow_columns(
        &self,
        workflow: &Workflow,
        entries: &[Option<KindEntry<'_>>],
        resolved: &[Node],
        good_params: &[bool],
        found: &mut Vec<Diagnostic>,
    ) {
        let mut columns = Columns::default();
        let graph = workflow.graph();
        for idx in graph.order() {
            let at = idx.0 as usize;
            let Some(entry) = entries[at] else { continue };
            let whole = resolved[at].to_json().filter(|_| good_params[at]);
            let complete = whole.is_some();
            let params = whole.unwrap_or_else(|| salvaged(&resolved[at], found));
            let task = &workflow.tasks[at];
            let known = Known {
                idx,
                name: &task.name,
                kind_name: &task.kind,
                kind: entry.kind,
                complete,
                runs_after_others: !graph.upstream(idx).is_empty(),
                params: &params,
                with: &resolved[at],
                inputs: &task.inputs,
            };
            columns.follow(&known, self.options.base_dir, found);
        }
    }
}

/// The ports under these parameters, or the declared ones while the parameters are not known.
fn ports(entry: KindEntry<'_>, with: &Node) -> Ports {
    with.to_json()
        .and_then(|params| entry.kind.ports(&params))
        .unwrap_or_else(|| entry.description.ports.clone())
}

fn assembled(
    raw: &RawTask,
    entry: Option<KindEntry<'_>>,
    inputs: &BTreeMap<String, (super::InputRef, super::node::Span)>,
    needs: Vec<TaskIdx>,
    mentions: Vec<TaskIdx>,
) -> Task {
    let description = entry.map(|entry| entry.description);
    let effect = raw.effect.or(description.map(|d| d.effect)).unwrap_or(Effect::Idempotent);
    Task {
        name: raw.name.clone(),
        kind: raw.uses.as_ref().map(|uses| uses.text.clone()).unwrap_or_default(),
        kind_version: description.map(|d| d.version.clone()).unwrap_or_default(),
        description: raw.description.clone(),
        with: with_json(&raw.with),
        inputs: inputs.iter().map(|(port, (from, _))| (port.clone(), from.clone())).collect(),
        needs,
        mentions,
        when: raw.when.as_ref().map(|when| when.text.clone()),
        run_if: raw.run_if,
        retry: raw.retry.clone(),
        timeout: raw.timeout,
        effect,
        cache: raw.cache.as_ref().map_or(effect == Effect::Pure, |(cache, _)| *cache),
        placement: description.map_or(Placement::Worker, |d| d.placement),
        env: env_map(&raw.env),
        hook: None,
        for_each: None,
        continue_on_failure: false,
        pool: None,
        mutex: None,
        priority: 0,
        resources: Resources::default(),
        secrets: BTreeMap::new(),
        nested: None,
    }
}

/// Parameters as JSON, expressions as they are written. Values that JSON cannot hold were reported by the schema.
fn with_json(with: &Node) -> Value {
    with.to_json().unwrap_or_else(|| json!({}))
}
