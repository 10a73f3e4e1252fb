//! A model in service in a container. Without a Docker engine these tests say so and pass, except where `CI` is set.

use std::process::Command;

use serde_json::{Value, json};

use crate::project::{Project, http};

/// Runs `docker` and returns what it printed.
fn docker(args: &[&str]) -> Option<String> {
    let output = Command::new("docker").args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Tells whether to go on; panics in CI when there is no engine.
fn engine() -> bool {
    let there = docker(&["version"]).is_some();
    assert!(there || std::env::var_os("CI").is_none(), "CI needs a Docker engine");
    if !there {
        #[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
        let () = println!("skipped: no Docker engine answers");
    }
    there
}

/// Containers of a project that run: names.
fn containers(project: &Project) -> Vec<String> {
    let label = format!("label=sluicegate.home={}", project.path(".sluice").display());
    let listed = docker(&["ps", "--filter", &label, "--format", "{{.Names}}"]).expect("the engine answers");
    listed.lines().map(str::to_owned).collect()
}

fn deployed(project: &Project) -> Value {
    let listed = project.sluice(&["deployments", "list", "--format", "json"]).expect(0).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    listed[0].clone()
}

#[test]
fn a_container_serves_takes_over_and_survives_a_broken_successor() {
    if !engine() {
        return;
    }
    let project = Project::with_examples();
    let run = ["run", "workflows/breast-cancer.toml", "-p", "target=docker"];
    project.sluice(&run).expect(0);
    let first = deployed(&project);
    assert_eq!((&first["target"], &first["state"]), (&json!("docker"), &json!("ready")), "{first}");
    let names = containers(&project);
    assert_eq!(names, [first["container"]["name"].as_str().expect("a name")]);
    let address = first["address"].as_str().expect("an address").to_owned();
    let (status, body) = http("GET", &address, "/health/ready", "");
    assert_eq!(status, 200, "{body}");
    let (status, body) = http("POST", &address, "/predict", "[{}]");
    assert_eq!(status, 400, "{body}");
    let seen = docker(&[
        "inspect",
        &names[0],
        "--format",
        "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.Memory}}",
    ]);
    assert_eq!(seen.as_deref(), Some("65534:65534 true 536870912"));
    let image = first["container"]["image"].as_str().expect("an image");
    let bytes = docker(&["inspect", image, "--format", "{{.Size}}"]).expect("the engine answers");
    assert!(bytes.parse::<u64>().expect("a size") < 40_000_000, "the image has {bytes} bytes");

    // The same model again changes nothing.
    project.sluice(&run).expect(0);
    assert_eq!(containers(&project), names);

    // A bundle that cannot be loaded never becomes ready: the old container stays in service.
    project.file(
        "broken.toml",
        r#"
name = "broken"
[tasks.bundle]
uses = "shell"
with = { script = 'echo no bundle > "$SLUICE_OUTPUT_MODEL"', outputs = { model = "model" } }
[tasks.release]
uses = "deploy.docker"
inputs = { model = "bundle.model" }
with = { name = "breast-cancer", ready_timeout = "20s" }
"#,
    );
    let ran = project.sluice(&["run", "broken.toml"]).expect(1);
    assert!(ran.stdout.contains("stays in service"), "{}", ran.stdout);
    assert_eq!(containers(&project), names);
    assert_eq!(http("GET", &address, "/health/ready", "").0, 200);

    // Another model takes over.
    let text = project.read("workflows/breast-cancer.toml").replace("margin = 0.01", "margin = 0.2");
    project.file("workflows/breast-cancer.toml", text);
    project.sluice(&[&run[..], &["-p", "seed=3", "-p", "min_recall=0.5"]].concat()).expect(0);
    let second = deployed(&project);
    assert_ne!(second["generation"], first["generation"]);
    assert_ne!(containers(&project), names);
    assert_eq!(containers(&project).len(), 1);

    project.sluice(&["deployments", "stop", "breast-cancer"]).expect(0);
    assert_eq!(containers(&project), Vec::<String>::new());
}

#[test]
fn the_image_of_the_daemon_runs_workflows_on_a_read_only_system() {
    if !engine() {
        return;
    }
    let project = Project::with_examples();
    let name = format!("sluicegate-test:{}", std::process::id());
    let built = project.sluice(&["image", "--name", &name]).expect(0).stdout;
    assert!(built.contains(&name) && built.contains("docker run"), "{built}");
    let mount = format!("{}:/project", project.path("").display());
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(project.path("")).expect("a folder"));
    let user = owner.to_string();
    let before = [
        "run",
        "--rm",
        "--read-only",
        "--tmpfs",
        "/tmp",
        "--network",
        "none",
        "--user",
        &user,
        "-v",
        &mount,
        &name,
    ];
    let output =
        Command::new("docker").args(before).args(["run", "workflows/iris.toml"]).output().expect("docker");
    docker(&["rmi", "--force", &name]);
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("succeeded"), "{text}");
    let models = project.sluice(&["models", "list", "--format", "json"]).expect(0).json();
    assert_eq!(models[0]["name"], "iris");
}
