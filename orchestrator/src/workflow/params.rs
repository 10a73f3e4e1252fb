//! Typed parameters: what the file declares, and what a run gives.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    Diagnostic, Schedule, Source,
    diagnostic::did_you_mean,
    expression::is_template,
    node::{Key, Node, NodeValue, Span, Table},
    parse,
    settings::{Fields, wrong_type},
};

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ParamType {
    String,
    Integer,
    Number,
    Boolean,
}

const TYPES: [(&str, ParamType); 4] = [
    ("string", ParamType::String),
    ("integer", ParamType::Integer),
    ("number", ParamType::Number),
    ("boolean", ParamType::Boolean),
];

const KEYS: [&str; 6] = ["type", "default", "min", "max", "choices", "help"];

/// A declared parameter, for forms.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamSpec {
    /// Its name.
    pub name: String,
    /// `string`, `integer`, `number` or `boolean`.
    pub kind: &'static str,
    /// Its value when none is given.
    pub default: Option<Value>,
    /// The smallest value.
    pub min: Option<f64>,
    /// The largest value.
    pub max: Option<f64>,
    /// The only values, when there are any.
    pub choices: Vec<Value>,
    /// What it is for.
    pub help: String,
}

/// The parameters that a file declares, as far as they are in order.
pub fn declared_params(source: &Source) -> Vec<ParamSpec> {
    let mut found = Vec::new();
    let Some(tree) = parse::parse(source, &mut found) else { return Vec::new() };
    let params = tree.get("params").and_then(Node::as_table);
    let entries = params.into_iter().flat_map(|table| &table.entries);
    entries
        .filter_map(|(key, node)| {
            let param = read(&key.name, node, &mut found)?;
            let help = node.as_table().and_then(|table| table.get("help"));
            let help = help.and_then(|help| match &help.value {
                NodeValue::String(text) => Some(text.to_string()),
                _ => None,
            });
            let kind = TYPES.iter().find(|(_, kind)| *kind == param.kind).map_or("string", |(word, _)| word);
            Some(ParamSpec {
                kind,
                name: param.name,
                default: param.default,
                min: param.min,
                max: param.max,
                choices: param.choices,
                help: help.unwrap_or_default(),
            })
        })
        .collect()
}

struct Param {
    name: String,
    kind: ParamType,
    default: Option<Value>,
    min: Option<f64>,
    max: Option<f64>,
    choices: Vec<Value>,
    span: Span,
}

/// Parameters that come from outside.
pub(super) struct Given<'a> {
    /// Values, as text.
    pub(super) values: &'a BTreeMap<String, String>,
    /// Names whose values are known only when the workflow runs.
    pub(super) unknown: &'a BTreeSet<String>,
    /// How they are given: `-p ` on the command line, `params.` by a workflow that runs this one.
    pub(super) lead: &'static str,
}

impl Given<'_> {
    fn names(&self) -> impl Iterator<Item = &String> {
        self.values.keys().chain(self.unknown)
    }
}

/// Reads `[params]`, applies what is given, and returns the values of the run. Names of broken and of unknown parameters come back too, as
/// `null`, so that expressions that use them are not blamed.
pub(super) fn resolve(
    table: Option<&Table>,
    given: &Given<'_>,
    found: &mut Vec<Diagnostic>,
) -> BTreeMap<String, Value> {
    let mut values = BTreeMap::new();
    let mut names = Vec::new();
    for (key, node) in table.into_iter().flat_map(|table| &table.entries) {
        names.push(key.name.to_string());
        if !key.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            || key.name.starts_with(|c: char| c.is_ascii_digit())
        {
            let message = format!("`{}` cannot be the name of a parameter", key.name);
            let hint = "use letters, digits and `_`, a letter first, so that expressions can name it";
            found.push(Diagnostic::error("E011", key.span.clone(), message).label("bad name").hint(hint));
        }
        let Some(param) = read(&key.name, node, found) else {
            values.insert(key.name.to_string(), Value::Null);
            continue;
        };
        let value = match given.values.get(&*key.name) {
            Some(text) => param.parse(text, given.lead, found),
            None if given.unknown.contains(&*key.name) => None,
            None => param.default.clone().or_else(|| {
                let message = format!("parameter `{}` has no default and no value", param.name);
                let hint = format!("give one with `{}{}=VALUE`, or add a default", given.lead, param.name);
                found.push(
                    Diagnostic::error("E026", param.span.clone(), message).label("no value").hint(hint),
                );
                None
            }),
        };
        values.insert(key.name.to_string(), value.unwrap_or(Value::Null));
    }
    for name in given.names().filter(|name| !names.contains(name)) {
        let hint = did_you_mean(name, names.iter().map(String::as_str));
        let message = format!("`{}{name}=…` names no parameter of this workflow", given.lead);
        found.push(Diagnostic::elsewhere("E026", message).maybe_hint(hint));
    }
    values
}

