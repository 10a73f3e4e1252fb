//! From a file to a workflow or to all its problems.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde_json::Value;
use sluicegate_plugin::{Description, Kind};

use super::{
    Diagnostic, Severity, Source, Workflow,
    assemble::Assembly,
    defaults, limits,
    nested::Answers,
    node::{Node, Table},
    params::{self, Given},
    parse, schedule,
    settings::{Fields, NAME, bad_name, is_name},
    task::{self, Shared},
};

pub(super) const KEYS: [&str; 13] = [
    "name",
    "description",
    "labels",
    "params",
    "schedule",
    "trigger",
    "max_parallel",
    "timeout",
    "pools",
    "defaults",
    "tasks",
    "hooks",
    "outputs",
];

/// At most so many problems are kept.
const MAX_PROBLEMS: usize = 1000;

/// The parser, and whatever walks its tree, call themselves for each level of a nested file.
const STACK: usize = 32 << 20;

/// A kind as the check sees it.
#[derive(Clone, Copy)]
pub struct KindEntry<'a> {
    /// What it says of itself.
    pub description: &'a Description,
    /// What stands for its behaviour in cache keys.
    pub version: &'a str,
    /// The JSON Schema of its parameters.
    pub schema: &'a Value,
    /// The kind.
    pub kind: &'a dyn Kind,
}

/// Where the check finds kinds.
pub trait KindSource: Sync {
    /// A kind by name.
    fn kind(&self, name: &str) -> Option<KindEntry<'_>>;
    /// All names.
    fn names(&self) -> Vec<&str>;
    /// Why there is no kind with this name although it could be, and the way out.
    fn why_missing(&self, _name: &str) -> Option<(String, String)> {
        None
    }
}

/// Reads a file by its absolute path.
pub type Load<'a> = dyn Fn(&Path) -> std::io::Result<Vec<u8>> + Sync + 'a;

/// What a file is checked with.
#[derive(Clone, Copy)]
pub struct CheckOptions<'a> {
    /// Parameters given from outside, as text.
    pub overrides: &'a BTreeMap<String, String>,
    /// The folder that relative paths start from.
    pub base_dir: &'a Path,
    /// The kinds at hand.
    pub kinds: &'a dyn KindSource,
    /// Reads the workflows that this one runs.
    pub load: &'a Load<'a>,
    /// Slots of the project's pools.
    pub project_pools: &'a BTreeMap<String, u32>,
    /// True when the workflow is looked at and not run: parameters that have neither default nor value take what its schedules give them.
    pub scheduled: bool,
}

/// What a check found.
#[derive(Debug)]
pub struct Checked {
    /// The workflow, when there is no error.
    pub workflow: Option<Workflow>,
    /// What is wrong, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// Where a workflow stands among those that run each other.
pub(super) struct Around<'a> {
    /// The files from the outermost to this one.
    pub(super) path: Vec<PathBuf>,
    pub(super) answers: &'a Answers,
}

/// Checks a file. Reports every problem it can find in one go; writes nothing.
pub fn check(source: &Source, options: &CheckOptions<'_>) -> Checked {
    let work = || {
        let given = Given { values: options.overrides, unknown: &BTreeSet::new(), lead: "-p " };
        let file = Path::new(&source.name).file_name().unwrap_or_default();
        let around = Around { path: vec![options.base_dir.join(file)], answers: &Answers::default() };
        check_within(source, options, &given, &around)
    };
    let checked = std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, work)
            .ok()
            .and_then(|thread| thread.join().ok())
    });
    checked.unwrap_or_else(|| {
        let message = "the file cannot be checked: it is nested too deeply, or there is no memory left";
        Checked { workflow: None, diagnostics: vec![Diagnostic::elsewhere("E002", message)] }
    })
}

/// Checks a file that stands alone or in others.
pub(super) fn check_within(
    source: &Source,
    options: &CheckOptions<'_>,
    given: &Given<'_>,
    around: &Around<'_>,
) -> Checked {
    let mut found = Vec::new();
    let mut workflow = None;
    if parse::is_empty(source) {
        let hint =
            "start with `name = \"…\"` and a `[tasks.NAME]` table; `docs/workflow-format.md` shows one";
        found.push(Diagnostic::elsewhere("E003", "the file is empty").hint(hint));
    } else if let Some(tree) = parse::parse(source, &mut found) {
        workflow = Some(build(tree, source, options, given, around, &mut found));
    }
    in_order(&mut found);
    let broken = found.iter().any(|problem| problem.severity == Severity::Error);
    Checked { workflow: workflow.filter(|_| !broken), diagnostics: found }
}

