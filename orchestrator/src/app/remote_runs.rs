//! Runs through the daemon: started there, followed here as if they were driven here.

use std::sync::Arc;

use hyper::Method;
use serde_json::{Value, json};

use super::{
    AppError, RunRequest, Running,
    remote::{Daemon, EventReader},
    signals::{Asked, Signals},
};
use crate::{
    engine::{PlannedTask, RerunFrom, TaskNews, Update},
    run::{EventRecord, Run, RunId},
    workflow::TaskIdx,
};

/// How a run is asked for, and what of it is known already.
struct Begun {
    run: RunId,
    /// Events with a lower number are no news.
    known: u64,
    /// True when it goes on.
    resumed: bool,
}

fn garbled(what: &str) -> AppError {
    AppError::Internal(format!("the daemon answered without {what}"))
}

fn id_of(reply: &Value) -> Result<RunId, AppError> {
    reply["id"].as_str().and_then(|id| id.parse().ok()).ok_or_else(|| garbled("the id of a run"))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A file to run, as the daemon is told of it.
fn body_of(request: &RunRequest) -> Value {
    let name = request.file.file_name().unwrap_or_default();
    let params = request.workflow.params.iter().map(|(name, value)| (name.clone(), text(value).into()));
    json!({
        "path": request.base_dir.join(name),
        "params": params.collect::<serde_json::Map<String, Value>>(),
        "use_cache": request.use_cache,
        "fresh": request.fresh,
    })
}

impl Daemon {
    /// Runs a workflow to its end.
    pub(super) fn run(&self, request: &RunRequest, watcher: &mut dyn Running) -> Result<Run, AppError> {
        let body = body_of(request);
        self.follow(watcher, async |watcher| {
            let reply = self.call(Method::POST, "/api/v1/local/runs", Some(&body)).await?;
            for run in reply["gave_up"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                watcher.gave_up(run.parse().map_err(|_| garbled("the id of a run"))?);
            }
            Ok(Begun {
                run: id_of(&reply)?,
                known: reply["known"].as_u64().unwrap_or_default(),
                resumed: reply["resumed"].as_bool().unwrap_or_default(),
            })
        })
    }

    /// Predicts what running a workflow would do.
    pub(super) fn plan(&self, request: &RunRequest) -> Result<Vec<PlannedTask>, AppError> {
        let body = body_of(request);
        let reply = self.runtime.block_on(self.call(Method::POST, "/api/v1/local/plan", Some(&body)))?;
        serde_json::from_value(reply).map_err(|error| AppError::Internal(error.to_string()))
    }

    /// Lets a run go on, by `resume` or `retry`.
    pub(super) fn go_on(&self, run: RunId, how: &str, watcher: &mut dyn Running) -> Result<Run, AppError> {
        self.follow(watcher, async |_| {
            let before = self.call(Method::GET, &format!("/api/v1/runs/{run}"), None).await?;
            self.call(Method::POST, &format!("/api/v1/runs/{run}/{how}"), Some(&json!({}))).await?;
            Ok(Begun { run, known: before["n_events"].as_u64().unwrap_or_default(), resumed: true })
        })
    }

    /// Runs a workflow with what an earlier run left.
    pub(super) fn rerun(
        &self,
        request: &RunRequest,
        from: &RerunFrom,
        watcher: &mut dyn Running,
    ) -> Result<Run, AppError> {
        let recorded = from.run.workflow();
        let body = json!({
            "from": from.task,
            "only": from.only,
            "current": recorded.hash != request.workflow.hash,
            "params": request.workflow.params,
        });
        self.follow(watcher, async |_| {
            let path = format!("/api/v1/runs/{}/rerun", from.run.id());
            let reply = self.call(Method::POST, &path, Some(&body)).await?;
            Ok(Begun { run: id_of(&reply)?, known: 0, resumed: false })
        })
    }

    /// Lets `begin` ask for a run, and passes its news on until it ends. A request to end goes to the run.
    fn follow(
        &self,
        watcher: &mut dyn Running,
        begin: impl AsyncFnOnce(&mut dyn Running) -> Result<Begun, AppError>,
    ) -> Result<Run, AppError> {
        self.runtime.block_on(async {
            let mut signals = Signals::listen()?;
            let begun = begin(watcher).await?;
            let run = begun.run;
            let events = self.stream(Method::GET, &format!("/api/v1/local/runs/{run}/records"), None).await?;
            let mut replica = Replica { begun, events, run: None };
            loop {
                tokio::select! {
                    more = replica.next(watcher) => if !more? { break },
                    asked = signals.next() => self.pass_on(run, &asked, watcher).await?,
                }
            }
            let stopped = || AppError::Daemon {
                message: "the daemon was stopped".into(),
                hints: vec![format!(
                    "run {run} goes on with the next `sluice serve`, or with `sluice runs resume {run}`"
                )],
                code: "stopping".into(),
            };
            replica.run.filter(|run| run.status().is_final()).ok_or_else(stopped)
        })
    }

    async fn pass_on(&self, run: RunId, asked: &Asked, watcher: &mut dyn Running) -> Result<(), AppError> {
        let what = match asked {
            Asked::End(_) => {
                watcher.cancelling();
                "cancel"
            }
            Asked::Pause(paused) => {
                watcher.pausing(*paused);
                if *paused { "pause" } else { "resume" }
            }
        };
        match self.call(Method::POST, &format!("/api/v1/runs/{run}/{what}"), Some(&json!({}))).await {
            // It ended in this moment.
            Err(AppError::Daemon { code, .. }) if code == "conflict" => Ok(()),
            reply => reply.map(drop),
        }
    }
}

/// A run as the daemon drives it, made again here from its events.
struct Replica {
    begun: Begun,
    events: EventReader,
    run: Option<Run>,
}

impl Replica {
    /// Takes one event in; false at the end.
    async fn next(&mut self, watcher: &mut dyn Running) -> Result<bool, AppError> {
        let Some((event, data)) = self.events.next().await? else { return Ok(false) };
        match event.as_str() {
            "record" => {
                let record: EventRecord =
                    serde_json::from_str(&data).map_err(|error| AppError::Internal(error.to_string()))?;
                self.take(record, watcher)?;
            }
            "progress" => {
                let data: Value = serde_json::from_str(&data).unwrap_or_default();
                let task = data["task"].as_u64().and_then(|task| u32::try_from(task).ok());
                if let Some(task) = task {
                    let fraction = data["fraction"].as_f64().unwrap_or(f64::NAN);
                    let note = data["note"].as_str().unwrap_or_default().to_owned();
                    watcher.update(&Update::Progress { task: TaskIdx(task), fraction, note });
                }
            }
            "end" => return Ok(false),
            _ => {}
        }
        Ok(true)
    }

    fn take(&mut self, record: EventRecord, watcher: &mut dyn Running) -> Result<(), AppError> {
        if record.v > crate::run::EVENT_VERSION {
            return Err(AppError::Internal("the daemon is of a newer version; use its `sluice`".into()));
        }
        let (is_first, is_news) = (self.run.is_none(), record.seq >= self.begun.known);
        match &mut self.run {
            None => self.run = Run::create(self.begun.run, &record.event, record.at),
            Some(run) => run.apply(&record.event, record.at),
        }
        let Some(run) = &self.run else { return Err(garbled("the beginning of a run")) };
        if is_first {
            watcher.begin(run.id(), run.workflow(), self.begun.resumed);
        }
        if is_news {
            let task = record.event.task().map(|idx| {
                let (name, record) = (run.task(idx).name.clone(), run.record(idx).clone());
                Box::new(TaskNews { idx, name, record })
            });
            watcher.update(&Update::Event { record: Arc::new(record), task });
        }
        Ok(())
    }
}
