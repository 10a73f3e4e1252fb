//! A set of kinds that ships together.

use std::sync::Arc;

use crate::{Kind, Task, kind::SharedKind};

/// A set of kinds that ships together.
#[derive(Clone)]
pub struct Pack {
    /// Its name, such as `data`.
    pub name: &'static str,
    /// Its kinds.
    pub kinds: Vec<Arc<dyn Kind>>,
}

impl Pack {
    /// An empty pack.
    pub fn new(name: &'static str) -> Self {
        Self { name, kinds: Vec::new() }
    }

    /// Adds a kind.
    #[must_use]
    pub fn with(mut self, task: impl Task) -> Self {
        let kind: SharedKind = Arc::new(task);
        self.kinds.push(kind);
        self
    }
}
