//! `retry`: how often a task is tried, and after which failures.

use super::{
    Diagnostic,
    model::{Backoff, RetryOn, RetryPolicy},
    node::NodeValue,
    settings::Fields,
};

const KEYS: [&str; 7] = ["attempts", "backoff", "initial", "max", "factor", "jitter", "on"];
const ON_KEYS: [&str; 5] = ["exit_codes", "signal", "timeout", "out_of_memory", "text"];
const BACKOFFS: [(&str, Backoff); 2] =
    [("constant", Backoff::Constant), ("exponential", Backoff::Exponential)];

/// A retry policy; keys that are left out are those of `policy`.
pub(super) fn retry(
    fields: &Fields<'_>,
    mut policy: RetryPolicy,
    found: &mut Vec<Diagnostic>,
) -> RetryPolicy {
    let Some(table) = fields.table("retry", found) else { return policy };
    let fields = Fields::new(table, format!("`retry` of {}", fields.what), &KEYS, &[], found);
    if let Some(attempts) = fields.integer("attempts", 1, 100, found) {
        policy.attempts = u32::try_from(attempts).unwrap_or(1);
    }
    policy.backoff = fields.choice("backoff", "a backoff", &BACKOFFS, found).unwrap_or(policy.backoff);
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
    policy.factor = fields.number("factor", 1.0, 100.0, found).unwrap_or(policy.factor);
    policy.jitter = fields.boolean("jitter", found).map_or(policy.jitter, |(jitter, _)| jitter);
    policy.on = retry_on(&fields, found).or(policy.on);
    policy
}

/// The failures that are tried again.
fn retry_on(fields: &Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<RetryOn> {
    let table = fields.table("on", found)?;
    let span = fields.table.get("on")?.span.clone();
    let fields = Fields::new(table, format!("`on` of {}", fields.what), &ON_KEYS, &[], found);
    let truth =
        |name: &str, found: &mut Vec<Diagnostic>| fields.boolean(name, found).is_some_and(|(truth, _)| truth);
    let on = RetryOn {
        exit_codes: exit_codes(&fields, found),
        signal: truth("signal", found),
        timeout: truth("timeout", found),
        out_of_memory: truth("out_of_memory", found),
        text: pattern(&fields, found),
    };
    let is_mentioned =
        |name: &&str| table.get(name).is_some_and(|node| !matches!(node.value, NodeValue::Boolean(false)));
    if !ON_KEYS.iter().any(is_mentioned) {
        let message = format!("{} names no failure, so nothing would be tried again", fields.what);
        let hint = "name one, such as `exit_codes = [75]` or `timeout = true`, or leave `on` out";
        found.push(Diagnostic::error("E008", span, message).label("no failure").hint(hint));
    }
    Some(on)
}

fn exit_codes(fields: &Fields<'_>, found: &mut Vec<Diagnostic>) -> Vec<i32> {
    let Some(node) = fields.table.get("exit_codes") else { return Vec::new() };
    let NodeValue::Array(items) = &node.value else {
        fields.wrong_type("exit_codes", "a list of integers", node, found);
        return Vec::new();
    };
    if items.is_empty() {
        let message = format!("`exit_codes` in {} is empty", fields.what);
        let hint = "name the codes that are worth another attempt, such as `[75]`, or remove the key";
        found.push(Diagnostic::error("E008", node.span.clone(), message).label("empty").hint(hint));
    }
    let mut codes = Vec::new();
    for item in items {
        match item.value {
            NodeValue::Integer(code @ 0..=255) => codes.extend(i32::try_from(code)),
            NodeValue::Integer(code) => {
                let message = format!("an exit code is from 0 to 255, found {code}");
                found.push(Diagnostic::error("E008", item.span.clone(), message).label("out of range"));
            }
            _ => fields.wrong_type("exit_codes", "a list of integers", item, found),
        }
    }
    codes
}

/// A regular expression, compiled once to see that it is one.
fn pattern(fields: &Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<String> {
    let (text, node) = fields.string("text", found)?;
    let Err(error) = regex::Regex::new(text) else { return Some(text.to_owned()) };
    let reason = error.to_string();
    let reason = reason.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
    let message = format!("`text` in {} is no regular expression: {reason}", fields.what);
    let hint =
        "write signs with a meaning of their own, such as `(` or `*`, as `\\(` and `\\*`, in single quotes";
    found.push(Diagnostic::error("E008", node.span.clone(), message).label("no pattern").hint(hint));
    None
}
