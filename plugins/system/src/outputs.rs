//! Outputs that a program writes to paths it finds in its environment.

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_plugin::{Context, Description, Port, PortType, Ports, Problem, Table, TaskError};

/// The type of an output that a program writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OutputType {
    /// Any file.
    File,
    /// An Arrow IPC file.
    Table,
    /// A small JSON document, usable in expressions.
    Value,
    /// A report as JSON, which a gate can read.
    Report,
    /// A model bundle, as the `train` kinds write it.
    Model,
}

impl OutputType {
    fn port_type(self) -> PortType {
        match self {
            Self::File => PortType::File,
            Self::Table => PortType::Table,
            Self::Value => PortType::Value,
            Self::Report => PortType::Report,
            Self::Model => PortType::Model,
        }
    }
}

/// Declared outputs by port.
pub(crate) type Outputs = BTreeMap<String, OutputType>;

/// The ports of a kind whose parameters declare outputs.
pub(crate) fn ports(description: Description, outputs: &Outputs) -> Ports {
    let mut ports = description.ports;
    ports.outputs = outputs
        .iter()
        .map(|(name, output)| Port::new(name, output.port_type(), "declared by the task"))
        .collect();
    ports
}

/// Names of outputs that no environment variable could carry.
pub(crate) fn check(outputs: &Outputs) -> Vec<Problem> {
    outputs
        .keys()
        .filter(|name| {
            name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        })
        .map(|name| {
            Problem::new(format!("/outputs/{name}"), format!("`{name}` cannot be the name of an output"))
                .hint("use letters, digits, `_` and `-`")
        })
        .collect()
}

/// Environment variables that tell a program where its inputs are and where its outputs go.
pub(crate) fn environment(ctx: &Context, outputs: &Outputs) -> Vec<(String, PathBuf)> {
    let inputs = ctx.inputs().iter().map(|(port, input)| (variable("INPUT", port), input.path.clone()));
    let outputs = outputs
        .iter()
        .map(|(port, output)| (variable("OUTPUT", port), ctx.output_path(port, output.port_type())));
    inputs.chain(outputs).collect()
}

fn variable(direction: &str, port: &str) -> String {
    format!("SLUICE_{direction}_{}", port.to_uppercase().replace('-', "_"))
}

/// Verifies what the program wrote, and takes values in.
pub(crate) fn collect(ctx: &Context, outputs: &Outputs) -> Result<(), TaskError> {
    for (port, output) in outputs {
        let path = ctx.output_path(port, output.port_type());
        if !path.is_file() {
            let message = format!("output `{port}` was declared but not written");
            let hint =
                format!("write it to the path in the environment variable `{}`", variable("OUTPUT", port));
            return Err(TaskError::permanent("missing_output", message).hint(hint));
        }
        match output {
            // Whoever loads a bundle verifies it.
            OutputType::File | OutputType::Model => {}
            OutputType::Table => {
                Table::read(&path).map_err(|error| {
                    let message = format!("output `{port}` is no Arrow IPC file: {error}");
                    TaskError::permanent("bad_output", message)
                        .hint("declare it as `file` and read it with `data.read`, or write Arrow IPC")
                })?;
            }
            OutputType::Value | OutputType::Report => {
                let text = std::fs::read(&path).map_err(|error| TaskError::io("read", &path, &error))?;
                let value = serde_json::from_slice(&text).map_err(|error| {
                    TaskError::permanent("bad_output", format!("output `{port}` is not JSON: {error}"))
                })?;
                if *output == OutputType::Value {
                    ctx.write_value(port, value)?;
                }
            }
        }
    }
    Ok(())
}
