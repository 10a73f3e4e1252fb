use serde_json::json;
use sluicegate_web::view::{
    Activity, AliasMove, ApiDocs, AuditRow, Change, Compare, CompareMetric, CompareTask, Decision,
    DeploymentHealth, DeploymentRow, Deployments, Diagnostic, Fire, KindError, KindPage, KindPort, KindRow,
    Kinds, ModelAlias, ModelPage, ModelRow, ModelVersion, Models, OutcomeBar, Overview, Pair, ParamField,
    ParamType, PlanTask, PluginRow, PoolRow, RunState, Runs, ScheduleRow, Schedules, Severity, StorePart,
    System, TaskState, Trend, TrendRun, TrendSeries, WorkerRow, WorkflowPage, WorkflowRow, Workflows,
};

use super::{Chance, DAY, HOUR, MINUTE, NOW, RUN, edges, metrics, rows, running, s};

const HASH: &str = "9b21fe07c4a8e6d35f10927bd8e4c6a1530fb7de9a42c8813e6d05f7ab19c2e4";

pub fn fires() -> Vec<Fire> {
    let fire = |schedule: &str, workflow: &str, minutes| Fire {
        schedule: s(schedule),
        workflow: s(workflow),
        at: NOW + minutes * MINUTE,
        ..Fire::default()
    };
    vec![
        fire("churn-nightly.0", "churn-nightly", 12),
        fire("credit-risk.0", "credit-risk", 55),
        fire("demand-forecast.0", "demand-forecast", 3 * 60),
        fire("credit-risk.0", "credit-risk", 15 * 60),
    ]
}

pub fn deployment_rows() -> Vec<DeploymentRow> {
    let deployment = |name: &str, health, model: &str, version, port: u16, remark: &str| DeploymentRow {
        name: s(name),
        generation: version + 3,
        health,
        target: s("process"),
        model: s(model),
        version: Some(version),
        address: format!("http://127.0.0.1:{port}"),
        run: s(RUN),
        updated_at: NOW - 30 * HOUR,
        remark: s(remark),
    };
    vec![
        deployment("credit", DeploymentHealth::Ready, "credit", 7, 8081, "p99 4.2 ms, 1,822 requests/s"),
        deployment("churn", DeploymentHealth::Gone, "churn", 3, 8082, "connection refused for 3 min"),
        deployment("wine", DeploymentHealth::NotReady, "wine", 1, 8083, ""),
    ]
}

pub fn outcomes(seed: u64, n: usize) -> Vec<OutcomeBar> {
    let mut chance = Chance::new(seed);
    (0..n)
        .map(|at| OutcomeBar {
            run: format!("01K3X{seed:02}{at:019}"),
            state: match chance.next() {
                c if c < 0.08 => RunState::Failed,
                c if c < 0.2 => RunState::Rejected,
                c if c < 0.23 => RunState::Cancelled,
                _ => RunState::Succeeded,
            },
            seconds: 20.0 + chance.next() * 400.0,
            at: NOW - DAY * i64::try_from(n - at).unwrap_or(1),
        })
        .collect()
}

pub fn workflow_rows() -> Vec<WorkflowRow> {
    let workflow = |name: &str, description: &str, cron: &[&str], n| WorkflowRow {
        name: s(name),
        description: s(description),
        labels: vec![s("risk")],
        file: format!("{name}.toml"),
        schedules: cron.iter().map(|line| s(line)).collect(),
        next_fire: (!cron.is_empty()).then_some(NOW + 55 * MINUTE),
        is_paused: false,
        outcomes: outcomes(name.len() as u64, n),
        n_runs: 1_204,
        n_errors: 0,
        is_used: true,
    };
    vec![
        workflow(
            "credit-risk",
            "Train an SVM on last month's loans; release it only if it is not worse than the model in service.",
            &["0 3 * * *"],
            30,
        ),
        WorkflowRow {
            is_paused: true,
            ..workflow("churn-nightly", "Who is about to leave.", &["12 * * * *", "0 0 1 * *"], 23)
        },
        WorkflowRow {
            n_errors: 2,
            is_used: true,
            ..workflow("demand-forecast", "Hourly demand of the next week.", &["0 15 * * 1-5"], 30)
        },
        WorkflowRow {
            labels: vec![s("example"), s("small")],
            n_runs: 3,
            ..workflow("wine", "Tell three cultivars apart.", &[], 3)
        },
        WorkflowRow { labels: Vec::new(), n_runs: 0, ..workflow("new-one", "", &[], 0) },
    ]
}

