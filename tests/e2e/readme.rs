//! The README shows what really happens.

use crate::project::{Project, http, repository};

/// The fenced block after a mark, without its fences and its `$` line.
fn shown(mark: &str) -> (String, Vec<String>) {
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("the README is there");
    let (_, after) =
        readme.split_once(&format!("<!-- {mark} -->")).unwrap_or_else(|| panic!("no mark `{mark}`"));
    let block = after.split("```").nth(1).expect("a fenced block");
    let mut lines = block.lines().skip(1).map(str::to_owned);
    let command = lines.next().expect("a command");
    (command.strip_prefix("$ ").expect("a prompt").to_owned(), lines.collect())
}

/// What differs from run to run becomes a word: ids, durations, ports, times of day. Blanks that align columns become one.
fn redacted(line: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        let bare = word.trim_end_matches([',', ':', '.']);
        let is_id = bare.len() == 26 && bare.starts_with("01");
        let is_number = !bare.is_empty() && bare.chars().all(|c| c.is_ascii_digit() || c == '.');
        let is_time = bare.len() >= 8 && bare.chars().all(|c| c.is_ascii_digit() || "-:".contains(c));
        match word {
            _ if is_id => words.push("ID".into()),
            _ if is_time => words.push("TIME".into()),
            _ if bare.starts_with("http://127.0.0.1:") => words.push("ADDRESS".into()),
            "ms" | "s" | "ms:" | "s:" | "ms," | "s," if words.last().is_some_and(|last| last == "NUMBER") => {
                words.pop();
                words.push("TOOK".into());
            }
            _ if is_number && !word.contains('.') => words.push("NUMBER".into()),
            _ if is_number => words.push(if bare.len() <= 4 { "NUMBER".into() } else { word.to_owned() }),
            _ => words.push(word.to_owned()),
        }
    }
    words.join(" ")
}

#[track_caller]
fn assert_same(shown: &[String], printed: &str) {
    let sorted = |lines: &mut dyn Iterator<Item = &str>| {
        let mut lines: Vec<_> = lines.map(redacted).filter(|line| !line.is_empty()).collect();
        // Tasks that run beside each other may end in any order.
        lines.sort();
        lines
    };
    assert_eq!(sorted(&mut printed.lines()), sorted(&mut shown.iter().map(String::as_str)), "\n{printed}");
}

#[test]
fn the_first_run_prints_what_the_readme_shows() {
    let project = Project::with_examples();
    let (command, lines) = shown("run");
    assert_eq!(command, "cargo run -- run workflows/breast-cancer.toml");
    let ran = project.sluice(&["run", "workflows/breast-cancer.toml"]).expect(0);
    assert_same(&lines, &ran.stdout);

    let listed = project.sluice(&["deployments", "list", "--format", "json"]).expect(0).json();
    let address = listed[0]["address"].as_str().expect("an address");
    let (status, reply) =
        http("POST", address, "/predict", &project.read("workflows/data/breast-cancer-row.json"));
    assert_eq!(status, 200, "{reply}");
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("the README is there");
    assert!(readme.contains(&reply), "the README does not show {reply}");

    let (command, lines) = shown("show");
    assert_eq!(command, "cargo run -- runs show latest");
    assert_same(&lines, &project.sluice(&["runs", "show", "latest"]).expect(0).stdout);

    let (command, lines) = shown("check");
    assert_eq!(command, "cargo run -- check workflows/breast-cancer.toml");
    let text = project
        .read("workflows/breast-cancer.toml")
        .replace("target     = \"diagnosis\"", "target     = \"diagnossi\"");
    project.file("workflows/breast-cancer.toml", text);
    assert_same(&lines, &project.sluice(&["check", "workflows/breast-cancer.toml"]).expect(2).stderr);
}

#[test]
fn the_readme_names_the_test_command_that_ci_runs() {
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("the README is there");
    let ci = std::fs::read_to_string(repository().join(".ci/run")).expect("the CI script is there");
    assert!(readme.contains("cargo test --workspace"));
    assert!(ci.contains("cargo test --workspace"));
}
