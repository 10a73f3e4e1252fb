//! What `sluice check` says of broken workflows: every problem at once, with line, column and remedy; nothing is written.

use crate::project::{Project, Ran};

/// Checks a file and returns what was said; the exit code is 2 and nothing is written.
#[track_caller]
fn refused(project: &Project, content: impl AsRef<[u8]>) -> String {
    project.file("w.toml", content).file("data.csv", "a,b\n1,x\n2,y\n");
    let checked = project.sluice(&["check", "w.toml"]).expect(2);
    assert_eq!(checked.stdout, "");
    assert!(!checked.stderr.contains("panicked"), "{}", checked.stderr);
    assert!(!project.path(".sluice").exists(), "checking writes nothing");
    let json = project.sluice(&["check", "w.toml", "--format", "json"]).expect(2).json();
    let n_errors =
        json.as_array().expect("a list").iter().filter(|found| found["severity"] == "error").count();
    let n_printed = checked.stderr.lines().filter(|line| line.starts_with("error[")).count();
    assert_eq!(n_errors.min(50), n_printed, "{}", checked.stderr);
    checked.stderr
}

#[track_caller]
fn assert_says(said: &str, wanted: &[&str]) {
    for wanted in wanted {
        assert!(said.contains(wanted), "`{wanted}` is missing in:\n{said}");
    }
}

const READ: &str = "[tasks.raw]\nuses = \"data.read\"\nwith = { path = \"data.csv\" }\n";

#[test]
fn every_problem_of_a_file_is_reported_at_once() {
    let project = Project::new();
    let said = refused(
        &project,
        r#"name = "w"
colour = "red"
[tasks.raw]
uses = "data.read"
with = { path = "data.csv", hedaer = true }
[tasks.split]
uses = "data.split"
inputs = { table = "rwa" }
with = { test_fraction = 1.5, seed = "{{ params.seed }}" }
[tasks.half]
uses = "data.split"
inputs = { table = "raw" }
with = { test_fraction = 0.5, seed = "{{ 1 + }}" }
[tasks.model]
uses = "train.svn"
inputs = { table = "split.train" }
[tasks.other]
uses = "train.svm"
inputs = { table = "half.train" }
with = { target = "bb", c = "high" }
[tasks.gate]
uses = "gate"
inputs = { report = "raw" }
with = { require = [{ metric = "recall", min = 0.9 }] }
"#,
    );
    assert_says(
        &said,
        &[
            "error[E005]: unknown key `colour`",
            "w.toml:2:1",
            "error[E018]: unknown parameter `hedaer`",
            "w.toml:5:29",
            "did you mean `header`?",
            "error[E012]: there is no task `rwa`",
            "w.toml:8:20",
            "did you mean `raw`?",
            "error[E020]: `test_fraction` must be below 1, found 1.5",
            "w.toml:9:26",
            "error[E024]: there is no parameter `seed`",
            "w.toml:9:49",
            "error[E023]: bad expression",
            "error[E010]: there is no kind `train.svn`",
            "did you mean `train.svm`?",
            "error[E019]: `c` must be a number, found a string",
            "error[E025]: task `other`: the table has no column `bb`",
            "w.toml:20:19",
            "error[E016]: input `report` of `gate` takes a report, but `raw` gives a table",
            "w.toml:23:21",
            "has 10 errors; nothing was run",
        ],
    );
}

#[test]
fn a_cycle_is_printed_as_a_path() {
    let project = Project::new();
    let task = |name: &str, needs: &str| {
        format!("[tasks.{name}]\nuses = \"shell\"\nneeds = [\"{needs}\"]\nwith = {{ script = \"true\" }}\n")
    };
    let text = format!("name = \"w\"\n{}{}{}", task("a", "b"), task("b", "c"), task("c", "a"));
    assert_says(&refused(&project, text), &["error[E017]: tasks wait for each other: a -> c -> b -> a"]);
    let alone = format!("name = \"w\"\n{}", task("a", "a"));
    assert_says(&refused(&project, alone), &["error[E017]", "a -> a"]);
}

