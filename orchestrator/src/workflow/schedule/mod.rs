//! When a workflow runs by itself: `[schedule]` and `[trigger]`, cron lines with their Unix meaning, and time zones. Pure.

mod cron;
mod event;
mod model;
mod read;
#[cfg(test)]
mod tests;
mod time;
mod timing;
mod trigger;
mod words;
mod zone;

pub use cron::{CronProblem, UnixCron};
pub use model::{CatchUp, DstFold, DstGap, FilesRule, On, Overlap, RunRule, Schedule, TimeRule, WebhookRule};
#[cfg(test)]
pub(super) use read::SCHEDULE_KEYS;
pub(super) use read::read;
pub use time::parse_time;
pub use timing::Timing;
pub(super) use trigger::report_rings;
#[cfg(test)]
pub(super) use trigger::{FILES_KEYS, RUN_KEYS, TRIGGER_KEYS, WEBHOOK_KEYS};
pub use words::in_words;
