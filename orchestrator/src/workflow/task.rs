//! Reading one task: its settings, and what it names, not yet connected.

use std::collections::BTreeMap;

use sluicegate_plugin::Effect;

use super::{
    Diagnostic,
    diagnostic::did_you_mean,
    model::{Backoff, RetryPolicy, RunIf},
    node::{Key, Node, NodeValue, Span, Table},
    settings::{Fields, wrong_type},
};

const KEYS: [&str; 12] = [
    "uses",
    "description",
    "with",
    "inputs",
    "needs",
    "when",
    "run_if",
    "retry",
    "timeout",
    "effect",
    "cache",
    "env",
];
const LATER: [&str; 6] = ["for_each", "pool", "priority", "resources", "secrets", "continue_on_failure"];
const RETRY_KEYS: [&str; 6] = ["attempts", "backoff", "initial", "max", "factor", "jitter"];

/// A text with its place.
#[derive(Clone, Debug)]
pub(super) struct Spanned {
    pub(super) text: String,
    pub(super) node: Node,
}

/// A task as it is written.
pub(super) struct RawTask {
    pub(super) name: String,
    pub(super) name_span: Span,
    pub(super) uses: Option<Spanned>,
    pub(super) description: String,
    pub(super) with: Node,
    pub(super) inputs: Vec<(Key, Spanned)>,
    pub(super) needs: Vec<Spanned>,
    pub(super) when: Option<Spanned>,
    pub(super) retry: RetryPolicy,
    pub(super) timeout: Option<f64>,
    pub(super) run_if: RunIf,
    pub(super) effect: Option<Effect>,
    pub(super) cache: Option<(bool, Span)>,
    pub(super) env: Vec<(String, Spanned)>,
}

/// Settings of tasks that do not say otherwise.
#[derive(Default)]
pub(super) struct Defaults {
    retry: RetryPolicy,
    timeout: Option<f64>,
    env: Vec<(String, Spanned)>,
}

/// Reads `[defaults]`.
pub(super) fn read_defaults(table: Option<&Table>, found: &mut Vec<Diagnostic>) -> Defaults {
    let Some(table) = table else { return Defaults::default() };
    let fields = Fields::new(table, "`defaults`", &["retry", "timeout", "env"], &[], found);
    Defaults {
        retry: retry(&fields, RetryPolicy::default(), found),
        timeout: fields.duration("timeout", found),
        env: environment(&fields, &[], found),
    }
}

/// Reads a task.
pub(super) fn read(
    key: &Key,
    node: &Node,
    defaults: &Defaults,
    found: &mut Vec<Diagnostic>,
) -> Option<RawTask> {
    let name = &key.name;
    let good = !name.is_empty()
        && name.len() <= 64
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c));
    if !good {
        let message = format!("`{}` cannot be the name of a task", name.chars().take(80).collect::<String>());
        let hint = "use lowercase letters, digits, `_` and `-`, at most 64 of them";
        found.push(Diagnostic::error("E011", key.span.clone(), message).label("bad name").hint(hint));
    }
    let Some(table) = node.as_table() else {
        found.push(
            wrong_type(&format!("task `{name}`"), "a table", node).hint(format!("write `[tasks.{name}]`")),
        );
        return None;
    };
    let fields = Fields::new(table, format!("task `{name}`"), &KEYS, &LATER, found);
    let spanned = |(text, node): (&str, &Node)| Spanned { text: text.into(), node: node.clone() };
    if table.get("uses").is_none() {
        let message = format!("task `{name}` does not say which kind it uses");
        let hint = "add `uses = \"KIND\"`; `sluice kinds list` lists them";
        found
            .push(Diagnostic::error("E009", key.span.clone(), message).label("`uses` is missing").hint(hint));
    }
    let empty = Node { span: key.span.clone(), value: NodeValue::Table(Table::default()) };
    let with = fields.table("with", found).and_then(|_| table.get("with").cloned()).unwrap_or(empty);
    Some(RawTask {
        name: name.clone(),
        name_span: key.span.clone(),
        uses: fields.string("uses", found).map(spanned),
        description: fields.string("description", found).map(|(text, _)| text.to_owned()).unwrap_or_default(),
        with,
        inputs: string_table(&fields, "inputs", found),
        needs: fields.strings("needs", found).into_iter().map(spanned).collect(),
        when: fields.string("when", found).map(spanned),
        retry: retry(&fields, defaults.retry.clone(), found),
        timeout: fields.duration("timeout", found).or(defaults.timeout),
        run_if: fields
            .string("run_if", found)
            .and_then(|(word, node)| choice("a value of `run_if`", word, &RunIf::ALL, node, found))
            .unwrap_or_default(),
        effect: fields
            .string("effect", found)
            .and_then(|(word, node)| choice("an effect", word, &EFFECTS, node, found)),
        cache: fields.boolean("cache", found).map(|(cache, node)| (cache, node.span.clone())),
        env: environment(&fields, &defaults.env, found),
    })
}

