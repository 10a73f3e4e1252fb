//! A plugin made by the macro, on the host's side of the boundary, in one process.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch};
use serde_json::{Value, json};
use sluicegate_plugin::{
    About, AskRequest, AttemptSpec, CancelToken, Context, ContextOptions, Finished, Kind, ModelReference,
    Probe, ProbeContext, RunInfo, Secret, Selector, Verdict, abi::raw::PluginTable, plugin, prelude::*,
    testing::Bench,
};

use super::{open::OpenLibrary, run::LibraryCode, tables::Tables};
use crate::plugin::asked::{AskedKind, Code};

struct Everything;
struct Panics;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EverythingParams {
    /// Which way to go.
    way: String,
}

impl Task for Everything {
    type Params = EverythingParams;

    fn describe(&self) -> Description {
        Description::new("trial.everything", "1", "Does everything once.")
            .input(Port::new("table", PortType::Table, "rows"))
            .output(Port::new("table", PortType::Table, "the rows"))
    }

    fn check(&self, params: &EverythingParams) -> Vec<Problem> {
        if params.way == "bad" {
            vec![Problem::new("/way", "that way is bad").hint("go another way")]
        } else {
            Vec::new()
        }
    }

    fn schema(&self, _: &EverythingParams, check: &mut SchemaCheck) {
        if let Some(table) = check.inputs.get("table").cloned() {
            check.outputs.insert("table".into(), table);
        }
    }

    fn files(&self, params: &EverythingParams) -> Vec<std::path::PathBuf> {
        vec![params.way.clone().into()]
    }

    fn references(&self, _: &EverythingParams, run: &RunInfo) -> Vec<ModelReference> {
        let selector = Selector::Alias("champion".into());
        vec![ModelReference { key: "c".into(), model: run.workflow.clone(), selector, unless_input: None }]
    }

    fn probe(&self, ctx: &ProbeContext, _: &EverythingParams) -> Probe {
        if ctx.secrets.contains_key("TOKEN") { Probe::Happened } else { Probe::Unknown }
    }

    fn run(&self, ctx: &Context, params: EverythingParams) -> Result<(), TaskError> {
        match params.way.as_str() {
            "wait" => {
                while !ctx.is_cancelled() {
                    std::thread::yield_now();
                }
                return ctx.check_cancelled();
            }
            "fail" => return Err(TaskError::transient("tired", "not today").hint("tomorrow")),
            "climb" => ctx.write_value("../n", json!(1))?,
            _ => {}
        }
        let table = ctx.table("table")?;
        let addresses: Vec<usize> = table
            .batches()
            .iter()
            .map(|batch| batch.column(0).to_data().buffers()[0].as_ptr() as usize)
            .collect();
        ctx.info(&format!("the token is {}", ctx.secret("TOKEN").unwrap_or("absent")));
        ctx.log(LogLevel::Warn, "careful");
        ctx.metric("rows", table.n_rows() as f64);
        ctx.progress(0.5, "half");
        ctx.summary("all of it");
        ctx.write_table("table", &table)?;
        ctx.write_value("addresses", json!(addresses))?;
        ctx.write_json("report", PortType::Report, &json!({ "token": ctx.secret("TOKEN") }))?;
        ctx.write_bytes("file", PortType::File, b"bytes")?;
        ctx.pass_on("n", "n")?;
        let verdict: Verdict =
            serde_json::from_value(json!({ "decision": "pass", "requirements": [] })).expect("a verdict");
        ctx.verdict(verdict);
        Ok(())
    }
}

impl Task for Panics {
    type Params = EverythingParams;

    fn describe(&self) -> Description {
        Description::new("trial.panics", "1", "Panics.")
    }

    fn check(&self, params: &EverythingParams) -> Vec<Problem> {
        assert!(params.way != "ask", "no answer");
        Vec::new()
    }

    fn run(&self, _: &Context, _: EverythingParams) -> Result<(), TaskError> {
        panic!("cannot go on")
    }
}

plugin!("trial", Everything, Panics);

unsafe extern "C" {
    fn sluice_plugin_v1() -> *const PluginTable;
}

fn code(confined_to: Option<&Path>) -> Arc<LibraryCode> {
    // SAFETY: the macro above defines the function, and its tables live for ever.
    let tables = unsafe { Tables::read(sluice_plugin_v1(), Path::new("trial.so")) }.unwrap();
    let library = OpenLibrary::of(tables, Path::new("trial.so")).unwrap();
    Arc::new(LibraryCode::new(library, confined_to.map(|folder| vec![folder.to_owned()])))
}

fn kind(code: &Arc<LibraryCode>, name: &str) -> AskedKind<LibraryCode> {
    let manifest = code.library().manifests().into_iter().find(|manifest| manifest.name == name).unwrap();
    AskedKind::new(manifest, code.clone())
}

fn table() -> Table {
    let numbers: ArrayRef = Arc::new(Float64Array::from_iter_values((0..100).map(f64::from)));
    Table::from_batch(RecordBatch::try_from_iter([("x", numbers)]).unwrap())
}

