//! Exit codes, and the one place that turns an error into text.

use std::process::ExitCode;

use super::out::Out;
use crate::{
    app::{AppError, ListenError, ServeError, TokenError},
    engine::EngineError,
    run::RunStatus,
    scheduler::SchedulerError,
};

/// What the program ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// What was asked for is done.
    Succeeded,
    /// A task or the command failed.
    Failed,
    /// The workflow or the arguments are wrong.
    Invalid,
    /// A gate did not pass.
    Rejected,
    /// Someone ended the run.
    Cancelled,
    /// What was asked for does not exist.
    NotFound,
    /// A mistake in the program, or a damaged store.
    Internal,
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Succeeded => 0,
            Self::Failed => 1,
            Self::Invalid => 2,
            Self::Rejected => 3,
            Self::Cancelled => 4,
            Self::NotFound => 5,
            Self::Internal => 70,
        }
    }

    /// What a run's end means for the caller.
    pub(super) fn of_run(status: RunStatus) -> Self {
        match status {
            RunStatus::Succeeded => Self::Succeeded,
            RunStatus::Rejected => Self::Rejected,
            RunStatus::Cancelled => Self::Cancelled,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Prints an error with its causes and hints, and says what to exit with.
pub(super) fn report(error: &AppError, out: &mut Out) -> Exit {
    out.error(&sluicegate_plugin::with_causes(error));
    let (code, hints) = classify(error);
    for hint in hints {
        out.hint(&hint);
    }
    code
}

fn classify(error: &AppError) -> (Exit, Vec<String>) {
    match error {
        AppError::Unreadable { path, .. } => {
            (Exit::Invalid, vec![format!("give the path of a workflow file instead of `{}`", path.display())])
        }
        AppError::Unwritable { .. } => {
            (Exit::Failed, vec!["make the folder writable, or give another".into()])
        }
        AppError::Invalid { hint, .. } => (Exit::Invalid, vec![hint.clone()]),
        AppError::NoRun(_) => (Exit::NotFound, vec!["`sluice runs list` lists runs".into()]),
        AppError::NotFound { hint, .. } => (Exit::NotFound, vec![hint.clone()]),
        AppError::Task(error) => (Exit::Failed, error.hints.clone()),
        AppError::Engine(
            EngineError::Ended(_)
            | EngineError::Open(_)
            | EngineError::NothingToRepeat(_)
            | EngineError::NoTask { .. }
            | EngineError::HeldBack { .. }
            | EngineError::NothingBefore { .. },
        ) => (Exit::Invalid, vec!["`sluice runs show` tells how the run is".into()]),
        AppError::Scheduler(SchedulerError::NoSchedule(_)) => {
            (Exit::NotFound, vec!["`sluice schedule list` lists them".into()])
        }
        AppError::Scheduler(SchedulerError::NotFor { .. } | SchedulerError::NoTimes(_)) => {
            (Exit::Invalid, vec!["`sluice schedule simulate` shows its times".into()])
        }
        AppError::Scheduler(_) => (Exit::Failed, Vec::new()),
        AppError::Daemon { hints, code, .. } => {
            let exit = match code.as_str() {
                "not_found" => Exit::NotFound,
                "invalid" | "conflict" | "invalid_workflow" => Exit::Invalid,
                _ => Exit::Failed,
            };
            (exit, hints.clone())
        }
        AppError::Token(TokenError::Taken(_) | TokenError::BadName(_)) => {
            (Exit::Invalid, vec!["`sluice tokens list` lists them".into()])
        }
        AppError::Token(TokenError::Unknown(_)) => {
            (Exit::NotFound, vec!["`sluice tokens list` lists them".into()])
        }
        AppError::Listen(ListenError::Certificate { hint, .. }) => (Exit::Invalid, vec![(*hint).into()]),
        AppError::Listen(_) => {
            (Exit::Failed, vec!["give another address with `--bind`; port 0 takes a free one".into()])
        }
        AppError::Serve(ServeError::WrongBundle { .. }) => {
            (Exit::Invalid, vec!["the file was changed; deploy the model again".into()])
        }
        AppError::Token(_) => (Exit::Failed, Vec::new()),
        AppError::Store(_) | AppError::Artifact(_) | AppError::Engine(_) | AppError::Serve(_) => {
            (Exit::Failed, Vec::new())
        }
        AppError::NoProgram { .. } | AppError::Replay(_) | AppError::Internal(_) => {
            (Exit::Internal, vec!["`sluice doctor` looks for the cause".into()])
        }
    }
}
