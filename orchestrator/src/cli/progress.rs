//! What a run looks like while it goes on: one line a task on a terminal, plain lines elsewhere.

use std::{collections::BTreeMap, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    out::{Out, Style},
    story::task_words,
    table::duration,
};
use crate::{
    app::Running,
    engine::{TaskNews, Update},
    run::{Event, RunId, TaskRecord, TaskState},
    workflow::{Task, TaskIdx, Workflow},
};

/// Shows a run's progress.
pub(super) struct Progress<'a> {
    out: &'a mut Out,
    quiet: bool,
    name_width: usize,
    live: Option<Live>,
}

/// The lines of tasks that run now, below what already ended.
struct Live {
    bars: MultiProgress,
    running: BTreeMap<TaskIdx, ProgressBar>,
}

impl<'a> Progress<'a> {
    /// Shows nothing when `quiet`.
    pub(super) fn new(out: &'a mut Out, quiet: bool) -> Self {
        let live = (out.live && !quiet).then(|| Live {
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)),
            running: BTreeMap::new(),
        });
        Self { out, quiet, name_width: 0, live }
    }

    /// Takes the live lines away.
    pub(super) fn finish(&mut self) {
        if let Some(live) = self.live.take() {
            let _ = live.bars.clear();
        }
    }

    fn print(&mut self, line: &str) {
        if self.quiet {
            return;
        }
        match &self.live {
            Some(live) => live.bars.suspend(|| self.out.line(line)),
            None => self.out.line(line),
        }
    }

    /// Prints the line of a task that just reached an end, or failed an attempt.
    fn print_task(&mut self, task: &TaskNews) {
        let (style, word, remark) = task_words(&task.record);
        let line = format!(
            "  {:<width$}  {} {:>8}  {}",
            task.name,
            self.out.paint(style, &format!("{word:<12}")),
            took(&task.record),
            with_attempts(&task.record, &remark),
            width = self.name_width,
        );
        self.print(line.trim_end());
    }

    fn follow(&mut self, event: &Event, task: &TaskNews) {
        match event {
            Event::AttemptStarted { attempt, .. } => self.show(task.idx, &task.name, *attempt),
            Event::AttemptFinished { .. } => {
                self.hide(task.idx);
                self.print_task(task);
            }
            Event::CacheHit { .. }
            | Event::TaskJoined { .. }
            | Event::TaskSkipped { .. }
            | Event::TaskCancelled { .. }
            | Event::TaskUnprepared { .. } => self.print_task(task),
            _ => {}
        }
    }

    fn show(&mut self, task: TaskIdx, name: &str, attempt: u32) {
        let Some(live) = &mut self.live else { return };
        let style = ProgressStyle::with_template("  {prefix}  {spinner} {msg} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner())
            .tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ");
        let bar = live.bars.add(ProgressBar::new_spinner().with_style(style));
        bar.set_prefix(format!("{name:<width$}", width = self.name_width));
        bar.set_message(if attempt > 1 { format!("running, attempt {attempt}") } else { "running".into() });
        bar.enable_steady_tick(Duration::from_millis(100));
        live.running.insert(task, bar);
    }

    fn hide(&mut self, task: TaskIdx) {
        if let Some(live) = &mut self.live
            && let Some(bar) = live.running.remove(&task)
        {
            bar.finish_and_clear();
            live.bars.remove(&bar);
        }
    }
}

fn took(record: &TaskRecord) -> String {
    match (record.n_attempts, record.ended_at) {
        (1.., Some(end)) => record.seconds(end).map(duration).unwrap_or_default(),
        _ => String::new(),
    }
}

fn with_attempts(record: &TaskRecord, remark: &str) -> String {
    match &record.state {
        TaskState::Waiting { .. } => format!("attempt {} failed, trying again: {remark}", record.n_attempts),
        _ if record.n_attempts > 1 && remark.is_empty() => format!("{} attempts", record.n_attempts),
        _ if record.n_attempts > 1 => format!("{} attempts; {remark}", record.n_attempts),
        _ => remark.to_owned(),
    }
}

impl Running for Progress<'_> {
    fn begin(&mut self, run: RunId, workflow: &Workflow, resumed: bool) {
        // Room for the number of an item, where there are items.
        let width = |task: &Task| task.name.chars().count() + if task.for_each.is_some() { 4 } else { 0 };
        self.name_width = workflow.tasks.iter().map(width).max().unwrap_or(0);
        let verb = if resumed { "goes on with" } else { "starts" };
        let name = self.out.paint(Style::Bold, &workflow.name);
        let id = self.out.paint(Style::Dim, &format!("run {run}"));
        self.print(&format!("{name} {verb} {id}"));
    }

    fn taken_over(&mut self, task: TaskIdx, name: &str) {
        self.print(&format!("  {name:<width$}  still runs and is taken over", width = self.name_width));
        self.show(task, name, 1);
    }

    fn gave_up(&mut self, run: RunId) {
        self.print(&format!("run {run} of this workflow was interrupted and is given up"));
    }

    fn update(&mut self, update: &Update) {
        match update {
            Update::Event { record, task: Some(task) } => self.follow(&record.event, task),
            Update::Event { task: None, .. } => {}
            Update::Progress { task, fraction, note } => {
                if let Some(bar) = self.live.as_ref().and_then(|live| live.running.get(task)) {
                    let percent = if fraction.is_finite() {
                        format!(" {:.0} %", fraction * 100.0)
                    } else {
                        String::new()
                    };
                    bar.set_message(format!("running{percent} {note}"));
                }
            }
        }
    }

    fn pausing(&mut self, paused: bool) {
        self.print(if paused {
            "pausing: nothing new starts until `sluice runs resume`; tasks that run go on"
        } else {
            "going on after the pause"
        });
    }

    fn cancelling(&mut self) {
        self.print("cancelling: tasks get a few seconds to stop, then they are killed");
    }
}