/// Values that the file itself gives to parameters, as those of a schedule's runs; those that fit come back, and texts with expressions, whose
/// values nobody knows yet.
pub(super) fn given_in_file(
    declared: Option<&Table>,
    given: &Table,
    what: &str,
    found: &mut Vec<Diagnostic>,
) -> BTreeMap<String, Value> {
    let mut values = BTreeMap::new();
    for (key, node) in &given.entries {
        let Some(declaration) = declared.and_then(|table| table.get(&key.name)) else {
            let names = declared.into_iter().flat_map(|table| &table.entries).map(|(key, _)| &*key.name);
            let hint = did_you_mean(&key.name, names.collect::<Vec<_>>().into_iter());
            let message = format!("{what} gives `{}`, which is no parameter of this workflow", key.name);
            let problem = Diagnostic::error("E036", key.span.clone(), message).label("unknown parameter");
            found.push(problem.maybe_hint(hint.or_else(|| Some("declare it under `[params]`".into()))));
            continue;
        };
        if let Some(text) = node.as_str().filter(|text| is_template(text)) {
            values.insert(key.name.to_string(), Value::from(text));
            continue;
        }
        // What is wrong with the declaration is reported where it stands.
        let Some(param) = read(&key.name, declaration, &mut Vec::new()) else { continue };
        if let Some(value) = param.accept(node, "value of", found) {
            values.insert(key.name.to_string(), value);
        }
    }
    values
}

/// The names of parameters that have neither default nor value.
fn open<'a>(declared: Option<&'a Table>, given: &Given<'_>) -> Vec<&'a str> {
    let entries = declared.into_iter().flat_map(|table| &table.entries);
    let is_open = |(key, node): &&(Key<'_>, Node<'_>)| {
        let has_default = read(&key.name, node, &mut Vec::new()).is_none_or(|param| param.default.is_some());
        !has_default && given.names().all(|name| *name != key.name)
    };
    entries.filter(is_open).map(|(key, _)| &*key.name).collect()
}

/// What is given, and for parameters that have neither default nor value what the first schedule says that gives them.
pub(super) fn by_schedules(
    declared: Option<&Table>,
    given: &Given<'_>,
    schedules: &[Schedule],
) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let (mut values, mut unknown) = (given.values.clone(), given.unknown.clone());
    for name in open(declared, given) {
        let Some(schedule) = schedules.iter().find(|it| it.params.contains_key(name)) else { continue };
        if schedule.is_open(name) {
            unknown.insert(name.to_owned());
        } else if let Some(value) = schedule.params.get(name) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            values.insert(name.to_owned(), text);
        }
    }
    (values, unknown)
}

/// Reports schedules that do not give a parameter which has no default, while others do.
pub(super) fn report_incomplete(
    declared: Option<&Table>,
    given: &Given<'_>,
    schedules: &[(Schedule, Span)],
    found: &mut Vec<Diagnostic>,
) {
    for name in open(declared, given) {
        let (gives, lacks): (Vec<_>, Vec<_>) =
            schedules.iter().partition(|(schedule, _)| schedule.params.contains_key(name));
        for (schedule, span) in lacks.iter().filter(|_| !gives.is_empty()) {
            let message = format!("`{}` does not give `{name}`, which has no default", schedule.name);
            let problem = Diagnostic::error("E036", span.clone(), message).label("here");
            found.push(problem.hint(format!("add `params = {{ {name} = … }}`, or give it a default")));
        }
    }
}

