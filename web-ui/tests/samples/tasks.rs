use sluicegate_web::view::{
    CacheReason, Change, ClassRow, CurvePoint, Evaluation, LogPage, Metric, Pair, PortView, ScoreCurve,
    TablePreview, TaskDetail, TaskFailure, TaskPage,
};

use super::{Chance, RUN, failed, rejected, rejecting_verdict, running, s};

const HASH: &str = "3f9ac0de77b1e2a4c85d0913f6ab27e4410cd8e5b9a7f2636d1e0c4b8a95d7f2";

pub fn preview() -> TablePreview {
    let mut chance = Chance::new(5);
    let columns = ["id", "amount", "age", "employment", "region", "purpose", "defaulted"];
    let types = ["int64", "float64", "int64", "string", "string", "string", "bool"];
    TablePreview {
        columns: columns.iter().zip(types).map(|(name, kind)| Pair::new(*name, kind)).collect(),
        rows: (0..8)
            .map(|n| {
                vec![
                    Some((10_000 + n).to_string()),
                    Some(format!("{:.2}", 500.0 + chance.next() * 20_000.0)),
                    (n != 3).then(|| format!("{:.0}", 18.0 + chance.next() * 60.0)),
                    Some(s(["salaried", "self-employed", "retired"][n % 3])),
                    Some(s(["north", "south"][n % 2])),
                    Some(s("car, used, with a long text that says much more than a cell can show, and then some more")),
                    Some((n % 5 == 0).to_string()),
                ]
            })
            .collect(),
        n_rows: 284_807,
    }
}

fn port(port: &str, port_type: &str, from: &str, preview: Option<TablePreview>) -> PortView {
    PortView {
        port: s(port),
        port_type: s(port_type),
        from: s(from),
        hash: s(HASH),
        size: 18_400_321,
        value: (port_type == "value").then(|| s("{\n  \"c\": 10.0,\n  \"kernel\": \"rbf\"\n}")),
        preview,
        url: format!("/api/v1/artifacts/{HASH}"),
    }
}

/// A curve that is the nearer to the corner, the better the model.
pub fn curve(quality: f64) -> ScoreCurve {
    let (n_positive, n_negative) = (6_772.0, 64_430.0);
    let point = |n: u32| {
        let share = f64::from(n) / 200.0;
        CurvePoint {
            threshold: (n > 0).then_some(1.0 - share),
            n_false: (n_negative * share).floor(),
            n_true: (n_positive * share.powf(1.0 - quality)).floor(),
        }
    };
    let points = (0..=200).map(point).collect();
    ScoreCurve {
        points,
        n_positive,
        n_negative,
        roc_auc: Some(1.0 / (2.0 - quality)),
        average_precision: None,
    }
}

pub fn evaluation() -> Evaluation {
    Evaluation {
        n_rows: 71_202,
        classes: vec![s("repaid"), s("defaulted")],
        positive: s("defaulted"),
        confusion: vec![vec![63_120.0, 1_310.0], vec![466.0, 6_306.0]],
        by_class: vec![
            ClassRow { class: s("repaid"), precision: 0.9927, recall: 0.9797, f1: 0.9861, support: 64_430.0 },
            ClassRow {
                class: s("defaulted"),
                precision: 0.828,
                recall: 0.9312,
                f1: 0.8766,
                support: 6_772.0,
            },
        ],
        curve: Some(curve(0.97)),
        champion_curve: Some(curve(0.9)),
        residuals: Vec::new(),
        champion: s("credit v7"),
        champion_error: String::new(),
    }
}

pub fn regression() -> Evaluation {
    let mut chance = Chance::new(9);
    Evaluation {
        n_rows: 1_200,
        residuals: (0..1_200)
            .map(|_| {
                let predicted = 20.0 + chance.next() * 80.0;
                (predicted + (chance.next() + chance.next() - 1.0) * predicted * 0.2, predicted)
            })
            .collect(),
        ..Evaluation::default()
    }
}

pub fn metrics() -> Vec<Metric> {
    let metric = |name: &str, value, champion, higher| Metric {
        name: s(name),
        value,
        champion,
        higher_is_better: Some(higher),
    };
    vec![
        metric("accuracy", 0.9751, Some(0.9734), true),
        metric("recall", 0.9312, Some(0.9533), true),
        metric("f1", 0.9476, Some(0.9512), true),
        metric("roc_auc", 0.9871, Some(0.9822), true),
        metric("log_loss", 0.0913, Some(0.0999), false),
    ]
}

