//! Items, hooks, pools, limits, tolerated failures and workflows that run workflows.

use super::project::Project;

#[test]
fn a_task_runs_once_for_each_item_that_another_found_and_the_results_are_joined() {
    let project = Project::new();
    project.file(
        "w.toml",
        r#"
[tasks.list]
uses = "shell"
with = { script = "echo '[3, 4]' > $SLUICE_OUTPUT_ITEMS", outputs = { items = "value" } }
[tasks.square]
uses = "shell"
for_each = "{{ tasks.list.outputs.items }}"
with = { script = 'printf "%s" $(( $1 * $1 )) > "$SLUICE_OUTPUT_N"', args = ["{{ item }}"], outputs = { n = "value" } }
[tasks.sum]
uses = "shell"
with = { script = 'echo "the sum is $1"', args = ["{{ tasks.square.outputs.n | sum }}"] }
"#,
    );
    project.sluice(&["run", "w.toml"]).expect(0);
    assert_eq!(project.sluice(&["runs", "logs", "latest", "sum"]).expect(0).stdout, "the sum is 25\n");
    assert_eq!(project.task("latest", "square[1]")["state"], "succeeded");
}

#[test]
fn a_matrix_runs_every_combination_and_an_item_that_fails_is_repeated_alone() {
    let project = Project::new();
    project.file(
        "w.toml",
        r#"
[tasks.try]
uses = "shell"
for_each = { lr = [1, 2], depth = [5, 6] }
with = { script = 'echo "$1-$2" >> tried; test "$1-$2" != 2-5 || test -e fixed', args = ["{{ item.lr }}", "{{ item.depth }}"] }
"#,
    );
    let ran = project.sluice(&["run", "w.toml"]).expect(1);
    assert!(ran.stdout.contains("1 of 4 items failed"), "{}", ran.stdout);
    project.file("fixed", "");
    project.sluice(&["runs", "retry", "latest"]).expect(0);
    let mut tried: Vec<_> = project.read("tried").lines().map(str::to_owned).collect();
    tried.sort_unstable();
    assert_eq!(tried, ["1-5", "1-6", "2-5", "2-5", "2-6"]);
}

#[test]
fn hooks_run_for_the_end_that_came() {
    let hooks = ["success", "failure", "rejection", "cancellation", "always"]
        .map(|end| {
            format!(
                "[hooks.{end}]\nuses = \"shell\"\nwith = {{ script = 'echo {end} $1 >> ends', args = [\"{{{{ run.status }}}}\"] }}\n"
            )
        })
        .concat();
    for (command, code, ends) in [("true", 0, "success succeeded"), ("false", 1, "failure failed")] {
        let project = Project::new();
        let task = format!("[tasks.a]\nuses = \"shell\"\nwith = {{ command = [\"{command}\"] }}\n");
        project.file("w.toml", format!("max_parallel = 1\n{task}{hooks}"));
        project.sluice(&["run", "w.toml"]).expect(code);
        let (_, status) = ends.split_once(' ').unwrap();
        assert_eq!(project.read("ends"), format!("{ends}\nalways {status}\n"));
    }
}

#[test]
fn hooks_of_a_run_whose_orchestrator_was_killed_run_when_it_goes_on() {
    let project = Project::new();
    project.file(
        "w.toml",
        r#"
[tasks.a]
uses = "shell"
with = { script = "touch began; while ! test -e go; do sleep 0.02; done" }
[hooks.always]
uses = "shell"
with = { script = "echo hook >> ends" }
"#,
    );
    let mut child = project.spawn(&["run", "w.toml"]);
    project.wait_for_file("began");
    child.kill().unwrap();
    child.wait().unwrap();
    project.file("go", "");
    project.sluice(&["run", "--resume", "latest"]).expect(0);
    assert_eq!(project.read("ends"), "hook\n");
}

#[test]
fn a_workflow_runs_another_with_parameters_and_reads_its_outputs() {
    let project = Project::new();
    project.file(
        "inner.toml",
        r#"
[params]
n = { type = "integer" }
[outputs]
double = "calc.out"
[tasks.calc]
uses = "shell"
with = { script = 'printf "%s" $((2 * $1)) > "$SLUICE_OUTPUT_OUT"', args = ["{{ params.n }}"], outputs = { out = "value" } }
"#,
    );
    project.file(
        "outer.toml",
        r#"
[tasks.inner]
uses = "workflow"
with = { file = "inner.toml", params = { n = 21 } }
[tasks.show]
uses = "shell"
with = { script = 'echo "double is $1"', args = ["{{ tasks.inner.outputs.double }}"] }
"#,
    );
    project.sluice(&["run", "outer.toml"]).expect(0);
    let runs = project.sluice(&["runs", "list", "--format", "json"]).expect(0).json();
    // Both may have begun in the same millisecond, in which no order is promised.
    let of = |workflow: &str| runs.as_array().unwrap().iter().find(|run| run["workflow"] == workflow);
    assert_eq!(runs.as_array().unwrap().len(), 2, "{runs}");
    assert_eq!(of("inner").unwrap()["status"], "succeeded");
    let outer = of("outer").unwrap()["id"].as_str().unwrap();
    assert_eq!(project.sluice(&["runs", "logs", outer, "show"]).expect(0).stdout, "double is 42\n");
}

