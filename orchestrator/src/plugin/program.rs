//! Kinds of a plugin program in a worker: a warm child process that serves one attempt after the other.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;
use sluicegate_plugin::{
    About, Answer, AskRequest, Context, LogLevel, PluginCode, PluginSource, PortType, Secret, TaskError,
};

use super::{
    Refusal,
    asked::Code,
    manifest::is_port,
    protocol::{Execute, Hello, Level, PROTOCOL, Reply, Request, VERSION},
    sdk,
    talk::{Broken, Heard, Talk},
};

/// How long a program may take to say hello: interpreters import large libraries.
pub(super) const START: Duration = Duration::from_mins(1);

/// How long it may take to answer a question.
pub(super) const ANSWER: Duration = Duration::from_secs(20);

/// How often a stop is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// The hidden command that confines itself and becomes another program.
pub const CONFINE_COMMAND: &str = "__confine";

/// A program that was started, and said hello.
pub(super) struct Program {
    name: String,
    talk: Talk,
    n_requests: u64,
}

/// What a program is started with.
pub(super) struct Start<'a> {
    /// This program, which confines.
    pub(super) sluice: &'a Path,
    pub(super) source: &'a PluginSource,
    /// It may write only below these folders; `None` for anywhere.
    pub(super) confined_to: Option<&'a [PathBuf]>,
    /// Where the SDK for Python is.
    pub(super) python_sdk: PathBuf,
    pub(super) patience: Duration,
}

impl Start<'_> {
    fn command(&self) -> Command {
        let (folder, command) = match &self.source.code {
            PluginCode::Program { folder, command } => (folder, command),
            PluginCode::Library { path } => {
                let mut start = Command::new(self.sluice);
                start.arg(super::INSPECT_COMMAND).arg(path).args([&self.source.name, &self.source.hash]);
                return start;
            }
        };
        let program = interpreter(folder, command.first().map_or("", String::as_str));
        let arguments = command.iter().skip(1);
        let mut start = match self.confined_to {
            None => {
                let mut start = Command::new(program);
                start.args(arguments);
                start
            }
            Some(folders) => {
                let mut start = Command::new(self.sluice);
                start.arg(CONFINE_COMMAND).args(folders).arg("--").arg(program).args(arguments);
                start
            }
        };
        if let Some(folder) = self.confined_to.and_then(<[PathBuf]>::first) {
            start.env("TMPDIR", folder);
        }
        start
            .current_dir(folder)
            .env("PYTHONPATH", super::protocol::python_path(&self.python_sdk))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("SLUICE_PLUGIN_PROTOCOL", super::protocol::VERSION.to_string())
            // What a library prints before the SDK has moved the streams would go to the channel at once.
            .env_remove("PYTHONUNBUFFERED");
        start
    }
}

/// `python3` means the plugin's own environment, else an active one, else the first on the path.
fn interpreter(folder: &Path, program: &str) -> PathBuf {
    if program == "python3" || program == "python" {
        let own = folder.join(".venv/bin/python");
        if own.exists() {
            return own;
        }
        if let Some(active) = std::env::var_os("VIRTUAL_ENV").filter(|folder| !folder.is_empty()) {
            return PathBuf::from(active).join("bin/python");
        }
    }
    if program.contains('/') { folder.join(program) } else { program.into() }
}

