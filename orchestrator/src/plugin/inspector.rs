//! The orchestrator's way to foreign code: a child that describes and answers, with a time limit, and may write nowhere.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use sluicegate_plugin::{About, Answer, AskRequest, Context, Manifest, PluginCode, PluginSource, TaskError};

use super::{
    Refusal,
    asked::Code,
    manifest,
    program::{Program, START, Start},
    sdk,
    set::PluginAbout,
};

/// The hidden command that loads a library and speaks the plugin protocol for it.
pub const INSPECT_COMMAND: &str = "__plugin";

/// How long a library may take to describe itself.
const LIBRARY_START: Duration = Duration::from_secs(10);

/// More answers are not remembered.
const MAX_MEMORY: usize = 4096;

/// Asks a plugin in a child of its own. The child is started with the first question, and lives until this is dropped.
pub(super) struct Inspector {
    source: PluginSource,
    sluice: PathBuf,
    /// The folder of the state, when there is one.
    home: Option<PathBuf>,
    child: Mutex<Option<Child>>,
    /// Answers depend on nothing but the question; files that a question reads are not remembered.
    memory: Mutex<HashMap<(String, About, String), Answer>>,
}

struct Child {
    program: Program,
    _python_sdk: Option<sdk::PythonSdk>,
}

impl Inspector {
    pub(super) fn new(source: PluginSource, sluice: PathBuf, home: Option<PathBuf>) -> Self {
        Self { source, sluice, home, child: Mutex::default(), memory: Mutex::default() }
    }

    /// Asks the plugin what it is.
    pub(super) fn describe(&self) -> Result<PluginAbout, Refusal> {
        let (child, about) = self.start()?;
        *self.child.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        Ok(about)
    }

    fn start(&self) -> Result<(Child, PluginAbout), Refusal> {
        let home = self.home.as_deref();
        let is_library = matches!(self.source.code, PluginCode::Library { .. });
        let unwritable =
            |source| Refusal::Unreadable { file: home.unwrap_or(Path::new("/tmp")).to_owned(), source };
        let python_sdk = if is_library { None } else { Some(sdk::python(home).map_err(unwritable)?) };
        // Nothing may be written; the temporary folder of Python does not exist then, and it copes.
        let nowhere: &[PathBuf] = &[];
        let started = if is_library {
            Program::start_library(&self.sluice, &self.source, LIBRARY_START)
        } else {
            Program::start(&Start {
                sluice: &self.sluice,
                source: &self.source,
                confined_to: Some(nowhere),
                python_sdk: python_sdk.as_ref().map(|sdk| sdk.path().to_owned()).unwrap_or_default(),
                patience: START,
            })
        };
        let (program, hello) = started?;
        let place = self.source.code.place();
        if hello.name != self.source.name {
            let (found, wanted) = (hello.name, self.source.name.clone());
            return Err(Refusal::OtherName { place: place.to_owned(), found, wanted });
        }
        let mut kinds: Vec<Manifest> = Vec::new();
        for (kind_idx, kind) in hello.kinds.iter().enumerate() {
            let kind = manifest::parse(&kind.to_string(), &self.source.name, place, kind_idx)?;
            if kinds.iter().any(|other| other.name == kind.name) {
                return Err(Refusal::DuplicateKind { place: place.to_owned(), kind: kind.name });
            }
            kinds.push(kind);
        }
        if kinds.is_empty() {
            let why = "it has no kinds".into();
            return Err(Refusal::BadManifest { place: place.to_owned(), kind: "the plugin".into(), why });
        }
        let about = PluginAbout { version: hello.plugin_version, build: hello.sdk, kinds };
        Ok((Child { program, _python_sdk: python_sdk }, about))
    }

    fn ask_child(&self, kind: &str, about: About, request: &AskRequest) -> Result<Answer, TaskError> {
        let mut slot = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_none() {
            *slot = Some(self.start()?.0);
        }
        let Some(child) = slot.as_mut() else { return Ok(Answer::default()) };
        child.program.ask(kind, about, request).map_err(|broken| {
            *slot = None;
            let message = format!(
                "plugin `{}` {broken} while it was asked `{}` of `{kind}`",
                self.source.name,
                about.name()
            );
            TaskError::permanent("plugin_misbehaved", message)
                .hint("`sluice plugins test` tries it alone, and shows what it writes")
        })
    }
}

/// By what an answer is remembered. A column may come from a file, and a probe looks at the world: both may answer otherwise the next
/// time.
fn key(kind: &str, about: About, request: &AskRequest) -> Option<(String, About, String)> {
    if matches!(about, About::Schema | About::Probe) {
        return None;
    }
    serde_json::to_string(request).ok().map(|request| (kind.to_owned(), about, request))
}

impl Code for Inspector {
    fn remembers(&self, kind: &str, about: About, request: &AskRequest) -> bool {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        key(kind, about, request).is_some_and(|key| memory.contains_key(&key))
    }

    fn ask(&self, kind: &str, about: About, request: &AskRequest) -> Result<Answer, TaskError> {
        let key = key(kind, about, request);
        let remembered = |key| self.memory.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        if let Some(answer) = key.as_ref().and_then(remembered) {
            return Ok(answer);
        }
        let answer = self.ask_child(kind, about, request)?;
        if let Some(key) = key {
            let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
            if memory.len() < MAX_MEMORY {
                memory.insert(key, answer.clone());
            }
        }
        Ok(answer)
    }

    fn run(&self, kind: &str, _: &Context, _: Value) -> Result<(), TaskError> {
        let message =
            format!("`{kind}` is of plugin `{}`, whose tasks run in workers alone", self.source.name);
        Err(TaskError::permanent("not_here", message))
    }
}