pub fn overview() -> Overview {
    let rows = rows();
    let mut chance = Chance::new(3);
    Overview {
        n_workflows: 5,
        n_runs: 120_412,
        running: rows[..2].to_vec(),
        troubled: rows[2..4].to_vec(),
        recent: rows[2..].to_vec(),
        fires: fires(),
        deployments: deployment_rows(),
        broken: vec![workflow_rows()[2].clone()],
        activity: (0..48)
            .map(|hour| Activity {
                at: NOW - (48 - hour) * HOUR,
                n_succeeded: chance.below(9),
                n_rejected: chance.below(3) / 2,
                n_failed: chance.below(5) / 4,
                n_cancelled: 0,
            })
            .collect(),
        activity_seconds: 3600,
    }
}

pub fn workflows() -> Workflows {
    Workflows { rows: workflow_rows(), folder: s("workflows/"), query: String::new() }
}

pub const SOURCE: &str = r#"name        = "credit-risk"
description = "Train an SVM; release it only if it is not worse than the model in service."

[params]                                   # typed; overridden by -p
seed       = { type = "integer", default = 42 }
min_recall = { type = "number", default = 0.95, min = 0.0, max = 1.0 }

[schedule]
cron     = "0 3 * * *"
timezone = "Europe/Berlin"

[tasks.raw]
uses = "data.read"
with = { path = "data/credit.csv" }

[tasks.model]
uses    = "train.svm"
inputs  = { table = "split.train" }
with    = { target = "diagnossi", c = 1.0 }
"#;

pub fn workflow_page() -> WorkflowPage {
    let field = |name: &str, param_type, default: Option<&str>, help: &str| ParamField {
        name: s(name),
        param_type,
        default: default.map(s),
        help: s(help),
        ..ParamField::default()
    };
    let bars = outcomes(4, 24);
    let runs: Vec<_> = bars
        .iter()
        .map(|bar| TrendRun { run: bar.run.clone(), state: bar.state, at: bar.at, seconds: bar.seconds })
        .collect();
    let mut chance = Chance::new(8);
    let mut series = |task: &str, metric: &str, base: f64, spread: f64| TrendSeries {
        task: s(task),
        metric: s(metric),
        values: (0..24)
            .map(|n| (n != 9).then(|| base + f64::from(n) * spread * 0.04 + chance.next() * spread))
            .collect(),
    };
    let run = running();
    WorkflowPage {
        row: workflow_rows()[0].clone(),
        tasks: run
            .tasks
            .iter()
            .filter(|task| task.item_of.is_none())
            .map(|task| PlanTask {
                name: task.name.clone(),
                kind: task.kind.clone(),
                is_hook: task.is_hook,
                has_items: task.name == "tune",
                ..PlanTask::default()
            })
            .collect(),
        edges: edges(),
        params: vec![
            field("seed", ParamType::Integer, Some("42"), "decides the split"),
            ParamField {
                min: Some(0.0),
                max: Some(1.0),
                given: Some(s("1.7")),
                error: Some(s("1.7 is more than 1")),
                ..field("min_recall", ParamType::Number, Some("0.95"), "floor for recall on the test split")
            },
            ParamField {
                choices: vec![s("linear"), s("rbf"), s("polynomial")],
                ..field("kernel", ParamType::String, Some("rbf"), "")
            },
            field("data", ParamType::String, None, "the month's file"),
            field("deploy", ParamType::Boolean, Some("true"), "take it into service when the gate passes"),
        ],
        schedules: vec![schedule_rows()[0].clone()],
        trend: Trend {
            series: vec![
                series("scores", "recall", 0.92, 0.03),
                series("scores", "f1", 0.93, 0.02),
                series("scores", "log_loss", 0.12, -0.03),
            ],
            runs,
        },
        runs: rows().into_iter().filter(|row| row.workflow == "credit-risk").collect(),
        source: s(SOURCE),
        diagnostics: vec![Diagnostic {
            severity: Severity::Error,
            code: s("E025"),
            message: s("`split.train` has no column `diagnossi`"),
            hint: s("did you mean `diagnosis`?"),
            line: 19,
            column: 23,
        }],
        can_start: true,
    }
}

