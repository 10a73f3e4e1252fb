//! `run`: a workflow to its end.

use super::{
    args::{FileArgs, Format, RunArg, RunArgs},
    check::{checked, invalid_json, overrides},
    exit::Exit,
    out::Out,
    progress::Progress,
    runs::resume,
    story,
};
use crate::{
    app::{App, AppError, CheckedFile, RunRequest},
    workflow::Workflow,
};

pub(super) fn run(app: &App, args: RunArgs, out: &mut Out) -> Result<Exit, AppError> {
    let json = args.format.format == Format::Json;
    let file = match (args.file, args.resume) {
        (Some(file), _) => FileArgs { file, params: args.params },
        (None, run) => {
            let run = run.unwrap_or_else(|| "latest".into());
            return resume(app, &RunArg { run, format: args.format }, out);
        }
    };
    let Some((file, workflow)) = prepare(app, &file, json, out)? else { return Ok(Exit::Invalid) };
    let request = RunRequest {
        workflow,
        base_dir: file.base_dir,
        file: file.file,
        use_cache: !args.no_cache,
        fresh: args.new,
    };
    let mut progress = Progress::new(out, json);
    let run = app.run(request, &mut progress)?;
    progress.finish();
    if json {
        out.json(&story::to_json(&run, app.now()));
    } else {
        story::print_end(&run, out);
    }
    Ok(Exit::of_run(run.status()))
}

fn prepare(
    app: &App,
    args: &FileArgs,
    json: bool,
    out: &mut Out,
) -> Result<Option<(CheckedFile, Workflow)>, AppError> {
    if !json {
        return checked(app, args, out);
    }
    let mut file = app.check(&args.file, &overrides(&args.params)?)?;
    let workflow = file.workflow.take();
    if workflow.is_none() {
        out.json(&invalid_json(&file));
    }
    Ok(workflow.map(|workflow| (file, workflow)))
}
