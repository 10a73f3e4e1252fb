//! Looking at schedules, steering them, and asking what they would do; without a daemon.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use super::{App, AppError, default_parallel, run::runtime, signals::Signals};
use crate::{
    engine::Engine,
    run::{RunId, RunStatus, Timestamp, Trigger},
    scheduler::{
        BackfillRequest, FileStatus, Planner, ScheduleView, SchedulerError, SchedulerHandle, Simulation,
        Spec, Step, Turn, simulate,
    },
    store::{self, ScheduleId, ScheduleState},
    workflow,
};

/// So many runs are asked how long a run takes.
const N_RUNS: usize = 20;

/// Schedules and the files that have them.
pub struct Schedules {
    /// Every schedule and trigger, by its id.
    pub schedules: Vec<ScheduleView>,
    /// Files that cannot be used.
    pub broken: Vec<FileStatus>,
}

/// What to simulate.
pub struct SimulateRequest {
    /// Folders and files; the project's when there are none.
    pub paths: Vec<PathBuf>,
    /// One schedule, or those of one workflow; all when there is none.
    pub schedule: Option<String>,
    /// The first moment; now when there is none.
    pub from: Option<String>,
    /// The last moment.
    pub to: String,
    /// Stretches in which nobody watches, as `FROM..TO`.
    pub down: Vec<String>,
    /// How long runs take, in seconds; what is known of them when there is none.
    pub seconds: Option<f64>,
    /// At most so many steps.
    pub limit: usize,
}

/// What a simulation found.
pub struct Simulated {
    /// What would happen.
    pub steps: Vec<Step>,
    /// False when there is more.
    pub is_whole: bool,
    /// How long runs of each workflow were taken to last, in seconds; nothing where nothing is known.
    pub seconds: BTreeMap<String, Option<f64>>,
}

/// Runs for a range of times.
pub struct BackfillOrder {
    /// Folders and files; the project's when there are none.
    pub paths: Vec<PathBuf>,
    /// The schedule.
    pub schedule: String,
    /// The first time, in the schedule's zone.
    pub from: String,
    /// The last time, in the schedule's zone; a day counts to its end.
    pub to: String,
    /// At most so many runs at a time.
    pub parallel: u32,
    /// Parameters for the runs.
    pub params: BTreeMap<String, String>,
}

/// A schedule that was found by what someone wrote.
struct Found {
    spec: Arc<Spec>,
    file: PathBuf,
}

impl App {
    /// The folders whose workflows are watched when none are named: `workflows` beside the state, or else the folder of the state itself.
    pub fn workflow_folders(&self) -> Vec<PathBuf> {
        let usual = self.project.join("workflows");
        vec![if usual.is_dir() { usual } else { self.project.clone() }]
    }

    fn files(&self, paths: &[PathBuf]) -> Vec<FileStatus> {
        let paths = if paths.is_empty() { self.workflow_folders() } else { paths.to_vec() };
        let library = self.library(&paths, false);
        library.look();
        library.statuses()
    }

    /// Every schedule with its next `n` times, as far as it is durable; while another process holds the store, too.
    pub fn schedules(&self, paths: &[PathBuf], n: usize) -> Result<Schedules, AppError> {
        let states = self.states()?;
        let now = self.now();
        let (mut schedules, mut broken) = (Vec::new(), Vec::new());
        for status in self.files(paths) {
            if let Some(workflow) = status.workflow.as_ref().filter(|_| status.hidden_by.is_none()) {
                for schedule in &workflow.schedules {
                    let spec = Spec::new(&workflow.name, schedule);
                    let mut planner = Planner::default();
                    planner.meet(
                        Arc::new(spec),
                        states.get(&ScheduleId::new(&workflow.name, &schedule.name)).cloned(),
                        now,
                    );
                    let views = planner.all().map(|(spec, state, _)| {
                        ScheduleView::new(spec, state, workflow.file.clone(), now, n)
                    });
                    schedules.extend(views);
                }
            }
            broken.extend(Some(status).filter(FileStatus::is_broken));
        }
        schedules.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(Schedules { schedules, broken })
    }

