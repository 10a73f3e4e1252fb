//! Going on with a run in other ways than to its end: pausing, repeating from a task, comparing.

use super::project::{Project, wait_until};

const CHAIN: &str = r#"
[params]
n = { type = "integer", default = 1 }
[tasks.a]
uses = "shell"
with = { script = 'echo a >> ran; printf "%s" "$1" > "$SLUICE_OUTPUT_N"', args = ["{{ params.n }}"], outputs = { n = "value" } }
[tasks.b]
uses = "shell"
with = { script = 'echo "b $1 $2" >> ran', args = ["{{ tasks.a.outputs.n }}", "{{ params.n }}"] }
[tasks.c]
uses = "shell"
needs = ["b"]
with = { script = "echo c >> ran" }
"#;

#[test]
fn a_rerun_takes_over_what_stands_before_a_task() {
    let project = Project::new();
    project.file("w.toml", CHAIN);
    project.sluice(&["run", "w.toml"]).expect(0);
    project.sluice(&["runs", "rerun", "latest", "--from", "b", "-p", "n=2"]).expect(0);
    assert_eq!(project.read("ran"), "a\nb 1 1\nc\nb 1 2\nc\n");
    project.sluice(&["runs", "rerun", "latest", "--from", "b", "--only"]).expect(0);
    assert_eq!(project.read("ran"), "a\nb 1 1\nc\nb 1 2\nc\nb 1 2\n");
    let skipped = project.task("latest", "c");
    assert_eq!(skipped["detail"]["reason"]["because"], "not_chosen");
}

#[test]
fn a_rerun_uses_the_recorded_workflow_or_the_current_one() {
    let project = Project::new();
    project.file("w.toml", CHAIN);
    project.sluice(&["run", "w.toml"]).expect(0);
    project.file("w.toml", CHAIN.replace("echo c", "echo d"));
    project.sluice(&["runs", "rerun", "latest", "--from", "c"]).expect(0);
    project.sluice(&["runs", "rerun", "latest", "--from", "c", "--current"]).expect(0);
    assert_eq!(project.read("ran"), "a\nb 1 1\nc\nc\nd\n");
    let missing = project.sluice(&["runs", "rerun", "latest", "--from", "bb"]).expect(5);
    assert!(missing.stderr.contains("did you mean `b`?"), "{}", missing.stderr);
}

#[test]
fn a_paused_run_starts_nothing_until_it_is_resumed() {
    let project = Project::new();
    project.file(
        "w.toml",
        r#"
[tasks.a]
uses = "shell"
with = { script = "touch began; while ! test -e go; do sleep 0.02; done; touch a" }
[tasks.b]
uses = "shell"
needs = ["a"]
with = { script = "touch b" }
"#,
    );
    let mut child = project.spawn(&["run", "w.toml"]);
    project.wait_for_file("began");
    project.sluice(&["runs", "pause", "latest"]).expect(0);
    let status =
        || project.sluice(&["runs", "list", "--format", "json"]).expect(0).json()[0]["status"].clone();
    wait_until("the run is paused", || status() == "paused");
    project.file("go", "");
    wait_until("the running task ended", || project.task("latest", "a")["state"] == "succeeded");
    assert_eq!(project.task("latest", "b")["state"], "ready");
    project.sluice(&["runs", "resume", "latest"]).expect(0);
    assert!(child.wait().unwrap().success());
    assert!(project.path("b").exists());
}

#[test]
fn a_rerun_is_no_way_around_a_gate() {
    let project = Project::new();
    project.file("data.csv", "x,y\n1,a\n2,b\n3,a\n4,b\n5,a\n6,b\n7,a\n8,b\n");
    project.file(
        "w.toml",
        r#"
[tasks.raw]
uses = "data.read"
with = { path = "data.csv" }
[tasks.scores]
uses = "cross_validate"
inputs = { table = "raw" }
with = { target = "y", estimator = { logistic = {} }, folds = 2, seed = 1 }
[tasks.gate]
uses = "gate"
inputs = { report = "scores" }
with = { require = [{ metric = "accuracy", min = 1.1 }] }
[tasks.release]
uses = "shell"
needs = ["gate"]
with = { script = "touch released" }
"#,
    );
    project.sluice(&["run", "w.toml"]).expect(3);
    let refused = project.sluice(&["runs", "rerun", "latest", "--from", "release"]).expect(2);
    assert!(refused.stderr.contains("held back: gate `gate` rejected"), "{}", refused.stderr);
    project.sluice(&["runs", "rerun", "latest", "--from", "scores"]).expect(3);
    assert!(!project.path("released").exists());
}

#[test]
fn what_failed_in_a_nested_workflow_goes_on_in_the_same_run_when_its_task_is_repeated() {
    let project = Project::new();
    project.file(
        "inner.toml",
        r#"
[tasks.a]
uses = "shell"
effect = "once"
with = { script = "echo a >> ran" }
[tasks.b]
uses = "shell"
needs = ["a"]
with = { script = "echo b >> ran; test -e fixed" }
"#,
    );
    project.file("outer.toml", "[tasks.inner]\nuses = \"workflow\"\nwith = { file = \"inner.toml\" }\n");
    project.sluice(&["run", "outer.toml"]).expect(1);
    project.file("fixed", "");
    let list = ["runs", "list", "--workflow", "outer", "--format", "json"];
    let outer = project.sluice(&list).expect(0).json()[0]["id"].as_str().expect("an id").to_owned();
    project.sluice(&["runs", "retry", &outer]).expect(0);
    assert_eq!(project.read("ran"), "a\nb\nb\n");
}
