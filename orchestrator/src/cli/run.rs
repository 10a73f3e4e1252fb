//! `run`: a workflow to its end.

use super::{
    args::{Format, RunArgs},
    check::{checked, invalid_json, overrides},
    exit::Exit,
    out::Out,
    progress::Progress,
    story,
};
use crate::{
    app::{App, AppError, CheckedFile, RunRequest},
    workflow::Workflow,
};

pub(super) fn run(app: &App, args: RunArgs, out: &mut Out) -> Result<Exit, AppError> {
    let json = args.format.format == Format::Json;
    let Some((file, workflow)) = prepare(app, &args, json, out)? else { return Ok(Exit::Invalid) };
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
    args: &RunArgs,
    json: bool,
    out: &mut Out,
) -> Result<Option<(CheckedFile, Workflow)>, AppError> {
    if !json {
        return checked(app, &args.file, out);
    }
    let mut file = app.check(&args.file.file, &overrides(&args.file.params)?)?;
    let workflow = file.workflow.take();
    if workflow.is_none() {
        out.json(&invalid_json(&file));
    }
    Ok(workflow.map(|workflow| (file, workflow)))
}
