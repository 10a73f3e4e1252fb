//! What tasks share and what they may use: pools, mutexes, priorities, memory and processors.

use std::collections::BTreeMap;

use sluicegate_plugin::Resources;

use super::{
    Diagnostic,
    diagnostic::did_you_mean,
    model::PoolUse,
    node::{Node, NodeValue, Table},
    settings::{Fields, NAME, bad_name, is_name, wrong_type},
};

/// The most slots that a pool may have.
const MAX_SLOTS: u32 = 10_000;

/// The least memory that a task can do with, in bytes.
const MIN_MEMORY: u64 = 16 << 20;

/// Units of memory, longest first, in bytes.
const UNITS: [(&str, f64); 12] = [
    ("kib", 1024.0),
    ("mib", 1_048_576.0),
    ("gib", 1_073_741_824.0),
    ("tib", 1_099_511_627_776.0),
    ("kb", 1e3),
    ("mb", 1e6),
    ("gb", 1e9),
    ("tb", 1e12),
    ("k", 1e3),
    ("m", 1e6),
    ("g", 1e9),
    ("b", 1.0),
];

/// Reads `[pools]`: `gpu = 2` or `gpu = { slots = 2 }`. A broken pool counts as a large one, so that tasks that use it are not blamed.
pub(super) fn pools(fields: &Fields<'_>, found: &mut Vec<Diagnostic>) -> BTreeMap<String, u32> {
    let mut pools = BTreeMap::new();
    for (key, node) in fields.table("pools", found).into_iter().flat_map(|table| &table.entries) {
        if !is_name(&key.name) {
            found.push(bad_name(&key.name, "a pool", NAME, &key.span));
        }
        pools.insert(key.name.to_string(), slots_of(&key.name, node, found).unwrap_or(MAX_SLOTS));
    }
    pools
}

fn slots_of(name: &str, node: &Node, found: &mut Vec<Diagnostic>) -> Option<u32> {
    let what = format!("pool `{name}`");
    match &node.value {
        NodeValue::Integer(_) => slots(&what, node, found),
        NodeValue::Table(table) => {
            let fields = Fields::new(table, what.clone(), &["slots"], &[], found);
            let Some(node) = fields.table.get("slots") else {
                let message = format!("{what} does not say how many slots it has");
                let problem = Diagnostic::error("E009", node.span.clone(), message);
                found.push(problem.label("`slots` is missing").hint("add `slots = 1`"));
                return None;
            };
            slots(&format!("`slots` of {what}"), node, found)
        }
        _ => {
            found.push(
                wrong_type(&what, "a number of slots", node).hint(format!("write `{name} = 2`, for example")),
            );
            None
        }
    }
}

fn slots(what: &str, node: &Node, found: &mut Vec<Diagnostic>) -> Option<u32> {
    let NodeValue::Integer(number) = node.value else {
        found.push(wrong_type(what, "an integer", node));
        return None;
    };
    let slots = u32::try_from(number).ok().filter(|slots| (1..=MAX_SLOTS).contains(slots));
    if slots.is_none() {
        let message = format!("{what} must be from 1 to {MAX_SLOTS}, found {number}");
        found.push(Diagnostic::error("E008", node.span.clone(), message).label("out of range"));
    }
    slots
}

/// Reads `pool`: `"gpu"` or `{ name = "gpu", slots = 2 }`, which must be one of `pools` and fit into it.
pub(super) fn pool_use(
    fields: &Fields<'_>,
    pools: &BTreeMap<String, u32>,
    found: &mut Vec<Diagnostic>,
) -> Option<PoolUse> {
    let node = fields.table.get("pool")?;
    let what = format!("`pool` of {}", fields.what);
    let (name, name_node, slots) = match &node.value {
        NodeValue::String(name) => (&**name, node, 1),
        NodeValue::Table(table) => {
            let fields = Fields::new(table, what.clone(), &["name", "slots"], &[], found);
            let wanted = match fields.table.get("slots") {
                Some(node) => slots(&format!("`slots` of {what}"), node, found)?,
                None => 1,
            };
            let Some((name, name_node)) = fields.string("name", found) else {
                if fields.table.get("name").is_none() {
                    let message = format!("{what} does not say which pool");
                    let problem = Diagnostic::error("E009", node.span.clone(), message);
                    found.push(problem.label("`name` is missing").hint("add `name = \"POOL\"`"));
                }
                return None;
            };
            (name, name_node, wanted)
        }
        _ => {
            found.push(wrong_type(&what, "the name of a pool", node));
            return None;
        }
    };
    let Some(size) = pools.get(name) else {
        let message = format!("there is no pool `{name}`");
        let near = did_you_mean(name, pools.keys().map(String::as_str));
        let hint = near.unwrap_or_else(|| {
            format!("add `[pools]` with `{name} = 1` to the workflow, or to `sluice.toml` for all workflows")
        });
        found.push(
            Diagnostic::error("E028", name_node.span.clone(), message).label("unknown pool").hint(hint),
        );
        return None;
    };
    if slots > *size {
        let message = format!("{what} wants {slots} slots of `{name}`, which has {size}");
        let problem = Diagnostic::error("E008", node.span.clone(), message).label("it would wait for ever");
        found.push(problem.hint("take fewer slots, or make the pool larger"));
    }
    Some(PoolUse { name: name.to_owned(), slots })
}

