//! The kind `deploy.process`.

use std::{
    fs::File,
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use sluicegate_plugin::{
    Context, Deployment, Description, DurationParam, Effect, Placement, Problem, ProcessId, Target, Task,
    TaskError,
};
use sluicegate_serve::{ServerArguments, reachable_ip};

use crate::{
    health,
    program::ServerProgram,
    rollout::{self, Candidate, Launch, Look, Request},
};

/// How long a server has to end its requests before it is killed; a little more than it gives itself.
const GRACE: Duration = Duration::from_secs(6);

/// What of the orchestrator's environment a server sees: nothing that could be a secret.
const ENVIRONMENT: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "RUST_LOG"];

/// Puts a model into service as a process of its own.
#[derive(Default)]
pub struct DeployProcess {
    /// The server; `sluice-server` beside this program when there is none.
    pub program: Option<ServerProgram>,
}

/// Parameters of `deploy.process`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcessParams {
    /// The deployment's name; the workflow's name by default.
    #[serde(default)]
    name: Option<String>,
    /// The model's name in the registry; the workflow's name by default.
    #[serde(default)]
    model: Option<String>,
    /// The address to listen on.
    #[serde(default = "loopback")]
    host: IpAddr,
    /// The port to listen on; 0 takes a free one.
    #[serde(default)]
    port: u16,
    /// How long the server may take to become ready.
    #[serde(default = "ready_timeout")]
    ready_timeout: DurationParam,
}

pub(crate) fn loopback() -> IpAddr {
    Ipv4Addr::LOCALHOST.into()
}

pub(crate) fn ready_timeout() -> DurationParam {
    DurationParam::from_millis(30_000)
}

const DOC: &str = r#"
Serves the bundle over HTTP from a process of its own, which goes on when the run ends: `POST /predict`, `GET /health/live`,
`GET /health/ready`, `GET /metrics`. The new generation is started and must become ready before the one before it is stopped;
when it does not, it is removed and the old one stays in service. A model that is in service already, with the same settings, is
left alone.

```toml
[tasks.release]
uses   = "deploy.process"
inputs = { model = "register" }
with   = { port = 8080 }
```

On a port that is given, both generations listen for a moment, so that no request is refused. The server's log is
`deployments/NAME/GENERATION/server.log` in the folder of the state. It does not see the orchestrator's environment. After a
restart of the machine it has to be deployed again; `deploy.docker` comes back by itself.
"#;

impl Task for DeployProcess {
    type Params = ProcessParams;

    fn describe(&self) -> Description {
        let [deployment, address] = rollout::outputs();
        Description::new("deploy.process", "1", "Puts a model into service as a process of its own.")
            .doc(DOC)
            .effect(Effect::Idempotent)
            .placement(Placement::Inline)
            .input(rollout::inputs())
            .output(deployment)
            .output(address)
            .error(
                "not_ready",
                "The server ended, or was not ready in time. What was in service stays in service.",
            )
            .error("not_started", "The server's program could not be started.")
            .error("bad_name", "The deployment's or the model's name has characters that a name cannot have.")
            .error("host", "The deployment could not be recorded. Worth another attempt.")
    }

    fn check(&self, params: &ProcessParams) -> Vec<Problem> {
        rollout::check_names(params.name.as_deref(), params.model.as_deref())
    }

    fn run(&self, ctx: &Context, params: ProcessParams) -> Result<(), TaskError> {
        let program = match &self.program {
            Some(program) => program.clone(),
            None => ServerProgram::find()?,
        };
        let bind = SocketAddr::new(params.host, params.port);
        let request = Request {
            name: params.name,
            model: params.model,
            target: Target::Process,
            settings: json!({ "bind": bind }),
            ready_timeout: params.ready_timeout.get(),
        };
        rollout::run(ctx, request, &Launcher { program, bind })
    }
}

struct Launcher {
    program: ServerProgram,
    bind: SocketAddr,
}

impl Launch for Launcher {
    async fn launch(&self, candidate: &mut Candidate<'_>) -> Result<(), TaskError> {
        let mut child = self.start(candidate)?;
        candidate.record.process = ProcessId::of(child.id());
        candidate.save()?;
        let pid = child.id();
        let address_file = address_file(&candidate.folder);
        let look = async || {
            if let Ok(Some(status)) = child.try_wait() {
                let message = format!(
                    "the server ended with {status} before it was ready{}",
                    log_end(&candidate.folder)
                );
                return Err(TaskError::permanent("not_ready", message));
            }
            let Some(address) =
                std::fs::read_to_string(&address_file).ok().and_then(|text| text.trim().parse().ok())
            else {
                return Ok(Look::NotYet("it does not listen yet".into()));
            };
            let address = reachable(address);
            Ok(match health::ready(&address).await {
                Ok(identity) if identity.pid == pid => Look::Found(address),
                Ok(_) => Look::NotYet(format!("another process answers at {address}")),
                Err(seen) => Look::NotYet(seen),
            })
        };
        let ready = candidate.wait(look).await;
        if ready.is_err() {
            let _ = child.kill();
        }
        // Whenever it ends, it is reaped for as long as this process lives.
        std::thread::spawn(move || child.wait());
        candidate.record.address = ready?;
        Ok(())
    }
}