/// Puts problems into the order of the file.
pub(super) fn in_order(found: &mut Vec<Diagnostic>) {
    found.sort_by_key(|problem| problem.span.as_ref().map_or(usize::MAX, |span| span.start));
    found.dedup();
    found.truncate(MAX_PROBLEMS);
}

/// Reads the workflow's own settings and its tasks, and puts them together.
fn build(
    mut tree: Table<'_>,
    source: &Source,
    options: &CheckOptions<'_>,
    given: &Given<'_>,
    around: &Around<'_>,
    found: &mut Vec<Diagnostic>,
) -> Workflow {
    let fields = Fields::new(&tree, "the workflow", &KEYS, &[], found);
    let name = name(&fields, source, found);
    let description =
        fields.string("description", found).map(|(text, _)| text.to_owned()).unwrap_or_default();
    let labels = fields.strings("labels", found).into_iter().map(|(text, _)| text.to_owned()).collect();
    let max_parallel = fields.integer("max_parallel", 1, 1024, found).and_then(|n| usize::try_from(n).ok());
    let timeout = fields.duration("timeout", found);
    let schedules = schedule::read(&fields, found);
    schedule::report_rings(&name, &schedules, found);
    let declared = fields.table("params", found);
    params::report_incomplete(declared, given, &schedules, found);
    let schedules: Vec<_> = schedules.into_iter().map(|(schedule, _)| schedule).collect();
    let own = options.scheduled.then(|| params::by_schedules(declared, given, &schedules));
    let own = own.as_ref().map(|(values, unknown)| Given { values, unknown, lead: given.lead });
    let given = own.as_ref().unwrap_or(given);
    let params = params::resolve(declared, given, found);
    let pools = limits::pools(&fields, found);
    limits::report_shadowed(tree.get("pools").and_then(Node::as_table), options.project_pools, found);
    let all_pools = pools.iter().chain(options.project_pools).map(|(name, n)| (name.clone(), *n)).collect();
    let defaults = defaults::read(fields.table("defaults", found), &all_pools, found);
    let shared = Shared { defaults, pools: &all_pools };
    let has_no_tasks = fields
        .table("tasks", found)
        .map_or_else(|| tree.get("tasks").is_none(), |tasks| tasks.entries.is_empty());
    if has_no_tasks {
        let hint = "add one: `[tasks.NAME]` with `uses = \"KIND\"`";
        found.push(Diagnostic::elsewhere("E003", "the workflow has no tasks").hint(hint));
    }
    fields.table("hooks", found);
    fields.table("outputs", found);
    let tasks = tree.take("tasks").map(|(_, node)| node);
    let outputs = tree.take("outputs").and_then(|(_, node)| node.into_table());
    let hooks = tree.take("hooks").map(|(_, node)| node);
    let tasks = tasks.and_then(Node::into_table).unwrap_or_default();
    let read = tasks.entries.into_iter().filter_map(|(key, node)| task::read(key, node, &shared, found));
    let (mut raw, mut tasks): (Vec<_>, Vec<_>) = read.unzip();
    for (raw_hook, hook) in task::read_hooks(hooks, &shared, found) {
        raw.push(raw_hook);
        tasks.push(hook);
    }
    let assembly = Assembly { raw: &raw, params: &params, given, text: source.text(), options, around };
    let mut workflow = Workflow {
        name,
        description,
        labels,
        max_parallel,
        timeout,
        pools,
        outputs: BTreeMap::new(),
        tasks,
        hash: blake3::hash(&source.bytes).to_hex().to_string(),
        source: source.text().to_owned(),
        params: BTreeMap::new(),
        schedules,
    };
    assembly.assemble(&mut workflow, outputs.as_ref(), found);
    Workflow { params, ..workflow }
}

/// The workflow's name; without one, that of its file.
fn name(fields: &Fields<'_>, source: &Source, found: &mut Vec<Diagnostic>) -> String {
    let Some((name, node)) = fields.string("name", found) else { return stem(&source.name) };
    if !is_name(name) {
        found.push(bad_name(name, "a workflow", NAME, &node.span));
    }
    name.to_owned()
}

fn stem(name: &str) -> String {
    let stem =
        Path::new(name).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let good: String =
        stem.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect();
    if good.is_empty() { "workflow".into() } else { good }
}
