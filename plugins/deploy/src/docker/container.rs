//! One container: created within limits, watched, stopped, removed.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use bollard::{
    Docker,
    errors::Error,
    models::{
        ContainerCreateBody, ContainerUpdateBody, HostConfig, PortBinding, RestartPolicy,
        RestartPolicyNameEnum,
    },
    query_parameters::{
        CreateContainerOptions, InspectContainerOptions, LogsOptions, RemoveContainerOptions,
        StopContainerOptions,
    },
};
use futures_util::StreamExt;
use sluicegate_plugin::{Deployment, TaskError};
use sluicegate_serve::ServerArguments;

use super::{image, refused};
use crate::{process::reachable, rollout::Candidate};

pub(super) use bollard::query_parameters::StartContainerOptions as StartOptions;

/// The server's port inside the container.
const PORT: u16 = 8080;

/// `nobody`, who owns nothing.
const USER: &str = "65534:65534";

/// The most processes and threads; the server needs a few a core.
const MAX_PROCESSES: i64 = 512;

/// Seconds that the server has to end its requests before it is killed.
const GRACE: i32 = 6;

/// How a container is run.
pub(super) struct Options<'a> {
    /// The first arguments of the server.
    pub(super) args: &'a [String],
    /// Where its port is published on this host; port 0 takes a free one.
    pub(super) published: SocketAddr,
    /// Bytes.
    pub(super) memory: i64,
    /// Processors.
    pub(super) cpus: f64,
}

/// The container's name: that of the deployment with its generation, and a part that tells two projects apart.
pub(super) fn name(home: &Path, record: &Deployment) -> String {
    let project = blake3::hash(home.as_os_str().as_encoded_bytes()).to_hex();
    format!("sluicegate-{}-{}-{}", record.name, record.generation, &project[..8])
}

fn name_of(record: &Deployment) -> &str {
    record.container.as_ref().map_or("", |container| &container.name)
}

/// Creates the candidate's container and returns its id.
pub(super) async fn create(
    docker: &Docker,
    candidate: &Candidate<'_>,
    options: &Options<'_>,
) -> Result<String, TaskError> {
    let record = &candidate.record;
    let Some(container) = &record.container else {
        return Err(TaskError::permanent("docker", "the container has no name yet"));
    };
    let body = ContainerCreateBody {
        image: Some(container.image.clone()),
        cmd: Some(command(record, options)),
        user: Some(USER.into()),
        exposed_ports: Some(vec![inside()]),
        labels: Some(labels(candidate)),
        host_config: Some(limits(options)),
        ..Default::default()
    };
    let created = CreateContainerOptions { name: Some(container.name.clone()), ..Default::default() };
    Ok(docker.create_container(Some(created), body).await.map_err(refused("create the container"))?.id)
}

fn inside() -> String {
    format!("{PORT}/tcp")
}

fn command(record: &Deployment, options: &Options<'_>) -> Vec<String> {
    let mut command = vec![image::SERVER.to_owned()];
    command.extend_from_slice(options.args);
    let arguments = ServerArguments {
        bundle: Path::new(image::BUNDLE),
        bundle_hash: &record.bundle,
        name: &record.model,
        version: record.version,
        bind: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), PORT),
    };
    command.extend(arguments.to_list().iter().map(|argument| argument.to_string_lossy().into_owned()));
    command
}

fn labels(candidate: &Candidate<'_>) -> HashMap<String, String> {
    let record = &candidate.record;
    let version = record.version.map_or(String::new(), |version| version.to_string());
    [
        ("deployment", record.name.clone()),
        ("generation", record.generation.to_string()),
        ("model", record.model.clone()),
        ("version", version),
        ("bundle", record.bundle.clone()),
        ("run", record.run_id.clone()),
        ("home", candidate.ctx.home().display().to_string()),
    ]
    .map(|(name, value)| (format!("sluicegate.{name}"), value))
    .into()
}

