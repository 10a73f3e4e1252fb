//! `init`, `image`, `completions` and `man`: what a new user, an operator, a shell and a packager ask for.

use std::path::PathBuf;

use clap::{Args as ClapArgs, CommandFactory};
use clap_complete::Shell;

use serde_json::json;

use super::{
    args::{Args, Format, FormatArg},
    exit::Exit,
    out::{Out, Style},
    table::size,
};
use crate::app::{App, AppError, PROJECT_TEMPLATES, init_project};

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
pub(super) struct ImageArgs {
    /// The image's name
    #[arg(long, default_value = concat!("sluicegate:", env!("CARGO_PKG_VERSION")))]
    name: String,
    /// An image to build on, for tasks that need a shell or Python [default: nothing]
    #[arg(long, value_name = "IMAGE")]
    base: Option<String>,
    #[command(flatten)]
    format: FormatArg,
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

pub(super) fn image(app: &App, args: &ImageArgs, out: &mut Out) -> Result<Exit, AppError> {
    let bytes = app.build_image(&args.name, args.base.as_deref())?;
    if args.format.format == Format::Json {
        out.json(&json!({ "name": args.name, "size": bytes }));
        return Ok(Exit::Succeeded);
    }
    out.line(&format!("built `{}`, {}", args.name, size(bytes)));
    out.line(&out.paint(Style::Dim, "next, in a project's folder:"));
    out.line("  sluice tokens add NAME --role admin");
    out.line(&format!(
        "  docker run --user $(id -u) -v \"$PWD:/project\" -p 127.0.0.1:7411:7411 {}",
        args.name
    ));
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
