//! A backfill through the daemon: begun there, followed here.

use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use super::{AppError, BackfillOrder, remote::Daemon, signals::Signals};
use crate::{
    run::{RunId, RunStatus, Timestamp},
    store::ScheduleId,
};

/// A run of the backfill that ended.
#[derive(Deserialize)]
struct Ended {
    id: RunId,
    scheduled_at: String,
    status: RunStatus,
}

impl Daemon {
    /// Lets the daemon start runs for the times of a range, the last included, and waits for their ends; `ended` hears of each. What is left
    /// when this is interrupted goes on in the daemon.
    pub(super) fn backfill(
        &self,
        id: &ScheduleId,
        (from, to): (Timestamp, Timestamp),
        order: &BackfillOrder,
        ended: &mut dyn FnMut(RunId, Timestamp, RunStatus),
    ) -> Result<Vec<RunStatus>, AppError> {
        let body = json!({
            "id": id.to_string(),
            "from": rfc3339(from)?,
            "to": rfc3339(Timestamp(to.0 + 1))?,
            "parallel": order.parallel,
            "params": order.params,
        });
        self.runtime.block_on(async {
            let mut signals = Signals::listen()?;
            let mut events = self.stream(Method::POST, "/api/v1/local/backfill", Some(&body)).await?;
            let mut statuses = Vec::new();
            loop {
                let event = tokio::select! {
                    event = events.next() => event?,
                    _ = signals.next() => return Ok(statuses),
                };
                match event {
                    Some((name, data)) if name == "ended" => {
                        let garbled = |error: &dyn std::error::Error| AppError::Internal(error.to_string());
                        let Ended { id, scheduled_at, status } =
                            serde_json::from_str(&data).map_err(|error| garbled(&error))?;
                        let at = chrono::DateTime::parse_from_rfc3339(&scheduled_at)
                            .map_err(|error| garbled(&error))?;
                        ended(id, Timestamp(at.timestamp_millis()), status);
                        statuses.push(status);
                    }
                    Some((name, _)) if name == "end" => return Ok(statuses),
                    Some(_) => {}
                    None => {
                        return Err(AppError::Daemon {
                            message: "the daemon was stopped".into(),
                            hints: vec!["the backfill goes on with the next `sluice serve`".into()],
                            code: "stopping".into(),
                        });
                    }
                }
            }
        })
    }
}

fn rfc3339(at: Timestamp) -> Result<String, AppError> {
    let time = chrono::DateTime::from_timestamp_millis(at.0);
    let time = time.ok_or_else(|| AppError::Internal("a time is beyond the calendar".into()))?;
    Ok(time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}
