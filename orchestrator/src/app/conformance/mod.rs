//! The conformance suite: every kind, built in or of a plugin, on the same bench.

mod bench;
mod case;
mod compare;
mod suite;

use std::path::{Path, PathBuf};

use super::{App, AppError, built_in_kinds};
use crate::{
    catalog::{Catalog, CatalogEntry},
    plugin::{PluginOptions, PluginSet, Refusal, find_at},
};
use bench::Bench;
use case::Case;
use suite::Suite;

/// What is tried.
#[derive(Clone, Debug)]
pub struct ConformanceRequest {
    /// A plugin's folder or library, its name in the project, or the name of a built-in pack.
    pub what: PathBuf,
    /// The folder with the cases, when it is not `tests` beside the plugin.
    pub cases: Option<PathBuf>,
    /// How long one task may take, in seconds.
    pub timeout: f64,
    /// How much memory one task may use, in bytes.
    pub memory: u64,
}

/// What came of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is as it must be.
    Passed,
    /// It works, but could be better.
    Warned(String),
    /// It could not be tried.
    Skipped(String),
    /// It is not as it must be.
    Failed(String),
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The kind; none for the plugin as a whole.
    pub kind: Option<String>,
    /// What was checked.
    pub name: String,
    /// What came of it.
    pub verdict: Verdict,
}

/// What the suite found.
pub struct Conformance {
    /// The plugin or pack.
    pub name: String,
    /// Every check, in order.
    pub checks: Vec<Check>,
}

impl Conformance {
    /// Tells whether no check failed.
    pub fn is_passed(&self) -> bool {
        !self.checks.iter().any(|check| matches!(check.verdict, Verdict::Failed(_)))
    }
}

impl App {
    /// Runs the suite. A plugin that is refused has one failed check.
    pub fn conformance(&self, request: &ConformanceRequest) -> Result<Conformance, AppError> {
        let sluice = std::env::current_exe().map_err(|source| AppError::NoProgram { source })?;
        // The name of a plugin of the project stands for its place.
        let place = || self.catalog().plugins()?.place(request.what.to_str()?).map(Path::to_owned);
        let what = if request.what.exists() { None } else { place() };
        let what = what.unwrap_or_else(|| request.what.clone());
        let (catalog, name, base_dir) = match subject(&what, &sluice)? {
            Subject::Refused { name, why } => {
                let check = Check { kind: None, name: "it loads".into(), verdict: Verdict::Failed(why) };
                return Ok(Conformance { name, checks: vec![check] });
            }
            Subject::Ready { catalog, name, base_dir } => (catalog, name, base_dir),
        };
        let folder = request.cases.clone().unwrap_or_else(|| base_dir.join("tests"));
        let cases = Case::in_folder(&folder).map_err(|why| AppError::Invalid {
            message: format!("a test case cannot be read: {why}"),
            hint: "a case has `kind`, `with`, `inputs`, `outputs`; docs/plugin-guide.md shows one".into(),
        })?;
        let entries: Vec<&CatalogEntry> = catalog.entries().filter(|entry| entry.pack == name).collect();
        if let Some((case, of)) = cases
            .iter()
            .map(|(name, case)| (name, &case.kind))
            .find(|(_, kind)| entries.iter().all(|entry| entry.description.name != **kind))
        {
            return Err(AppError::Invalid {
                message: format!("case `{case}` is for kind `{of}`, which `{name}` does not have"),
                hint: "correct its `kind`".into(),
            });
        }
        let unwritable = |source| AppError::Unwritable { path: std::env::temp_dir(), source };
        let runtime =
            tokio::runtime::Runtime::new().map_err(|error| AppError::Internal(error.to_string()))?;
        let checks = runtime.block_on(async {
            let mut bench = Bench::new(sluice, request.timeout, request.memory).map_err(unwritable)?;
            let mut checks = vec![Check { kind: None, name: "it loads".into(), verdict: Verdict::Passed }];
            for entry in entries {
                let suite = Suite {
                    bench: &mut bench,
                    entry,
                    cases: &cases,
                    base_dir: &base_dir,
                    checks: Vec::new(),
                };
                checks.extend(suite.run().await);
            }
            bench.close().await;
            Ok::<_, AppError>(checks)
        })?;
        Ok(Conformance { name, checks })
    }
}

enum Subject {
    Refused { name: String, why: String },
    Ready { catalog: Box<Catalog>, name: String, base_dir: PathBuf },
}

/// Finds what is meant: a path to a plugin, or a built-in pack.
fn subject(what: &Path, sluice: &Path) -> Result<Subject, AppError> {
    let built_in = built_in_kinds();
    let text = what.to_string_lossy();
    if !what.exists() && built_in.entries().any(|entry| entry.pack == text) {
        let name = text.into_owned();
        let base_dir =
            std::env::current_dir().map_err(|source| AppError::Unreadable { path: ".".into(), source })?;
        return Ok(Subject::Ready { catalog: Box::new(built_in), name, base_dir });
    }
    let place = what.canonicalize().map_err(|_| AppError::NotFound {
        message: format!("there is no plugin at `{}`", what.display()),
        hint: "give the folder with `plugin.toml`, a library, the name of a plugin of the project, or of a built-in pack".into(),
    })?;
    let found = find_at(&place).ok_or_else(|| AppError::Invalid {
        message: format!(
            "`{}` is no plugin: it is neither a library nor a folder with `plugin.toml`",
            what.display()
        ),
        hint: "`sluice plugins new NAME --lang rust|c|python` writes a plugin".into(),
    })?;
    let name_of_file = || place.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let found = match found {
        Ok(found) => found,
        Err(refusal) => return Ok(Subject::Refused { name: name_of_file(), why: told(&refusal) }),
    };
    let base_dir =
        if place.is_dir() { place.clone() } else { place.parent().unwrap_or(Path::new("/")).to_owned() };
    let plugins = PluginSet::of(
        found.clone(),
        PluginOptions { folders: Vec::new(), lock: PathBuf::new(), home: None, sluice: sluice.to_owned() },
    );
    let catalog = Box::new(built_in.with_plugins(plugins));
    if let Some(Err(refusal)) = catalog.plugin(&found.name) {
        return Ok(Subject::Refused { why: told(refusal), name: found.name });
    }
    Ok(Subject::Ready { catalog, name: found.name, base_dir })
}

fn told(refusal: &Refusal) -> String {
    format!("{}\nhint: {}", sluicegate_plugin::with_causes(refusal), refusal.hint())
}