/// Reads `mutex`.
pub(super) fn mutex(fields: &Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<String> {
    let (name, node) = fields.string("mutex", found)?;
    if !is_name(name) {
        found.push(bad_name(name, "a mutex", NAME, &node.span));
    }
    Some(name.to_owned())
}

/// Reads `priority`.
pub(super) fn priority(fields: &Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<i32> {
    fields.integer("priority", -1000, 1000, found).and_then(|priority| i32::try_from(priority).ok())
}

/// Reads `resources`; keys that are left out are those of `inherited`.
pub(super) fn resources(
    fields: &Fields<'_>,
    inherited: &Resources,
    found: &mut Vec<Diagnostic>,
) -> Resources {
    let Some(table) = fields.table("resources", found) else { return inherited.clone() };
    let what = format!("`resources` of {}", fields.what);
    let fields = Fields::new(table, what, &["memory", "cpus"], &[], found);
    let memory = fields.table.get("memory").and_then(|node| memory(&fields.what, node, found));
    let cpus = fields.number("cpus", 0.01, 1024.0, found);
    Resources { memory: memory.or(inherited.memory), cpus: cpus.or(inherited.cpus) }
}

fn memory(what: &str, node: &Node, found: &mut Vec<Diagnostic>) -> Option<u64> {
    let bytes = match &node.value {
        NodeValue::Integer(bytes) => u64::try_from(*bytes).ok(),
        NodeValue::String(text) => bytes_of(text),
        _ => {
            found.push(wrong_type(&format!("`memory` in {what}"), "a size", node));
            return None;
        }
    };
    let problem = match bytes {
        Some(bytes) if bytes >= MIN_MEMORY => return Some(bytes),
        Some(_) => {
            Diagnostic::error("E008", node.span.clone(), format!("`memory` in {what} is below 16 MiB"))
                .label("too small")
                .hint("even a small program needs more")
        }
        None => Diagnostic::error("E008", node.span.clone(), format!("`memory` in {what} is no size"))
            .label("no size")
            .hint("write bytes as a number, or a text such as `512MB` or `2GiB`"),
    };
    found.push(problem);
    None
}

/// Reads a size such as `1.5GiB`.
fn bytes_of(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let (unit, factor) = UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
    let number: f64 = text[..text.len() - unit.len()].trim().parse().ok()?;
    let bytes = number * factor;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "its bounds stand in the condition"
    )]
    (1.0..9e18).contains(&bytes).then_some(bytes as u64)
}

/// A pool of the workflow must not have the name of one of the project.
pub(super) fn report_shadowed(
    table: Option<&Table>,
    project: &BTreeMap<String, u32>,
    found: &mut Vec<Diagnostic>,
) {
    let keys = table.into_iter().flat_map(|table| &table.entries).map(|(key, _)| key);
    for key in keys.filter(|key| project.contains_key(&*key.name)) {
        let message = format!("pool `{}` is a pool of the project already", key.name);
        let hint = "rename it, or remove it here or in `sluice.toml`";
        found.push(Diagnostic::error("E004", key.span.clone(), message).label("here again").hint(hint));
    }
}

#[cfg(test)]
mod limits_tests {
    use super::bytes_of;

    #[test]
    fn sizes_have_decimal_and_binary_units() {
        assert_eq!(bytes_of("512MB"), Some(512_000_000));
        assert_eq!(bytes_of("2GiB"), Some(2 << 30));
        assert_eq!(bytes_of("1.5 gib"), Some(3 << 29));
        assert_eq!(bytes_of("64m"), Some(64_000_000));
        for bad in ["", "12", "GB", "-1GB", "nanGB", "infGB", "1e30TB", "2 parsecs"] {
            assert_eq!(bytes_of(bad), None, "{bad}");
        }
    }
}
