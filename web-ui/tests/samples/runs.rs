use sluicegate_web::view::{
    AttemptEnd, AttemptSpan, Change, Decision, Edge, EventRow, Pair, Requirement, RunPage, RunRow, RunState,
    RunTask, TaskState, Verdict,
};

use super::{HOUR, MINUTE, NOW, SECOND, detail_of_model, s};

pub const RUN: &str = "01K3XM4T9QZJ8V7RB2C5WD6HEF";

pub fn row(id: &str, workflow: &str, state: RunState, ago: i64, took: i64, by: &str, remark: &str) -> RunRow {
    RunRow {
        id: s(id),
        workflow: s(workflow),
        state,
        created_at: NOW - ago,
        ended_at: state.is_final().then_some(NOW - ago + took),
        started_by: s(by),
        due_at: by.starts_with("schedule").then_some(NOW - ago - ago % MINUTE),
        n_tasks: 12,
        n_ended: if state.is_final() { 12 } else { 7 },
        remark: s(remark),
        decision: match state {
            RunState::Succeeded => Some(Decision::Pass),
            RunState::Rejected => Some(Decision::Reject),
            _ => None,
        },
        n_alike: 0,
        parent: None,
    }
}

pub fn rows() -> Vec<RunRow> {
    use RunState::{Cancelled, Failed, Interrupted, Queued, Rejected, Running, Succeeded};
    vec![
        row("01K3XM4T9QZJ8V7RB2C5WD6HEF", "credit-risk", Running, 4 * MINUTE, 0, "schedule", ""),
        row("01K3XM4T9QZJ8V7RB2C5WD6HEG", "churn-nightly", Queued, 40 * SECOND, 0, "webhook", ""),
        row(
            "01K3XK1A7NQ2M5YB8T4CFGH3ZP",
            "credit-risk",
            Rejected,
            5 * HOUR,
            7 * MINUTE,
            "schedule",
            "gate `gate`: recall 0.9312 is below 0.95",
        ),
        row(
            "01K3XJ8WZ3V1K6PQ9R5DABT7MX",
            "demand-forecast",
            Failed,
            9 * HOUR,
            72 * SECOND,
            "ana",
            "`train` failed: column `temperature` has 1,204 missing values of 8,760; set `drop_missing`",
        ),
        row(
            "01K3XH5BV9T2N7MC4K8EWQS6RY",
            "churn-nightly",
            Succeeded,
            26 * HOUR,
            3 * MINUTE,
            "schedule",
            "12 ran",
        ),
        row("01K3XG2CM6R8J4ZV1D9NTYB5WK", "wine", Succeeded, 28 * HOUR, 2_400, "ben", "4 ran, 3 cached"),
        row(
            "01K3XF9DQ5W7H3XK6B2MPZA8VC",
            "backfill-2025",
            Cancelled,
            50 * HOUR,
            22 * MINUTE,
            "ana",
            "cancelled: wrong dates",
        ),
        row("01K3XE6FN4Y1G8WJ7C3RLTV9MD", "credit-risk", Interrupted, 70 * HOUR, 0, "schedule", ""),
    ]
}

fn attempt(number: u32, from: i64, to: Option<i64>, end: AttemptEnd, error: &str) -> AttemptSpan {
    AttemptSpan { number, started_at: from, ended_at: to, end, error: s(error) }
}

fn done(name: &str, kind: &str, state: TaskState, from: i64, to: i64, remark: &str) -> RunTask {
    let is_hit = state == TaskState::Cached;
    RunTask {
        name: s(name),
        kind: s(kind),
        state,
        remark: s(remark),
        ready_at: Some(from - 300),
        started_at: Some(from),
        ended_at: Some(if is_hit { from } else { to }),
        attempts: if is_hit {
            Vec::new()
        } else {
            vec![attempt(1, from, Some(to), AttemptEnd::Succeeded, "")]
        },
        ..RunTask::default()
    }
}

fn idle(name: &str, kind: &str, state: TaskState, remark: &str) -> RunTask {
    RunTask { name: s(name), kind: s(kind), state, remark: s(remark), ..RunTask::default() }
}

