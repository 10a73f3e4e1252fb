//! The kind `register`.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use sluicegate_plugin::{
    AliasMove, Context, Decision, Description, Effect, Placement, Port, PortType, Problem, Registration,
    SchemaCheck, Selector, Task, TaskError, Verdict,
};

use crate::name;

/// Registers a model as an immutable version and moves an alias to it.
pub struct Register;

/// Parameters of `register`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterParams {
    /// The model's name in the registry; the workflow's name by default.
    #[serde(default)]
    model: Option<String>,
    /// The alias that is moved to the version; `false` or an empty text moves none.
    #[serde(default)]
    alias: Alias,
}

/// An alias, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Alias(Option<String>);

impl Default for Alias {
    fn default() -> Self {
        Self(Some("champion".into()))
    }
}

impl<'de> Deserialize<'de> for Alias {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bool(false) => Ok(Self(None)),
            Value::String(name) if name.is_empty() => Ok(Self(None)),
            Value::String(name) => Ok(Self(Some(name))),
            _ => Err(serde::de::Error::custom("`alias` must be a name, or false for none")),
        }
    }
}

impl JsonSchema for Alias {
    fn schema_name() -> Cow<'static, str> {
        "Alias".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "boolean"], "default": "champion" })
    }
}

/// What `register` reads of a report: its metrics that are numbers.
#[derive(Deserialize)]
struct ReportMetrics {
    #[serde(default)]
    metrics: BTreeMap<String, Value>,
}

const DOC: &str = r#"
Registers the bundle as the next version of a model. Versions are immutable and numbered from 1; a bundle that is registered already
keeps its version. Then the alias moves to the version, and the registry keeps who moved it, when and why. The reason names what
the gate saw when `verdict` is connected; a verdict that is not `pass` is refused even when the task was started by hand.

```toml
[tasks.register]
uses   = "register"
inputs = { model = "model", verdict = "gate", report = "scores" }
```

The model is handed on as the output `model`, so that a deployment can stand behind the registration. The `metrics` of a connected
report are kept with the version.
"#;

impl Task for Register {
    type Params = RegisterParams;

    fn describe(&self) -> Description {
        Description::new(
            "register",
            "1",
            "Registers a model as an immutable version and moves an alias to it.",
        )
        .doc(DOC)
        .effect(Effect::Idempotent)
        .placement(Placement::Inline)
        .input(Port::new("model", PortType::Model, "The bundle to register."))
        .input(Port::new("verdict", PortType::Verdict, "What the gate said; must be `pass`.").optional())
        .input(Port::new("report", PortType::Report, "Its `metrics` are kept with the version.").optional())
        .output(Port::new("model", PortType::Model, "The same bundle."))
        .output(Port::new("version", PortType::Value, "`model` and `version`, its name and number."))
        .error("not_passed", "The connected verdict is not `pass`. Nothing was registered.")
        .error("bad_name", "The model's or the alias's name has characters that a name cannot have.")
        .error("host", "The registry could not be written. Worth another attempt.")
    }

    fn check(&self, params: &RegisterParams) -> Vec<Problem> {
        let mut found = Vec::new();
        if let Some(model) = &params.model {
            name::check("model", model, "/model", &mut found);
        }
        if let Alias(Some(alias)) = &params.alias {
            name::check("alias", alias, "/alias", &mut found);
            if matches!(Selector::parse(alias), Selector::Version(_)) {
                let message = format!("`{alias}` would be read as a version");
                found.push(Problem::new("/alias", message).hint("use a word such as `champion`"));
            }
        }
        found
    }

    fn schema(&self, _params: &RegisterParams, check: &mut SchemaCheck) {
        if let Some(model) = check.inputs.get("model").cloned() {
            check.outputs.insert("model".into(), model);
        }
    }

    fn run(&self, ctx: &Context, params: RegisterParams) -> Result<(), TaskError> {
        let host = ctx.host()?;
        let model = params.model.unwrap_or_else(|| ctx.run().workflow.clone());
        name::verify("model", &model)
            .map_err(|error| TaskError::permanent("bad_name", error).hint("set `with.model`"))?;
        let verdict = passed(ctx)?;
        let bundle = ctx.input("model")?;
        let size =
            std::fs::metadata(&bundle.path).map_err(|e| TaskError::io("read", &bundle.path, &e))?.len();

        let known = host.find_model(&model, &Selector::Bundle(bundle.hash.clone()))?.is_some();
        let version = host.register_model(Registration {
            model: model.clone(),
            bundle: bundle.hash.clone(),
            size,
            run_id: ctx.run().run_id.clone(),
            task: ctx.run().task.clone(),
            metrics: metrics(ctx)?,
            decision: verdict.as_ref().map(|verdict| verdict.decision),
        })?;
        let mut note = if known { " (unchanged)".to_owned() } else { String::new() };
        if let Alias(Some(alias)) = params.alias {
            let before = host.find_model(&model, &Selector::Alias(alias.clone()))?;
            if before.is_none_or(|before| before.version != version.version) {
                note = format!(", now {alias}");
                host.move_alias(AliasMove {
                    model: model.clone(),
                    alias,
                    version: version.version,
                    reason: reason(verdict.as_ref()),
                    actor: format!("run {}, task {}", ctx.run().run_id, ctx.run().task),
                })?;
            }
        }
        ctx.pass_on("model", "model")?;
        ctx.write_value("version", json!({ "model": model, "version": version.version }))?;
        ctx.summary(format!("{model} v{}{note}", version.version));
        Ok(())
    }
}

/// The connected verdict, which must be a pass.
fn passed(ctx: &Context) -> Result<Option<Verdict>, TaskError> {
    if !ctx.inputs().contains_key("verdict") {
        return Ok(None);
    }
    let verdict: Verdict = ctx.json("verdict")?;
    if verdict.decision == Decision::Pass {
        return Ok(Some(verdict));
    }
    let because: Vec<_> = verdict
        .requirements
        .iter()
        .filter(|requirement| requirement.decision != Decision::Pass)
        .map(|requirement| format!("{}: {}", requirement.metric, requirement.reason))
        .collect();
    let message = format!("the gate's verdict is `{}`: {}", verdict.decision, because.join("; "));
    Err(TaskError::permanent("not_passed", message).hint("only a model that passed its gate is registered"))
}

fn metrics(ctx: &Context) -> Result<BTreeMap<String, f64>, TaskError> {
    if !ctx.inputs().contains_key("report") {
        return Ok(BTreeMap::new());
    }
    let report: ReportMetrics = ctx.json("report")?;
    Ok(report.metrics.into_iter().filter_map(|(name, value)| Some((name, value.as_f64()?))).collect())
}

/// Why the alias moves, such as `passed gate: recall 0.9811 ≥ 0.95`.
fn reason(verdict: Option<&Verdict>) -> String {
    let Some(verdict) = verdict else { return "registered without a gate".into() };
    let seen: Vec<_> = verdict
        .requirements
        .iter()
        .map(|requirement| match requirement.seen {
            Some(seen) => format!("{} {} {}", requirement.metric, rounded(seen), requirement.asked),
            None => requirement.metric.clone(),
        })
        .collect();
    format!("passed gate: {}", seen.join("; "))
}

/// Four decimals at most.
fn rounded(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests;
