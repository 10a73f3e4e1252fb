//! The plugin guide, done as it is written: every file is written, every command run, and what it shows must appear.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::project::{Project, repository};

/// A fenced block of the guide.
struct Block {
    language: String,
    text: String,
}

fn blocks(part: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = part.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let text: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(Block { language: language.into(), text: text.join("\n") + "\n" });
        }
    }
    blocks
}

/// The guide from one heading to the next of its level.
fn part(heading: &str) -> String {
    let guide = std::fs::read_to_string(repository().join("docs/plugin-guide.md")).expect("the guide");
    let (_, after) =
        guide.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no part `{heading}`"));
    after.split("\n## ").next().expect("a part").to_owned()
}

/// The file that a block is, when its first line says so.
fn file_of(block: &Block) -> Option<(String, String)> {
    let (first, rest) = block.text.split_once('\n')?;
    let name = first.trim_start_matches(['#', '/', '*', ' ']).strip_prefix("file: ")?;
    Some((name.trim_end_matches(['*', '/', ' ']).to_owned(), rest.to_owned()))
}

/// Does what a part says, in a project's folder.
fn follow(project: &Project, part: &str) {
    for block in blocks(part) {
        if let Some((name, text)) = file_of(&block) {
            project.file(&name, text);
        } else if block.language == "console" {
            for (command, shown) in commands(&block.text) {
                let printed = run(project, &command);
                assert_shown(&command, &shown, &printed);
            }
        }
    }
}

fn commands(text: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), String::new())),
            (None, Some((_, shown))) => *shown += &format!("{line}\n"),
            (None, None) => panic!("a block of commands begins with a command: {text}"),
        }
    }
    commands
}

fn run(project: &Project, command: &str) -> String {
    let sluice = Path::new(env!("CARGO_BIN_EXE_sluice")).parent().expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("sh")
        .args(["-c", &format!("{{ {command}\n}} 2>&1")])
        .current_dir(project.path(""))
        .env("PATH", format!("{}:{path}", sluice.display()))
        .env("NO_COLOR", "1")
        .env_remove("SLUICE_HOME")
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .expect("sh");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "$ {command}\n{printed}");
    if let Some(name) =
        command.strip_prefix("sluice plugins new ").filter(|_| command.contains("--lang rust"))
    {
        keep_build(&project.path("plugins").join(name.split(' ').next().expect("a name")));
    }
    printed
}

/// What was built stays for the next run of the tests, and needs no network: the versions are those that this repository has.
fn keep_build(folder: &Path) {
    let kept = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("plugin-guide");
    std::fs::create_dir_all(&kept).expect("a folder");
    std::os::unix::fs::symlink(kept, folder.join("target")).expect("a link");
    std::fs::copy(repository().join("Cargo.lock"), folder.join("Cargo.lock")).expect("a lock");
}

/// `…` stands for anything, also for many lines. Blanks that align columns are one.
fn assert_shown(command: &str, shown: &str, printed: &str) {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut rest = plain(printed);
    for piece in shown.split('…').map(plain).filter(|piece| !piece.is_empty()) {
        match rest.split_once(&piece) {
            Some((_, after)) => rest = after.to_owned(),
            None => {
                panic!("$ {command}\nthe guide shows:\n{shown}\nit printed:\n{printed}\nmissing: {piece}")
            }
        }
    }
}

fn begun() -> Project {
    let project = Project::new();
    follow(&project, &part("A project"));
    project
}

#[test]
fn the_part_for_rust_works_as_written() {
    follow(&begun(), &part("In Rust"));
}

#[test]
fn the_part_for_c_works_as_written() {
    follow(&begun(), &part("In C"));
}

#[test]
fn the_part_for_python_works_as_written() {
    follow(&begun(), &part("In Python"));
}