#[test]
fn a_workflow_that_another_runs_is_taken_over_after_a_crash() {
    let project = Project::new();
    project.file(
        "inner.toml",
        "[tasks.slow]\nuses = \"shell\"\nwith = { script = 'echo x >> began; while ! test -e go; do sleep 0.02; done' }\n",
    );
    project.file("outer.toml", "[tasks.inner]\nuses = \"workflow\"\nwith = { file = \"inner.toml\" }\n");
    let mut child = project.spawn(&["run", "outer.toml"]);
    project.wait_for_file("began");
    child.kill().unwrap();
    child.wait().unwrap();
    project.file("go", "");
    project.sluice(&["run", "outer.toml"]).expect(0);
    assert_eq!(project.read("began"), "x\n");
    let runs = project.sluice(&["runs", "list", "--format", "json"]).expect(0).json();
    let ends: Vec<_> = runs.as_array().unwrap().iter().map(|run| run["status"].clone()).collect();
    assert_eq!(ends, ["succeeded", "succeeded"]);
}

#[test]
fn a_secret_is_seen_by_the_program_and_by_nobody_else() {
    let project = Project::new();
    project.file("token", "hunter2-is-long\n");
    project.file(
        "w.toml",
        r#"
[tasks.a]
uses = "shell"
secrets = { TOKEN = { file = "token" } }
with = { script = 'test "$TOKEN" = "$(cat token)" && echo "token $TOKEN"; printf "%s" "$TOKEN" | base64; echo "$TOKEN" >&2; exit 3' }
"#,
    );
    let ran = project.sluice(&["run", "w.toml"]).expect(1);
    let log = project.sluice(&["runs", "logs", "latest", "a"]).expect(0).stdout;
    assert!(log.starts_with("token ***\n"), "{log}");
    let shown = project.sluice(&["runs", "show", "latest", "--format", "json"]).expect(0).stdout;
    for text in [&ran.stdout, &ran.stderr, &log, &shown] {
        assert!(!text.contains("hunter2") && !text.contains("aHVudGVyMi1pcy1sb25n"), "{text}");
    }
    assert_eq!(project.files_with("hunter2"), Vec::<String>::new());
}

#[test]
fn a_run_that_takes_too_long_fails() {
    let project = Project::new();
    project.file(
        "w.toml",
        "timeout = \"100ms\"\n[tasks.a]\nuses = \"shell\"\nwith = { command = [\"sleep\", \"600\"] }\n",
    );
    let ran = project.sluice(&["run", "w.toml"]).expect(1);
    assert!(ran.stdout.contains("failed"), "{}", ran.stdout);
    let story = project.sluice(&["runs", "show", "latest"]).expect(0).stdout;
    assert!(story.contains("the run took longer than its timeout of 0.1 s"), "{story}");
}

#[test]
fn the_run_goes_on_without_a_task_that_may_fail() {
    let project = Project::new();
    project.file(
        "w.toml",
        r#"
[tasks.a]
uses = "shell"
continue_on_failure = true
with = { command = ["false"] }
[tasks.b]
uses = "noop"
needs = ["a"]
"#,
    );
    project.sluice(&["run", "w.toml"]).expect(0);
    assert_eq!(project.task("latest", "b")["state"], "succeeded");
}

#[test]
fn memory_that_runs_out_is_told() {
    let project = Project::new();
    project.file(
        "w.toml",
        r#"
[tasks.a]
uses = "shell"
resources = { memory = "64MB" }
with = { command = ["python3", "-c", "x = bytearray(400_000_000)"] }
"#,
    );
    let ran = project.sluice(&["run", "w.toml"]);
    let task = project.task("latest", "a");
    if ran.code == 0 {
        // Where no group can be limited, the log says so.
        let log = project.sluice(&["runs", "logs", "latest", "a"]).stdout;
        assert!(log.contains("memory"), "{log}");
    } else {
        assert_eq!(task["error"]["code"], "out_of_memory");
    }
}
