//! `deployments list|show|stop`.

use serde_json::{Value, json};
use sluicegate_plugin::{Deployment, DeploymentState, Target};

use super::{
    args::{DeploymentArgs, DeploymentsCommand, DeploymentsListArgs, Format},
    exit::Exit,
    out::{Out, Style},
    table::{TextTable, local, rfc3339},
};
use crate::{
    app::{App, AppError, DeploymentHealth},
    run::Timestamp,
};

pub(super) fn deployments(app: &App, command: DeploymentsCommand, out: &mut Out) -> Result<Exit, AppError> {
    match command {
        DeploymentsCommand::List(args) => list(app, &args, out),
        DeploymentsCommand::Show(args) => show(app, &args, out),
        DeploymentsCommand::Rollback(args) => roll_back(app, &args, out),
        DeploymentsCommand::Stop(args) => stop(app, &args, out),
    }
}

fn in_service(deployment: &Deployment) -> bool {
    matches!(deployment.state, DeploymentState::Starting | DeploymentState::Ready)
}

/// What a deployment is now: its record, or what it says of itself when it should be in service.
fn state_now(app: &App, deployment: &Deployment) -> Result<(Style, &'static str), AppError> {
    Ok(match deployment.state {
        DeploymentState::Stopped => (Style::Dim, "stopped"),
        DeploymentState::Failed => (Style::Bad, "failed"),
        DeploymentState::Starting | DeploymentState::Ready => match app.probe(deployment)? {
            DeploymentHealth::Ready => (Style::Good, "ready"),
            DeploymentHealth::Alive => (Style::Warn, "not ready"),
            DeploymentHealth::Gone => (Style::Bad, "gone"),
        },
    })
}

fn print(app: &App, deployments: &[Deployment], format: Format, out: &mut Out) -> Result<Exit, AppError> {
    if format == Format::Json {
        let values: Result<Vec<_>, _> =
            deployments.iter().map(|deployment| to_json(app, deployment)).collect();
        out.json(&values?);
        return Ok(Exit::Succeeded);
    }
    let mut table = TextTable::new(&["DEPLOYMENT", "STATE", "MODEL", "TARGET", "ADDRESS", "SINCE"]);
    for deployment in deployments {
        let (style, state) = state_now(app, deployment)?;
        let version = deployment.version.map(|version| format!(" v{version}")).unwrap_or_default();
        table.row(vec![
            (Style::Plain, format!("{} #{}", deployment.name, deployment.generation)),
            (style, state.into()),
            (Style::Plain, format!("{}{version}", deployment.model)),
            (Style::Plain, target(deployment).into()),
            (Style::Plain, deployment.address.clone()),
            (Style::Dim, local(Timestamp(deployment.updated_at))),
        ]);
    }
    table.print(out);
    Ok(Exit::Succeeded)
}

fn target(deployment: &Deployment) -> &'static str {
    match deployment.target {
        Target::Process => "process",
        Target::Docker => "docker",
    }
}

fn to_json(app: &App, deployment: &Deployment) -> Result<Value, AppError> {
    let mut value = json!(deployment);
    value["state"] = json!(state_now(app, deployment)?.1);
    value["updated_at"] = json!(rfc3339(Timestamp(deployment.updated_at)));
    Ok(value)
}

fn list(app: &App, args: &DeploymentsListArgs, out: &mut Out) -> Result<Exit, AppError> {
    let mut found = app.deployments()?;
    found.retain(|deployment| args.all || in_service(deployment));
    if found.is_empty() && args.format.format == Format::Text {
        out.line("nothing is deployed; a `deploy.process` or `deploy.docker` task in a workflow does it");
        return Ok(Exit::Succeeded);
    }
    print(app, &found, args.format.format, out)
}

fn show(app: &App, args: &DeploymentArgs, out: &mut Out) -> Result<Exit, AppError> {
    let mut found = app.deployment(&args.name)?;
    found.reverse();
    print(app, &found, args.format.format, out)
}

fn roll_back(app: &App, args: &DeploymentArgs, out: &mut Out) -> Result<Exit, AppError> {
    let now = app.roll_back_deployment(&args.name)?;
    if args.format.format == Format::Json {
        out.json(&now);
        return Ok(Exit::Succeeded);
    }
    let version = now.version.map(|version| format!(" v{version}")).unwrap_or_default();
    let (name, generation) = (&now.name, now.generation);
    out.line(&format!("`{name}` #{generation} serves {}{version} at {}", now.model, now.address));
    Ok(Exit::Succeeded)
}

fn stop(app: &App, args: &DeploymentArgs, out: &mut Out) -> Result<Exit, AppError> {
    let stopped = app.stop_deployment(&args.name)?;
    if args.format.format == Format::Json {
        out.json(&stopped.iter().map(|stopped| json!({ "name": stopped.deployment.name, "generation": stopped.deployment.generation })).collect::<Vec<_>>());
        return Ok(Exit::Succeeded);
    }
    for stopped in &stopped {
        let deployment = &stopped.deployment;
        out.line(&format!(
            "stopped `{}` #{} at {}",
            deployment.name, deployment.generation, deployment.address
        ));
    }
    if stopped.is_empty() {
        out.line(&format!("`{}` is not in service", args.name));
    }
    Ok(Exit::Succeeded)
}