    fn states(&self) -> Result<BTreeMap<ScheduleId, ScheduleState>, AppError> {
        if !self.has_state() {
            return Ok(BTreeMap::new());
        }
        let states = store::read_only(&self.home).schedules()?;
        Ok(states.into_iter().map(|state| (state.id.clone(), state)).collect())
    }

    /// The schedules that a text can mean: `WORKFLOW/SCHEDULE`, or all of `WORKFLOW`.
    fn find_schedules(&self, paths: &[PathBuf], text: Option<&str>) -> Result<Vec<Found>, AppError> {
        let mut found = Vec::new();
        let mut names = Vec::new();
        let files = self.files(paths);
        for workflow in files.iter().filter(|it| it.hidden_by.is_none()).filter_map(|it| it.workflow.as_ref())
        {
            if !workflow.schedules.is_empty() {
                names.push(workflow.name.clone());
            }
            for schedule in &workflow.schedules {
                let spec = Arc::new(Spec::new(&workflow.name, schedule));
                names.push(spec.id.to_string());
                if text.is_none_or(|text| text == workflow.name || text == spec.id.to_string()) {
                    found.push(Found { spec, file: workflow.file.clone() });
                }
            }
        }
        if found.is_empty() {
            let message = match text {
                Some(text) => format!("there is no schedule `{text}`"),
                None => "no workflow has a schedule".to_owned(),
            };
            let near =
                text.and_then(|text| sluicegate_plugin::nearest(text, names.iter().map(String::as_str)));
            let hint = near.map_or_else(
                || {
                    "`sluice schedule list` lists them; a workflow has one when it says `[schedule]`"
                        .to_owned()
                },
                |near| format!("did you mean `{near}`?"),
            );
            return Err(AppError::NotFound { message, hint });
        }
        Ok(found)
    }

    fn find_schedule(&self, paths: &[PathBuf], text: &str) -> Result<Found, AppError> {
        let mut found = self.find_schedules(paths, Some(text))?;
        if found.len() > 1 {
            let names: Vec<_> = found.iter().map(|found| format!("`{}`", found.spec.id)).collect();
            let message = format!("`{text}` has several schedules");
            return Err(AppError::Invalid { message, hint: format!("name one: {}", names.join(", ")) });
        }
        Ok(found.swap_remove(0))
    }

    /// Lets a schedule rest; says who wants it, or why. False when it rests already.
    pub fn pause_schedule(
        &self,
        paths: &[PathBuf],
        schedule: &str,
        by: &str,
    ) -> Result<(ScheduleId, bool), AppError> {
        if let Some(told) = self.tell_schedule(paths, schedule, true, by)? {
            return Ok(told);
        }
        self.steer(paths, schedule, |planner, id, now| planner.pause(id, by, now))
    }

    /// Lets the daemon do it, when one listens.
    fn tell_schedule(
        &self,
        paths: &[PathBuf],
        schedule: &str,
        pause: bool,
        reason: &str,
    ) -> Result<Option<(ScheduleId, bool)>, AppError> {
        let id = self.find_schedule(paths, schedule)?.spec.id.clone();
        let was_paused = self.states()?.get(&id).is_some_and(|state| state.paused.is_some());
        let path = if pause { "/api/v1/schedules/pause" } else { "/api/v1/schedules/resume" };
        let body = serde_json::json!({ "id": id.to_string(), "reason": reason });
        let told = self.ask_daemon(hyper::Method::POST, path, Some(&body))?;
        Ok(told.map(|_| (id, was_paused != pause)))
    }

    /// Lets a schedule go on from now. False when it did not rest.
    pub fn resume_schedule(&self, paths: &[PathBuf], schedule: &str) -> Result<(ScheduleId, bool), AppError> {
        if let Some(told) = self.tell_schedule(paths, schedule, false, "")? {
            return Ok(told);
        }
        self.steer(paths, schedule, Planner::resume)
    }

    /// Drops what is left of a schedule's backfills. False when nothing was.
    pub fn stop_backfills(&self, paths: &[PathBuf], schedule: &str) -> Result<(ScheduleId, bool), AppError> {
        let id = self.find_schedule(paths, schedule)?.spec.id.clone();
        let body = serde_json::json!({ "id": id.to_string() });
        let path = "/api/v1/schedules/stop-backfills";
        if let Some(told) = self.ask_daemon(hyper::Method::POST, path, Some(&body))? {
            return Ok((id, told["stopped"] == true));
        }
        self.steer(paths, schedule, Planner::stop_backfills)
    }