pub fn runs() -> Runs {
    let mut all = Vec::new();
    for _ in 0..5 {
        all.extend(rows());
    }
    Runs {
        rows: all,
        workflow: s("credit-risk"),
        states: vec![RunState::Failed, RunState::Rejected],
        query: String::new(),
        workflows: workflow_rows().into_iter().map(|row| row.name).collect(),
        next: s("01K3XE6FN4Y1G8WJ7C3RLTV9MD"),
        is_later_page: false,
        n_all: 120_412,
    }
}

pub fn compare() -> Compare {
    let rows = rows();
    let task = |name: &str, before, after| CompareTask {
        name: s(name),
        state_before: Some(before),
        state_after: Some(after),
        seconds_before: Some(41.0),
        seconds_after: Some(66.2),
        ..CompareTask::default()
    };
    let metric = |name: &str, before, after, higher| CompareMetric {
        name: s(name),
        before: Some(before),
        after: Some(after),
        champion: Some(0.95),
        higher_is_better: Some(higher),
    };
    Compare {
        before: Some(rows[2].clone()),
        after: Some(rows[4].clone()),
        definition_changed: true,
        sources: Some([
            s(SOURCE),
            SOURCE.replace("c = 1.0", "c = 10.0").replace("default = 42", "default = 7"),
        ]),
        params: vec![Change { name: s("seed"), before: Some(s("42")), after: Some(s("7")) }],
        tasks: vec![
            CompareTask {
                changes: vec![
                    Change { name: s("with.seed"), before: Some(s("42")), after: Some(s("7")) },
                    Change {
                        name: s("input.table"),
                        before: Some(s(HASH)),
                        after: Some(HASH.replace('b', "e")),
                    },
                ],
                ..task("split", TaskState::Cached, TaskState::Succeeded)
            },
            CompareTask {
                metrics: vec![
                    metric("recall", 0.9312, 0.9584, true),
                    metric("f1", 0.9476, 0.9501, true),
                    metric("log_loss", 0.0913, 0.0951, false),
                ],
                champion: s("credit v7"),
                ..task("scores", TaskState::Succeeded, TaskState::Succeeded)
            },
            task("gate", TaskState::Rejected, TaskState::Succeeded),
            CompareTask { state_before: None, ..task("release", TaskState::Skipped, TaskState::Succeeded) },
            task("raw", TaskState::Cached, TaskState::Cached),
            task("clean", TaskState::Succeeded, TaskState::Succeeded),
        ],
        choices: rows,
        ..Compare::default()
    }
}

pub fn models() -> Models {
    Models {
        rows: vec![
            ModelRow {
                name: s("credit"),
                n_versions: 9,
                latest: 9,
                registered_at: NOW - 29 * HOUR,
                aliases: vec![
                    ModelAlias { alias: s("champion"), version: 7, previous: Some(6) },
                    ModelAlias { alias: s("candidate"), version: 9, previous: None },
                ],
                n_deployments: 1,
            },
            ModelRow {
                name: s("wine"),
                n_versions: 1,
                latest: 1,
                registered_at: NOW - 12 * DAY,
                ..ModelRow::default()
            },
        ],
    }
}

pub fn model_page() -> ModelPage {
    let version = |version: u64, decision| ModelVersion {
        version,
        bundle: s(HASH),
        size: 482_113,
        run: s(RUN),
        workflow: s("credit-risk"),
        task: s("register"),
        registered_at: NOW - DAY * i64::try_from(12 - version).unwrap_or(1),
        metrics: metrics(),
        decision,
        lineage: vec![
            Pair::new("raw", "data/credit.csv"),
            Pair::new("split.train", HASH),
            Pair::new("train", "train.svm, c = 10"),
        ],
        url: format!("/api/v1/artifacts/{HASH}"),
    };
    ModelPage {
        name: s("credit"),
        aliases: models().rows[0].aliases.clone(),
        versions: vec![
            version(9, Some(Decision::Pass)),
            version(8, Some(Decision::Reject)),
            version(7, Some(Decision::Pass)),
            version(6, None),
        ],
        history: vec![
            AliasMove {
                alias: s("champion"),
                from: Some(6),
                to: 7,
                at: NOW - 5 * DAY,
                actor: s("run 5WD6HEF, task register"),
                run: s(RUN),
                reason: s("the gate passed: recall 0.9584, f1 not lower than v6's"),
            },
            AliasMove {
                alias: s("champion"),
                from: Some(5),
                to: 6,
                at: NOW - 9 * DAY,
                actor: s("ana"),
                run: String::new(),
                reason: s("v5 drifts in region north"),
            },
        ],
        deployments: deployment_rows()[..1].to_vec(),
    }
}