#[test]
fn a_task_that_is_there_twice_is_named_once() {
    let project = Project::new();
    let said = refused(&project, format!("name = \"w\"\n{READ}{READ}"));
    assert_says(&said, &["error[E004]: `raw` is used twice", "w.toml:5:8", "has 1 error;"]);
}

#[test]
fn a_target_that_the_data_lacks_is_found_before_anything_runs() {
    let project = Project::with_examples();
    let text = project
        .read("workflows/breast-cancer.toml")
        .replace("target     = \"diagnosis\"", "target = \"diagnossi\"");
    project.file("workflows/breast-cancer.toml", text);
    let checked = project.sluice(&["check", "workflows/breast-cancer.toml"]).expect(2);
    assert_says(
        &checked.stderr,
        &["error[E025]", "no column `diagnossi`", "did you mean `diagnosis`?", ":29:10"],
    );
    project.sluice(&["run", "workflows/breast-cancer.toml"]).expect(2);
    assert!(!project.path(".sluice").exists(), "a workflow that is not valid leaves nothing behind");
}

#[test]
fn what_is_no_workflow_at_all_is_refused_politely() {
    let project = Project::new();
    assert_says(&refused(&project, ""), &["error[E003]: the file is empty"]);
    assert_says(&refused(&project, "# only a remark\n"), &["error[E003]: the file is empty"]);
    assert_says(&refused(&project, "name = \"w\"\n"), &["error[E003]: the workflow has no tasks"]);
    assert_says(
        &refused(&project, b"name = \"\xff\""),
        &["error[E001]: the file is not UTF-8", "w.toml:1:8"],
    );
    assert_says(&refused(&project, "name = \n"), &["error[E002]: this is not TOML", "w.toml:1:8"]);
    assert_says(&refused(&project, "name = 1979-05-27\ntasks = 3\n"), &["error[E007]"]);
}

#[test]
fn huge_and_deep_files_are_answered_without_a_panic() {
    let project = Project::new();
    let long = format!("name = \"w\"\nx = \"{}\"\n{READ}", "a".repeat(10_000_000));
    let said = refused(&project, long);
    assert_says(&said, &["error[E005]: unknown key `x`", "w.toml:2:1"]);
    assert!(said.len() < 4000, "the long line is cut");
    let said = refused(&project, format!("name = \"w\"\n[{}]\n", vec!["a"; 10_000].join(".")));
    assert_says(&said, &["error[E002]: this is nested too deeply to be read", "w.toml:2:1"]);
    let said =
        refused(&project, format!("name = \"w\"\nx = {}1{}\n", "{a=".repeat(10_000), "}".repeat(10_000)));
    assert_says(&said, &["error[E002]: this is nested too deeply to be read", "w.toml:2:"]);
    let many: String = (0..10_000).map(|table| format!("[t{table}.a.b]\nx = 1\n")).collect();
    assert_says(&refused(&project, format!("name = \"w\"\n{many}")), &["error[E005]"]);
}

#[test]
fn folders_and_absent_files_are_named() {
    let project = Project::new();
    let said = |ran: Ran| ran.expect(2).stderr;
    assert_says(&said(project.sluice(&["check", "."])), &["error: cannot read `.`", "hint:"]);
    assert_says(
        &said(project.sluice(&["check", "absent.toml"])),
        &["error: cannot read `absent.toml`", "hint:"],
    );
    assert_says(&said(project.sluice(&["run", "absent.toml"])), &["error: cannot read `absent.toml`"]);
    assert_says(&said(project.sluice(&["check"])), &["required arguments"]);
}

#[test]
fn values_from_the_command_line_are_checked_too() {
    let project = Project::with_examples();
    let file = "workflows/breast-cancer.toml";
    for (given, wanted) in [
        ("seed=x", "error[E026]"),
        ("min_recall=1.5", "error[E026]"),
        ("sed=1", "did you mean `seed`?"),
        ("target=moon", "error[E026]"),
        ("seed", "has no `=`"),
    ] {
        assert_says(&project.sluice(&["check", file, "-p", given]).expect(2).stderr, &[wanted]);
    }
    project.sluice(&["check", file, "-p", "seed=7", "-p", "min_recall=0.5"]).expect(0);
}

