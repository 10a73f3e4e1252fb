//! `kinds list|show` and `schema`: what tasks can use.

use serde_json::{Value, json};
use sluicegate_plugin::{Effect, Placement, Port};

use super::{
    args::{Format, KindsCommand},
    exit::Exit,
    out::{Out, Style},
    table::TextTable,
};
use crate::{
    app::{App, AppError},
    catalog::CatalogEntry,
    workflow,
};

pub(super) fn kinds(app: &App, command: KindsCommand, out: &mut Out) -> Result<Exit, AppError> {
    match command {
        KindsCommand::List(format) => list(app, format.format, out),
        KindsCommand::Show(args) => show(app, &args.name, args.format.format, out)?,
    }
    Ok(Exit::Succeeded)
}

pub(super) fn schema(app: &App, out: &mut Out) -> Exit {
    out.json(&workflow::editor_schema(app.catalog().as_ref()));
    Exit::Succeeded
}

fn entry_json(entry: &CatalogEntry) -> Value {
    let mut value = json!(entry.description);
    value["pack"] = json!(entry.pack);
    value["params"] = entry.schema().clone();
    value
}

fn list(app: &App, format: Format, out: &mut Out) {
    if format == Format::Json {
        out.json(&app.catalog().entries().map(entry_json).collect::<Vec<_>>());
        return;
    }
    let mut table = TextTable::new(&["KIND", "PACK", "WHAT IT DOES"]);
    for entry in app.catalog().entries() {
        table.row(vec![
            (Style::Plain, entry.description.name.clone()),
            (Style::Dim, entry.pack.to_string()),
            (Style::Plain, entry.description.summary.clone()),
        ]);
    }
    table.print(out);
    let catalog = app.catalog();
    for name in catalog.plugin_names().into_iter().filter(|name| matches!(catalog.plugin(name), Some(Err(_))))
    {
        let line = format!("plugin `{name}` is not used; `sluice plugins list` says why");
        out.line(&out.paint(Style::Warn, &line));
    }
}

fn show(app: &App, name: &str, format: Format, out: &mut Out) -> Result<(), AppError> {
    let entry = app.catalog().entry(name).ok_or_else(|| {
        let near =
            sluicegate_plugin::nearest(name, app.catalog().entries().map(|e| e.description.name.as_str()));
        AppError::NotFound {
            message: format!("no kind is named `{name}`"),
            hint: near
                .map_or("`sluice kinds list` lists them".into(), |near| format!("did you mean `{near}`?")),
        }
    })?;
    if format == Format::Json {
        out.json(&entry_json(entry));
        return Ok(());
    }
    let about = &entry.description;
    out.line(&format!("{} {}", out.paint(Style::Bold, &about.name), out.paint(Style::Dim, &about.version)));
    out.line(&about.summary);
    let place = match about.placement {
        Placement::Worker => "in a worker process",
        Placement::Inline => "in the orchestrator",
    };
    let effect = match about.effect {
        Effect::Pure => "pure: cached unless the task says otherwise",
        Effect::Idempotent => "idempotent: may be repeated, is not cached unless the task says so",
        Effect::Once => "once: never repeated on its own",
    };
    out.line(&out.paint(Style::Dim, &format!("runs {place}; {effect}")));
    if !about.doc.is_empty() {
        out.line("");
        out.line(about.doc.trim());
    }
    print_ports(
        "Inputs",
        &about.ports.inputs,
        about.ports.more_inputs.map(|t| format!("any other name ({t})")),
        out,
    );
    let more = about.ports.more_outputs.then(|| "further outputs, named by the parameters".to_owned());
    print_ports("Outputs", &about.ports.outputs, more, out);
    print_params(entry.schema(), out);
    if !about.errors.is_empty() {
        heading("Errors", out);
        for error in &about.errors {
            out.line(&format!("  {}  {}", out.paint(Style::Bold, &error.code), error.doc));
        }
    }
    Ok(())
}

fn heading(title: &str, out: &mut Out) {
    out.line("");
    out.line(&out.paint(Style::Bold, title));
}

fn print_ports(title: &str, ports: &[Port], more: Option<String>, out: &mut Out) {
    if ports.is_empty() && more.is_none() {
        return;
    }
    heading(title, out);
    for port in ports {
        let optional = if port.optional { ", optional" } else { "" };
        let line =
            format!("  {} ({}{optional})  {}", out.paint(Style::Bold, &port.name), port.port_type, port.doc);
        out.line(&line);
    }
    if let Some(more) = more {
        out.line(&format!("  {more}"));
    }
}

fn print_params(schema: &Value, out: &mut Out) {
    let Some(properties) = schema["properties"].as_object().filter(|map| !map.is_empty()) else { return };
    let required: Vec<_> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    heading("Parameters", out);
    for (name, property) in properties {
        let mut remarks = vec![type_of(schema, property)];
        if required.contains(&name.as_str()) {
            remarks.push("required".into());
        }
        match property.get("default") {
            None | Some(Value::Null) => {}
            Some(default) => remarks.push(format!("default {default}")),
        }
        let line = format!("  {} ({})", out.paint(Style::Bold, name), remarks.join(", "));
        out.line(&line);
        let doc = property["description"].as_str().unwrap_or_default();
        for line in doc.lines().map(str::trim).filter(|line| !line.is_empty()) {
            out.line(&format!("      {line}"));
        }
    }
}

/// A schema's type in a few words.
fn type_of(root: &Value, schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        return type_of(root, &root["$defs"][name]);
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(Value::to_string).collect::<Vec<_>>().join(" | ");
    }
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(options) = schema[key].as_array() {
            let mut words: Vec<_> =
                options.iter().map(|option| type_of(root, option)).filter(|word| word != "null").collect();
            words.dedup();
            return words.join(" | ");
        }
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => format!("list of {}", type_of(root, &schema["items"])),
        Value::String(name) if name == "object" => match schema["properties"].as_object() {
            Some(map) => format!("{{ {} }}", map.keys().cloned().collect::<Vec<_>>().join(", ")),
            None => "table".into(),
        },
        Value::String(name) => name.clone(),
        Value::Array(names) => names
            .iter()
            .filter_map(Value::as_str)
            .filter(|name| *name != "null")
            .collect::<Vec<_>>()
            .join(" | "),
        _ => "any".into(),
    }
}