    fn steer(
        &self,
        paths: &[PathBuf],
        schedule: &str,
        decide: impl FnOnce(&mut Planner, &ScheduleId, Timestamp) -> Turn,
    ) -> Result<(ScheduleId, bool), AppError> {
        let found = self.find_schedule(paths, schedule)?;
        let (id, now, store) = (found.spec.id.clone(), self.now(), self.store()?);
        let mut planner = Planner::default();
        planner.meet(found.spec, store.schedule(&id), now);
        let turn = decide(&mut planner, &id, now);
        let changed = !turn.is_empty();
        if changed {
            store.record_schedules(&turn.commit)?;
        }
        Ok((id, changed))
    }

    /// Says what schedules would do.
    pub fn simulate(&self, request: &SimulateRequest) -> Result<Simulated, AppError> {
        let found = self.find_schedules(&request.paths, request.schedule.as_deref())?;
        let zone = found.iter().find_map(|found| found.spec.zone()).unwrap_or("UTC");
        let now = self.now();
        let from = request.from.as_deref().map_or(Ok(now), |text| point(text, zone, false))?;
        let to = point(&request.to, zone, true)?;
        if to < from {
            let message = format!("`{}` is before the first moment", request.to);
            return Err(AppError::Invalid { message, hint: "give `--from` and `--to` in order".into() });
        }
        let down = request.down.iter().map(|text| stretch(text, zone)).collect::<Result<_, _>>()?;
        let mut seconds = BTreeMap::new();
        for found in &found {
            let workflow = &found.spec.id.workflow;
            if !seconds.contains_key(workflow) {
                let known =
                    request.seconds.map_or_else(|| self.usual_seconds(workflow), |it| Ok(Some(it)))?;
                seconds.insert(workflow.clone(), known);
            }
        }
        let (steps, is_whole) = simulate(Simulation {
            specs: found.into_iter().map(|found| found.spec).collect(),
            from,
            to,
            down,
            seconds: seconds.iter().map(|(name, known)| (name.clone(), known.unwrap_or_default())).collect(),
            limit: request.limit,
        });
        Ok(Simulated { steps, is_whole, seconds })
    }

    /// How long a run of a workflow takes: the median of the last that succeeded.
    fn usual_seconds(&self, workflow: &str) -> Result<Option<f64>, AppError> {
        if !self.has_state() {
            return Ok(None);
        }
        let rows = self.history()?.runs(Some(workflow), Some(RunStatus::Succeeded), N_RUNS)?;
        let mut seconds: Vec<f64> =
            rows.iter().filter_map(|row| Some(row.ended_at?.seconds_since(row.created_at))).collect();
        seconds.sort_by(f64::total_cmp);
        Ok(seconds.get(seconds.len() / 2).copied())
    }

    /// The times of a range for which a backfill would start runs.
    pub fn backfill_times(&self, order: &BackfillOrder) -> Result<(ScheduleId, Vec<Timestamp>), AppError> {
        let found = self.find_schedule(&order.paths, &order.schedule)?;
        let (from, to) = range(order, &found.spec)?;
        let first = found.spec.next(Timestamp(from.0 - 1));
        let times = std::iter::successors(first, |due| found.spec.next(due.scheduled_at));
        let times = times.map(|due| due.scheduled_at).take_while(|at| *at <= to).collect();
        Ok((found.spec.id.clone(), times))
    }