impl Program {
    /// Starts a program and hears its hello.
    pub(super) fn start(start: &Start<'_>) -> Result<(Self, Hello), Refusal> {
        let name = start.source.name.clone();
        let misbehaved =
            |what: String| Refusal::Misbehaved { name: name.clone(), what, about: "for its kinds" };
        let command = start.command();
        let program = command.get_program().to_string_lossy().into_owned();
        let mut talk = Talk::start(command)
            .map_err(|error| misbehaved(format!("could not be started (`{program}`: {error})")))?;
        talk.say(&Request::hello()).map_err(|broken| misbehaved(broken.to_string()))?;
        let until = Instant::now() + start.patience;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match talk.hear(left).map_err(|broken| misbehaved(broken.to_string()))? {
                Heard::Reply(Reply::Hello(hello)) => {
                    if hello.protocol != PROTOCOL || hello.version != VERSION {
                        let (protocol, version) = (&hello.protocol, hello.version);
                        return Err(misbehaved(format!(
                            "speaks version {version} of the protocol `{protocol}`, not version {VERSION} of `{PROTOCOL}`,"
                        )));
                    }
                    return Ok((Self { name, talk, n_requests: 0 }, *hello));
                }
                Heard::Reply(Reply::Refused { error }) => return Err(Refusal::Told(error)),
                Heard::Nothing => {
                    return Err(misbehaved(format!("did not answer within {} s", start.patience.as_secs())));
                }
                _ => {}
            }
        }
    }

    /// Starts the child that speaks for a library.
    pub(super) fn start_library(
        sluice: &Path,
        source: &PluginSource,
        patience: Duration,
    ) -> Result<(Self, Hello), Refusal> {
        Self::start(&Start { sluice, source, confined_to: None, python_sdk: PathBuf::new(), patience })
    }

    fn next_id(&mut self) -> u64 {
        self.n_requests += 1;
        self.n_requests
    }

    /// Asks something; on an error the conversation is over.
    pub(super) fn ask(&mut self, kind: &str, about: About, request: &AskRequest) -> Result<Answer, Broken> {
        let id = self.next_id();
        let request = Box::new(request.clone());
        self.talk.say(&Request::Ask { id, kind: kind.into(), about, request })?;
        let until = Instant::now() + ANSWER;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.talk.hear(left)? {
                Heard::Reply(Reply::Answer { id: of, answer }) if of == id => return Ok(*answer),
                Heard::Nothing => {
                    let what = format!("did not answer within {} s", ANSWER.as_secs());
                    return Err(Broken::Ended(what));
                }
                _ => {}
            }
        }
    }

    /// Runs an attempt. An inner error is the task's own, and the program goes on.
    fn execute(&mut self, kind: &str, ctx: &Context, params: Value) -> Result<Result<(), TaskError>, Broken> {
        let id = self.next_id();
        let outputs = ctx.staging();
        std::fs::create_dir_all(&outputs).map_err(Broken::Channel)?;
        self.talk.turn_the_page();
        let secret = |(name, text): (&str, &str)| (name.to_owned(), Secret::new(text));
        self.talk.say(&Request::Execute(Box::new(Execute {
            id,
            kind: kind.into(),
            params,
            run: ctx.run().clone(),
            inputs: ctx.inputs().clone(),
            outputs,
            base_dir: ctx.base_dir().to_owned(),
            env: ctx.env().clone(),
            secrets: ctx.secrets().map(secret).collect(),
        })))?;
        let (mut asides, mut has_cancelled, mut refused) = (Asides::default(), false, None);
        let result = loop {
            if ctx.is_cancelled() && !has_cancelled {
                has_cancelled = true;
                self.talk.say(&Request::Cancel { id })?;
            }
            let reply = match self.talk.hear(LOOK)? {
                Heard::Reply(reply) => reply,
                Heard::Aside(text) => {
                    asides.write(ctx, &text);
                    continue;
                }
                Heard::Nothing => continue,
            };
            match reply {
                Reply::Result { id: of, error } if of == id => break error,
                reply => {
                    if let Err(error) = take(ctx, reply) {
                        refused.get_or_insert(error);
                    }
                }
            }
        };
        while let Some(text) = self.talk.read_aside() {
            asides.write(ctx, &text);
        }
        asides.end(ctx);
        Ok(match (result, refused) {
            (Some(error), _) => Err(error.into()),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(()),
        })
    }
}

/// Takes in what a program says while it runs an attempt.
fn take(ctx: &Context, reply: Reply) -> Result<(), TaskError> {
    match reply {
        Reply::Log { level, message } => ctx.log(
            match level {
                Level::Info => LogLevel::Info,
                Level::Warn => LogLevel::Warn,
                Level::Error => LogLevel::Error,
            },
            &message,
        ),
        Reply::Metric { name, value } => ctx.metric(&name, value.unwrap_or(f64::NAN)),
        Reply::Progress { fraction, note } => ctx.progress(fraction.unwrap_or(f64::NAN), &note),
        Reply::Summary { text } => ctx.summary(text),
        Reply::Verdict { verdict } => ctx.verdict(verdict),
        Reply::Output { port, port_type, value } => {
            if !is_port(&port) || port_type == PortType::Any {
                let message = format!("`{port}` of type `{port_type}` cannot be an output");
                return Err(TaskError::permanent("bad_output", message));
            }
            match value {
                Some(value) if port_type == PortType::Value => ctx.write_value(&port, value)?,
                _ => drop(ctx.output_path(&port, port_type)),
            }
        }
        _ => {}
    }
    Ok(())
}

