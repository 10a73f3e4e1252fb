//! The kind `deploy.docker`.

mod container;
mod daemon;
mod elf;
mod image;
mod memory;

pub use daemon::{DaemonImage, build_daemon_image};

use std::{net::IpAddr, net::SocketAddr};

use bollard::Docker;
use memory::MemoryParam;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use sluicegate_plugin::{
    ContainerId, Context, Deployment, Description, DurationParam, Effect, LogLevel, Placement, Problem,
    Target, Task, TaskError,
};

use crate::{
    health,
    process::{loopback, ready_timeout},
    program::ServerProgram,
    rollout::{self, Candidate, Launch, Look, Request},
};

/// Puts a model into service in a container.
#[derive(Default)]
pub struct DeployDocker {
    /// The server; `sluice-server` beside this program when there is none.
    pub program: Option<ServerProgram>,
}

/// Parameters of `deploy.docker`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DockerParams {
    /// The deployment's name; the workflow's name by default.
    #[serde(default)]
    name: Option<String>,
    /// The model's name in the registry; the workflow's name by default.
    #[serde(default)]
    model: Option<String>,
    /// The address of this host on which the port is published.
    #[serde(default = "loopback")]
    host: IpAddr,
    /// The port of this host; 0 takes a free one.
    #[serde(default)]
    port: u16,
    /// The most memory that the container may use.
    #[serde(default)]
    memory: MemoryParam,
    /// The most processors that the container may use.
    #[serde(default = "one")]
    #[schemars(range(min = 0.01, max = 1024.0))]
    cpus: f64,
    /// How long the server may take to become ready.
    #[serde(default = "ready_timeout")]
    ready_timeout: DurationParam,
}

fn one() -> f64 {
    1.0
}

const DOC: &str = r#"
Serves the bundle over HTTP from a container: `POST /predict`, `GET /health/live`, `GET /health/ready`, `GET /metrics`. The image is
built from nothing but `sluice-server`, the shared libraries it uses and the bundle; no registry is needed. The container
runs as `nobody` on a read-only file system, without capabilities, within `memory` and `cpus`, and comes back when the engine restarts.

```toml
[tasks.release]
uses   = "deploy.docker"
inputs = { model = "register" }
with   = { port = 8080, memory = "256MiB", cpus = 0.5 }
```

The new container must become ready before the old one is stopped; when it does not, it is removed and the old one stays in service.
Two containers cannot publish one port: with a `port` that the old one holds, the new one first shows on a free port that it becomes
ready, then takes over, which leaves the port unanswered for a moment; if it then fails, the old one is started again.

The engine is found by `DOCKER_HOST`, or at `/var/run/docker.sock`.
"#;

impl Task for DeployDocker {
    type Params = DockerParams;

    fn describe(&self) -> Description {
        let [deployment, address] = rollout::outputs();
        Description::new("deploy.docker", "1", "Puts a model into service in a container of its own.")
            .doc(DOC)
            .effect(Effect::Idempotent)
            .placement(Placement::Inline)
            .input(rollout::inputs())
            .output(deployment)
            .output(address)
            .error("no_docker", "No Docker engine answers. Nothing was changed.")
            .error("docker", "The engine refused a step, such as a port that is taken. What was in service stays in service.")
            .error("not_started", "The server's program was not found, or is of another release.")
            .error("not_ready", "The container ended, or was not ready in time. What was in service stays in service.")
            .error("bad_name", "The deployment's or the model's name has characters that a name cannot have.")
            .error("host", "The deployment could not be recorded. Worth another attempt.")
    }

    fn check(&self, params: &DockerParams) -> Vec<Problem> {
        rollout::check_names(params.name.as_deref(), params.model.as_deref())
    }

    fn run(&self, ctx: &Context, params: DockerParams) -> Result<(), TaskError> {
        let program = match &self.program {
            Some(program) => program.clone(),
            None => ServerProgram::find()?,
        };
        let published = SocketAddr::new(params.host, params.port);
        let (memory, cpus) = (params.memory.bytes(), params.cpus);
        let request = Request {
            name: params.name,
            model: params.model,
            target: Target::Docker,
            settings: json!({ "published": published, "memory": memory, "cpus": cpus }),
            ready_timeout: params.ready_timeout.get(),
        };
        rollout::run(ctx, request, &Launcher { program, published, memory, cpus })
    }
}

