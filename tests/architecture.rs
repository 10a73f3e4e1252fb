//! The layering table of `ARCHITECTURE.md`, held against the `use` lines of the code.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// Reads the table between its two marks: module → modules it may use.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the architecture is written");
    let table = text
        .split("<!-- layering:begin -->")
        .nth(1)
        .and_then(|rest| rest.split("<!-- layering:end -->").next());
    let words = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<BTreeSet<_>>();
    table
        .expect("the table has its marks")
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let mut cells = line.trim_matches('|').split('|');
            let module = words(cells.next().expect("a module")).pop_first().expect("a module");
            (module, words(cells.next().expect("a list of modules")))
        })
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in the workspace")
}

/// Every `.rs` file below a folder, with its text up to the first test module.
fn files(folder: &Path, found: &mut Vec<(std::path::PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            files(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&entry).expect("a source file");
            found.push((entry, text));
        }
    }
}

/// Names after `crate::`, also inside a group `use crate::{a, b::c}`.
fn uses(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            None => found.extend([word(rest)]),
            Some(group) => {
                let mut depth = 0;
                let mut start = true;
                for (at, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        _ if start && c.is_alphabetic() && depth == 0 => {
                            found.insert(word(&group[at..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    found
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn modules_use_only_what_the_architecture_allows() {
    let allowed = allowed();
    let source = root().join("orchestrator/src");
    let mut found = Vec::new();
    files(&source, &mut found);
    let modules: BTreeSet<&String> = allowed.keys().collect();
    let mut wrong = Vec::new();
    for (path, text) in &found {
        let relative = path.strip_prefix(&source).expect("below the source folder");
        let module = word(&relative.to_string_lossy());
        // Tests stand beside what they test, and may set it up with whatever is at hand.
        let is_test = relative.iter().any(|part| part == "tests" || part == "tests.rs");
        if module == "lib" || is_test {
            continue;
        }
        let may = allowed.get(&module).unwrap_or_else(|| panic!("`{module}` is not in the table"));
        for used in uses(text) {
            if used != module && modules.contains(&used) && !may.contains(&used) {
                wrong.push(format!("{}: uses `{used}`", relative.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_modules_know_neither_tokio_nor_clocks_and_only_app_names_packs() {
    let source = root().join("orchestrator/src");
    let mut found = Vec::new();
    files(&source, &mut found);
    let mut wrong = Vec::new();
    for (path, text) in &found {
        let relative =
            path.strip_prefix(&source).expect("below the source folder").to_string_lossy().into_owned();
        let module = word(&relative);
        let mut forbid = |needle: &str| {
            if text.contains(needle) {
                wrong.push(format!("{relative}: knows `{needle}`"));
            }
        };
        if matches!(module.as_str(), "workflow" | "run" | "store" | "cli" | "artifact") {
            forbid("tokio::");
        }
        if matches!(module.as_str(), "workflow" | "run") {
            forbid("Instant::now");
            forbid("Utc::now");
        }
        if module != "app" {
            for pack in ["data", "learn", "deploy", "monitor", "system"] {
                forbid(&format!("sluicegate_{pack}::"));
            }
        }
        if module != "store" {
            forbid("sled::");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn solvers_know_neither_tables_nor_tasks() {
    let mut sources = Vec::new();
    files(&root().join("plugins/learn/src/fit"), &mut sources);
    assert!(sources.len() > 50, "{} files", sources.len());
    for (path, text) in sources {
        for stranger in ["sluicegate_plugin", "arrow_", "crate::estimator", "crate::train", "crate::dataset"]
        {
            assert!(!text.contains(stranger), "{} knows `{stranger}`", path.display());
        }
    }
}

#[test]
fn no_file_is_over_800_lines() {
    let mut found = Vec::new();
    for folder in ["orchestrator/src", "plugins", "tests"] {
        files(&root().join(folder), &mut found);
    }
    let long: Vec<_> = found
        .iter()
        .filter(|(_, text)| text.lines().count() > 800)
        .map(|(path, text)| format!("{}: {} lines", path.display(), text.lines().count()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// The dynamic symbols that a binary defines, by `nm`.
fn exported(binary: &Path) -> Vec<String> {
    let output =
        std::process::Command::new("nm").args(["-D", "--defined-only"]).arg(binary).output().expect("nm");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.split_whitespace().nth(2).map(str::to_owned)).collect()
}

#[test]
fn the_program_exports_nothing_that_a_plugin_could_be_bound_to() {
    let found = exported(Path::new(env!("CARGO_BIN_EXE_sluice")));
    assert!(found.is_empty(), "{found:?}");
}
