//! What the daemon's page and downloads say, without a browser.

use crate::{daemon::Daemon, project::Project};

/// The example that trains, judges, gates and registers, run twice: the second time there is a champion.
fn judged_twice() -> (Project, String) {
    let project = Project::with_examples();
    project.file("sluice.toml", "");
    let text = project.read("workflows/breast-cancer.toml");
    let end = text.find("[tasks.serve_process]").expect("the part that deploys");
    project.file("workflows/breast-cancer.toml", &text[..end]);
    project.sluice(&["run", "workflows/breast-cancer.toml"]).expect(0);
    let more = project.read("workflows/breast-cancer.toml").replace("c          = 1.0", "c          = 0.2");
    project.file("workflows/breast-cancer.toml", &more);
    let run = project.sluice(&["run", "workflows/breast-cancer.toml", "--format", "json"]);
    let id = run.json()["id"].as_str().expect("an id").to_owned();
    (project, id)
}

#[test]
fn an_evaluation_is_drawn_beside_its_champion_and_compared() {
    let (project, second) = judged_twice();
    let daemon = Daemon::start(&project);
    let page = daemon.get(&format!("/runs/{second}/tasks/scores")).expect(200).body;
    for wanted in
        ["ROC curve", "Precision and recall", "Confusion matrix", "breast-cancer v1", "as the model decides"]
    {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    assert!(page.contains("class=\"delta "), "differences to the champion: {page}");
    let runs = daemon.get("/api/v1/runs?workflow=breast-cancer").json();
    let first = runs["runs"][1]["id"].as_str().expect("an id").to_owned();
    let compared = daemon.get(&format!("/compare?a={first}&b={second}")).expect(200).body;
    for wanted in ["What it did to the metrics", "after − champion", "better", "with.c"] {
        assert!(compared.contains(wanted), "{wanted}: {compared}");
    }
}

#[test]
fn a_list_says_who_started_a_run_and_why_it_did_not_succeed() {
    let project = Project::new();
    project.file("sluice.toml", "");
    project.file(
        "workflows/broken.toml",
        "name = \"broken\"\n[tasks.bad]\nuses = \"shell\"\nwith = { script = \"echo no such column >&2; exit 3\" }\n",
    );
    let daemon = Daemon::start(&project);
    let id = daemon.run("broken");
    daemon.wait_for(&id, "failed");
    let row = daemon.get(&format!("/api/v1/runs/{id}")).json();
    assert_eq!((row["trigger"].as_str(), row["started_by"].as_str()), (Some("hand"), Some("API")), "{row}");
    assert_eq!(row["trouble"]["task"], "bad", "{row}");
    let message = row["trouble"]["message"].as_str().expect("a message").to_owned();
    assert!(message.contains('3'), "{message}");
    for page in ["/", "/runs", "/workflows/broken"] {
        let html = daemon.get(page).expect(200).body;
        assert!(html.contains("<code>bad</code>"), "{page}: {html}");
    }
    // The row was written with its story, and is read with it again.
    assert!(daemon.stop().as_secs() < 5);
    let again = Daemon::start(&project);
    assert_eq!(again.get("/api/v1/runs").json()["runs"][0]["trouble"]["message"], message);
}

#[test]
fn what_fails_again_and_again_does_not_hide_what_else_failed() {
    let project = Project::new();
    project.file("sluice.toml", "");
    let failing = |name: &str, code: u8| {
        format!("name = \"{name}\"\n[tasks.bad]\nuses = \"shell\"\nwith = {{ script = \"exit {code}\" }}\n")
    };
    project.file("workflows/rare.toml", failing("rare", 4));
    project.file("workflows/often.toml", failing("often", 3));
    let daemon = Daemon::start(&project);
    for workflow in ["rare", "often", "often", "often"] {
        let run = daemon.run(workflow);
        daemon.wait_for(&run, "failed");
    }
    let page = daemon.get("/").expect(200).body;
    let troubled = page.split("id=\"troubled\"").nth(1).and_then(|rest| rest.split("</section>").next());
    let troubled = troubled.expect("a section");
    assert_eq!(troubled.matches("<tr").count(), 3, "a head and two rows: {troubled}");
    assert!(troubled.contains("href=\"/runs?workflow=often&amp;state=failed\""), "{troubled}");
    assert!(troubled.contains("and 2 runs before it alike"), "{troubled}");
}

#[test]
fn a_download_is_continued_where_it_broke_off() {
    let project = Project::new();
    project.file("sluice.toml", "");
    project.file(
        "workflows/made.toml",
        r#"
name = "made"
[tasks.made]
uses = "shell"
with = { script = "seq 1 1000 > \"$SLUICE_OUTPUT_LIST\"", outputs = { list = "file" } }
"#,
    );
    let daemon = Daemon::start(&project);
    let id = daemon.run("made");
    daemon.wait_for(&id, "succeeded");
    let artifacts = daemon.get(&format!("/api/v1/runs/{id}/artifacts")).json();
    let made = artifacts["artifacts"][0].clone();
    let path =
        format!("/api/v1/artifacts/{}", made["hash"].as_str().unwrap_or_else(|| panic!("{artifacts}")));
    let whole = daemon.get(&path).expect(200);
    let etag = whole.header("etag").expect("a tag");
    assert_eq!(whole.header("accept-ranges").as_deref(), Some("bytes"));
    let ask = |headers: &[(&str, &str)]| daemon.send("GET", &path, headers, "");
    let half = ask(&[("range", "bytes=100-"), ("if-range", &etag)]).expect(206);
    assert_eq!(half.body, whole.body[100..]);
    let all = whole.body.len();
    assert_eq!(half.header("content-range"), Some(format!("bytes 100-{}/{all}", all - 1)));
    assert_eq!(ask(&[("range", "bytes=-4")]).expect(206).body, whole.body[all - 4..]);
    let beyond = ask(&[("range", "bytes=99999-")]).expect(416);
    assert_eq!(beyond.header("content-range"), Some(format!("bytes */{all}")));
    assert_eq!(beyond.json()["error"]["code"], "range_not_satisfiable");
    let known = ask(&[("if-none-match", &etag)]).expect(304);
    assert!(known.body.is_empty());
    let head = daemon.send("HEAD", &path, &[], "").expect(200);
    assert_eq!(head.header("content-length"), Some(all.to_string()));
}
