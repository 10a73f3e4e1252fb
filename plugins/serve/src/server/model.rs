//! The bundle in service, and what is said of it.

use std::{panic::AssertUnwindSafe, path::Path, sync::OnceLock};

use serde_json::{Map, Value, json};
use sluicegate_model::{Bundle, FittedTransform, InputType, ModelTask};
use tokio::sync::{Semaphore, watch};

use super::{ServeError, metrics::Metrics};

/// What every request sees.
pub(super) struct Served {
    /// The model's name.
    pub(super) model: String,
    /// Its version.
    pub(super) version: Option<u64>,
    /// BLAKE3 of the bundle.
    pub(super) bundle_hash: String,
    /// What is counted.
    pub(super) metrics: Metrics,
    /// Large requests at a time: one for each core.
    pub(super) cores: Semaphore,
    bundle: OnceLock<Bundle>,
    ready: watch::Sender<bool>,
}

impl Served {
    pub(super) fn new(model: String, version: Option<u64>, bundle_hash: String) -> Self {
        let metrics = Metrics::new(&model, version, &bundle_hash);
        let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (ready, _) = watch::channel(false);
        let cores = Semaphore::new(n_cores);
        Self { model, version, bundle_hash, metrics, cores, bundle: OnceLock::new(), ready }
    }

    /// Loads the bundle and lets it predict a row before anybody may ask it.
    pub(super) fn load(&self, path: &Path) -> Result<(), ServeError> {
        let bundle = Bundle::load(path).map_err(ServeError::Bundle)?;
        self_check(&bundle)?;
        let _ = self.bundle.set(bundle);
        self.ready.send_replace(true);
        Ok(())
    }

    /// The bundle, once it is loaded.
    pub(super) fn bundle(&self) -> Option<&Bundle> {
        self.bundle.get()
    }

    /// The bundle; waits while it is being loaded.
    pub(super) async fn loaded(&self) -> Option<&Bundle> {
        if self.bundle.get().is_none() {
            let _ = self.ready.subscribe().wait_for(|ready| *ready).await;
        }
        self.bundle.get()
    }

    /// Name, version and bundle, as every health reply has them.
    pub(super) fn identity(&self, status: &str) -> Value {
        json!({
            "status": status, "model": self.model, "version": self.version, "bundle": self.bundle_hash,
            "pid": std::process::id(),
        })
    }

    /// What `GET /` says.
    pub(super) fn describe(&self) -> Value {
        let mut description = json!({
            "model": self.model, "version": self.version, "bundle": self.bundle_hash, "ready": self.bundle().is_some(),
            "endpoints": {
                "POST /predict": "rows as JSON objects: {\"rows\": [{…}, …]}, a list of rows, or one row",
                "GET /health/live": "200 while the server runs",
                "GET /health/ready": "200 once the model is loaded",
                "GET /metrics": "Prometheus metrics",
            },
        });
        if let Some(bundle) = self.bundle() {
            let (task, classes) = match &bundle.task {
                ModelTask::Classification { classes } => (
                    "classification",
                    Some(classes.iter().map(sluicegate_model::Label::to_json).collect::<Vec<_>>()),
                ),
                ModelTask::Regression => ("regression", None),
            };
            description["task"] = json!(task);
            description["target"] = json!(bundle.target);
            description["inputs"] = json!(bundle.signature.inputs);
            if let Some(classes) = classes {
                description["classes"] = json!(classes);
            }
        }
        description
    }
}

/// Predicts a row of zeros and known categories: a bundle whose parts do not fit together is found before it is ready.
fn self_check(bundle: &Bundle) -> Result<(), ServeError> {
    let row = sample_row(bundle);
    let predicted = std::panic::catch_unwind(AssertUnwindSafe(|| bundle.predict_rows(&[row])))
        .map_err(|_| ServeError::SelfCheck("it panicked".into()))?;
    let predicted = predicted.map_err(|problems| {
        let messages: Vec<_> = problems.iter().map(|problem| problem.message.as_str()).collect();
        ServeError::SelfCheck(messages.join("; "))
    })?;
    if predicted.to_json_rows().len() == 1 {
        Ok(())
    } else {
        Err(ServeError::SelfCheck("one row does not give one prediction".into()))
    }
}

fn sample_row(bundle: &Bundle) -> Map<String, Value> {
    let category = |name: &str| {
        bundle.transforms.iter().find_map(|transform| match transform {
            FittedTransform::OneHot { column, categories, .. } if column == name => {
                categories.first().cloned()
            }
            FittedTransform::Lookup(lookup) if lookup.column == name => lookup.categories.first().cloned(),
            _ => None,
        })
    };
    let inputs = bundle.signature.inputs.iter();
    inputs
        .map(|input| {
            let value = match input.input_type {
                InputType::Number => json!(0.0),
                InputType::Boolean => json!(false),
                InputType::Text => json!(category(&input.name).unwrap_or_default()),
            };
            (input.name.clone(), value)
        })
        .collect()
}
