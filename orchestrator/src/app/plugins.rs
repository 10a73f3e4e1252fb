//! The plugins of the project.

use std::{collections::BTreeMap, path::PathBuf};

use super::{App, AppError};
use crate::{
    plugin::{
        LOCK_FILE, Language, Pins, Plugin, PluginOptions, PluginSet, Refusal, TemplateError, write_template,
    },
    workflow::Project,
};

/// A plugin as it is listed.
pub struct PluginRow<'a> {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub place: PathBuf,
    /// What it is, or why it is not used.
    pub state: Result<&'a Plugin, &'a Refusal>,
}

/// A plugin that was just written.
pub struct NewPlugin {
    /// Its folder.
    pub folder: PathBuf,
    /// Its files, relative to the folder.
    pub files: Vec<&'static str>,
}

/// What `plugins lock` pinned.
pub struct LockReport {
    /// The file.
    pub file: PathBuf,
    /// The hashes by name.
    pub pinned: BTreeMap<String, String>,
    /// How many of them are new or changed.
    pub n_changed: usize,
}

impl App {
    /// The folder of the project: that of `sluice.toml`, else of the state.
    pub fn project_folder(&self) -> &std::path::Path {
        &self.project
    }

    /// Looks which plugins the project has. Runs none of their code.
    pub(super) fn plugins(&self) -> PluginSet {
        self.plugins_with(self.project_folder().join(LOCK_FILE))
    }

    fn plugins_with(&self, lock: PathBuf) -> PluginSet {
        let folder = self.project_folder();
        // Without `sluice.toml` there is no project, and a folder called `plugins` is just a folder.
        let is_project = folder.join("sluice.toml").is_file();
        let project = if is_project { self.project().unwrap_or_default() } else { Project::default() };
        PluginSet::new(PluginOptions {
            folders: project.plugin_folders.iter().map(|path| folder.join(path)).collect(),
            lock,
            home: self.has_state().then(|| self.home().to_owned()),
            sluice: std::env::current_exe().unwrap_or_default(),
        })
    }

    /// Every plugin of the project, loaded or refused.
    pub fn plugin_rows(&self) -> Vec<PluginRow<'_>> {
        let catalog = self.catalog();
        let found = catalog.plugin_names().into_iter().filter_map(|name| {
            let state = catalog.plugin(name)?;
            let plugins = catalog.plugins()?;
            let misfit = || {
                plugins.misfits().iter().find(|misfit| misfit.name == name).map(|misfit| misfit.place.clone())
            };
            let place = plugins.place(name).map(ToOwned::to_owned).or_else(misfit).unwrap_or_default();
            Some(PluginRow { name: name.into(), place, state })
        });
        found.collect()
    }

    /// A plugin by name.
    pub fn plugin_row(&self, name: &str) -> Result<PluginRow<'_>, AppError> {
        let rows = self.plugin_rows();
        let names: Vec<_> = rows.iter().map(|row| row.name.clone()).collect();
        rows.into_iter().find(|row| row.name == name).ok_or_else(|| AppError::NotFound {
            message: format!("no plugin is named `{name}`"),
            hint: sluicegate_plugin::nearest(name, names.iter().map(String::as_str)).map_or_else(
                || "`sluice plugins list` lists them; `sluice.toml` says where they are".into(),
                |near| format!("did you mean `{near}`?"),
            ),
        })
    }

    /// Writes a new plugin to a folder, or to the first plugin folder of the project.
    pub fn new_plugin(
        &self,
        name: &str,
        language: Language,
        folder: Option<PathBuf>,
        sdk: Option<PathBuf>,
    ) -> Result<NewPlugin, AppError> {
        let project = self.project()?;
        let folder = match (folder, project.plugin_folders.first()) {
            (Some(folder), _) => folder,
            (None, Some(plugins)) => self.project_folder().join(plugins).join(name),
            (None, None) => self.project_folder().join("plugins").join(name),
        };
        let sdk = sdk.map(|sdk| {
            sdk.canonicalize()
                .map_err(|source| AppError::Unreadable { path: sdk.clone(), source })
                .and_then(|sdk| if sdk.join("Cargo.toml").is_file() { Ok(sdk) } else { Err(no_sdk(&sdk)) })
        });
        let sdk = sdk.transpose()?;
        let files = write_template(&folder, name, language, sdk.as_deref()).map_err(|error| match error {
            TemplateError::Write { path, source } => AppError::Unwritable { path, source },
            TemplateError::Exists(path) => AppError::Invalid {
                message: format!("`{}` is there already", path.display()),
                hint: "choose another name, or another place by `--to FOLDER`".into(),
            },
            TemplateError::Name(message) => AppError::Invalid { message, hint: "choose another name".into() },
        })?;
        Ok(NewPlugin { folder, files })
    }

    /// Pins the plugins as they are now. All of them must be usable.
    pub fn lock_plugins(&self) -> Result<LockReport, AppError> {
        self.project()?;
        let file = self.project_folder().join(LOCK_FILE);
        let invalid = |refusal: &Refusal| AppError::Invalid {
            message: sluicegate_plugin::with_causes(refusal),
            hint: refusal.hint(),
        };
        let before = Pins::read(&file)
            .map_err(|refusal| invalid(&refusal))?
            .map(|pins| pins.plugins)
            .unwrap_or_default();
        // What was pinned before does not matter for what is trusted now.
        let plugins = self.plugins_with(PathBuf::new());
        if let Some(misfit) = plugins.misfits().first() {
            return Err(invalid(&misfit.refusal));
        }
        let mut pinned = BTreeMap::new();
        for name in plugins.names() {
            match plugins.plugin(name) {
                Some(Ok(plugin)) => drop(pinned.insert(name.to_owned(), plugin.hash.clone())),
                Some(Err(refusal)) => return Err(invalid(refusal)),
                None => {}
            }
        }
        let n_changed = pinned.iter().filter(|(name, hash)| before.get(*name) != Some(hash)).count();
        let written = Pins::new(pinned.clone()).write(&file);
        written.map_err(|source| AppError::Unwritable { path: file.clone(), source })?;
        Ok(LockReport { file, pinned, n_changed })
    }
}

fn no_sdk(folder: &std::path::Path) -> AppError {
    AppError::NotFound {
        message: format!("the SDK for Rust is not at `{}`", folder.display()),
        hint: "leave `--sdk` out, and the plugin gets the SDK of this program".into(),
    }
}
