//! The kind `workflow`: a task that runs another workflow.
//!
//! The other file is checked with the one that names it, so that a run never meets a broken one; the engine runs it as a run of its own.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
    rc::Rc,
};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use sluicegate_plugin::{
    Context, Description, Effect, Pack, Placement, Port, Ports, Task as TaskKind, TaskError,
};

use super::{
    CheckOptions, Diagnostic, Nested, Severity, Source,
    check::{Around, check_within},
    node::{Node, NodeValue, Span},
    params::Given,
};

/// The kind's name.
pub(super) const KIND: &str = "workflow";

/// So many workflows may stand in each other, the outermost included.
const MAX_DEPTH: usize = 8;

/// So many workflows are checked for one, so that files that run each other many times over are answered soon.
const MAX_CHECKED: usize = 1000;

/// The pack of the kind `workflow`.
pub fn pack() -> Pack {
    Pack::new(KIND).with(RunWorkflow)
}

/// Runs another workflow.
struct RunWorkflow;

/// Parameters of `workflow`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WorkflowParams {
    /// The workflow's file; relative to this workflow's folder. It must be known before the run: no expression but of parameters.
    #[schemars(length(min = 1))]
    file: String,
    /// Its parameters.
    #[serde(default)]
    #[expect(dead_code, reason = "the check and the engine read it before there is an attempt")]
    params: BTreeMap<String, Value>,
}

const DOC: &str = r#"
The other workflow is checked together with this one, and becomes a run of its own, which `sluice runs list` shows below the run that
started it. The task succeeds, fails, or is rejected as that run does. Its outputs are what the other file lists under `[outputs]`.

```toml
[tasks.train]
uses = "workflow"
with = { file = "train.toml", params = { seed = "{{ params.seed }}" } }
```
"#;

impl TaskKind for RunWorkflow {
    type Params = WorkflowParams;

    fn describe(&self) -> Description {
        Description::new(KIND, "1", "Runs another workflow.")
            .doc(DOC)
            .effect(Effect::Idempotent)
            .placement(Placement::Inline)
            .more_outputs()
    }

    fn files(&self, params: &WorkflowParams) -> Vec<PathBuf> {
        vec![params.file.as_str().into()]
    }

    fn run(&self, _: &Context, params: WorkflowParams) -> Result<(), TaskError> {
        let message = format!("`{}` cannot run as a single attempt: it is a run of its own", params.file);
        Err(TaskError::permanent("engine_only", message))
    }
}

/// What is asked of a workflow inside another; the same question has the same answer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Question {
    file: PathBuf,
    depth: usize,
    values: BTreeMap<String, String>,
    unknown: BTreeSet<String>,
}

/// What is known of a workflow inside another.
struct Answer {
    source: Source,
    ports: Option<Ports>,
    /// The workflows that it runs in turn.
    files: BTreeMap<PathBuf, String>,
    diagnostics: Vec<Diagnostic>,
}

/// Answers that were found already.
#[derive(Default)]
pub(super) struct Answers(RefCell<BTreeMap<Question, Rc<Answer>>>);

/// What a task gets from the workflow that it runs.
pub(super) struct Opened {
    /// Its outputs; `None` when it is broken.
    pub(super) ports: Option<Ports>,
    pub(super) nested: Nested,
}

/// Checks the workflow that a task runs. All that is wrong with it is one problem of the task, at the file's name.
pub(super) fn open(
    task: &str,
    with: &Node,
    options: &CheckOptions<'_>,
    around: &Around<'_>,
    found: &mut Vec<Diagnostic>,
) -> Option<Opened> {
    let table = with.as_table()?;
    let node = table.get("file")?;
    if matches!(node.value, NodeValue::Dynamic) {
        let message = format!("which file task `{task}` runs must be known before the run");
        let problem = Diagnostic::error("E008", node.span.clone(), message).label("not known yet");
        found.push(problem.hint("name it, or take it from `params`"));
        return None;
    }
    // A wrong type is the schema's to report.
    let file = node.as_str().filter(|file| !file.is_empty())?;
    let path = absolute(&options.base_dir.join(file));
    if let Some(problem) = misplaced(&path, &node.span, around) {
        found.push(problem);
        return None;
    }
    let (values, unknown) = given(table.get("params"), found)?;
    let question = Question { file: path, depth: around.path.len(), values, unknown };
    let answer = match answer(&question, file, options, around) {
        Ok(answer) => answer,
        Err(message) => {
            found.push(Diagnostic::error("E029", node.span.clone(), message).label("here"));
            return None;
        }
    };
    report(file, &answer, &node.span, found);
    let nested = Nested {
        file: file.into(),
        base_dir: question.file.parent().unwrap_or(Path::new("/")).to_owned(),
        source: answer.source.text().to_owned(),
        files: answer.files.clone(),
    };
    Some(Opened { ports: answer.ports.clone(), nested })
}