/// Environment variables, in addition to those of `defaults`.
fn environment(
    fields: &Fields<'_>,
    defaults: &[(String, Spanned)],
    found: &mut Vec<Diagnostic>,
) -> Vec<(String, Spanned)> {
    let own: Vec<_> =
        string_table(fields, "env", found).into_iter().map(|(key, text)| (key.name, text)).collect();
    let is_own = |name: &String| own.iter().any(|(other, _)| other == name);
    let inherited: Vec<_> = defaults.iter().filter(|(name, _)| !is_own(name)).cloned().collect();
    inherited.into_iter().chain(own).collect()
}

fn string_table(fields: &Fields<'_>, name: &str, found: &mut Vec<Diagnostic>) -> Vec<(Key, Spanned)> {
    let mut strings = Vec::new();
    for (key, node) in fields.table(name, found).into_iter().flat_map(|table| &table.entries) {
        match node.as_str() {
            Some(text) => strings.push((key.clone(), Spanned { text: text.into(), node: node.clone() })),
            None => {
                found.push(wrong_type(
                    &format!("`{name}.{}` in {}", key.name, fields.what),
                    "a string",
                    node,
                ));
            }
        }
    }
    strings
}

const EFFECTS: [(&str, Effect); 3] =
    [("pure", Effect::Pure), ("idempotent", Effect::Idempotent), ("once", Effect::Once)];

/// One of a few words.
fn choice<T: Copy>(
    what: &str,
    word: &str,
    known: &[(&str, T)],
    node: &Node,
    found: &mut Vec<Diagnostic>,
) -> Option<T> {
    let value = known.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
    if value.is_none() {
        let message = format!("`{word}` is not {what}");
        let hint = did_you_mean(word, known.iter().map(|(name, _)| *name));
        found.push(Diagnostic::error("E008", node.span.clone(), message).label("unknown").maybe_hint(hint));
    }
    value
}

/// A retry policy; keys that are left out are those of `policy`.
fn retry(fields: &Fields<'_>, mut policy: RetryPolicy, found: &mut Vec<Diagnostic>) -> RetryPolicy {
    let Some(table) = fields.table("retry", found) else { return policy };
    let fields = Fields::new(table, format!("`retry` of {}", fields.what), &RETRY_KEYS, &[], found);
    if let Some(attempts) = fields.integer("attempts", 1, 100, found) {
        policy.attempts = u32::try_from(attempts).unwrap_or(1);
    }
    if let Some((word, node)) = fields.string("backoff", found) {
        match word {
            "constant" => policy.backoff = Backoff::Constant,
            "exponential" => policy.backoff = Backoff::Exponential,
            _ => {
                let message = format!("`{word}` is not a backoff");
                let hint = did_you_mean(word, ["constant", "exponential"].into_iter());
                found.push(
                    Diagnostic::error("E008", node.span.clone(), message).label("unknown").maybe_hint(hint),
                );
            }
        }
    }
    let initial = fields.duration("initial", found);
    let max = fields.duration("max", found);
    policy.initial = initial.unwrap_or(policy.initial);
    policy.max = max.unwrap_or(policy.max.max(policy.initial));
    if policy.initial > policy.max
        && let Some(node) = table.get("max")
    {
        let message = format!("`max` in {} is shorter than `initial`", fields.what);
        found.push(Diagnostic::error("E008", node.span.clone(), message).label("too short"));
    }
    if let Some(factor) = fields.number("factor", 1.0, 100.0, found) {
        policy.factor = factor;
    }
    if let Some((jitter, _)) = fields.boolean("jitter", found) {
        policy.jitter = jitter;
    }
    policy
}

/// Environment variables as a map.
pub(super) fn env_map(env: &[(String, Spanned)]) -> BTreeMap<String, String> {
    env.iter().map(|(name, value)| (name.clone(), value.text.clone())).collect()
}
