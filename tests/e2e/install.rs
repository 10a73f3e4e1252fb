//! What someone has who installed the programs and no checkout: a first project, backups, completions, pages.

use std::process::Command;

use serde_json::Value;

use crate::{
    daemon::Daemon,
    project::{Project, http},
};

#[test]
fn a_new_project_runs_at_once_and_its_model_is_served_by_the_small_program() {
    let project = Project::new();
    let written = project.sluice(&["init"]).expect(0).stdout;
    assert!(written.contains("sluice run workflows/breast-cancer.toml"), "{written}");
    project.sluice(&["run", "workflows/breast-cancer.toml"]).expect(0);
    let deployed = project.sluice(&["deployments", "list", "--format", "json"]).expect(0).json();
    let pid = deployed[0]["process"]["pid"].as_u64().expect("a process");
    let program = std::fs::read_link(format!("/proc/{pid}/exe")).expect("it lives");
    assert!(program.ends_with("sluice-server"), "{}", program.display());
    let address = deployed[0]["address"].as_str().expect("an address");
    let (status, reply) =
        http("POST", address, "/predict", &project.read("workflows/data/breast-cancer-row.json"));
    assert!(status == 200 && reply.contains("malignant"), "{status} {reply}");

    let again = project.sluice(&["init"]).expect(2).stderr;
    assert!(again.contains("breast-cancer.csv`") && again.contains("are there already"), "{again}");
    for name in ["iris", "diabetes", "churn", "churn-features", "digits"] {
        project.sluice(&["init", name, "--to", name]).expect(0);
        project.sluice(&["run", &format!("{name}/workflows/{name}.toml")]).expect(0);
    }
    let wrong = project.sluice(&["init", "irsi"]).expect(5).stderr;
    assert!(wrong.contains("did you mean `iris`?"), "{wrong}");
    assert_eq!(project.sluice(&["init", "--list"]).expect(0).stdout.lines().count(), 6);
}

#[test]
fn the_server_refuses_a_bundle_that_is_not_the_one_asked_for() {
    let project = Project::new();
    project.file("x.bundle", "no bundle");
    let server = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_sluice-server"))
            .args(arguments)
            .current_dir(project.path(""))
            .output()
            .expect("it starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, text) = server(&["--bundle", "x.bundle", "--bundle-hash", "00"]);
    assert!(code == Some(2) && text.contains("not 00") && text.contains("deploy the model again"), "{text}");
    let (code, text) = server(&["--bundle", "x.bundle"]);
    assert!(code == Some(1) && text.contains("cannot load the model"), "{text}");
    let (code, text) = server(&["--bundle", "none"]);
    assert!(code == Some(1) && text.contains("cannot read `none`"), "{text}");
    assert_eq!(server(&["--port", "1"]).0, Some(2));
}

#[test]
fn a_backup_beside_the_daemon_is_a_project_of_its_own() {
    let project = Project::new();
    project.sluice(&["init", "iris"]).expect(0);
    let missing = project.sluice(&["backup", "b.tar.zst"]).expect(5).stderr;
    assert!(missing.contains("there is no state at"), "{missing}");
    let daemon = Daemon::start(&project);
    project.sluice(&["run", "workflows/iris.toml"]).expect(0);
    let report = project.sluice(&["backup", "b.tar.zst", "--format", "json"]).expect(0).json();
    assert!(report["n_files"].as_u64() > Some(5) && report["size"].as_u64() > Some(1000), "{report}");
    drop(daemon);

    let other = Project::new();
    let file = project.path("b.tar.zst").display().to_string();
    other.sluice(&["restore", &file]).expect(0);
    let runs = |project: &Project| project.sluice(&["runs", "list", "--format", "json"]).expect(0).json();
    assert_eq!(runs(&other)[0]["id"], runs(&project)[0]["id"]);
    let models: Value = other.sluice(&["models", "list", "--format", "json"]).expect(0).json();
    assert_eq!(models[0]["name"], "iris");
    let doctor = other.sluice(&["doctor"]).expect(0).stdout;
    assert!(doctor.contains("is in order: 1 runs"), "{doctor}");
    let taken = other.sluice(&["restore", &file]).expect(1).stderr;
    assert!(taken.contains("holds a state already"), "{taken}");
}

#[test]
fn shells_and_manuals_know_every_command() {
    let project = Project::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = project.sluice(&["completions", shell]).expect(0).stdout;
        assert!(script.contains("torture"), "{shell}");
    }
    project.sluice(&["man", "pages"]).expect(0);
    let page = project.read("pages/sluice-run.1");
    assert!(page.contains(".TH") && page.contains("NAME=VALUE"), "{page}");
    assert!(project.path("pages/sluice-models-promote.1").exists());
}
