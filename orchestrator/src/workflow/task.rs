//! Reading one task or hook: its settings, and what it names, not yet connected.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::Value;
use sluicegate_plugin::{Effect, Placement};

use super::{
    Diagnostic, Task,
    defaults::Defaults,
    limits,
    model::{Hook, RunIf},
    node::{Key, Node, NodeValue, Span, Table},
    retry::retry,
    secrets::secrets,
    settings::{Fields, Spanned, TASK_NAME, bad_name, is_task_name, wrong_type},
};

/// What a task may hold.
pub(super) const KEYS: [&str; 19] = [
    "uses",
    "description",
    "with",
    "inputs",
    "needs",
    "when",
    "run_if",
    "for_each",
    "retry",
    "timeout",
    "continue_on_failure",
    "effect",
    "cache",
    "pool",
    "mutex",
    "priority",
    "resources",
    "env",
    "secrets",
];

/// What a hook may hold: it waits for the whole run, happens once, and is never taken from the cache.
pub(super) const HOOK_KEYS: [&str; 13] = [
    "uses",
    "description",
    "with",
    "when",
    "retry",
    "timeout",
    "effect",
    "pool",
    "mutex",
    "priority",
    "resources",
    "env",
    "secrets",
];

const EFFECTS: [(&str, Effect); 3] =
    [("pure", Effect::Pure), ("idempotent", Effect::Idempotent), ("once", Effect::Once)];

/// What a task names, with the places of the names.
pub(super) struct RawTask<'t> {
    pub(super) name: Cow<'t, str>,
    pub(super) name_span: Span,
    pub(super) uses: Option<Spanned>,
    pub(super) with: Node<'t>,
    pub(super) inputs: Vec<(Spanned, Spanned)>,
    pub(super) needs: Vec<Spanned>,
    pub(super) when: Option<Spanned>,
    pub(super) for_each: Option<Node<'t>>,
    pub(super) env: Vec<(Spanned, Spanned)>,
    pub(super) effect: Option<Effect>,
    pub(super) cache: Option<(bool, Span)>,
    pub(super) hook: Option<Hook>,
}

/// What every task of a workflow is read with.
pub(super) struct Shared<'a> {
    pub(super) defaults: Defaults,
    /// Slots of the pools at hand.
    pub(super) pools: &'a BTreeMap<String, u32>,
}

/// Reads `[tasks.NAME]`: what it names, and the task itself with its own settings.
pub(super) fn read<'t>(
    key: Key<'t>,
    node: Node<'t>,
    shared: &Shared<'_>,
    found: &mut Vec<Diagnostic>,
) -> Option<(RawTask<'t>, Task)> {
    if !is_task_name(&key.name) {
        found.push(bad_name(&key.name, "a task", TASK_NAME, &key.span));
    }
    let what = format!("task `{}`", key.name);
    let table = table(node, &what, &key, found)?;
    Some(Reader { key, table, what, keys: &KEYS, hook: None }.read(shared, found))
}

/// Reads `[hooks]`; hooks come out in the order of the file.
pub(super) fn read_hooks<'t>(
    hooks: Option<Node<'t>>,
    shared: &Shared<'_>,
    found: &mut Vec<Diagnostic>,
) -> Vec<(RawTask<'t>, Task)> {
    let Some(table) = hooks.and_then(Node::into_table) else { return Vec::new() };
    let names = Hook::ALL.map(|(name, _)| name);
    Fields::new(&table, "`hooks`", &names, &[], found);
    let mut read = Vec::new();
    for (mut key, node) in table.entries {
        let Some((name, hook)) = Hook::ALL.into_iter().find(|(name, _)| *name == key.name) else { continue };
        let what = format!("hook `{name}`");
        // A task's name has no dot, so that a hook is never taken for one.
        key.name = format!("hooks.{name}").into();
        let Some(table) = self::table(node, &what, &key, found) else { continue };
        read.push(Reader { key, table, what, keys: &HOOK_KEYS, hook: Some(hook) }.read(shared, found));
    }
    read
}

fn table<'t>(node: Node<'t>, what: &str, key: &Key<'_>, found: &mut Vec<Diagnostic>) -> Option<Table<'t>> {
    if node.as_table().is_none() {
        let header =
            if is_task_name(&key.name) { format!("tasks.{}", key.name) } else { key.name.to_string() };
        found.push(wrong_type(what, "a table", &node).hint(format!("write `[{header}]`")));
    }
    node.into_table()
}