    /// Starts runs for the times of a range, in order, and waits for their ends; `ended` hears of each. What is left when this is
    /// interrupted goes on with the next scheduler, or the next backfill.
    pub fn backfill(
        &self,
        order: BackfillOrder,
        ended: &mut dyn FnMut(RunId, Timestamp, RunStatus),
    ) -> Result<Vec<RunStatus>, AppError> {
        let found = self.find_schedule(&order.paths, &order.schedule)?;
        let (from, to) = range(&order, &found.spec)?;
        if let Some(daemon) = self.daemon()? {
            return daemon.backfill(&found.spec.id, (from, to), &order, ended);
        }
        let runtime = runtime()?;
        let store = self.store()?;
        let _context = runtime.enter();
        let engine = self.engine(store.clone(), default_parallel())?;
        runtime.block_on(async {
            let mut signals = Signals::listen()?;
            engine.mark_interrupted().await?;
            engine.respect_orphans()?;
            let mut ends = engine.ends();
            let library = Arc::new(self.library(&[found.file], false));
            let (scheduler, handle) = self.scheduler(&engine, &store, library, false);
            let service = tokio::spawn(scheduler.run());
            let id = found.spec.id.clone();
            let request = BackfillRequest { from, to, parallel: order.parallel, params: order.params };
            handle.backfill(&id, request).await?;
            let mut statuses = Vec::new();
            let mut changes = handle.changes();
            loop {
                changes.borrow_and_update();
                if is_done(&handle, &id).await? {
                    break;
                }
                tokio::select! {
                    end = ends.recv() => {
                        if let Some((run, at, status)) = end.ok().and_then(|row| of_backfill(&engine, row.id)) {
                            ended(run, at, status);
                            statuses.push(status);
                        }
                    }
                    // The scheduler may hear of an end later than this does.
                    _ = changes.changed() => {}
                    _ = signals.next() => break,
                }
            }
            while let Ok(row) = ends.try_recv() {
                if let Some((run, at, status)) = of_backfill(&engine, row.id) {
                    ended(run, at, status);
                    statuses.push(status);
                }
            }
            handle.stop();
            service.await.map_err(|_| AppError::Internal("the scheduler panicked".into()))??;
            engine.leave(super::GRACE).await;
            Ok(statuses)
        })
    }
}

/// Whether all runs of a backfill are at their end.
pub(super) async fn is_done(handle: &SchedulerHandle, id: &ScheduleId) -> Result<bool, SchedulerError> {
    let views = handle.list(0).await?;
    let is_open = |view: &ScheduleView| {
        !view.state.backfills.is_empty()
            || view.state.open.iter().any(|fire| fire.cause.trigger == Trigger::Backfill)
    };
    Ok(!views.iter().any(|view| view.id == *id && is_open(view)))
}

/// The run, when a backfill started it.
fn of_backfill(engine: &Engine, run: RunId) -> Option<(RunId, Timestamp, RunStatus)> {
    let run = engine.load(run).ok().filter(|run| run.parent().is_none())?;
    let cause = run.cause().filter(|cause| cause.trigger == Trigger::Backfill)?;
    Some((run.id(), cause.scheduled_at, run.status()))
}

fn range(order: &BackfillOrder, spec: &Spec) -> Result<(Timestamp, Timestamp), AppError> {
    let Some(zone) = spec.zone() else {
        let message = format!("`{}` waits for events, so that there are no times to repeat", spec.id);
        return Err(AppError::Invalid { message, hint: "name a schedule that has a `cron`".into() });
    };
    let (from, to) = (point(&order.from, zone, false)?, point(&order.to, zone, true)?);
    if spec.next(Timestamp(from.0 - 1)).is_none_or(|due| due.scheduled_at > to) {
        let message = format!("`{}` has no times from {} to {}", spec.id, order.from, order.to);
        return Err(AppError::Invalid { message, hint: "`sluice schedule simulate` shows its times".into() });
    }
    Ok((from, to))
}

/// A point in time as someone writes it, in a zone when it has no offset; a day is its first moment, or its last.
fn point(text: &str, zone: &str, is_last: bool) -> Result<Timestamp, AppError> {
    workflow::parse_time(text, zone, is_last).map(Timestamp).ok_or_else(|| AppError::Invalid {
        message: format!("`{text}` is no time"),
        hint: "write a day such as 2026-03-01, or a time such as 2026-03-01T06:00 or 2026-03-01T06:00:00Z"
            .into(),
    })
}

fn stretch(text: &str, zone: &str) -> Result<(Timestamp, Timestamp), AppError> {
    let (from, to) = text.split_once("..").ok_or_else(|| AppError::Invalid {
        message: format!("`{text}` is no stretch of time"),
        hint: "write two times with `..` between them".into(),
    })?;
    Ok((point(from, zone, false)?, point(to, zone, false)?))
}