/// Text from standard error on its way to the log, by lines: the log masks whole lines.
#[derive(Default)]
struct Asides(Vec<u8>);

impl Asides {
    fn write(&mut self, ctx: &Context, text: &[u8]) {
        self.0.extend_from_slice(text);
        if let Some(end) = self.0.iter().rposition(|byte| *byte == b'\n') {
            let rest = self.0.split_off(end + 1);
            self.end(ctx);
            self.0 = rest;
        }
    }

    fn end(&mut self, ctx: &Context) {
        let text = std::mem::take(&mut self.0);
        if !text.is_empty() {
            let text = String::from_utf8_lossy(&text);
            let _ = ctx.attempt_log().line(text.trim_end_matches('\n'));
        }
    }
}

/// The code of a plugin program, in a worker. The process is started with the first task, and again when it had to end.
pub(super) struct ProgramCode {
    source: PluginSource,
    confined_to: Option<Vec<PathBuf>>,
    sluice: PathBuf,
    program: Mutex<Option<Program>>,
}

impl ProgramCode {
    pub(super) fn new(source: PluginSource, confined_to: Option<Vec<PathBuf>>, sluice: PathBuf) -> Self {
        Self { source, confined_to, sluice, program: Mutex::default() }
    }

    /// Starts the program, when it does not run, and tells its kinds then.
    pub(super) fn warm(&self, home: &Path) -> Result<Option<Hello>, Refusal> {
        let mut slot = self.program.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_some() {
            return Ok(None);
        }
        let python_sdk = sdk::python(Some(home))
            .map_err(|source| Refusal::Unreadable { file: home.to_owned(), source })?;
        let start = Start {
            sluice: &self.sluice,
            source: &self.source,
            confined_to: self.confined_to.as_deref(),
            python_sdk: python_sdk.path().to_owned(),
            patience: START,
        };
        let (program, hello) = Program::start(&start)?;
        *slot = Some(program);
        Ok(Some(hello))
    }
}

impl Code for ProgramCode {
    fn ask(&self, kind: &str, about: About, request: &AskRequest) -> Result<Answer, TaskError> {
        let mut slot = self.program.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(program) = slot.as_mut() else { return Ok(Answer::default()) };
        let answer = program.ask(kind, about, request);
        answer.map_err(|broken| {
            *slot = None;
            misbehaved(&self.source.name, &broken, "while it was asked something")
        })
    }

    fn run(&self, kind: &str, ctx: &Context, params: Value) -> Result<(), TaskError> {
        self.warm(ctx.home())?;
        let mut slot = self.program.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(program) = slot.as_mut() else {
            return Err(TaskError::transient("not_started", "the plugin's program is not there"));
        };
        match program.execute(kind, ctx, params) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                // What a failed task started must not stay, and only the program knows it: both go.
                if program.talk.has_children() {
                    *slot = None;
                }
                if error.code == TaskError::CANCELLED {
                    return Err(TaskError::cancelled());
                }
                Err(if self.confined_to.is_some() { super::explain_refused_write(error) } else { error })
            }
            Err(broken) => {
                let error = misbehaved(&program.name, &broken, "in the middle of the task");
                *slot = None;
                Err(error)
            }
        }
    }
}

fn misbehaved(name: &str, broken: &Broken, when: &str) -> TaskError {
    let code = match broken {
        Broken::Garbage(_) => "plugin_garbage",
        Broken::Ended(_) => "plugin_ended",
        Broken::Channel(_) => "plugin_channel",
    };
    let message = match broken {
        Broken::Ended(how) => match how.split_once("; it last wrote:") {
            Some((how, last)) => format!("plugin `{name}` {how} {when}; it last wrote:{last}"),
            None => format!("plugin `{name}` {how} {when}"),
        },
        broken => format!("plugin `{name}` {broken}"),
    };
    TaskError::transient(code, message)
}