impl Launcher {
    fn start(&self, candidate: &Candidate<'_>) -> Result<Child, TaskError> {
        let folder = &candidate.folder;
        std::fs::create_dir_all(folder).map_err(|e| TaskError::io("create", folder, &e))?;
        let bundle = folder.join("model.bundle");
        link(&candidate.bundle()?, &bundle)?;
        let log_path = log_file(folder);
        let log = File::create(&log_path).map_err(|e| TaskError::io("create", &log_path, &e))?;
        let errors = log.try_clone().map_err(|e| TaskError::io("open", &log_path, &e))?;
        let record = &candidate.record;
        let arguments = ServerArguments {
            bundle: &bundle,
            bundle_hash: &record.bundle,
            name: &record.model,
            version: record.version,
            bind: self.bind,
        };
        let mut command = Command::new(&self.program.exe);
        command.args(&self.program.args).arg("--detach").args(arguments.to_list());
        command.arg("--address-file").arg(address_file(folder));
        command.env_clear();
        command.envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.current_dir(folder).stdin(Stdio::null()).stdout(log).stderr(errors);
        command
            .spawn()
            .map_err(|error| TaskError::permanent("not_started", self.program.cannot("start", &error)))
    }
}

/// Where a server that listens at `address` is reached from this host.
pub(crate) fn reachable(address: SocketAddr) -> String {
    format!("http://{}", SocketAddr::new(reachable_ip(address.ip()), address.port()))
}

fn address_file(folder: &Path) -> PathBuf {
    folder.join("address")
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("server.log")
}

/// A second name for the bundle, so that no clean-up of artifacts takes it away; a copy where there can be none.
fn link(from: &Path, to: &Path) -> Result<(), TaskError> {
    match std::fs::remove_file(to) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(TaskError::io("replace", to, &error));
        }
        _ => {}
    }
    if std::fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    std::fs::copy(from, to).map(drop).map_err(|e| TaskError::io("copy the bundle to", to, &e))
}

/// The end of a server's log, to follow a message.
fn log_end(folder: &Path) -> String {
    let log = std::fs::read_to_string(log_file(folder)).unwrap_or_default();
    let lines: Vec<_> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines.iter().skip(lines.len().saturating_sub(5)).map(|line| line.trim());
    match last.collect::<Vec<_>>().join("; ") {
        end if end.is_empty() => String::new(),
        end => format!(": {end}"),
    }
}

/// Stops the process of a record, if it lives, and removes its bundle. The log stays.
pub(crate) async fn take_down(folder: &Path, deployment: &Deployment) -> Result<(), TaskError> {
    let recorded = deployment.process.clone().filter(ProcessId::is_alive);
    let found = recorded.or_else(|| find_server(folder));
    if let Some(process) = found {
        terminate(&process).await?;
    }
    for name in ["model.bundle", "address"] {
        let path = folder.join(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(TaskError::io("remove", &path, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The server of a folder, by its command line: for a record that was written before its process was known.
fn find_server(folder: &Path) -> Option<ProcessId> {
    let wanted = address_file(folder);
    let wanted = wanted.as_os_str().as_bytes();
    std::fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let command = std::fs::read(entry.path().join("cmdline")).ok()?;
        command.split(|byte| *byte == 0).any(|argument| argument == wanted).then(|| ProcessId::of(pid))?
    })
}

/// Asks a process to end, and kills it when it does not.
async fn terminate(process: &ProcessId) -> Result<(), TaskError> {
    for (asked, patience) in [(Signal::TERM, GRACE), (Signal::KILL, GRACE)] {
        signal(process, asked);
        let start = Instant::now();
        while start.elapsed() < patience {
            if !process.is_alive() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Err(TaskError::transient("not_stopped", format!("process {} does not end", process.pid)))
}

/// Sends a signal to this very process, never to a later one with its number.
fn signal(process: &ProcessId, signal: Signal) {
    let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else { return };
    let held = pidfd_open(pid, PidfdFlags::empty());
    if process.is_alive() {
        let _ = match held {
            Ok(held) => pidfd_send_signal(held, signal),
            // Sandboxes without pidfds: the moment between look and signal stays.
            Err(_) => kill_process(pid, signal),
        };
    }
}
