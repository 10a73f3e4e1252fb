mod items;
mod large;
mod nested;
mod settings;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_plugin::{
    Column, ColumnType, Context, Description, Effect, Pack, Port, PortSchema, PortType, Ports, Problem,
    SchemaCheck, Task, TaskError,
};

use super::*;
use crate::catalog::Catalog;

/// Makes a table with the columns that it is told.
struct Make;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MakeParams {
    #[schemars(range(min = 1, max = 10))]
    n: i64,
    #[serde(default)]
    columns: Vec<String>,
    #[serde(default)]
    mode: Mode,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Plain,
    Fancy,
}

impl Task for Make {
    type Params = MakeParams;

    fn describe(&self) -> Description {
        Description::new("make", "1", "makes")
            .output(Port::new("table", PortType::Table, "a table"))
            .output(Port::new("count", PortType::Value, "a number"))
    }

    fn check(&self, params: &MakeParams) -> Vec<Problem> {
        if params.n == 7 && matches!(params.mode, Mode::Fancy) {
            return vec![Problem::new("/n", "seven is never fancy").hint("use plain")];
        }
        Vec::new()
    }

    fn schema(&self, params: &MakeParams, check: &mut SchemaCheck) {
        let columns =
            params.columns.iter().map(|name| Column { name: name.clone(), column_type: ColumnType::Number });
        check.outputs.insert("table".into(), PortSchema { columns: columns.collect(), target: None });
    }

    fn run(&self, _: &Context, _: MakeParams) -> Result<(), TaskError> {
        unreachable!("nothing is run here")
    }
}

/// Takes a table and one of its columns; must happen once.
struct Take;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TakeParams {
    #[serde(default)]
    column: String,
}

impl Task for Take {
    type Params = TakeParams;

    fn describe(&self) -> Description {
        Description::new("take", "1", "takes")
            .input(Port::new("table", PortType::Table, "a table"))
            .output(Port::new("report", PortType::Report, "a report"))
            .effect(Effect::Once)
    }

    fn schema(&self, params: &TakeParams, check: &mut SchemaCheck) {
        if let Some(table) = check.inputs.get("table")
            && !params.column.is_empty()
            && !table.columns.iter().any(|column| column.name == params.column)
        {
            check.problems.push(Problem::missing_column("/column", &params.column, &table.columns));
        }
    }

    fn run(&self, _: &Context, _: TakeParams) -> Result<(), TaskError> {
        unreachable!("nothing is run here")
    }
}

/// Takes any number of tables, and a value.
struct Join;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct JoinParams {
    #[serde(default)]
    text: String,
    #[serde(default)]
    number: i64,
    #[serde(default)]
    outputs: Vec<String>,
}

impl Task for Join {
    type Params = JoinParams;

    fn describe(&self) -> Description {
        Description::new("join", "1", "joins")
            .input(Port::new("count", PortType::Value, "a number").optional())
            .more_inputs(PortType::Table)
            .output(Port::new("report", PortType::Report, "a report"))
            .more_outputs()
    }

    fn ports(&self, params: &JoinParams) -> Ports {
        let more = params.outputs.iter().map(|name| Port::new(name, PortType::Table, "another"));
        let mut ports = self.describe().ports;
        ports.outputs.extend(more);
        ports
    }

    fn check(&self, params: &JoinParams) -> Vec<Problem> {
        let is_bad = params.text == "bad" && params.number != 0;
        if is_bad { vec![Problem::new("/text", "this is bad")] } else { Vec::new() }
    }

    fn run(&self, _: &Context, _: JoinParams) -> Result<(), TaskError> {
        unreachable!("nothing is run here")
    }
}

fn catalog() -> Arc<Catalog> {
    Arc::new(Catalog::new(vec![Pack::new("test").with(Make).with(Take).with(Join), pack()]))
}

fn checked_with(text: impl AsRef<[u8]>, overrides: &[(&str, &str)]) -> (Source, Checked) {
    checked_among(text, overrides, &[])
}