fn why() -> CacheReason {
    CacheReason {
        text: s("It ran: `input.model` and 1 more changed since its last success."),
        changes: vec![
            Change { name: s("input.model"), before: Some(s(&HASH.replace('3', "a"))), after: Some(s(HASH)) },
            Change { name: s("with.versus"), before: None, after: Some(s("\"champion\"")) },
        ],
        key: s("c4e1a99d03b7"),
        parts: vec![
            Pair::new("kind", "evaluate 1"),
            Pair::new("input.model", HASH),
            Pair::new("with.versus", "\"champion\""),
        ],
        origin: None,
    }
}

pub fn log_text() -> String {
    let mut text = String::new();
    for n in 0..40 {
        text.push_str(&format!("\u{1b}[2m12:00:{n:02}\u{1b}[0m \u{1b}[34mfold {}\u{1b}[0m loss \u{1b}[1m{:.4}\u{1b}[0m after {n} epochs\n", n / 8, 1.0 / f64::from(n + 1)));
    }
    text.push_str("\u{1b}[33mwarning:\u{1b}[0m 3 of 44 columns are constant <and \"dropped\">\n\u{1b}[1;32mdone\u{1b}[0m in 66 s\n");
    text
}

pub fn log_page() -> LogPage {
    let text = log_text();
    LogPage {
        run: s(RUN),
        task: s("train"),
        attempt: 2,
        n_attempts: 2,
        start: 120_000,
        end: 120_000 + text.len() as u64,
        text,
        is_complete: false,
    }
}

pub fn detail_of_scores() -> TaskDetail {
    let view = rejected();
    TaskDetail {
        run: s(RUN),
        task: view.tasks[8].clone(),
        description: s("How good the model is on rows that it has not seen."),
        why: why(),
        failure: None,
        params: vec![Pair::new("versus", "\"champion\""), Pair::new("positive", "\"defaulted\"")],
        inputs: vec![
            port("model", "model", "train", None),
            port("table", "table", "split.test", Some(preview())),
        ],
        outputs: vec![
            port("report", "report", "", None),
            port("predictions", "table", "", Some(preview())),
            port("best", "value", "", None),
        ],
        metrics: metrics(),
        verdict: None,
        evaluation: Some(evaluation()),
        log: LogPage {
            is_complete: true,
            start: 0,
            n_attempts: 1,
            attempt: 1,
            task: s("scores"),
            ..log_page()
        },
        before: vec![s("train"), s("split")],
        behind: vec![s("gate")],
    }
}

pub fn detail_of_gate() -> TaskDetail {
    TaskDetail {
        task: rejected().tasks[9].clone(),
        verdict: Some(rejecting_verdict()),
        evaluation: None,
        metrics: Vec::new(),
        log: LogPage {
            run: s(RUN),
            task: s("gate"),
            attempt: 1,
            n_attempts: 1,
            is_complete: true,
            ..LogPage::default()
        },
        before: vec![s("scores")],
        behind: vec![s("register"), s("release")],
        ..detail_of_scores()
    }
}

pub fn detail_of_model() -> TaskDetail {
    TaskDetail {
        task: running().tasks[6].clone(),
        evaluation: None,
        metrics: Vec::new(),
        outputs: Vec::new(),
        log: log_page(),
        before: vec![s("features")],
        behind: vec![s("choose")],
        params: vec![
            Pair::new("target", "\"defaulted\""),
            Pair::new("kernel", "{\"rbf\":{\"gamma\":\"scale\"}}"),
            Pair::new("c", "10.0"),
        ],
        ..detail_of_scores()
    }
}

pub fn detail_of_failure() -> TaskDetail {
    let view = failed();
    TaskDetail {
        task: view.tasks[10].clone(),
        failure: Some(TaskFailure {
            code: s("disk_full"),
            message: s("the registry's disk is full: No space left on device (os error 28)"),
            hints: vec![s("`sluice gc` frees what nothing needs"), s("or give the store another folder")],
        }),
        ..detail_of_gate()
    }
}

pub fn task_page() -> TaskPage {
    TaskPage { row: rejected().row, detail: detail_of_scores(), n_events: 41 }
}

pub fn task_page_of(detail: TaskDetail) -> TaskPage {
    TaskPage { row: rejected().row, detail, n_events: 41 }
}

pub fn regression_page() -> TaskPage {
    let detail =
        TaskDetail { evaluation: Some(regression()), metrics: metrics()[..2].to_vec(), ..detail_of_scores() };
    task_page_of(detail)
}