fn read(name: &str, node: &Node, found: &mut Vec<Diagnostic>) -> Option<Param> {
    let Some(table) = node.as_table() else {
        let hint = format!("write `{name} = {{ type = \"number\", default = … }}`");
        found.push(wrong_type(&format!("parameter `{name}`"), "a table", node).hint(hint));
        return None;
    };
    let fields = Fields::new(table, format!("parameter `{name}`"), &KEYS, &[], found);
    let Some((word, type_node)) = fields.string("type", found) else {
        if table.get("type").is_none() {
            let message = format!("parameter `{name}` has no `type`");
            let hint = "add `type = \"string\"`, `\"integer\"`, `\"number\"` or `\"boolean\"`";
            found.push(
                Diagnostic::error("E009", node.span.clone(), message).label("`type` is missing").hint(hint),
            );
        }
        return None;
    };
    let Some((_, param_type)) = TYPES.into_iter().find(|(known, _)| *known == word) else {
        let message = format!("`{word}` is not a type of a parameter");
        let hint = did_you_mean(word, TYPES.iter().map(|(known, _)| *known));
        found.push(
            Diagnostic::error("E008", type_node.span.clone(), message).label("unknown type").maybe_hint(hint),
        );
        return None;
    };
    fields.string("help", found);
    let numeric = matches!(param_type, ParamType::Integer | ParamType::Number);
    for bound in ["min", "max"] {
        if let Some((key, _)) = table.entry(bound).filter(|_| !numeric) {
            let message = format!("`{bound}` makes no sense for parameter `{name}` of type {word}");
            found.push(Diagnostic::error("E008", key.span.clone(), message).label("only for numbers"));
        }
    }
    let mut param = Param {
        name: name.into(),
        kind: param_type,
        default: None,
        min: fields.number("min", f64::MIN, f64::MAX, found).filter(|_| numeric),
        max: fields.number("max", f64::MIN, f64::MAX, found).filter(|_| numeric),
        choices: Vec::new(),
        span: node.span.clone(),
    };
    if let (Some(min), Some(max)) = (param.min, param.max)
        && min > max
    {
        let message = format!("parameter `{name}` has `min` {min} above `max` {max}");
        found.push(Diagnostic::error("E008", node.span.clone(), message).label("no value fits"));
    }
    if let Some(node) = table.get("choices") {
        match &node.value {
            NodeValue::Array(items) => {
                // All at once: a choice must fit the type and the range, not the choices before it.
                param.choices =
                    items.iter().filter_map(|item| param.accept(item, "choice of", found)).collect();
            }
            _ => found.push(wrong_type(&format!("`choices` of parameter `{name}`"), "a list", node)),
        }
    }
    if let Some(default) = table.get("default") {
        param.default = Some(param.accept(default, "default of", found)?);
    }
    Some(param)
}

impl Param {
    /// A value from the file, when it fits.
    fn accept(&self, node: &Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<Value> {
        let value = match (&node.value, self.kind) {
            (NodeValue::String(text), ParamType::String) => Value::from(&**text),
            (NodeValue::Integer(number), ParamType::Integer | ParamType::Number) => Value::from(*number),
            (NodeValue::Float(number), ParamType::Number) if number.is_finite() => Value::from(*number),
            (NodeValue::Boolean(truth), ParamType::Boolean) => Value::from(*truth),
            _ => {
                found.push(wrong_type(&format!("the {what} parameter `{}`", self.name), self.wanted(), node));
                return None;
            }
        };
        match self.refuse(&value) {
            None => Some(value),
            Some(reason) => {
                let message = format!("the {what} parameter `{}` {reason}", self.name);
                found.push(Diagnostic::error("E008", node.span.clone(), message).label("does not fit"));
                None
            }
        }
    }

    /// A value from outside, when it fits.
    fn parse(&self, text: &str, lead: &str, found: &mut Vec<Diagnostic>) -> Option<Value> {
        let value = match self.kind {
            ParamType::String => Some(Value::from(text)),
            ParamType::Integer => text.trim().parse::<i64>().ok().map(Value::from),
            ParamType::Number => {
                text.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| {
                    text.trim().parse::<i64>().map_or_else(|_| Value::from(number), Value::from)
                })
            }
            ParamType::Boolean => text.trim().parse::<bool>().ok().map(Value::from),
        };
        let reason = match &value {
            None => Some(format!("must be {}", self.wanted())),
            Some(value) => self.refuse(value),
        };
        let Some(reason) = reason else { return value };
        let message = format!("the value of `{lead}{}={text}` {reason}", self.name);
        found.push(Diagnostic::error("E026", self.span.clone(), message).label("declared here"));
        None
    }

    fn wanted(&self) -> &'static str {
        match self.kind {
            ParamType::String => "a string",
            ParamType::Integer => "an integer",
            ParamType::Number => "a number",
            ParamType::Boolean => "`true` or `false`",
        }
    }

    /// Why a value of the right type does not fit.
    fn refuse(&self, value: &Value) -> Option<String> {
        let number = value.as_f64();
        if let (Some(number), Some(min)) = (number, self.min)
            && number < min
        {
            return Some(format!("must be at least {min}, found {number}"));
        }
        if let (Some(number), Some(max)) = (number, self.max)
            && number > max
        {
            return Some(format!("must be at most {max}, found {number}"));
        }
        if !self.choices.is_empty() && !self.choices.contains(value) {
            let choices: Vec<_> = self.choices.iter().map(Value::to_string).collect();
            return Some(format!("must be one of {}, found {value}", choices.join(", ")));
        }
        None
    }
}