/// A task's or hook's table, and how it is named in messages.
struct Reader<'t> {
    key: Key<'t>,
    table: Table<'t>,
    what: String,
    keys: &'static [&'static str],
    hook: Option<Hook>,
}

impl<'t> Reader<'t> {
    /// Keys that a hook cannot have are reported as unknown; what they say is still read, like everything else in a broken file.
    fn read(mut self, shared: &Shared<'_>, found: &mut Vec<Diagnostic>) -> (RawTask<'t>, Task) {
        let is_hook = self.hook.is_some();
        let defaults = &shared.defaults;
        let fields = Fields::new(&self.table, self.what, self.keys, &[], found);
        if fields.table.get("uses").is_none() {
            let message = format!("{} does not say which kind it uses", fields.what);
            let hint = "add `uses = \"KIND\"`; `sluice kinds list` lists them";
            let problem = Diagnostic::error("E009", self.key.span.clone(), message);
            found.push(problem.label("`uses` is missing").hint(hint));
        }
        let uses = fields.string("uses", found).map(Spanned::new);
        let when = fields.string("when", found).map(Spanned::new);
        let has_with = fields.table("with", found).is_some();
        let env = environment(&fields, &defaults.env, found);
        let secrets = secrets(&fields, &defaults.secrets, &env, found);
        let continues = fields.boolean("continue_on_failure", found).map(|(truth, _)| truth);
        let task = Task {
            name: self.key.name.to_string(),
            kind: uses.as_ref().map(|uses| uses.text.clone()).unwrap_or_default(),
            kind_version: String::new(),
            description: fields.string("description", found).map(|(text, _)| text.into()).unwrap_or_default(),
            with: Value::Null,
            inputs: BTreeMap::new(),
            needs: Vec::new(),
            mentions: Vec::new(),
            when: when.as_ref().map(|when| when.text.clone()),
            run_if: fields.choice("run_if", "a value of `run_if`", &RunIf::ALL, found).unwrap_or_default(),
            retry: retry(&fields, defaults.retry.clone(), found),
            timeout: fields.duration("timeout", found).or(defaults.timeout),
            effect: Effect::Idempotent,
            cache: false,
            placement: Placement::Worker,
            env: env.iter().map(|(key, value)| (key.text.clone(), value.text.clone())).collect(),
            hook: self.hook,
            for_each: None,
            continue_on_failure: !is_hook && continues.unwrap_or(defaults.continue_on_failure),
            pool: limits::pool_use(&fields, shared.pools, found).or_else(|| defaults.pool.clone()),
            mutex: limits::mutex(&fields, found),
            priority: limits::priority(&fields, found).unwrap_or(defaults.priority),
            resources: limits::resources(&fields, &defaults.resources, found),
            secrets: secrets.into_iter().map(|(key, source)| (key.text, source)).collect(),
            nested: None,
        };
        let mut raw = RawTask {
            name: self.key.name,
            name_span: self.key.span.clone(),
            uses,
            with: Node { span: self.key.span, value: NodeValue::Table(Table::default()) },
            inputs: fields.string_table("inputs", found),
            needs: fields.strings("needs", found).into_iter().map(Spanned::new).collect(),
            when,
            for_each: None,
            env,
            effect: fields.choice("effect", "an effect", &EFFECTS, found),
            cache: fields.boolean("cache", found).map(|(cache, node)| (cache, node.span.clone())),
            hook: self.hook,
        };
        if let Some((_, with)) = self.table.take("with").filter(|_| has_with) {
            raw.with = with;
        }
        raw.for_each = self.table.take("for_each").map(|(_, node)| node);
        (raw, task)
    }
}

/// Environment variables, in addition to those of `defaults`.
fn environment(
    fields: &Fields<'_>,
    defaults: &[(Spanned, Spanned)],
    found: &mut Vec<Diagnostic>,
) -> Vec<(Spanned, Spanned)> {
    let own = fields.string_table("env", found);
    let is_own = |name: &str| own.iter().any(|(key, _)| key.text == name);
    let inherited: Vec<_> = defaults.iter().filter(|(key, _)| !is_own(&key.text)).cloned().collect();
    inherited.into_iter().chain(own).collect()
}
