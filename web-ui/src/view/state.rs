//! How runs, tasks and gates are, as the pages tell them apart.

/// How a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RunState {
    /// Waits for its turn, such as behind another run of its workflow.
    #[default]
    Queued,
    /// A process drives it.
    Running,
    /// Nothing new starts until someone lets it go on.
    Paused,
    /// Its process died; it can be driven on.
    Interrupted,
    /// Everything went well.
    Succeeded,
    /// Nothing broke, but a gate did not pass.
    Rejected,
    /// A task failed.
    Failed,
    /// Someone ended it.
    Cancelled,
}

impl RunState {
    /// Every state, in the order in which lists and legends show them.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Running,
        Self::Paused,
        Self::Interrupted,
        Self::Succeeded,
        Self::Rejected,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word that people read; also the class and the value of filters.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Interrupted => "interrupted",
            Self::Succeeded => "succeeded",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Tells whether nothing can happen to the run any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Rejected | Self::Failed | Self::Cancelled)
    }
}

/// How a task of a run is, as a viewer tells them apart: a cache hit and a gate's refusal have looks of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TaskState {
    /// Waits for tasks before it.
    #[default]
    Blocked,
    /// Waits for a slot.
    Ready,
    /// An attempt runs, or its items do.
    Running,
    /// Waits for its next attempt.
    Waiting,
    /// Did its work; a gate that passed.
    Succeeded,
    /// Was not run, because an earlier outcome was used.
    Cached,
    /// A gate that said no.
    Rejected,
    /// A gate that had too little evidence.
    Insufficient,
    /// Broke.
    Failed,
    /// Will not run.
    Skipped,
    /// Someone ended the run.
    Cancelled,
    /// Must not happen twice, and nobody knows whether it happened.
    Unknown,
}

impl TaskState {
    /// Every state, in the order of bars and legends: what is over, what went wrong, what is to come.
    pub const ALL: [Self; 12] = [
        Self::Succeeded,
        Self::Cached,
        Self::Skipped,
        Self::Cancelled,
        Self::Insufficient,
        Self::Rejected,
        Self::Unknown,
        Self::Failed,
        Self::Running,
        Self::Waiting,
        Self::Ready,
        Self::Blocked,
    ];

    /// The word that people read; also the class.
    pub fn word(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Cached => "cached",
            Self::Rejected => "rejected",
            Self::Insufficient => "insufficient",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }

    /// Tells whether the task is at its end.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Blocked | Self::Ready | Self::Running | Self::Waiting)
    }

    /// Tells whether a person should look at the task.
    pub fn is_trouble(self) -> bool {
        matches!(self, Self::Failed | Self::Unknown | Self::Rejected | Self::Insufficient)
    }
}

/// What a gate, or one of its requirements, decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decision {
    /// Met.
    Pass,
    /// Not met.
    Reject,
    /// Too little evidence.
    #[default]
    Insufficient,
}

impl Decision {
    /// The word that people read.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Reject => "reject",
            Self::Insufficient => "insufficient",
        }
    }

    /// The task state with the same look.
    pub fn look(self) -> TaskState {
        match self {
            Self::Pass => TaskState::Succeeded,
            Self::Reject => TaskState::Rejected,
            Self::Insufficient => TaskState::Insufficient,
        }
    }
}