fn spec(folder: &Path) -> AttemptSpec {
    let bench = Bench::new(folder).table("table", &table()).json("n", PortType::Value, &json!(7));
    let secrets = BTreeMap::from([("TOKEN".to_owned(), Secret::new("hunter2"))]);
    AttemptSpec { secrets, ..bench.spec().clone() }
}

fn run(
    kind: &dyn Kind,
    spec: AttemptSpec,
    params: Value,
    cancel: &CancelToken,
) -> (Result<(), TaskError>, Finished) {
    let options = ContextOptions { cancel: cancel.clone(), ..ContextOptions::default() };
    let ctx = Context::new(spec, options);
    let result = kind.run(&ctx, params);
    (result, ctx.finish())
}

#[test]
fn everything_that_a_task_says_and_asks_crosses_the_boundary() {
    let folder = tempfile::tempdir().unwrap();
    let kind = kind(&code(None), "trial.everything");
    let spec = spec(folder.path());
    let log = sluicegate_plugin::AttemptLog::path_of(&spec.attempt_dir);
    let (result, finished) = run(&kind, spec, json!({ "way": "on" }), &CancelToken::default());
    result.unwrap();
    assert_eq!(finished.table("table"), table());
    assert_eq!(finished.metrics.get("rows"), Some(&100.0));
    assert_eq!(finished.summary.as_deref(), Some("all of it"));
    assert_eq!(finished.outputs["n"].value, Some(json!(7)));
    assert_eq!(finished.json("report"), json!({ "token": "***" }));
    assert!(finished.verdict.is_some());
    let said = std::fs::read_to_string(log).unwrap();
    assert_eq!(said, "the token is ***\nwarning: careful\n");
}

#[test]
fn questions_are_answered_and_a_panic_is_an_answer_too() {
    let code = code(None);
    let asked = kind(&code, "trial.everything");
    let problems = asked.check(&json!({ "way": "bad" }));
    assert_eq!((problems[0].pointer.as_str(), problems[0].hint.as_deref()), ("/way", Some("go another way")));
    let mut check = SchemaCheck::default();
    check.inputs.insert("table".into(), PortSchema { columns: table().columns(), target: None });
    asked.schema(&json!({ "way": "on" }), &mut check);
    assert_eq!(check.outputs["table"].columns, table().columns());
    assert_eq!(asked.files(&json!({ "way": "f.csv" })).unwrap(), [Path::new("f.csv")]);
    let info = RunInfo { workflow: "w".into(), ..RunInfo::default() };
    assert_eq!(asked.references(&json!({ "way": "on" }), &info).unwrap()[0].model, "w");
    let folder = tempfile::tempdir().unwrap();
    let ctx = Bench::new(folder.path()).secret("TOKEN", "x").probe_context();
    assert_eq!(asked.probe(&ctx, &json!({ "way": "on" })), Probe::Happened);
    let problems = kind(&code, "trial.panics").check(&json!({ "way": "ask" }));
    assert!(problems[0].message.contains("it panicked: no answer at "), "{}", problems[0].message);
    let unknown = code.ask("trial.nothing", About::Check, &AskRequest::default()).unwrap_err();
    assert_eq!(unknown.message, "plugin `trial` has no kind `trial.nothing`");
}

#[test]
fn errors_panics_and_cancels_are_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let code = code(None);
    let asked = kind(&code, "trial.everything");
    let (result, _) = run(&asked, spec(folder.path()), json!({ "way": "fail" }), &CancelToken::default());
    assert_eq!(result.unwrap_err(), TaskError::transient("tired", "not today").hint("tomorrow"));
    let (result, _) = run(&asked, spec(folder.path()), json!({ "way": "climb" }), &CancelToken::default());
    assert!(result.unwrap_err().message.starts_with("`../n` cannot be the name of an output"));
    let (result, _) = run(&asked, spec(folder.path()), json!({ "way": 1 }), &CancelToken::default());
    assert_eq!(result.unwrap_err().message, "with.way: 1 is not of type \"string\"");
    let (result, _) = run(
        &kind(&code, "trial.panics"),
        spec(folder.path()),
        json!({ "way": "on" }),
        &CancelToken::default(),
    );
    let error = result.unwrap_err();
    assert_eq!(error.code, "panic");
    assert!(error.message.starts_with("the task panicked: cannot go on at "), "{}", error.message);
    let cancel = CancelToken::default();
    cancel.cancel();
    let (result, _) = run(&asked, spec(folder.path()), json!({ "way": "wait" }), &cancel);
    assert_eq!(result.unwrap_err().code, TaskError::CANCELLED);
}

#[test]
fn a_confined_task_writes_its_outputs_and_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let staging = folder.path().join("attempt");
    std::fs::create_dir_all(&staging).unwrap();
    let kind = kind(&code(Some(&staging)), "trial.everything");
    for _ in 0..3 {
        let spec = spec(folder.path());
        let log = sluicegate_plugin::AttemptLog::path_of(&spec.attempt_dir);
        let _ = std::fs::remove_file(&log);
        let (result, finished) = run(&kind, spec, json!({ "way": "on" }), &CancelToken::default());
        result.unwrap();
        assert_eq!(finished.table("table"), table());
        assert!(std::fs::read_to_string(log).unwrap().starts_with("the token is ***"));
    }
}
