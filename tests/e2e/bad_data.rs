//! Data that cannot be used: the run fails with file, row and column, and leaves the state whole.

use serde_json::json;

use crate::project::Project;

const WORKFLOW: &str = r#"
name = "w"
[tasks.raw]
uses = "data.read"
with = { path = "data.csv", types = { a = "number", b = "number", label = "text" } }
[tasks.split]
uses = "data.split"
inputs = { table = "raw" }
with = { test_fraction = 0.25, seed = 1 }
[tasks.model]
uses = "train.logistic"
inputs = { table = "split.train" }
with = { target = "label", transforms = [{ standardize = "*" }] }
"#;

/// Twelve good rows.
fn good_rows() -> String {
    (0..12)
        .map(|row| format!("{row},{},{}\n", row * row % 7, if row % 2 == 0 { "yes" } else { "no" }))
        .collect()
}

/// Runs the workflow over some data; returns the name of the task that failed and its error.
#[track_caller]
fn failure(workflow: &str, data: &str) -> (String, String) {
    let project = Project::new();
    project.file("w.toml", workflow).file("data.csv", data);
    let ran = project.sluice(&["run", "w.toml"]).expect(1);
    assert!(!ran.stdout.contains("panicked"), "{}", ran.stdout);
    let story = project.sluice(&["runs", "show", "latest", "--format", "json"]).expect(0).json();
    assert_eq!(story["status"], "failed");
    let failed = story["tasks"]
        .as_array()
        .expect("tasks")
        .iter()
        .find(|task| task["state"] == "failed")
        .expect("one failed");
    // The state is whole: it can be read, checked and used again, and nothing is half written.
    project.sluice(&["doctor"]).expect(0);
    let staged = walk(&project.path(".sluice/runs")).into_iter().find(|path| path.contains("/out/"));
    assert_eq!(staged, None, "nothing half written is left behind");
    project.file("data.csv", format!("a,b,label\n{}", good_rows()));
    project.file("w.toml", WORKFLOW);
    project.sluice(&["run", "w.toml"]).expect(0);
    (failed["name"].as_str().unwrap_or_default().to_owned(), ran.stdout)
}

/// Every file below a folder.
fn walk(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            found.extend(walk(&entry.path()));
        } else {
            found.push(entry.path().display().to_string());
        }
    }
    found
}

#[track_caller]
fn assert_fails(data: &str, task: &str, wanted: &[&str]) {
    assert_fails_in(WORKFLOW, data, task, wanted);
}

#[track_caller]
fn assert_fails_in(workflow: &str, data: &str, task: &str, wanted: &[&str]) {
    let (failed, said) = failure(workflow, data);
    assert_eq!(failed, task, "{said}");
    for wanted in wanted {
        assert!(said.contains(wanted), "`{wanted}` is missing in:\n{said}");
    }
}

#[test]
fn a_ragged_row_is_named_with_its_file_and_line() {
    let data = format!("a,b,label\n1,2,yes\n3,4\n{}", good_rows());
    assert_fails(&data, "raw", &["data.csv", "line 3"]);
}

#[test]
fn text_in_a_number_column_is_named_with_its_row_and_column() {
    let data = format!("a,b,label\n{}9,soon,yes\n", good_rows());
    assert_fails(&data, "raw", &["data.csv", "line 14", "`b`", "soon"]);
    // Without declared types the column is nearly a column of numbers, which is just as wrong.
    let inferred = WORKFLOW.replace(", types = { a = \"number\", b = \"number\", label = \"text\" }", "");
    assert_fails_in(&inferred, &data, "raw", &["data.csv", "line 14", "`b`", "soon"]);
}

#[test]
fn a_column_without_any_value_is_named() {
    let data: String =
        (0..12).map(|row| format!("{row},,{}\n", if row % 2 == 0 { "yes" } else { "no" })).collect();
    assert_fails(&format!("a,b,label\n{data}"), "model", &["`b`"]);
    let inferred = WORKFLOW.replace(", types = { a = \"number\", b = \"number\", label = \"text\" }", "");
    assert_fails_in(&inferred, &format!("a,b,label\n{data}"), "raw", &["data.csv", "`b`", "12 rows"]);
    let cleaned = WORKFLOW.replace(
        "[tasks.split]\nuses = \"data.split\"\ninputs = { table = \"raw\" }",
        "[tasks.clean]\nuses = \"data.clean\"\ninputs = { table = \"raw\" }\nwith = { fill_missing = { b = \"mean\" } }\n[tasks.split]\nuses = \"data.split\"\ninputs = { table = \"clean\" }",
    );
    assert_fails_in(&cleaned, &format!("a,b,label\n{data}"), "clean", &["`b`"]);
}

#[test]
fn one_class_only_is_no_training_data() {
    let data: String = (0..12).map(|row| format!("{row},{},yes\n", row % 5)).collect();
    assert_fails(&format!("a,b,label\n{data}"), "model", &["`label`", "one class"]);
}

#[test]
fn numbers_that_are_none_are_named() {
    for bad in ["NaN", "inf", "-Infinity"] {
        let data = format!("a,b,label\n{}9,{bad},yes\n", good_rows());
        let (_, said) = failure(WORKFLOW, &data);
        assert!(
            said.contains("data.csv") && said.contains("line 14") && said.contains("`b`"),
            "{bad}: {said}"
        );
    }
}

#[test]
fn a_table_without_rows_is_refused() {
    assert_fails("a,b,label\n", "raw", &["data.csv", "zero rows"]);
    assert_fails("", "raw", &["data.csv"]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let project = Project::new();
    project.file("w.toml", WORKFLOW);
    let ran = project.sluice(&["run", "w.toml"]);
    assert!(ran.code == 1 || ran.code == 2, "{} {}", ran.stdout, ran.stderr);
    assert!(format!("{}{}", ran.stdout, ran.stderr).contains("data.csv"));
    assert_eq!(project.sluice(&["models", "list", "--format", "json"]).expect(0).json(), json!([]));
}
