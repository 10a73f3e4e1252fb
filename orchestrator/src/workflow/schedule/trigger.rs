//! Reading `[trigger]` and `[[trigger]]`: events that start a run.

use super::{FilesRule, On, RunRule, Schedule, WebhookRule, read::warning};
use crate::workflow::{
    Diagnostic,
    diagnostic::did_you_mean,
    node::Span,
    secrets,
    settings::{Fields, NAME, bad_name, is_name},
};

/// Keys of a trigger.
pub(in crate::workflow) const TRIGGER_KEYS: [&str; 7] =
    ["name", "enabled", "run", "webhook", "files", "overlap", "params"];

/// Keys of `run`.
pub(in crate::workflow) const RUN_KEYS: [&str; 2] = ["workflow", "status"];

/// Keys of `webhook`.
pub(in crate::workflow) const WEBHOOK_KEYS: [&str; 1] = ["secret"];

/// Keys of `files`.
pub(in crate::workflow) const FILES_KEYS: [&str; 2] = ["path", "settle"];

const EVENTS: [&str; 3] = ["run", "webhook", "files"];

/// The ends of a run, as words.
const ENDS: [&str; 4] = ["succeeded", "rejected", "failed", "cancelled"];

/// For how long files must not have changed when the file does not say, in seconds.
const SETTLE: f64 = 10.0;

/// Reads the one event that a trigger waits for.
pub(super) fn read(fields: &Fields<'_>, span: &Span, found: &mut Vec<Diagnostic>) -> Option<On> {
    let n = EVENTS.iter().filter(|event| fields.table.get(event).is_some()).count();
    if n != 1 {
        let message = format!("{} must wait for exactly one thing", fields.what);
        let problem = Diagnostic::error("E008", span.clone(), message).label("here");
        found.push(problem.hint("give `run`, `webhook` or `files`; several are several `[[trigger]]`"));
        return None;
    }
    if let Some(table) = fields.table("run", found) {
        let inner = Fields::new(table, format!("`run` of {}", fields.what), &RUN_KEYS, &[], found);
        return run(&inner, span, found).map(On::Run);
    }
    if let Some(table) = fields.table("webhook", found) {
        let inner = Fields::new(table, format!("`webhook` of {}", fields.what), &WEBHOOK_KEYS, &[], found);
        return webhook(&inner, span, found).map(On::Webhook);
    }
    let table = fields.table("files", found)?;
    let inner = Fields::new(table, format!("`files` of {}", fields.what), &FILES_KEYS, &[], found);
    files(&inner, span, found).map(On::Files)
}

/// Warns of triggers that start their own workflow whenever it ends.
pub(in crate::workflow) fn report_rings(
    own: &str,
    schedules: &[(Schedule, Span)],
    found: &mut Vec<Diagnostic>,
) {
    for (schedule, span) in schedules {
        if let On::Run(rule) = &schedule.on
            && rule.workflow == own
        {
            let message = format!("`{}` starts `{own}` again whenever a run of `{own}` ends", schedule.name);
            let problem = warning("E038", span.clone(), message).label("goes round until it is paused");
            found.push(problem.hint("name another workflow, or repeat what fails with `retry` on its task"));
        }
    }
}

fn missing(fields: &Fields<'_>, key: &str, hint: &str, span: &Span, found: &mut Vec<Diagnostic>) {
    if fields.table.get(key).is_none() {
        let message = format!("{} has no `{key}`", fields.what);
        let problem = Diagnostic::error("E009", span.clone(), message);
        found.push(problem.label(format!("`{key}` is missing")).hint(hint));
    }
}

fn run(fields: &Fields<'_>, span: &Span, found: &mut Vec<Diagnostic>) -> Option<RunRule> {
    missing(fields, "workflow", "name the workflow whose runs it waits for", span, found);
    let words = fields.strings("status", found);
    for (word, node) in words.iter().filter(|(word, _)| !ENDS.contains(word)) {
        let message = format!("`{word}` is no end of a run");
        let problem = Diagnostic::error("E008", node.span.clone(), message).label("unknown");
        found.push(problem.maybe_hint(did_you_mean(word, ENDS.iter().copied())));
    }
    let (name, node) = fields.string("workflow", found)?;
    if !is_name(name) {
        found.push(bad_name(name, "a workflow", NAME, &node.span));
        return None;
    }
    let status: Vec<String> = match fields.table.get("status") {
        None => vec!["succeeded".into()],
        Some(_) => words.iter().map(|(word, _)| (*word).to_owned()).collect(),
    };
    Some(RunRule { workflow: name.to_owned(), status })
}

fn webhook(fields: &Fields<'_>, span: &Span, found: &mut Vec<Diagnostic>) -> Option<WebhookRule> {
    missing(fields, "secret", "add `secret = { env = \"VARIABLE\" }` or `{ file = \"PATH\" }`", span, found);
    let node = fields.table.get("secret")?;
    secrets::source("secret", node, found).map(|secret| WebhookRule { secret })
}

fn files(fields: &Fields<'_>, span: &Span, found: &mut Vec<Diagnostic>) -> Option<FilesRule> {
    missing(fields, "path", "name files, such as `incoming/*.csv`", span, found);
    let settle = fields.duration("settle", found).unwrap_or(SETTLE);
    let (path, node) = fields.string("path", found)?;
    if let Err(error) = glob::Pattern::new(path) {
        let message = format!("`{path}` is no path with wildcards: {}", error.msg);
        found.push(Diagnostic::error("E008", node.span.clone(), message).label("here"));
        return None;
    }
    Some(FilesRule { path: path.to_owned(), settle })
}
