//! New plugins: the files that `sluice plugins new` writes.

use std::{
    io,
    path::{Path, PathBuf},
};

use sluicegate_plugin::abi::HEADER;

use super::find::verify_name;

/// What a plugin is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// A native library by the SDK.
    Rust,
    /// A native library by the header.
    C,
    /// A program by the Python SDK.
    Python,
}

/// A file of a template: its path below the plugin's folder, and its text.
type TemplateFile = (&'static str, &'static str);

macro_rules! template {
    ($language:literal: $($to:literal = $from:literal),+ $(,)?) => {
        &[$(($to, include_str!(concat!("../../../plugins/sdk/templates/", $language, "/", $from)))),+]
    };
}

const RUST: &[TemplateFile] = template!("rust":
    "Cargo.toml" = "Cargo.toml",
    "plugin.toml" = "plugin.toml",
    "src/lib.rs" = "src/lib.rs",
    "tests/clip.toml" = "tests/clip.toml",
    "tests/wrong_column.toml" = "tests/wrong_column.toml",
    "README.md" = "README.md",
    ".gitignore" = "gitignore",
);

const C: &[TemplateFile] = template!("c":
    "plugin.toml" = "plugin.toml",
    "plugin.c" = "plugin.c",
    "Makefile" = "Makefile",
    "tests/scale.toml" = "tests/scale.toml",
    "README.md" = "README.md",
    ".gitignore" = "gitignore",
);

const PYTHON: &[TemplateFile] = template!("python":
    "plugin.toml" = "plugin.toml",
    "plugin.py" = "plugin.py",
    "tests/clip.toml" = "tests/clip.toml",
    "tests/wrong_column.toml" = "tests/wrong_column.toml",
    "README.md" = "README.md",
    ".gitignore" = "gitignore",
);

/// The SDK for Rust as this program was built with: every file by its path below the package.
const RUST_SDK: &[TemplateFile] = include!(concat!(env!("OUT_DIR"), "/rust_sdk.rs"));

/// Where a plugin in Rust has the SDK, below its folder.
const RUST_SDK_FOLDER: &str = concat!("vendor/sluicegate-plugin-", env!("CARGO_PKG_VERSION"));

/// Why a plugin was not written.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The name is no name.
    #[error("{0}")]
    Name(String),
    /// Something is there already.
    #[error("`{}` is there already", .0.display())]
    Exists(PathBuf),
    /// A file could not be written.
    #[error("cannot write `{path}`", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Writes a plugin to a folder that is not there yet, and returns what a person will look at, relative to the folder.
///
/// A plugin in Rust brings the SDK along, unless another place is named where that is.
pub fn write_template(
    folder: &Path,
    name: &str,
    language: Language,
    sdk: Option<&Path>,
) -> Result<Vec<&'static str>, TemplateError> {
    verify_name(name).map_err(TemplateError::Name)?;
    if folder.exists() {
        return Err(TemplateError::Exists(folder.to_owned()));
    }
    let (files, more): (&[TemplateFile], &[TemplateFile]) = match language {
        Language::Rust => (RUST, &[]),
        Language::C => (C, &[("sluicegate.h", HEADER)]),
        Language::Python => (PYTHON, &[]),
    };
    let mut written = Vec::new();
    let sdk_path = sdk.map_or(RUST_SDK_FOLDER.into(), |sdk| sdk.display().to_string());
    for (path, text) in files {
        let text = text
            .replace("{{name}}", name)
            .replace("{{crate}}", &name.replace('-', "_"))
            .replace("{{sdk}}", &sdk_path);
        write(&folder.join(path), &text)?;
        written.push(*path);
    }
    for (path, text) in more {
        write(&folder.join(path), text)?;
        written.push(*path);
    }
    if language == Language::Rust && sdk.is_none() {
        for (path, text) in RUST_SDK {
            write(&folder.join(RUST_SDK_FOLDER).join(path), text)?;
        }
        written.push(RUST_SDK_FOLDER);
    }
    Ok(written)
}

fn write(path: &Path, text: &str) -> Result<(), TemplateError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(path, text))
        .map_err(|source| TemplateError::Write { path: path.to_owned(), source })
}
