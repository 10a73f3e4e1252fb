//! The kind `python`.

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_plugin::{
    Context, Description, Effect, PortType, Ports, Problem, SchemaCheck, Task, TaskError,
};

use crate::{
    outputs::{self, Outputs},
    program,
    text::Text,
};

/// Runs a Python script by the user's interpreter.
pub struct Python;

/// Parameters of `python`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PythonParams {
    /// The script, relative to the workflow's folder. Give this or `code`.
    #[serde(default)]
    script: PathBuf,
    /// The program text itself. Give this or `script`.
    #[serde(default)]
    code: String,
    /// Arguments: `sys.argv[1:]`.
    #[serde(default)]
    args: Vec<Text>,
    /// The interpreter. The default is that of an active virtual environment, else `python3`.
    #[serde(default)]
    python: PathBuf,
    /// Environment variables, in addition to the user's.
    #[serde(default)]
    env: BTreeMap<String, Text>,
    /// Outputs by name with their types. The script writes each to the path in `os.environ["SLUICE_OUTPUT_NAME"]`.
    #[serde(default)]
    outputs: Outputs,
    /// Further files that the script reads; their content belongs to the cache key.
    #[serde(default)]
    files: Vec<PathBuf>,
}

const DOC: &str = r#"
The script runs in the workflow's folder. Paths of inputs are in `SLUICE_INPUT_NAME`, paths for declared outputs in
`SLUICE_OUTPUT_NAME`; tables are Arrow IPC files (`pyarrow.ipc.open_file`, `pandas.read_feather`, `polars.read_ipc`). Secrets are in
`os.environ` under their own names, and are `***` in the log.

```toml
[tasks.features]
uses   = "python"
inputs = { table = "clean" }
with   = { script = "features.py", outputs = { table = "table" } }
```

A `python` task is not cached unless it says `cache = true`; the script's content then belongs to the key.
"#;

impl Task for Python {
    type Params = PythonParams;

    fn describe(&self) -> Description {
        Description::new("python", "1", "Runs a Python script by the user's interpreter.")
            .doc(DOC)
            .effect(Effect::Idempotent)
            .more_inputs(PortType::Any)
            .more_outputs()
            .error(
                "exit_code",
                "The script raised an exception or exited with a code other than 0. Worth another attempt.",
            )
            .error("not_started", "The interpreter does not exist.")
            .error("missing_script", "The script does not exist.")
            .error("missing_output", "A declared output was not written.")
            .error("bad_output", "A declared output does not have its type.")
    }

    fn check(&self, params: &PythonParams) -> Vec<Problem> {
        let mut problems = outputs::check(&params.outputs);
        match (params.script.as_os_str().is_empty(), params.code.is_empty()) {
            (true, true) => problems
                .push(Problem::new("", "neither `script` nor `code` is given").hint("give one of them")),
            (false, false) => problems
                .push(Problem::new("/code", "both `script` and `code` are given").hint("give one of them")),
            _ if params.script.to_string_lossy().contains('\n') => problems.push(
                Problem::new("/script", "`script` is the path of a file, but this is a program")
                    .hint("write the program under `code`"),
            ),
            _ => {}
        }
        problems
    }

    fn schema(&self, params: &PythonParams, check: &mut SchemaCheck) {
        let script = &params.script;
        if !check.runs_after_others
            && !script.as_os_str().is_empty()
            && !check.base_dir.join(script).is_file()
        {
            let problem = Problem::new("/script", format!("there is no file `{}`", script.display()));
            check.problems.push(problem.hint("the path starts from the workflow's folder"));
        }
    }

    fn ports(&self, params: &PythonParams) -> Ports {
        outputs::ports(self.describe(), &params.outputs)
    }

    fn files(&self, params: &PythonParams) -> Vec<PathBuf> {
        let script = Some(params.script.clone()).filter(|script| !script.as_os_str().is_empty());
        script.into_iter().chain(params.files.clone()).collect()
    }

    fn run(&self, ctx: &Context, params: PythonParams) -> Result<(), TaskError> {
        let python = if params.python.as_os_str().is_empty() { interpreter() } else { params.python.clone() };
        let mut command = Command::new(&python);
        if params.code.is_empty() {
            let script = ctx.resolve(&params.script);
            if !script.is_file() {
                let message = format!("script `{}` does not exist", script.display());
                return Err(TaskError::permanent("missing_script", message));
            }
            command.arg(script);
        } else {
            command.args(["-c", &params.code]);
        }
        command.args(&params.args).current_dir(ctx.base_dir()).env("PYTHONUNBUFFERED", "1").envs(&params.env);
        command.envs(outputs::environment(ctx, &params.outputs));
        program::run(ctx, command, &python.display().to_string(), &[0])?;
        outputs::collect(ctx, &params.outputs)
    }
}

/// The interpreter of an active virtual environment, else the first on the path.
fn interpreter() -> PathBuf {
    match std::env::var_os("VIRTUAL_ENV").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder).join("bin/python"),
        None => "python3".into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sluicegate_plugin::testing::Bench;

    use super::*;

    #[test]
    fn a_script_reads_an_input_and_writes_an_output() {
        let folder = tempfile::tempdir().unwrap();
        let code = "import os, json\nx = json.load(open(os.environ['SLUICE_INPUT_IN']))\njson.dump(x + 1, open(os.environ['SLUICE_OUTPUT_OUT'], 'w'))";
        let bench = Bench::new(folder.path()).json("in", PortType::Value, &json!(41));
        let finished = bench.run(&Python, json!({ "code": code, "outputs": { "out": "value" } })).unwrap();
        assert_eq!(finished.outputs["out"].value, Some(json!(42)));
    }

    #[test]
    fn an_exception_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = Bench::new(folder.path())
            .run(&Python, json!({ "code": "raise ValueError('no luck')" }))
            .unwrap_err();
        assert!(error.message.ends_with("ValueError: no luck"), "{}", error.message);
    }
}
