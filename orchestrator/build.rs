//! How the programs are linked, and the source of the SDK for Rust, which the program carries.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

fn main() {
    // A program of this size spends more time on relocating itself than on a short command: see docs/decisions.md.
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
    // Functions with the same code become one: nothing in Rust may depend on a function having an address of its own. The
    // toolchain links by lld there, which is what knows the word.
    if env::var("TARGET").as_deref() == Ok("x86_64-unknown-linux-gnu")
        && env::var("OPT_LEVEL").as_deref() == Ok("3")
    {
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
    }
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("rust_sdk.rs"), rust_sdk()).expect("the folder can be written to");
}

/// The text of a Rust array: every file of the SDK, by its path below the package, with its text.
fn rust_sdk() -> String {
    // Asked for at run time: a target folder that several clones share keeps this program, and not its place.
    let package = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let root = package.parent().expect("the package is in the workspace");
    let sdk = root.join("plugins/sdk");
    let manifest = standalone_manifest(&sdk.join("Cargo.toml"), &root.join("Cargo.toml"));
    let mut entries = vec![format!("(\"Cargo.toml\", {manifest:?})")];
    for folder in ["src", "include"] {
        for file in files(&sdk.join(folder)) {
            let path = file.strip_prefix(&sdk).expect("it is below").display().to_string();
            entries.push(format!("({path:?}, include_str!({:?}))", file.display().to_string()));
        }
        println!("cargo::rerun-if-changed={}", sdk.join(folder).display());
    }
    format!("&[{}]", entries.join(",\n"))
}

/// The files below a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the SDK is part of the workspace");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    paths.sort();
    paths.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The SDK's manifest with what it takes over from the workspace written out, and without what only its tests need.
fn standalone_manifest(package: &Path, workspace: &Path) -> String {
    let read = |path: &Path| {
        println!("cargo::rerun-if-changed={}", path.display());
        fs::read_to_string(path).expect("the manifest is part of the workspace")
    };
    let workspace = read(workspace);
    let mut section = String::new();
    let mut text = String::new();
    for line in read(package).lines() {
        if line.starts_with('[') {
            line.trim_matches(['[', ']']).clone_into(&mut section);
        }
        if section == "dev-dependencies" || section == "lints" {
            continue;
        }
        match line.strip_suffix(".workspace = true") {
            Some(key) => text += &inherited(&workspace, &format!("workspace.{section}"), key),
            None => text += line,
        }
        text.push('\n');
    }
    text
}

/// The line `key = …` of a section.
fn inherited(workspace: &str, section: &str, key: &str) -> String {
    let lines = workspace.lines().skip_while(|line| *line != format!("[{section}]")).skip(1);
    let mut lines = lines.take_while(|line| !line.starts_with('['));
    let found = lines.find(|line| line.split_once(" = ").is_some_and(|(found, _)| found == key));
    found.unwrap_or_else(|| panic!("[{section}] has no line `{key} = …`")).to_owned()
}
