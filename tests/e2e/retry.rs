//! Retries, timeouts, conditions and failures.

use crate::project::Project;

const COUNTING: &str = r#"
name = "flaky"
[tasks.flaky]
uses  = "shell"
with  = { script = "echo x >> tries; test $(wc -l < tries) -ge 3" }
retry = { attempts = 3, initial = "10ms" }
[tasks.after]
uses  = "shell"
needs = ["flaky"]
with  = { script = "echo done > after" }
"#;

#[test]
fn a_task_is_tried_again_until_it_succeeds() {
    let project = Project::new();
    project.file("w.toml", COUNTING);
    project.sluice(&["run", "w.toml"]).expect(0);
    assert_eq!(project.read("tries"), "x\nx\nx\n");
    assert_eq!(project.read("after"), "done\n");
    assert_eq!(project.task("latest", "flaky")["attempts"], 3);
}

#[test]
fn a_task_that_never_succeeds_fails_the_run_and_skips_what_stands_behind_it() {
    let project = Project::new();
    project.file("w.toml", COUNTING.replace("-ge 3", "-ge 9"));
    let ran = project.sluice(&["run", "w.toml"]).expect(1);
    assert!(ran.stdout.contains("exited with code 1"), "{}", ran.stdout);
    assert_eq!(project.task("latest", "after")["state"], "skipped");
    assert_eq!(project.read("after"), "");
}

#[test]
fn a_timeout_stops_the_task_with_everything_it_started() {
    let project = Project::new();
    project.file(
        "w.toml",
        "name = \"slow\"\n[tasks.slow]\nuses = \"shell\"\ntimeout = 0.3\nwith = { script = \"setsid sleep 600 & sleep 600\" }\n",
    );
    let ran = project.sluice(&["run", "w.toml"]).expect(1);
    assert!(ran.stdout.contains("timeout of 0.3 s"), "{}", ran.stdout);
    assert_eq!(project.processes(), Vec::<u32>::new());
}

#[test]
fn a_condition_that_is_false_skips_the_task() {
    let project = Project::new();
    project.file(
        "w.toml",
        r#"
name = "conditional"
[params]
go = { type = "boolean", default = false }
[tasks.a]
uses = "shell"
when = "params.go"
with = { script = "echo a > a" }
"#,
    );
    project.sluice(&["run", "w.toml"]).expect(0);
    assert_eq!(project.task("latest", "a")["state"], "skipped");
    project.sluice(&["run", "w.toml", "-p", "go=true"]).expect(0);
    assert_eq!(project.read("a"), "a\n");
}

#[test]
fn a_failed_run_goes_on_after_the_cause_is_gone() {
    let project = Project::new();
    project.file(
        "w.toml",
        r#"
name = "w"
[tasks.a]
uses = "shell"
with = { script = "echo a >> ran" }
[tasks.b]
uses = "shell"
needs = ["a"]
with = { script = "test -e cause && echo b >> ran" }
[tasks.c]
uses = "shell"
needs = ["b"]
with = { script = "echo c >> ran" }
"#,
    );
    let ran = project.sluice(&["run", "w.toml"]).expect(1);
    assert!(ran.stdout.contains("sluice runs retry"), "{}", ran.stdout);
    project.sluice(&["runs", "retry", "latest"]).expect(1);
    project.file("cause", "");
    project.sluice(&["runs", "retry", "latest"]).expect(0);
    assert_eq!(project.read("ran"), "a\nb\nc\n");
    assert_eq!(project.task("latest", "b")["attempts"], 3);
    let listed = project.sluice(&["runs", "list", "--format", "json"]).expect(0).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    let refused = project.sluice(&["runs", "retry", "latest"]).expect(2);
    assert!(refused.stderr.contains("nothing to repeat"), "{}", refused.stderr);
    project.sluice(&["doctor"]).expect(0);
}

#[test]
fn an_alarm_runs_only_after_a_failure_and_a_clean_up_always() {
    let project = Project::new();
    let text = r#"
name = "w"
[tasks.work]
uses = "shell"
with = { script = "test -e good" }
[tasks.alarm]
uses = "shell"
needs = ["work"]
run_if = "any_failed"
env = { STATE = "{{ tasks.work.status }}" }
with = { script = "echo alarm $STATE >> ran" }
[tasks.tidy]
uses = "shell"
needs = ["work", "alarm"]
run_if = "all_done"
with = { script = "echo tidy >> ran" }
"#;
    project.file("w.toml", text);
    project.sluice(&["run", "w.toml"]).expect(1);
    assert_eq!(project.read("ran"), "alarm failed\ntidy\n");
    project.file("good", "");
    project.file("ran", "");
    project.sluice(&["run", "w.toml"]).expect(0);
    assert_eq!(project.read("ran"), "tidy\n");
    assert_eq!(project.task("latest", "alarm")["state"], "skipped");
    project.file("w.toml", text.replace("any_failed", "any_faild"));
    let refused = project.sluice(&["check", "w.toml"]).expect(2);
    assert!(refused.stderr.contains("did you mean `any_failed`?"), "{}", refused.stderr);
}