pub fn deployments() -> Deployments {
    let earlier =
        DeploymentRow { health: DeploymentHealth::Stopped, generation: 9, ..deployment_rows()[0].clone() };
    Deployments { rows: deployment_rows(), earlier: vec![earlier] }
}

pub fn schedule_rows() -> Vec<ScheduleRow> {
    let ended = |minutes, decision: &str, reason: &str, run: Option<&str>| Fire {
        at: NOW - minutes * MINUTE,
        decision: s(decision),
        reason: s(reason),
        run: run.map(s),
        ..Fire::default()
    };
    let schedule = |id: &str, workflow: &str, expression: &str, words: &str| ScheduleRow {
        id: s(id),
        workflow: s(workflow),
        trigger: s("cron"),
        expression: s(expression),
        words: s(words),
        timezone: s("Europe/Berlin"),
        overlap: s("skip"),
        catch_up: s("latest"),
        next: vec![NOW + 55 * MINUTE, NOW + DAY, NOW + 2 * DAY],
        last: vec![
            ended(23 * 60, "started", "", Some(RUN)),
            ended(47 * 60, "skipped", "the run before had not ended", None),
        ],
        ..ScheduleRow::default()
    };
    vec![
        schedule("credit-risk.0", "credit-risk", "0 3 * * *", "every day at 03:00"),
        ScheduleRow {
            is_paused: true,
            pause_reason: s("ana: the source is being moved"),
            ..schedule("churn-nightly.0", "churn-nightly", "12 * * * *", "every hour at minute 12")
        },
        ScheduleRow {
            trigger: s("after run"),
            timezone: String::new(),
            next: Vec::new(),
            ..schedule("report.0", "report", "credit-risk passes", "")
        },
    ]
}

pub fn schedules() -> Schedules {
    Schedules { rows: schedule_rows(), upcoming: fires() }
}

pub fn kinds() -> Kinds {
    let kind =
        |name: &str, pack: &str, summary: &str| KindRow { name: s(name), pack: s(pack), summary: s(summary) };
    Kinds {
        rows: vec![
            kind("data.read", "data", "reads a table from CSV, Parquet or JSON Lines"),
            kind("data.clean", "data", "drops or fills missing values, drops duplicates, clips"),
            kind("data.split", "data", "splits rows into train and test"),
            kind("train.svm", "learn", "trains a support vector machine"),
            kind("evaluate", "learn", "judges a model on rows that it has not seen"),
            kind("gate", "learn", "lets through what meets every requirement"),
            kind("deploy.process", "deploy", "takes a model into service as a process"),
            kind("shell", "system", "runs a program"),
        ],
        plugins: vec![
            PluginRow {
                name: s("learn"),
                version: s("0.1.0"),
                form: s("built in"),
                n_kinds: 3,
                ..PluginRow::default()
            },
            PluginRow {
                name: s("acme"),
                version: s("2.1"),
                form: s("native"),
                path: s("plugins/libacme.so"),
                n_kinds: 0,
                error: s("it speaks version 3 of the interface; this program speaks 1 and 2"),
            },
        ],
    }
}

pub fn kind_page() -> KindPage {
    KindPage {
        row: KindRow {
            name: s("train.svm"),
            pack: s("learn"),
            summary: s("trains a support vector machine"),
        },
        version: s("1"),
        effect: s("pure"),
        placement: s("worker"),
        doc: s(
            "Trains a support vector machine with the sequential minimal optimisation of *LIBSVM*.\n\n## Transforms\n\nThey are fitted on the training rows only and are **stored in the bundle**:\n\n| transform | meaning |\n|---|---|\n| `standardize` | mean 0, variance 1 |\n| `one_hot` | a column a category |\n\n- rows with missing values are an error\n- classes are ordered by name\n\n```toml\nwith = { target = \"class\", transforms = [{ standardize = \"*\" }] }\n```\n",
        ),
        inputs: vec![KindPort {
            name: s("table"),
            port_type: s("table"),
            is_optional: false,
            doc: s("the rows to learn from"),
        }],
        outputs: vec![KindPort {
            name: s("model"),
            port_type: s("model"),
            is_optional: false,
            doc: s("the fitted bundle"),
        }],
        schema: json!({
            "type": "object",
            "required": ["target"],
            "properties": {
                "target": { "type": "string", "description": "The column to predict." },
                "c": { "type": "number", "default": 1.0, "exclusiveMinimum": 0, "description": "Penalty of a row on the wrong side." },
                "kernel": { "$ref": "#/$defs/Kernel", "description": "Which functions can be learned." },
                "transforms": { "type": "array", "items": { "$ref": "#/$defs/Transform" }, "description": "What is done to the columns first, in order." }
            },
            "$defs": {
                "Kernel": { "oneOf": [
                    { "const": "linear", "description": "Straight lines." },
                    { "type": "object", "description": "Gaussian bumps.", "properties": { "rbf": { "type": "object", "properties": { "gamma": { "type": "number" } } } } }
                ] },
                "Transform": { "type": "object", "properties": { "standardize": { "type": "string", "description": "Columns, or `*`." } } }
            }
        }),
        errors: vec![KindError { code: s("one_class"), doc: s("the target has one class only") }],
        used_by: vec![s("credit-risk"), s("wine")],
        ..KindPage::default()
    }
}

