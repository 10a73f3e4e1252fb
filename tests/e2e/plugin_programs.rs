//! Plugins that are programs: the SDK for Python, and a program with every fault (`tests/plugins/rude.py`).

use std::path::PathBuf;

use crate::{
    plugin_faults::project,
    project::{Project, repository, wait_until},
};

fn rude(mode: &str) -> Project {
    let project = project();
    let program = std::fs::read(repository().join("tests/plugins/rude.py")).expect("the program");
    project.file("plugins/rude/rude.py", program);
    let command = format!("name = \"rude\"\ncommand = [\"python3\", \"rude.py\", \"{mode}\"]\n");
    project.file("plugins/rude/plugin.toml", command);
    project
}

#[test]
fn a_program_that_goes_wrong_fails_its_task_by_name_and_the_others_go_on() {
    let project = rude("");
    let outside = project.path("escaped");
    let task = |name: &str, rest: &str| format!("[tasks.{name}]\nuses = \"rude.{name}\"\n{rest}\n");
    let text = [
        "name = \"rude\"\nmax_parallel = 2\n".to_owned(),
        [
            "garbage",
            "exit",
            "crash",
            "climb",
            "missing",
            "silent",
            "long",
            "raises",
            "strays",
            "folder",
            "bad_value",
        ]
        .map(|name| task(name, ""))
        .concat(),
        task("hang", "timeout = \"300ms\""),
        task("escape", &format!("with = {{ path = \"{}\" }}", outside.display())),
        task("good", ""),
        "[tasks.again]\nuses = \"rude.good\"\nneeds = [\"good\"]\ncache = false\n".to_owned(),
    ]
    .concat();
    project.file("rude.toml", &text);
    project.sluice(&["run", "rude.toml"]).expect(1);
    let expected = [
        (
            "garbage",
            "plugin `rude` wrote a line that is no message on its protocol channel: `Loading weights… done`",
        ),
        (
            "exit",
            "plugin `rude` ended with exit code 3 in the middle of the task; it last wrote:\nout of ideas",
        ),
        ("crash", "plugin `rude` ended with signal: 11 (SIGSEGV)"),
        ("climb", "plugin `rude`: `../../out` of type `file` cannot be an output"),
        ("missing", "plugin `rude`: output `out` was not written"),
        ("silent", "plugin `rude` closed its protocol channel in the middle of the task"),
        ("long", "plugin `rude` wrote a line that is no message on its protocol channel: `xxxxx"),
        ("raises", "plugin `rude`: no luck today"),
        ("strays", "plugin `rude`: left something running"),
        ("folder", "plugin `rude`: output `out` could not be kept"),
        ("bad_value", "plugin `rude`: `out` of type `any` cannot be an output"),
        ("hang", "took longer than its timeout of 0.3 s; plugin `rude` did not stop when it was asked to"),
    ];
    for (task, begin) in expected {
        let message =
            project.task("latest", task)["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.starts_with(begin), "{task}: {message}");
    }
    assert_eq!(project.task("latest", "good")["state"], "succeeded");
    assert_eq!(project.task("latest", "again")["state"], "succeeded");
    let log = project.sluice(&["runs", "logs", "latest", "good"]).expect(0).stdout;
    assert!(log.contains("a note beside the protocol"), "{log}");
    let log = project.sluice(&["runs", "logs", "latest", "escape"]).stdout;
    assert!(!outside.exists() || log.contains("no Landlock"), "{log}");
    wait_until("nothing that the tasks started is left", || project.processes().is_empty());
}

#[test]
fn one_program_serves_many_tasks() {
    let project = rude("");
    let tasks: String =
        (0..6).map(|n| format!("[tasks.t{n}]\nuses = \"rude.good\"\ncache = false\n")).collect();
    project.file("many.toml", format!("name = \"many\"\nmax_parallel = 1\n{tasks}"));
    project.sluice(&["run", "many.toml"]).expect(0);
    let pid = |task: &str| project.task("latest", task)["metrics"]["pid"].clone();
    for n in 1..6 {
        assert_eq!(pid(&format!("t{n}")), pid("t0"));
    }
}

#[test]
fn a_program_that_does_not_introduce_itself_well_is_refused() {
    let cases = [
        (
            "garbage",
            "plugin `rude` wrote a line that is no message on its protocol channel: `Welcome to rude 1.0!`",
        ),
        ("exit", "plugin `rude` ended with exit code 1; it last wrote:\nno licence found"),
        (
            "version",
            "plugin `rude` speaks version 2 of the protocol `sluice-plugin`, not version 1 of `sluice-plugin`,",
        ),
    ];
    for (mode, begin) in cases {
        let project = rude(mode);
        let listed = project.sluice(&["plugins", "list", "--format", "json"]).expect(0).json();
        let message = listed[0]["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.starts_with(begin), "{mode}: {message}");
    }
}

/// The interpreter's environment with scikit-learn that the continuous build makes.
fn environment() -> Option<PathBuf> {
    let folder = std::env::var_os("SLUICE_TEST_VENV").map(PathBuf::from);
    assert!(
        folder.is_some() || std::env::var_os("CI").is_none(),
        "`.ci/run` makes an environment with scikit-learn"
    );
    if folder.is_none() {
        #[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
        let () = println!("skipped: SLUICE_TEST_VENV names no environment with scikit-learn and pyarrow");
    }
    folder
}

#[test]
fn a_model_of_scikit_learn_passes_through_the_same_gate() {
    let Some(environment) = environment() else { return };
    let project = crate::plugins::with_example_plugins();
    let run = |args: &[&str]| {
        let output = project
            .command(args)
            .current_dir(project.path("workflows/plugins"))
            .env("SLUICE_HOME", project.path("workflows/plugins/.sluice"))
            .env("VIRTUAL_ENV", &environment)
            .output()
            .expect("the binary starts");
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code(), text)
    };
    let (code, printed) = run(&["plugins", "test", "../../plugins/examples/sklearn"]);
    assert_eq!(code, Some(0), "{printed}");
    let (code, printed) = run(&["run", "sklearn.toml"]);
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("gate    passed"), "{printed}");
}
