//! `runs rerun`: a new run that takes over what an earlier one left, from a task on.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    args::{Format, RerunArgs},
    check::{invalid_json, overrides, report_problems},
    exit::Exit,
    out::Out,
    progress::Progress,
    story,
    why::no_task,
};
use crate::{
    app::{App, AppError, RunRequest},
    engine::RerunFrom,
    run::Run,
};

pub(super) fn rerun(app: &App, args: &RerunArgs, out: &mut Out) -> Result<Exit, AppError> {
    let run = {
        let history = app.history()?;
        history.load(history.find(&args.run)?)?
    };
    if !run.status().is_final() {
        return Err(AppError::Invalid {
            message: format!("run {} has not ended", run.id()),
            hint: "wait for its end, or cancel it first".into(),
        });
    }
    let params = params(&run, overrides(&args.params)?);
    let mut file = if args.current {
        app.check(&run.base_dir().join(file_name(&run)), &params)?
    } else {
        app.check_recorded(&run, &params)?
    };
    let json = args.format.format == Format::Json;
    if json && file.workflow.is_none() {
        out.json(&invalid_json(&file));
    } else if !json {
        report_problems(&file, out);
    }
    let Some(workflow) = file.workflow.take() else { return Ok(Exit::Invalid) };
    if !workflow.tasks.iter().any(|task| task.name == args.from) {
        return Err(no_task(&run, &args.from));
    }
    let request = RunRequest {
        workflow,
        base_dir: run.base_dir().to_owned(),
        file: run.file().to_owned(),
        use_cache: run.uses_cache(),
        fresh: true,
    };
    let from = RerunFrom { run, task: args.from.clone(), only: args.only };
    let mut progress = Progress::new(out, json);
    let run = app.rerun(request, from, &mut progress)?;
    progress.finish();
    if json {
        out.json(&story::to_json(&run, app.now()));
    } else {
        story::print_end(&run, out);
    }
    Ok(Exit::of_run(run.status()))
}

/// The parameters of the earlier run with those that are given now in their place.
fn params(run: &Run, given: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let recorded = run.workflow().params.iter().map(|(name, value)| (name.clone(), text(value)));
    recorded.chain(given).collect()
}

fn file_name(run: &Run) -> std::path::PathBuf {
    run.file().file_name().map(std::path::PathBuf::from).unwrap_or_default()
}