/// Checks `/w.toml` in a project with a pool `shared` of 4 slots and these other files.
fn checked_among(
    text: impl AsRef<[u8]>,
    overrides: &[(&str, &str)],
    files: &[(&str, &str)],
) -> (Source, Checked) {
    let source = Source { name: "w.toml".into(), bytes: text.as_ref().to_vec() };
    let overrides: BTreeMap<String, String> =
        overrides.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let catalog = catalog();
    let load = |path: &Path| {
        let file = files.iter().find(|(name, _)| Path::new(name) == path);
        file.map(|(_, text)| text.as_bytes().to_vec()).ok_or(std::io::ErrorKind::NotFound.into())
    };
    let options = CheckOptions {
        overrides: &overrides,
        base_dir: Path::new("/"),
        kinds: catalog.as_ref(),
        load: &load,
        project_pools: &BTreeMap::from([("shared".to_owned(), 4)]),
        scheduled: false,
    };
    let checked = check(&source, &options);
    (source, checked)
}

fn workflow(text: &str) -> Workflow {
    let (source, checked) = checked_with(text, &[]);
    checked.workflow.unwrap_or_else(|| panic!("{}", render(&source, &checked.diagnostics, false)))
}

/// `CODE LINE:COLUMN` of each problem.
fn places(text: &str) -> Vec<String> {
    let (source, checked) = checked_with(text, &[]);
    assert!(checked.workflow.is_none(), "it is valid:\n{text}");
    places_of(&source, &checked.diagnostics)
}

fn places_of(source: &Source, diagnostics: &[Diagnostic]) -> Vec<String> {
    let rendered = render(source, diagnostics, false);
    assert!(rendered.starts_with("error["), "{rendered}");
    let place = |problem: &Diagnostic| match &problem.span {
        Some(span) => {
            let place = source.place(span.start);
            format!("{} {}:{}", problem.code, place.line, place.column)
        }
        None => problem.code.to_owned(),
    };
    diagnostics.iter().map(place).collect()
}

const MADE: &str = "[tasks.a]\nuses = \"make\"\nwith = { n = 1, columns = [\"x\", \"y\"] }\n";

#[test]
fn each_mistake_has_its_code_and_place() {
    let cases: &[(&str, &[&str])] = &[
        ("", &["E003"]),
        ("name = 'w'\nname = 'v'\n[tasks.a]\nuses = 'make'\nwith = { n = 1 }", &["E004 2:1"]),
        ("name = ", &["E002 1:8"]),
        ("nam = 'w'\nMADE", &["E005 1:1"]),
        ("schedule = {}\nMADE", &["E009 1:1"]),
        ("name = 3\nMADE", &["E007 1:8"]),
        ("max_parallel = 0\nMADE", &["E008 1:16"]),
        ("name = 'a b'\nMADE", &["E011 1:8"]),
        ("[tasks.a]\nwith = { n = 1 }", &["E009 1:8"]),
        ("[tasks.a]\nuses = 'mak'", &["E010 2:8"]),
        ("[tasks.'A B']\nuses = 'make'\nwith = { n = 1 }", &["E011 1:8"]),
        ("tasks = 3", &["E007 1:9"]),
        ("[tasks]\na = 3", &["E007 2:5"]),
        ("MADE[tasks.b]\nuses = 'take'\ninputs = { table = 'c' }", &["E012 6:20"]),
        ("MADE[tasks.b]\nuses = 'take'\ninputs = { table = 'a.x' }", &["E013 6:20"]),
        ("MADE[tasks.b]\nuses = 'take'\ninputs = { table = 'a', tabel = 'a' }", &["E014 6:25"]),
        ("[tasks.b]\nuses = 'take'", &["E015 1:8"]),
        ("MADE[tasks.b]\nuses = 'take'\ninputs = { table = 'a.count' }", &["E016 6:20"]),
        ("[tasks.a]\nuses = 'make'\nneeds = ['a']\nwith = { n = 1 }", &["E017 3:10"]),
        ("[tasks.a]\nuses = 'make'\nwith = { n = 1, m = 2 }", &["E018 3:17"]),
        ("[tasks.a]\nuses = 'make'\nwith = { n = '1' }", &["E019 3:14"]),
        ("[tasks.a]\nuses = 'make'\nwith = { n = 11 }", &["E020 3:14"]),
        ("[tasks.a]\nuses = 'make'\nwith = { n = 1, mode = 'fanci' }", &["E020 3:24"]),
        ("[tasks.a]\nuses = 'make'", &["E021 1:8"]),
        ("[tasks.a]\nuses = 'make'\nwith = { n = 7, mode = 'fancy' }", &["E022 3:14"]),
        ("[tasks.a]\nuses = 'make'\nwith = { n = '{{ 1 + }}' }", &["E023 3:20"]),
        ("[tasks.a]\nuses = 'make'\nwith = { n = '{{ params.n }}' }", &["E024 3:25"]),
        ("[tasks.a]\nuses = 'make'\nwhen = 'param.x'\nwith = { n = 1 }", &["E024 3:9"]),
        ("MADE[tasks.b]\nuses = 'take'\ninputs = { table = 'a' }\nwith = { column = 'z' }", &["E025 7:19"]),
        ("[params]\nn = { type = 'integer' }\nMADE", &["E026 2:5"]),
        ("[params]\nn = { type = 'int', default = 1 }\nMADE", &["E008 2:14"]),
        ("MADE[tasks.b]\nuses = 'take'\ncache = true\ninputs = { table = 'a' }", &["E008 6:9"]),
        ("MADEtimeout = -1", &["E008 4:11"]),
        ("MADEretry = { attempts = 0, initial = '2s', max = '1s' }", &["E008 4:22", "E008 4:47"]),
    ];
    for (text, wanted) in cases {
        let text = text.replace("MADE", MADE);
        assert_eq!(places(&text), *wanted, "{text}");
    }
}

