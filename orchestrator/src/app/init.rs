//! New projects: the examples, which the program carries.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::AppError;

/// A project that `sluice init` writes.
pub struct ProjectTemplate {
    /// Its name.
    pub name: &'static str,
    /// What it shows, as one line.
    pub about: &'static str,
    /// Its workflow, below the project's folder.
    pub workflow: &'static str,
    files: &'static [ProjectFile],
}

/// A file by its path below the project's folder, with its content.
type ProjectFile = (&'static str, &'static [u8]);

macro_rules! files {
    ($($path:literal),+ $(,)?) => {
        &[$(($path, include_bytes!(concat!("../../../", $path)))),+]
    };
}

/// Every template; the first is written when none is named.
pub const PROJECT_TEMPLATES: &[ProjectTemplate] = &[
    ProjectTemplate {
        name: "breast-cancer",
        about: "trains, judges, registers, deploys and checks a classifier",
        workflow: "workflows/breast-cancer.toml",
        files: files![
            "workflows/breast-cancer.toml",
            "workflows/data/breast-cancer.csv",
            "workflows/data/breast-cancer-row.json",
        ],
    },
    ProjectTemplate {
        name: "iris",
        about: "judges a classifier of three classes by cross-validation",
        workflow: "workflows/iris.toml",
        files: files!["workflows/iris.toml", "workflows/data/iris.csv"],
    },
    ProjectTemplate {
        name: "diabetes",
        about: "trains and judges a regression",
        workflow: "workflows/diabetes.toml",
        files: files!["workflows/diabetes.toml", "workflows/data/diabetes.csv"],
    },
    ProjectTemplate {
        name: "churn",
        about: "boosts trees on columns with gaps and texts, and judges how they rank",
        workflow: "workflows/churn.toml",
        files: files!["workflows/churn.toml", "workflows/data/churn.csv"],
    },
    ProjectTemplate {
        name: "churn-features",
        about: "fills gaps, encodes texts by the target and shapes numbers for a linear model",
        workflow: "workflows/churn-features.toml",
        files: files!["workflows/churn-features.toml", "workflows/data/churn.csv"],
    },
    ProjectTemplate {
        name: "digits",
        about: "reads handwritten digits by a neural network",
        workflow: "workflows/digits.toml",
        files: files!["workflows/digits.toml", "workflows/data/digits.csv"],
    },
];

/// What every project has; a file that is there already stays as it is.
const COMMON: &[ProjectFile] = &[
    (
        "sluice.toml",
        b"# The project. Its state is in the folder `.sluice` beside this file.\n\n\
          [plugins]\n# Where `sluice plugins new` writes, and where task kinds of your own are found.\n\
          folders = [\"plugins\"]\n",
    ),
    (".gitignore", b".sluice/\n"),
];

/// What was written.
#[derive(Debug)]
pub struct NewProject {
    /// The files, relative to the folder.
    pub files: Vec<&'static str>,
    /// The workflow to run, relative to the folder.
    pub workflow: &'static str,
}

/// Writes a project to a folder, which is made when it is missing.
///
/// # Errors
///
/// There is no template of this name, a file of the template is there already (then nothing is written), or a file
/// cannot be written.
pub fn init_project(folder: &Path, template: &str) -> Result<NewProject, AppError> {
    let found = PROJECT_TEMPLATES.iter().find(|known| known.name == template);
    let template = found.ok_or_else(|| no_template(template))?;
    let taken: Vec<_> = template.files.iter().filter(|(path, _)| folder.join(path).exists()).collect();
    if !taken.is_empty() {
        let names: Vec<_> =
            taken.iter().map(|(path, _)| format!("`{}`", folder.join(path).display())).collect();
        let be = if names.len() == 1 { "is" } else { "are" };
        return Err(AppError::Invalid {
            message: format!("{} {be} there already", names.join(", ")),
            hint: "choose an empty folder by `--to FOLDER`".into(),
        });
    }
    let common = COMMON.iter().filter(|(path, _)| !folder.join(path).exists());
    let mut files = Vec::new();
    for (path, content) in template.files.iter().chain(common) {
        let target = folder.join(path);
        write(&target, content).map_err(|source| AppError::Unwritable { path: target, source })?;
        files.push(*path);
    }
    Ok(NewProject { files, workflow: template.workflow })
}

fn write(path: &PathBuf, content: &[u8]) -> io::Result<()> {
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    std::fs::write(path, content)
}

fn no_template(name: &str) -> AppError {
    let names = || PROJECT_TEMPLATES.iter().map(|template| template.name);
    let all = names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    AppError::NotFound {
        message: format!("there is no template `{name}`"),
        hint: match sluicegate_plugin::nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`? There are {all}"),
            None => format!("there are {all}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_written_once_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".gitignore"), "mine\n").unwrap();
        let written = init_project(folder.path(), "iris").unwrap();
        assert_eq!(written.files, ["workflows/iris.toml", "workflows/data/iris.csv", "sluice.toml"]);
        assert_eq!(std::fs::read_to_string(folder.path().join(".gitignore")).unwrap(), "mine\n");
        let again = init_project(folder.path(), "iris").unwrap_err().to_string();
        assert!(again.contains("iris.toml") && again.contains("are there already"), "{again}");
        init_project(folder.path(), "diabetes").unwrap();
        assert!(matches!(init_project(folder.path(), "iri"), Err(AppError::NotFound { hint, .. })
            if hint.starts_with("did you mean `iris`?")));
    }

    #[test]
    fn every_file_that_a_template_reads_is_part_of_it() {
        for template in PROJECT_TEMPLATES {
            let has = |path: &str| template.files.iter().any(|(known, _)| *known == path);
            let (_, text) = template.files.iter().find(|(path, _)| *path == template.workflow).unwrap();
            let text = std::str::from_utf8(text).unwrap();
            for data in text.split('"').filter(|part| part.starts_with("data/")) {
                assert!(has(&format!("workflows/{data}")), "{}: {data}", template.name);
            }
        }
    }
}
