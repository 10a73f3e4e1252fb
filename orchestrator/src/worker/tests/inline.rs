//! Attempts on a thread of the orchestrator.

use std::sync::Arc;

use serde_json::{Value, json};
use sluicegate_plugin::{AliasMove, Deployment, Host, HostError, ModelVersion, Registration, Selector};
use tempfile::TempDir;

use super::{
    trial::{Trial, until},
    yard::{failed, spec},
};
use crate::{
    artifact::ArtifactStore,
    run::AttemptResult,
    worker::{AttemptControl, AttemptReport, InlineAttempt, StopReason, read_outcome, run_inline},
};

pub(super) struct NoHost;

impl Host for NoHost {
    fn find_model(&self, _model: &str, _selector: &Selector) -> Result<Option<ModelVersion>, HostError> {
        Ok(None)
    }

    fn register_model(&self, _registration: Registration) -> Result<ModelVersion, HostError> {
        Err(HostError("there is no registry".into()))
    }

    fn move_alias(&self, _step: AliasMove) -> Result<(), HostError> {
        Ok(())
    }

    fn deployments(&self, _name: &str) -> Result<Vec<Deployment>, HostError> {
        Ok(Vec::new())
    }

    fn record_deployment(&self, _deployment: &Deployment) -> Result<(), HostError> {
        Ok(())
    }
}

async fn run(folder: &TempDir, what: Value, control: AttemptControl) -> AttemptReport {
    run_inline(InlineAttempt {
        kind: Arc::new(Trial),
        spec: spec(folder.path(), 1, json!({ "what": what, "value": 3 })),
        host: Arc::new(NoHost),
        artifacts: ArtifactStore::open(&folder.path().join("artifacts")).unwrap(),
        keeps_outcome: true,
        control,
    })
    .await
}

#[tokio::test]
async fn an_inline_task_leaves_outputs_and_an_outcome_as_one_in_a_worker_does() {
    let folder = tempfile::tempdir().unwrap();
    let (control, _handle) = AttemptControl::new(Box::new(|_, _| ()));
    let report = run(&folder, json!("nothing"), control).await;
    let AttemptResult::Succeeded { outcome } = &report.result else { panic!("{report:?}") };
    assert_eq!(outcome.outputs["value"].value, Some(json!(3)));
    assert_eq!(read_outcome(&folder.path().join("attempts/1"), "attempt-1"), Some(report.result));
}

#[tokio::test]
async fn a_panic_inline_is_a_failed_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let (control, _handle) = AttemptControl::new(Box::new(|_, _| ()));
    let error = failed(run(&folder, json!("panic"), control).await);
    assert_eq!(error.code, "panic");
    let log = std::fs::read_to_string(folder.path().join("attempts/1.txt")).unwrap();
    assert!(log.contains("trial.rs:"), "{log}");
}

#[tokio::test]
async fn an_inline_task_hears_that_it_should_stop() {
    let folder = tempfile::tempdir().unwrap();
    let (control, handle) = AttemptControl::new(Box::new(|_, _| ()));
    let waiting = folder.path().join("waiting");
    let stopper = std::thread::spawn(move || {
        until(|| waiting.exists());
        handle.stop(StopReason::TimedOut { after: 2.0 });
    });
    let report = run(&folder, json!("wait"), control).await;
    assert_eq!(report.result, AttemptResult::TimedOut { after: 2.0, stubborn: None });
    stopper.join().unwrap();
}
