//! Back to the model that was in service before.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;
use sluicegate_plugin::{
    AttemptSpec, Context, ContextOptions, Deployment, DeploymentState, Host, Input, Kind, PortType,
    Resources, RunInfo, Target, TaskError,
};

use crate::{DeployDocker, DeployProcess};

/// Puts the model that was in service before the present one back into service, with the present settings, as a new
/// generation. Returns what is in service then. Two rollbacks in a row end where they began.
///
/// `artifact` tells where the content with a hash is.
///
/// # Errors
///
/// `not_in_service`: nothing of this name is. `nothing_before`: it has had one model only. `not_repeatable`: what is in
/// service was deployed by a release that did not record how. Else the errors of the kind; what was in service then
/// stays.
pub fn roll_back(
    home: &Path,
    host: Arc<dyn Host>,
    name: &str,
    artifact: impl Fn(&str) -> PathBuf,
) -> Result<Deployment, TaskError> {
    let known = host.deployments(name)?;
    let present = in_service(&known, name)?;
    let before = known
        .iter()
        .rev()
        .find(|record| {
            record.generation < present.generation
                && record.state == DeploymentState::Stopped
                && record.bundle != present.bundle
        })
        .ok_or_else(|| {
            let what = format!("`{name}` has served one model only: there is nothing to go back to");
            TaskError::permanent("nothing_before", what)
        })?;
    let bundle = artifact(&before.bundle);
    if !bundle.is_file() {
        let what =
            format!("the bundle of generation {} is not among the artifacts any more", before.generation);
        return Err(TaskError::permanent("nothing_before", what).hint("train and deploy the model again"));
    }
    if present.params.is_null() {
        let what =
            format!("generation {} was deployed by a release that did not record how", present.generation);
        return Err(
            TaskError::permanent("not_repeatable", what).hint("run its workflow once more, then roll back")
        );
    }
    deploy(home, host.clone(), present, before, bundle)?;
    in_service(&host.deployments(name)?, name).cloned()
}

fn in_service<'a>(known: &'a [Deployment], name: &str) -> Result<&'a Deployment, TaskError> {
    let ready = known.iter().rev().find(|record| record.state == DeploymentState::Ready);
    ready.ok_or_else(|| {
        TaskError::permanent("not_in_service", format!("`{name}` is not in service"))
            .hint("run the workflow that deploys it")
    })
}

/// Runs the kind that deployed the present generation, with its parameters and another bundle.
fn deploy(
    home: &Path,
    host: Arc<dyn Host>,
    present: &Deployment,
    before: &Deployment,
    bundle: PathBuf,
) -> Result<(), TaskError> {
    let kind: &dyn Kind = match present.target {
        Target::Process => &DeployProcess::default(),
        Target::Docker => &DeployDocker::default(),
    };
    let mut params = present.params.clone();
    // A model of another name may have been in service before.
    params["model"] = Value::from(before.model.clone());
    let attempt_dir = home.join("deployments").join(&present.name).join("rollback");
    let input = Input { port_type: PortType::Model, hash: before.bundle.clone(), path: bundle, value: None };
    let spec = AttemptSpec {
        run: RunInfo {
            run_id: before.run_id.clone(),
            workflow: present.name.clone(),
            task: "rollback".into(),
            attempt: 1,
            attempt_id: format!("rollback-{}", present.generation),
        },
        kind: kind.describe().name,
        plugin: None,
        params: params.clone(),
        inputs: BTreeMap::from([("model".to_owned(), input)]),
        references: BTreeMap::new(),
        timeout: None,
        env: BTreeMap::new(),
        resources: Resources::default(),
        secrets: BTreeMap::new(),
        base_dir: home.to_owned(),
        attempt_dir: attempt_dir.clone(),
        home: home.to_owned(),
    };
    let options = ContextOptions { host: Some(host), ..ContextOptions::default() };
    let done = kind.run(&Context::new(spec, options), params);
    // Its outputs are for tasks that come after it, and none does. The log beside it stays.
    let _ = std::fs::remove_dir_all(&attempt_dir);
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MemoryHost;

    fn record(generation: u64, bundle: &str, state: DeploymentState, params: Value) -> Deployment {
        Deployment {
            name: "d".into(),
            generation,
            target: Target::Process,
            model: "m".into(),
            version: Some(generation),
            bundle: bundle.into(),
            settings: String::new(),
            params,
            address: String::new(),
            state,
            process: None,
            container: None,
            run_id: "r".into(),
            updated_at: 0,
        }
    }

    fn refusal(records: Vec<Deployment>) -> String {
        let folder = tempfile::tempdir().unwrap();
        let host = MemoryHost::default();
        *host.deployments.lock().unwrap() = records;
        let artifact = |hash: &str| folder.path().join(hash);
        std::fs::write(artifact("kept"), "").unwrap();
        roll_back(folder.path(), Arc::new(host), "d", artifact).unwrap_err().code
    }

    #[test]
    fn there_must_be_something_to_go_back_to() {
        use DeploymentState::{Failed, Ready, Stopped};
        let params = || serde_json::json!({});
        assert_eq!(refusal(Vec::new()), "not_in_service");
        assert_eq!(refusal(vec![record(1, "kept", Stopped, params())]), "not_in_service");
        assert_eq!(refusal(vec![record(1, "kept", Ready, params())]), "nothing_before");
        // The same model with other settings, and one that never was in service, are nothing before.
        let same = vec![
            record(1, "kept", Stopped, params()),
            record(2, "never", Failed, params()),
            record(3, "kept", Ready, params()),
        ];
        assert_eq!(refusal(same), "nothing_before");
        let gone = vec![record(1, "gone", Stopped, params()), record(2, "kept", Ready, params())];
        assert_eq!(refusal(gone), "nothing_before");
        let old = vec![record(1, "kept", Stopped, params()), record(2, "new", Ready, Value::Null)];
        assert_eq!(refusal(old), "not_repeatable");
    }
}