#[test]
fn the_documentation_lists_every_code_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let codes = |text: &str| -> BTreeSet<String> {
        let at = text.match_indices("\"E0").map(|(at, _)| &text[at + 1..at + 5]);
        at.filter(|code| code[1..].chars().all(|c| c.is_ascii_digit())).map(str::to_owned).collect()
    };
    let folders = ["src/workflow", "src/workflow/schedule"];
    let sources = folders.iter().flat_map(|folder| std::fs::read_dir(root.join(folder)).unwrap().flatten());
    let sources = sources.filter(|entry| entry.path().is_file() && entry.file_name() != "tests.rs");
    let said: BTreeSet<String> =
        sources.flat_map(|entry| codes(&std::fs::read_to_string(entry.path()).unwrap())).collect();
    let docs = std::fs::read_to_string(root.join("../docs/workflow-format.md")).unwrap();
    let table = docs.split("## Diagnostics").nth(1).unwrap();
    let listed: BTreeSet<String> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| E0"))
        .map(|rest| format!("E0{}", &rest[..2]))
        .collect();
    assert_eq!(said, listed);
}

#[test]
fn many_mistakes_are_reported_in_the_order_of_the_file() {
    let text = "nam = 'w'\n[tasks.a]\nuses = 'make'\nwith = { n = 0, m = 2 }\n[tasks.b]\nuses = 'tak'\n";
    assert_eq!(places(text), ["E005 1:1", "E020 4:14", "E018 4:17", "E010 6:8"]);
}

#[test]
fn wide_characters_and_tabs_do_not_shift_columns() {
    assert_eq!(places("description = '日本 😀'; x"), ["E002 1:21"]);
    assert_eq!(places("[tasks.a]\n\tuses\t=\t'mäk😀'\n"), ["E010 2:9"]);
    assert_eq!(places("[tasks.a]\r\nuses = 'mak'\r\n"), ["E010 2:8"]);
    assert_eq!(places("\u{feff}nam = 1\n[tasks.a]\nuses = 'make'\nwith = { n = 1 }"), ["E005 1:2"]);
}

#[test]
fn parameters_keep_their_types_in_expressions() {
    let text = "[params]\nn = { type = 'integer', default = 3 }\n[tasks.a]\nuses = 'make'\nwith = { n = '{{ params.n + 1 }}' }\n";
    let checked = workflow(text);
    let scope = serde_json::json!({ "params": checked.params });
    assert_eq!(evaluate(&checked.tasks[0].with, &scope).unwrap(), serde_json::json!({ "n": 4 }));
    let (_, given) = checked_with(text, &[("n", "9")]);
    assert_eq!(given.workflow.unwrap().params["n"], 9);
    let (_, above) = checked_with(text, &[("n", "10")]);
    assert_eq!(above.diagnostics[0].code, "E020", "the kind's range is verified with the value");
}

