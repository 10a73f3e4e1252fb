//! What is unchanged is not done again, and every hit and miss has its reason.

use crate::project::Project;

#[test]
fn a_second_run_is_served_from_the_cache_up_to_the_gate() {
    let project = Project::with_examples();
    project.sluice(&["run", "workflows/breast-cancer.toml"]).expect(0);
    let plan = project.sluice(&["plan", "workflows/breast-cancer.toml", "--format", "json"]).expect(0).json();
    let again = project.sluice(&["run", "workflows/breast-cancer.toml", "--format", "json"]).expect(0).json();
    for name in ["raw", "clean", "split", "model", "scores", "gate"] {
        let planned =
            plan.as_array().expect("a list").iter().find(|task| task["name"] == name).expect("planned");
        assert_eq!(planned["would"], "cached", "{planned}");
        let task = again["tasks"]
            .as_array()
            .expect("tasks")
            .iter()
            .find(|task| task["name"] == name)
            .expect("a task");
        assert_eq!(task["cached"], true, "{task}");
    }
    let models = project.sluice(&["models", "list", "--format", "json"]).expect(0).json();
    assert_eq!(models[0]["n_versions"], 1, "the same bundle is not registered twice");
}

#[test]
fn why_names_the_part_that_changed() {
    let project = Project::with_examples();
    project.sluice(&["run", "workflows/iris.toml"]).expect(0);
    let text = project.read("workflows/iris.toml").replace("seed = 1", "seed = 2");
    project.file("workflows/iris.toml", text);
    project.sluice(&["run", "workflows/iris.toml"]).expect(0);
    let why = project.sluice(&["why", "latest", "scores"]).expect(0).stdout;
    assert!(why.contains("`with.seed` changed"), "{why}");
    assert!(why.contains("with.seed: 1 -> 2"), "{why}");
    let hit = project.sluice(&["why", "latest", "raw"]).expect(0).stdout;
    assert!(hit.contains("was not run"), "{hit}");
}

#[test]
fn changed_data_is_noticed() {
    let project = Project::with_examples();
    project.sluice(&["run", "workflows/iris.toml"]).expect(0);
    let data = project.read("workflows/data/iris.csv");
    let without_last = data.trim_end().rsplit_once('\n').expect("many lines").0.to_owned() + "\n";
    project.file("workflows/data/iris.csv", without_last);
    project.sluice(&["run", "workflows/iris.toml"]).expect(0);
    assert_eq!(project.task("latest", "raw")["cached"], false);
    let why = project.sluice(&["why", "latest", "raw"]).expect(0).stdout;
    assert!(why.contains("file.data/iris.csv"), "{why}");
}

#[test]
fn a_shell_task_is_cached_only_when_it_says_so() {
    let project = Project::new();
    let text =
        "name = \"w\"\n[tasks.a]\nuses = \"shell\"\ncache = true\nwith = { script = \"echo x >> ran\" }\n";
    project.file("w.toml", text);
    project.sluice(&["run", "w.toml"]).expect(0);
    project.sluice(&["run", "w.toml"]).expect(0);
    assert_eq!(project.read("ran"), "x\n");
    project.sluice(&["run", "w.toml", "--no-cache"]).expect(0);
    assert_eq!(project.read("ran"), "x\nx\n");
    project.file("w.toml", text.replace("cache = true\n", ""));
    project.sluice(&["run", "w.toml"]).expect(0);
    assert_eq!(project.read("ran"), "x\nx\nx\n");
}

#[test]
fn two_runs_are_compared_by_what_went_in_and_what_came_out() {
    let project = Project::with_examples();
    let file = "workflows/diabetes.toml";
    project.sluice(&["run", file]).expect(0);
    let first = project.sluice(&["runs", "list", "--format", "json"]).expect(0).json()[0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let same = project.sluice(&["runs", "diff", &first]).expect(0).stdout;
    assert!(same.contains("9 tasks are the same"), "{same}");
    let text = project.read(file).replace("test_fraction = 0.2", "test_fraction = 0.4");
    project.file(file, text);
    project.sluice(&["run", file]).expect(0);
    let diff = project.sluice(&["runs", "diff", &first, "latest"]).expect(0).stdout;
    for wanted in ["the workflow's file differs", "with.test_fraction: 0.2 -> 0.4", "rmse", "DIFFERENCE"] {
        assert!(diff.contains(wanted), "{wanted} is missing in {diff}");
    }
    project.sluice(&["runs", "diff", &first, "latest", "--fail-if", "r2 < 1"]).expect(1);
    project.sluice(&["runs", "diff", &first, "latest", "--fail-if", "tasks.scores.r2 > 1"]).expect(0);
    let refused = project.sluice(&["runs", "diff", &first, "latest", "--fail-if", "r3 < 1"]).expect(2);
    assert!(refused.stderr.contains("`r2`"), "{}", refused.stderr);
}
