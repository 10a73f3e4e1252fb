//! What attempts leave on the disk: as little as they can.

use crate::project::Project;

#[test]
fn only_a_log_with_lines_stays_of_an_attempt() {
    let project = Project::new();
    project.file(
        "w.toml",
        "name = \"w\"\n\
         [tasks.silent]\nuses = \"shell\"\nwith = { command = [\"true\"] }\n\
         [tasks.loud]\nuses = \"shell\"\nwith = { script = \"echo hello; echo 1 > $SLUICE_OUTPUT_N\", outputs = { n = \"value\" } }\n\
         [tasks.joined]\nuses = \"noop\"\nneeds = [\"silent\"]\ninputs = { n = \"loud\" }\nwith = { message = \"both are there\" }\n",
    );
    let ran = project.sluice(&["run", "w.toml"]).expect(0);
    assert!(ran.stdout.contains("both are there"), "{}", ran.stdout);
    let id = project.sluice(&["runs", "list", "--format", "json"]).expect(0).json()[0]["id"].clone();
    let attempts = project.path(&format!(".sluice/runs/{}/attempts", id.as_str().expect("an id")));
    let names: Vec<_> =
        attempts.read_dir().expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names, ["loud-1.txt"]);
    let workers = project.path(".sluice/workers").read_dir().expect("a folder");
    assert_eq!(workers.count(), 0, "no worker is left");
    let logs = project.sluice(&["runs", "logs", "latest"]).expect(0);
    assert!(logs.stdout.contains("hello"), "{}", logs.stdout);
}
