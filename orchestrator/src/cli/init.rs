//! `init`, `completions` and `man`: what a new user, a shell and a packager ask for.

use std::path::PathBuf;

use clap::{Args as ClapArgs, CommandFactory};
use clap_complete::Shell;

use super::{
    args::Args,
    exit::Exit,
    out::{Out, Style},
};
use crate::app::{AppError, PROJECT_TEMPLATES, init_project};

#[derive(ClapArgs)]
pub(super) struct InitArgs {
    /// Which example to begin with
    #[arg(default_value = PROJECT_TEMPLATES[0].name)]
    template: String,
    /// Where to write it; the default is the current folder
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// List the templates instead
    #[arg(long, conflicts_with = "to")]
    list: bool,
}

#[derive(ClapArgs)]
pub(super) struct CompletionsArgs {
    /// Which shell
    shell: Shell,
}

#[derive(ClapArgs)]
pub(super) struct ManArgs {
    /// The folder to write the pages to
    folder: PathBuf,
}

pub(super) fn init(args: &InitArgs, out: &mut Out) -> Result<Exit, AppError> {
    if args.list {
        let widest = PROJECT_TEMPLATES.iter().map(|template| template.name.len()).max().unwrap_or_default();
        for template in PROJECT_TEMPLATES {
            out.line(&format!("{:widest$}  {}", template.name, template.about));
        }
        return Ok(Exit::Succeeded);
    }
    let folder = args.to.clone().unwrap_or_else(|| PathBuf::from("."));
    let written = init_project(&folder, &args.template)?;
    out.line(&format!("wrote {}", written.files.join(" ")));
    out.line(&out.paint(Style::Dim, "next:"));
    if let Some(to) = &args.to {
        out.line(&format!("  cd {}", to.display()));
    }
    out.line(&format!("  sluice run {}", written.workflow));
    Ok(Exit::Succeeded)
}

pub(super) fn completions(args: &CompletionsArgs, out: &mut Out) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "sluice", &mut script);
    out.line(String::from_utf8_lossy(&script).trim_end());
    Exit::Succeeded
}

pub(super) fn man(args: &ManArgs, out: &mut Out) -> Result<Exit, AppError> {
    let unwritable = |source| AppError::Unwritable { path: args.folder.clone(), source };
    std::fs::create_dir_all(&args.folder).map_err(unwritable)?;
    clap_mangen::generate_to(Args::command(), &args.folder).map_err(unwritable)?;
    out.line(&format!("wrote the pages to `{}`", args.folder.display()));
    Ok(Exit::Succeeded)
}