pub fn edges() -> Vec<Edge> {
    let pairs = [
        (0, 1),
        (1, 2),
        (2, 3),
        (3, 4),
        (4, 5),
        (4, 6),
        (5, 7),
        (6, 7),
        (3, 8),
        (7, 8),
        (8, 9),
        (9, 10),
        (10, 11),
        (7, 10),
    ];
    pairs.into_iter().map(|(from, to)| Edge { from, to }).collect()
}

pub fn params() -> Vec<Pair> {
    vec![
        Pair::new("seed", "42"),
        Pair::new("min_recall", "0.95"),
        Pair::new("data", "\"s3://lab/credit/2026-11.parquet\""),
    ]
}

pub fn rejecting_verdict() -> Verdict {
    let line = |metric: &str, asked: &str, seen, champion, decision, reason: &str| Requirement {
        metric: s(metric),
        asked: s(asked),
        seen,
        champion,
        decision,
        reason: s(reason),
    };
    Verdict {
        decision: Decision::Reject,
        requirements: vec![
            line("recall", "≥ 0.95", Some(0.9312), None, Decision::Reject, "recall 0.9312 is below 0.95"),
            line(
                "f1",
                "not lower than the champion's 0.9512 by more than 0.01",
                Some(0.9476),
                Some(0.9512),
                Decision::Pass,
                "f1 is at most 0.0071 lower with 95 % confidence",
            ),
            line(
                "recall[small business]",
                "≥ 0.9",
                None,
                None,
                Decision::Insufficient,
                "11 rows are fewer than the 30 that are needed",
            ),
        ],
    }
}

/// A run at work: cache hits, a retry with a wait, items, and the rest to come.
pub fn running() -> RunPage {
    let t = NOW - 4 * MINUTE;
    let at = |seconds: i64| t + seconds * SECOND;
    let mut train = done("train", "train.svm", TaskState::Running, at(71), at(0), "");
    train.ended_at = None;
    train.attempts = vec![
        attempt(1, at(71), Some(at(112)), AttemptEnd::Failed, "memory ran out"),
        attempt(2, at(124), None, AttemptEnd::Running, ""),
    ];
    let mut tune = done("tune", "cross_validate", TaskState::Running, at(60), at(0), "3 of 4 items are done");
    tune.ended_at = None;
    tune.attempts.clear();
    let mut tasks = vec![
        done("raw", "data.read", TaskState::Cached, at(1), at(1), "284,807 rows, 31 columns"),
        done("validate", "data.clean", TaskState::Cached, at(1), at(1), "nothing dropped"),
        done("clean", "data.clean", TaskState::Succeeded, at(2), at(19), "1,081 duplicates dropped"),
        done("split", "data.split", TaskState::Succeeded, at(20), at(26), "213,605 train, 71,202 test"),
        done("features", "data.sql", TaskState::Succeeded, at(27), at(59), "44 columns"),
        tune,
        train,
        idle("choose", "shell", TaskState::Blocked, ""),
        idle("scores", "evaluate", TaskState::Blocked, ""),
        idle("gate", "gate", TaskState::Blocked, ""),
        idle("register", "register", TaskState::Blocked, ""),
        idle("release", "deploy.process", TaskState::Blocked, ""),
    ];
    for (n, state) in [TaskState::Succeeded, TaskState::Succeeded, TaskState::Succeeded, TaskState::Waiting]
        .into_iter()
        .enumerate()
    {
        let n = i64::try_from(n).unwrap_or(0);
        let mut item = done(
            &format!("tune[{n}]"),
            "cross_validate",
            state,
            at(60 + 3 * n),
            at(120 + 25 * n),
            &format!("kernel = \"rbf\", c = {}", [0.1, 1.0, 10.0, 100.0][usize::try_from(n).unwrap_or(0)]),
        );
        item.item_of = Some(5);
        item.ready_at = Some(at(60));
        if state == TaskState::Waiting {
            item.ended_at = None;
            item.retry_at = Some(NOW + 20 * SECOND);
            item.attempts = vec![attempt(
                1,
                at(69),
                Some(at(204)),
                AttemptEnd::TimedOut,
                "took longer than its timeout of 135 s",
            )];
        }
        tasks.push(item);
    }
    tasks.push(RunTask { is_hook: true, ..idle("failure", "http", TaskState::Blocked, "") });
    RunPage {
        row: RunRow {
            n_tasks: 17,
            n_ended: 8,
            ..row(RUN, "credit-risk", RunState::Running, 4 * MINUTE, 0, "schedule", "")
        },
        file: s("workflows/credit-risk.toml"),
        definition: s("8f1b2a7c"),
        params: params(),
        tasks,
        edges: edges(),
        events: events(),
        n_events: 41,
        previous: Some(s("01K3XK1A7NQ2M5YB8T4CFGH3ZP")),
        changed_params: vec![Change { name: s("seed"), before: Some(s("41")), after: Some(s("42")) }],
        ..RunPage::default()
    }
}

