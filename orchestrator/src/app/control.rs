//! Steering runs from outside: what another process drives is asked for, what nobody drives is ended here.

use std::time::Duration;

use hyper::Method;
use serde_json::json;

use super::{App, AppError, run::runtime};
use crate::{
    run::{RunRow, RunStatus},
    store::{Store, StoreError, StoreOptions},
    worker::{Ask, ask},
};

/// How a run was cancelled.
pub enum Cancelled {
    /// It has ended.
    Ended,
    /// The process that drives it was asked, and ends it in order.
    Asked(u32),
}

impl App {
    /// Cancels a run: asks the process that drives it, or ends what an interrupted one left running.
    pub fn cancel(&self, row: &RunRow) -> Result<Cancelled, AppError> {
        refuse_nested(row)?;
        if self.tell(row, "cancel")? {
            return Ok(Cancelled::Asked(row.owner.pid));
        }
        match Store::open(&self.home, StoreOptions { wait: Duration::ZERO }) {
            Ok(store) => {
                let runtime = runtime()?;
                let _context = runtime.enter();
                let engine = self.engine(store, 1)?;
                runtime.block_on(async {
                    engine.mark_interrupted().await?;
                    engine.abandon(row.id, "cancelled by `sluice runs cancel`").await?;
                    engine.shutdown().await;
                    Ok::<_, AppError>(())
                })?;
                Ok(Cancelled::Ended)
            }
            Err(StoreError::InUse { holder, .. }) if !is_daemon(&holder) && ask(&row.owner, Ask::End) => {
                Ok(Cancelled::Asked(row.owner.pid))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Asks the daemon for something; false when there is none.
    fn tell(&self, row: &RunRow, what: &str) -> Result<bool, AppError> {
        let path = format!("/api/v1/runs/{}/{what}", row.id);
        Ok(self.ask_daemon(Method::POST, &path, Some(&json!({})))?.is_some())
    }

    /// Asks the process that drives a run to start nothing new, or to go on; returns its number.
    pub fn pause(&self, row: &RunRow, paused: bool) -> Result<u32, AppError> {
        refuse_nested(row)?;
        if self.tell(row, if paused { "pause" } else { "resume" })? {
            return Ok(row.owner.pid);
        }
        let what = if paused { Ask::Pause } else { Ask::GoOn };
        if row.status != RunStatus::Interrupted && ask(&row.owner, what) {
            return Ok(row.owner.pid);
        }
        Err(AppError::Invalid {
            message: format!("no process drives run {}, so that nothing of it starts", row.id),
            hint: format!("`sluice runs resume {}` goes on with it", row.id),
        })
    }
}

/// Tells whether a daemon holds the store: it must never be asked to end instead of one of its runs.
pub(super) fn is_daemon(holder: &str) -> bool {
    holder.contains("(`sluice serve")
}

/// A run that a task of another run started is steered through that one.
fn refuse_nested(row: &RunRow) -> Result<(), AppError> {
    match row.parent {
        None => Ok(()),
        Some(parent) => Err(AppError::Invalid {
            message: format!("run {} was started by a task of run {parent}", row.id),
            hint: format!("do it to run {parent}, which takes this one along"),
        }),
    }
}
