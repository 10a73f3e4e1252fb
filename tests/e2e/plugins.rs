//! The project's own kinds, used like any other.

use std::path::{Path, PathBuf};

use crate::{
    plugin_faults::{build, project},
    project::{Project, repository},
};

/// A project with the example plugins, built, and the workflows that use them.
pub(crate) fn with_example_plugins() -> Project {
    let project = Project::with_examples();
    copy(&repository().join("plugins/examples"), &project.path("plugins/examples"));
    copy(&repository().join("workflows/plugins"), &project.path("workflows/plugins"));
    let make = |folder: &str| {
        let built = std::process::Command::new("make")
            .arg("-C")
            .arg(project.path(folder))
            .arg(format!("SDK={}", repository().join("plugins/sdk/include").display()))
            .output()
            .expect("make");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    };
    make("plugins/examples/winsorize");
    // The crate finds the SDK beside it; what was built stays for the next run of the tests.
    std::os::unix::fs::symlink(repository().join("plugins/sdk"), project.path("plugins/sdk"))
        .expect("a link");
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("plugin-examples");
    let built = std::process::Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked"])
        .current_dir(repository().join("plugins/examples/outliers"))
        .env("CARGO_TARGET_DIR", &target)
        .output()
        .expect("cargo");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let library = project.path("plugins/examples/outliers/target/release/liboutliers.so");
    std::fs::create_dir_all(library.parent().expect("a folder")).expect("writable");
    std::fs::copy(target.join("release/liboutliers.so"), library).expect("built");
    project
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("writable");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        if name == "target" || name == "__pycache__" || name == ".sluice" {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            std::fs::copy(&path, to.join(name)).expect("a copy");
        }
    }
}

/// A command in a folder of the project, with the state that belongs there.
fn sluice_in(project: &Project, folder: &str, args: &[&str]) -> (i32, String) {
    let output = project
        .command(args)
        .current_dir(project.path(folder))
        .env("SLUICE_HOME", project.path(folder).join(".sluice"))
        .output()
        .expect("the binary starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn the_examples_pass_the_suite_and_their_workflow_passes_its_gate() {
    let project = with_example_plugins();
    for plugin in ["outliers", "winsorize"] {
        project.sluice(&["plugins", "test", &format!("plugins/examples/{plugin}")]).expect(0);
    }
    let (code, printed) = sluice_in(&project, "workflows/plugins", &["run", "robust.toml"]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("8 of 442 rows"), "{printed}");
    let (code, printed) = sluice_in(&project, "workflows/plugins", &["run", "robust.toml"]);
    assert!(code == 0 && printed.contains("7 cached"), "{printed}");
}

#[test]
fn mistakes_in_the_parameters_of_a_plugin_are_told_as_those_of_a_built_in_kind() {
    let project = with_example_plugins();
    let good = project.read("workflows/plugins/robust.toml");
    let bad = good
        .replace("\"bmi\", \"bp\"", "\"bmi\", \"bq\"")
        .replace("remove = true", "remove = 1")
        .replace("\"s5\", \"s6\"", "\"s5\", \"s66\"")
        .replace("lower = 0.02, upper", "lower = 2, uper");
    project.file("workflows/plugins/bad.toml", bad);
    let (code, told) = sluice_in(&project, "workflows/plugins", &["check", "bad.toml"]);
    assert_eq!(code, 2, "{told}");
    for expected in [
        "error[E025]: task `typical`: the table has no column `bq`\n  --> bad.toml:14:30",
        "= help: did you mean `bp`?",
        "error[E019]: `remove` must be a boolean, found an integer",
        "error[E020]: `lower` must be at most 1, found 2",
        "error[E018]: unknown parameter `uper` of `winsorize.columns`",
        "= help: did you mean `upper`?",
    ] {
        assert!(told.contains(expected), "{expected}\n{told}");
    }
    assert!(!project.path("workflows/plugins/.sluice").exists(), "checking writes nothing");
}

#[test]
fn a_plugin_appears_in_kinds_and_in_the_schema_for_editors() {
    let project = project();
    build(&project, "acme", &[]);
    let kinds = project.sluice(&["kinds", "list", "--format", "json"]).expect(0).json();
    let found =
        kinds.as_array().expect("kinds").iter().find(|kind| kind["name"] == "acme.escape").expect("a kind");
    assert_eq!(
        (&found["pack"], &found["params"]["properties"]["path"]["type"]),
        (&"acme".into(), &"string".into())
    );
    let schema = project.sluice(&["schema"]).expect(0).stdout;
    assert!(schema.contains("acme.escape"), "{schema}");
    project.sluice(&["kinds", "show", "acme.escape"]).expect(0);
    project.file("w.toml", "name = \"w\"\n[tasks.t]\nuses = \"acme.godo\"\n");
    let told = project.sluice(&["check", "w.toml"]).expect(2).stderr;
    assert!(told.contains("plugin `acme` has no such kind"), "{told}");
}

#[test]
fn a_changed_plugin_runs_its_tasks_again_and_not_those_of_a_run_that_was_planned_before() {
    let project = project();
    build(&project, "acme", &[]);
    project.file("w.toml", "name = \"w\"\n[tasks.t]\nuses = \"acme.good\"\n");
    project.sluice(&["run", "w.toml"]).expect(0);
    assert!(project.sluice(&["run", "w.toml"]).expect(0).stdout.contains("1 cached"));
    build(&project, "acme", &["-O2"]);
    assert!(project.sluice(&["run", "w.toml"]).expect(0).stdout.contains("1 ran"));
}

#[test]
fn the_built_in_packs_pass_the_same_suite() {
    let project = Project::with_examples();
    for pack in ["data", "learn", "deploy", "monitor", "system"] {
        let cases = repository().join("tests/plugins").join(pack);
        let cases = cases.display().to_string();
        let ran = project.sluice(&["plugins", "test", pack, "--cases", &cases]);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn a_new_plugin_has_a_name_and_a_place_of_its_own() {
    let project = project();
    project.sluice(&["plugins", "new", "acme", "--lang", "c"]).expect(0);
    let told = project.sluice(&["plugins", "new", "acme", "--lang", "c"]).expect(2).stderr;
    assert!(told.contains("is there already"), "{told}");
    let told = project.sluice(&["plugins", "new", "Acme", "--lang", "c"]).expect(2).stderr;
    assert!(told.contains("`Acme` cannot be the name of a plugin"), "{told}");
    let told = project.sluice(&["plugins", "list"]).expect(0).stdout;
    assert!(
        told.contains("acme is refused") && told.contains("hint: build it: `make` in its folder"),
        "{told}"
    );
}