#[test]
fn a_file_that_an_earlier_task_makes_need_not_be_there_yet() {
    let project = Project::new();
    let make = "[tasks.make]\nuses = \"shell\"\nwith = { script = \"printf 'a,b\\\\n1,2\\\\n3,4\\\\n' > made.csv\" }\n";
    let read = "[tasks.read]\nuses = \"data.read\"\nwith = { path = \"made.csv\" }\n";
    project.file("w.toml", format!("name = \"w\"\n{make}{read}needs = [\"make\"]\n"));
    project.sluice(&["check", "w.toml"]).expect(0);
    project.sluice(&["run", "w.toml"]).expect(0);
    std::fs::remove_file(project.path("made.csv")).expect("it was made");
    project.file("w.toml", format!("name = \"w\"\n{make}{read}"));
    assert_says(&project.sluice(&["check", "w.toml"]).expect(2).stderr, &["there is no file `made.csv`"]);
}

#[test]
fn mistakes_in_what_goes_on_around_tasks_are_reported_at_once() {
    let project = Project::new();
    project
        .file("sluice.toml", "[pools]\ngpu = 2\n")
        .file("inner.toml", "name = \"inner\"\n[tasks.a]\nuses = \"shel\"\n");
    let said = refused(
        &project,
        r#"name = "w"
timeout = "soon"
[pools]
gpu = 1
[tasks.raw]
uses = "data.read"
with = { path = "data.csv" }
pool = "gpus"
resources = { memory = "2 parsecs" }
secrets = { TOKEN = "swordfish" }
retry = { on = { text = "(" } }
[tasks.each]
uses = "data.clean"
inputs = { table = "raw" }
for_each = { rate = [1, 2], mode = 3 }
when = "item.rat > 1"
[tasks.write]
uses = "data.write"
inputs = { table = "each" }
with = { path = "out.csv" }
[tasks.inner]
uses = "workflow"
with = { file = "inner.toml" }
[tasks.self]
uses = "workflow"
with = { file = "w.toml" }
[hooks.sucess]
uses = "shell"
[outputs]
all = "each"
"#,
    );
    assert_says(
        &said,
        &[
            "error[E008]: `timeout` in the workflow is no duration",
            "error[E004]: pool `gpu` is a pool of the project already",
            "error[E028]: there is no pool `gpus`",
            "did you mean `gpu`?",
            "error[E008]: `memory` in `resources` of task `raw` is no size",
            "error[E007]: secret `TOKEN` must be a table that names its source, found a string",
            "error[E008]: `text` in `on` of `retry` of task `raw` is no regular expression: unclosed group",
            "error[E007]: `mode` in `for_each` of task `each` must be a list, found an integer",
            "error[E024]: an item has no `rat`",
            "did you mean `rate`?",
            "error[E027]: task `each` gives a table for each of its items",
            "w.toml:19:20",
            "error[E029]: workflow `inner.toml` has 1 error at inner.toml:3:8: there is no kind `shel` (E010)",
            "did you mean `shell`?",
            "error[E030]: workflows contain each other: w.toml -> w.toml",
            "error[E005]: unknown key `sucess` in `hooks`",
            "w.toml:30:7",
        ],
    );
}

#[test]
fn a_broken_project_file_is_reported_in_place_of_the_workflow() {
    let project = Project::new();
    project.file("sluice.toml", "[pools]\ngpu = 0\n");
    let said = refused(&project, format!("name = \"w\"\n{READ}"));
    assert_says(
        &said,
        &[
            "error[E008]: pool `gpu` must be from 1 to 10000, found 0",
            "sluice.toml:2:7",
            "`sluice.toml` has 1 error",
        ],
    );
    project.file("sluice.toml", "[pools]\ngpu = 1\n");
    project.sluice(&["check", "w.toml"]).expect(0);
}