/// A run whose gate said no, with a failure that did not matter and a lost deployment.
pub fn rejected() -> RunPage {
    let mut view = running();
    let t = NOW - 4 * MINUTE;
    let at = |seconds: i64| t + seconds * SECOND;
    view.row =
        RunRow { ended_at: Some(at(236)), state: RunState::Rejected, n_tasks: 12, n_ended: 12, ..view.row };
    view.tasks.truncate(12);
    view.tasks[5] = done("tune", "cross_validate", TaskState::Succeeded, at(60), at(150), "c = 10 is best");
    view.tasks[6].state = TaskState::Succeeded;
    view.tasks[6].ended_at = Some(at(190));
    view.tasks[6].attempts[1] = attempt(2, at(124), Some(at(190)), AttemptEnd::Succeeded, "");
    view.tasks[6].remark = s("1,204 support vectors");
    view.tasks[7] = done("choose", "shell", TaskState::Succeeded, at(190), at(191), "");
    view.tasks[8] = done(
        "scores",
        "evaluate",
        TaskState::Succeeded,
        at(192),
        at(220),
        "recall 0.9312, f1 0.9476 on 71,202 rows",
    );
    view.tasks[9] =
        done("gate", "gate", TaskState::Rejected, at(221), at(222), "recall 0.9312 is below 0.95");
    view.tasks[10] = idle("register", "register", TaskState::Skipped, "gate `gate` rejected");
    view.tasks[11] = idle("release", "deploy.process", TaskState::Skipped, "gate `gate` rejected");
    view.verdicts = vec![(s("gate"), rejecting_verdict())];
    view
}

/// A run that failed, with an outcome that nobody knows.
pub fn failed() -> RunPage {
    let mut view = rejected();
    view.row.state = RunState::Failed;
    view.verdicts.clear();
    let t = view.row.created_at;
    view.tasks[9] =
        done("gate", "gate", TaskState::Succeeded, t + 221_000, t + 222_000, "every requirement is met");
    view.tasks[10] = done(
        "register",
        "register",
        TaskState::Failed,
        t + 222_000,
        t + 223_000,
        "the registry's disk is full: No space left on device (os error 28)",
    );
    view.tasks[10].attempts[0].end = AttemptEnd::Failed;
    view.tasks[11] = done(
        "release",
        "deploy.docker",
        TaskState::Unknown,
        t + 222_000,
        t + 230_000,
        "its outcome was lost, and it must not happen twice",
    );
    view.tasks[11].attempts[0].end = AttemptEnd::Lost;
    view
}

/// The rejected run with the panel of its evaluation open.
pub fn with_panel() -> RunPage {
    let mut view = rejected();
    view.selected = Some(super::detail_of_scores());
    view
}

/// The run at work with the panel of its training open.
pub fn running_with_panel() -> RunPage {
    let mut view = running();
    view.selected = Some(detail_of_model());
    view
}

pub fn events() -> Vec<EventRow> {
    let what = ["attempt started", "attempt finished", "attempt started", "cache hit", "run created"];
    let tasks = ["train", "train", "tune[3]", "raw", ""];
    let details = [
        "attempt 2",
        "failed: memory ran out; the next attempt after 12 s",
        "attempt 1",
        "from run 5CFGH3ZP",
        "12 tasks",
    ];
    (0..5usize)
        .map(|n| EventRow {
            seq: 40 - n as u64 * 10,
            at: NOW - 30 * SECOND * i64::try_from(n + 1).unwrap_or(1),
            what: s(what[n]),
            task: s(tasks[n]),
            detail: s(details[n]),
        })
        .collect()
}
