//! Deployments, as commands see them.

use hyper::Method;
use serde_json::{Value, json};
use sluicegate_deploy::{DaemonImage, DeploymentHealth, build_daemon_image, probe, roll_back, stop};
use sluicegate_plugin::{Deployment, DeploymentState};

use super::{App, AppError};

/// A deployment that was taken out of service.
pub struct StoppedDeployment {
    /// Its record before.
    pub deployment: Deployment,
}

impl App {
    /// Every recorded generation of every deployment, oldest first.
    pub fn deployments(&self) -> Result<Vec<Deployment>, AppError> {
        if !self.has_state() {
            return Ok(Vec::new());
        }
        if let Some(reply) = self.ask_daemon(Method::GET, "/api/v1/local/deployments", None)? {
            return serde_json::from_value(reply).map_err(|error| AppError::Internal(error.to_string()));
        }
        Ok(self.store()?.deployments(None)?)
    }

    /// The recorded generations of one deployment, oldest first.
    pub fn deployment(&self, name: &str) -> Result<Vec<Deployment>, AppError> {
        let all = self.deployments()?;
        let found: Vec<_> = all.iter().filter(|deployment| deployment.name == name).cloned().collect();
        if found.is_empty() {
            let near =
                sluicegate_plugin::nearest(name, all.iter().map(|deployment| deployment.name.as_str()));
            return Err(AppError::NotFound {
                message: format!("no deployment is named `{name}`"),
                hint: near.map_or("`sluice deployments list` lists them".into(), |near| {
                    format!("did you mean `{near}`?")
                }),
            });
        }
        Ok(found)
    }

    /// How a deployment is now, asked of itself.
    pub fn probe(&self, deployment: &Deployment) -> Result<DeploymentHealth, AppError> {
        Ok(probe(deployment)?)
    }

    /// Builds a container image of the daemon, and returns its size in bytes.
    pub fn build_image(&self, name: &str, base: Option<&str>) -> Result<u64, AppError> {
        Ok(build_daemon_image(&DaemonImage { name: name.into(), base: base.map(Into::into) })?)
    }

    /// Puts the model that was in service before back into service. Returns what is in service then.
    pub fn roll_back_deployment(&self, name: &str) -> Result<Deployment, AppError> {
        self.deployment(name)?;
        let path = format!("/api/v1/deployments/{name}/rollback");
        if self.ask_daemon(Method::POST, &path, Some(&json!({})))?.is_some() {
            let known = self.deployment(name)?;
            let ready = known.into_iter().rev().find(|found| found.state == DeploymentState::Ready);
            return ready.ok_or_else(|| AppError::Internal(format!("`{name}` is not in service after all")));
        }
        let store = self.store()?;
        let artifacts = self.artifacts()?;
        Ok(roll_back(&self.home, self.host(&store), name, |hash| artifacts.path(hash))?)
    }

    /// Takes a deployment out of service.
    pub fn stop_deployment(&self, name: &str) -> Result<Vec<StoppedDeployment>, AppError> {
        let found = self.deployment(name)?;
        let path = format!("/api/v1/deployments/{name}/stop");
        if let Some(reply) = self.ask_daemon(Method::POST, &path, Some(&json!({})))? {
            let stopped: Vec<u64> =
                reply["generations"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
            let stopped = found.into_iter().filter(|deployment| stopped.contains(&deployment.generation));
            return Ok(stopped.map(|deployment| StoppedDeployment { deployment }).collect());
        }
        let store = self.store()?;
        let host = self.host(&store);
        let mut stopped = Vec::new();
        for deployment in found {
            if matches!(deployment.state, DeploymentState::Ready | DeploymentState::Starting) {
                stop(&self.home, host.as_ref(), &deployment)?;
                stopped.push(StoppedDeployment { deployment });
            }
        }
        Ok(stopped)
    }
}
