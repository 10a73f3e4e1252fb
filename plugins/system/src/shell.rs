//! The kind `shell`.

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_plugin::{
    Context, Description, Effect, PortType, Ports, Probe, ProbeContext, Problem, Task, TaskError,
};

use crate::{
    outputs::{self, Outputs},
    probe, program,
    text::Text,
};

/// Runs a program or a shell script.
pub struct Shell;

/// Parameters of `shell`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShellParams {
    /// A program and its arguments, run directly. Give this or `script`.
    #[serde(default)]
    command: Vec<Text>,
    /// A script for `/bin/sh`, which stops at the first command that fails. Give this or `command`.
    #[serde(default)]
    script: String,
    /// Arguments of the script: `$1`, `$2` and so on. Values that come from elsewhere belong here or into `env`, never into
    /// the script's text.
    #[serde(default)]
    args: Vec<Text>,
    /// Environment variables, in addition to the user's.
    #[serde(default)]
    env: BTreeMap<String, Text>,
    /// The folder to run in; relative to the workflow's folder, which is the default.
    #[serde(default)]
    cwd: PathBuf,
    /// Outputs by name with their types. The program writes each to the path in `SLUICE_OUTPUT_NAME`.
    #[serde(default)]
    outputs: Outputs,
    /// Files that the program reads; their content belongs to the cache key.
    #[serde(default)]
    files: Vec<PathBuf>,
    /// Exit codes that mean success.
    #[serde(default = "zero")]
    #[schemars(length(min = 1))]
    ok_codes: Vec<i32>,
    /// A program with its arguments that finds out whether an attempt did its work whose outcome was lost: exit code 0 says that it
    /// did, 1 that it did not, anything else that nobody knows. It has half a minute. For tasks with `effect = "once"`.
    #[serde(default)]
    probe: Vec<String>,
}

fn zero() -> Vec<i32> {
    vec![0]
}

const DOC: &str = r#"
The program's output goes to the task's log (`sluice runs logs`). Inputs of any type can be connected under any name; their
paths are in the environment as `SLUICE_INPUT_NAME`. Declared outputs are written to the paths in `SLUICE_OUTPUT_NAME`. Names
are in capitals, with `_` for `-`. `SLUICE_RUN_ID`, `SLUICE_WORKFLOW`, `SLUICE_TASK` and `SLUICE_ATTEMPT` say where it runs;
`SLUICE_ATTEMPT_ID` is an id that no other attempt has. Secrets are environment variables under their own names, and are `***` in the log.

```toml
[tasks.count]
uses   = "shell"
inputs = { table = "raw" }
with   = { script = 'wc -c < "$SLUICE_INPUT_TABLE" > "$SLUICE_OUTPUT_SIZE"', outputs = { size = "value" } }
```

A task that must not happen twice can bring a `probe`, which is asked when the outcome of an attempt was lost. It finds the attempt by
`SLUICE_ATTEMPT_ID`:

```toml
[tasks.invoice]
uses   = "shell"
effect = "once"
with   = { command = ["./send-invoice"], probe = ["./was-it-sent"] }
```

A `shell` task is not cached unless it says `cache = true`; then list the files it reads in `files`.
"#;

impl Task for Shell {
    type Params = ShellParams;

    fn describe(&self) -> Description {
        Description::new("shell", "1", "Runs a program or a shell script.")
            .doc(DOC)
            .effect(Effect::Idempotent)
            .more_inputs(PortType::Any)
            .more_outputs()
            .error("exit_code", "The program ended with a code that is not in `ok_codes`, or by a signal. Worth another attempt.")
            .error("not_started", "The program does not exist or may not be run.")
            .error("missing_output", "A declared output was not written.")
            .error("bad_output", "A declared output does not have its type.")
    }

    fn check(&self, params: &ShellParams) -> Vec<Problem> {
        let mut problems = outputs::check(&params.outputs);
        match (params.command.is_empty(), params.script.is_empty()) {
            (true, true) => problems
                .push(Problem::new("", "neither `command` nor `script` is given").hint("give one of them")),
            (false, false) => problems.push(
                Problem::new("/script", "both `command` and `script` are given").hint("give one of them"),
            ),
            (false, true) if !params.args.is_empty() => {
                problems.push(Problem::new("/args", "`args` go with `script`").hint("add them to `command`"));
            }
            _ => {}
        }
        if !params.probe.is_empty() && !params.outputs.is_empty() {
            let message = "a probe cannot bring back `outputs` that were lost";
            problems.push(Problem::new("/probe", message).hint("leave one of them out"));
        }
        problems
    }

    fn probe(&self, ctx: &ProbeContext, params: &ShellParams) -> Probe {
        let mut ctx = ctx.clone();
        ctx.env.extend(params.env.iter().map(|(name, text)| (name.clone(), text.as_str().to_owned())));
        probe::ask(&ctx, &params.probe, &params.cwd)
    }

    fn ports(&self, params: &ShellParams) -> Ports {
        outputs::ports(self.describe(), &params.outputs)
    }

    fn files(&self, params: &ShellParams) -> Vec<PathBuf> {
        params.files.clone()
    }