pub fn system() -> System {
    let part = |name: &str, bytes, detail: &str| StorePart { name: s(name), bytes, detail: s(detail) };
    System {
        version: s("0.1.0"),
        started_at: NOW - 31 * DAY,
        folder: s("/srv/credit-lab/.sluice"),
        addresses: vec![s("http://127.0.0.1:4710"), s("/srv/credit-lab/.sluice/socket")],
        pid: 4_127,
        memory: 38_220_000,
        store: vec![
            part("artifacts", 8_214_000_000, "4,112 files"),
            part("history", 412_000_000, "120,412 runs"),
            part("journal", 22_000_000, ""),
            part("database", 61_000_000, ""),
        ],
        counted_at: Some(NOW - 20_000),
        disk_free: 51_000_000_000,
        slots: PoolRow { name: String::new(), used: 3, slots: 8 },
        pools: vec![PoolRow { name: s("gpu"), used: 1, slots: 2 }],
        workers: vec![
            WorkerRow {
                pid: 5_120,
                run: s(RUN),
                task: s("train"),
                since: Some(NOW - 116_000),
                memory: 212_000_000,
            },
            WorkerRow { pid: 5_121, since: Some(NOW - 12_000), memory: 14_000_000, ..WorkerRow::default() },
        ],
        plugins: kinds().plugins,
        n_driven: 2,
        n_streams: 2,
        warnings: vec![s("the clock went back by 41 s at 03:12; no schedule fired twice")],
        audit: vec![
            AuditRow {
                at: NOW - HOUR,
                actor: s("ana"),
                action: s("run cancelled"),
                target: s("backfill-2025 5MPZA8VC"),
                origin: s("192.0.2.7"),
            },
            AuditRow {
                at: NOW - 3 * HOUR,
                actor: s("ben"),
                action: s("model promoted"),
                target: s("credit v7 to champion"),
                origin: s("socket"),
            },
        ],
    }
}

pub fn api_docs() -> ApiDocs {
    ApiDocs {
        document: json!({
            "openapi": "3.1.0",
            "info": { "title": "Sluicegate's API", "version": "1", "description": "Everything that the page does, for programs." },
            "paths": {
                "/api/v1/runs": {
                    "get": { "summary": "Lists runs", "description": "Newest first, a page at a time.", "parameters": [
                        { "name": "workflow", "in": "query", "schema": { "type": "string" }, "description": "only of this workflow" },
                        { "$ref": "#/components/parameters/Cursor" }
                    ], "responses": { "200": { "description": "A page of runs", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Runs" } } } } } }
                },
                "/api/v1/workflows/{name}/runs": {
                    "post": { "summary": "Starts a run", "parameters": [{ "name": "name", "in": "path", "required": true, "schema": { "type": "string" } }],
                        "requestBody": { "content": { "application/json": { "schema": { "type": "object", "properties": { "params": { "type": "object", "description": "Parameters by name." } } } } } },
                        "responses": { "201": { "description": "It is recorded." }, "422": { "description": "The parameters do not fit." } } }
                }
            },
            "components": {
                "parameters": { "Cursor": { "name": "after", "in": "query", "schema": { "type": "string" }, "description": "the cursor of the page before" } },
                "schemas": { "Runs": { "type": "object", "required": ["runs"], "properties": { "runs": { "type": "array", "items": { "$ref": "#/components/schemas/Run" } } } },
                    "Run": { "type": "object", "properties": { "id": { "type": "string" }, "parent": { "$ref": "#/components/schemas/Run" } } } }
            }
        }),
    }
}
