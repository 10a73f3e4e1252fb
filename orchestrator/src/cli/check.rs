//! `check`, `plan` and `graph`: a workflow before it runs.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    args::{CheckArgs, FileArgs, Format, GraphArgs, GraphFormat, PlanArgs},
    exit::Exit,
    out::{Out, Style},
    table::TextTable,
    why::miss_text,
};
use crate::{
    app::{App, AppError, CheckedFile, RunRequest},
    engine::Prediction,
    workflow::{self, Severity, Workflow, draw},
};

/// Splits `-p name=value`.
pub(super) fn overrides(params: &[String]) -> Result<BTreeMap<String, String>, AppError> {
    params
        .iter()
        .map(|param| {
            let (name, value) = param.split_once('=').ok_or_else(|| AppError::Invalid {
                message: format!("`-p {param}` has no `=`"),
                hint: "write `-p name=value`".into(),
            })?;
            Ok((name.trim().to_owned(), value.to_owned()))
        })
        .collect()
}

/// Checks a file, prints what was found on standard error, and returns the workflow when there is no error.
pub(super) fn checked(
    app: &App,
    args: &FileArgs,
    out: &mut Out,
) -> Result<Option<(CheckedFile, Workflow)>, AppError> {
    Ok(reported(app.check(&args.file, &overrides(&args.params)?)?, out))
}

/// The same for a file that is looked at and not run: its schedules may give parameters that have no default.
fn looked_at(app: &App, args: &FileArgs, out: &mut Out) -> Result<Option<(CheckedFile, Workflow)>, AppError> {
    Ok(reported(app.look_at(&args.file, &overrides(&args.params)?)?, out))
}

fn reported(mut checked: CheckedFile, out: &mut Out) -> Option<(CheckedFile, Workflow)> {
    report_problems(&checked, out);
    let workflow = checked.workflow.take();
    workflow.map(|workflow| (checked, workflow))
}

/// Prints what was found in a file on standard error.
pub(super) fn report_problems(checked: &CheckedFile, out: &mut Out) {
    out.note_text(&workflow::render(&checked.source, &checked.diagnostics, out.colour_err));
    if checked.workflow.is_none() {
        out.note(&summary_of(checked));
    }
}

fn summary_of(checked: &CheckedFile) -> String {
    let n_errors = checked.diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
    let noun = if n_errors == 1 { "error" } else { "errors" };
    format!("`{}` has {n_errors} {noun}; nothing was run", checked.source.name)
}

pub(super) fn check(app: &App, args: &CheckArgs, out: &mut Out) -> Result<Exit, AppError> {
    if args.format.format == Format::Json {
        let checked = app.look_at(&args.file.file, &overrides(&args.file.params)?)?;
        out.json(&workflow::to_json(&checked.source, &checked.diagnostics));
        return Ok(if checked.workflow.is_some() { Exit::Succeeded } else { Exit::Invalid });
    }
    let Some((checked, workflow)) = looked_at(app, &args.file, out)? else { return Ok(Exit::Invalid) };
    let n_tasks = workflow.tasks.len();
    let noun = if n_tasks == 1 { "task" } else { "tasks" };
    out.line(&format!("`{}` is valid: workflow `{}`, {n_tasks} {noun}", checked.source.name, workflow.name));
    Ok(Exit::Succeeded)
}

pub(super) fn graph(app: &App, args: &GraphArgs, out: &mut Out) -> Result<Exit, AppError> {
    let Some((_, workflow)) = looked_at(app, &args.file, out)? else { return Ok(Exit::Invalid) };
    let drawing = match args.format {
        GraphFormat::Text => draw::text(&workflow),
        GraphFormat::Dot => draw::dot(&workflow),
        GraphFormat::Mermaid => draw::mermaid(&workflow),
        GraphFormat::Svg => draw::svg(&workflow),
    };
    out.text(&drawing);
    Ok(Exit::Succeeded)
}

pub(super) fn plan(app: &App, args: &PlanArgs, out: &mut Out) -> Result<Exit, AppError> {
    let Some((checked, workflow)) = checked(app, &args.file, out)? else { return Ok(Exit::Invalid) };
    let planned = app.plan(RunRequest {
        workflow,
        base_dir: checked.base_dir,
        file: checked.file,
        use_cache: !args.no_cache,
        fresh: true,
    })?;
    if args.format.format == Format::Json {
        out.json(&planned);
        return Ok(Exit::Succeeded);
    }
    let mut table = TextTable::new(&["TASK", "KIND", "WOULD", "WHY"]);
    for task in &planned {
        let (style, word, why) = match &task.prediction {
            Prediction::Cached { origin } => {
                (Style::Dim, "use cache", format!("unchanged since run {}", origin.run))
            }
            Prediction::Run { miss } => (Style::Bold, "run", miss_text(miss)),
            Prediction::Depends { on } => (Style::Plain, "depend", format!("on what `{on}` gives")),
            Prediction::Expand { n_items } => {
                (Style::Bold, "items", format!("runs once for each of {n_items} items"))
            }
            Prediction::Skip { reason } => (Style::Warn, "skip", reason.to_string()),
            Prediction::Fail { message } => (Style::Bad, "fail", message.clone()),
        };
        table.row(vec![
            (Style::Plain, task.name.clone()),
            (Style::Dim, task.kind.clone()),
            (style, word.into()),
            (Style::Plain, why),
        ]);
    }
    table.print(out);
    Ok(Exit::Succeeded)
}

/// The outcome of a check as JSON, for commands that print JSON.
pub(super) fn invalid_json(checked: &CheckedFile) -> serde_json::Value {
    json!({ "status": "invalid", "diagnostics": workflow::to_json(&checked.source, &checked.diagnostics) })
}