/// A path without `.` and `..`; symbolic links are taken for folders.
fn absolute(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

/// The problem of a workflow that contains itself, or that stands too deep.
fn misplaced(path: &Path, span: &Span, around: &Around<'_>) -> Option<Diagnostic> {
    let outermost = around.path.first().and_then(|path| path.parent()).unwrap_or(Path::new("/"));
    let shown = |path: &Path| path.strip_prefix(outermost).unwrap_or(path).display().to_string();
    let chain = |from: usize| {
        let names = around.path[from..].iter().map(PathBuf::as_path).chain([path]);
        names.map(shown).collect::<Vec<_>>().join(" -> ")
    };
    if let Some(at) = around.path.iter().position(|other| other == path) {
        let message = format!("workflows contain each other: {}", chain(at));
        let problem = Diagnostic::error("E030", span.clone(), message).label("here it begins again");
        return Some(problem.hint("a workflow cannot run itself; remove one of these tasks"));
    }
    (around.path.len() >= MAX_DEPTH).then(|| {
        let message = format!("workflows stand in each other more than {MAX_DEPTH} deep: {}", chain(0));
        let problem = Diagnostic::error("E030", span.clone(), message).label("too deep");
        problem.hint("put what the inner ones do into one workflow")
    })
}

/// Values as on a command line, and the names of those that are not known yet.
fn given(
    params: Option<&Node>,
    found: &mut Vec<Diagnostic>,
) -> Option<(BTreeMap<String, String>, BTreeSet<String>)> {
    let (mut values, mut unknown) = (BTreeMap::new(), BTreeSet::new());
    let Some(params) = params else { return Some((values, unknown)) };
    let before = found.len();
    for (key, node) in &params.as_table()?.entries {
        let text = match &node.value {
            NodeValue::String(text) => text.to_string(),
            NodeValue::Integer(number) => number.to_string(),
            NodeValue::Float(number) => number.to_string(),
            NodeValue::Boolean(truth) => truth.to_string(),
            NodeValue::Dynamic => {
                unknown.insert(key.name.to_string());
                continue;
            }
            _ => {
                let message = format!(
                    "a workflow takes texts, numbers and booleans, but `{}` is {}",
                    key.name,
                    node.type_name()
                );
                found.push(Diagnostic::error("E019", node.span.clone(), message).label("not a parameter"));
                continue;
            }
        };
        values.insert(key.name.to_string(), text);
    }
    (found.len() == before).then_some((values, unknown))
}

fn answer(
    question: &Question,
    shown: &str,
    options: &CheckOptions<'_>,
    around: &Around<'_>,
) -> Result<Rc<Answer>, String> {
    if let Some(known) = around.answers.0.borrow().get(question) {
        return Ok(known.clone());
    }
    if around.answers.0.borrow().len() >= MAX_CHECKED {
        return Err(format!(
            "more than {MAX_CHECKED} workflows stand in each other, counted with their parameters"
        ));
    }
    let bytes =
        (options.load)(&question.file).map_err(|error| format!("cannot read workflow `{shown}`: {error}"))?;
    let source = Source { name: shown.into(), bytes };
    let inner = CheckOptions {
        overrides: &question.values,
        base_dir: question.file.parent().unwrap_or(Path::new("/")),
        scheduled: false,
        ..*options
    };
    let path = around.path.iter().cloned().chain([question.file.clone()]).collect();
    let given = Given { values: &question.values, unknown: &question.unknown, lead: "params." };
    let checked = check_within(&source, &inner, &given, &Around { path, answers: around.answers });
    let files = checked.workflow.iter().flat_map(|workflow| &workflow.tasks).filter_map(|task| {
        let nested = task.nested.as_ref()?;
        let own = (nested.path(), nested.source.clone());
        Some(nested.files.clone().into_iter().chain([own]))
    });
    let files = files.flatten().collect();
    let ports = checked.workflow.map(|workflow| {
        let outputs = workflow.outputs.iter();
        let doc = format!("output of `{shown}`");
        Ports {
            outputs: outputs.map(|(name, from)| Port::new(name, from.port_type, &doc)).collect(),
            ..Ports::default()
        }
    });
    let answer = Rc::new(Answer { source, ports, files, diagnostics: checked.diagnostics });
    around.answers.0.borrow_mut().insert(question.clone(), answer.clone());
    Ok(answer)
}

fn report(file: &str, answer: &Answer, span: &Span, found: &mut Vec<Diagnostic>) {
    let mut errors = answer.diagnostics.iter().filter(|problem| problem.severity == Severity::Error);
    let Some(first) = errors.next() else { return };
    let n_errors = 1 + errors.count();
    let noun = if n_errors == 1 { "1 error".into() } else { format!("{n_errors} errors, the first") };
    let place = first.span.as_ref().map_or_else(String::new, |span| {
        let place = answer.source.place(span.start);
        format!(" at {file}:{}:{}", place.line, place.column)
    });
    let message = format!("workflow `{file}` has {noun}{place}: {} ({})", first.message, first.code);
    let hint = first.hint.clone().unwrap_or_else(|| format!("`sluice check {file}` shows them all"));
    found.push(Diagnostic::error("E029", span.clone(), message).label("broken workflow").hint(hint));
}

impl Nested {
    /// The file's absolute path.
    pub fn path(&self) -> PathBuf {
        absolute(&self.base_dir.join(self.file.file_name().unwrap_or_default()))
    }

    /// The text of a file that this workflow runs in turn, as it was when the plan was made: a loader for another check.
    pub fn load(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let text = self.files.get(path).ok_or(std::io::ErrorKind::NotFound)?;
        Ok(text.clone().into_bytes())
    }
}
