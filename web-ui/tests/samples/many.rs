use sluicegate_web::view::{AttemptEnd, AttemptSpan, Edge, RunPage, RunRow, RunState, RunTask, TaskState};

use super::{Chance, MINUTE, NOW, RUN, row, s};

/// A run of many tasks in layers of fifty, some of which failed.
pub fn many(n: usize) -> RunPage {
    let mut chance = Chance::new(n as u64);
    let start = NOW - 10 * MINUTE;
    let mut tasks = Vec::with_capacity(n);
    let mut edges = Vec::new();
    for at in 0..n {
        let layer = at / 50;
        let from =
            start + i64::try_from(layer).unwrap_or(0) * 12_000 + i64::try_from(at % 50).unwrap_or(0) * 100;
        let took = 4_000 + i64::try_from(at * 7919 % 6_000).unwrap_or(0);
        let lot = chance.next();
        let state = match lot {
            _ if layer * 50 + 120 > n => TaskState::Blocked,
            l if l < 0.01 => TaskState::Failed,
            l if l < 0.3 => TaskState::Cached,
            _ => TaskState::Succeeded,
        };
        let ran = matches!(state, TaskState::Failed | TaskState::Succeeded);
        tasks.push(RunTask {
            name: format!("{}-{at:05}", ["load", "fit", "score"][layer % 3]),
            kind: s(["data.read", "train.linear", "evaluate"][layer % 3]),
            state,
            remark: if state == TaskState::Failed { s("exit code 1") } else { String::new() },
            ready_at: Some(from - 1_000),
            started_at: (state != TaskState::Blocked).then_some(from),
            ended_at: (state != TaskState::Blocked).then_some(if ran { from + took } else { from }),
            attempts: ran
                .then(|| AttemptSpan {
                    number: 1,
                    started_at: from,
                    ended_at: Some(from + took),
                    end: if state == TaskState::Failed { AttemptEnd::Failed } else { AttemptEnd::Succeeded },
                    error: String::new(),
                })
                .into_iter()
                .collect(),
            ..RunTask::default()
        });
        if layer > 0 {
            edges.push(Edge { from: (layer - 1) * 50 + at * 13 % 50, to: at });
            edges.push(Edge { from: (layer - 1) * 50 + at % 50, to: at });
        }
    }
    RunPage {
        row: RunRow {
            n_tasks: u32::try_from(n).unwrap_or(u32::MAX),
            n_ended: u32::try_from(n * 9 / 10).unwrap_or(u32::MAX),
            ..row(RUN, "sweep", RunState::Running, 10 * MINUTE, 0, "ana", "")
        },
        file: s("workflows/sweep.toml"),
        tasks,
        edges,
        events: super::events(),
        n_events: 2 * n as u64,
        ..RunPage::default()
    }
}

/// The same with a group open.
pub fn many_open(n: usize) -> RunPage {
    let view = many(n);
    RunPage { group: view.tasks[0].name.clone(), ..view }
}

/// A task with a thousand items.
pub fn items(n: usize) -> RunPage {
    let mut view = many(n);
    view.edges = vec![Edge { from: 0, to: 1 }, Edge { from: 1, to: 2 }];
    for (at, task) in view.tasks.iter_mut().enumerate() {
        match at {
            0..3 => task.name = s(["list", "train", "join"][at]),
            _ => {
                task.name = format!("train[{}]", at - 3);
                task.item_of = Some(1);
            }
        }
    }
    view.tasks[1].state = TaskState::Running;
    view.tasks[1].ended_at = None;
    view
}

/// A run whose layers are too wide to be drawn downwards.
pub fn wide() -> RunPage {
    let mut view = many(32);
    let kinds = ["data.read", "data.clean", "train.svm", "train.linear", "evaluate"];
    view.edges.clear();
    for (at, task) in view.tasks.iter_mut().enumerate() {
        let (layer, lane) = (at / 7, at % 7);
        task.kind = s(kinds[layer]);
        task.name = format!("{}-of-region-{lane}", ["read", "clean", "svm", "line", "score"][layer]);
        task.state = [
            TaskState::Succeeded,
            TaskState::Cached,
            TaskState::Succeeded,
            TaskState::Running,
            TaskState::Blocked,
        ][layer];
        if at == 17 {
            task.state = TaskState::Failed;
        }
        if layer > 0 {
            view.edges.push(Edge { from: at - 7, to: at });
            if lane % 3 == 0 && at > 7 {
                view.edges.push(Edge { from: at - 8, to: at });
            }
        }
    }
    view
}
