//! What a plugin says of a kind, verified before anyone relies on it.

use std::{collections::BTreeSet, path::Path};

use serde_json::Value;
use sluicegate_plugin::{Manifest, Port, PortType};

use super::Refusal;

/// Reads and verifies the manifest of one kind of the plugin `plugin`.
pub(super) fn parse(text: &str, plugin: &str, place: &Path, kind_idx: usize) -> Result<Manifest, Refusal> {
    let bad = |kind: String, why: String| Refusal::BadManifest { place: place.to_owned(), kind, why };
    let manifest: Manifest = serde_json::from_str(text).map_err(|error| {
        let of_name = serde_json::from_str::<Value>(text)
            .ok()
            .and_then(|value| value["name"].as_str().map(str::to_owned));
        bad(
            of_name.map_or_else(|| format!("kind {kind_idx}"), |name| format!("kind `{name}`")),
            error.to_string(),
        )
    })?;
    verify(&manifest, plugin).map_err(|why| bad(format!("kind `{}`", manifest.name), why))?;
    Ok(manifest)
}

/// Verifies a manifest that was parsed.
pub(super) fn verify(manifest: &Manifest, plugin: &str) -> Result<(), String> {
    let Manifest { name, version, summary, params, ports, .. } = manifest;
    let rest = name.strip_prefix(plugin).and_then(|rest| rest.strip_prefix('.'));
    if !rest.is_some_and(|rest| rest.split('.').all(is_name)) {
        return Err(format!(
            "its name must be `{plugin}.` and a name of letters a to z, digits, `_` and `-`, such as `{plugin}.clip`"
        ));
    }
    if version.is_empty() || summary.trim().is_empty() {
        return Err("`version` and `summary` must not be empty".into());
    }
    if params["type"] != "object" {
        return Err(format!(
            "`params` must be a JSON Schema with \"type\": \"object\", its type is {}",
            params["type"]
        ));
    }
    jsonschema::draft202012::meta::validate(params)
        .map_err(|error| format!("`params` is no JSON Schema: {error} at `{}`", error.instance_path()))?;
    // References that lead nowhere are found when the schema is compiled.
    jsonschema::draft202012::new(params).map_err(|error| format!("`params` is no JSON Schema: {error}"))?;
    verify_ports(&ports.inputs, "input")?;
    verify_ports(&ports.outputs, "output")?;
    let has = |ports: &[Port], name: &String| ports.iter().any(|port| port.name == *name);
    let strangers = manifest
        .columns_from
        .iter()
        .find(|(output, input)| !has(&ports.outputs, output) || !has(&ports.inputs, input));
    if let Some((output, input)) = strangers {
        return Err(format!(
            "`columns_from` names output `{output}` and input `{input}`, not both of which it has"
        ));
    }
    if let Some((param, input)) = manifest.column_params.iter().find(|(_, input)| !has(&ports.inputs, input))
    {
        return Err(format!(
            "`column_params` says that `{param}` names columns of input `{input}`, which it has not"
        ));
    }
    match ports.outputs.iter().find(|port| port.port_type == PortType::Any) {
        Some(port) => Err(format!("output `{}` has the type `any`, which is for inputs only", port.name)),
        None => Ok(()),
    }
}

fn verify_ports(ports: &[Port], direction: &str) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for port in ports {
        if !is_port(&port.name) {
            return Err(format!("{direction} `{}` must be named by letters, digits, `_` and `-`", port.name));
        }
        if !seen.insert(&port.name) {
            return Err(format!("it has two {direction}s named `{}`", port.name));
        }
    }
    Ok(())
}

/// Tells whether a text can be a part of a kind's name.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-')
}

/// Tells whether a text can be the name of a port, and so of a file.
pub(super) fn is_port(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(change: impl FnOnce(&mut Value)) -> String {
        let mut manifest = json!({
            "name": "acme.clip", "version": "1", "summary": "Clips.",
            "params": { "type": "object", "properties": { "low": { "type": "number" } } },
            "ports": { "inputs": [{ "name": "table", "type": "table", "doc": "" }], "outputs": [] },
        });
        parse(&manifest.to_string(), "acme", Path::new("acme.so"), 0).unwrap();
        change(&mut manifest);
        parse(&manifest.to_string(), "acme", Path::new("acme.so"), 0).unwrap_err().to_string()
    }

    #[test]
    fn what_a_manifest_lacks_or_has_wrong_is_named() {
        let told = refused(|m| drop(m["version"].take()));
        assert!(
            told.starts_with(
                "the manifest of kind `acme.clip` in `acme.so` is not valid: invalid type: null"
            ),
            "{told}"
        );
        assert!(refused(|m| m["name"] = json!("other.clip")).contains("must be `acme.`"));
        assert!(refused(|m| m["name"] = json!("acme.")).contains("must be `acme.`"));
        assert!(refused(|m| m["params"]["type"] = json!("array")).contains("its type is \"array\""));
        assert!(
            refused(|m| m["params"]["properties"]["low"]["type"] = json!("decimal"))
                .contains("no JSON Schema")
        );
        assert!(
            refused(|m| m["params"]["properties"]["low"] = json!({ "$ref": "#/$defs/Low" }))
                .contains("no JSON Schema")
        );
        assert!(refused(|m| m["ports"]["inputs"][0]["name"] = json!("../x")).contains("input `../x`"));
        assert!(
            refused(|m| m["ports"]["outputs"] = json!([{ "name": "o", "type": "any", "doc": "" }]))
                .contains("`any`")
        );
    }
}
