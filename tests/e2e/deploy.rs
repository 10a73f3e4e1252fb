//! A model in service as a process of its own.

use serde_json::{Value, json};

use crate::{
    daemon::Daemon,
    project::{Project, http, wait_until},
};

fn address(project: &Project) -> String {
    let listed = project.sluice(&["deployments", "list", "--format", "json"]).expect(0).json();
    assert_eq!(listed[0]["state"], "ready", "{listed}");
    listed[0]["address"].as_str().expect("an address").to_owned()
}

/// The first row of the data as a JSON object without its target.
fn first_row(project: &Project) -> Value {
    let data = project.read("workflows/data/breast-cancer.csv");
    let mut lines = data.lines();
    let (names, values) = (lines.next().expect("a header"), lines.next().expect("a row"));
    let cells = names.split(',').zip(values.split(',')).filter(|(name, _)| *name != "diagnosis");
    cells
        .map(|(name, value)| (name.to_owned(), json!(value.parse::<f64>().expect("a number"))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn a_deployed_model_answers_and_names_every_problem_of_a_request() {
    let project = Project::with_examples();
    project.sluice(&["run", "workflows/breast-cancer.toml"]).expect(0);
    let address = address(&project);

    let row = first_row(&project);
    let (status, body) = http("POST", &address, "/predict", &json!({ "rows": [row] }).to_string());
    assert_eq!(status, 200, "{body}");
    let reply: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(reply["predictions"][0]["prediction"], "malignant");

    let mut bad = row.clone();
    let fields = bad.as_object_mut().expect("an object");
    fields.remove("mean_radius");
    fields.insert("mean_texture".into(), json!("rough"));
    fields.insert("colour".into(), json!(1));
    let (status, body) = http("POST", &address, "/predict", &json!({ "rows": [bad] }).to_string());
    assert_eq!(status, 400, "{body}");
    for name in ["mean_radius", "mean_texture", "colour"] {
        assert!(body.contains(name), "{name} is not named in {body}");
    }
    assert_eq!(http("GET", &address, "/health/live", "").0, 200);
    assert_eq!(http("GET", &address, "/health/ready", "").0, 200);
    let (_, metrics) = http("GET", &address, "/metrics", "");
    assert!(
        metrics.contains("le=\"0.00005\"")
            || metrics.contains("le=\"5e-5\"")
            || metrics.contains("le=\"5e-05\""),
        "{metrics}"
    );
}

#[test]
fn a_second_deployment_takes_over_and_the_first_is_stopped() {
    let project = Project::with_examples();
    project.sluice(&["run", "workflows/breast-cancer.toml"]).expect(0);
    let first = address(&project);
    // Another seed makes another model; a margin lets it pass even when it is a little worse.
    let text = project.read("workflows/breast-cancer.toml").replace("margin = 0.01", "margin = 0.2");
    project.file("workflows/breast-cancer.toml", text);
    project
        .sluice(&["run", "workflows/breast-cancer.toml", "-p", "seed=3", "-p", "min_recall=0.5"])
        .expect(0);
    let second = address(&project);
    assert_ne!(first, second);
    assert_eq!(http("GET", &second, "/health/ready", "").0, 200);
    let host = first.strip_prefix("http://").expect("an address").to_owned();
    wait_until("the first is gone", || std::net::TcpStream::connect(&host).is_err());
    let versions = project.sluice(&["models", "show", "breast-cancer", "--format", "json"]).expect(0).json();
    assert_eq!(versions["aliases"]["champion"], 2);
    assert_eq!(versions["history"].as_array().expect("moves").len(), 2);
}

#[test]
fn a_rollback_serves_the_model_before_and_another_one_undoes_it() {
    let project = Project::with_examples();
    let refused = |code: i32, text: &str| {
        let error = project.sluice(&["deployments", "rollback", "breast-cancer"]).expect(code).stderr;
        assert!(error.contains(text), "{error}");
    };
    refused(5, "no deployment is named");
    project.sluice(&["run", "workflows/breast-cancer.toml"]).expect(0);
    refused(1, "has served one model only");
    let text = project.read("workflows/breast-cancer.toml").replace("margin = 0.01", "margin = 0.2");
    project.file("workflows/breast-cancer.toml", text);
    project
        .sluice(&["run", "workflows/breast-cancer.toml", "-p", "seed=3", "-p", "min_recall=0.5"])
        .expect(0);
    let served = || {
        let (status, body) = http("GET", &address(&project), "/health/ready", "");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<Value>(&body).expect("JSON")["version"].clone()
    };
    assert_eq!(served(), 2);
    let told = project.sluice(&["deployments", "rollback", "breast-cancer"]).expect(0).stdout;
    assert!(told.contains("`breast-cancer` #3 serves breast-cancer v1 at"), "{told}");
    assert_eq!(served(), 1);

    // The same through the daemon.
    let daemon = Daemon::start(&project);
    let path = "/api/v1/deployments/none/rollback";
    assert_eq!(http("POST", &format!("http://{}", daemon.address), path, "{}").0, 404);
    let now =
        project.sluice(&["deployments", "rollback", "breast-cancer", "--format", "json"]).expect(0).json();
    assert_eq!((&now["generation"], &now["version"]), (&json!(4), &json!(2)));
    assert_eq!(served(), 2);
    project.sluice(&["deployments", "stop", "breast-cancer"]).expect(0);
    let path = "/api/v1/deployments/breast-cancer/rollback";
    let (status, reply) = http("POST", &format!("http://{}", daemon.address), path, "{}");
    assert!(status == 409 && reply.contains("is not in service"), "{status} {reply}");
    drop(daemon);
    refused(1, "is not in service");
}

#[test]
fn a_rejected_model_is_not_deployed() {
    let project = Project::with_examples();
    let ran = project.sluice(&["run", "workflows/breast-cancer.toml", "-p", "min_recall=0.999"]).expect(3);
    assert!(ran.stdout.contains("rejected"), "{}", ran.stdout);
    assert_eq!(
        project.sluice(&["deployments", "list", "--all", "--format", "json"]).expect(0).json(),
        json!([])
    );
    assert_eq!(project.sluice(&["models", "list", "--format", "json"]).expect(0).json(), json!([]));
    assert_eq!(project.task("latest", "register")["state"], "skipped");
}

#[test]
fn a_stopped_deployment_leaves_no_process() {
    let project = Project::with_examples();
    project.sluice(&["run", "workflows/diabetes.toml"]).expect(0);
    let host = address(&project).strip_prefix("http://").expect("an address").to_owned();
    project.sluice(&["deployments", "stop", "diabetes"]).expect(0);
    wait_until("it is gone", || std::net::TcpStream::connect(&host).is_err());
    assert_eq!(project.sluice(&["deployments", "list", "--format", "json"]).expect(0).json(), json!([]));
}

/// A workflow that deploys whatever a script writes.
fn release(script: &str, with: &str) -> String {
    format!(
        "name = \"w\"\n[tasks.bundle]\nuses = \"shell\"\nwith = {{ script = '{script}', outputs = {{ model = \"model\" }} }}\n\
         [tasks.release]\nuses = \"deploy.process\"\ninputs = {{ model = \"bundle.model\" }}\nwith = {{ {with} }}\n"
    )
}

#[test]
fn a_bundle_that_cannot_be_served_leaves_the_old_one_in_service() {
    let project = Project::with_examples();
    project.sluice(&["run", "workflows/diabetes.toml"]).expect(0);
    let before = address(&project);
    project.file("w.toml", release("echo nonsense > $SLUICE_OUTPUT_MODEL", "name = \"diabetes\""));
    let ran = project.sluice(&["run", "w.toml"]).expect(1);
    assert!(ran.stdout.contains("cannot load the model"), "{}", ran.stdout);
    assert!(ran.stdout.contains(&format!("stays in service at {before}")), "{}", ran.stdout);
    assert_eq!(address(&project), before);
    assert_eq!(http("GET", &before, "/health/ready", "").0, 200);
    let all = project.sluice(&["deployments", "list", "--all", "--format", "json"]).expect(0).json();
    assert_eq!((&all[0]["state"], &all[1]["state"]), (&json!("ready"), &json!("failed")), "{all}");
}

#[test]
fn a_port_that_another_program_holds_is_named() {
    let project = Project::with_examples();
    let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = held.local_addr().expect("its address").port();
    let text = project.read("workflows/diabetes.toml").replace(
        "uses   = \"deploy.process\"\n",
        &format!("uses   = \"deploy.process\"\nwith   = {{ port = {port} }}\n"),
    );
    project.file("workflows/diabetes.toml", text);
    let ran = project.sluice(&["run", "workflows/diabetes.toml"]).expect(1);
    assert!(ran.stdout.contains(&format!("cannot listen on `127.0.0.1:{port}`")), "{}", ran.stdout);
    drop(held);
    project.sluice(&["run", "workflows/diabetes.toml"]).expect(0);
    assert_eq!(address(&project), format!("http://127.0.0.1:{port}"));

    // The next generation takes the same port over, beside the one that still answers there.
    let text = project.read("workflows/diabetes.toml").replace("standardize", "min_max");
    project.file("workflows/diabetes.toml", text);
    project.sluice(&["run", "workflows/diabetes.toml"]).expect(0);
    assert_eq!(address(&project), format!("http://127.0.0.1:{port}"));
    let listed = project.sluice(&["deployments", "list", "--format", "json"]).expect(0).json();
    assert_eq!(listed[0]["version"], 2, "{listed}");
}