/// Connects to the engine and lets it answer once.
async fn connect() -> Result<Docker, TaskError> {
    let no_docker = |error: bollard::errors::Error| {
        TaskError::permanent("no_docker", format!("no Docker engine answers: {error}"))
            .hint("start Docker, or set DOCKER_HOST; `deploy.process` needs none")
    };
    let docker = Docker::connect_with_defaults().map_err(no_docker)?;
    docker.ping().await.map_err(no_docker)?;
    Ok(docker)
}

/// An error of the engine, such as `refused("create the container")`.
fn refused(step: &str) -> impl FnOnce(bollard::errors::Error) -> TaskError {
    move |error| TaskError::transient("docker", format!("the Docker engine could not {step}: {error}"))
}

struct Launcher {
    program: ServerProgram,
    published: SocketAddr,
    memory: i64,
    cpus: f64,
}

impl Launch for Launcher {
    async fn launch(&self, candidate: &mut Candidate<'_>) -> Result<(), TaskError> {
        let docker = connect().await?;
        let image = image::prepare(&docker, candidate, &self.program).await?;
        let name = container::name(candidate.ctx.home(), &candidate.record);
        candidate.record.container = Some(ContainerId { name, id: String::new(), image });
        candidate.save()?;
        let holders: Vec<_> =
            candidate.in_service.iter().filter(|old| self.holds_port(old)).cloned().collect();
        if holders.is_empty() {
            self.start(&docker, candidate, self.published).await?;
        } else {
            self.start(&docker, candidate, SocketAddr::new(self.published.ip(), 0)).await?;
            candidate.ctx.info("ready on a free port; now it takes over the port of the old one");
            self.take_over(&docker, candidate, &holders).await?;
        }
        container::keep_alive(&docker, &candidate.record).await
    }
}

impl Launcher {
    /// Tells whether an older generation holds the port that is asked for.
    fn holds_port(&self, old: &Deployment) -> bool {
        let port = old.address.rsplit(':').next().and_then(|port| port.parse().ok());
        self.published.port() != 0 && old.target == Target::Docker && port == Some(self.published.port())
    }

    /// Starts a container and waits until it is ready.
    async fn start(
        &self,
        docker: &Docker,
        candidate: &mut Candidate<'_>,
        published: SocketAddr,
    ) -> Result<(), TaskError> {
        let options =
            container::Options { args: &self.program.args, published, memory: self.memory, cpus: self.cpus };
        let id = container::create(docker, candidate, &options).await?;
        if let Some(container) = &mut candidate.record.container {
            container.id.clone_from(&id);
        }
        candidate.save()?;
        docker
            .start_container(&id, None::<container::StartOptions>)
            .await
            .map_err(refused("start the container"))?;
        let bundle = candidate.record.bundle.clone();
        let look = async || {
            let Some(address) = container::address(docker, &id).await? else {
                return Err(container::ended(docker, &id).await);
            };
            Ok(match health::ready(&address).await {
                Ok(identity) if identity.bundle == bundle => Look::Found(address),
                Ok(_) => Look::NotYet(format!("another program answers at {address}")),
                Err(seen) => Look::NotYet(seen),
            })
        };
        let ready = candidate.wait(look).await;
        candidate.record.address = ready?;
        Ok(())
    }

    /// Stops the containers that hold the port and starts the candidate on it; starts them again when that fails.
    async fn take_over(
        &self,
        docker: &Docker,
        candidate: &mut Candidate<'_>,
        holders: &[Deployment],
    ) -> Result<(), TaskError> {
        container::remove(docker, &candidate.record).await?;
        for old in holders {
            container::halt(docker, old).await?;
        }
        let Err(error) = self.start(docker, candidate, self.published).await else { return Ok(()) };
        container::remove(docker, &candidate.record).await?;
        for old in holders {
            if let Err(also) = container::start_again(docker, old).await {
                candidate.ctx.log(
                    LogLevel::Error,
                    &format!("generation {} cannot be started again: {also}", old.generation),
                );
            }
        }
        Err(error)
    }
}

/// Tells whether the container of a record runs. An engine that does not answer runs nothing.
pub(crate) async fn runs(deployment: &Deployment) -> bool {
    let Ok(docker) = connect().await else { return false };
    container::runs(&docker, deployment).await
}

/// Stops and removes the container of a record, and its image when no other container uses it.
pub(crate) async fn take_down(deployment: &Deployment) -> Result<(), TaskError> {
    let Some(container) = &deployment.container else { return Ok(()) };
    let docker = connect().await?;
    container::halt(&docker, deployment).await?;
    container::remove(&docker, deployment).await?;
    image::remove_unused(&docker, &container.image).await;
    Ok(())
}
