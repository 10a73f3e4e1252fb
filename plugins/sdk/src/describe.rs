//! What a kind says of itself: its name, documentation, ports and class of effect.

use serde::{Deserialize, Serialize};

/// The type of what passes through a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortType {
    /// Rows and named columns, stored as an Arrow IPC file.
    Table,
    /// A model bundle: transforms, estimator and signature in one file.
    Model,
    /// What an evaluation found, as JSON.
    Report,
    /// What a gate decided, as JSON.
    Verdict,
    /// Any file.
    File,
    /// A small JSON value, usable in expressions.
    Value,
    /// Accepts every type; only for inputs.
    Any,
}

impl PortType {
    /// Tells whether an output of type `self` may feed an input of type `input`.
    pub fn feeds(self, input: Self) -> bool {
        input == Self::Any || self == input
    }
}

impl std::fmt::Display for PortType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Table => "table",
            Self::Model => "model",
            Self::Report => "report",
            Self::Verdict => "verdict",
            Self::File => "file",
            Self::Value => "value",
            Self::Any => "any",
        })
    }
}

/// A named, typed input or output of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// The name used in a workflow's `inputs` and in `task.port`.
    pub name: String,
    /// What passes through.
    #[serde(rename = "type")]
    pub port_type: PortType,
    /// One sentence for people.
    #[serde(default)]
    pub doc: String,
    /// An input that need not be connected, or an output that may be absent.
    #[serde(default)]
    pub optional: bool,
}

impl Port {
    /// A port that must be connected (input) or is always written (output).
    pub fn new(name: &str, port_type: PortType, doc: &str) -> Self {
        Self { name: name.into(), port_type, doc: doc.into(), optional: false }
    }

    /// The same port, made optional.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
}

/// The inputs and outputs of a kind; the first output is its main output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// Named inputs.
    #[serde(default)]
    pub inputs: Vec<Port>,
    /// The type of further inputs under names the author chooses, when the kind takes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_inputs: Option<PortType>,
    /// Named outputs.
    #[serde(default)]
    pub outputs: Vec<Port>,
    /// Tells that the parameters name further outputs (see [`crate::Task::ports`]).
    #[serde(default)]
    pub more_outputs: bool,
}

/// What the engine may assume about running a task again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The outputs depend on nothing but what the cache key names. Cached by default.
    Pure,
    /// It touches the world, but a second time does no harm. Not cached by default.
    Idempotent,
    /// It must not happen twice; an attempt whose outcome is lost is not repeated on its own.
    Once,
}

/// Where a task of this kind runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// In a worker process: everything that computes or may crash.
    Worker,
    /// In the orchestrator, on a thread of its own: short waits on the network and records in the store.
    Inline,
}

/// A failure that a kind documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDoc {
    /// The stable code, as in [`crate::TaskError::code`].
    pub code: String,
    /// When it happens and what to do.
    pub doc: String,
}

/// What a kind says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The name used in `uses`, such as `data.clean`.
    pub name: String,
    /// The version of its behaviour; part of the cache key. Raise it whenever equal inputs may give other outputs.
    pub version: String,
    /// One sentence, shown in lists.
    pub summary: String,
    /// The long documentation, Markdown.
    pub doc: String,
    /// Inputs and outputs.
    pub ports: Ports,
    /// Class of effect.
    pub effect: Effect,
    /// Where it runs.
    pub placement: Placement,
    /// Documented failures.
    #[serde(default)]
    pub errors: Vec<ErrorDoc>,
}

impl Description {
    /// A pure kind that runs in a worker, without ports.
    pub fn new(name: &str, version: &str, summary: &str) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            summary: summary.into(),
            doc: String::new(),
            ports: Ports::default(),
            effect: Effect::Pure,
            placement: Placement::Worker,
            errors: Vec::new(),
        }
    }

    /// Sets the long documentation.
    #[must_use]
    pub fn doc(mut self, doc: &str) -> Self {
        self.doc = doc.into();
        self
    }

    /// Adds an input.
    #[must_use]
    pub fn input(mut self, port: Port) -> Self {
        self.ports.inputs.push(port);
        self
    }

    /// Accepts further inputs of one type under names the author chooses.
    #[must_use]
    pub fn more_inputs(mut self, port_type: PortType) -> Self {
        self.ports.more_inputs = Some(port_type);
        self
    }

    /// Adds an output; the first is the main one.
    #[must_use]
    pub fn output(mut self, port: Port) -> Self {
        self.ports.outputs.push(port);
        self
    }

    /// Says that the parameters name further outputs.
    #[must_use]
    pub fn more_outputs(mut self) -> Self {
        self.ports.more_outputs = true;
        self
    }

    /// Sets the class of effect.
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// Sets where it runs.
    #[must_use]
    pub fn placement(mut self, placement: Placement) -> Self {
        self.placement = placement;
        self
    }

    /// Documents a failure.
    #[must_use]
    pub fn error(mut self, code: &str, doc: &str) -> Self {
        self.errors.push(ErrorDoc { code: code.into(), doc: doc.into() });
        self
    }
}