    fn run(&self, ctx: &Context, params: ShellParams) -> Result<(), TaskError> {
        let (name, mut command) = if let Some((program, args)) = params.command.split_first() {
            let mut command = Command::new(program);
            command.args(args);
            (program.as_str(), command)
        } else {
            let mut command = Command::new("/bin/sh");
            command.args(["-e", "-c", &params.script, "sh"]).args(&params.args);
            ("sh", command)
        };
        command.current_dir(ctx.resolve(&params.cwd)).envs(&params.env);
        command.envs(outputs::environment(ctx, &params.outputs));
        program::run(ctx, command, name, &params.ok_codes)?;
        outputs::collect(ctx, &params.outputs)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sluicegate_plugin::{Exit, Kind, testing::Bench};

    use super::*;

    #[test]
    fn a_script_reads_its_arguments_and_writes_a_value() {
        let folder = tempfile::tempdir().unwrap();
        let bench = Bench::new(folder.path());
        let params = json!({
            "script": "echo hello; printf '{\"n\": %s}' \"$1\" > \"$SLUICE_OUTPUT_MY_VALUE\"",
            "args": ["7"], "outputs": { "my-value": "value" },
        });
        let finished = bench.run(&Shell, params).unwrap();
        assert_eq!(finished.outputs["my-value"].value, Some(json!({ "n": 7 })));
        assert_eq!(bench.log(), "hello\n");
    }

    #[test]
    fn a_failing_command_says_its_code_and_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let bench = Bench::new(folder.path());
        let error = bench.run(&Shell, json!({ "script": "echo oh no >&2; exit 3" })).unwrap_err();
        assert_eq!(error.message, "`sh` exited with code 3; it last wrote:\noh no");
        assert!(error.retryable);
    }

    #[test]
    fn an_error_says_by_which_code_or_signal_the_program_ended() {
        let folder = tempfile::tempdir().unwrap();
        let exit = |script: &str| {
            Bench::new(folder.path()).run(&Shell, json!({ "script": script })).unwrap_err().exit
        };
        assert_eq!(exit("exit 7"), Some(Exit::Code(7)));
        assert_eq!(exit("kill -KILL $$"), Some(Exit::Signal(9)));
    }

    #[test]
    fn a_program_that_writes_nothing_leaves_an_empty_log_at_most() {
        let folder = tempfile::tempdir().unwrap();
        let bench = Bench::new(folder.path());
        bench.run(&Shell, json!({ "command": ["true"] })).unwrap();
        assert!(!bench.spec().attempt_dir.exists());
        assert_eq!(bench.log(), "");
    }

    #[test]
    fn secrets_are_in_the_environment_and_not_in_log_or_error() {
        let folder = tempfile::tempdir().unwrap();
        let bench = Bench::new(folder.path()).secret("TOKEN", "hunter2");
        let script =
            "test ${#TOKEN} = 7; printf hun; sleep 0.1; echo ter2; echo \"user:$TOKEN\" | base64; exit 3";
        let error = bench.run(&Shell, json!({ "script": script })).unwrap_err();
        assert_eq!(error.message, "`sh` exited with code 3; it last wrote:\n***\ndXNlcjp***Cg==");
        assert_eq!(bench.log(), "***\ndXNlcjp***Cg==\n");
    }

    #[test]
    fn a_program_left_running_with_the_pipe_open_does_not_hold_the_task() {
        let folder = tempfile::tempdir().unwrap();
        let bench = Bench::new(folder.path()).secret("TOKEN", "hunter2");
        let script = "sleep 600 & echo $! > pid; echo hunter2 done";
        bench.run(&Shell, json!({ "script": script })).unwrap();
        assert_eq!(bench.log(), "*** done\n");
        let pid = std::fs::read_to_string(folder.path().join("pid")).unwrap();
        assert!(Command::new("kill").args(["-KILL", pid.trim()]).status().unwrap().success());
    }

    #[test]
    fn a_probe_tells_by_its_exit_code() {
        let folder = tempfile::tempdir().unwrap();
        let bench = Bench::new(folder.path());
        let ask = |probe: &[&str]| {
            let params = json!({ "command": ["true"], "probe": probe, "env": { "CODE": "1" } });
            Kind::probe(&Shell, &bench.probe_context(), &params)
        };
        assert_eq!(ask(&["sh", "-c", "test $SLUICE_ATTEMPT_ID = attempt"]), Probe::Happened);
        assert_eq!(ask(&["sh", "-c", "exit $CODE"]), Probe::DidNotHappen);
        assert_eq!(ask(&["sh", "-c", "exit 2"]), Probe::Unknown);
        assert_eq!(ask(&["sh", "-c", "kill -KILL $$"]), Probe::Unknown);
        assert_eq!(ask(&["no-such-program"]), Probe::Unknown);
        assert_eq!(ask(&[]), Probe::Unknown);
    }

    #[test]
    fn a_missing_program_is_not_worth_another_attempt() {
        let folder = tempfile::tempdir().unwrap();
        let error =
            Bench::new(folder.path()).run(&Shell, json!({ "command": ["no-such-program"] })).unwrap_err();
        assert_eq!((error.code.as_str(), error.retryable), ("not_started", false));
    }

    #[test]
    fn a_declared_output_must_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let params = json!({ "script": "true", "outputs": { "model": "file" } });
        let error = Bench::new(folder.path()).run(&Shell, params).unwrap_err();
        assert_eq!(error.code, "missing_output");
        assert!(error.hints[0].contains("SLUICE_OUTPUT_MODEL"));
    }
}