#[test]
fn edges_come_from_inputs_needs_and_expressions() {
    let checked = workflow(&format!(
        "{MADE}[tasks.b]\nuses = 'take'\ninputs = {{ table = 'a' }}\n[tasks.c]\nuses = 'make'\nneeds = ['b']\nwith = {{ n = 1 }}\n\
         [tasks.d]\nuses = 'make'\nwith = {{ n = '{{{{ tasks.c.outputs.count }}}}' }}\nwhen = \"tasks.b.status == 'succeeded'\"\n"
    ));
    let graph = checked.graph();
    assert_eq!(graph.order(), [0, 1, 2, 3].map(TaskIdx));
    assert_eq!(graph.upstream(TaskIdx(3)), [1, 2].map(TaskIdx));
    for drawn in [draw::text(&checked), draw::dot(&checked), draw::mermaid(&checked), draw::svg(&checked)] {
        assert!(["a", "b", "c", "d"].iter().all(|name| drawn.contains(name)), "{drawn}");
    }
}

#[test]
fn outputs_that_parameters_name_are_known_while_other_parameters_are_not() {
    for later in ["text = '{{ tasks.a.metrics.m }}'", "number = '{{ tasks.a.metrics.m }}'", "number = 1"] {
        let checked = workflow(&format!(
            "{MADE}[tasks.j]\nuses = 'join'\nwith = {{ outputs = ['x'], {later} }}\n[tasks.t]\nuses = 'take'\ninputs = {{ table = 'j.x' }}\n"
        ));
        assert_eq!(checked.tasks[2].inputs["table"].port, "x", "{later}");
    }
}

#[test]
fn defaults_fill_what_tasks_leave_out() {
    let checked = workflow(
        "[defaults]\ntimeout = '5m'\nretry = { attempts = 4, initial = '2s' }\nenv = { A = '1', B = '2' }\n\
         [tasks.a]\nuses = 'make'\nwith = { n = 1 }\n\
         [tasks.b]\nuses = 'make'\nwith = { n = 1 }\ntimeout = 7\nretry = { attempts = 2 }\nenv = { B = '3' }\n",
    );
    let [a, b] = checked.tasks.as_slice() else { panic!("two tasks") };
    assert_eq!((a.timeout, a.retry.attempts, a.retry.initial), (Some(300.0), 4, 2.0));
    assert_eq!((b.timeout, b.retry.attempts, b.retry.initial), (Some(7.0), 2, 2.0));
    assert_eq!((a.env["B"].as_str(), b.env["A"].as_str(), b.env["B"].as_str()), ("2", "1", "3"));
    assert_eq!(
        places(&format!("[defaults]\nretry = {{ attempts = 0 }}\ncache = 1\n{MADE}")),
        ["E008 2:22", "E005 3:1"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever the bytes: an answer, never a panic, and every place can be drawn.
    #[test]
    fn no_bytes_make_the_check_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (source, checked) = checked_with(&bytes, &[]);
        let _ = render(&source, &checked.diagnostics, true);
        let _ = to_json(&source, &checked.diagnostics);
    }

    /// The same for files that are nearly right: a piece of one is cut out, doubled or put elsewhere.
    #[test]
    fn no_broken_file_makes_the_check_panic(from in 0usize..400, len in 0usize..60, to in 0usize..400, cut in any::<bool>()) {
        let whole = format!(
            "name = 'w'\n[params]\nn = {{ type = 'integer', default = 3, min = 1 }}\n{MADE}retry = {{ attempts = 2 }}\n\
             [tasks.b]\nuses = 'take'\ninputs = {{ table = 'a.table' }}\nwith = {{ column = 'x' }}\nwhen = 'params.n > 2 and tasks.a.metrics.m < 3'\n"
        );
        let from = from.min(whole.len());
        let piece = whole[from..(from + len).min(whole.len())].to_owned();
        let mut broken = whole.clone();
        if cut {
            broken.replace_range(from..from + piece.len(), "");
        }
        broken.insert_str(to.min(broken.len()), &piece);
        let (source, checked) = checked_with(&broken, &[]);
        let _ = render(&source, &checked.diagnostics, false);
        prop_assert_eq!(checked.workflow.is_some(), checked.diagnostics.iter().all(|found| found.severity != Severity::Error));
    }
}