fn limits(options: &Options<'_>) -> HostConfig {
    let host_port = Some(match options.published.port() {
        0 => String::new(),
        port => port.to_string(),
    });
    let binding = PortBinding { host_ip: Some(options.published.ip().to_string()), host_port };
    #[expect(clippy::cast_possible_truncation, reason = "at most 1024 processors are 1e12 billionths")]
    let nano_cpus = (options.cpus * 1e9) as i64;
    HostConfig {
        port_bindings: Some([(inside(), Some(vec![binding]))].into()),
        memory: Some(options.memory),
        // No swap beside the memory.
        memory_swap: Some(options.memory),
        nano_cpus: Some(nano_cpus),
        pids_limit: Some(MAX_PROCESSES),
        readonly_rootfs: Some(true),
        cap_drop: Some(vec!["ALL".into()]),
        security_opt: Some(vec!["no-new-privileges".into()]),
        ..Default::default()
    }
}

/// Where the container answers; `None` when it does not run.
pub(super) async fn address(docker: &Docker, id: &str) -> Result<Option<String>, TaskError> {
    let seen = docker
        .inspect_container(id, None::<InspectContainerOptions>)
        .await
        .map_err(refused("look at the container"))?;
    if seen.state.and_then(|state| state.running) != Some(true) {
        return Ok(None);
    }
    let bindings = seen.network_settings.and_then(|network| network.ports?.remove(&inside())?);
    let binding = bindings.into_iter().flatten().next();
    let parsed = binding.and_then(|binding| {
        Some(SocketAddr::new(binding.host_ip?.parse().ok()?, binding.host_port?.parse().ok()?))
    });
    match parsed {
        Some(address) => Ok(Some(reachable(address))),
        None => Err(TaskError::transient("docker", "the Docker engine did not publish the container's port")),
    }
}

/// Why a container ended, with the end of its log.
pub(super) async fn ended(docker: &Docker, id: &str) -> TaskError {
    let state =
        docker.inspect_container(id, None::<InspectContainerOptions>).await.ok().and_then(|seen| seen.state);
    let how = match &state {
        Some(state) if state.oom_killed == Some(true) => "was killed for lack of memory".to_owned(),
        Some(state) => format!("ended with exit code {}", state.exit_code.unwrap_or_default()),
        None => "disappeared".to_owned(),
    };
    let log = log_end(docker, id).await;
    let colon = if log.is_empty() { "" } else { ": " };
    TaskError::permanent("not_ready", format!("the container {how} before it was ready{colon}{log}"))
}

async fn log_end(docker: &Docker, id: &str) -> String {
    let options = LogsOptions { stdout: true, stderr: true, tail: "5".into(), ..Default::default() };
    let lines: Vec<_> = docker.logs(id, Some(options)).collect().await;
    let lines = lines.into_iter().flatten().map(|line| line.to_string().trim().to_owned());
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// Lets a container that became ready come back when the engine restarts or when it dies.
pub(super) async fn keep_alive(docker: &Docker, record: &Deployment) -> Result<(), TaskError> {
    let policy =
        RestartPolicy { name: Some(RestartPolicyNameEnum::UNLESS_STOPPED), maximum_retry_count: None };
    let update = ContainerUpdateBody { restart_policy: Some(policy), ..Default::default() };
    docker
        .update_container(name_of(record), update)
        .await
        .map_err(refused("set the container's restart policy"))
}

/// Tells whether a container runs.
pub(super) async fn runs(docker: &Docker, record: &Deployment) -> bool {
    let seen = docker.inspect_container(name_of(record), None::<InspectContainerOptions>).await;
    seen.ok().and_then(|seen| seen.state?.running).unwrap_or(false)
}

/// Stops a container; one that does not run, or is gone, is fine.
pub(super) async fn halt(docker: &Docker, record: &Deployment) -> Result<(), TaskError> {
    let options = StopContainerOptions { t: Some(GRACE), ..Default::default() };
    gone(docker.stop_container(name_of(record), Some(options)).await).map_err(refused("stop the container"))
}

/// Starts a container that was stopped.
pub(super) async fn start_again(docker: &Docker, record: &Deployment) -> Result<(), TaskError> {
    docker
        .start_container(name_of(record), None::<StartOptions>)
        .await
        .map_err(refused("start the old container again"))
}

/// Removes a container; one that is gone is fine.
pub(super) async fn remove(docker: &Docker, record: &Deployment) -> Result<(), TaskError> {
    let options = RemoveContainerOptions { force: true, ..Default::default() };
    gone(docker.remove_container(name_of(record), Some(options)).await)
        .map_err(refused("remove the container"))
}

fn gone(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(Error::DockerResponseServerError { status_code: 304 | 404, .. }) => Ok(()),
        other => other,
    }
}
