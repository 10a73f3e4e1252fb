//! `/deployments`

/// How a deployment is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeploymentHealth {
    /// Started, not ready yet.
    #[default]
    Starting,
    /// In service.
    Ready,
    /// Alive, but it says that it is not ready.
    NotReady,
    /// It should be in service, and does not answer.
    Gone,
    /// Taken out of service.
    Stopped,
    /// Did not become ready.
    Failed,
}

impl DeploymentHealth {
    /// The word that people read.
    pub fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::NotReady => "not ready",
            Self::Gone => "gone",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// A deployment in one row: its latest generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentRow {
    /// Its name.
    pub name: String,
    /// Its generation, from 1.
    pub generation: u64,
    /// How it is.
    pub health: DeploymentHealth,
    /// `process`, `docker`, …
    pub target: String,
    /// The model.
    pub model: String,
    /// The model's version, when it is registered.
    pub version: Option<u64>,
    /// Where it answers.
    pub address: String,
    /// The run that deployed it.
    pub run: String,
    /// When it last changed.
    pub updated_at: i64,
    /// What is to say about its health, in one line.
    pub remark: String,
}

/// All deployments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployments {
    /// The latest generation of each name.
    pub rows: Vec<DeploymentRow>,
    /// Earlier generations of all names, newest first.
    pub earlier: Vec<DeploymentRow>,
}
