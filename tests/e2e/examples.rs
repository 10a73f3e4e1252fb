//! The example workflows, from a clean folder.

use crate::project::Project;

#[test]
fn every_example_checks_and_draws() {
    let project = Project::with_examples();
    for name in ["breast-cancer", "diabetes", "iris"] {
        let file = format!("workflows/{name}.toml");
        project.sluice(&["check", &file]).expect(0);
        for format in ["text", "dot", "mermaid", "svg"] {
            let drawn = project.sluice(&["graph", &file, "--format", format]).expect(0).stdout;
            assert!(drawn.contains("gate"), "{drawn}");
        }
    }
    assert!(!project.path(".sluice").exists(), "checking and drawing write nothing");
}

#[test]
fn diabetes_and_iris_run_to_the_end() {
    let project = Project::with_examples();
    project.sluice(&["run", "workflows/diabetes.toml"]).expect(0);
    let scores = project.task("latest", "scores");
    assert!(scores["metrics"]["r2"].as_f64().is_some_and(|r2| r2 > 0.3), "{scores}");
    project.sluice(&["run", "workflows/iris.toml"]).expect(0);
    let gate = project.task("latest", "gate");
    assert_eq!(gate["verdict"]["decision"], "pass");
}

#[test]
fn the_schema_and_every_kind_are_documented() {
    let project = Project::new();
    let schema = project.sluice(&["schema"]).expect(0).json();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    let kinds = project.sluice(&["kinds", "list", "--format", "json"]).expect(0).json();
    for kind in kinds.as_array().expect("a list") {
        let name = kind["name"].as_str().expect("a name");
        assert!(kind["doc"].as_str().is_some_and(|doc| !doc.is_empty()), "`{name}` has no documentation");
        for (param, property) in kind["params"]["properties"].as_object().expect("parameters") {
            let described = property["description"].is_string() || property["$ref"].is_string();
            assert!(described, "`{name}` does not document `{param}`");
        }
        project.sluice(&["kinds", "show", name]).expect(0);
    }
}
